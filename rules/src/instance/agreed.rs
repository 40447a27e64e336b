//! The state that the groups of a rule agree on, and why it is another than before (§7.3, §7.5, §9).
//!
//! Here: the highest vote, and the cause of a change. Not here: what is done with them (`instance`).
//! Invariant: the same votes give the same state, whatever was before.

use proto::{Cause, Severity};

use super::{INACTIVE, Instance, State};
use crate::expr::eval::Truth;
use crate::group::{By, Standing, UNKNOWN, Vote};

impl Instance {
    /// The state that the gate leaves, or that of the highest vote, on a tie that of the group first in the file; none:
    /// it is the state already.
    pub(super) fn agreed(&self) -> Option<State> {
        let shut = match self.gate.map_or(Truth::True, |gate| gate.says()) {
            Truth::True => None,
            Truth::False => Some(INACTIVE),
            Truth::Unknown | Truth::Filling => Some(UNKNOWN),
        };
        if let Some(name) = shut {
            let state = State::of_nobody(name);
            return (state != self.state).then_some(state);
        }
        let mut best: Option<(usize, &Vote)> = None;
        for (i, standing) in self.groups.iter().enumerate() {
            if let Some(vote) = &standing.vote
                && best.is_none_or(|(_, b)| vote.weight > b.weight)
            {
                best = Some((i, vote));
            }
        }
        let rule = &self.plan.rule;
        let stands = || self.groups.iter().any(Standing::stands);
        let (name, weight, severity, winner) = match best {
            Some((group, vote)) => (vote.name.as_str(), vote.weight, vote.severity, Some((group, vote.by))),
            None if stands() => (rule.default.as_str(), rule.default_weight, Severity::Info, None),
            None => (UNKNOWN, 0, Severity::Info, None),
        };
        let now = &self.state;
        let same =
            (now.name.as_str(), now.weight, now.severity, now.winner) == (name, weight, severity, winner);
        (!same).then(|| State::of(name.to_owned(), severity, weight, winner))
    }

    pub(super) fn cause(&self, from: &State, now: i64) -> Cause {
        if from.name == self.state.name {
            return Cause::Severity;
        }
        if from.name == INACTIVE || self.state.name == INACTIVE {
            return Cause::Gate;
        }
        let gave_up = from.winner.is_some_and(|(group, _)| !self.groups[group].stands());
        if from.in_doubt || self.state.in_doubt || gave_up {
            return Cause::Unknown;
        }
        if let Some((group, By::State(state))) = self.state.winner
            && self.groups[group].phases[state].on().is_some_and(|(_, entered)| entered == now)
        {
            return Cause::Condition;
        }
        // Its group could not know, and knows again: nothing was left, if that of the state before says what it said.
        let found = self.state.winner.is_some_and(|(group, _)| self.groups[group].found);
        let is_left = from.winner.is_some_and(|(group, by)| {
            self.groups[group].vote.as_ref().is_none_or(|vote| (vote.by, &vote.name) != (by, &from.name))
        });
        if found && !is_left { Cause::Unknown } else { Cause::Clear }
    }
}
