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
        (!same).then(|| State { name: name.to_owned(), severity, weight, winner })
    }

    pub(super) fn cause(&self, from: &State, now: i64) -> Cause {
        if from.name == self.state.name {
            return Cause::Severity;
        }
        if from.name == INACTIVE || self.state.name == INACTIVE {
            return Cause::Gate;
        }
        let gave_up = from.winner.is_some_and(|(group, _)| !self.groups[group].stands());
        if from.in_doubt() || self.state.in_doubt() || gave_up {
            return Cause::Unknown;
        }
        let entered = match self.state.winner {
            Some((group, By::State(state))) => self.groups[group].phases[state],
            _ => return Cause::Clear,
        };
        match (entered.on(), from.winner) {
            (Some((_, entered)), _) if entered == now => Cause::Condition,
            (_, Some(_)) => Cause::Clear,
            // It had been On all the time, and its group abstained because it could not know.
            (_, None) => Cause::Unknown,
        }
    }
}
