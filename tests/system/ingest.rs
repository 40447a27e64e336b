//! `cloud-ingest` as a process, against a Kinesis with real limits: what is stored, over kills, resharding,
//! poison and everything that can be away. Not here: what its parts do alone (their own tests).

pub(crate) mod kinesis;
pub(crate) mod stand;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use cloud_ingest::{name::Name, shards};
use serde_json::Value;

use kinesis::{Kinesis, Put};
use stand::{Stand, transition, wait_for};

/// What the killing test sends: machines, and transitions of each.
const MACHINES: usize = 9;
const TRANSITIONS: u64 = 160;

#[tokio::test(flavor = "multi_thread")]
async fn each_transition_is_stored_once_over_kills_resharding_and_poison() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut chance = fastrand::Rng::with_seed(seed);
    let stand = Stand::new(Kinesis::start(60).await);
    stand.kinesis.create("line", 3).await;
    let sender = tokio::spawn(send_all(stand.kinesis.clone(), fastrand::Rng::with_seed(seed)));
    let sharder = tokio::spawn(reshard(stand.kinesis.clone()));

    while !sender.is_finished() || !sharder.is_finished() {
        let ingest = stand.start();
        tokio::time::sleep(Duration::from_millis(chance.u64(20..900))).await;
        ingest.kill();
    }
    sharder.await.unwrap();
    let sent = sender.await.unwrap();
    let ingest = stand.start();
    let complete = || transitions(&stand.store()).len() >= sent.transitions.len();
    wait_for("all transitions to be stored", complete).await;
    wait_for("all poison to be set aside", || stand.failures().len() >= sent.poison.len()).await;
    ingest.stop();

    let stored = transitions(&stand.store());
    assert_eq!(stored.keys().cloned().collect::<BTreeSet<_>>(), sent.transitions, "by id, none besides");
    assert_eq!(stand.failures(), sent.poison);
    assert_eq!(stand.files("events").len(), 1, "sent {} times", sent.events);
    assert_current_is_newest(&stand.store(), &stored);
    assert_stored_in_order(&stored);
    assert_eq!(std::fs::read_dir(stand.store().join("tmp~")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_over_split_and_merge_is_stored_parents_first() {
    let stand = Stand::new(Kinesis::start(300).await);
    stand.kinesis.create("line", 1).await;
    let put = async |range| {
        for n in range {
            stand.kinesis.put(&Put::Plain(transition("m-1", n))).await;
        }
    };
    put(1..4).await;
    let children = stand.kinesis.split("line", "shardId-000000000000").await;
    put(4..7).await;
    stand.kinesis.merge("line", &children).await;
    put(7..10).await;
    // Whoever reads all shards at once has the children's records long before the parent's.
    stand.kinesis.hold_up("shardId-000000000000", Duration::from_millis(500));
    let ingest = stand.start();
    wait_for("all transitions", || transitions(&stand.store()).len() == 9).await;
    assert_stored_in_order(&transitions(&stand.store()));
    ingest.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_there_is_said_once_and_heals() {
    let stand = Stand::new(Kinesis::start(300).await);
    let ingest = stand.start();
    wait_for("the missing stream to be said", || ingest.log().contains("not there: ResourceNotFound")).await;
    // Some more tries, each refused.
    let asked = stand.kinesis.asked();
    wait_for("two more tries", || stand.kinesis.asked() >= asked + 2).await;
    stand.kinesis.create("line", 1).await;
    stand.kinesis.put(&Put::Plain(transition("m-1", 1))).await;
    wait_for("the transition", || transitions(&stand.store()).len() == 1).await;
    wait_for("the end to be said", || ingest.log().contains("works again")).await;
    assert_eq!(ingest.log().matches("WARN").count(), 2, "http, and one trouble: {}", ingest.log());
    ingest.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_goes_away_and_comes_back_costs_nothing() {
    let stand = Stand::new(Kinesis::start(300).await);
    stand.kinesis.create("line", 2).await;
    stand.kinesis.put(&Put::Plain(transition("m-1", 1))).await;
    let ingest = stand.start();
    wait_for("the first", || transitions(&stand.store()).len() == 1).await;
    stand.kinesis.away(true);
    wait_for("the outage to be said", || ingest.log().contains("kinesis cannot be reached")).await;
    stand.kinesis.away(false);
    stand.kinesis.put(&Put::Plain(transition("m-1", 2))).await;
    wait_for("the second", || transitions(&stand.store()).len() == 2).await;
    wait_for("the end to be said", || ingest.log().contains("works again")).await;
    assert_eq!(ingest.log().matches("cannot be reached").count(), 1, "{}", ingest.log());
    ingest.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_iterator_that_expires_between_two_reads_is_renewed() {
    let stand = Stand::new(Kinesis::start(1).await).polling("1.5 s");
    stand.kinesis.create("line", 1).await;
    let ingest = stand.start();
    for n in 1..=2 {
        stand.kinesis.put(&Put::Plain(transition("m-1", n))).await;
        wait_for("the transition", || transitions(&stand.store()).len() as u64 == n).await;
    }
    assert!(stand.kinesis.expired() >= 1, "no iterator expired");
    ingest.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_made_anew_under_its_name_is_read_from_its_beginning() {
    let stand = Stand::new(Kinesis::start(300).await);
    for n in 1..=2 {
        stand.kinesis.create("line", 1).await;
        stand.kinesis.put(&Put::Plain(transition("m-1", n))).await;
        let ingest = stand.start();
        wait_for("the transition", || transitions(&stand.store()).len() as u64 == n).await;
        ingest.stop();
        stand.kinesis.delete("line").await;
        // Kinesis tells two shards of one name apart by the second in which they were made.
        let second = || SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
        let deleted = second();
        wait_for("the next second", || second() > deleted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_cannot_be_written_is_said_and_heals() {
    let stand = Stand::new(Kinesis::start(300).await);
    stand.kinesis.create("line", 1).await;
    std::fs::create_dir_all(stand.store()).unwrap();
    std::fs::write(stand.store().join("machines"), "in the way").unwrap();
    stand.kinesis.put(&Put::Plain(transition("m-1", 1))).await;
    let ingest = stand.start();
    wait_for("it to be said", || ingest.log().contains("cannot store")).await;
    std::fs::remove_file(stand.store().join("machines")).unwrap();
    wait_for("the transition", || transitions(&stand.store()).len() == 1).await;
    ingest.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_credentials_and_a_closed_port_are_said_in_words() {
    let stand = || async { Stand::new(Kinesis::start(300).await) };
    for (stand, said) in [
        (stand().await.without_credentials(), "no credentials: set AWS_ACCESS_KEY_ID"),
        (stand().await.at_a_closed_port(), "Connection refused"),
    ] {
        let ingest = stand.start();
        wait_for(said, || ingest.log().contains(said)).await;
        ingest.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shards_are_listed_page_by_page() {
    let kinesis = Kinesis::start(300).await;
    kinesis.create("line", 5).await;
    let name = Name::of_aws("line").unwrap();
    let whole = shards::list(&kinesis.client, &name, shards::PAGE).await.unwrap();
    assert_eq!(whole.len(), 5);
    for page in [1, 2, 5] {
        assert_eq!(shards::list(&kinesis.client, &name, page).await.unwrap(), whole);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_fail_has_its_exit_code_and_its_words() {
    let stand = Stand::new(Kinesis::start(300).await);
    let (code, said) = stand.end(&["run", "--config", "/nowhere/c.toml"]);
    assert!(code == 1 && said.contains("no configuration at /nowhere/c.toml"), "{code} {said}");
    let (code, said) = stand.end(&["run", "--confg", "x"]);
    assert!(code == 2 && said.contains("--config"), "{code} {said}");
    let config = stand.config();
    let run = ["run", "--config", config.to_str().unwrap()];
    let ingest = stand.start();
    wait_for("the first to hold the directory", || ingest.log().contains("started")).await;
    let (code, said) = stand.end(&run);
    assert!(code == 3 && said.contains("another process works in"), "{code} {said}");
    ingest.stop();
    std::fs::write(&config, "[stream]\nname = \"line\"\nregion = 5\n").unwrap();
    let (code, said) = stand.end(&run);
    assert!(code == 1 && said.contains("c.toml:3:10: invalid type"), "{code} {said}");
}

/// What was sent: the ids of the transitions, the poison, and how often the one event.
struct Sent {
    transitions: BTreeSet<String>,
    poison: BTreeSet<Vec<u8>>,
    events: usize,
}

/// Sends every machine's transitions in order, by chance aggregated or plain, with poison, datapoints and one
/// and the same event among them.
async fn send_all(kinesis: Kinesis, mut chance: fastrand::Rng) -> Sent {
    let mut sent = Sent { transitions: BTreeSet::new(), poison: BTreeSet::new(), events: 0 };
    let mut next = [1; MACHINES];
    while let Some(machine) = pick(&next, &mut chance) {
        let name = format!("m-{machine}");
        let until = (next[machine] + chance.u64(1..8)).min(TRANSITIONS + 1);
        let mut records: Vec<Vec<u8>> = (next[machine]..until).map(|n| transition(&name, n)).collect();
        next[machine] = until;
        sent.transitions.extend(records.iter().map(|r| text(&serde_json::from_slice(r).unwrap(), "id")));
        if chance.u8(..) < 60 {
            let poison = poison(&mut chance, sent.poison.len());
            sent.poison.insert(poison.clone());
            records.insert(records.len() / 2, poison);
        }
        if chance.u8(..) < 60 {
            records.push(stand::event());
            records.push(stand::datapoint(&name));
            sent.events += 1;
        }
        if chance.bool() {
            kinesis.put(&Put::Aggregate(name, records)).await;
        } else {
            for record in records {
                kinesis.put(&Put::Plain(record).of(&name)).await;
            }
        }
    }
    sent
}

fn pick(next: &[u64], chance: &mut fastrand::Rng) -> Option<usize> {
    chance.choice((0..next.len()).filter(|m| next[*m] <= TRANSITIONS).collect::<Vec<_>>())
}

/// Poison of several kinds, each of its own bytes.
fn poison(chance: &mut fastrand::Rng, n: usize) -> Vec<u8> {
    match chance.u8(0..4) {
        0 => format!("noise {n}").into(),
        1 => [b"\xff\xfe\0".as_slice(), &n.to_be_bytes()].concat(),
        2 => transition("../../etc/x", n as u64),
        _ => format!(r#"{{"version":1,"kind":"event","n":{n}}}"#).into(),
    }
}

/// Splits the first shard while things are sent, then merges what it was split into.
async fn reshard(kinesis: Kinesis) {
    // Of 207 at least: 9 machines with 160 transitions each, at most 7 in one.
    wait_for("something to be sent", || kinesis.put_so_far() >= 50).await;
    let children = kinesis.split("line", "shardId-000000000000").await;
    let at_split = kinesis.put_so_far();
    wait_for("more to be sent to the children", || kinesis.put_so_far() >= at_split + 50).await;
    kinesis.merge("line", &children).await;
}

/// All stored transitions by id. A second one of the same id would be found under another name.
fn transitions(store: &Path) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    for file in
        stand::files(&store.join("machines")).iter().filter(|f| f.iter().any(|part| part == "transitions"))
    {
        let json: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        assert_eq!(found.insert(text(&json, "id"), json), None, "twice: {}", file.display());
    }
    found
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap().to_owned()
}

fn assert_current_is_newest(store: &Path, stored: &BTreeMap<String, Value>) {
    for machine in 0..MACHINES {
        let current = std::fs::read(store.join(format!("machines/m-{machine}/current/hot.json"))).unwrap();
        let current: Value = serde_json::from_slice(&current).unwrap();
        assert_eq!(current["sequenceNumber"], TRANSITIONS, "m-{machine}");
        assert!(stored.contains_key(&text(&current, "id")));
    }
}

/// A later transition of a machine was never stored before an earlier one, whatever shard it came through.
fn assert_stored_in_order(stored: &BTreeMap<String, Value>) {
    let mut by_machine: BTreeMap<String, Vec<(u64, i64)>> = BTreeMap::new();
    for t in stored.values() {
        let place = (t["sequenceNumber"].as_u64().unwrap(), t["storedAt"].as_i64().unwrap());
        by_machine.entry(text(t, "equipmentId")).or_default().push(place);
    }
    for (machine, mut places) in by_machine {
        places.sort_unstable();
        assert!(places.is_sorted_by_key(|(_, stored_at)| *stored_at), "{machine}: {places:?}");
    }
}
