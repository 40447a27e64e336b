//! A PLC or the stream goes away and comes back, in the ways in which they do: cut off, silent, killed.
//!
//! Shown: data flows again within 10 s, quality is Bad meanwhile, the store has a `sourceDown` and a
//! `sourceUp`, no alarm is cleared by it; and nothing is lost or doubled while the stream is away.
//!
//! Here: one outage at a time, of a running agent. Not here: an agent that dies meanwhile (`kill`), single answers
//! that go wrong (`s7`). Invariant: waits are for a condition, or for an instant of the script.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy takes helpers of a test for code")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use plant::expected::{self, FirstStep, Truth};
use plant::gate::Passage;
use plant::line::Tag;
use plant::process::{Output, Process};
use plant::script::{Machine, Script};
use plant::verdict::Verdict;
use plant::view;
use proto::{Event, Happening, Transition};
use serde_json::Value;
use tokio::time::sleep;

use crate::peer::Peer;
use crate::works::{Works, now_ms, until};

/// What must have happened by then will not happen any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// A PLC that is back is read again within this time, ms.
const BACK_MS: i64 = 10_000;
/// A PLC that is gone is told to be within this time, ms: an answer is waited for 2 s.
const DOWN_MS: i64 = 5_000;
/// A scan may come this much later than the change it sees, ms.
const LATE_MS: i64 = 2_000;
/// Says within a second that what it reads is Bad.
const SENSOR_RULE: &str = r#"
[rule.washer-sensor]
on = "washer-1"
[rule.washer-sensor.group.temperature]
state     = [ { name = "Boiling", when = "water_temperature > 110 °C", severity = "alarm" } ]
otherwise = "Normal"
unknown   = { after = "1 s", name = "SensorFault", weight = 15 }
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plc_that_is_cut_off_is_bad_meanwhile_and_is_read_again() {
    plc_outage(Passage::Shut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plc_that_falls_silent_is_bad_meanwhile_and_is_read_again() {
    plc_outage(Passage::Frozen).await;
}

/// The washer's PLC goes while an alarm of it is on, and comes back when that alarm is over.
async fn plc_outage(how: Passage) {
    let works = Works::build(Script::new(4, None), 3_000).await;
    fs::write(works.folder.rules().join("sensor.toml"), SENSOR_RULE).unwrap();
    let (mut agent, mut ingest) = (works.agent(), works.ingest());
    let alarm = expected::transitions(&works.script, 120_000)
        .into_iter()
        .find(|e| e.rule == "washer-caustic" && e.to != "Normal" && e.at_ms > 8_000)
        .unwrap();
    until_script(&works, alarm.at_ms + LATE_MS).await;
    let gone = now_ms();
    works.gate(Machine::Washer).set(how).await;
    let truth = Truth { script: &works.script, machine: Machine::Washer, rule: "washer-caustic" };
    let over = (alarm.at_ms..)
        .find(|t| ["Overheated", "TooCold", "PumpBlocked"].iter().all(|s| !truth.is_true(s, *t..=*t)));
    until_script(&works, over.unwrap() + LATE_MS).await;
    let back = now_ms();
    works.gate(Machine::Washer).set(Passage::Open).await;
    until("the source is up again", PATIENCE, async || of_washer(&works.events()).len() == 3).await;
    until("the alarm is over", PATIENCE, async || {
        transitions(&works)
            .iter()
            .any(|t| t.rule_id == "washer-caustic" && t.to == "Normal" && t.timestamp >= back)
    })
    .await;
    until("the sensor is whole again", PATIENCE, async || {
        transitions(&works).iter().any(|t| t.rule_id == "washer-sensor" && t.from == "SensorFault")
    })
    .await;
    works.settle(&mut agent, &mut ingest).await;
    assert_told(&of_washer(&works.events()), gone, back);
    assert_bad_and_not_cleared(&transitions(&works), gone, back);
    works.assert_clean();
}

/// Up at the start, down when it went, up again in time.
fn assert_told(told: &[Event], gone: i64, back: i64) {
    let kinds: Vec<&Happening> = told.iter().map(|e| &e.happening).collect();
    assert!(
        matches!(
            kinds[..],
            [Happening::SourceUp { .. }, Happening::SourceDown { .. }, Happening::SourceUp { .. }]
        ),
        "{kinds:?}"
    );
    assert!((gone..gone + DOWN_MS).contains(&told[1].timestamp), "{told:?}, gone at {gone}");
    assert!((back..back + BACK_MS).contains(&told[2].timestamp), "{told:?}, back at {back}");
    let Happening::SourceDown { reason, .. } = kinds[1] else { panic!() };
    assert!(reason.contains("127.0.0.1:"), "{reason}");
}

fn assert_bad_and_not_cleared(stored: &[Transition], gone: i64, back: i64) {
    let meanwhile = |t: &&Transition| (gone + LATE_MS..back).contains(&t.timestamp) || t.to == "SensorFault";
    let washer: Vec<&Transition> =
        stored.iter().filter(|t| t.equipment == "washer-1").filter(meanwhile).collect();
    let [fault] = washer[..] else { panic!("while nobody could know anything: {washer:#?}") };
    assert_eq!((&*fault.rule_id, &*fault.from, &*fault.to), ("washer-sensor", "Normal", "SensorFault"));
    // The filler was watched all the time.
    assert!(stored.iter().any(|t| t.equipment == "filler-1" && (gone..back).contains(&t.timestamp)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tag_of_a_plc_that_is_gone_is_recorded_as_bad_and_then_as_ok() {
    // The line stands still: whatever changes comes of the outage.
    let works = Works::build(Script::new(1, None), 3_600_000).await;
    let file = works.folder.root().join("recording.ndjson");
    let args = ["leashed", "agent", "record", "--config"].map(Into::into).to_vec();
    let args = [args, vec![works.folder.agent_config().into(), file.clone().into()]].concat();
    let (program, log) = (env!("CARGO_BIN_EXE_plant"), works.folder.log("agent"));
    let mut record = Process::start("agent", program.as_ref(), &args, log, Output::Log).unwrap();
    let tags = Tag::on(Machine::Washer).count();
    let lines = || recorded(&file);
    let of_quality = |quality: &str| lines().iter().filter(|l| is_tag(l) && l["quality"] == quality).count();
    until("every tag is Ok", PATIENCE, async || of_quality("Ok") == tags).await;
    works.gate(Machine::Washer).set(Passage::Shut).await;
    until("every tag is Bad", PATIENCE, async || of_quality("Bad") == tags).await;
    let back = now_ms();
    works.gate(Machine::Washer).set(Passage::Open).await;
    until("every tag is Ok again", PATIENCE, async || of_quality("Ok") == 2 * tags).await;
    record.stop(Duration::from_secs(10)).await.unwrap();
    let lines = lines();
    let bad: Vec<&Value> = lines.iter().filter(|l| l["quality"] == "Bad" && is_tag(l)).collect();
    assert!(bad.iter().all(|l| l["value"].is_null()), "{bad:#?}");
    let again = lines.iter().rfind(|l| is_tag(l)).unwrap()["timestamp"].as_i64().unwrap();
    assert!((back..back + BACK_MS).contains(&again), "{again}, back at {back}");
    works.assert_clean();
}

/// What has been recorded of the washer so far, line by line.
fn recorded(file: &Path) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    // The last line may be half written.
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|l: &Value| l["meta"]["sourceId"] == "washer_plc").collect()
}

fn is_tag(line: &Value) -> bool {
    !line["tag"].as_str().unwrap().starts_with('$')
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plc_that_is_killed_and_started_again_clears_no_alarm() {
    let plc = Peer::start_on_free_port("s7_libsnap7.py", &["480"]);
    let works = Works::build(Script::new(1, None), 3_600_000).await;
    let address = plc.address();
    let (config, rules) = (works.folder.agent_config(), works.folder.rules());
    let text = fs::read_to_string(&config).unwrap();
    let source = format!(
        "[[source]]\nid = \"peer\"\nprotocol = \"s7\"\naddress = \"{address}\"\n[[source.tag]]\nmachine = \"washer-1\"\n\
         name = \"word\"\naddress = \"DB2.DBW2:WORD\"\n\n[forward]"
    );
    fs::write(&config, text.replace("[forward]", &source)).unwrap();
    fs::write(
        rules.join("peer.toml"),
        "[rule.word]\non = 'washer-1'\nwhen = 'word = 8193'\nseverity = 'alarm'",
    )
    .unwrap();
    let (mut agent, mut ingest) = (works.agent(), works.ingest());
    let of_rule = || transitions(&works).into_iter().filter(|t| t.rule_id == "word").collect::<Vec<_>>();
    let of_peer = || of_source(&works.events(), "peer");
    until("the alarm is on", PATIENCE, async || of_rule().last().is_some_and(|t| t.to == "Active")).await;
    let port = plc.port().to_string();
    plc.kill();
    until("the source is down", PATIENCE, async || of_peer().len() == 2).await;
    let back = now_ms();
    let _plc = Peer::try_start("s7_libsnap7.py", &[&port, "480"]).unwrap();
    let up = now_ms();
    until("the source is up", PATIENCE, async || of_peer().len() == 3).await;
    works.settle(&mut agent, &mut ingest).await;
    let told = of_peer();
    assert!(matches!(told[1].happening, Happening::SourceDown { .. }), "{told:?}");
    assert!((back..up + BACK_MS).contains(&told[2].timestamp), "{told:?}, back at {back}, up at {up}");
    let steps: Vec<(String, String)> = of_rule().into_iter().map(|t| (t.from, t.to)).collect();
    assert_eq!(steps, [("Unknown".to_owned(), "Active".to_owned())], "it was never cleared");
    works.assert_clean();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_stream_is_cut_off_and_while_it_is_silent_nothing_is_lost_or_doubled() {
    const LENGTH_MS: i64 = 40_000;
    let works = Works::build(Script::new(7, Some(LENGTH_MS)), 3_000).await;
    let (mut agent, mut ingest) = (works.agent(), works.ingest());
    for (second, passage) in
        [(6, Passage::Shut), (14, Passage::Open), (18, Passage::Frozen), (31, Passage::Open)]
    {
        until_script(&works, second * 1000).await;
        works.kinesis.gate().set(passage).await;
    }
    until_script(&works, LENGTH_MS).await;
    until("the outbox is empty", PATIENCE, async || {
        view::get(works.http).await.is_ok_and(|view| view.waiting == 0)
    })
    .await;
    works.settle(&mut agent, &mut ingest).await;
    let first: Vec<FirstStep> = expected::first_steps().collect();
    let expected = expected::transitions(&works.script, LENGTH_MS);
    let verdict = Verdict::of(&transitions(&works), &expected, &first, works.start_ms, LATE_MS);
    assert!(verdict.agrees(), "{verdict:#?}");
    works.assert_clean();
}

fn transitions(works: &Works) -> Vec<Transition> {
    let mut all: Vec<Transition> = works.stored().into_iter().map(|s| s.transition).collect();
    all.sort_by_key(|t| t.timestamp);
    all
}

fn of_washer(events: &[Event]) -> Vec<Event> {
    of_source(events, "washer_plc")
}

/// Ups and downs of a source.
fn of_source(events: &[Event], wanted: &str) -> Vec<Event> {
    let concerns = |e: &&Event| match &e.happening {
        Happening::SourceUp { source_id } | Happening::SourceDown { source_id, .. } => source_id == wanted,
        _ => false,
    };
    events.iter().filter(concerns).cloned().collect()
}

/// The plan of a test goes by the script's time.
async fn until_script(works: &Works, at_ms: i64) {
    let left = works.start_ms + at_ms - now_ms();
    sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
}
