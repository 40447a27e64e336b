//! A rule on a machine: its groups, the state they agree on, and when it changes (§7.3–7.5).
//!
//! Here: which group wins, and the causes of a change. Not here: how a change is told (`explain`), gates,
//! shelving and reload.
//! Invariant: a change is told once, and its sequence number is one more than that of the change before it.

use std::sync::Arc;

use proto::{Cause, Severity};

use crate::condition::Phase;
use crate::expr::eval::{Seen, Truth};
use crate::group::{By, Standing, UNKNOWN, Vote};
use crate::ruleset::{BoundCondition, Plan};
use crate::value::Unknown;

/// Name of the state of an instance whose rule is gone (§7.5).
pub(crate) const REMOVED: &str = "Removed";

/// What runs for one rule on one machine.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) plan: Arc<Plan>,
    /// The signals behind the plan's slots.
    pub(crate) signals: Vec<usize>,
    /// What each program of the plan said when it was last judged.
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) groups: Vec<Standing>,
    pub(crate) state: State,
    /// Event time at which the state was entered; none before the instance began.
    pub(crate) since: Option<i64>,
    pub(crate) sequence: u64,
    /// Whether its stored form is older than it.
    pub(crate) unsaved: bool,
}

/// What a program says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) truth: Truth,
    /// Whether all its tags were heard since the start.
    pub(crate) heard: bool,
}

/// The state a rule is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) severity: Severity,
    pub(crate) weight: u32,
    /// The group that won and why it voted so; none: no group decided.
    pub(crate) winner: Option<(usize, By)>,
}

/// A change of state.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) from: State,
    pub(crate) since: i64,
    pub(crate) cause: Cause,
}

impl State {
    pub(crate) fn unknown() -> Self {
        Self { name: UNKNOWN.into(), severity: Severity::Info, weight: 0, winner: None }
    }

    fn in_doubt(&self) -> bool {
        self.name == UNKNOWN || self.winner.is_some_and(|(_, by)| by.in_doubt())
    }
}

impl Instance {
    pub(crate) fn new(plan: Arc<Plan>, signals: Vec<usize>) -> Self {
        let groups = plan.rule.groups.iter().map(Standing::new).collect();
        let verdicts = vec![Verdict { truth: Truth::Unknown, heard: false }; plan.programs.len()];
        let state = State::unknown();
        Self { plan, signals, verdicts, groups, state, since: None, sequence: 0, unsaved: false }
    }

    /// Takes over where an instance of the same rule and machine stood, under the old version of the rule (§8).
    pub(crate) fn inherit(&mut self, old: &Self, watermark: i64) {
        crate::stored::stored(old, watermark).restore(self);
        let before = old.groups.iter().zip(&old.plan.rule.groups);
        for (was, old_group) in before {
            let now =
                self.groups.iter_mut().zip(&self.plan.rule.groups).find(|(_, g)| g.name == old_group.name);
            if let Some((standing, _)) = now {
                standing.undecided_from = was.undecided_from;
            }
        }
        self.unsaved = true;
    }

    /// Judges a program on what is seen; what it says counts from the next [`Instance::advance`] on.
    /// True: it says something else than before.
    pub(crate) fn judge(&mut self, program: usize, seen: &impl Seen) -> bool {
        let judged = &self.plan.programs[program];
        let heard = judged.slots.iter().all(|slot| *seen.held(*slot) != Err(Unknown::NeverSeen));
        let verdict = Verdict { truth: judged.program.judge(seen), heard };
        std::mem::replace(&mut self.verdicts[program], verdict) != verdict
    }

    /// Moves everything to an instant, on what the programs have said; `begin` is when Unknown began to count (§7.2).
    pub(crate) fn advance(&mut self, now: i64, begin: i64) -> Option<Change> {
        let groups = self.groups.iter_mut().zip(&self.plan.rule.groups).zip(&self.plan.conditions);
        for ((standing, group), conditions) in groups {
            let verdicts = &self.verdicts;
            let of = |c: &BoundCondition| verdicts[c.when];
            standing.end_wait(group, now, begin, || conditions.iter().all(|c| of(c).heard));
            for (i, condition) in conditions.iter().enumerate() {
                standing.take(group, i, of(condition).truth, || of(condition).heard);
            }
            self.unsaved |= standing.judge(group, now, begin);
        }
        self.settle(now)
    }

    /// Takes the state that the groups agree on; a change is told when its name or severity differs.
    fn settle(&mut self, now: i64) -> Option<Change> {
        self.unsaved |= self.since.is_none();
        let since = *self.since.get_or_insert(now);
        let next = self.agreed()?;
        let same_severity = next.severity == self.state.severity;
        let from = std::mem::replace(&mut self.state, next);
        self.unsaved = true;
        if from.name == self.state.name && same_severity {
            return None;
        }
        let cause = self.cause(&from, now);
        (self.since, self.sequence) = (Some(now), self.sequence + 1);
        Some(Change { from, since, cause })
    }

    /// The state of the highest vote, on a tie that of the group first in the file; none: it is the state already.
    fn agreed(&self) -> Option<State> {
        let mut best: Option<(usize, &Vote)> = None;
        for (i, standing) in self.groups.iter().enumerate() {
            if let Some(vote) = &standing.vote
                && best.is_none_or(|(_, b)| vote.weight > b.weight)
            {
                best = Some((i, vote));
            }
        }
        let stands = || self.groups.iter().any(Standing::stands);
        let (name, weight, severity, winner) = match best {
            Some((group, vote)) => (vote.name.as_str(), vote.weight, vote.severity, Some((group, vote.by))),
            None if stands() => (self.plan.rule.default.as_str(), 0, Severity::Info, None),
            None => (UNKNOWN, 0, Severity::Info, None),
        };
        let now = &self.state;
        let same =
            (now.name.as_str(), now.weight, now.severity, now.winner) == (name, weight, severity, winner);
        (!same).then(|| State { name: name.to_owned(), severity, weight, winner })
    }

    fn cause(&self, from: &State, now: i64) -> Cause {
        if from.name == self.state.name {
            return Cause::Severity;
        }
        let gave_up = from.winner.is_some_and(|(group, _)| !self.groups[group].stands());
        if from.in_doubt() || self.state.in_doubt() || gave_up {
            return Cause::Unknown;
        }
        let entered = match self.state.winner {
            Some((group, By::State(state))) => self.groups[group].phases[state],
            _ => return Cause::Clear,
        };
        match (entered, from.winner) {
            (Phase::On { entered, .. }, _) if entered == now => Cause::Condition,
            (_, Some(_)) => Cause::Clear,
            // It had been On all the time, and its group abstained because it could not know.
            (_, None) => Cause::Unknown,
        }
    }

    /// The next instant after `now` at which time alone changes something.
    pub(crate) fn due(&self, now: i64, begin: i64) -> Option<i64> {
        let groups = self.groups.iter().zip(&self.plan.rule.groups);
        groups.filter_map(|(standing, group)| standing.due(group, now, begin)).min()
    }

    /// Whether its stored form grows old by time alone.
    pub(crate) fn is_counting(&self) -> bool {
        self.groups.iter().flat_map(|g| &g.phases).any(|p| p.is_counting())
    }
}
