//! What is compared: transitions, notifications, events, refusals.
//!
//! Here: that. Not here: how it is printed (`print`).
//! Invariant: of a transition all that §9 says of a change is here, save what it was because of.

use proto::{Cause, Severity};

/// Something that was said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Transition(Told),
    Notice(Notice),
    Event {
        timestamp: i64,
        what: String,
    },
    /// Nothing was done of what somebody wanted, at this processing time.
    Refused {
        at: i64,
        why: &'static str,
    },
}

/// What is compared of a transition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) timestamp: i64,
    pub(crate) rule: String,
    pub(crate) machine: String,
    pub(crate) sequence: u64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cause: Cause,
    pub(crate) group: Option<String>,
    pub(crate) weight: u32,
    pub(crate) severity: Severity,
    pub(crate) since: i64,
    /// `late`, `uncertain`, `suppressed`, `shelved`, `chattering`.
    pub(crate) flags: Vec<String>,
    /// It is counted on its line; the engine does not say it.
    pub(crate) activation: bool,
}

/// What is compared of a notification.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Notice {
    pub(crate) timestamp: i64,
    pub(crate) rule: String,
    pub(crate) machine: String,
    pub(crate) target: String,
    pub(crate) n: u32,
    /// The number of the transition that it is of.
    pub(crate) of: u64,
    pub(crate) state: String,
    pub(crate) severity: Severity,
}

impl Said {
    pub(crate) fn timestamp(&self) -> i64 {
        match self {
            Self::Transition(told) => told.timestamp,
            Self::Notice(notice) => notice.timestamp,
            Self::Event { timestamp, .. } => *timestamp,
            Self::Refused { at, .. } => *at,
        }
    }

    /// Where it stands among what was said at the same instant.
    pub(crate) fn place(&self) -> (u8, &str, &str, u64) {
        match self {
            Self::Transition(told) => (0, &told.rule, &told.machine, told.sequence),
            Self::Notice(notice) => (1, &notice.rule, &notice.machine, u64::from(notice.n)),
            Self::Event { what, .. } => (2, what, "", 0),
            Self::Refused { why, .. } => (3, why, "", 0),
        }
    }
}
