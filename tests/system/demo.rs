//! The demo as a person starts it: what it prints at its end, and that nothing of it is left.
//!
//! Here: its exit code, its last line, its processes. Not here: its options and parts, which test themselves.
//! Invariant: a demo that a test has started ends with the test.
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::works::until;

/// Starting takes a few seconds, settling at most thirty.
const PATIENCE: Duration = Duration::from_secs(120);
/// Four parts stop one after the other, each within five seconds.
const STOPPING: Duration = Duration::from_secs(30);

#[tokio::test]
async fn twenty_seconds_with_an_outage_end_with_four_equal_numbers() {
    let demo = plant(&["--seconds", "20", "--outage", "6..10"]);
    let output = timeout(PATIENCE, demo.wait_with_output()).await.unwrap().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    let result: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let expected = result["expected"].as_u64().unwrap();
    for number in ["transitions", "delivered", "stored"] {
        assert_eq!(result[number].as_u64(), Some(expected), "{number}: {result}");
    }
    assert!(expected >= 15 && result["datapoints"].as_u64().unwrap() > 1_000, "{result}");
    assert_eq!(out.lines().count() as u64, expected + 1, "a line each, and the result");
    assert!(err.contains("Kinesis is cut off") && err.contains("Kinesis is back"), "{err}");
    assert!(!err.contains("panicked"), "{err}");
}

#[tokio::test]
async fn ctrl_c_ends_it_cleanly_and_nothing_of_it_is_left() {
    let mut demo = plant(&[]);
    let pid = demo.id().unwrap();
    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let first = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
    assert!(first.contains("Unknown"), "the first thing that happens is a first step: {first}");
    let parts = children(pid);
    assert_eq!(parts.len(), 4, "line, Kinesis, cloud-ingest, edge-agent");
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), Signal::INT).unwrap();
    let ended = timeout(STOPPING, demo.wait()).await.unwrap().unwrap();
    assert!(ended.success(), "{ended}");
    until("every part is gone", STOPPING, async || parts.iter().all(|part| !is_alive(part))).await;
}

fn plant(args: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_plant"))
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// A process: its number, and when it began, since numbers come again.
type Being = (u32, String);

fn children(parent: u32) -> Vec<Being> {
    let numbers =
        fs::read_dir("/proc").unwrap().filter_map(|e| e.unwrap().file_name().to_str()?.parse().ok());
    numbers
        .filter(|number| fields(*number).is_some_and(|f| f[1] == parent.to_string()))
        .map(|number| (number, fields(number).unwrap()[19].clone()))
        .collect()
}

fn is_alive((number, began): &Being) -> bool {
    fields(*number).is_some_and(|f| f[19] == *began && f[0] != "Z")
}

/// What stands in `/proc/N/stat` behind the name: the state, the parent, …, at 19 when it began.
fn fields(number: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    Some(fields.split(' ').map(str::to_owned).collect())
}
