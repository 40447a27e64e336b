//! Where instances go on after a restart, after a rule came back, and under a rule's new name (§8).
//!
//! Here: the scopes of a start, the stored state of an instance, and what of the line's activations it remembers. Not
//! here: what the bytes hold (`stored`), the exchange of rules at run time (`reload`).
//! Invariant: a number of a transition never comes again under the same name, whatever is found or lost.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::activation::Activation;
use crate::engine::{Engine, Outputs, Reach, Resumed};
use crate::instance::Instance;
use crate::inventory::SourceId;
use crate::ruleset::{Plan, RuleSet};
use crate::scope::Scope;
use crate::stored::mark::{OF_ALL, name_of};
use crate::stored::{Stored, bytes_of};
use crate::time::LONG_AGO;

/// The names of all rules, as far as anybody asks: a rule takes over from another name only when that is gone.
pub(crate) struct Names<'r>(BTreeSet<&'r str>);

impl<'r> Names<'r> {
    pub(crate) fn of(rules: &'r RuleSet) -> Self {
        let renamed = rules.plans.iter().any(|plan| plan.rule.renamed_from.is_some());
        let plans = rules.plans.iter().filter(|_| renamed);
        Self(plans.map(|plan| plan.rule.name.value.as_str()).collect())
    }

    /// The name that the rule had before, if no rule has it now.
    pub(crate) fn before<'p>(&self, plan: &'p Plan) -> Option<&'p str> {
        let before = plan.rule.renamed_from.as_ref().map(|name| name.value.as_str());
        before.filter(|name| !self.0.contains(name))
    }
}

impl Engine {
    /// Makes the scopes of a start.
    pub(crate) fn populate(&mut self, rules: &RuleSet, resumed: &mut Resumed) {
        let (mut scopes, names) = (BTreeMap::new(), Names::of(rules));
        if self.options.reach == Reach::Global {
            self.scope_in(&mut scopes, &[]);
        }
        for plan in &rules.plans {
            let scope = self.scope_in(&mut scopes, &plan.sources);
            let instance = scope.add(Arc::clone(plan));
            let mark = self.resume(plan, instance, &names, resumed);
            scope.watermark = scope.watermark.max(mark);
        }
        self.scopes = scopes.into_values().collect();
        self.leave_behind();
        for scope in &mut self.scopes {
            let back = scope.watermark - self.start;
            if back > self.options.future_bound {
                resumed.clock_back = resumed.clock_back.max(Some(back));
                scope.forget_break(self.start);
            }
        }
        self.wire();
        self.recount();
        self.remember_floods();
    }

    /// The scope of those sources that share a watermark with these.
    pub(crate) fn scope_in<'s>(
        &self,
        scopes: &'s mut BTreeMap<Vec<SourceId>, Scope>,
        sources: &[SourceId],
    ) -> &'s mut Scope {
        let inventory = &self.inventory;
        let (sources, is_of_all) = match self.options.reach {
            Reach::Inputs => (sources.to_vec(), false),
            Reach::Global => (inventory.sources().map(|(id, _)| id).collect(), true),
        };
        scopes.entry(sources).or_insert_with_key(|sources| {
            let name = if is_of_all { OF_ALL.to_owned() } else { name_of(sources, inventory) };
            Scope::new(sources.clone(), name.into())
        })
    }

    /// Those whose rule did not come back keep the watermark that they had.
    fn leave_behind(&mut self) {
        for (key, bytes) in &mut self.retired {
            let left = Stored::read(bytes).ok().and_then(|state| state.left(&self.marks));
            if let Some(left) = left {
                *bytes = bytes_of(&left);
                self.owed.insert(key.clone());
            }
        }
    }

    /// Lets a new instance go on where it stood when the agent stopped; gives the watermark it had then.
    pub(crate) fn resume(
        &mut self,
        plan: &Plan,
        instance: &mut Instance,
        names: &Names<'_>,
        resumed: &mut Resumed,
    ) -> i64 {
        let key = plan.key(&self.inventory);
        let bytes = self.retired.remove(&key);
        let own = bytes.as_ref().and_then(|bytes| match Stored::read(bytes) {
            Ok(state) => Some(state),
            Err(e) => {
                resumed.unreadable.push((key, e));
                None
            }
        });
        let lost = bytes.is_some() && own.is_none();
        let stored_at = own.as_ref().map_or(LONG_AGO, |state| state.watermark);
        let counter = own.as_ref().map_or(0, Stored::sequence);
        let own = own.filter(|state| !state.is_removed());
        let goes_on = own.as_ref().is_some_and(Stored::goes_on);
        let before = if goes_on { None } else { self.before_renaming(plan, names) };
        let marks = own.iter().chain(&before).map(|state| state.mark(&self.marks));
        let mark = marks.max().unwrap_or(LONG_AGO);
        if let Some(state) = before.or(own) {
            state.resume(instance);
        }
        instance.sequence = instance.sequence.max(counter).max(if lost { after_loss(self.start) } else { 0 });
        // Another rule, another name or another scope may have made something else of it.
        instance.unsaved = bytes.is_none_or(|bytes| bytes != crate::stored::bytes(instance, stored_at));
        mark
    }

    /// The stored state of an instance under the name that its rule had before; only its counter stays there.
    fn before_renaming(&mut self, plan: &Plan, names: &Names<'_>) -> Option<Stored> {
        let key = plan.key_under(names.before(plan)?, &self.inventory);
        let is_there = |state: &Stored| !state.is_removed() && state.goes_on();
        let state = Stored::read(self.retired.get(&key)?).ok().filter(is_there)?;
        let counter = bytes_of(&state.counter());
        self.owed.insert(key.clone());
        self.retired.insert(key, counter);
        Some(state)
    }

    /// An instance went on under another name: its counter stays under the one it had.
    pub(crate) fn leave_counter(&mut self, instance: &Instance, watermark: i64, outputs: &mut Outputs) {
        let key = instance.plan.key(&self.inventory);
        let counter = bytes_of(&crate::stored::stored(instance, watermark).counter());
        outputs.states.push((key.clone(), counter.clone()));
        self.retired.insert(key, counter);
    }

    /// Which scopes have a say in a line's watermark.
    pub(crate) fn wire_floods(&mut self) {
        let mut machines = BTreeSet::new();
        for (scope, held) in self.scopes.iter().enumerate() {
            machines.extend(held.instances.iter().map(|instance| (instance.plan.machine, scope)));
        }
        let inventory = &self.inventory;
        let line = |(machine, scope)| Some((inventory.machine(machine).line.as_deref()?, scope));
        self.floods.wire(machines.into_iter().filter_map(line));
    }

    /// Counts the activations of a step on their lines (§7.7).
    pub(crate) fn count_floods(&mut self, outputs: &mut Outputs) {
        if self.activations.is_empty() && !self.floods.is_waiting() {
            return;
        }
        let (new, mut floods) = (std::mem::take(&mut self.activations), std::mem::take(&mut self.floods));
        floods.pass(new, |scope| self.mark(&self.scopes[scope]), &mut outputs.events);
        self.floods = floods;
    }

    /// What instances remember of their activations before the restart.
    pub(crate) fn remember_floods(&mut self) {
        let mut before = Vec::new();
        for instance in self.scopes.iter().flat_map(|scope| &scope.instances) {
            let machine = self.inventory.machine(instance.plan.machine);
            let Some(line) = &machine.line else { continue };
            for timestamp in instance.activations.last.into_iter().filter(|t| *t > LONG_AGO) {
                let (rule, machine) = (instance.plan.rule.name.value.clone(), machine.id.clone());
                before.push(Activation { timestamp, rule, machine, line: line.clone() });
            }
        }
        self.floods.remember(before);
    }
}

/// The number of transitions with which an instance goes on whose own number is lost. It must not repeat one that it
/// had, since the id of a transition is made of it; no instance makes a transition every millisecond since 1970.
fn after_loss(start: i64) -> u64 {
    u64::try_from(start).unwrap_or_default()
}
