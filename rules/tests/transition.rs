//! One transition to the last byte, as §9 of the specification shows it.
//!
//! Here: every field of a transition that the engine makes, on the washer of §10. Not here: when a transition is made
//! (`scenarios/`), which do not show ids, units, quality, sequence numbers and texts.
//! Invariant: what stands here is what the cloud reads: a field that changes is a change of the product.
#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Flags, Quality};
use rules::diagnose::Report;
use rules::engine::{Batch, Datapoint, Engine, Identity, Input, Options, Subject};
use rules::inventory::{Inventory, Machine, Source, SourceId, Tag, TagId};
use rules::ruleset::RuleSet;
use rules::value::{Type, Unknown, Value};

const RULE: &str = r#"
[rule.bottle-washer-caustic]
on      = "washer-*"
default = "Normal"
text.en = "{machine}: {state}, {water_temperature:.1} °C"
text.de = "{machine}: {state}, {water_temperature:.1} °C"
[rule.bottle-washer-caustic.group.temperature]
weight = 20
state = [
  { name = "Overheated", when = "water_temperature > 90 °C", clear = "water_temperature < 87 °C", for = "5 min", weight = 30, severity = "alarm" },
  { name = "TooCold",    when = "water_temperature < 70 °C", clear = "water_temperature > 72 °C", for = "5 min" },
]
[rule.bottle-washer-caustic.group.pressure]
weight = 10
state = [
  { name = "HighPressure", when = "avg(pressure, 1 min) > 4.5 bar", clear = "avg(pressure, 1 min) < 4.2 bar", for = "30 s" },
]
"#;

const TOLD: &str = r#"{
  "kind": "transition",
  "version": 1,
  "id": "49cb2b45f75f92f879d87861d3e71b1f8508ffafdcba01c4fb0aba104ef66b44",
  "agentId": "ipc-l3",
  "incarnation": "00000000000000ff",
  "site": "neutraubling",
  "sequenceNumber": 3,
  "ruleId": "bottle-washer-caustic",
  "ruleHash": "91e1ebf09498a410994815e8bca36cd6967544e7b77ec213437c555a8e92357c",
  "equipmentId": "84068f2f-5a5c-4d3b-9d0f-0a1b2c3d4e5f",
  "equipment": "washer-1",
  "line": "L3",
  "timestamp": 1700000400000,
  "detectedAt": 1700000400120,
  "watermark": 1700000400000,
  "from": "HighPressure",
  "to": "Overheated",
  "since": 1700000174000,
  "severity": "alarm",
  "cause": "condition",
  "group": "temperature",
  "weight": 30,
  "because": {
    "expression": "water_temperature > 90 °C",
    "for": 300000,
    "conditionSince": 1700000100000,
    "inputs": [
      {
        "tag": "water_temperature",
        "value": 92.0,
        "unit": "°C",
        "quality": "Uncertain",
        "timestamp": 1700000100000,
        "sequenceNumber": 1243,
        "sourceId": "washer_plc"
      }
    ]
  },
  "groups": [
    {
      "name": "temperature",
      "state": "Overheated",
      "weight": 30
    },
    {
      "name": "pressure",
      "state": "HighPressure",
      "weight": 10
    }
  ],
  "flags": [
    "uncertain"
  ],
  "text": {
    "de": "washer-1: Overheated, 92,0 °C",
    "en": "washer-1: Overheated, 92.0 °C"
  }
}"#;

/// The zero of the story, ms since 1970.
const ZERO: i64 = 1_700_000_000_000;

#[test]
fn a_transition_says_all_of_it() {
    let mut washer = Washer::new();
    washer.say(0, 0, &[(0, 80.0, Quality::Ok), (1, 4.0, Quality::Ok)]);
    washer.live(10..100);
    washer.say(100, 0, &[(0, 92.0, Quality::Uncertain)]);
    washer.live(110..128);
    washer.say(128, 0, &[(1, 5.9, Quality::Ok)]);
    washer.live(138..400);
    let told = washer.say(400, 120, &[(1, 5.5, Quality::Ok)]);
    assert_eq!(told, [TOLD]);
}

/// A washer whose PLC delivers scans.
struct Washer {
    engine: Engine,
    sequence: u64,
}

impl Washer {
    fn new() -> Self {
        let mut inventory = Inventory::default();
        let machine = inventory.add_machine(Machine {
            name: "washer-1".into(),
            id: "84068f2f-5a5c-4d3b-9d0f-0a1b2c3d4e5f".into(),
            line: Some("L3".into()),
            ..Machine::default()
        });
        let source =
            Source { id: "washer_plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for (name, unit) in [("water_temperature", "°C"), ("pressure", "bar")] {
            let unit = Some(unit.to_owned());
            let tag = Tag { machine, source, name: name.into(), kind: Type::Float, unit, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
        }
        let mut report = Report::default();
        let file = report.add_file("washer.toml", RULE);
        let rules = RuleSet::load(&mut report, &[file], &inventory);
        assert_eq!(report.errors(), 0, "{}", report.render(false));
        let identity = Identity {
            agent_id: "ipc-l3".into(),
            incarnation: "00000000000000ff".into(),
            site: Some("neutraubling".into()),
        };
        let stored = BTreeMap::new();
        let (engine, _) =
            Engine::new(Arc::new(inventory), &rules, identity, Options::default(), ZERO, &stored);
        Self { engine, sequence: 1_230 }
    }

    /// A scan at a second of the story arrives so many ms later; gives the transitions.
    fn say(&mut self, second: i64, later: i64, values: &[(u32, f64, Quality)]) -> Vec<String> {
        let timestamp = ZERO + second * 1_000;
        let mut datapoints = Vec::new();
        for (tag, value, quality) in values {
            self.sequence += 1;
            let (subject, value, quality) = (Subject::Tag(TagId(*tag)), Ok(Value::Float(*value)), *quality);
            let (flags, sequence) = (Flags::NONE, self.sequence);
            datapoints.push(Datapoint { subject, timestamp, value, quality, flags, sequence });
        }
        self.deliver(datapoints, timestamp, later)
    }

    /// It lives, every ten seconds.
    fn live(&mut self, seconds: std::ops::Range<usize>) {
        for second in seconds.step_by(10) {
            self.deliver(Vec::new(), ZERO + second as i64 * 1_000, 0);
        }
    }

    fn deliver(&mut self, mut datapoints: Vec<Datapoint>, timestamp: i64, later: i64) -> Vec<String> {
        self.sequence += 1;
        datapoints.push(Datapoint {
            subject: Subject::Heartbeat,
            timestamp,
            value: Err(Unknown::NeverSeen),
            quality: Quality::Ok,
            flags: Flags::WMK,
            sequence: self.sequence,
        });
        let batch = Batch { source: SourceId(0), datapoints };
        let told = self.engine.step(Input::Datapoints(batch), timestamp + later).transitions;
        told.iter().map(|t| serde_json::to_string_pretty(t).unwrap()).collect()
    }
}
