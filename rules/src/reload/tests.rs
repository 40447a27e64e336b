//! Other rules at run time, and a clock that is set back: the plain cases; what else there is stands in the scenarios.
//!
//! Invariant: one machine with two tags is enough.

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
        let machine = Machine { name: "m".into(), id: "m".into(), ..Machine::default() };
        let machine = inventory.add_machine(machine);
        let source = Source { id: "s".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for name in ["a", "b"] {
            let tag = Tag { machine, source, name: name.into(), kind: Type::Float, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
        }
        let inventory = Arc::new(inventory);
        let identity = Identity { agent_id: "x".into(), incarnation: "0".into(), site: None };
        let set = set(&inventory, rules);
        let stored = BTreeMap::new();
        let (engine, _) = Engine::new(Arc::clone(&inventory), &set, identity, Options::default(), 0, &stored);
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
