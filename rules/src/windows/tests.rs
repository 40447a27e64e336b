//! Windows in a running engine: what is shared, when they tick, what a silent source and a reload do to them.
//!
//! Invariant: one tag on one machine is enough.

use super::*;
use std::collections::BTreeMap;

use proto::{Flags, Quality};

use crate::calendar::Zone;
use crate::diagnose::Report;
use crate::engine::{Batch, Datapoint, Engine, Identity, Input, Options, Subject};
use crate::inventory::{Inventory, Machine, Source, SourceId, Tag, TagId};
use crate::ruleset::RuleSet;
use crate::value::{Type, Value};

struct Bench {
    engine: Engine,
    inventory: Arc<Inventory>,
    sequence: u64,
}

impl Bench {
    fn new(conditions: &[&str], stale_after: &str) -> Self {
        let mut inventory = Inventory::default();
        let named = Machine { name: "m".into(), id: "m".into(), ..Machine::default() };
        let machine = inventory.add_machine(named);
        let source = Source { id: "s".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, ..Tag::default() };
        inventory.add_tag(tag).unwrap();
        let inventory = Arc::new(inventory);
        let rules = rules(&inventory, conditions, stale_after);
        let zone = Zone::named("Asia/Kathmandu").unwrap();
        let options = Options { zone, ..Options::default() };
        let identity = Identity { agent_id: "x".into(), incarnation: "0".into(), site: None };
        let (engine, _) = Engine::new(Arc::clone(&inventory), &rules, identity, options, 0, &BTreeMap::new());
        Self { engine, inventory, sequence: 0 }
    }

    fn say(&mut self, now: i64, value: Option<f64>) -> Vec<String> {
        self.sequence += 1;
        let subject = if value.is_some() { Subject::Tag(TagId(0)) } else { Subject::Heartbeat };
        let value = value.map(Value::Float).ok_or(crate::value::Unknown::NeverSeen);
        let (quality, flags, sequence) = (Quality::Ok, Flags::WMK, self.sequence);
        let datapoint = Datapoint { subject, timestamp: now, value, quality, flags, sequence };
        let batch = Batch { source: SourceId(0), datapoints: vec![datapoint] };
        let outputs = self.engine.step(Input::Datapoints(batch), now);
        outputs.transitions.iter().map(|t| format!("{} {} {}", t.timestamp, t.rule_id, t.to)).collect()
    }

    fn histories(&self) -> usize {
        self.engine.scopes.iter().map(|s| s.windows().len()).sum()
    }
}

fn rules(inventory: &Inventory, conditions: &[&str], stale_after: &str) -> RuleSet {
    let rule = |(i, when): (usize, &&str)| {
        format!("[rule.r{i}]\non = 'm'\nwhen = '{when}'\nstale_after = '{stale_after}'\n")
    };
    let mut report = Report::default();
    let file = report.add_file("r.toml", conditions.iter().enumerate().map(rule).collect::<String>());
    let rules = RuleSet::load(&mut report, &[file], inventory);
    assert_eq!(report.errors(), 0, "{}", report.render(false));
    rules
}

#[test]
fn rules_that_look_at_the_same_share_what_is_remembered() {
    let three = ["avg(t, 10 s) > 4", "t > 0 and max(t, 10 s) > 5", "max(t, 20 s) > 5"];
    assert_eq!(Bench::new(&three, "never").histories(), 2);
}

#[test]
fn a_window_is_judged_at_datapoints_and_at_the_beginnings_of_cells() {
    let mut bench = Bench::new(&["avg(t, 10 s) > 4"], "never");
    assert_eq!(bench.say(500, Some(0.0)), [""; 0], "nothing is known yet");
    assert_eq!(bench.say(9_000, Some(10.0)), ["9000 r0 Normal"], "8.5 of 10 s are known");
    // From 4 s on: 5 s of 0 and 5 s of 10.
    assert_eq!(bench.say(14_500, None), ["14000 r0 Active"]);
    assert_eq!(bench.say(40_000, Some(0.0)), [""; 0]);
    assert_eq!(bench.say(60_000, None), ["46000 r0 Normal"]);
    assert_eq!(bench.engine.deadline(), Some(90_001), "no tick is left, only the source's timeout");
}

#[test]
fn a_silent_source_empties_the_window_and_its_return_fills_it() {
    let mut bench = Bench::new(&["min(t, 10 s) > 4"], "5 s");
    bench.say(0, Some(6.0));
    bench.say(9_000, Some(6.0));
    let said = bench.say(20_000, Some(7.0));
    assert_eq!(said, [""; 0], "it was stale from 5 to 9 and from 14 to 20 s: never enough was known");
}

#[test]
fn a_reload_keeps_what_windows_remember() {
    let average = ["avg(t, 10 s) > 4"];
    let mut bench = Bench::new(&average, "never");
    bench.say(0, Some(9.0));
    assert_eq!(bench.say(9_500, None), ["8000 r0 Active"]);
    let again = rules(&bench.inventory, &average, "never");
    assert_eq!(bench.engine.step(Input::Rules(again), 9_500).transitions, []);
    let ten = ["avg(t, 10 s) > 10"];
    let other = rules(&bench.inventory, &ten, "never");
    let said = bench.engine.step(Input::Rules(other), 9_500).transitions;
    assert_eq!(said.len(), 1, "it is judged at once, on the same average: {said:?}");
}

#[test]
fn an_age_is_judged_when_it_is_passed() {
    let mut bench = Bench::new(&["age(t) > 3 s"], "never");
    assert_eq!(bench.say(1_000, Some(5.0)), ["1000 r0 Normal"]);
    assert_eq!(bench.say(3_999, Some(5.0)), [""; 0]);
    assert_eq!(bench.say(8_000, None), ["7000 r0 Active"]);
    assert_eq!(bench.say(9_000, Some(5.0)), ["9000 r0 Normal"], "the same value, but young again");
}

#[test]
fn the_value_before_is_that_of_the_last_sample_but_one() {
    let mut bench = Bench::new(&["prev(t) > 5"], "never");
    bench.say(1_000, Some(1.0));
    assert_eq!(bench.say(2_000, Some(9.0)), ["2000 r0 Normal"]);
    assert_eq!(
        bench.say(3_000, Some(9.0)),
        ["3000 r0 Active"],
        "the value did not change, the one before did"
    );
    assert_eq!(bench.say(4_000, Some(1.0)), [""; 0]);
    assert_eq!(bench.say(5_000, Some(1.0)), ["5000 r0 Normal"]);
}

#[test]
fn the_hour_is_that_of_the_agents_place() {
    let mut bench = Bench::new(&["hour() > 5 and t > 0"], "never");
    let minute = 60_000;
    // In 1970 Nepal was 5 h 30 min ahead.
    assert_eq!(bench.say(10 * minute, Some(1.0)), ["30000 r0 Normal"], "nothing was heard for so long");
    assert_eq!(bench.say(40 * minute, None), ["1800000 r0 Active"]);
}
