//! `cloud-ingest` is killed with -9 at 20 random moments, and the table equals what the agent's ledger says.
//!
//! A real agent watches the line and forwards to Kinesis. Its ledger forgets an entry when the stream has accepted
//! it, so it never hears that: the network (`one_way`) carries each entry once and loses every answer. When the line
//! stands still and all has arrived, the agent is stopped and its ledger is read with the agent's own library: every
//! entry since its beginning, byte for byte, and beside them the state of each rule as the engine stored it, with its
//! number and its time.
//!
//! So what is expected never went through the forwarder, the stream or `cloud-ingest`. It is laid out as items here,
//! by the documentation of `cloud_ingest::item` and without its code, and compared in both directions, field by field.
//!
//! `PLIMSOLL_SEED=S` plays the script and the moments of that seed again.
//! Not here: that what the ledger says is right (`kill`), and old records that come late (`dynamo`). Invariant: the seed is printed; waits are for a condition,
//! or are the plan itself: how long a life lasts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy takes helpers of a test for code")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::primitives::DateTime;
use edge_agent::outbox::{Kind, Ledger, Limits};
use fastrand::Rng;
use plant::expected;
use plant::folder::{REGION, STREAM};
use plant::script::Script;
use plant::server::{Cpu, Memory, Plc};
use plant::view;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::emulator::{Emulator, TABLE};
use super::one_way::OneWay;
use crate::works::{Works, now_ms, until};

const KILLS: usize = 20;
/// How long the line runs, ms: longer than all lives together.
const LENGTH_MS: i64 = 60_000;
/// How long one `cloud-ingest` lives, ms,
const LIFE_MS: Range<u64> = 100..1_500;
/// and how long it goes on when the next entries have arrived: it polls every 200 ms, and then stores them.
const GRACE_MS: Range<u64> = 0..400;
/// Machines that do nothing but turn on and off, so that there is always something to store.
const BEATS: usize = 4;
const PATIENCE: Duration = Duration::from_secs(60);
const TTL_DAYS: i64 = 90;

type Key = (String, String);
type Fields = BTreeMap<String, Value>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_twenty_kills_the_table_equals_what_the_agents_ledger_says() {
    let seed = std::env::var("PLIMSOLL_SEED").map_or_else(|_| fastrand::u64(..), |s| s.parse().unwrap());
    println!("PLIMSOLL_SEED={seed}");
    let network = OneWay::default();
    let emulator = Emulator::with_table().await;
    let script = Script::new(seed, Some(LENGTH_MS));
    let works = Works::build_behind(script, 2_000, |app| network.before(app)).await;
    let _beats = add_beats(&works).await;
    store_in_table(&works, &emulator);
    let mut agent = works.agent();
    until("the line is read", PATIENCE, async || works.is_read().await).await;

    let grown = kill_often(&works, &emulator, &network, Rng::with_seed(seed)).await;
    assert!(now_ms() < works.start_ms + LENGTH_MS, "the line stood still before the last kill");
    let mut ingest = works.ingest();
    let left = works.start_ms + LENGTH_MS + 1_000 - now_ms();
    sleep(Duration::from_millis(u64::try_from(left).unwrap())).await;
    until("all has arrived", PATIENCE, async || {
        let arrived = network.arrived("transition") as u64;
        view::get(works.http).await.is_ok_and(|view| view.transitions == arrived)
    })
    .await;
    assert!(agent.stop(PATIENCE).await.unwrap().success(), "{}", agent.last_words());

    let account = Account::read(&works, &network);
    let (history, current) = (account.history(), account.current());
    let all = async || {
        emulator.items_of("T#").await.len() >= history.len()
            && emulator.events().await.len() >= account.events.len()
            && numbers(&emulator).await == numbers_of(&current)
    };
    // If it never comes to that, what is missing is said below.
    timeout(PATIENCE, async {
        while !all().await {
            sleep(Duration::from_millis(50)).await
        }
    })
    .await
    .ok();
    assert!(ingest.stop(PATIENCE).await.unwrap().success(), "{}", ingest.last_words());
    println!(
        "{} transitions of {} instances, {} events, {KILLS} kills, after {grown} of which more was stored, \
         {} answers lost",
        history.len(),
        current.len(),
        account.events.len(),
        network.answers_lost(),
    );
    assert!(grown >= KILLS / 2, "the kills hit a program that had nothing to do");
    assert!(history.len() > 10 * KILLS, "too little has happened");
    assert_eq!(current.len(), expected::first_steps().count() + BEATS, "instances");
    assert_same("history", &emulator.items_of("T#").await, &history);
    assert_same("current states", &emulator.items_of("C#").await, &current);
    assert_same("events", &emulator.events().await, &account.event_items());
    account.assert_states_as_the_engine_stored_them(&current);
    works.assert_clean();
}

/// Starts and kills. Gives after how many kills more was stored than before.
async fn kill_often(works: &Works, emulator: &Emulator, network: &OneWay, mut chance: Rng) -> usize {
    let (mut grown, mut stored) = (0, 0);
    for _ in 0..KILLS {
        let mut ingest = works.ingest();
        sleep(Duration::from_millis(chance.u64(LIFE_MS))).await;
        let arrived = network.arrived("transition");
        until("something to store", PATIENCE, async || network.arrived("transition") > arrived).await;
        sleep(Duration::from_millis(chance.u64(GRACE_MS))).await;
        let ended = ingest.kill().await.unwrap();
        assert!(ended.code().is_none(), "it ended before it was killed: {}", ingest.last_words());
        let now = emulator.items_of("T#").await.len();
        (grown, stored) = (grown + usize::from(now > stored), now);
    }
    grown
}

/// What the agent's ledger says.
struct Account {
    transitions: Vec<(Value, String)>,
    events: Vec<(Value, String)>,
    /// The stored state of each instance by its key, `rule@machine`.
    states: BTreeMap<String, Value>,
}

impl Account {
    /// Reads the ledger of an agent that was stopped, whose last word may not have arrived any more.
    fn read(works: &Works, network: &OneWay) -> Self {
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

    fn history(&self) -> BTreeMap<Key, Fields> {
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
    fn current(&self) -> BTreeMap<Key, Fields> {
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
    fn assert_states_as_the_engine_stored_them(&self, current: &BTreeMap<Key, Fields>) {
        let of_engine = |(key, s): (&String, &Value)| {
            let (rule, machine) = key.split_once('@').unwrap();
            let key = (format!("EQ#{machine}"), format!("C#{rule}"));
            (key, json!([s["state"], s["since"], s["sequence"], s["severity"]]))
        };
        let of_table = |(key, f): (&Key, &Fields)| {
            (key.clone(), json!([f["to"], f["timestamp"], f["seq"], f["severity"]]))
        };
        let engine: BTreeMap<Key, Value> = self.states.iter().map(of_engine).collect();
        assert_eq!(engine, current.iter().map(of_table).collect());
    }

    fn event_items(&self) -> BTreeMap<Key, Fields> {
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
fn assert_same(what: &str, items: &[Value], expected: &BTreeMap<Key, Fields>) {
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
async fn numbers(emulator: &Emulator) -> BTreeMap<Key, u64> {
    let items = emulator.items_of("C#").await;
    numbers_of(&items.iter().map(|item| (key(&fields(item)), fields(item))).collect())
}

fn numbers_of(items: &BTreeMap<Key, Fields>) -> BTreeMap<Key, u64> {
    items.iter().map(|(key, fields)| (key.clone(), fields["seq"].as_u64().unwrap())).collect()
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap_or_default().to_owned()
}

/// Adds machines that turn on and off, each at its own pace, for as long as the line runs.
async fn add_beats(works: &Works) -> Plc {
    let (start_ms, end_ms) = (works.start_ms, works.start_ms + LENGTH_MS);
    let beat = move |place: usize| {
        let elapsed = now_ms().clamp(start_ms, end_ms) - start_ms;
        // Slower than a scan by enough that none is missed, and no two alike.
        u8::from(elapsed / (270 + 40 * place as i64) % 2 == 1)
    };
    let memory: Memory = Arc::new(move |block| (block == 1).then(|| (0..BEATS).map(beat).collect()));
    let plc = Plc::start(Cpu::default(), memory, None).await.unwrap();
    let mut text = String::new();
    for n in 0..BEATS {
        writeln!(text, "[[machine]]\nname = 'beat-{n}'\nid = 'b{n}'\nline = 'L3'").unwrap();
    }
    let address = plc.address();
    writeln!(text, "[[source]]\nid = 'beats'\nprotocol = 's7'\naddress = '{address}'\nscan = '50 ms'")
        .unwrap();
    for n in 0..BEATS {
        writeln!(text, "[[source.tag]]\nmachine = 'beat-{n}'\nname = 'beat'\naddress = 'DB1.DBB{n}:BYTE'")
            .unwrap();
    }
    let config = works.folder.agent_config();
    let whole = fs::read_to_string(&config).unwrap().replace("[forward]", &format!("{text}\n[forward]"));
    fs::write(config, whole).unwrap();
    let rule = "[rule.beat]\non = 'beat-*'\nwhen = 'beat = 1'\nseverity = 'alarm'\n";
    fs::write(works.folder.rules().join("beat.toml"), rule).unwrap();
    // Rules of every machine are of every machine that has their tags.
    let file = works.folder.rules().join("machine.toml");
    let all = fs::read_to_string(&file).unwrap().replace("= \"*\"", "= { class = ['filler', 'washer'] }");
    fs::write(file, all).unwrap();
    plc
}

/// Has `cloud-ingest` store in the table instead of files.
fn store_in_table(works: &Works, emulator: &Emulator) {
    let (kinesis, store) = (works.kinesis.address(), works.folder.store());
    let text = format!(
        "[stream]\nname = '{STREAM}'\nregion = '{REGION}'\nendpoint = 'http://{kinesis}'\npoll = '200 ms'\n\
         [dynamodb]\ntable = '{TABLE}'\nregion = 'us-east-1'\nttl = '{TTL_DAYS} days'\nendpoint = '{}'\n\
         [checkpoint]\ndir = '{}'\n[failures]\ndir = '{}'\n",
        emulator.endpoint(),
        store.join("checkpoint").display(),
        store.join("failures").display(),
    );
    fs::write(works.folder.ingest_config(), text).unwrap();
}
