//! A rule on a machine: which of its groups wins, and what is told when that changes (§7.3 to §7.5, §9).
//!
//! Here: that. Not here: what a group says (`group`).
//! Invariant: a transition is told only when the name or the severity of the rule's state changes.

use proto::{Cause, Severity};

use super::group::{GroupRun, Of, Vote};
use super::judge::{Known, truth};
use super::model::{Expr, Group, Rule, UnknownPolicy, World};
use super::scope::Scope;
use super::state::Judged;

/// What is compared of a transition.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) timestamp: i64,
    pub(crate) rule: String,
    pub(crate) sequence: u64,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) cause: Cause,
    pub(crate) group: Option<String>,
    pub(crate) weight: u32,
    pub(crate) severity: Severity,
    pub(crate) since: i64,
}

/// What the rule says.
#[derive(Debug, Clone, PartialEq)]
struct Says {
    name: String,
    severity: Severity,
    weight: u32,
    group: Option<usize>,
    of: Option<Of>,
    /// Its group is undecided and gave up what it said before.
    doubt: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) rule: Rule,
    pub(crate) begin: Option<i64>,
    pub(crate) groups: Vec<GroupRun>,
    says: Says,
    since: Option<i64>,
    sequence: u64,
    restarted: bool,
    /// It began though nothing was heard.
    silent: bool,
    verdicts: Vec<Vec<Judged>>,
    stale: Vec<bool>,
}

impl Instance {
    pub(crate) fn new(rule: &Rule) -> Self {
        let groups = rule.groups.iter().map(|group| GroupRun::new(group, rule.unknown_of(group)));
        let says = Says {
            name: "Unknown".into(),
            severity: Severity::Info,
            weight: 0,
            group: None,
            of: None,
            doubt: false,
        };
        Self {
            rule: rule.clone(),
            begin: None,
            groups: groups.collect(),
            says,
            since: None,
            sequence: 0,
            restarted: false,
            silent: false,
            verdicts: Vec::new(),
            stale: Vec::new(),
        }
    }

    /// Looks at an instant. `touched`: datapoints were applied at it; `heard`: some source of the scope was heard of.
    pub(crate) fn look(
        &mut self,
        world: &World,
        scope: &Scope,
        t: i64,
        touched: bool,
        heard: bool,
    ) -> Option<Told> {
        let idle = scope.sources.iter().map(|s| world.sources[*s].idle).max()?;
        if self.begin.is_none() && (heard || t >= scope.start + idle) {
            self.begin = Some(t);
            self.silent = !heard;
            self.since.get_or_insert(t);
        }
        let begin = self.begin?;
        let tags = self.rule.tags();
        let stale: Vec<bool> =
            tags.iter().map(|tag| scope.signals.stale(world, *tag, self.rule.stale, t)).collect();
        let waits = self.restarted && t <= begin + 60_000;
        if touched || stale != self.stale || self.verdicts.is_empty() || waits {
            self.verdicts = self.judge(scope, &tags, &stale, t);
            self.stale = stale;
        }
        let from = self.patience(idle, scope, begin, t);
        let rule = &self.rule;
        for ((run, group), judged) in self.groups.iter_mut().zip(&rule.groups).zip(&self.verdicts) {
            run.advance(t, group, rule.unknown_of(group), judged, from);
        }
        self.tell(t)
    }

    /// From when on `unknown.after` counts.
    fn patience(&self, idle: i64, scope: &Scope, begin: i64, t: i64) -> Option<i64> {
        let mut from = begin;
        for source in scope.sources.iter().copied() {
            let latest = if self.silent { begin } else { begin + idle };
            match scope.signals.first(source) {
                Some(first) => from = from.max(first.min(latest)),
                None if t >= latest => from = from.max(latest),
                None => return None,
            }
        }
        Some(from)
    }

    fn judge(&self, scope: &Scope, tags: &[usize], stale: &[bool], t: i64) -> Vec<Vec<Judged>> {
        let held = |tag: usize| -> Option<Known> {
            let place = tags.iter().position(|other| *other == tag)?;
            scope.signals.held(tag).filter(|_| !stale[place])
        };
        let state = |group: &Group, place: usize| {
            let (state, policy) = (&group.states[place], self.rule.unknown_of(group));
            let when = truth(&state.when, &held);
            let when = match (when, policy) {
                (None, UnknownPolicy::AsFalse) if !self.waits_for(scope, &state.when, t) => Some(false),
                _ => when,
            };
            let clear = when.map(|when| !when);
            Judged { when, clear, delay: state.delay, hold: 0, after: policy.after() }
        };
        let group = |group: &Group| (0..group.states.len()).map(|place| state(group, place)).collect();
        self.rule.groups.iter().map(group).collect()
    }

    /// After a restart Unknown does not count as false before the tag was heard, for a minute at most.
    fn waits_for(&self, scope: &Scope, expr: &Expr, t: i64) -> bool {
        let unheard = expr.tags().into_iter().any(|tag| !scope.signals.seen(tag));
        self.restarted && unheard && self.begin.is_some_and(|begin| t < begin + 60_000)
    }

    fn tell(&mut self, t: i64) -> Option<Told> {
        let now = self.now();
        let before = std::mem::replace(&mut self.says, now);
        let now = &self.says;
        let cause = if before.name != now.name {
            self.cause(t, &before, now)
        } else if before.severity != now.severity {
            Cause::Severity
        } else {
            return None;
        };
        let since = self.since.replace(t).unwrap_or(t);
        self.sequence += 1;
        Some(Told {
            timestamp: t,
            rule: self.rule.name.clone(),
            sequence: self.sequence,
            from: before.name,
            to: now.name.clone(),
            cause,
            group: now.group.and_then(|group| self.rule.groups[group].name.clone()),
            weight: now.weight,
            severity: now.severity,
            since,
        })
    }

    fn now(&self) -> Says {
        let mut best: Option<(usize, &Vote)> = None;
        for (place, run) in self.groups.iter().enumerate() {
            let Some(vote) = &run.vote else { continue };
            if best.is_none_or(|(_, best)| vote.weight > best.weight) {
                best = Some((place, vote));
            }
        }
        if let Some((place, vote)) = best {
            return Says {
                name: vote.name.clone(),
                severity: vote.severity,
                weight: vote.weight,
                group: Some(place),
                of: Some(vote.of),
                doubt: !self.groups[place].decided,
            };
        }
        let decided = self.groups.iter().any(|group| group.decided);
        let default = self.rule.default.clone().unwrap_or_else(|| "Normal".into());
        let name = if decided { default } else { "Unknown".into() };
        Says { name, severity: Severity::Info, weight: 0, group: None, of: None, doubt: false }
    }

    fn cause(&self, t: i64, before: &Says, now: &Says) -> Cause {
        let unknown = |says: &Says| says.of == Some(Of::Unknown) || says.name == "Unknown";
        let state = |says: &Says| match (says.group, says.of) {
            (Some(group), Some(Of::State(state))) => Some(&self.groups[group].states[state]),
            _ => None,
        };
        let lost = before.group.is_some_and(|group| !self.groups[group].decided);
        if unknown(before) || unknown(now) || before.doubt || now.doubt || lost {
            return Cause::Unknown;
        }
        if state(now).is_some_and(|state| state.entered == Some(t)) { Cause::Condition } else { Cause::Clear }
    }

    /// The agent stopped when time had come to this instant. None: that is of no use any more, since the clock was
    /// set back.
    pub(crate) fn pause(&mut self, t: Option<i64>, epoch: bool) {
        self.groups.iter_mut().for_each(|group| group.pause(t));
        self.restarted |= self.begin.is_some() || epoch;
        self.begin = None;
        (self.verdicts, self.stale) = (Vec::new(), Vec::new());
    }
}
