//! A PLC or the stream goes away and comes back, in the ways in which they do: cut off, silent, killed.
//!
//! Shown: data flows again within 10 s, quality is Bad meanwhile, the store has a `sourceDown` and a
//! `sourceUp`, no alarm is cleared by it; and nothing is lost or doubled while the stream is away.
//!
//! Here: one outage at a time, of a running agent. Not here: an agent that dies meanwhile (`kill`), single answers
//! that go wrong (`s7`). Invariant: waits are for a condition, or for an instant of the script.
use std::fs;
use std::path::Path;
use std::time::Duration;

use plant::expected::{self, FirstStep, Truth};
use plant::gate::Passage;
use plant::line::Tag;
use plant::process::{Output, Process};
use plant::script::{Machine, Script};
use plant::verdict::{Lateness, Verdict};
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
/// A PLC that is gone is told to be within this time, ms: an answer is waited for 2 s, a publish answer 3 s.
const DOWN_MS: i64 = 5_000;
/// A scan may come this much later than the change it sees, ms.
const LATE_MS: i64 = 2_000;
const LATENESS: Lateness = Lateness { scanned_ms: LATE_MS, stamped_ms: 0 };
/// An alarm that is interrupted lasts so much longer, ms: whoever notices late has time to say so.
const ALARM_MIN_MS: i64 = 7_000;

/// An alarm of a machine, and a value of the same PLC that nothing is wrong with.
struct Watched {
    machine: Machine,
    source: &'static str,
    rule: &'static str,
    alarms: &'static [&'static str],
    /// Never so.
    sensor: &'static str,
}

const FILLER: Watched = Watched {
    machine: Machine::Filler,
    source: "filler_plc",
    rule: "filler-product-temperature",
    alarms: &["High", "Critical"],
    sensor: "WS_Temp_Product > 55 °C",
};
const WASHER: Watched = Watched {
    machine: Machine::Washer,
    source: "washer_plc",
    rule: "washer-caustic",
    alarms: &["Overheated", "TooCold", "PumpBlocked"],
    sensor: "water_temperature > 110 °C",
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s7_plc_that_is_cut_off_is_bad_meanwhile_and_is_read_again() {
    plc_outage(&FILLER, Passage::Shut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s7_plc_that_falls_silent_is_bad_meanwhile_and_is_read_again() {
    plc_outage(&FILLER, Passage::Frozen).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opc_ua_server_that_is_cut_off_is_bad_meanwhile_and_is_read_again() {
    plc_outage(&WASHER, Passage::Shut).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opc_ua_server_that_falls_silent_is_bad_meanwhile_and_is_read_again() {
    plc_outage(&WASHER, Passage::Frozen).await;
}

impl Watched {
    /// Says within a second that what it reads is Bad.
    fn sensor_rule(&self) -> String {
        let (machine, when) = (self.machine.name(), self.sensor);
        format!(
            "[rule.sensor]\non = '{machine}'\n[rule.sensor.group.value]\n\
             state = [ {{ name = 'Absurd', when = '{when}', severity = 'alarm' }} ]\notherwise = 'Normal'\n\
             unknown = {{ after = '1 s', name = 'SensorFault', weight = 15 }}"
        )
    }

    /// From when to when an alarm that is long enough is on, ms since the start of the script.
    fn alarm(&self, script: &Script) -> (i64, i64) {
        let truth = Truth { script, machine: self.machine, rule: self.rule };
        let is_over = |t: &i64| self.alarms.iter().all(|state| !truth.is_true(state, *t..=*t));
        let all = expected::transitions(script, 120_000);
        let of_rule = all.iter().filter(|e| e.rule == self.rule && e.to != "Normal" && e.at_ms > 8_000);
        let mut spans = of_rule.map(|e| (e.at_ms, (e.at_ms..).find(is_over).unwrap()));
        spans.find(|(on, over)| over - on > ALARM_MIN_MS).unwrap()
    }
}

/// A PLC goes while an alarm of its machine is on, and comes back when that alarm is over.
async fn plc_outage(watched: &Watched, how: Passage) {
    let works = Works::build(Script::new(4, None), 3_000).await;
    fs::write(works.folder.rules().join("sensor.toml"), watched.sensor_rule()).unwrap();
    let (mut agent, mut ingest) = (works.agent(), works.ingest());
    let (on, over) = watched.alarm(&works.script);
    until_script(&works, on + LATE_MS).await;
    let gone = now_ms();
    works.gate(watched.machine).set(how).await;
    until_script(&works, over + LATE_MS).await;
    let back = now_ms();
    works.gate(watched.machine).set(Passage::Open).await;
    let told = || of_source(&works.events(), watched.source);
    until("the source is up again", PATIENCE, async || told().len() == 3).await;
    until("the alarm is over", PATIENCE, async || {
        transitions(&works)
            .iter()
            .any(|t| t.rule_id == watched.rule && t.to == "Normal" && t.timestamp >= back)
    })
    .await;
    until("the sensor is whole again", PATIENCE, async || {
        transitions(&works).iter().any(|t| t.rule_id == "sensor" && t.from == "SensorFault")
    })
    .await;
    works.settle(&mut agent, &mut ingest).await;
    assert_told(&told(), gone, back);
    assert_bad_and_not_cleared(watched.machine, &transitions(&works), gone, back);
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

fn assert_bad_and_not_cleared(machine: Machine, stored: &[Transition], gone: i64, back: i64) {
    let meanwhile = |t: &&Transition| (gone + LATE_MS..back).contains(&t.timestamp) || t.to == "SensorFault";
    let of_machine = |t: &&Transition| t.equipment == machine.name();
    let told: Vec<&Transition> = stored.iter().filter(of_machine).filter(meanwhile).collect();
    let [fault] = told[..] else { panic!("while nobody could know anything: {told:#?}") };
    assert_eq!((&*fault.rule_id, &*fault.from, &*fault.to), ("sensor", "Normal", "SensorFault"));
    // The other one was watched all the time.
    assert!(stored.iter().any(|t| !of_machine(&t) && (gone..back).contains(&t.timestamp)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tag_of_an_s7_plc_that_is_gone_is_recorded_as_bad_and_then_as_ok() {
    recorded_outage(&FILLER).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tag_of_an_opc_ua_server_that_is_gone_is_recorded_as_bad_and_then_as_ok() {
    recorded_outage(&WASHER).await;
}

async fn recorded_outage(watched: &Watched) {
    // The line stands still: whatever changes comes of the outage.
    let works = Works::build(Script::new(1, None), 3_600_000).await;
    let file = works.folder.root().join("recording.ndjson");
    let args = ["leashed", "agent", "record", "--config"].map(Into::into).to_vec();
    let args = [args, vec![works.folder.agent_config().into(), file.clone().into()]].concat();
    let (program, log) = (env!("CARGO_BIN_EXE_plant"), works.folder.log("agent"));
    let mut record = Process::start("agent", program.as_ref(), &args, log, Output::Log).unwrap();
    let tags = Tag::on(watched.machine).count();
    let lines = || recorded(&file, watched.source);
    let of_quality = |quality: &str| lines().iter().filter(|l| is_tag(l) && l["quality"] == quality).count();
    until("every tag is Ok", PATIENCE, async || of_quality("Ok") == tags).await;
    works.gate(watched.machine).set(Passage::Shut).await;
    until("every tag is Bad", PATIENCE, async || of_quality("Bad") == tags).await;
    let back = now_ms();
    works.gate(watched.machine).set(Passage::Open).await;
    until("every tag is Ok again", PATIENCE, async || of_quality("Ok") == 2 * tags).await;
    record.stop(Duration::from_secs(10)).await.unwrap();
    let lines = lines();
    let bad: Vec<&Value> = lines.iter().filter(|l| l["quality"] == "Bad" && is_tag(l)).collect();
    assert!(bad.iter().all(|l| l["value"].is_null()), "{bad:#?}");
    let again = lines.iter().rfind(|l| is_tag(l)).unwrap()["timestamp"].as_i64().unwrap();
    assert!((back..back + BACK_MS).contains(&again), "{again}, back at {back}");
    works.assert_clean();
}

/// What has been recorded of a source so far, line by line.
fn recorded(file: &Path, source: &str) -> Vec<Value> {
    let text = fs::read_to_string(file).unwrap_or_default();
    // The last line may be half written.
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|l: &Value| l["meta"]["sourceId"] == source).collect()
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
async fn an_opc_ua_server_whose_answers_are_two_seconds_late_moves_no_transition() {
    const LENGTH_MS: i64 = 25_000;
    let works = Works::build(Script::new(4, Some(LENGTH_MS)), 3_000).await;
    let (mut agent, mut ingest) = (works.agent(), works.ingest());
    for second in [6, 10, 14, 18] {
        until_script(&works, second * 1000).await;
        works.gate(Machine::Washer).set(Passage::Frozen).await;
        // Shorter than what makes the agent give the server up.
        until_script(&works, second * 1000 + 2_000).await;
        works.gate(Machine::Washer).set(Passage::Open).await;
    }
    until_script(&works, LENGTH_MS).await;
    until("everything is judged and sent", PATIENCE, async || {
        // Time goes on by what the server says once a second, after the script's end too.
        now_ms() > works.start_ms + LENGTH_MS + 2_000
            && view::get(works.http).await.is_ok_and(|view| view.waiting == 0)
    })
    .await;
    let late = view::get(works.http).await.unwrap().late;
    works.settle(&mut agent, &mut ingest).await;
    let first: Vec<FirstStep> = expected::first_steps().collect();
    let expected = expected::transitions(&works.script, LENGTH_MS);
    let verdict = Verdict::of(&transitions(&works), &expected, &first, works.start_ms, LATENESS);
    assert!(verdict.agrees(), "{verdict:#?}");
    let told = of_source(&works.events(), WASHER.source);
    assert_eq!((late, told.len()), (0, 1), "{told:?}");
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
    let verdict = Verdict::of(&transitions(&works), &expected, &first, works.start_ms, LATENESS);
    assert!(verdict.agrees(), "{verdict:#?}");
    works.assert_clean();
}

fn transitions(works: &Works) -> Vec<Transition> {
    let mut all: Vec<Transition> = works.stored().into_iter().map(|s| s.transition).collect();
    all.sort_by_key(|t| t.timestamp);
    all
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
