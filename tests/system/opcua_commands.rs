//! `read`, `check --live`, `record` and `trust` on an OPC UA source, as the processes they are.

use std::path::Path;
use std::process::{Command, Output};

use proto::{Datapoint, Quality, Value};

use crate::peer::Peer;

const CONFIG: &str = r#"
[agent]
id = "ipc-l3"
data_dir = "data"
rules_dir = "rules"

[[machine]]
name = "filler-1"
id = "f-1"
line = "L3"

[[source]]
id = "filler_ua"
protocol = "opcua"
address = "opc.tcp://@ADDRESS@"
security = "None"

[[source.tag]]
machine = "filler-1"
name = "bottles"
address = "nsu=urn:line:demo;s=v0"
type = "Int"

[[source.tag]]
machine = "filler-1"
name = "temperature"
address = "nsu=urn:line:demo;s=t_float"
type = "Float"
unit = "°C"

[[source.tag]]
machine = "filler-1"
name = "noise"
address = "nsu=urn:line:demo;s=t_nan"
type = "Float"
"#;

fn agent(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plant"));
    command.arg("agent").args(args).arg("--config").arg(dir.join("agent.toml")).output().unwrap()
}

/// A folder with the configuration; `tags` of it are kept.
fn configured(address: &str, tags: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("rules")).unwrap();
    let text = CONFIG.replace("@ADDRESS@", address);
    let end = text.match_indices("[[source.tag]]").nth(tags).map_or(text.len(), |(at, _)| at);
    std::fs::write(dir.path().join("agent.toml"), &text[..end]).unwrap();
    dir
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn tags_are_read_once_and_one_that_is_no_value_is_exit_code_1() {
    let data = tempfile::tempdir().unwrap();
    let peer = Peer::start_on_free_port("opcua_asyncua.py", &[data.path().to_str().unwrap()]);
    let two = configured(&peer.address(), 2);
    let read = agent(two.path(), &["read", "filler_ua", "temperature"]);
    assert!(read.status.success() && shown(&read).contains("13.45 °C"), "{}", shown(&read));
    assert!(!shown(&read).contains("bottles"), "only what was asked for");
    let live = agent(two.path(), &["check", "--live"]);
    assert!(live.status.success() && shown(&live).contains("bottles"), "{}", shown(&live));
    let three = configured(&peer.address(), 3);
    let read = agent(three.path(), &["read", "filler_ua"]);
    assert_eq!(read.status.code(), Some(1));
    assert!(shown(&read).contains("Bad: not a number"), "{}", shown(&read));
}

#[test]
fn a_server_that_is_not_there_is_exit_code_3() {
    let dir = configured("127.0.0.1:1", 2);
    let live = agent(dir.path(), &["check", "--live"]);
    assert_eq!(live.status.code(), Some(3), "{}", shown(&live));
    assert!(shown(&live).contains("opc.tcp://127.0.0.1:1 cannot be reached"), "{}", shown(&live));
}

#[test]
fn a_recording_holds_values_with_the_time_of_the_server_and_heartbeats_behind_them() {
    let data = tempfile::tempdir().unwrap();
    let peer = Peer::start_on_free_port("opcua_asyncua.py", &[data.path().to_str().unwrap()]);
    let dir = configured(&peer.address(), 3);
    let recorded = agent(dir.path(), &["record", "--seconds", "3", "-"]);
    assert!(recorded.status.success(), "{}", shown(&recorded));
    let text = String::from_utf8(recorded.stdout).unwrap();
    let points: Vec<Datapoint<'_>> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
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
