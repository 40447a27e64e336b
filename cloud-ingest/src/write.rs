//! What is written of a record, and where the record stood.
//!
//! Here: the shapes, and the record's own bytes in them. Not here: how they come about (`route`), how a destination
//! keeps them.
//! Invariant: a record is stored as it came, byte for byte; a store adds fields, it changes none.

use jiff::civil::Date;
use proto::Severity;

use crate::name::Name;
use crate::rank::Rank;

/// Where a record stood in the stream. It never changes, so it names what has no id of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The shard.
    pub shard: Name,
    /// The sequence number of the Kinesis record.
    pub sequence: Name,
    /// Its place within the aggregate; 0 in a plain record.
    pub index: usize,
}

/// What becomes of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// A change of state.
    Transition(Transition),
    /// Something an agent said about itself, or whom it notified.
    Event(Event),
    /// Bytes that only a later version of this program understands.
    Newer(Vec<u8>),
    /// A value of a tag. Nothing is written.
    Datapoint,
}

/// A transition, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The machine.
    pub equipment: Name,
    /// The rule.
    pub rule: Name,
    /// When it happened.
    pub instant: Instant,
    /// Its id, by which a resend is recognised.
    pub id: String,
    /// What orders it among the states of its instance.
    pub rank: Rank,
    /// Where the agent stands, as it came.
    pub site: Option<String>,
    /// The line of the machine, as it came.
    pub line: Option<String>,
    /// The state left, as it came.
    pub from: String,
    /// The state entered, as it came: any text.
    pub to: String,
    /// Severity of the state entered.
    pub severity: Severity,
    /// The record as it came, without its closing brace.
    pub(crate) open: String,
}

/// An event or a notification, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id: the same one has the same id for ever.
    pub id: Name,
    /// When it happened.
    pub instant: Instant,
    /// The record as it came, without its closing brace.
    pub(crate) open: String,
}

/// An event time that lies within the days this program accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    /// ms since 1970 UTC, never negative.
    pub ms: i64,
    /// Its day, UTC.
    pub day: Date,
}

impl Write {
    /// The record as it came; nothing of a datapoint, which is stored nowhere.
    #[must_use]
    pub fn raw(&self) -> Vec<u8> {
        match self {
            Self::Transition(t) => t.raw().into_bytes(),
            Self::Event(e) => e.raw().into_bytes(),
            Self::Newer(raw) => raw.clone(),
            Self::Datapoint => Vec::new(),
        }
    }
}

impl Transition {
    /// The record as it came, with `storedAt` (ms since 1970 UTC) as its last field.
    #[must_use]
    pub fn json(&self, stored_at_ms: i64) -> String {
        with_stored_at(&self.open, stored_at_ms)
    }

    /// The record as it came.
    #[must_use]
    pub fn raw(&self) -> String {
        format!("{}}}", self.open)
    }
}

impl Event {
    /// The record as it came, with `storedAt` (ms since 1970 UTC) as its last field.
    #[must_use]
    pub fn json(&self, stored_at_ms: i64) -> String {
        with_stored_at(&self.open, stored_at_ms)
    }

    /// The record as it came.
    #[must_use]
    pub fn raw(&self) -> String {
        format!("{}}}", self.open)
    }
}

fn with_stored_at(open: &str, stored_at_ms: i64) -> String {
    format!("{open},\"storedAt\":{stored_at_ms}}}\n")
}
