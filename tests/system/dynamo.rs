//! `cloud-ingest` with a table of DynamoDB: conditions, index, expiry and questions against an emulator that
//! nobody here wrote; the program as a process, over kills and everything that can be away.
//!
//! Here: what is put into the stream by the tests themselves. `account` holds the table against an agent's ledger.
//! Not here: what has nothing to do with the table (`ingest`). What the emulator lacks, a table with too little
//! capacity, is played by `busy`.

mod account;
mod busy;
mod emulator;
mod ledger;
mod one_way;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime};

use cloud_ingest::name::Name;
use cloud_ingest::route::route;
use cloud_ingest::store::Outcome;
use cloud_ingest::table::Table;
use cloud_ingest::write::{Origin, Write};
use plant::gate::{Gate, Passage};
use serde_json::{Value, json};

use self::busy::Busy;
use self::emulator::{Emulator, TABLE, client};
use crate::ingest::kinesis::{Kinesis, Put};
use crate::ingest::stand::{Stand, event, transition, wait_for};

/// How long history stays in the tests.
const TTL: Duration = Duration::from_secs(90 * 86_400);
/// How often the killing test kills.
const KILLS: usize = 20;
/// Machines of the killing test.
const MACHINES: usize = 6;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn history_is_put_once_and_a_state_only_over_one_that_it_supersedes() {
    let emulator = Emulator::with_table().await;
    let table = table(&emulator.endpoint());
    let now = now_ms();
    let of = |incarnation: &str, sequence: u64, detected_at: i64| {
        changed("m-1", sequence, |t| {
            t["id"] = json!(format!("{incarnation}{sequence}"));
            t["incarnation"] = json!(incarnation);
            t["timestamp"] = json!(now);
            t["detectedAt"] = json!(detected_at);
        })
    };
    let taken = changed("m-1", 2, |t| {
        t["id"] = json!("another");
        t["timestamp"] = json!(now);
        t["detectedAt"] = json!(now - 9);
        t["incarnation"] = json!("d");
    });
    for (what, write, outcome, state) in [
        ("the first", of("a", 2, now), Outcome::Stored, "a2"),
        ("a redelivery", of("a", 2, now), Outcome::Known, "a2"),
        ("an older one after a newer one", of("a", 1, now), Outcome::Stored, "a2"),
        ("another one under its key", taken, Outcome::Taken, "a2"),
        ("an agent that was reinstalled", of("b", 9, now + 5), Outcome::Stored, "b9"),
        ("a redelivery of the old agent", of("a", 2, now), Outcome::Known, "b9"),
        ("the new agent, its clock set back", of("b", 10, now + 1), Outcome::Stored, "b10"),
        ("an agent detected earlier", of("c", 11, now), Outcome::Stored, "b10"),
    ] {
        assert_eq!(table.apply(&[write], now).await.unwrap(), [outcome], "{what}");
        let states = emulator.states("m-1").await;
        assert_eq!(states.iter().map(|s| &s["id"]).collect::<Vec<_>>(), [state], "{what}");
    }
    let ids: BTreeSet<String> = emulator.items_of("T#").await.iter().map(|t| text(t, "id")).collect();
    assert_eq!(ids, ["a1", "a2", "b9", "b10", "c11"].map(String::from).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_the_three_questions_has_one_query() {
    let emulator = Emulator::with_table().await;
    let table = table(&emulator.endpoint());
    let now = now_ms();
    let at = |machine: &str, sequence: u64, to: &str, severity: &str| {
        changed(machine, sequence, |t| {
            t["timestamp"] = json!(now + i64::try_from(sequence).unwrap());
            t["to"] = json!(to);
            t["severity"] = json!(severity);
        })
    };
    let day = [
        at("m-1", 1, "Warm", "warning"),
        at("m-2", 2, "Hot", "alarm"),
        at("m-1", 3, "Hot", "critical"),
        at("m-3", 4, "Hot", "alarm"),
        at("m-3", 5, "Normal", "info"),
        at("m-1", 6, "Hot", "alarm"),
    ];
    // One by one, so that each state was there before it was replaced.
    for write in &day {
        table.apply(std::slice::from_ref(write), now).await.unwrap();
    }
    let state = emulator.states("m-1").await;
    assert_eq!(state.len(), 1);
    assert_eq!(
        (&state[0]["to"], &state[0]["seq"], &state[0]["severity"]),
        (&json!("Hot"), &json!(6), &json!("alarm"))
    );
    let between = emulator.transitions("m-1", now + 1, now + 3).await;
    assert_eq!(between.iter().map(|t| t["seq"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(between[0]["ttl"], json!((now + 1) / 1000 + 90 * 86_400));
    assert_eq!(between[0]["sk"], json!(format!("T#{:013}#1#hot", now + 1)));
    let names = |found: Vec<Value>| found.iter().map(|s| text(s, "pk")).collect::<Vec<_>>();
    assert_eq!(names(emulator.wrong_on("here", "L3").await), ["EQ#m-2", "EQ#m-1"], "the oldest first");
    assert_eq!(names(emulator.in_state("here", "L3", "Hot").await), ["EQ#m-2", "EQ#m-1"]);
    assert_eq!(names(emulator.in_state("here", "L3", "Warm").await), [""; 0], "left when it became Hot");
    assert!(state[0].get("ttl").is_none(), "a current state never expires");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_throttled_is_written_in_order_and_none_is_given_up() {
    let busy = Busy::start().await;
    let table = table(&busy.endpoint);
    let (machines, each) = (8, 4);
    // As a stream has them: of all machines by turns.
    let writes: Vec<_> = (1..=each)
        .flat_map(|n| {
            (0..machines).map(move |m| {
                changed(&format!("m-{m}"), n, |t| t["timestamp"] = json!(1_000 * n + now_ms() as u64))
            })
        })
        .collect();
    let outcomes = table.apply(&writes, now_ms()).await.unwrap();
    assert_eq!(outcomes, vec![Outcome::Stored; writes.len()]);
    let mut taken: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (machine, key) in busy.taken() {
        taken.entry(machine).or_default().push(key);
    }
    assert_eq!(taken.len(), machines);
    for (machine, keys) in taken {
        assert_eq!(keys.len() as u64, each + 1, "{machine}: {keys:?}");
        assert!(keys[..4].is_sorted() && keys[4] == "C#hot", "{machine}: {keys:?}");
    }
    assert!(busy.asked() > 3 * busy.taken().len(), "nothing was throttled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_missing_is_said_once_loses_nothing_and_heals() {
    let emulator = Emulator::start();
    let stand = Stand::new(Kinesis::start(300).await).with_table_at(&emulator.endpoint());
    stand.kinesis.create("line", 1).await;
    for n in 1..=3 {
        stand.kinesis.put(&Put::Plain(transition("m-1", n))).await;
    }
    let ingest = stand.start();
    let said = "dynamodb says: not there: ResourceNotFoundException";
    wait_for("the missing table to be said", || ingest.log().contains(said)).await;
    assert!(ingest.log().contains("(table plimsoll)"), "{}", ingest.log());
    let asked = stand.kinesis.asked();
    wait_for("some more tries", || stand.kinesis.asked() >= asked + 4).await;
    assert_eq!(ingest.log().matches(said).count(), 1, "{}", ingest.log());
    assert_eq!(stand.files("checkpoint"), Vec::<std::path::PathBuf>::new(), "the place moved");
    // Whoever comes after a crash finds the same.
    ingest.kill();
    emulator.create().await;
    let ingest = stand.start();
    until("the transitions", async || emulator.items_of("T#").await.len() == 3).await;
    wait_for("the place to move", || stand.files("checkpoint").len() == 1).await;
    ingest.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_goes_away_and_comes_back_costs_nothing() {
    let emulator = Emulator::with_table().await;
    let gate = Gate::before(emulator.address().parse().unwrap()).unwrap();
    let stand = Stand::new(Kinesis::start(300).await).with_table_at(&format!("http://{}", gate.address()));
    stand.kinesis.create("line", 1).await;
    let ingest = stand.start();
    stand.kinesis.put(&Put::Plain(transition("m-1", 1))).await;
    until("the first", async || emulator.items_of("T#").await.len() == 1).await;
    gate.set(Passage::Shut).await;
    stand.kinesis.put(&Put::Plain(transition("m-1", 2))).await;
    wait_for("the outage to be said", || ingest.log().contains("dynamodb cannot be reached")).await;
    gate.set(Passage::Open).await;
    until("the second", async || emulator.items_of("T#").await.len() == 2).await;
    wait_for("the end to be said", || ingest.log().contains("works again")).await;
    assert_eq!(ingest.log().matches("cannot be reached").count(), 1, "{}", ingest.log());
    // One that is frozen does not keep the program from stopping.
    gate.set(Passage::Frozen).await;
    stand.kinesis.put(&Put::Plain(transition("m-1", 3))).await;
    let asked = stand.kinesis.asked();
    wait_for("the third to be read", || stand.kinesis.asked() > asked + 1).await;
    let began = Instant::now();
    ingest.stop();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_table_cannot_take_is_set_aside_and_blocks_nothing() {
    let emulator = Emulator::with_table().await;
    let stand = Stand::new(Kinesis::start(300).await).with_table_at(&emulator.endpoint());
    stand.kinesis.create("line", 1).await;
    let edited = |sequence, edit: &dyn Fn(&mut Value)| {
        let mut t: Value = serde_json::from_slice(&transition("m-1", sequence)).unwrap();
        edit(&mut t);
        serde_json::to_vec(&t).unwrap()
    };
    let first = transition("m-1", 1);
    let at: Value = serde_json::from_slice::<Value>(&first).unwrap()["timestamp"].clone();
    let taken = edited(1, &|t| (t["timestamp"], t["id"]) = (at.clone(), json!("another")));
    let large = edited(2, &|t| t["text"] = json!({ "en": "x".repeat(420_000) }));
    let newer = br#"{"version":9,"kind":"photograph"}"#.to_vec();
    for data in [first, taken.clone(), large.clone(), newer, event(), transition("m-1", 3)] {
        stand.kinesis.put(&Put::Plain(data)).await;
    }
    let ingest = stand.start();
    until("what comes after", async || emulator.states("m-1").await.iter().any(|s| s["seq"] == 3)).await;
    wait_for("both to be set aside", || stand.failures() == [taken.clone(), large.clone()].into()).await;
    let mut kinds: Vec<String> =
        emulator.items().await.iter().map(|i| text(i, "pk")[..3].to_owned()).collect();
    kinds.sort();
    assert_eq!(
        kinds,
        ["EQ#", "EQ#", "EQ#", "EV#", "NEW"],
        "two transitions, a state, an event, a newer record"
    );
    ingest.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_table_equals_what_was_sent_over_twenty_kills() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let emulator = Emulator::with_table().await;
    let stand = Stand::new(Kinesis::start(300).await).with_table_at(&emulator.endpoint());
    stand.kinesis.create("line", 2).await;
    let (enough, is_enough) = tokio::sync::watch::channel(false);
    let sender = tokio::spawn(send(stand.kinesis.clone(), chance.fork(), is_enough));
    for _ in 0..KILLS {
        let ingest = stand.start();
        tokio::time::sleep(Duration::from_millis(chance.u64(100..900))).await;
        ingest.kill();
    }
    enough.send_replace(true);
    let sent = sender.await.unwrap();
    let ingest = stand.start();
    let complete = async || emulator.items_of("T#").await.len() >= sent.len();
    until("all transitions", complete).await;
    until("the last states", async || newest(&emulator.items_of("C#").await) == newest(&of_table(&sent)))
        .await;
    ingest.stop();

    let stored = emulator.items_of("T#").await;
    println!("{} transitions", sent.len());
    assert_eq!(records(&stored), records(&of_table(&sent)), "each once, as it was sent, and none besides");
    assert_eq!(stored.len(), sent.len(), "twice under different keys");
    assert_eq!(stand.failures(), BTreeSet::new());
}

/// Sends transitions of all machines by turns until it is enough, aggregated or plain, and some of them again,
/// as a producer does that has not heard an answer. Gives each of them once.
async fn send(
    kinesis: Kinesis,
    mut chance: fastrand::Rng,
    enough: tokio::sync::watch::Receiver<bool>,
) -> Vec<Vec<u8>> {
    let mut sent = Vec::new();
    let mut next = [1; MACHINES];
    while !*enough.borrow() {
        let machine = chance.usize(..MACHINES);
        let name = format!("m-{machine}");
        let until = next[machine] + chance.u64(1..6);
        let records: Vec<Vec<u8>> = (next[machine]..until).map(|n| transition(&name, n)).collect();
        next[machine] = until;
        sent.extend(records.iter().cloned());
        for _ in 0..chance.usize(1..3) {
            if chance.bool() {
                kinesis.put(&Put::Aggregate(name.clone(), records.clone())).await;
            } else {
                for record in &records {
                    kinesis.put(&Put::Plain(record.clone()).of(&name)).await;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(chance.u64(0..60))).await;
    }
    sent
}

/// What was sent in the shape of items.
fn of_table(sent: &[Vec<u8>]) -> Vec<Value> {
    let item = |record: &Vec<u8>| {
        let t: Value = serde_json::from_slice(record).unwrap();
        let (pk, seq) = (format!("EQ#{}", text(&t, "equipmentId")), t["sequenceNumber"].clone());
        json!({ "pk": pk, "seq": seq, "record": String::from_utf8(record.clone()).unwrap() })
    };
    sent.iter().map(item).collect()
}

/// The highest sequence number of each machine.
fn newest(items: &[Value]) -> BTreeMap<String, u64> {
    let mut newest = BTreeMap::new();
    for item in items {
        let seq = item["seq"].as_u64().unwrap();
        let highest = newest.entry(text(item, "pk")).or_insert(seq);
        *highest = seq.max(*highest);
    }
    newest
}

fn records(items: &[Value]) -> BTreeSet<String> {
    items.iter().map(|item| text(item, "record")).collect()
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap().to_owned()
}

fn table(endpoint: &str) -> Table {
    Table::new(client(endpoint), Name::of_aws(TABLE).unwrap(), TTL)
}

/// A transition with some fields changed, as it is routed.
fn changed(machine: &str, sequence: u64, change: impl FnOnce(&mut Value)) -> (Origin, Write) {
    let mut json: Value = serde_json::from_slice(&transition(machine, sequence)).unwrap();
    change(&mut json);
    let name = |text| Name::of_aws(text).unwrap();
    let origin = Origin { shard: name("shardId-000000000000"), sequence: name("495"), index: 0 };
    (origin, route(&serde_json::to_vec(&json).unwrap(), now_ms()).unwrap())
}

fn now_ms() -> i64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis().try_into().unwrap()
}

/// Waits until something is so that has to be asked for.
async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
