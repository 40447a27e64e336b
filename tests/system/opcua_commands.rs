//! `read`, `check --live` and `record` on an OPC UA source, as the processes they are.
//!
//! Here: that, on the line of `opcua_line`. Not here: the same on S7 (`commands`).
use std::fs;

use proto::{Datapoint, Quality, Value};

use crate::desk::Desk;
use crate::opcua_line::{UaLine, configure};

const TEMPERATURE: &str = r#"
[[source.tag]]
machine = "filler-1"
name = "temperature"
address = "nsu=urn:line:demo;s=t_float"
type = "Float"
unit = "°C"
"#;

const NOISE: &str = r#"
[[source.tag]]
machine = "filler-1"
name = "noise"
address = "nsu=urn:line:demo;s=t_nan"
type = "Float"
"#;

fn add(desk: &Desk, tag: &str) {
    let text = fs::read_to_string(desk.path("agent.toml")).unwrap();
    fs::write(desk.path("agent.toml"), text + tag).unwrap();
}

#[tokio::test]
async fn tags_are_read_once_and_one_that_is_no_value_is_exit_code_1() {
    let UaLine { desk, peer: _peer, clock: _clock } = UaLine::new("+0", &[]);
    add(&desk, TEMPERATURE);
    let read = desk.say("read filler_ua temperature --config agent.toml").await;
    assert!(read.code == 0 && read.out.contains("13.45 °C"), "{read:?}");
    assert!(!read.out.contains("bottles"), "only what was asked for: {read:?}");
    let live = desk.say("check --live --config agent.toml").await;
    assert!(live.code == 0 && live.out.contains("bottles"), "{live:?}");
    add(&desk, NOISE);
    let read = desk.say("read filler_ua --config agent.toml").await;
    assert!(read.code == 1 && read.out.contains("Bad: not a number"), "{read:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_exit_code_3() {
    let desk = Desk::new();
    configure(&desk, "127.0.0.1:1");
    let live = desk.say("check --live --config agent.toml").await;
    assert!(live.code == 3 && live.err.contains("opc.tcp://127.0.0.1:1 cannot be reached"), "{live:?}");
}

#[tokio::test]
async fn a_recording_holds_values_with_the_time_of_the_server_and_heartbeats_behind_them() {
    let UaLine { desk, peer: _peer, clock: _clock } = UaLine::new("+0", &[]);
    add(&desk, TEMPERATURE);
    add(&desk, NOISE);
    let recorded = desk.say("record --seconds 3 - --config agent.toml").await;
    assert_eq!(recorded.code, 0, "{}", recorded.err);
    let points: Vec<Datapoint<'_>> =
        recorded.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |tag: &str| points.iter().filter(|p| p.tag == tag).collect::<Vec<_>>();
    let counts: Vec<i64> = of("bottles").iter().map(|p| integer(&p.value)).collect();
    assert!(counts.len() > 5 && counts.windows(2).all(|pair| pair[1] == pair[0] + 1), "{counts:?}");
    assert_eq!(of("temperature").len(), 1, "it does not change");
    let noise = of("noise")[0];
    assert!(noise.quality == Quality::Bad && noise.value == Value::Null, "{noise:?}");
    assert_eq!(of("$connected").len(), 1);
    let beats: Vec<i64> = of("$heartbeat").iter().map(|p| p.timestamp).collect();
    assert!(beats.len() > 5 && beats.is_sorted(), "{beats:?}");
    let numbers: Vec<u64> = points.iter().map(|p| p.meta.sequence_number).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    let mut promised = i64::MIN;
    for point in &points {
        match point.tag.as_ref() {
            "$heartbeat" | "$connected" => promised = promised.max(point.timestamp),
            _ => assert!(point.timestamp > promised, "{point:?} came after the promise of {promised}"),
        }
    }
}

fn integer(value: &Value<'_>) -> i64 {
    match value {
        Value::Int(count) => *count,
        other => panic!("{other:?}"),
    }
}
