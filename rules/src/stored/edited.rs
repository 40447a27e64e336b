//! What of the stored state of a group still fits the rule, which may have been edited (§8).
//!
//! Here: its phases and its vote. Not here: the state of the instance (`stored`).
//! Invariant: states are found again by their names; a delay that ran under another condition begins anew.

use super::{StoredCondition, StoredGroup};
use crate::condition::Phase;
use crate::file::{Group, State as RuleState};
use crate::group::{By, Vote};
use crate::ruleset::BoundCondition;

impl StoredGroup {
    /// The phase of a state's condition, and whether it was reached under that very condition. What is On stays On
    /// under an edited one too, until that says otherwise; what was counted towards another condition counts for
    /// nothing (§8).
    pub(super) fn phase(
        &self,
        states: &[RuleState],
        conditions: &[BoundCondition],
        place: usize,
    ) -> (Phase, bool) {
        let name = &states[place].named.name;
        let named = || self.conditions.iter().filter(|c| c.name == *name);
        if let Some(same) = named().find(|c| c.identity == conditions[place].identity) {
            return (same.phase, true);
        }
        // A name may have several levels of severity: those that are as they were are not taken for an edited one.
        let of_name = || conditions.iter().zip(states).filter(|(_, state)| state.named.name == *name);
        let is_gone = |c: &&StoredCondition| of_name().all(|(other, _)| other.identity != c.identity);
        let on = named().filter(is_gone).find_map(|c| c.phase.on());
        (on.map_or(Phase::Off, |(since, entered)| Phase::On { since, entered }), false)
    }

    /// A vote as the edited group casts it: the last one is kept while nothing better is known, but its name, weight and
    /// severity are those that the file gives by now. That of a state that is gone stays as it was.
    pub(super) fn vote_in(&self, vote: Vote, group: &Group) -> Option<Vote> {
        let by = self.replaced(vote.by, &group.states);
        match by {
            By::State(i) | By::Known(i) => Some(Vote::of(&group.states[i].named, by)),
            By::Otherwise => group.otherwise.as_ref().map(|named| Vote::of(named, by)),
            By::Gone | By::Unknown => Some(Vote { by, ..vote }),
        }
    }

    /// The same reason, with the place that its state has in the edited rule. A state that is gone has none.
    pub(super) fn replaced(&self, by: By, states: &[RuleState]) -> By {
        let place = |old: usize| {
            let name = &self.conditions.get(old)?.name;
            states.iter().position(|s| s.named.name == *name)
        };
        match by {
            By::State(old) => place(old).map_or(By::Gone, By::State),
            By::Known(old) => place(old).map_or(By::Unknown, By::Known),
            By::Otherwise | By::Gone | By::Unknown => by,
        }
    }
}
