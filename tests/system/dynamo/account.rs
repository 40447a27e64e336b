//! `cloud-ingest` is killed with -9 at 20 random moments, and the table equals what the agent's ledger says.
//!
//! A real agent watches the line and forwards to Kinesis. Its ledger forgets an entry when the stream has accepted
//! it, so it never hears that: the network (`one_way`) carries each entry once and loses every answer. When the line
//! stands still and all has arrived, the agent is stopped and its ledger is read with the agent's own library: what it
//! says stands in `ledger`.
//!
//! `PLIMSOLL_SEED=S` plays the script and the moments of that seed again.
//! Not here: that what the ledger says is right (`kill`), and old records that come late (`dynamo`).
//! Invariant: the seed is printed; waits are for a condition, or are the plan itself: how long a life lasts.

use std::fmt::Write as _;
use std::fs;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use plant::expected;
use plant::folder::{REGION, STREAM};
use plant::script::Script;
use plant::server::{Cpu, Memory, Plc};
use plant::view;
use tokio::time::{sleep, timeout};

use super::emulator::{Emulator, TABLE};
use super::ledger::{Account, TTL_DAYS, assert_same, current_numbers, numbers_of};
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
            && current_numbers(&emulator.items_of("C#").await) == numbers_of(&current)
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
