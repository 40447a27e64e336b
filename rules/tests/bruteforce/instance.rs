//! A rule on a machine through time, and what is told of it (§7.4, §7.6, §7.9, §9).
//!
//! Here: that. Not here: what its expressions say (`verdicts`), what a group says (`group`), which group wins
//! (`says`), other versions of the rule (`carry`).
//! Invariant: a transition is told only when the name or the severity of the rule's state changes, silence ends over
//! a state that matters, or somebody sets or ends silence.

use proto::{Cause, Severity};

use super::gate::{Gate, Is};
use super::group::GroupRun;
use super::judge::not;
use super::model::{Order, Rule, UnknownPolicy, World};
use super::notices::Notices;
use super::says::Says;
use super::scope::Scope;
use super::silence::Silence;
use super::state::Judged;
use super::told::{Notice, Said, Told};
use super::verdicts::Verdicts;

#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) rule: Rule,
    pub(crate) machine: usize,
    pub(crate) tags: Vec<usize>,
    pub(super) verdicts: Verdicts,
    pub(crate) begin: Option<i64>,
    pub(crate) groups: Vec<GroupRun>,
    pub(super) says: Says,
    pub(super) since: Option<i64>,
    pub(crate) sequence: u64,
    pub(super) restarted: bool,
    pub(super) gate: Gate,
    pub(super) suppression: Gate,
    pub(crate) silence: Silence,
    pub(super) was_silent: bool,
    /// The state that lasts was entered while it was silent.
    pub(super) entered_silent: bool,
    pub(super) notices: Notices,
    /// When it was activated.
    pub(super) activations: Vec<i64>,
    pub(super) chattering: bool,
    /// Why something changes at this instant, whatever it is: the rule did, or a state was reset.
    pub(crate) forced: Option<Cause>,
    /// Somebody has set or ended silence, or its time is over.
    shelving: bool,
    /// The watermark when it was away last.
    pub(crate) mark: Option<i64>,
}

/// An instant at which an instance is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'l> {
    pub(crate) world: &'l World,
    pub(crate) scope: &'l Scope,
    pub(crate) t: i64,
    /// To these tags datapoints were applied; none: no source was heard of.
    pub(crate) touched: Option<&'l [usize]>,
}

impl Instance {
    /// `rule` is bound to the machine.
    pub(crate) fn new(rule: Rule, machine: usize) -> Self {
        let groups = rule.groups.iter().map(|group| GroupRun::new(group, rule.unknown_of(group)));
        Self {
            machine,
            tags: rule.tags(),
            verdicts: Verdicts::new(&rule),
            begin: None,
            groups: groups.collect(),
            says: Says::of_nobody("Unknown"),
            since: None,
            sequence: 0,
            restarted: false,
            gate: Gate::default(),
            suppression: Gate::default(),
            silence: Silence::default(),
            was_silent: false,
            entered_silent: false,
            notices: Notices::default(),
            activations: Vec::new(),
            chattering: false,
            forced: None,
            shelving: false,
            mark: None,
            rule,
        }
    }

    /// Looks at an instant, and judges.
    pub(crate) fn look(&mut self, look: Look<'_>, out: &mut Vec<Said>) {
        let Look { world, scope, t, touched } = look;
        if self.begin.is_none() && scope.begun.is_some() {
            self.begin = Some(t);
            self.since.get_or_insert(t);
        }
        if self.begin.is_some() {
            self.verdicts.judge(world, scope, t, touched);
            self.advance(look, out);
        }
    }

    /// Looks at an instant once more, on what was judged at it before.
    pub(crate) fn look_again(&mut self, look: Look<'_>, out: &mut Vec<Said>) {
        if self.begin.is_some() {
            self.advance(look, out);
        }
    }

    fn advance(&mut self, look: Look<'_>, out: &mut Vec<Said>) {
        let Look { world, scope, t, .. } = look;
        let Some(begin) = self.begin else { return };
        self.shelving |= self.silence.expire(t);
        let from = scope.patience(world, t).map(|from| from.max(begin));
        let after = self.rule.unknown.after();
        let gates = 2 * self.rule.groups.iter().map(|group| group.states.len()).sum::<usize>();
        let active = self.rule.active_if.as_ref().map(|_| self.verdicts.says(gates));
        let place = gates + usize::from(active.is_some());
        let suppress = self.rule.suppress_if.as_ref().map(|_| self.verdicts.says(place));
        let went_on = self.gate.went_on(active.is_some());
        let fills = |place: usize| self.verdicts.fills(place);
        self.gate.advance(t, (active, active.is_some() && fills(gates)), after, from);
        self.suppression.advance(t, (suppress, suppress.is_some() && fills(place)), after, from);
        let goes_on = self.gate.goes_on();
        // What begins anew when the gate opens does not wait for tags because of a restart before that.
        self.restarted &= went_on == goes_on;
        let verdicts = self.judged(scope, t);
        let rule = &self.rule;
        for ((run, group), judged) in self.groups.iter_mut().zip(&rule.groups).zip(&verdicts) {
            if goes_on {
                run.advance(t, group, rule.unknown_of(group), judged, from);
            } else {
                run.rest(group, rule.unknown_of(group));
            }
        }
        self.tell(look, out);
    }

    /// What the conditions of each state of each group say.
    pub(super) fn judged(&self, scope: &Scope, t: i64) -> Vec<Vec<Judged>> {
        let mut place = 0;
        let fills = |place: usize| self.verdicts.fills(place);
        let mut of_group = |group: &super::model::Group| {
            let policy = self.rule.unknown_of(group);
            let as_false = |place: usize| match self.verdicts.says(place) {
                None if *policy == UnknownPolicy::AsFalse && !self.waits_for(scope, t, place) => Some(false),
                truth => truth,
            };
            let of_state = |state: &super::model::State| {
                let (when, clear) = (as_false(place), as_false(place + 1));
                let clear = if state.clear.is_some() { clear } else { not(clear) };
                place += 2;
                let (delay, hold, latch) = (state.delay, state.hold, state.latch);
                let (after, fills) = (policy.after(), [fills(place - 2), fills(place - 1)]);
                Judged { when, clear, delay, hold, latch, after, fills }
            };
            group.states.iter().map(of_state).collect()
        };
        self.rule.groups.iter().map(&mut of_group).collect()
    }

    /// After a restart Unknown does not count as false before the tag was heard, for a minute at most, nor while a
    /// window fills.
    fn waits_for(&self, scope: &Scope, t: i64, place: usize) -> bool {
        if self.restarted && self.verdicts.fills(place) {
            return true;
        }
        let expr = &self.verdicts.expressions[place];
        let unheard = expr.tags().into_iter().any(|tag| !scope.signals.seen(tag));
        self.restarted && unheard && self.begin.is_some_and(|begin| t < begin + 60_000)
    }

    fn is_suppressed(&self) -> bool {
        self.rule.suppress_if.is_some() && self.suppression.is == Is::Open && self.suppression.went_on(true)
    }

    fn tell(&mut self, look: Look<'_>, out: &mut Vec<Said>) {
        let Look { scope, t, .. } = look;
        let now = Says::now(&self.rule, self.gate.is, &self.groups);
        let before = std::mem::replace(&mut self.says, now.clone());
        let (forced, shelving) = (self.forced.take(), std::mem::take(&mut self.shelving));
        let (suppressed, shelved) = (self.is_suppressed(), self.silence.is_on());
        let silent = suppressed || shelved;
        let ended = std::mem::replace(&mut self.was_silent, silent) && !silent;
        // A state that matters less than before was told when it mattered more.
        let sinks = before.name == now.name && now.severity < before.severity;
        let unheard_of = ended && self.entered_silent && now.matters();
        let cause = if before.name != now.name || before.severity != now.severity {
            Some(match forced {
                _ if sinks && unheard_of => Cause::Unsuppressed,
                Some(cause) => cause,
                None if before.name == now.name => Cause::Severity,
                None => now.cause(t, &before, &self.groups),
            })
        } else if unheard_of {
            Some(Cause::Unsuppressed)
        } else {
            shelving.then_some(Cause::Shelve)
        };
        if let Some(cause) = cause {
            self.told(look, &before, cause, (suppressed, shelved), out);
        }
        for word in self.notices.pass(t, scope.watermark.unwrap_or(t), self.was_silent) {
            self.notify(look, word, out);
        }
    }

    fn told(
        &mut self,
        look: Look<'_>,
        before: &Says,
        cause: Cause,
        (suppressed, shelved): (bool, bool),
        out: &mut Vec<Said>,
    ) {
        let t = look.t;
        let same_name = before.name == self.says.name;
        let changed = !same_name || before.severity != self.says.severity;
        let sinks = same_name && self.says.severity < before.severity;
        let since = self.since.unwrap_or(t);
        self.sequence += 1;
        if changed {
            self.since = Some(t);
            if before.matters() && !self.says.matters() {
                self.silence.end_once();
                self.was_silent = suppressed || self.silence.is_on();
            }
        }
        if cause != Cause::Shelve {
            self.entered_silent = (suppressed || shelved) && (!sinks || self.entered_silent);
        }
        let activation = changed && self.says.is_activation(before);
        let chatters = activation && self.activate(look, out);
        // That the rule is another one is no condition.
        let decided = match cause {
            Cause::RuleChanged if same_name => Cause::Severity,
            Cause::RuleChanged => self.says.cause(t, before, &self.groups),
            cause => cause,
        };
        let doubts = self.doubts(look, before, decided);
        let flags = [("suppressed", suppressed), ("shelved", shelved), ("chattering", chatters)];
        let flags = doubts.into_iter().chain(flags).filter(|(_, is)| *is).map(|(name, _)| name.to_owned());
        out.push(Said::Transition(Told {
            timestamp: t,
            rule: self.rule.name.clone(),
            machine: look.world.machines[self.machine].name.clone(),
            sequence: self.sequence,
            from: before.name.to_string(),
            to: self.says.name.to_string(),
            cause,
            group: self.says.group.and_then(|group| self.rule.groups[group].name.clone()),
            weight: self.says.weight,
            severity: self.says.severity,
            since,
            flags: flags.collect(),
            activation,
        }));
        self.act(look, before, cause, suppressed || shelved, out);
    }

    /// Counts an activation. True: it is one of three within a minute.
    fn activate(&mut self, look: Look<'_>, out: &mut Vec<Said>) -> bool {
        self.activations.push(look.t);
        let third = self.activations.len().checked_sub(3).map(|place| self.activations[place]);
        let chatters = third.is_some_and(|third| look.t - third <= 60_000);
        if chatters && !self.chattering {
            let machine = &look.world.machines[self.machine].name;
            let what = format!("chattering: {} {machine}", self.rule.name);
            out.push(Said::Event { timestamp: look.t, what });
        }
        self.chattering = chatters;
        chatters
    }

    /// Who is notified of a transition.
    fn act(&mut self, look: Look<'_>, before: &Says, cause: Cause, silent: bool, out: &mut Vec<Said>) {
        let same = before.name == self.says.name;
        if cause == Cause::Shelve || self.says.stands_in() {
            return;
        }
        if same && self.says.severity < before.severity && cause != Cause::Unsuppressed {
            return self.notices.fall(&self.says);
        }
        let words = self.notices.enter(&self.rule.actions, look.t, self.sequence, &self.says, silent);
        for word in words {
            self.notify(look, word, out);
        }
    }

    fn notify(&self, look: Look<'_>, (target, n, of): super::notices::Word, out: &mut Vec<Said>) {
        out.push(Said::Notice(Notice {
            timestamp: look.t,
            rule: self.rule.name.clone(),
            machine: look.world.machines[self.machine].name.clone(),
            target: target.into(),
            n,
            of,
            state: self.says.name.to_string(),
            severity: self.says.severity,
        }));
    }

    /// Somebody does something to it at a processing time. An error: why not.
    pub(crate) fn obey(&mut self, order: Order, at: i64) -> Result<(), &'static str> {
        if order != Order::Reset {
            self.silence.obey(order, at)?;
            self.shelving = true;
            return Ok(());
        }
        let is_judged = self.gate.goes_on();
        let mut place = 0;
        let mut latched = Vec::new();
        for (group, run) in self.rule.groups.iter().zip(&mut self.groups) {
            for (state, run) in group.states.iter().zip(&mut run.states) {
                if state.latch && run.is_on() {
                    // Behind a gate that is shut no condition is judged, so none holds.
                    latched.push((self.verdicts.says(place).filter(|_| is_judged), run));
                }
                place += 2;
            }
        }
        if latched.is_empty() {
            return Err("nothing latched");
        }
        latched.retain(|(when, _)| *when != Some(true));
        if latched.is_empty() {
            return Err("still true");
        }
        latched.into_iter().for_each(|(_, run)| run.let_go());
        self.forced = Some(Cause::Reset);
        Ok(())
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.since.is_some()
    }

    /// Its last word: its rule is gone. Where no time is known, it is that of the clock.
    pub(crate) fn removed(self, world: &World, at: i64) -> Option<Said> {
        let (since, timestamp) = (self.since?, self.mark.unwrap_or(at));
        let flags = [("suppressed", self.is_suppressed()), ("shelved", self.silence.is_on())];
        let flags = flags.into_iter().filter(|(_, is)| *is).map(|(name, _)| name.to_owned());
        Some(Said::Transition(Told {
            timestamp,
            machine: world.machines[self.machine].name.clone(),
            sequence: self.sequence + 1,
            from: self.says.name.to_string(),
            to: "Removed".into(),
            cause: Cause::RuleRemoved,
            group: None,
            weight: 0,
            severity: Severity::Info,
            since,
            flags: flags.collect(),
            activation: false,
            rule: self.rule.name,
        }))
    }

    /// The agent stopped when time had come to this instant. None: that is of no use any more, since the clock was
    /// set back.
    pub(crate) fn pause(&mut self, t: Option<i64>, epoch: bool) {
        self.groups.iter_mut().for_each(|group| group.pause(t));
        // One that had not begun before the agent stopped begins as if it were new.
        self.restarted = epoch || self.since.is_some();
        self.begin = None;
        (self.gate, self.suppression) = (self.gate.paused(), self.suppression.paused());
        self.notices.pause(t);
        self.verdicts.forget();
    }

    /// What was done to it before it began is not told after a restart.
    pub(crate) fn forget_shelving(&mut self) {
        (self.shelving, self.forced) = (false, None);
    }

    /// Nobody can say how long the break lasted.
    pub(crate) fn forget_break(&mut self) {
        self.groups.iter_mut().for_each(GroupRun::forget_break);
        (self.activations, self.chattering) = (Vec::new(), false);
    }
}
