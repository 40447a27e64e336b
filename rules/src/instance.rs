//! A rule on a machine: its gate, its groups, the state they agree on, and when it changes (§7.3–7.7).
//!
//! Here: what an instant makes of it. Not here: which group wins and why (`agreed`), how a change is told (`explain`,
//! `telling`), what is stored of it (`stored`).
//! Invariant: a change is told once, and its sequence number is one more than that of the change before it.

use std::sync::Arc;

use proto::{Cause, Severity};

use crate::action::{self, Notice, Running};
use crate::activation::Activations;
use crate::condition::Says;
use crate::expr::eval::{Seen, Truth};
use crate::file::{Group, OnUnknown};
use crate::gate::Gate;
use crate::group::{Standing, UNKNOWN};
use crate::ruleset::{BoundCondition, Plan, Shape};
use crate::shelf::{Shelf, Silence};
use crate::sight::Sight;
use crate::time::{LONG_AGO, Millis};
use crate::value::Unknown;

mod agreed;
mod goes_on;
mod state;

pub(crate) use state::{Activated, Change, INACTIVE, REMOVED, State};

/// What runs for one rule on one machine.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) plan: Arc<Plan>,
    /// That of the plan, at hand.
    pub(crate) shape: Arc<Shape>,
    /// The signals behind the plan's slots.
    pub(crate) signals: Vec<usize>,
    /// What each program of the plan said when it was last judged.
    pub(crate) verdicts: Vec<Verdict>,
    /// The gate `active_if`.
    pub(crate) gate: Option<Gate>,
    /// When the gate opened last, so that nothing before it counts.
    pub(crate) opened: i64,
    pub(crate) groups: Vec<Standing>,
    pub(crate) state: State,
    /// Event time at which the state was entered; none before the instance began.
    pub(crate) since: Option<i64>,
    pub(crate) sequence: u64,
    pub(crate) silence: Silence,
    pub(crate) activations: Activations,
    /// The actions that are repeated.
    pub(crate) running: Vec<Running>,
    /// What somebody has just done, which is the cause of what follows from it.
    pub(crate) forced: Forced,
    /// It goes on after a restart: tags not heard since do not count as false for a while, nor do windows that fill.
    pub(crate) resuming: bool,
    /// The name under which the watermark of its scope is stored.
    pub(crate) scope: Arc<str>,
    /// Whether its stored form is older than it.
    pub(crate) unsaved: bool,
    /// It goes on under a new rule set that has the same programs: what they say is what they said.
    pub(crate) carried: bool,
}

/// What somebody has done to an instance since it was judged last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Forced {
    /// A latched state was let go of.
    pub(crate) reset: bool,
    /// It was silenced, or is to be heard again.
    pub(crate) silence: bool,
}

/// What a program says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) truth: Truth,
    /// Whether all its tags were heard since the start.
    pub(crate) heard: bool,
}

impl Verdict {
    /// Whether after a restart it waits: for its windows, and while that `is_patient` for its tags.
    fn waits(self, is_patient: bool) -> bool {
        self.truth == Truth::Filling || is_patient && !self.heard
    }
}

/// What an instant brought about.
#[derive(Debug, Default)]
pub(crate) struct Moved {
    pub(crate) change: Option<Change>,
    /// A shelving that ended by itself.
    pub(crate) ended: Option<Shelf>,
}

impl Instance {
    pub(crate) fn new(plan: Arc<Plan>, signals: Vec<usize>, scope: Arc<str>) -> Self {
        Self {
            groups: plan.rule.groups.iter().map(Standing::new).collect(),
            verdicts: vec![Verdict { truth: Truth::Unknown, heard: false }; plan.programs.len()],
            gate: plan.active_if.map(|_| Gate::default()),
            silence: Silence { gate: plan.suppress_if.map(|_| Gate::default()), ..Silence::default() },
            shape: Arc::clone(&plan.shape),
            plan,
            signals,
            opened: LONG_AGO,
            state: State::unknown(),
            since: None,
            sequence: 0,
            activations: Activations::default(),
            running: Vec::new(),
            forced: Forced::default(),
            resuming: false,
            scope,
            unsaved: true,
            carried: false,
        }
    }

    /// The windows that a program looks through.
    pub(crate) fn windows_of(&self, program: usize) -> &[usize] {
        &self.shape.programs[program].windows
    }

    /// Judges a program on what is seen; what it says counts from the next [`Instance::advance`] on.
    /// True: it says something else than before.
    pub(crate) fn judge(&mut self, program: usize, seen: &Sight<'_>) -> bool {
        let judged = &self.shape.programs[program];
        let heard = judged.slots.iter().all(|slot| *seen.held(*slot) != Err(Unknown::NeverSeen));
        let truth = match judged.program.judge(seen) {
            Truth::Unknown if seen.is_filling(judged) => Truth::Filling,
            truth => truth,
        };
        let verdict = Verdict { truth, heard };
        std::mem::replace(&mut self.verdicts[program], verdict) != verdict
    }

    /// Moves everything to an instant, on what the programs have said; `begin` is when Unknown began to count (§7.2).
    pub(crate) fn advance(&mut self, now: i64, begin: i64) -> Moved {
        let mut ended = self.silence.expire(now);
        if ended.is_some() {
            self.forced.silence = true;
        }
        self.judge_gates(now, begin);
        if self.is_open() {
            self.judge_groups(now, begin.max(self.opened));
        }
        let change = self.settle(now);
        let over = |change: &Change| {
            change.from.severity >= Severity::Warning && self.state.severity < Severity::Warning
        };
        if change.as_ref().is_some_and(over) {
            ended = self.silence.end_once().or(ended);
            self.silence.was = self.silence.is_silent();
        }
        Moved { change, ended }
    }

    /// For how long a gate that is Unknown keeps its last value.
    pub(crate) fn patience(&self) -> Millis {
        self.plan.rule.unknown_after
    }

    /// Whether its conditions are judged: its gate was open when it was last known.
    fn is_open(&self) -> bool {
        self.gate.is_none_or(|gate| gate.last() == Some(true))
    }

    fn judge_gates(&mut self, now: i64, begin: i64) {
        if self.gate.is_none() && self.silence.gate.is_none() {
            return;
        }
        let (patience, was_open) = (self.patience(), self.is_open());
        let of = |program: Option<usize>| program.map_or(Truth::Unknown, |p| self.verdicts[p].truth);
        let (active, suppressed) = (of(self.plan.active_if), of(self.plan.suppress_if));
        for (gate, truth) in [(&mut self.gate, active), (&mut self.silence.gate, suppressed)] {
            self.unsaved |= gate.as_mut().is_some_and(|gate| gate.judge(truth, patience, now, begin));
        }
        match (was_open, self.is_open()) {
            (true, true) | (false, false) => return,
            (false, true) => self.opened = now,
            (true, false) => {}
        }
        for (standing, group) in self.groups.iter_mut().zip(&self.plan.rule.groups) {
            standing.close(group);
        }
        self.resuming = false;
    }

    fn judge_groups(&mut self, now: i64, begin: i64) {
        let resuming = self.resuming;
        let groups = self.groups.iter_mut().zip(&self.plan.rule.groups).zip(&self.shape.conditions);
        for ((standing, group), conditions) in groups {
            let verdicts = &self.verdicts;
            let is_patient = now < begin + group.unknown.after();
            let waits = |c: &BoundCondition| {
                let waits = |program: usize| resuming && verdicts[program].waits(is_patient);
                (waits(c.when), c.clear.is_some_and(waits))
            };
            for (i, condition) in conditions.iter().enumerate() {
                let clear = condition.clear.map(|clear| verdicts[clear].truth);
                let says = Says { when: verdicts[condition.when].truth, clear };
                standing.take(group, i, says, || waits(condition));
            }
            self.unsaved |= standing.judge(group, now, begin);
        }
    }

    /// Takes the state that the groups agree on; a change is told when its name or severity differs, when silence ends
    /// over a state that began under it, and when somebody shelved the rule.
    fn settle(&mut self, now: i64) -> Option<Change> {
        self.unsaved |= self.since.is_none();
        let since = *self.since.get_or_insert(now);
        let silent = self.silence.is_silent();
        let was_silent = std::mem::replace(&mut self.silence.was, silent);
        let forced = std::mem::take(&mut self.forced);
        self.unsaved |= was_silent != silent || forced != Forced::default();
        let changed = self.change_state(now, forced.reset);
        let ended_over_it = was_silent && !silent && self.silence.began_under;
        // What was told of a state is not told again because it matters less by now.
        let sinks = changed.as_ref().is_some_and(|(from, _)| from.sinks_to(&self.state));
        let begins = changed.is_some() && !sinks;
        self.silence.began_under = silent && (begins || self.silence.began_under);
        let matters = self.state.severity >= Severity::Warning;
        let unsuppressed = (ended_over_it && matters && !begins).then_some(Cause::Unsuppressed);
        let (from, cause) = match (changed, unsuppressed) {
            (Some((from, cause)), unsuppressed) => (from, unsuppressed.unwrap_or(cause)),
            (None, unsuppressed) => {
                let cause = unsuppressed.or(forced.silence.then_some(Cause::Shelve))?;
                (self.state.clone(), cause)
            }
        };
        self.sequence += 1;
        let activation = (from.name != self.state.name).then(|| self.activated(now)).flatten();
        let (suppressed, shelved) = (self.silence.is_suppressed(), self.silence.is_shelved());
        Some(Change { from, since, cause, suppressed, shelved, activation })
    }

    fn change_state(&mut self, now: i64, reset: bool) -> Option<(State, Cause)> {
        let next = self.agreed()?;
        let same_severity = next.severity == self.state.severity;
        let from = std::mem::replace(&mut self.state, next);
        self.unsaved = true;
        if from.name == self.state.name && same_severity {
            return None;
        }
        self.since = Some(now);
        let cause = if reset { Cause::Reset } else { self.cause(&from, now) };
        Some((from, cause))
    }

    /// Counts a state that was entered, if it matters.
    fn activated(&mut self, now: i64) -> Option<Activated> {
        let matters = self.state.severity >= Severity::Warning && self.state.name != UNKNOWN;
        matters.then(|| {
            let begins = self.activations.count(now);
            Activated { chattering: self.activations.chattering, begins }
        })
    }

    /// Who is to be told of a change, which became that transition, and who is to be told again.
    pub(crate) fn notices(
        &mut self,
        change: Option<(&Change, &str)>,
        (now, watermark): (i64, i64),
    ) -> Vec<Notice> {
        let rule = Arc::clone(&self.plan.rule);
        let silent =
            change.map_or(self.silence.is_silent(), |(change, _)| change.suppressed || change.shelved);
        let mut notices = Vec::new();
        if let Some((change, transition)) = change.filter(|(change, _)| change.cause != Cause::Shelve) {
            let (name, severity) = (self.state.name.as_str(), self.state.severity);
            let sinks = change.cause != Cause::Unsuppressed && change.from.sinks_to(&self.state);
            // Where `Unknown` stands in for a state, what is repeated goes on, and it is no state that matters itself.
            let stands_in = self.state.stands_in();
            self.running.retain(|running| stands_in || sinks && running.is_for(name, severity));
            if !silent && !sinks {
                let severity = if stands_in { Severity::Info } else { severity };
                notices = action::start(&rule.actions, (name, severity), transition, now, &mut self.running);
            }
        }
        if !self.running.is_empty() {
            notices.extend(action::repeat(&rule.actions, (now, watermark), silent, &mut self.running));
        }
        self.unsaved |= !notices.is_empty();
        notices
    }

    /// The next instant after `now` at which time alone changes something.
    pub(crate) fn due(&self, now: i64, begin: i64) -> Option<i64> {
        let groups = self.groups.iter().zip(&self.plan.rule.groups).filter(|_| self.is_open());
        let opened = begin.max(self.opened);
        let due = |(standing, group): (&Standing, &Group)| {
            let waits = self.resuming && group.unknown == OnUnknown::AsFalse;
            let wait_ends = waits.then(|| opened + group.unknown.after()).filter(|end| *end > now);
            standing.due(group, now, opened).into_iter().chain(wait_ends).min()
        };
        let groups = groups.filter_map(due);
        let gate = self.gate.and_then(|gate| gate.due(self.patience(), now, begin));
        let silence = self.silence.due(self.patience(), now, begin);
        groups.chain(gate).chain(silence).chain(action::due(&self.running, now)).min()
    }

    /// Whether its stored form grows old by time alone.
    pub(crate) fn is_counting(&self) -> bool {
        !self.running.is_empty() || self.groups.iter().flat_map(|g| &g.phases).any(|p| p.is_counting())
    }
}
