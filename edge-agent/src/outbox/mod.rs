//! The outbox: what must leave, kept on disk until the stream has accepted it.
//!
//! Here: the **ledger**, one sled store for transitions, events, the state of rule instances and the agent's own
//! small notes. Not here: who fills it (`core`), who empties it (`forward`), datapoints (they have no lane yet).
//!
//! # What the ledger promises
//! - When [`Ledger::commit`] returns, everything in the commit is durable, together; before it returns nobody
//!   reads any of it (I1).
//! - An entry leaves when it is settled, or it is shed and leaves a [`Loss`]; never while in flight (I2). What
//!   the last [`Ledger::peek`] returned is in flight until it is settled.
//! - Whatever is missing, shed, damaged or refused is a [`Loss`], kept in the store until a commit says that it
//!   carries the gap event for it (I8). A crash between the two forgets nothing.
//!
//! # How it lies on disk
//! ```text
//! DIR/store/          sled; one tree, so that a batch is atomic
//!   chunk/<u64 BE>    entries of a commit, see `chunk`; the key is the position of the first
//!   state/<instance>  state of a rule instance
//!   agent/<name>      notes of the agent: cursors, counters, rule texts
//!   meta/format       version of this layout; a newer one is refused
//!   meta/incarnation  random, 8 bytes
//!   meta/book         the ends of the ledger and its counters, JSON
//!   meta/losses       losses no event has told of yet, JSON
//! DIR/mark            the ends once more, outside of sled, see `mark`
//! DIR/ballast         8 MB to let go of when the disk is full, see `space`
//! DIR/quarantine/     a store that could not be opened any more
//! ```
//! Positions count the entries, without holes: chunks lie end to end from `low` to `next`. What is settled or
//! shed out of order is replaced by a chunk without entries (a void), and `low` moves over it when it comes to
//! the front. So a hole is always damage. sled, when a byte of its log is flipped, silently goes back to the time
//! before it: then the mark is ahead of the store, the difference is a loss, and a new incarnation begins,
//! because sequence numbers of the lost time would come again.

mod book;
mod change;
mod chunk;
mod front;
mod ledger;
mod mark;
mod open;
mod repair;
mod shed;
mod space;
mod store;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod model;

use serde::{Deserialize, Serialize};

pub use ledger::{Ledger, LedgerError};
pub use store::{OpenError, StoreError};

/// An entry whose key and bytes together are larger fits no record of the stream: it is lost when committed.
/// 1 MiB is Kinesis' limit of a record with its key; the rest is for the wrapping.
pub const ENTRY_BYTES_MAX: usize = (1 << 20) - 1024;

/// What an entry is: the order in which a full ledger lets go, and counters, go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A change of a rule's state: shed last.
    Transition,
    /// Something the agent says about itself: shed first.
    Event,
    /// The event that tells of a loss. It is never shed: there is one for thousands of lost entries.
    Gap,
}

/// One record of the stream, waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The partition key: entries of one key leave in order.
    pub key: String,
    /// Its final bytes.
    pub json: Vec<u8>,
}

impl Entry {
    /// Bytes of key and record.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.key.len().saturating_add(self.json.len())
    }
}

/// What becomes durable together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// New entries, in order.
    pub entries: Vec<Entry>,
    /// States of rule instances by their key; `None` removes one.
    pub states: Vec<(String, Option<Vec<u8>>)>,
    /// Notes of the agent by name.
    pub notes: Vec<(String, Vec<u8>)>,
    /// How many of [`Ledger::losses`], from the first, have their gap event among the entries.
    pub losses_told: usize,
}

/// Limits of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of waiting entries. Above, the oldest are shed, events before transitions.
    pub waiting_bytes_max: u64,
    /// Bytes that stay free on the disk: below, a commit is refused, since sled does not survive a full disk.
    pub free_bytes_min: u64,
}

impl Default for Limits {
    fn default() -> Self {
        // Two of sled's segments: it extends its file by whole ones.
        Self { waiting_bytes_max: 256 << 20, free_bytes_min: 4 << 20 }
    }
}

/// Entries that will never leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loss {
    /// What they were, where that is known.
    pub kind: Option<Kind>,
    /// Position of the first.
    pub first: u64,
    /// Position of the last.
    pub last: u64,
    /// How many of the positions between are lost; unknown where the store itself is damaged, because some of
    /// them may have left before.
    pub count: Option<u64>,
    /// Why, in words.
    pub reason: String,
}

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// Part of every id; 64 random bits made with the ledger, and again when the store went back in time.
    pub incarnation: u64,
    /// Whether this incarnation has just begun.
    pub fresh: bool,
    /// What had to be done so that it opened, in words; for the log.
    pub repairs: Vec<String>,
}

/// Numbers for people: what waits and what became of the rest since the ledger was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Transitions.
    pub transitions: u64,
    /// Events, gaps among them.
    pub events: u64,
}

impl Tally {
    /// Both together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.transitions.saturating_add(self.events)
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            transitions: self.transitions.saturating_add(other.transitions),
            events: self.events.saturating_add(other.events),
        }
    }

    const fn minus(self, other: Self) -> Self {
        Self {
            transitions: self.transitions.saturating_sub(other.transitions),
            events: self.events.saturating_sub(other.events),
        }
    }

    const fn of(&mut self, kind: Kind) -> &mut u64 {
        match kind {
            Kind::Transition => &mut self.transitions,
            Kind::Event | Kind::Gap => &mut self.events,
        }
    }

    const fn add(&mut self, kind: Kind) {
        let count = self.of(kind);
        *count = count.saturating_add(1);
    }

    const fn take(&mut self, kind: Kind) {
        let count = self.of(kind);
        *count = count.saturating_sub(1);
    }
}

/// The ledger's numbers at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not settled yet.
    pub waiting: Tally,
    /// Bytes they take, with what wraps them.
    pub waiting_bytes: u64,
    /// Settled, counted when the last entry of their chunk is.
    pub delivered: Tally,
    /// Shed at the limit.
    pub shed: Tally,
}
