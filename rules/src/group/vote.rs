//! What a group votes for, and why.
//!
//! Here: what a vote is. Not here: how a group comes to one (`group`), which group wins (`instance`).
//! Invariant: a vote says whether it is what it is because of something Unknown.

use proto::Severity;
use serde::{Deserialize, Serialize};

use crate::file::Named;

/// Name of the state that nobody knows.
pub const UNKNOWN: &str = "Unknown";

/// What a group says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The state.
    pub name: String,
    /// What the vote weighs.
    pub weight: u32,
    /// How much the state matters.
    pub severity: Severity,
    /// Why it says so.
    pub by: By,
}

/// Why a group votes as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// The state at this place is the first that is On.
    State(usize),
    /// The state at this place is the first that is known to be On; one before it cannot be known.
    Known(usize),
    /// No state is On.
    Otherwise,
    /// A state did that the edited rule no longer has, and nothing better is known since.
    Gone,
    /// It cannot know.
    Unknown,
}

impl By {
    /// The state that speaks, by its place.
    #[must_use]
    pub fn state(self) -> Option<usize> {
        match self {
            By::State(state) | By::Known(state) => Some(state),
            By::Otherwise | By::Gone | By::Unknown => None,
        }
    }

    /// Whether the vote is what it is because of something Unknown.
    #[must_use]
    pub fn in_doubt(self) -> bool {
        matches!(self, By::Known(_) | By::Unknown)
    }
}

impl Vote {
    pub(crate) fn of(named: &Named, by: By) -> Self {
        Self { name: named.name.clone(), weight: named.weight, severity: named.severity, by }
    }

    pub(super) fn unknown(weight: u32, severity: Severity) -> Self {
        Self { name: UNKNOWN.into(), weight, severity, by: By::Unknown }
    }

    pub(super) fn is(&self, named: &Named, by: By) -> bool {
        let Named { name, weight, severity } = named;
        (&self.name, self.weight, self.severity, self.by) == (name, *weight, *severity, by)
    }
}
