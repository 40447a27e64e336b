//! What a group says (§7.1, §7.2).
//!
//! Here: the vote of one group, and how long it keeps it while undecided. Not here: which group wins (`instance`).
//! Invariant: a vote that is kept is kept as it was.

use std::rc::Rc;

use proto::Severity;

use super::model::{Group, Named, UnknownPolicy};
use super::state::{Judged, StateRun};

/// Where a vote comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    State(usize),
    Otherwise,
    /// A state that was said last, and that the edited rule no longer has.
    Gone,
    /// Unknown, in whatever form.
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Vote {
    pub(crate) name: Rc<str>,
    pub(crate) weight: u32,
    pub(crate) severity: Severity,
    pub(crate) of: Of,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupRun {
    pub(crate) states: Vec<StateRun>,
    /// None: it abstains.
    pub(crate) vote: Option<Vote>,
    /// It is decided, or keeps what it said when it was.
    pub(crate) decided: bool,
    /// Until this instant it was undecided, and did not say any more what it had said.
    pub(crate) gave_up_before: bool,
    undecided_since: Option<i64>,
}

impl GroupRun {
    pub(crate) fn new(group: &Group, policy: &UnknownPolicy) -> Self {
        let unknown = Vote { name: "Unknown".into(), weight: 1, severity: Severity::Info, of: Of::Unknown };
        Self {
            states: vec![StateRun::default(); group.states.len()],
            vote: (*policy != UnknownPolicy::Abstain).then_some(unknown),
            decided: false,
            gave_up_before: false,
            undecided_since: None,
        }
    }

    /// All conditions were judged at an instant. `from`: `unknown.after` does not count before it; none: it does
    /// not count yet.
    pub(crate) fn advance(
        &mut self,
        t: i64,
        group: &Group,
        policy: &UnknownPolicy,
        judged: &[Judged],
        from: Option<i64>,
    ) {
        self.gave_up_before = !self.decided;
        self.states.iter_mut().zip(judged).for_each(|(state, judged)| state.advance(t, judged));
        let first_on = self.states.iter().position(StateRun::is_on);
        let undecided = match first_on {
            Some(on) => {
                !self.states[on].is_latched(&judged[on]) && self.states[on].guard(&judged[on]).is_none()
            }
            None => judged.iter().any(|j| j.when.is_none()),
        };
        if !undecided {
            self.vote = first_on.map(|on| of_state(group, on)).or_else(|| of_otherwise(group));
            (self.decided, self.undecided_since) = (true, None);
            return;
        }
        let only_fills = match first_on {
            Some(on) => judged[on].only_fills(true),
            None => judged.iter().all(|j| j.only_fills(false)),
        };
        if only_fills {
            self.undecided_since = None;
            return;
        }
        let since = *self.undecided_since.get_or_insert(t);
        if from.is_some_and(|from| t >= since.max(from) + policy.after()) {
            self.give_up(group, policy, judged);
        }
    }

    fn give_up(&mut self, group: &Group, policy: &UnknownPolicy, judged: &[Judged]) {
        let known = |place: &usize| {
            let state = &self.states[*place];
            let judged = &judged[*place];
            state.is_on() && (state.is_latched(judged) || state.guard(judged).is_some())
        };
        let lower = (0..self.states.len()).find(known);
        self.decided = false;
        let (weight, severity) =
            self.vote.as_ref().map_or((1, Severity::Info), |vote| (vote.weight.max(1), vote.severity));
        self.vote = match (lower, policy) {
            (Some(lower), _) => Some(of_state(group, lower)),
            (None, UnknownPolicy::Named { name, weight, severity, .. }) => {
                Some(Vote { name: name.clone(), weight: *weight, severity: *severity, of: Of::Unknown })
            }
            (None, UnknownPolicy::Say { .. }) => {
                Some(Vote { name: "Unknown".into(), weight, severity, of: Of::Unknown })
            }
            (None, UnknownPolicy::Abstain | UnknownPolicy::AsFalse) => None,
        };
    }

    /// The gate is not open: all begins anew when it opens, but what is latched stays.
    pub(crate) fn rest(&mut self, group: &Group, policy: &UnknownPolicy) {
        let states = std::mem::take(&mut self.states);
        *self = Self::new(group, policy);
        for ((new, old), state) in self.states.iter_mut().zip(states).zip(&group.states) {
            if state.latch && old.is_on() {
                *new = old;
            }
        }
    }

    pub(crate) fn forget_break(&mut self) {
        self.states.iter_mut().for_each(StateRun::forget_break);
    }

    /// See [`StateRun::pause`].
    pub(crate) fn pause(&mut self, t: Option<i64>) {
        self.states.iter_mut().for_each(|state| state.pause(t));
        self.undecided_since = None;
    }
}

impl GroupRun {
    /// As it stands under another version of its group: `states` are those of the new one.
    pub(crate) fn carried(self, old: &Group, new: &Group, states: Vec<StateRun>) -> Self {
        let place = |state: usize| new.states.iter().position(|s| s.name == old.states[state].name);
        let vote = match self.vote {
            Some(Vote { of: Of::State(state), .. }) if place(state).is_some() => {
                place(state).map(|place| of_state(new, place))
            }
            Some(vote) if vote.of == Of::Otherwise => of_otherwise(new),
            Some(vote @ Vote { of: Of::State(_), .. }) => Some(Vote { of: Of::Gone, ..vote }),
            vote => vote,
        };
        Self { states, vote, ..self }
    }
}

fn of_state(group: &Group, place: usize) -> Vote {
    let state = &group.states[place];
    Vote {
        name: state.name.clone(),
        weight: state.weight.or(group.weight).unwrap_or(10),
        severity: state.severity.unwrap_or(Severity::Warning),
        of: Of::State(place),
    }
}

fn of_otherwise(group: &Group) -> Option<Vote> {
    let Named { name, weight } = group.otherwise.clone()?;
    Some(Vote { name, weight: weight.unwrap_or(0), severity: Severity::Info, of: Of::Otherwise })
}
