//! Inputs that nobody should send, in an order in which nothing should come.
//!
//! Here: plants made of the scenarios' rules, and what happens to them. Not here: what must come of it: only that the
//! engine goes on, and that its transitions are numbered without a hole between two restarts.
//! Invariant: times are anything that 64 bits hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Flags, Quality};
use rules::diagnose::Report;
use rules::engine::{
    Batch, Datapoint, Engine, Expect, Identity, Input, Late, Options, Outputs, Reach, Subject,
};
use rules::inventory::{Inventory, Machine, MachineId, Source, SourceId, Tag, TagId};
use rules::operator::{Command, Order};
use rules::ruleset::RuleSet;
use rules::value::{Type, Unknown, Value, admit};

use crate::rng::Rng;

const ZERO: i64 = 1_700_000_000_000;

/// Rules that are taken on the machines of [`inventory`].
pub(crate) struct Plant {
    inventory: Arc<Inventory>,
    rules: RuleSet,
}

/// Machines with the tags that the scenarios speak of.
pub(crate) fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    for name in ["m", "filler-1", "washer-1"] {
        let class = name.split('-').next().map(str::to_owned);
        let machine = Machine {
            name: name.into(),
            id: name.into(),
            line: Some("L3".into()),
            class,
            ..Machine::default()
        };
        inventory.add_machine(machine);
    }
    for (id, idle_timeout, max_lag) in
        [("plc", 30_000, Some(30_000)), ("lab", 5_000, None), ("ua", 0, Some(0))]
    {
        let disorder = if id == "ua" { 500 } else { 0 };
        inventory.add_source(Source { id: id.into(), idle_timeout, max_out_of_orderness: disorder, max_lag });
    }
    let floats =
        ["t", "p", "q", "u", "x", "y", "dead", "level", "pressure", "water_temperature", "WS_Press_Bottling"];
    let others = [
        ("on", Type::Bool),
        ("pump_running", Type::Bool),
        ("n", Type::Int),
        ("count", Type::Int),
        ("name", Type::Text),
    ];
    let tags: Vec<_> = floats.into_iter().map(|name| (name, Type::Float)).chain(others).collect();
    for machine in 0..3 {
        for (place, (name, kind)) in tags.iter().enumerate() {
            let source = SourceId(place as u32 % 3);
            let (machine, name, kind) = (MachineId(machine), (*name).into(), *kind);
            inventory.add_tag(Tag { machine, source, name, kind, ..Tag::default() }).unwrap();
        }
    }
    inventory
}

/// The texts that the machines can be ruled by.
pub(crate) fn plants(texts: &[Vec<u8>]) -> Vec<Plant> {
    let inventory = Arc::new(inventory());
    let plant = |text: &Vec<u8>| {
        let mut report = Report::default();
        let file = report.add_file("rules.toml", String::from_utf8_lossy(text));
        let rules = RuleSet::load(&mut report, &[file], &inventory);
        (rules.rules > 0).then(|| Plant { inventory: Arc::clone(&inventory), rules })
    };
    texts.iter().filter_map(plant).collect()
}

/// Plays garbage to an engine, stops it, and plays on.
pub(crate) fn play(rng: &mut Rng, plants: &[Plant]) {
    let mut stored = BTreeMap::new();
    let first = rng.below(plants.len());
    let mut engine = engine(rng, &plants[first], &stored);
    let mut last: BTreeMap<(String, String), u64> = BTreeMap::new();
    for _ in 0..rng.between(1, 60) {
        if rng.once_in(25) {
            stored.extend(engine.unsaved());
            engine = self::engine(rng, &plants[first], &stored);
            last.clear();
        }
        let input = input(rng, plants);
        let at = instant(rng);
        super::show(&format!("{at} {input:?}"));
        take(engine.step(input, at), &mut stored, &mut last);
        looked_at(&engine);
    }
    take(engine.finish(), &mut stored, &mut last);
}

/// Starts an engine with what was stored and is spoilt.
pub(crate) fn resume(rng: &mut Rng, plants: &[Plant]) {
    let mut stored = BTreeMap::new();
    let plant = &plants[rng.below(plants.len())];
    let mut first = engine(rng, plant, &stored);
    for _ in 0..rng.between(1, 12) {
        let (input, at) = (input(rng, plants), instant(rng));
        super::show(&format!("{at} {input:?}"));
        stored.extend(first.step(input, at).states);
    }
    stored.extend(first.unsaved());
    let corpus: Vec<Vec<u8>> = stored.values().cloned().collect();
    for bytes in stored.values_mut() {
        if rng.once_in(2) {
            *bytes = near(rng, bytes, &corpus);
        }
    }
    let mut second = engine(rng, plant, &stored);
    for _ in 0..rng.between(1, 12) {
        let (input, at) = (input(rng, plants), instant(rng));
        super::show(&format!("{at} {input:?}"));
        stored.extend(second.step(input, at).states);
        looked_at(&second);
    }
    stored.extend(second.unsaved());
    drop(engine(rng, plant, &stored));
}

/// Stored bytes with other digits: most damage makes no JSON any more, this does.
fn near(rng: &mut Rng, bytes: &[u8], corpus: &[Vec<u8>]) -> Vec<u8> {
    if rng.once_in(4) {
        return super::mutate::spoilt(rng, corpus);
    }
    let mut bytes = bytes.to_vec();
    for _ in 0..rng.between(1, 4) {
        let digits: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place].is_ascii_digit()).collect();
        if let Some(place) = digits.get(rng.below(digits.len().max(1))) {
            let number = if rng.once_in(2) { rng.next().to_string() } else { rng.below(10).to_string() };
            bytes.splice(*place..=*place, number.into_bytes());
        }
    }
    bytes
}

fn take(
    outputs: Outputs,
    stored: &mut BTreeMap<String, Vec<u8>>,
    last: &mut BTreeMap<(String, String), u64>,
) {
    stored.extend(outputs.states);
    for t in &outputs.transitions {
        let key = (t.rule_id.clone(), t.equipment_id.clone());
        let before = last.insert(key, t.sequence_number);
        assert!(before.is_none_or(|before| t.sequence_number == before + 1), "{before:?}: {t:?}");
    }
}

/// What the page and the agent's clock ask of it.
fn looked_at(engine: &Engine) {
    let (deadline, counts) = (engine.deadline(), engine.counts());
    assert!(counts.late <= counts.datapoints, "{counts:?}, {deadline:?}");
    assert!(engine.watermarks().count() <= 16);
}

fn engine(rng: &mut Rng, plant: &Plant, stored: &BTreeMap<String, Vec<u8>>) -> Engine {
    let options = Options {
        late: rng.pick(&[Late::Apply, Late::Drop]),
        reach: rng.pick(&[Reach::Inputs, Reach::Global]),
        expect: rng.pick(&[Expect::Declared, Expect::Seen]),
        waiting_max: rng.pick(&[0, 1, 5, 100_000]),
        ..Options::default()
    };
    let identity = Identity { agent_id: "ipc".into(), incarnation: "00000000000000ff".into(), site: None };
    let inventory = Arc::clone(&plant.inventory);
    Engine::new(inventory, &plant.rules, identity, options, instant(rng), stored).0
}

fn input(rng: &mut Rng, plants: &[Plant]) -> Input {
    match rng.below(20) {
        0 | 1 => Input::Clock,
        2 => Input::Epoch,
        3 => Input::Rules(plants[rng.below(plants.len())].rules.clone()),
        4 => Input::Operator(command(rng)),
        _ => {
            let source = SourceId(rng.below(4) as u32);
            let datapoints = (0..rng.below(6)).map(|_| datapoint(rng)).collect();
            Input::Datapoints(Batch { source, datapoints })
        }
    }
}

fn command(rng: &mut Rng) -> Command {
    let order = match rng.below(6) {
        0 => Order::Shelve(instant(rng)),
        1 => Order::ShelveOnce,
        2 => Order::Unshelve,
        3 => Order::Reset,
        4 => Order::OutOfService,
        _ => Order::InService,
    };
    let rule = rng.pick(&["hot", "r", "a", "nobody", ""]).to_owned();
    let machine = rng.pick(&["m", "filler-1", ""]).to_owned();
    let who = rng.pick(&["meier", "", "\u{0}"]).to_owned();
    Command { rule, machine, who, why: "because".repeat(rng.pick(&[0, 1, 500])), order }
}

fn datapoint(rng: &mut Rng) -> Datapoint {
    let subject = match rng.below(8) {
        0 => Subject::Heartbeat,
        1 => Subject::Connected(rng.once_in(2)),
        2 => Subject::Tag(TagId(rng.next() as u32)),
        _ => Subject::Tag(TagId(rng.below(48) as u32)),
    };
    let quality = rng.pick(&[Quality::Ok, Quality::Ok, Quality::Uncertain, Quality::Bad]);
    let flags = [Flags::FST, Flags::LST, Flags::WMK, Flags::SYN, Flags::ATS];
    let flags = flags.into_iter().filter(|_| rng.once_in(2)).fold(Flags::NONE, Flags::with);
    let sequence = if rng.once_in(4) { rng.next() } else { rng.below(50) as u64 };
    Datapoint { subject, timestamp: instant(rng), value: value(rng), quality, flags, sequence }
}

fn value(rng: &mut Rng) -> Result<Value, Unknown> {
    let extreme = [0.0, -0.0, 1e308, -1e308, f64::MIN_POSITIVE, 90.0, 95.0, 4.5];
    match rng.below(8) {
        0 => Err(rng.pick(&[Unknown::Bad, Unknown::NeverSeen, Unknown::Stale])),
        1 => Ok(Value::Bool(rng.once_in(2))),
        2 => Ok(Value::Int(rng.pick(&[i64::MIN, -1, 0, 1, 95, i64::MAX]))),
        3 => Ok(Value::Text("Pils".into())),
        4 => {
            let bits = proto::Value::Float(f64::from_bits(rng.next()));
            admit(Type::Float, None, &bits, Quality::Ok)
        }
        _ => Ok(Value::Float(rng.pick(&extreme))),
    }
}

fn instant(rng: &mut Rng) -> i64 {
    match rng.below(16) {
        0 => rng.next() as i64,
        1 => rng.pick(&[i64::MIN, i64::MIN + 1, -1, 0, 1, i64::MAX - 1, i64::MAX]),
        2 => ZERO + rng.between(-400_000_000_000, 400_000_000_000),
        _ => ZERO + rng.between(0, 200_000),
    }
}
