//! What the tags of a scope are at an instant: their last values, and whether those still count (§4).
//!
//! Here: values as they are applied. Who reads them stands in `readers`, contact with the sources in `staleness`, what a
//! table takes over from another in `adopted`. Not here: the order of application (`waiting`), when deadlines are looked
//! at (`scope`).
//! Invariant: between samples a value holds; it stops to count exactly at its deadline and not at all while its
//! source confirms it: "unchanged" and "dead" differ.

mod adopted;
mod readers;
mod staleness;

use crate::contact::{Contact, Renewed};
use crate::engine::Subject;
use crate::inventory::{Inventory, SourceId};
use crate::places::Places;
use crate::signal::{Cell, Signal, Touching};
use crate::touched::Touched;
use crate::value::{Held, Unknown};
use crate::waiting::Waiting;

/// All tags that the instances of a scope read.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    cells: Vec<Cell>,
    by_tag: Places,
    signals: Vec<Signal>,
    /// In the order of the sources.
    contacts: Vec<Contact>,
    /// The instant at which the last source was heard first; none: one was not heard yet.
    all_heard: Option<i64>,
}

const STALE: &Held = &Err(Unknown::Stale);

impl Signals {
    pub(crate) fn new(sources: &[SourceId]) -> Self {
        Self { contacts: sources.iter().map(|source| Contact::new(*source)).collect(), ..Self::default() }
    }

    /// How many signals there are.
    pub(crate) fn len(&self) -> usize {
        self.signals.len()
    }

    /// What a reader of the signal sees.
    pub(crate) fn held(&self, signal: usize) -> &Held {
        let signal = &self.signals[signal];
        if signal.stale { STALE } else { &self.cells[signal.cell].held }
    }

    /// The places of a signal among the ages of the scope.
    pub(crate) fn ages(&self, signal: usize) -> &[usize] {
        self.signals[signal].ages()
    }

    pub(crate) fn cell(&self, signal: usize) -> &Cell {
        &self.cells[self.signals[signal].cell]
    }

    /// Whether any source was heard.
    pub(crate) fn any_heard(&self) -> bool {
        self.contacts.iter().any(|c| c.first.is_some())
    }

    /// Whether every source was heard, and the instant at which the last of them was heard first.
    pub(crate) fn all_heard(&self) -> Option<i64> {
        self.all_heard
    }

    fn look_who_was_heard(&mut self) {
        self.all_heard =
            self.contacts.iter().map(|c| c.first).max_by_key(|first| first.unwrap_or(i64::MAX)).flatten();
    }

    /// Applies a datapoint at an instant. `touched` gets the readers that must be judged, `renewed` whose deadline
    /// must be looked at: of a value that replaces another it only moves back, which its timer finds out when it
    /// comes. False: it was dropped, the tag holds a newer value.
    pub(crate) fn apply(
        &mut self,
        inventory: &Inventory,
        waiting: Waiting,
        touched: &mut Touched,
        renewed: &mut Renewed,
    ) -> bool {
        self.contact(inventory, &waiting, touched, renewed);
        let Subject::Tag(tag) = waiting.datapoint.subject else { return true };
        let Some(cell) = self.by_tag.get(tag) else { return true };
        let (late, now, datapoint) = (waiting.late(), waiting.effective, waiting.datapoint);
        let cell = &mut self.cells[cell];
        let first = cell.timestamp.is_none();
        let newer = (cell.timestamp, cell.sequence) > (Some(datapoint.timestamp), datapoint.sequence);
        if late && newer {
            return false;
        }
        let before = std::mem::replace(&mut cell.held, datapoint.value);
        let changed = before != cell.held;
        // What compares a value with that before it may change when neither of the last two samples did.
        let was_changed = cell.previous != before;
        cell.previous = before;
        (cell.quality, cell.late) = (datapoint.quality, late);
        cell.late_at = if late { now } else { cell.late_at };
        (cell.timestamp, cell.sequence) = (Some(datapoint.timestamp), datapoint.sequence);
        if !late && !first && cell.tells_nothing(changed) {
            return true;
        }
        let touching = Touching { now: late.then_some(now), first, changed, was_changed };
        touching.all(cell, &mut self.signals, touched, renewed);
        true
    }
}
