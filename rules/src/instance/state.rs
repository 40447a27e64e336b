//! The state that a rule is in on a machine, and a change of it.
//!
//! Here: what they are. Not here: how a rule comes to one (`agreed`).
//! Invariant: a state knows whether it is what it is because of something Unknown.

use proto::{Cause, Severity};

use crate::group::{By, UNKNOWN};

/// Name of the state of an instance whose rule is gone (§7.5).
pub(crate) const REMOVED: &str = "Removed";
/// Name of the state of an instance whose gate is closed (§7.6).
pub(crate) const INACTIVE: &str = "Inactive";

/// The state a rule is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) severity: Severity,
    pub(crate) weight: u32,
    /// The group that won and why it voted so; none: no group decided.
    pub(crate) winner: Option<(usize, By)>,
    /// It is what it is because of something Unknown, even if the group that said so is gone by now.
    pub(crate) in_doubt: bool,
}

impl State {
    pub(crate) fn unknown() -> Self {
        Self::of_nobody(UNKNOWN)
    }

    /// A state that no group decided.
    pub(crate) fn of_nobody(name: &str) -> Self {
        Self::of(name.into(), Severity::Info, 0, None)
    }

    pub(crate) fn of(name: String, severity: Severity, weight: u32, winner: Option<(usize, By)>) -> Self {
        let in_doubt = name == UNKNOWN || winner.is_some_and(|(_, by)| by.in_doubt());
        Self { name, severity, weight, winner, in_doubt }
    }

    /// The state `Unknown` in place of one that is not known any more: that one may last.
    pub(super) fn stands_in(&self) -> bool {
        self.name == UNKNOWN && self.winner.is_some()
    }

    /// Whether the other is of the same name, but matters less.
    pub(super) fn sinks_to(&self, other: &Self) -> bool {
        self.name == other.name && other.severity < self.severity
    }
}

/// A change of state.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) since: i64,
    pub(crate) cause: Cause,
    pub(crate) suppressed: bool,
    pub(crate) shelved: bool,
    pub(crate) activation: Option<Activated>,
}

/// A change to a state of severity warning or above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Activated {
    pub(crate) chattering: bool,
    /// Whether chattering begins with it.
    pub(crate) begins: bool,
}
