//! A rule on a machine: its groups, the state they agree on, and when it changes (§7.3–7.5).
//!
//! Here: which group wins, and the causes of a change. Not here: how a change is told (`explain`), gates,
//! shelving and reload.
//! Invariant: a change is told once, and its sequence number is one more than that of the change before it.

use std::sync::Arc;

use proto::{Cause, Severity};

use crate::expr::eval::Truth;
use crate::group::{By, Standing, UNKNOWN, Vote};
use crate::ruleset::Plan;
use crate::value::Held;

/// Name of the state of an instance whose rule is gone (§7.5).
pub(crate) const REMOVED: &str = "Removed";

/// What runs for one rule on one machine.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) plan: Arc<Plan>,
    /// The signals behind the plan's slots.
    pub(crate) signals: Vec<usize>,
    pub(crate) groups: Vec<Standing>,
    pub(crate) state: State,
    /// Event time at which the state was entered; none before the instance began.
    pub(crate) since: Option<i64>,
    pub(crate) sequence: u64,
    /// Whether its stored form is older than it.
    pub(crate) unsaved: bool,
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

    fn is_unknown(&self) -> bool {
        self.name == UNKNOWN || matches!(self.winner, Some((_, By::Unknown)))
    }
}

impl Instance {
    pub(crate) fn new(plan: Arc<Plan>, signals: Vec<usize>) -> Self {
        let groups = plan.rule.groups.iter().map(Standing::new).collect();
        Self { plan, signals, groups, state: State::unknown(), since: None, sequence: 0, unsaved: false }
    }

    /// Takes over where an instance of the same rule and machine stood, under the old version of the rule (§8): a
    /// condition that is the same keeps its delay, a state that is On stays On until it is judged.
    pub(crate) fn inherit(&mut self, old: Self) {
        let (rule, plan) = (Arc::clone(&self.plan.rule), Arc::clone(&self.plan));
        for (g, group) in rule.groups.iter().enumerate() {
            let place = old.plan.rule.groups.iter().position(|o| o.name == group.name);
            let Some(o) = place else { continue };
            let (was, standing) = (&old.groups[o], &mut self.groups[g]);
            for (s, state) in group.states.iter().enumerate() {
                let named = |x: &crate::file::State| x.named.name == state.named.name;
                let Some(i) = old.plan.rule.groups[o].states.iter().position(named) else { continue };
                let same = old.plan.conditions[o][i].identity == plan.conditions[g][s].identity;
                standing.phases[s] = was.phases[i].carried(same);
            }
            standing.carry(was);
        }
        (self.state, self.since, self.sequence) = (old.state, old.since, old.sequence);
        // The winner is a place in the old rule: it is found again when the instance is judged.
        self.state.winner = None;
        self.unsaved = true;
    }

    /// Judges everything at an instant; `begin` is when Unknown began to count (§7.2).
    pub(crate) fn judge<'v>(
        &mut self,
        now: i64,
        begin: i64,
        held: impl Fn(usize) -> &'v Held,
    ) -> Option<Change> {
        let plan = Arc::clone(&self.plan);
        for ((standing, group), conditions) in
            self.groups.iter_mut().zip(&plan.rule.groups).zip(&plan.conditions)
        {
            let truths: Vec<Truth> =
                conditions.iter().map(|c| c.program.judge(&|slot| held(self.signals[slot]))).collect();
            let before = (standing.phases.clone(), standing.vote.clone());
            standing.judge(group, truths, now, begin);
            self.unsaved |= before != (standing.phases.clone(), standing.vote.clone());
        }
        self.settle(now)
    }

    /// Takes the state that the groups agree on; a change is told when its name or severity differs.
    fn settle(&mut self, now: i64) -> Option<Change> {
        let since = *self.since.get_or_insert(now);
        let next = self.agreed();
        let same_severity = next.severity == self.state.severity;
        let from = std::mem::replace(&mut self.state, next);
        if from.name == self.state.name && same_severity {
            return None;
        }
        let cause = self.cause(&from, now);
        (self.since, self.sequence, self.unsaved) = (Some(now), self.sequence + 1, true);
        Some(Change { from, since, cause })
    }

    /// The vote with the highest weight; on a tie that of the group first in the file.
    fn agreed(&self) -> State {
        let mut best: Option<(usize, &Vote)> = None;
        for (i, standing) in self.groups.iter().enumerate() {
            if let Some(vote) = &standing.vote
                && best.is_none_or(|(_, b)| vote.weight > b.weight)
            {
                best = Some((i, vote));
            }
        }
        match best {
            Some((group, vote)) => State {
                name: vote.name.clone(),
                severity: vote.severity,
                weight: vote.weight,
                winner: Some((group, vote.by)),
            },
            None if self.groups.iter().any(|g| g.decided) => {
                State { name: self.plan.rule.default.clone(), ..State::unknown() }
            }
            None => State::unknown(),
        }
    }

    fn cause(&self, from: &State, now: i64) -> Cause {
        if from.name == self.state.name {
            return Cause::Severity;
        }
        if from.is_unknown() || self.state.is_unknown() {
            return Cause::Unknown;
        }
        let entered = match self.state.winner {
            Some((group, By::State(state))) => self.groups[group].phases[state],
            _ => return Cause::Clear,
        };
        let entered_now = matches!(entered, crate::condition::Phase::On { entered, .. } if entered == now);
        if entered_now { Cause::Condition } else { Cause::Clear }
    }

    /// The next instant at which time alone changes something.
    pub(crate) fn due(&self, begin: i64) -> Option<i64> {
        let groups = self.groups.iter().zip(&self.plan.rule.groups);
        groups.filter_map(|(standing, group)| standing.due(group, begin)).min()
    }

    /// Whether its stored form grows old by time alone.
    pub(crate) fn is_counting(&self) -> bool {
        self.groups.iter().flat_map(|g| &g.phases).any(|p| p.is_counting())
    }
}
