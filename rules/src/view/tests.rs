//! What is seen of an engine: what matters most, delays, latches, silence.
//!
//! Invariant: two machines and two sources are enough.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Flags, Quality};

use super::*;
use crate::diagnose::Report;
use crate::engine::{Batch, Datapoint, Identity, Input, Options, Subject};
use crate::inventory::{Inventory, Machine, Source, Tag};
use crate::ruleset::RuleSet;
use crate::value::{Type, Value};

const RULES: &str = "
[rule.hot]
on = '*'
[rule.hot.group.a]
state = [ { name = 'Hot', when = 't > 90', for = '10 s', severity = 'alarm' } ]
otherwise = 'Fine'
[rule.hot.group.b]
weight = 5
state = [ { name = 'Warm', when = 't > 50 and u > 0', severity = 'warning' } ]
[rule.alone]
on = 'm-0'
when = 't > 1000'";

#[test]
fn a_pending_delay_says_how_far_it_is_of_how_much() {
    let mut engine = engine();
    tell(&mut engine, 0, &[95.0, 1.0], 1_000);
    tell(&mut engine, 1, &[0.0], 1_000);
    tell(&mut engine, 0, &[96.0, 1.0], 5_000);
    let at_first = PendingView { state: "Hot", done_ms: 0, of_ms: 10_000, paused: false, leaving: false };
    assert_eq!(pending(&engine), Some(at_first), "the other source holds the watermark");
    tell(&mut engine, 1, &[0.0], 5_000);
    assert_eq!(pending(&engine), Some(PendingView { done_ms: 4_000, ..at_first }));
}

#[test]
fn the_source_that_is_waited_for_holds_the_watermark_of_its_scope_only() {
    let mut engine = engine();
    tell(&mut engine, 0, &[20.0, 1.0], 9_000);
    tell(&mut engine, 1, &[0.0], 4_000);
    let view = engine.view(9_000, 2, 9);
    let scopes: Vec<_> = view.scopes.iter().map(|s| (s.sources.len(), s.watermark, s.held_by)).collect();
    let (fast, slow) = (SourceId(0), SourceId(1));
    assert_eq!(scopes, [(1, Some(9_000), Some(fast)), (2, Some(4_000), Some(slow))]);
    let much_later = engine.view(90_000, 2, 9);
    assert!(much_later.scopes.iter().all(|s| s.held_by.is_none()), "nobody was heard for so long");
}

#[test]
fn what_matters_most_comes_first_and_the_rest_is_counted() {
    let mut engine = engine();
    tell(&mut engine, 0, &[60.0, 1.0], 1_000);
    tell(&mut engine, 1, &[1.0], 1_000);
    let view = engine.view(1_000, 2, 1);
    let shown: Vec<_> = view.instances.iter().map(|i| (i.plan.rule.name.value.as_str(), i.state)).collect();
    assert_eq!(shown, [("hot", "Warm")]);
    let first = &view.instances[0];
    let votes: Vec<_> = first.votes().map(|v| (v.group, v.state, v.weight, v.wins)).collect();
    assert_eq!(votes, [(Some("a"), Some("Fine"), 0, false), (Some("b"), Some("Warm"), 5, true)]);
    assert_eq!(first.because().map(|(text, tags)| (text, tags.len())), Some(("t > 50 and u > 0", 2)));
    let tally = MachineTally { worst: Severity::Warning, instances: 2, wrong: 1, ..MachineTally::default() };
    assert_eq!(view.machines, [tally, MachineTally::default()]);
}

#[test]
fn what_is_left_latched_suppressed_and_shelved_is_seen() {
    let rules = "[rule.hot]\non = 'm-0'\nsuppress_if = 'v > 0'\n[rule.hot.group.a]\nstate = [ { name = 'Hot', when = 't > 90', hold = '10 s' }, { name = 'Leak', when = 't > 95', latch = true } ]";
    let mut engine = engine_of(rules);
    tell(&mut engine, 0, &[99.0, 1.0], 1_000);
    assert_eq!(latched(&engine), [("Leak", false)]);
    tell(&mut engine, 0, &[80.0, 1.0], 2_000);
    tell(&mut engine, 0, &[80.0, 1.0], 5_000);
    let leaving = PendingView { state: "Hot", done_ms: 3_000, of_ms: 10_000, paused: false, leaving: true };
    assert_eq!((pending(&engine), latched(&engine)), (Some(leaving), vec![("Leak", true)]));
    let order = crate::operator::Order::Shelve(60_000);
    let (rule, machine) = ("hot".into(), "m-0".into());
    let command = crate::operator::Command { rule, machine, who: "meier".into(), why: "known".into(), order };
    engine.step(Input::Operator(command), 5_000);
    let view = engine.view(5_000, 2, 9);
    let hot = &view.instances[0];
    assert!(hot.suppressed && hot.out_of_service.is_none());
    assert_eq!(hot.shelf.map(|s| (s.who.as_str(), s.until)), Some(("meier", Some(65_000))));
    let silenced = MachineTally { instances: 1, silenced: 1, ..MachineTally::default() };
    assert_eq!(view.machines[0], silenced, "nothing is wrong that somebody has to be told");
}

fn latched(engine: &Engine) -> Vec<(&str, bool)> {
    let view = engine.view(5_000, 2, 9);
    view.instances[0].latched().map(|l| (l.state, l.resettable)).collect()
}

fn pending(engine: &Engine) -> Option<PendingView<'_>> {
    engine.view(5_000, 2, 9).instances[0].pending().next()
}

/// Machine `m-0` with `t` of a fast source and `u` of a slow one.
fn engine() -> Engine {
    engine_of(RULES)
}

fn engine_of(rules: &str) -> Engine {
    let mut inventory = Inventory::default();
    let source =
        |id: &str| Source { id: id.into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let sources = [inventory.add_source(source("fast")), inventory.add_source(source("slow"))];
    let named = |name: &str| Machine { name: name.into(), id: name.into(), ..Machine::default() };
    let machine = inventory.add_machine(named("m-0"));
    for (name, source) in [("t", sources[0]), ("v", sources[0]), ("u", sources[1])] {
        let tag = Tag { machine, source, name: name.into(), kind: Type::Float, ..Tag::default() };
        inventory.add_tag(tag).unwrap();
    }
    let mut report = Report::default();
    let file = report.add_file("r.toml", rules);
    let rules = RuleSet::load(&mut report, &[file], &inventory);
    assert_eq!(report.errors(), 0, "{:?}", report.lines().collect::<Vec<_>>());
    let identity = Identity { agent_id: "a".into(), incarnation: "0".into(), site: None };
    Engine::new(Arc::new(inventory), &rules, identity, Options::default(), 0, &BTreeMap::new()).0
}

fn tell(engine: &mut Engine, source: u32, values: &[f64], at: i64) {
    let first = if source == 0 { 0 } else { 2 };
    let datapoint = |(tag, value): (u32, &f64)| Datapoint {
        subject: Subject::Tag(TagId(tag)),
        timestamp: at,
        value: Ok(Value::Float(*value)),
        quality: Quality::Ok,
        flags: Flags::WMK,
        sequence: 0,
    };
    let datapoints = (first..).zip(values).map(datapoint).collect();
    engine.step(Input::Datapoints(Batch { source: SourceId(source), datapoints }), at);
}
