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
use crate::group::Standing;
use crate::instance::{Change, Instance, REMOVED, State};
use crate::inventory::SourceId;
use crate::resume::Names;
use crate::ruleset::{Plan, RuleSet};
use crate::scope::Scope;
use crate::time::LONG_AGO;
use crate::watermark::Clock;

/// An instance comes with the reload that goes on.
const COMES: i64 = i64::MAX;

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
            let sources = self.reach_of(&plan.sources);
            let scope = scopes.entry(sources).or_insert_with_key(|s| Scope::new(s.clone()));
            let instance = scope.add(Arc::clone(plan));
            let mark = self.take_over(plan, instance, &mut standing, &old, &names, outputs);
            scope.watermark = scope.watermark.max(mark);
        }
        if self.options.reach == Reach::Global {
            let all = self.reach_of(&[]);
            scopes.entry(all).or_insert_with_key(|s| Scope::new(s.clone()));
        }
        for (was, instance) in standing.into_values() {
            self.remove(&old[was], instance, outputs);
        }
        for (sources, scope) in &mut scopes {
            if let Some(same) = old.iter_mut().find(|o| o.sources == *sources) {
                scope.adopt(&inventory, same);
            }
        }
        self.install(scopes.into_values().collect(), &old, outputs);
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
        let mark = self.resume(plan, instance, names, &mut Resumed::default());
        instance.came = COMES;
        let mark = if mark > self.at + self.options.future_bound { LONG_AGO } else { mark };
        let renamed = names.before(plan).map(|name| plan.key_under(name, &self.inventory));
        let Some((was, before)) = renamed.and_then(|key| standing.remove(&key)) else { return mark };
        self.leave_counter(&before, old[was].watermark, outputs);
        let counter = instance.sequence;
        instance.inherit(&before, old[was].watermark);
        instance.sequence = instance.sequence.max(counter);
        mark.max(old[was].watermark)
    }

    /// The sources that share a watermark with these.
    fn reach_of(&self, sources: &[SourceId]) -> Vec<SourceId> {
        match self.options.reach {
            Reach::Inputs => sources.to_vec(),
            Reach::Global => self.inventory.sources().map(|(id, _)| id).collect(),
        }
    }

    /// Puts scopes in place, and everything is judged. What is new among them takes the last values and what is known of
    /// its sources; one that was there, the last values of tags that nobody read in it. What was read goes on as it was.
    fn install(&mut self, scopes: Vec<Scope>, old: &[Scope], outputs: &mut Outputs) {
        self.scopes = scopes;
        self.wire();
        for i in 0..self.scopes.len() {
            if self.scopes[i].watermark == LONG_AGO {
                // Nothing has happened in it yet: no instant is passed over.
                self.scopes[i].watermark = self.mark_of(i).unwrap_or(LONG_AGO);
            }
            self.with_scope(i, outputs, Scope::catch_up);
            let before = old.iter().find(|before| before.sources == self.scopes[i].sources);
            // A scope in which nothing has happened yet hears of its sources from what waits.
            if before.is_none() && self.scopes[i].watermark != LONG_AGO {
                for source in self.scopes[i].sources.clone() {
                    self.scopes[i].know(source, self.clocks[source.0 as usize]);
                }
            }
            for tag in self.scopes[i].signals().tags() {
                if before.is_none_or(|before| !before.signals().reads(tag))
                    && let Some(Some(datapoint)) = self.last.get(tag.0 as usize)
                {
                    let source = self.inventory.tag(tag).source;
                    self.scopes[i].seed(source, tag, datapoint, before.is_none());
                }
            }
            let now = self.scopes[i].watermark;
            let stays = before.is_some_and(|before| before.watermark == now);
            for instance in &mut self.scopes[i].instances {
                instance.came = instance.came.min(now);
                instance.as_before &= stays;
            }
            self.with_scope(i, outputs, Scope::judge_all);
        }
        self.recount();
    }

    /// Which scopes each source belongs to, and by when their instances begin.
    pub(crate) fn wire(&mut self) {
        self.scopes_of.iter_mut().for_each(Vec::clear);
        for (i, scope) in self.scopes.iter_mut().enumerate() {
            scope.ready();
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
            // It has not begun, but may have been here before: its counter goes on, should it come back once more.
            if instance.sequence > 0 {
                self.leave_counter(&instance, scope.watermark, outputs);
            }
            return;
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
            let mut fresh = Scope::new(self.scopes[i].sources.clone());
            let until = self.scopes[i].watermark;
            for mut instance in std::mem::take(&mut self.scopes[i].instances) {
                instance.pause(until);
                instance.groups.iter_mut().for_each(Standing::forget_break);
                instance.silence.set_back(before, at);
                instance.unsaved = true;
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
mod tests {
    use super::*;
    use crate::diagnose::Report;
    use crate::engine::{Batch, Datapoint, Identity, Input, Options, Subject};
    use crate::inventory::{Inventory, Machine, Source, Tag, TagId};
    use crate::value::{Type, Value};
    use proto::{Flags, Quality, Transition};

    const SLOW: &str = "[rule.slow]\non = 'm'\nwhen = 'a > 10'\nfor = '5 s'";
    const QUICK: &str = "[rule.slow]\non = 'm'\nwhen = 'a > 10'\nfor = '2 s'";

    /// One machine with the tags `a` and `b`, and an engine for it.
    struct Bench {
        inventory: Arc<Inventory>,
        engine: Engine,
        sequence: u64,
    }

    impl Bench {
        fn new(rules: &str) -> Self {
            let mut inventory = Inventory::default();
            let machine =
                Machine { name: "m".into(), id: "m".into(), line: None, class: None, ..Machine::default() };
            let machine = inventory.add_machine(machine);
            let source =
                Source { id: "s".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
            let source = inventory.add_source(source);
            for name in ["a", "b"] {
                let tag = Tag {
                    machine,
                    source,
                    name: name.into(),
                    kind: Type::Float,
                    unit: None,
                    range: None,
                    ..Tag::default()
                };
                inventory.add_tag(tag).unwrap();
            }
            let inventory = Arc::new(inventory);
            let identity = Identity { agent_id: "x".into(), incarnation: "0".into(), site: None };
            let set = set(&inventory, rules);
            let stored = BTreeMap::new();
            let (engine, _) =
                Engine::new(Arc::clone(&inventory), &set, identity, Options::default(), 0, &stored);
            Self { inventory, engine, sequence: 0 }
        }

        /// Both tags at an instant, as one scan.
        fn scan(&mut self, now: i64, a: f64, b: f64) -> Vec<String> {
            let datapoint = |(tag, value): (u32, f64)| {
                self.sequence += 1;
                Datapoint {
                    subject: Subject::Tag(TagId(tag)),
                    timestamp: now,
                    value: Ok(Value::Float(value)),
                    quality: Quality::Ok,
                    flags: if tag == 1 { Flags::WMK } else { Flags::NONE },
                    sequence: self.sequence,
                }
            };
            let datapoints = [(0, a), (1, b)].map(datapoint).to_vec();
            let outputs = self.engine.step(Input::Datapoints(Batch { source: SourceId(0), datapoints }), now);
            told(&outputs.transitions)
        }

        fn reload(&mut self, rules: &str, at: i64) -> Vec<String> {
            let set = set(&self.inventory, rules);
            told(&self.engine.step(Input::Rules(set), at).transitions)
        }
    }

    fn set(inventory: &Inventory, rules: &str) -> RuleSet {
        let mut report = Report::default();
        let file = report.add_file("r.toml", rules);
        let set = RuleSet::load(&mut report, &[file], inventory);
        assert_eq!(report.errors(), 0, "{}", report.render(false));
        set
    }

    fn told(transitions: &[Transition]) -> Vec<String> {
        let line = |t: &Transition| {
            let cause = serde_json::to_string(&t.cause).unwrap();
            format!("{} {}#{} {}>{} {cause}", t.timestamp, t.rule_id, t.sequence_number, t.from, t.to)
        };
        transitions.iter().map(line).collect()
    }

    #[test]
    fn reloading_the_same_rules_says_nothing_and_keeps_a_running_delay() {
        let mut bench = Bench::new(SLOW);
        assert_eq!(bench.scan(1_000, 20.0, 0.0), ["1000 slow#1 Unknown>Normal \"unknown\""]);
        assert_eq!(bench.reload(SLOW, 3_000), [""; 0]);
        assert_eq!(bench.scan(5_999, 20.0, 0.0), [""; 0]);
        assert_eq!(bench.scan(6_100, 20.0, 0.0), ["6000 slow#2 Normal>Active \"condition\""]);
        assert_eq!(bench.reload(SLOW, 6_200), [""; 0]);
        assert_eq!(bench.scan(7_000, 1.0, 0.0), ["7000 slow#3 Active>Normal \"clear\""]);
    }

    #[test]
    fn another_delay_under_the_same_condition_is_judged_at_once() {
        let mut bench = Bench::new(SLOW);
        bench.scan(1_000, 20.0, 0.0);
        bench.scan(4_000, 20.0, 0.0);
        assert_eq!(bench.reload(QUICK, 4_100), ["4000 slow#2 Normal>Active \"ruleChanged\""]);
    }

    #[test]
    fn a_state_that_is_on_stays_on_unless_the_new_condition_is_false() {
        let mut bench = Bench::new(QUICK);
        bench.scan(1_000, 20.0, 0.0);
        bench.scan(4_000, 20.0, 0.0);
        let still = "[rule.slow]\non = 'm'\nwhen = 'a > 15'\nfor = '1 h'";
        assert_eq!(bench.reload(still, 4_100), [""; 0]);
        let no_more = "[rule.slow]\non = 'm'\nwhen = 'a > 25'";
        assert_eq!(bench.reload(no_more, 4_200), ["4000 slow#3 Active>Normal \"ruleChanged\""]);
    }

    #[test]
    fn a_new_rule_is_judged_at_once_on_values_that_nobody_had_read() {
        let mut bench = Bench::new(SLOW);
        bench.scan(1_000, 1.0, 7.0);
        let both = format!("{SLOW}\n[rule.other]\non = 'm'\nwhen = 'b > 5'");
        assert_eq!(bench.reload(&both, 1_500), ["1000 other#1 Unknown>Active \"ruleChanged\""]);
    }

    #[test]
    fn a_removed_rule_says_so_and_its_counter_goes_on_when_it_comes_back() {
        let mut bench = Bench::new(SLOW);
        bench.scan(1_000, 1.0, 0.0);
        let other = "[rule.other]\non = 'm'\nwhen = 'b > 5'";
        let said = bench.reload(other, 1_500);
        assert_eq!(said[0], "1000 slow#2 Normal>Removed \"ruleRemoved\"");
        assert!(bench.reload(SLOW, 1_600).contains(&"1000 slow#3 Unknown>Normal \"ruleChanged\"".to_owned()));
    }

    #[test]
    fn when_the_clock_goes_back_nothing_is_judged_on_the_old_time() {
        let mut bench = Bench::new(SLOW);
        bench.scan(1_000_000, 1.0, 0.0);
        bench.scan(1_001_000, 20.0, 0.0);
        assert_eq!(told(&bench.engine.step(Input::Epoch, 500_000).transitions), [""; 0]);
        assert_eq!(bench.scan(500_100, 20.0, 0.0), [""; 0], "the delay went on pausing");
        assert_eq!(bench.scan(505_200, 20.0, 0.0), ["505100 slow#2 Normal>Active \"condition\""]);
    }
}
