//! What people may see of an engine: its scopes with their watermarks, and its instances with their timers.
//!
//! A view borrows from the engine and copies nothing but numbers. It never shows more than a given number of
//! instances, those first that matter most, and takes one walk over all of them: about a millisecond for 200,000.
//!
//! Here: choosing and measuring. Not here: names and JSON (whoever shows it has the inventory), judging.
//! Invariant: looking changes nothing, and the same engine at the same time looks the same (I4).

use proto::Severity;

use crate::condition::Phase;
use crate::engine::Engine;
use crate::expr::eval::Truth;
use crate::group::{By, Standing, UNKNOWN};
use crate::instance::Instance;
use crate::inventory::{MachineId, SourceId, TagId};
use crate::ruleset::Plan;
use crate::scope::Scope;
use crate::shelf::Shelf;
use crate::time::{LONG_AGO, Millis};

/// An engine at one moment.
#[derive(Debug)]
pub struct EngineView<'e> {
    /// Its scopes, in the engine's order.
    pub scopes: Vec<ScopeView<'e>>,
    /// What matters most first, then by rule and machine.
    pub instances: Vec<InstanceView<'e>>,
    /// How all instances of each machine stand, shown or not.
    pub machines: Vec<MachineTally>,
}

/// Sources that share a watermark.
#[derive(Debug)]
pub struct ScopeView<'e> {
    /// They.
    pub sources: &'e [SourceId],
    /// Event time that is complete, ms since 1970 UTC; none before anything was heard.
    pub watermark: Option<i64>,
    /// The source that it waits for; none: it follows the clock.
    pub held_by: Option<SourceId>,
    /// Datapoints that wait for it.
    pub waiting: usize,
    /// Number of its instances.
    pub instances: usize,
}

/// A rule on a machine.
#[derive(Debug)]
pub struct InstanceView<'e> {
    /// The rule, the machine, the tags.
    pub plan: &'e Plan,
    /// Its scope, by its place in [`EngineView::scopes`].
    pub scope: usize,
    /// The state it is in.
    pub state: &'e str,
    /// How much that matters.
    pub severity: Severity,
    /// Event time at which it was entered, ms since 1970 UTC; none before the instance began.
    pub since: Option<i64>,
    /// Whether the gate `suppress_if` keeps it silent.
    pub suppressed: bool,
    /// Who shelved it, why and until when.
    pub shelf: Option<&'e Shelf>,
    /// Who took it out of service, and why.
    pub out_of_service: Option<&'e Shelf>,
    groups: &'e [Standing],
    winner: Option<(usize, By)>,
    watermark: i64,
}

/// What a group says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VoteView<'e> {
    /// The group; none in a rule without groups.
    pub group: Option<&'e str>,
    /// The state it votes for; none: it abstains.
    pub state: Option<&'e str>,
    /// What the vote weighs.
    pub weight: u32,
    /// Whether it decided.
    pub wins: bool,
}

/// A state that will be entered if its condition goes on to hold, or left if it goes on not to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingView<'e> {
    /// The state.
    pub state: &'e str,
    /// Time counted so far, ms.
    pub done_ms: Millis,
    /// The delay, ms.
    pub of_ms: Millis,
    /// The condition is Unknown: the time stands still.
    pub paused: bool,
    /// The state will be left: it is the off-delay that runs.
    pub leaving: bool,
}

/// A state that stays until somebody resets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatchedView<'e> {
    /// The state.
    pub state: &'e str,
    /// Its condition does not hold any more, or cannot be known: it can be reset.
    pub resettable: bool,
}

/// How a machine's instances stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MachineTally {
    /// The worst severity among those that are not silent.
    pub worst: Severity,
    /// How many there are.
    pub instances: usize,
    /// How many are of severity Warning and above, and not silent.
    pub wrong: usize,
    /// How many are of severity Warning and above, but suppressed, shelved or out of service.
    pub silenced: usize,
    /// How many are in `Unknown`.
    pub unknown: usize,
}

/// How urgently an instance is shown; fewer are more urgent.
const URGENCIES: usize = 6;

impl Engine {
    /// How it stands at processing time `at`, with at most `instances_max` instances. `machines`: how many there
    /// are.
    #[must_use]
    pub fn view(&self, at: i64, machines: usize, instances_max: usize) -> EngineView<'_> {
        let mut tallies = vec![MachineTally::default(); machines];
        let mut urgent: [Vec<InstanceView<'_>>; URGENCIES] = Default::default();
        for (place, scope) in self.scopes().iter().enumerate() {
            for instance in &scope.instances {
                if let Some(tally) = tallies.get_mut(instance.plan.machine.0 as usize) {
                    tally.add(instance);
                }
                let shelf = &mut urgent[urgency(instance)];
                if shelf.len() < instances_max {
                    shelf.push(InstanceView::of(instance, place, self.mark(scope)));
                }
            }
        }
        urgent.iter_mut().for_each(|shelf| shelf.sort_by(|a, b| a.order().cmp(&b.order())));
        let instances = urgent.into_iter().flatten().take(instances_max).collect();
        EngineView {
            scopes: self.scopes().iter().map(|scope| self.scope_view(scope, at)).collect(),
            instances,
            machines: tallies,
        }
    }

    fn scope_view<'e>(&self, scope: &'e Scope, at: i64) -> ScopeView<'e> {
        let holds = |source: &&SourceId| self.holder(**source).holds_until().is_some_and(|until| at <= until);
        let holding = scope.sources.iter().filter(holds);
        let watermark = self.mark(scope);
        ScopeView {
            sources: &scope.sources,
            watermark: (watermark > LONG_AGO).then_some(watermark),
            held_by: holding.min_by_key(|source| self.holder(**source).clock.frontier).copied(),
            waiting: scope.waiting(),
            instances: scope.instances.len(),
        }
    }
}

/// Critical, alarm, warning, about to change, Unknown, all others.
fn urgency(instance: &Instance) -> usize {
    let pending = || instance.groups.iter().flat_map(|g| &g.phases).any(|p| matches!(p, Phase::Pending(_)));
    match instance.state.severity {
        Severity::Critical => 0,
        Severity::Alarm => 1,
        Severity::Warning => 2,
        Severity::Info if pending() => 3,
        Severity::Info if instance.state.name == UNKNOWN => 4,
        Severity::Info => 5,
    }
}

impl MachineTally {
    fn add(&mut self, instance: &Instance) {
        let (is_wrong, is_silent) =
            (instance.state.severity >= Severity::Warning, instance.silence.is_silent());
        self.instances += 1;
        self.wrong += usize::from(is_wrong && !is_silent);
        self.silenced += usize::from(is_wrong && is_silent);
        if !is_silent {
            self.worst = self.worst.max(instance.state.severity);
        }
        self.unknown += usize::from(instance.state.name == UNKNOWN);
    }
}

impl<'e> InstanceView<'e> {
    fn of(instance: &'e Instance, scope: usize, watermark: i64) -> Self {
        Self {
            plan: &instance.plan,
            scope,
            state: &instance.state.name,
            severity: instance.state.severity,
            since: instance.since,
            suppressed: instance.silence.is_suppressed(),
            shelf: instance.silence.shelf.as_deref(),
            out_of_service: instance.silence.out_of_service.as_deref(),
            groups: &instance.groups,
            winner: instance.state.winner,
            watermark,
        }
    }

    fn order(&self) -> (&'e str, MachineId) {
        (&self.plan.rule.name.value, self.plan.machine)
    }

    /// What its groups say, in the order of the file.
    pub fn votes(&self) -> impl Iterator<Item = VoteView<'e>> {
        let winner = self.winner.map(|(group, _)| group);
        self.groups.iter().zip(&self.plan.rule.groups).enumerate().map(move |(i, (standing, group))| {
            VoteView {
                group: group.name.as_deref(),
                state: standing.vote.as_ref().map(|v| v.name.as_str()),
                weight: standing.vote.as_ref().map_or(0, |v| v.weight),
                wins: winner == Some(i),
            }
        })
    }

    /// The states that wait for their delay, on or off.
    pub fn pending(&self) -> impl Iterator<Item = PendingView<'e>> {
        let watermark = self.watermark;
        let states =
            self.groups.iter().zip(&self.plan.rule.groups).flat_map(|(s, g)| s.phases.iter().zip(&g.states));
        states.filter_map(move |(phase, state)| {
            let (count, leaving) = (phase.count()?, phase.is_on());
            let of_ms = if leaving { state.hold } else { state.delay };
            let (done_ms, paused) = (count.at(watermark).min(of_ms), count.counting_from.is_none());
            Some(PendingView { state: &state.named.name, done_ms, of_ms, paused, leaving })
        })
    }

    /// The states that are latched.
    pub fn latched(&self) -> impl Iterator<Item = LatchedView<'e>> {
        let groups = self.groups.iter().zip(&self.plan.rule.groups);
        groups.flat_map(|(standing, group)| {
            standing.latched(group).map(|i| LatchedView {
                state: &group.states[i].named.name,
                resettable: standing.says[i].when != Truth::True,
            })
        })
    }

    /// The condition that holds the state: its text, and the tags it reads; none when no condition does.
    #[must_use]
    pub fn because(&self) -> Option<(&'e str, Vec<TagId>)> {
        let Some((group, By::State(state))) = self.winner else { return None };
        let condition = self.plan.conditions.get(group)?.get(state)?;
        let tags = self
            .plan
            .slots_of(condition)
            .iter()
            .filter_map(|slot| self.plan.slots.get(*slot))
            .copied()
            .collect();
        Some((&self.plan.rule.groups.get(group)?.states.get(state)?.when.text, tags))
    }
}

#[cfg(test)]
mod tests;
