//! Other rules, or another time, while the engine runs (§8, §3.2).
//!
//! Between two instants the scopes are made anew around what is known of time and values, and the instances of the
//! new rules take over where those of the old ones stood. A rule that is the same does not notice.
//!
//! Here: that exchange, and its sibling for a clock that was set back: the same rules, no time. Not here: finding
//! out that rules or clock have changed.
//! Invariant: reloading the same rules changes nothing and says nothing (I6); the counter of an instance goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::Cause;

use crate::engine::{Engine, Expect, Outputs, Reach, Resumed};
use crate::explain::Teller;
use crate::instance::{Change, Instance, REMOVED, State};
use crate::inventory::SourceId;
use crate::resume::Names;
use crate::ruleset::{Plan, RuleSet};
use crate::scope::Scope;
use crate::time::LONG_AGO;
use crate::watermark::Clock;

impl Engine {
    /// Puts other rules in force.
    pub(crate) fn reload(&mut self, rules: &RuleSet, outputs: &mut Outputs) {
        let inventory = Arc::clone(&self.inventory);
        self.settle();
        let mut old = std::mem::take(&mut self.scopes);
        let mut standing: BTreeMap<String, (usize, Instance)> = BTreeMap::new();
        for (i, scope) in old.iter_mut().enumerate() {
            for instance in std::mem::take(&mut scope.instances) {
                standing.insert(instance.plan.key(&inventory), (i, instance));
            }
        }
        let mut scopes: BTreeMap<Vec<SourceId>, Scope> = BTreeMap::new();
        let names = Names::of(rules);
        for plan in &rules.plans {
            let scope = self.scope_in(&mut scopes, &plan.sources);
            let instance = scope.add(Arc::clone(plan));
            let mark = self.take_over(plan, instance, &mut standing, &old, &names, outputs);
            scope.watermark = scope.watermark.max(mark);
        }
        if self.options.reach == Reach::Global {
            self.scope_in(&mut scopes, &[]);
        }
        for (was, instance) in standing.into_values() {
            self.remove(&old[was], instance, outputs);
        }
        for (sources, scope) in &mut scopes {
            if let Some(same) = old.iter_mut().find(|o| o.sources == *sources) {
                scope.adopt(&inventory, same);
            }
        }
        self.install(scopes.into_values().collect(), outputs);
    }

    /// Lets an instance go on where that of the old rule stood, under the same name or the one before; else where it
    /// stood when its rule was removed. Gives the watermark it had.
    fn take_over(
        &mut self,
        plan: &Plan,
        instance: &mut Instance,
        standing: &mut BTreeMap<String, (usize, Instance)>,
        old: &[Scope],
        names: &Names<'_>,
        outputs: &mut Outputs,
    ) -> i64 {
        if let Some((was, before)) = standing.remove(&plan.key(&self.inventory)) {
            instance.inherit(&before, old[was].watermark);
            return old[was].watermark;
        }
        // What it says is of a time that may have been set back since.
        let mut mark = self.resume(plan, instance, names, &mut Resumed::default());
        if mark > self.at + self.options.future_bound {
            instance.forget_time(mark, self.at);
            mark = LONG_AGO;
        }
        let renamed = names.before(plan).map(|name| plan.key_under(name, &self.inventory));
        let Some((was, before)) = renamed.and_then(|key| standing.remove(&key)) else { return mark };
        self.leave_counter(&before, old[was].watermark, outputs);
        let counter = instance.sequence;
        instance.inherit(&before, old[was].watermark);
        instance.sequence = instance.sequence.max(counter);
        mark.max(old[was].watermark)
    }

    /// Puts scopes in place; what is new among them takes the last values, and everything is judged.
    fn install(&mut self, scopes: Vec<Scope>, outputs: &mut Outputs) {
        self.scopes = scopes;
        self.wire();
        for i in 0..self.scopes.len() {
            if self.scopes[i].watermark == LONG_AGO {
                // Nothing has happened in it yet: no instant is passed over.
                self.scopes[i].watermark = self.mark_of(i).unwrap_or(LONG_AGO);
            }
            // A room that was taken over holds what is still to come.
            let fresh = !self.scopes[i].goes_on;
            self.with_scope(i, outputs, Scope::catch_up);
            let sources = self.scopes[i].sources.clone();
            if !self.scopes[i].goes_on && self.scopes[i].watermark > LONG_AGO {
                sources.iter().for_each(|s| self.scopes[i].meet(*s, self.clocks[s.0 as usize]));
            }
            let inventory = Arc::clone(&self.inventory);
            for (tag, known) in inventory.tags().filter(|(_, t)| sources.contains(&t.source)) {
                if let Some(Some(datapoint)) = self.last.get(tag.0 as usize) {
                    self.scopes[i].seed(known.source, tag, datapoint, fresh);
                }
            }
            self.with_scope(i, outputs, Scope::judge_all);
        }
        self.recount();
    }

    /// Which scopes each source belongs to, and by when their instances begin.
    pub(crate) fn wire(&mut self) {
        self.scopes_of.iter_mut().for_each(Vec::clear);
        for (i, scope) in self.scopes.iter_mut().enumerate() {
            scope.ready(&self.inventory);
            for source in &scope.sources {
                self.scopes_of[source.0 as usize].push(i);
            }
            let patience = scope.sources.iter().map(|s| self.inventory.source(*s).idle_timeout).max();
            if self.options.expect == Expect::Declared {
                scope.begin_by(self.start + patience.unwrap_or(0));
            }
        }
        self.wire_floods();
    }

    /// The last word of an instance whose rule is gone.
    fn remove(&mut self, scope: &Scope, mut instance: Instance, outputs: &mut Outputs) {
        let Some(since) = instance.since else {
            // It has not begun, but may have been here before: its counter goes on, should it come back once more, and
            // nothing else that is stored of it does.
            return self.leave_counter(&instance, scope.watermark, outputs);
        };
        // Nothing was heard since the clock was set back: then there is no other time than that of the clock.
        let now = if scope.watermark == LONG_AGO { self.at } else { scope.watermark };
        let from = std::mem::replace(&mut instance.state, State::of_nobody(REMOVED));
        instance.sequence += 1;
        instance.since = Some(now);
        let (suppressed, shelved) = (instance.silence.is_suppressed(), instance.silence.is_shelved());
        let cause = Cause::RuleRemoved;
        let change = Change { from, since, cause, suppressed, shelved, activation: None };
        let teller = Teller {
            identity: &self.identity,
            inventory: &self.inventory,
            signals: scope.signals(),
            at: self.at,
            watermark: now,
            zone: &self.options.zone,
        };
        outputs.transitions.push(teller.tell(&instance, &change, now));
        self.counts.transitions += 1;
        // Its counter outlives the rule: should it come back, no number comes again.
        let (key, bytes) = (instance.plan.key(&self.inventory), crate::stored::bytes(&instance, now));
        outputs.states.push((key.clone(), bytes.clone()));
        self.retired.insert(key, bytes);
    }

    /// The clock was set back to `at`: what waits is applied, then nothing is known until it is heard again.
    pub(crate) fn begin_again(&mut self, at: i64, outputs: &mut Outputs) {
        self.settle();
        let before = self.at;
        let mut scopes = Vec::new();
        for i in 0..self.scopes.len() {
            self.with_scope(i, outputs, Scope::apply_all);
        }
        // What that brought about belongs to the time that ends.
        self.count_floods(outputs);
        for i in 0..self.scopes.len() {
            let old = &self.scopes[i];
            let mut fresh = Scope::new(old.sources.clone(), Arc::clone(&old.name));
            let until = self.scopes[i].watermark;
            for mut instance in std::mem::take(&mut self.scopes[i].instances) {
                instance.pause(until);
                instance.forget_time(before, at);
                let place = fresh.add(Arc::clone(&instance.plan));
                instance.signals.clone_from(&place.signals);
                *place = instance;
            }
            scopes.push(fresh);
        }
        self.scopes = scopes;
        self.clocks.fill(Clock::default());
        self.last.fill(None);
        self.floods.forget();
        (self.start, self.at) = (at, at);
        self.wire();
        self.recount();
    }
}

#[cfg(test)]
mod tests;
