//! What the table must hold, by the agent's own ledger.
//!
//! Every entry since the ledger's beginning, byte for byte, and beside them the state of each rule as the engine stored
//! it, with its number and its time. It is laid out as items here, by the documentation of `cloud_ingest::item` and
//! without its code.
//!
//! Here: the items, and comparing them with those of the table in both directions, field by field. Not here: how they
//! came there (`account`).
//! Invariant: what is expected never went through the forwarder, the stream or `cloud-ingest`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_kinesis::primitives::DateTime;
use edge_agent::outbox::{Kind, Ledger, Limits};
use serde_json::{Value, json};

use super::one_way::OneWay;
use crate::works::Works;

/// How long the table keeps history.
pub(super) const TTL_DAYS: i64 = 90;

pub(super) type Key = (String, String);
pub(super) type Fields = BTreeMap<String, Value>;

/// What the agent's ledger says.
pub(super) struct Account {
    transitions: Vec<(Value, String)>,
    pub(super) events: Vec<(Value, String)>,
    /// The stored state of each instance by its key, `rule@machine`.
    states: BTreeMap<String, Value>,
}

impl Account {
    /// Reads the ledger of an agent that was stopped, whose last word may not have arrived any more.
    pub(super) fn read(works: &Works, network: &OneWay) -> Self {
        let (ledger, opened) = Ledger::open(&works.folder.data().join("ledger"), Limits::default()).unwrap();
        assert_eq!(opened.repairs, [""; 0]);
        let counts = ledger.counts();
        assert_eq!((counts.delivered.total(), counts.shed.total()), (0, 0), "something has left the ledger");
        let (mut transitions, mut events) = (Vec::new(), Vec::new());
        for (_, entry) in ledger.peek(usize::MAX, usize::MAX).unwrap() {
            let text = String::from_utf8(entry.json).unwrap();
            let read = (serde_json::from_str(&text).unwrap(), text);
            if entry.kind == Kind::Transition { transitions.push(read) } else { events.push(read) }
        }
        assert_eq!((transitions.len() + events.len()) as u64, counts.waiting.total());
        assert!(transitions.iter().all(|(_, text)| network.has(text.as_bytes())));
        events.retain(|(event, text): &(Value, String)| {
            let has_arrived = network.has(text.as_bytes());
            assert!(has_arrived || event["event"] == "agentStopping", "{text}");
            has_arrived
        });
        // The first byte is the format.
        let state = |(key, bytes): (String, Vec<u8>)| (key, serde_json::from_slice(&bytes[1..]).unwrap());
        let states = ledger.states().unwrap().into_iter().map(state).collect();
        Self { transitions, events, states }
    }

    pub(super) fn history(&self) -> BTreeMap<Key, Fields> {
        let item = |(t, record): &(Value, String)| {
            let (at, number, rule) =
                (t["timestamp"].as_i64().unwrap(), &t["sequenceNumber"], text(t, "ruleId"));
            let mut fields = common(t, record);
            fields.insert("sk".into(), json!(format!("T#{at:013}#{number}#{rule}")));
            fields.insert("ttl".into(), json!(at / 1000 + TTL_DAYS * 86_400));
            (key(&fields), fields)
        };
        let items: BTreeMap<Key, Fields> = self.transitions.iter().map(item).collect();
        assert_eq!(items.len(), self.transitions.len(), "the ledger itself says something twice");
        items
    }

    /// The last transition of each instance, by its number.
    pub(super) fn current(&self) -> BTreeMap<Key, Fields> {
        let mut last: BTreeMap<Key, (u64, Fields)> = BTreeMap::new();
        for (t, record) in &self.transitions {
            let number = t["sequenceNumber"].as_u64().unwrap();
            let mut fields = common(t, record);
            fields.insert("sk".into(), json!(format!("C#{}", text(t, "ruleId"))));
            if ["warning", "alarm", "critical"].contains(&&*text(t, "severity")) {
                let line = format!("{}#{}", text(t, "site"), text(t, "line"));
                fields.insert("byState".into(), json!(format!("STATE#{line}#{}", text(t, "to"))));
                fields.insert("byLine".into(), json!(format!("LINE#{line}")));
            }
            let newest = last.entry(key(&fields)).or_insert_with(|| (number, fields.clone()));
            if number > newest.0 {
                *newest = (number, fields);
            }
        }
        last.into_iter().map(|(key, (_, fields))| (key, fields)).collect()
    }

    /// The engine's own states, which are stored beside the entries, say the same.
    pub(super) fn assert_states_as_the_engine_stored_them(&self, current: &BTreeMap<Key, Fields>) {
        let of_engine = |(key, s): (&String, &Value)| {
            let (rule, machine) = key.split_once('@').unwrap();
            let key = (format!("EQ#{machine}"), format!("C#{rule}"));
            (key, json!([s["state"], s["since"], s["sequence"], s["severity"]]))
        };
        let of_table = |(key, f): (&Key, &Fields)| {
            (key.clone(), json!([f["to"], f["timestamp"], f["seq"], f["severity"]]))
        };
        // Watermarks of scopes stand beside them, and an instance that has said nothing yet is in no table.
        let said = |(key, s): &(&String, &Value)| !key.starts_with('@') && s["sequence"] != 0;
        let engine: BTreeMap<Key, Value> = self.states.iter().filter(said).map(of_engine).collect();
        assert_eq!(engine, current.iter().map(of_table).collect());
    }

    pub(super) fn event_items(&self) -> BTreeMap<Key, Fields> {
        let item = |(event, record): &(Value, String)| {
            let (at, id) = (event["timestamp"].as_i64().unwrap(), text(event, "id"));
            let day = DateTime::from_millis(at).to_string()[..10].to_owned();
            let fields = fields_of([
                ("pk", json!(format!("EV#{day}"))),
                ("sk", json!(format!("{at:013}#{id}"))),
                ("id", json!(id)),
                ("timestamp", json!(at)),
                ("ttl", json!(at / 1000 + TTL_DAYS * 86_400)),
                ("record", json!(record)),
            ]);
            (key(&fields), fields)
        };
        self.events.iter().map(item).collect()
    }
}

/// Items and what is expected, in both directions; only when an item was stored is the table's own affair.
pub(super) fn assert_same(what: &str, items: &[Value], expected: &BTreeMap<Key, Fields>) {
    let found: BTreeMap<Key, Fields> = items.iter().map(|item| (key(&fields(item)), fields(item))).collect();
    assert_eq!(found.len(), items.len(), "{what}: a key is there twice");
    let mut wrong = String::new();
    for (key, fields) in expected {
        match found.get(key) {
            None => writeln!(wrong, "missing: {key:?}").unwrap(),
            Some(other) if other != fields => {
                writeln!(wrong, "{key:?}:\n  ledger {fields:?}\n  table  {other:?}").unwrap();
            }
            Some(_) => {}
        }
    }
    for key in found.keys().filter(|key| !expected.contains_key(*key)) {
        writeln!(wrong, "in no ledger: {key:?}").unwrap();
    }
    assert!(wrong.is_empty(), "{what}:\n{wrong}");
}

/// What the history and the current state of a transition have in common.
fn common(t: &Value, record: &str) -> Fields {
    fields_of([
        ("pk", json!(format!("EQ#{}", text(t, "equipmentId")))),
        ("id", t["id"].clone()),
        ("from", t["from"].clone()),
        ("to", t["to"].clone()),
        ("severity", t["severity"].clone()),
        ("timestamp", t["timestamp"].clone()),
        ("detectedAt", t["detectedAt"].clone()),
        ("incarnation", t["incarnation"].clone()),
        ("seq", t["sequenceNumber"].clone()),
        ("record", json!(record)),
    ])
}

fn fields_of<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.map(|(name, value)| (name.to_owned(), value)).into()
}

fn key(fields: &Fields) -> Key {
    let text = |name: &str| fields[name].as_str().unwrap().to_owned();
    (text("pk"), text("sk"))
}

/// The fields of an item without the time at which it was stored, which it must have.
fn fields(item: &Value) -> Fields {
    let mut fields: Fields = item.as_object().unwrap().clone().into_iter().collect();
    assert!(fields.remove("storedAt").is_some_and(|at| at.as_i64().is_some()), "{item}");
    fields
}

/// The number of each current state in the table.
pub(super) fn current_numbers(items: &[Value]) -> BTreeMap<Key, u64> {
    numbers_of(&items.iter().map(|item| (key(&fields(item)), fields(item))).collect())
}

/// The number of each current state that is expected.
pub(super) fn numbers_of(items: &BTreeMap<Key, Fields>) -> BTreeMap<Key, u64> {
    items.iter().map(|(key, fields)| (key.clone(), fields["seq"].as_u64().unwrap())).collect()
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap_or_default().to_owned()
}
