//! A rule on a machine: which of its groups wins, and what is told when that changes (§7.3 to §7.5, §9).
//!
//! Here: that. Not here: what a group says (`group`).
//! Invariant: a transition is told only when the name or the severity of the rule's state changes.

use std::rc::Rc;

use proto::{Cause, Severity};

use super::gate::{Gate, Is};
use super::group::{GroupRun, Of, Vote};
use super::harder::harder;
use super::history::{History, is_boundary};
use super::judge::{Known, Sight, not, truth};
use super::model::{Expr, Rule, UnknownPolicy, World};
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
    name: Rc<str>,
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
    pub(crate) tags: Vec<usize>,
    watches_time: bool,
    /// What its expressions said when they were judged last, in the order of `expressions`.
    judged: Vec<Option<Last>>,
    /// Of each state `when` and `clear` (or what it is not, without one), then the gates.
    expressions: Vec<Expr>,
    /// The lengths of its windows.
    lengths: Vec<i64>,
    pub(crate) begin: Option<i64>,
    pub(crate) groups: Vec<GroupRun>,
    says: Says,
    since: Option<i64>,
    sequence: u64,
    restarted: bool,
    /// It began though nothing was heard.
    silent: bool,
    verdicts: Vec<Vec<Judged>>,
    /// What the gates say; none: there is none.
    active: Option<Option<bool>>,
    suppress: Option<Option<bool>>,
    /// Whether a window that fills is all that keeps them from saying something.
    gate_fills: [bool; 2],
    gate: Gate,
    suppression: Gate,
    was_suppressed: bool,
    /// The state that lasts was entered while it was suppressed.
    entered_suppressed: bool,
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
            tags: rule.tags(),
            watches_time: rule.watches_time(),
            judged: Vec::new(),
            expressions: expressions(rule),
            lengths: rule.expressions().flat_map(Expr::windows).map(|(_, length)| length).collect(),
            begin: None,
            groups: groups.collect(),
            says,
            since: None,
            sequence: 0,
            restarted: false,
            silent: false,
            verdicts: Vec::new(),
            active: None,
            suppress: None,
            gate_fills: [false; 2],
            gate: Gate::default(),
            suppression: Gate::default(),
            was_suppressed: false,
            entered_suppressed: false,
            stale: Vec::new(),
        }
    }

    /// Looks at an instant. `touched`: to these tags datapoints were applied at it; none: no source was heard of.
    pub(crate) fn look(
        &mut self,
        world: &World,
        scope: &Scope,
        t: i64,
        touched: Option<&[usize]>,
    ) -> Option<Told> {
        let heard = touched.is_some();
        let idle = scope.sources.iter().map(|s| world.sources[*s].idle).max()?;
        if self.begin.is_none() && (heard || t >= scope.start + idle) {
            self.begin = Some(t);
            self.silent = !heard;
            self.since.get_or_insert(t);
        }
        let begin = self.begin?;
        let stale: Vec<bool> =
            self.tags.iter().map(|tag| scope.signals.stale(world, *tag, self.rule.stale, t)).collect();
        let waits = self.restarted && t <= begin + 60_000;
        let ticks = self.lengths.iter().any(|length| is_boundary(*length, t));
        if heard || ticks || stale != self.stale || self.verdicts.is_empty() || waits || self.watches_time {
            let was = std::mem::take(&mut self.stale);
            let changed = |tag: &usize| {
                let place = self.tags.iter().position(|other| other == tag);
                scope.signals.seen(*tag) && place.is_some_and(|place| was.get(place) != stale.get(place))
            };
            let due = |expr: &Expr| {
                expr.tags().iter().any(|tag| touched.is_some_and(|touched| touched.contains(tag)))
                    || expr.windows().iter().any(|(_, length)| is_boundary(*length, t))
                    || expr.outside().iter().any(changed)
            };
            let due: Vec<bool> = self.expressions.iter().map(due).collect();
            let tags = self.tags.clone();
            self.judge(
                &Sighted { scope, rule: &self.rule.clone(), world, tags: &tags, stale: &stale, t },
                &due,
            );
            self.stale = stale;
        }
        let from = self.patience(idle, scope, begin, t);
        let [active_fills, suppress_fills] = self.gate_fills;
        self.gate.advance(t, (self.active, active_fills), self.rule.unknown.after(), from);
        self.suppression.advance(t, (self.suppress, suppress_fills), self.rule.unknown.after(), from);
        let rule = &self.rule;
        for ((run, group), judged) in self.groups.iter_mut().zip(&rule.groups).zip(&self.verdicts) {
            match self.gate.is {
                Is::Open => run.advance(t, group, rule.unknown_of(group), judged, from),
                Is::Doubtful if self.gate.was_open() => {
                    run.advance(t, group, rule.unknown_of(group), judged, from)
                }
                Is::Closed | Is::Doubtful => run.rest(group, rule.unknown_of(group)),
            }
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

    /// Judges at an instant; what has windows only where it is due.
    fn judge(&mut self, sight: &Sighted<'_>, due: &[bool]) {
        self.judged.resize(self.expressions.len(), None);
        for ((expr, last), due) in self.expressions.iter().zip(&mut self.judged).zip(due) {
            let ages = ages(expr, sight);
            let windowed = !expr.windows().is_empty();
            if !windowed || *due || last.as_ref().is_none_or(|last| last.ages != ages) {
                let says = truth(expr, sight);
                let fills = windowed && says.is_none() && sight.fills(expr);
                *last = Some(Last { says, ages, fills });
            }
        }
        let says = |place: usize| self.judged[place].as_ref().and_then(|last| last.says);
        let fills = |place: usize| self.judged[place].as_ref().is_some_and(|last| last.fills);
        let (mut place, mut verdicts) = (0, Vec::new());
        for group in &self.rule.groups {
            let policy = self.rule.unknown_of(group);
            let mut judged = Vec::new();
            for state in &group.states {
                let as_false = |place: usize| match says(place) {
                    None if *policy == UnknownPolicy::AsFalse
                        && !self.waits_for(sight, &self.expressions[place], fills(place)) =>
                    {
                        Some(false)
                    }
                    truth => truth,
                };
                let (when, clear) = (as_false(place), as_false(place + 1));
                let clear = if state.clear.is_some() { clear } else { not(clear) };
                let (delay, hold, latch) = (state.delay, state.hold, state.latch);
                let (after, fills) = (policy.after(), [fills(place), fills(place + 1)]);
                judged.push(Judged { when, clear, delay, hold, latch, after, fills });
                place += 2;
            }
            verdicts.push(judged);
        }
        self.active = self.rule.active_if.as_ref().map(|_| says(place));
        let suppress = place + usize::from(self.rule.active_if.is_some());
        self.suppress = self.rule.suppress_if.as_ref().map(|_| says(suppress));
        let is_there = |place: usize| place < self.expressions.len();
        self.gate_fills = [place, suppress].map(|place| is_there(place) && fills(place));
        self.verdicts = verdicts;
    }

    /// After a restart Unknown does not count as false before the tag was heard, for a minute at most, nor while a
    /// window fills.
    fn waits_for(&self, sight: &Sighted<'_>, expr: &Expr, fills: bool) -> bool {
        if self.restarted && fills {
            return true;
        }
        let unheard = expr.tags().into_iter().any(|tag| !sight.scope.signals.seen(tag));
        self.restarted && unheard && self.begin.is_some_and(|begin| sight.t < begin + 60_000)
    }

    fn tell(&mut self, t: i64) -> Option<Told> {
        let now = self.now();
        if now == self.says && self.suppress.is_none() {
            return None;
        }
        let before = std::mem::replace(&mut self.says, now);
        let now = &self.says;
        let suppressed = self.suppression.is == Is::Open && self.rule.suppress_if.is_some();
        let ended = std::mem::replace(&mut self.was_suppressed, suppressed) && !suppressed;
        let cause = if before.name != now.name {
            self.cause(t, &before, now)
        } else if before.severity != now.severity {
            let sinks = now.severity < before.severity;
            let unheard_of = ended && self.entered_suppressed && now.severity >= Severity::Warning;
            if sinks && unheard_of { Cause::Unsuppressed } else { Cause::Severity }
        } else if ended && self.entered_suppressed && now.severity >= Severity::Warning {
            Cause::Unsuppressed
        } else {
            return None;
        };
        let same_name = before.name == now.name;
        // A state that matters less than before was told when it mattered more.
        let sinks = same_name && now.severity < before.severity;
        self.entered_suppressed = suppressed && (!sinks || self.entered_suppressed);
        let since = self.since.unwrap_or(t);
        if !same_name || now.severity != before.severity {
            self.since = Some(t);
        }
        self.sequence += 1;
        Some(Told {
            timestamp: t,
            rule: self.rule.name.clone(),
            sequence: self.sequence,
            from: before.name.to_string(),
            to: now.name.to_string(),
            cause,
            group: now.group.and_then(|group| self.rule.groups[group].name.clone()),
            weight: now.weight,
            severity: now.severity,
            since,
        })
    }

    fn now(&self) -> Says {
        let gated = |name: &str| Says {
            name: name.into(),
            severity: Severity::Info,
            weight: 0,
            group: None,
            of: None,
            doubt: false,
        };
        match self.gate.is {
            Is::Open => {}
            Is::Closed => return gated("Inactive"),
            Is::Doubtful => return gated("Unknown"),
        }
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
        if *before.name == *"Inactive" || *now.name == *"Inactive" {
            return Cause::Gate;
        }
        let unknown = |says: &Says| says.of == Some(Of::Unknown) || *says.name == *"Unknown";
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
        (self.gate, self.suppression) = (self.gate.paused(), self.suppression.paused());
        (self.verdicts, self.stale, self.judged) = (Vec::new(), Vec::new(), Vec::new());
    }
}

/// What an expression said when it was judged last.
#[derive(Debug, Clone)]
struct Last {
    says: Option<bool>,
    /// What its comparisons of ages said.
    ages: Vec<Option<bool>>,
    /// It says nothing, only because of windows that fill.
    fills: bool,
}

fn expressions(rule: &Rule) -> Vec<Expr> {
    let mut all = Vec::new();
    for group in &rule.groups {
        for state in &group.states {
            let clear = state.clear.clone().unwrap_or_else(|| harder(&state.when, &group.deadband));
            all.extend([state.when.clone(), clear]);
        }
    }
    all.extend(rule.active_if.iter().chain(&rule.suppress_if).cloned());
    all
}

fn ages(expr: &Expr, sight: &Sighted<'_>) -> Vec<Option<bool>> {
    expr.all().into_iter().filter(|e| matches!(e, Expr::Older(..))).map(|e| truth(e, sight)).collect()
}

/// What a rule sees of its scope at an instant.
#[derive(Debug)]
struct Sighted<'s> {
    scope: &'s Scope,
    rule: &'s Rule,
    world: &'s World,
    tags: &'s [usize],
    stale: &'s [bool],
    t: i64,
}

impl Sighted<'_> {
    /// Whether nothing is Unknown but windows that fill.
    fn fills(&self, expr: &Expr) -> bool {
        let mut any = false;
        for e in expr.all() {
            let Expr::Window(function, inner, length) = e else { continue };
            if self.window(function, inner, *length).is_some() {
                continue;
            }
            let history = self.history(inner);
            any = history.is_some_and(|h| h.fills(*length, self.t, self.rule.coverage));
            if !any {
                return false;
            }
        }
        any && expr.outside().into_iter().all(|tag| self.held(tag).is_some())
    }

    fn history(&self, inner: &Expr) -> Option<&History> {
        let of = |history: &&History| history.inner == *inner && history.stale == self.rule.stale;
        self.scope.histories.iter().find(of)
    }
}

impl Sight for Sighted<'_> {
    fn held(&self, tag: usize) -> Option<Known> {
        let place = self.tags.iter().position(|other| *other == tag)?;
        self.scope.signals.held(tag).filter(|_| !self.stale[place])
    }

    fn before(&self, tag: usize) -> Option<Known> {
        self.scope.signals.before(tag)
    }

    fn age(&self, tag: usize) -> Option<i64> {
        Some(self.t - self.scope.signals.stamped(tag)?)
    }

    fn window(&self, function: &str, inner: &Expr, length: i64) -> Option<Known> {
        let history = self.history(inner)?;
        let counter = match inner {
            Expr::Tag(tag) => self.world.tags[*tag].counter,
            _ => None,
        };
        history.says(function, length, self.t, self.rule.coverage, counter)
    }
}
