//! What a scope has heard of a source, as far as it was applied.
//!
//! Of the default staleness (§4: the source's idle timeout after its last frontier) one deadline for a source stands
//! for all its tags: the frontier moves with every datapoint, and the timer finds that out when it comes. Only where a
//! tag's own deadline lies behind that of its source, because it was applied late, has it a timer of its own.
//!
//! Here: contacts, and who is watched. Not here: which signals go stale (`signals`), the timers (`scope`).
//! Invariant: while a contact is watched, none of its signals goes stale by default before its timer comes.

use crate::inventory::{Inventory, SourceId};
use crate::time::LONG_AGO;

/// A source, as a scope knows it.
#[derive(Debug)]
pub(crate) struct Contact {
    pub(crate) source: SourceId,
    pub(crate) frontier: i64,
    /// The last timestamp with `Wmk`, `$connected = false` not counted.
    pub(crate) promised: i64,
    pub(crate) first: Option<i64>,
    /// Its signals that are stale.
    pub(crate) stale: Vec<u32>,
    /// Its signals that go stale by default.
    pub(crate) idling: Vec<u32>,
    /// A timer stands for its silence.
    watched: bool,
}

impl Contact {
    pub(crate) fn new(source: SourceId) -> Self {
        Self {
            source,
            frontier: LONG_AGO,
            promised: LONG_AGO,
            first: None,
            stale: Vec::new(),
            idling: Vec::new(),
            watched: false,
        }
    }

    /// The frontier moves. True: a timer must be set for its silence.
    pub(crate) fn hear(&mut self, frontier: i64) -> bool {
        let moves = frontier > self.frontier;
        self.frontier = self.frontier.max(frontier);
        moves && self.watch()
    }

    /// Has a timer stand for its silence. True: it is to be set.
    pub(crate) fn watch(&mut self) -> bool {
        let begins = !self.watched && !self.idling.is_empty() && self.frontier > LONG_AGO;
        self.watched |= begins;
        begins
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched
    }

    /// The timer has come and nothing was heard since.
    pub(crate) fn unwatch(&mut self) {
        self.watched = false;
    }

    /// When it has been silent for too long, as far as is known.
    pub(crate) fn silent_from(&self, inventory: &Inventory) -> i64 {
        self.frontier + inventory.source(self.source).idle_timeout
    }
}

/// Whose deadline must be looked at, because of what was applied.
#[derive(Debug, Default)]
pub(crate) struct Renewed {
    pub(crate) signals: Vec<usize>,
    /// By their place among the contacts of the scope.
    pub(crate) contacts: Vec<usize>,
}
