//! The conditions that decided a change, and what must be known about their values (§2, §3.7, §4, §9).
//!
//! Here: which tags those are, and the flags `late` and `uncertain`. Not here: the change (`instance`), its cause
//! (`says`).
//! Invariant: a flag speaks of the values that the transition is because of, and of no others.

use proto::Cause;

use super::gate::Is;
use super::group::Of;
use super::instance::{Instance, Look};
use super::model::Expr;
use super::says::Says;

/// A state of a group, by their places.
type Place = (usize, usize);

impl Instance {
    /// `late`, `uncertain`: whether a value that decided came late, or is of that quality.
    pub(super) fn doubts(&self, look: Look<'_>, before: &Says, cause: Cause) -> [(&'static str, bool); 2] {
        let (signals, tags) = (&look.scope.signals, self.deciding(look, before, cause));
        [
            ("late", tags.iter().any(|tag| signals.is_late(*tag))),
            ("uncertain", tags.iter().any(|tag| signals.is_uncertain(*tag))),
        ]
    }

    /// The tags of what decided: of the condition entered, of that left, of the gate, or of what cannot be known.
    fn deciding(&self, look: Look<'_>, before: &Says, cause: Cause) -> Vec<usize> {
        let gate = || self.rule.active_if.iter().flat_map(Expr::tags).collect();
        let entered = self.says.state().map(|place| self.tags_of(place, false));
        match cause {
            Cause::Gate if *self.says.name == *"Inactive" => gate(),
            Cause::Gate | Cause::Unknown if self.gate.is == Is::Doubtful => gate(),
            Cause::Gate => entered.unwrap_or_else(gate),
            Cause::Clear | Cause::Reset => {
                let is_on = |(group, state): &Place| self.groups[*group].states[*state].is_on();
                let left = before.state().filter(|place| !is_on(place));
                left.map(|place| self.tags_of(place, true)).or(entered).unwrap_or_default()
            }
            Cause::Unknown => entered.unwrap_or_else(|| self.unknown(look, before)),
            _ => entered.unwrap_or_default(),
        }
    }

    /// Of all states of a group that knows again that none of them holds; else of the first that cannot be known.
    fn unknown(&self, look: Look<'_>, before: &Says) -> Vec<usize> {
        let in_doubt = self.in_doubt(look);
        let group = self.says.group.or(before.group).unwrap_or(0);
        let doubts = self.says.is_unknown() || self.says.of == Some(Of::Unknown) || self.says.doubt;
        if in_doubt[group].is_none() && !doubts {
            let states = 0..self.rule.groups[group].states.len();
            return states.flat_map(|state| self.tags_of((group, state), false)).collect();
        }
        let mut groups = self.says.group.into_iter().chain(0..in_doubt.len());
        let place = groups.find_map(|group| Some((group, in_doubt[group]?)));
        place.map(|place| self.tags_of(place, true)).unwrap_or_default()
    }

    /// Of each group the first state that keeps it from telling, one whose window fills after all others.
    fn in_doubt(&self, look: Look<'_>) -> Vec<Option<usize>> {
        let judged = self.judged(look.scope, look.t);
        let of_group = |(run, judged): (&super::group::GroupRun, &Vec<super::state::Judged>)| {
            let first_on = run.states.iter().position(super::state::StateRun::is_on);
            let deciding = first_on.map_or(0..run.states.len(), |on| on..on + 1);
            let doubted = |place: &usize| {
                let (state, judged) = (&run.states[*place], &judged[*place]);
                !(state.is_on() && state.is_latched(judged)) && state.guard(judged).is_none()
            };
            let fills = |place: &usize| judged[*place].only_fills(run.states[*place].is_on());
            let doubted: Vec<usize> = deciding.filter(doubted).collect();
            doubted.iter().copied().find(|place| !fills(place)).or(doubted.first().copied())
        };
        self.groups.iter().zip(&judged).map(of_group).collect()
    }

    /// The tags of what enters a state, and, where that was `left`, of what leaves it.
    fn tags_of(&self, (group, state): Place, left: bool) -> Vec<usize> {
        let before = self.rule.groups[..group].iter().map(|group| 2 * group.states.len()).sum::<usize>();
        let place = before + 2 * state;
        let conditions = &self.verdicts.expressions[place..place + 1 + usize::from(left)];
        conditions.iter().flat_map(Expr::tags).collect()
    }
}
