//! What a rule says: which of its groups wins (§7.3 to §7.5), and why it says something else than before (§9).
//!
//! Here: that. Not here: what a group says (`group`), how a change is told (`instance`).
//! Invariant: what is said does not depend on what was said before.

use std::rc::Rc;

use proto::{Cause, Severity};

use super::gate::Is;
use super::group::{GroupRun, Of, Vote};
use super::model::{Named, Rule};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Says {
    pub(crate) name: Rc<str>,
    pub(crate) severity: Severity,
    pub(crate) weight: u32,
    pub(crate) group: Option<usize>,
    pub(crate) of: Option<Of>,
    /// Its group is undecided and gave up what it said before.
    pub(crate) doubt: bool,
}

impl Says {
    /// What no group decided.
    pub(crate) fn of_nobody(name: &str) -> Self {
        Self { name: name.into(), severity: Severity::Info, weight: 0, group: None, of: None, doubt: false }
    }

    pub(crate) fn now(rule: &Rule, gate: Is, groups: &[GroupRun]) -> Self {
        match gate {
            Is::Open => {}
            Is::Closed => return Self::of_nobody("Inactive"),
            Is::Doubtful => return Self::of_nobody("Unknown"),
        }
        let mut best: Option<(usize, &Vote)> = None;
        for (place, run) in groups.iter().enumerate() {
            let Some(vote) = &run.vote else { continue };
            if best.is_none_or(|(_, best)| vote.weight > best.weight) {
                best = Some((place, vote));
            }
        }
        if let Some((place, vote)) = best {
            return Self {
                name: vote.name.clone(),
                severity: vote.severity,
                weight: vote.weight,
                group: Some(place),
                of: Some(vote.of),
                doubt: !groups[place].decided,
            };
        }
        let decided = groups.iter().any(|group| group.decided);
        match &rule.default {
            _ if !decided => Self::of_nobody("Unknown"),
            Some(Named { name, weight }) => Self { weight: weight.unwrap_or(0), ..Self::of_nobody(name) },
            None => Self::of_nobody("Normal"),
        }
    }

    /// The group and its state that it is of.
    pub(crate) fn state(&self) -> Option<(usize, usize)> {
        match (self.group, self.of) {
            (Some(group), Some(Of::State(state))) => Some((group, state)),
            _ => None,
        }
    }

    /// The state `Unknown` that nobody gave a name of its own.
    pub(crate) fn is_unknown(&self) -> bool {
        *self.name == *"Unknown"
    }

    /// `Unknown` in place of what is not known any more: that one may last.
    pub(crate) fn stands_in(&self) -> bool {
        self.is_unknown() && self.group.is_some()
    }

    pub(crate) fn matters(&self) -> bool {
        self.severity >= Severity::Warning
    }

    /// It is a state that matters, entered from another.
    pub(crate) fn is_activation(&self, before: &Self) -> bool {
        self.matters() && !self.is_unknown() && self.name != before.name
    }

    /// Why it is said from `t` on, after something else.
    pub(crate) fn cause(&self, t: i64, before: &Self, groups: &[GroupRun]) -> Cause {
        if *before.name == *"Inactive" || *self.name == *"Inactive" {
            return Cause::Gate;
        }
        let unknown = |says: &Says| says.of == Some(Of::Unknown) || says.is_unknown();
        let lost = before.group.is_some_and(|group| !groups[group].decided);
        if unknown(before) || unknown(self) || before.doubt || self.doubt || lost {
            return Cause::Unknown;
        }
        let entered = match (self.group, self.of) {
            (Some(group), Some(Of::State(state))) => groups[group].states[state].entered == Some(t),
            _ => false,
        };
        // Its group knows again, and that of the state before says what it said: nothing was left.
        let found = self.group.is_some_and(|group| groups[group].gave_up_before);
        let lasts = |group: usize| {
            let vote = groups[group].vote.as_ref();
            vote.is_some_and(|vote| vote.name == before.name && Some(vote.of) == before.of)
        };
        match (entered, found && before.group.is_none_or(lasts)) {
            (true, _) => Cause::Condition,
            (false, true) => Cause::Unknown,
            (false, false) => Cause::Clear,
        }
    }
}
