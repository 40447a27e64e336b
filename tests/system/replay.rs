//! `rules replay` as a process: clocks are judged as the agent judges them, and a recording that an agent has made
//! of itself gives exactly the transitions that it made.
//!
//! Here: the command, on recordings written here and recordings of a running agent. Not here: the vectors
//! (`vectors`), a recording beside the agent (`commands`).

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use proto::{Happening, Transition};
use serde_json::Value;

use crate::desk::{Desk, Said};
use crate::faketime::Faketime;
use crate::opcua_line::{PATIENCE, UaLine};
use crate::works::until;

const HOUR_MS: i64 = 3_600_000;
const T: i64 = 1_700_000_000_000;

/// A batch of one value and the promise behind it, a second apart, stamped so far behind its arrival.
fn day(behind_ms: impl Fn(i64) -> i64) -> String {
    let mut text = String::new();
    for i in 0..20 {
        let at = T + i * 1_000;
        let timestamp = at - behind_ms(i);
        let value = if i % 4 < 2 { 50.0 } else { 70.0 };
        let mut line = |tag: &str, machine: &str, value: Value, flags: &str, number: i64| {
            writeln!(text, r#"{{"version":1,"timestamp":{timestamp},"equipmentId":"{machine}","tag":"{tag}","value":{value},"quality":"Ok","meta":{{"sequenceNumber":{number},"flags":[{flags}],"createdAt":{at},"sourceId":"washer_plc"}}}}"#).unwrap();
        };
        line("water_temperature", "84068f2f", value.into(), r#""Fst""#, i * 2);
        line("$heartbeat", "washer_plc", Value::Null, r#""Lst","Wmk""#, i * 2 + 1);
    }
    text
}

async fn desk_says(desk: &Desk, text: &str, options: &str) -> Said {
    fs::write(desk.path("day.ndjson"), text).unwrap();
    let said = desk.say(format!("rules replay day.ndjson --config agent.toml {options}").trim()).await;
    assert_eq!(said.code, 0, "{said:?}");
    said
}

async fn replay(desk: &Desk, text: &str, options: &str) -> Vec<(i64, String)> {
    transitions(&desk_says(desk, text, options).await).into_iter().map(|t| (t.timestamp - T, t.to)).collect()
}

fn transitions(said: &Said) -> Vec<Transition> {
    said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_recorded_clock_is_judged_as_the_agent_would_have() {
    let desk = Desk::new();
    let steps = |from: i64| -> Vec<(i64, String)> {
        let at = |i: i64| (i * 1_000, if i % 4 < 2 { "Normal" } else { "Active" }.to_owned());
        (from..20).filter(|i| i % 2 == 0).map(at).collect()
    };
    assert_eq!(replay(&desk, &day(|_| 0), "").await, steps(0), "a right clock");

    // An hour slow all day: the first three batches are believed, every later one carries its arrival.
    let slow = day(|_| HOUR_MS);
    let said = desk_says(&desk, &slow, "").await;
    let after = transitions(&said).into_iter().filter(|t| t.detected_at > T + 3_000);
    assert_eq!(after.map(|t| (t.timestamp - T, t.to)).collect::<Vec<_>>(), steps(4));
    let believed: Vec<_> = steps(0).into_iter().map(|(at, to)| (at - HOUR_MS, to)).collect();
    let told = replay(&desk, &slow, "--past-bound none --max-lag none").await;
    assert_eq!(told, believed, "whoever believes it gets its time");
    assert_eq!(replay(&desk, &slow, "--past-bound 2h --max-lag none").await, believed);

    // An hour fast: no timestamp is ever believed.
    let fast = day(|_| -HOUR_MS);
    assert_eq!(replay(&desk, &fast, "").await, steps(0));
    let believed: Vec<_> = steps(0).into_iter().map(|(at, to)| (at + HOUR_MS, to)).collect();
    assert_eq!(replay(&desk, &fast, "--future-bound none").await, believed);

    // One slow moment changes nothing but itself.
    let hiccup = |i| if i == 9 { HOUR_MS } else { 0 };
    assert_eq!(replay(&desk, &day(hiccup), "").await, steps(0));
}

#[tokio::test]
async fn a_line_that_is_none_of_a_recording_ends_the_replay_with_its_place() {
    let desk = Desk::new();
    let snapshot = r#"{"kind":"snapshot","version":1,"at":1,"agentId":"a","incarnation":"ff","states":{},"book":{"texts":[],"rules":{}}}"#;
    for (text, why) in [
        ("{\"kind\":\"photograph\"}\n", "day.ndjson:1:21: not a datapoint: missing field `version`"),
        (
            &format!("{snapshot}\n\n{snapshot}\n"),
            "day.ndjson:3: a second beginning: replay each recording by itself",
        ),
        (
            &snapshot.replace("{}", "{\"r@m\":\"0g\"}"),
            "day.ndjson:1: the stored states of the snapshot are damaged",
        ),
    ] {
        fs::write(desk.path("day.ndjson"), text).unwrap();
        let said = desk.say("rules replay day.ndjson --config agent.toml").await;
        assert_eq!((said.code, &*said.out), (1, ""), "{said:?}");
        assert!(said.err.starts_with(&format!("error: {why}")), "{said:?}");
    }
}

#[tokio::test]
async fn without_a_configuration_a_recording_shows_machines_tags_and_types_by_itself() {
    let desk = Desk::new();
    // As an agent writes it: with the unit, which the rule's limit has.
    let text = day(|i| if i == 9 { HOUR_MS } else { 0 });
    let text = text.replace(r#""sourceId":"washer_plc""#, r#""sourceId":"washer_plc","unit":"°C""#);
    let bounds = "--max-lag none --future-bound none --past-bound none --sources seen";
    let configured = replay(&desk, &text, bounds).await;
    assert!(configured.len() > 5, "{configured:?}");
    // It knows the machine by nothing but its id.
    desk.edit("rules/line.toml", "washer-*", "84068*");
    let said = desk.say("rules replay day.ndjson --rules rules").await;
    assert_eq!(said.code, 0, "{said:?}");
    let shown = "without --config: 1 machine (each by its equipmentId), 1 tag and 1 source, as the recording shows them";
    assert_eq!(said.err.lines().next(), Some(shown));
    let inferred = transitions(&said);
    assert!(inferred.iter().all(|t| (&*t.equipment, &*t.equipment_id) == ("84068f2f", "84068f2f")));
    assert_eq!(inferred.into_iter().map(|t| (t.timestamp - T, t.to)).collect::<Vec<_>>(), configured);

    // A rule that asks for what the recording does not show is wrong at its place.
    desk.edit("rules/line.toml", "water_temperature", "water_temprature");
    let said = desk.say("rules replay day.ndjson --rules rules/line.toml").await;
    assert_eq!((said.code, &*said.out), (1, ""), "{said:?}");
    assert!(
        said.err.contains("rules/line.toml:3:") && said.err.contains("water_temperature"),
        "{}",
        said.err
    );
}

#[tokio::test]
async fn what_cannot_be_read_twice_needs_a_configuration_and_rules_are_needed_in_any_case() {
    let desk = Desk::new();
    let said = desk.say("rules replay - --rules rules").await;
    assert_eq!((said.code, &*said.out), (2, ""), "{said:?}");
    assert!(said.err.contains("standard input") && said.err.contains("give --config"), "{said:?}");
    let said = desk.say("rules replay day.ndjson").await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--config"), "{said:?}");
    fs::write(desk.path("day.ndjson"), day(|_| 0) + "{\"kind\":\"photograph\"}\n").unwrap();
    let said = desk.say("rules replay day.ndjson --rules rules").await;
    assert_eq!((said.code, &*said.out), (1, ""), "the first look finds it: {said:?}");
    assert!(said.err.starts_with("error: day.ndjson:41:21: not a datapoint: "), "{said:?}");
}

#[tokio::test]
async fn what_stands_before_a_broken_line_was_replayed_and_the_line_is_named() {
    let desk = Desk::new();
    let whole = day(|_| 0);
    let all = transitions(&desk_says(&desk, &whole, "").await);
    let lines: Vec<&str> = whole.lines().collect();
    for (broken, place, why) in [
        ("{\"version\":1,\"tag\":\"Füller", "29:27", "the line is cut off"),
        ("{\"version\":1,\"tag\":\"Füller\" 5}", "29:29", "not a datapoint: expected `,` or `}`"),
        ("Zeit;Wert", "29:1", "not a datapoint: expected value; a recording has one JSON object a line"),
    ] {
        let text = [&lines[..28], &[broken], &lines[29..]].concat().join("\n");
        fs::write(desk.path("day.ndjson"), text).unwrap();
        let said = desk.say("rules replay day.ndjson --config agent.toml").await;
        assert_eq!(said.code, 1);
        let wanted = format!("error: day.ndjson:{place}: {why}");
        assert!(said.err.starts_with(&wanted), "{wanted}\n{}", said.err);
        assert!(said.err.ends_with("; what stands before it was replayed\n"), "{}", said.err);
        // The last instant waits for what comes after it.
        let before = transitions(&said);
        let ends = all.iter().filter(|t| t.timestamp < T + 14_000).count();
        assert!(before.len() >= ends - 1 && before[..] == all[..before.len()], "{}", before.len());
    }
}

#[tokio::test]
async fn a_file_that_is_no_text_says_what_makes_one_of_it() {
    let desk = Desk::new();
    let text = day(|_| 0);
    let expected = replay(&desk, &text, "").await;
    assert_eq!(
        replay(&desk, &format!("\u{feff}{text}"), "").await,
        expected,
        "a mark of UTF-8 is no datapoint"
    );
    assert_eq!(replay(&desk, &text.replace('\n', "\r\n"), "").await, expected);
    for (bytes, why) in [
        (
            &b"\x1f\x8b\x08\x00"[..],
            "is compressed (gzip): `gzip -dc day.ndjson | edge-agent rules replay - …` replays it",
        ),
        (b"\x28\xb5\x2f\xfd", "is compressed (zstd)"),
        (b"\xff\xfe{\0", "is UTF-16: save it as UTF-8"),
    ] {
        fs::write(desk.path("day.ndjson"), bytes).unwrap();
        for with in ["--config agent.toml", "--rules rules"] {
            let said = desk.say(&format!("rules replay day.ndjson {with}")).await;
            assert_eq!((said.code, &*said.out), (1, ""));
            assert!(said.err.starts_with(&format!("error: day.ndjson {why}")), "{}", said.err);
        }
    }
}

#[tokio::test]
async fn an_empty_recording_is_said_and_mistakes_of_the_rules_all_the_same() {
    let desk = Desk::new();
    let said = desk_says(&desk, "\n", "").await;
    let warning = "warning: day.ndjson holds no datapoints that could be replayed\n";
    assert!(said.out.is_empty() && said.err.starts_with(warning), "{said:?}");
    desk.edit("rules/line.toml", "60 °C", "60 bar");
    let said = desk.say("rules replay day.ndjson --config agent.toml").await;
    assert!(said.code == 1 && said.err.starts_with("error[R205]"), "{said:?}");
    let said = desk.say("rules replay day.ndjson other.ndjson --config agent.toml").await;
    assert!(said.code == 2 && said.err.contains("one recording at a time"), "{said:?}");
}

#[test]
fn a_recording_comes_through_a_pipe_as_well_and_goes_into_one_that_is_closed() {
    let desk = Desk::new();
    let text = day(|_| 0);
    let run = |is_closed: bool| {
        let args = ["agent", "rules", "replay", "-", "--config", "agent.toml"];
        let mut command = Command::new(env!("CARGO_BIN_EXE_plant"));
        let command = command.args(args).current_dir(desk.path("")).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        if is_closed {
            drop(child.stdout.take());
        }
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    };
    let out = run(false);
    assert!(out.status.success() && out.stdout.iter().filter(|b| **b == b'\n').count() > 5, "{out:?}");
    let out = run(true);
    assert!(out.status.success() && out.stderr.is_empty(), "{out:?}");
}

#[tokio::test]
async fn rules_of_the_command_line_stand_in_the_place_of_those_of_the_configuration() {
    let desk = Desk::new();
    let text = day(|_| 0);
    let before = replay(&desk, &text, "").await;
    let other = fs::read_to_string(desk.path("rules/line.toml")).unwrap().replace("60 °C", "40 °C");
    fs::write(desk.path("other.toml"), other).unwrap();
    let after = replay(&desk, &text, "--rules other.toml").await;
    assert!(before.len() > 5 && after.iter().map(|(_, to)| to.as_str()).eq(["Active"]), "{after:?}");
}

/// The recordings of a folder, oldest first.
fn recordings(line: &UaLine) -> Vec<PathBuf> {
    let mut files: Vec<_> =
        fs::read_dir(line.desk.path("recordings")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Transitions on the stream, as they were written.
fn live(line: &UaLine) -> Vec<String> {
    line.stream().into_iter().filter(|l| l.contains("\"kind\":\"transition\"")).collect()
}

#[tokio::test]
async fn an_agent_s_own_recording_replays_to_its_transitions_byte_for_byte() {
    let line = UaLine::new("+0", &[]);
    let clock = Faketime::new(line.desk.path("agent-offset"), "+0");
    let start = |name: &str| {
        let environment =
            clock.environment().map(|(k, v)| (k.into_string().unwrap(), v.into_string().unwrap()));
        let environment: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        line.desk.start_with("run --config agent.toml --record recordings", name, &environment)
    };
    let more = |n: usize| {
        let wanted = line.transitions().len() + n;
        let line = &line;
        async move { until("more transitions", PATIENCE, async || line.transitions().len() >= wanted).await }
    };
    let agent = start("agent");
    more(4).await;
    // Other rules, then another time: both are inputs.
    line.desk.edit("rules/line.toml", "for = \"1 s\"", "for = \"500 ms\"");
    line.until_tells(
        "other rules",
        |h| matches!(h, Happening::RulesChanged { changed, .. } if !changed.is_empty()),
    )
    .await;
    more(4).await;
    clock.set("-1h");
    line.until_tells("the step", |h| matches!(h, Happening::ClockStep { .. })).await;
    line.until_tells("the server looks fast", |h| {
        matches!(h, Happening::ClockSuspect { corrected: true, .. })
    })
    .await;
    more(4).await;
    agent.stop().await;
    let first = live(&line);
    // A second life, with the states of the first.
    let agent = start("again");
    more(4).await;
    agent.stop().await;
    let second = live(&line).split_off(first.len());

    let files = recordings(&line);
    assert_eq!(files.len(), 2, "{files:?}");
    // The clock was set back between them: the later one has the smaller name.
    for (file, live) in files.iter().rev().zip([first, second]) {
        let said = line.desk.say(&format!("rules replay {} --config agent.toml", file.display())).await;
        assert_eq!(said.code, 0, "{}", said.err);
        let replayed: Vec<String> = said.out.lines().map(ToOwned::to_owned).collect();
        let differs = live.iter().zip(&replayed).find(|(live, replayed)| live != replayed);
        assert_eq!(differs, None);
        assert_eq!(live.len(), replayed.len());
    }
}
