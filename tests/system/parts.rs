//! The parts of the demo as the processes they are.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plant::process::{Output, Process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: &[u8] = &[3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0, 0xC1, 2, 1, 0, 0xC2, 2, 2, 1, 0xC0, 1, 0x0A];
const SETUP: &[u8] =
    &[3, 0, 0, 25, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0, 1, 0, 8, 0, 0, 0xF0, 0, 0, 1, 0, 1, 1, 0xE0];
/// The counter of bottles of the filler, at byte 16 of data block 10.
const READ_BOTTLES: &[u8] = &[
    3, 0, 0, 31, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0, 2, 0, 14, 0, 0, 4, 1, 0x12, 0x0A, 0x10, 2, 0, 4, 0, 10,
    0x84, 0, 0, 128,
];
const WRITE: &[u8] = &[
    3, 0, 0, 37, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0, 3, 0, 14, 0, 6, 5, 1, 0x12, 0x0A, 0x10, 2, 0, 2, 0, 10,
    0x84, 0, 0, 32, 0, 4, 0, 16, 1, 2,
];

#[tokio::test]
async fn the_line_stands_still_until_it_is_told_and_then_counts() {
    let (mut line, address, _folder) = started(&["line"], "filler").await;
    let mut plc = connected(address).await;
    assert_eq!(bottles(&mut plc).await, 0);
    line.tell(&(now_ms() - 3_000).to_string()).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    while bottles(&mut plc).await < 30 {
        assert!(Instant::now() < deadline, "the line does not run");
    }
    assert!(line.stop(PATIENCE).await.unwrap().success());
}

#[tokio::test]
async fn a_violation_is_told_at_once() {
    let (mut line, address, _folder) = started(&["line"], "filler").await;
    line.tell(&now_ms().to_string()).await.unwrap();
    ask(&mut connected(address).await, WRITE).await;
    let said = timeout(PATIENCE, line.hear()).await.unwrap().unwrap().unwrap();
    assert!(said.contains("violation") && said.contains("0x05"), "{said}");
}

#[tokio::test]
async fn kinesis_is_cut_off_for_the_outage_and_comes_back() {
    let (mut kinesis, address, _folder) = started(&["kinesis", "--outage", "2..3"], "kinesis").await;
    assert!(TcpStream::connect(address).await.is_ok());
    kinesis.tell(&(now_ms() - 1_500).to_string()).await.unwrap();
    until(address, false).await;
    until(address, true).await;
}

#[tokio::test]
async fn a_part_stops_when_its_master_is_gone() {
    let (mut line, _, _folder) = started(&["line"], "filler").await;
    assert!(line.ended().unwrap().is_none());
    // Stopping is nothing but letting go of the leash; one that had to be killed does not end well.
    assert!(line.stop(PATIENCE).await.unwrap().success());
}

async fn started(args: &[&str], key: &str) -> (Process, SocketAddr, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let args: Vec<OsString> =
        std::iter::once("leashed").chain(args.iter().copied()).map(Into::into).collect();
    let program = Path::new(env!("CARGO_BIN_EXE_plant"));
    let log = folder.path().join("part.log");
    let mut part = Process::start("part", program, &args, log, Output::Heard).unwrap();
    let said = timeout(PATIENCE, part.hear()).await.unwrap().unwrap().unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    let address = said[key].as_str().unwrap().parse().unwrap();
    (part, address, folder)
}

async fn connected(address: SocketAddr) -> TcpStream {
    let mut plc = TcpStream::connect(address).await.unwrap();
    ask(&mut plc, CONNECT).await;
    ask(&mut plc, SETUP).await;
    plc
}

async fn bottles(plc: &mut TcpStream) -> u32 {
    let answer = ask(plc, READ_BOTTLES).await;
    u32::from_be_bytes(answer[25..29].try_into().unwrap())
}

async fn ask(plc: &mut TcpStream, frame: &[u8]) -> Vec<u8> {
    plc.write_all(frame).await.unwrap();
    let mut answer = vec![0; 4];
    plc.read_exact(&mut answer).await.unwrap();
    let length = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
    answer.resize(length, 0);
    plc.read_exact(&mut answer[4..]).await.unwrap();
    answer
}

async fn until(address: SocketAddr, reachable: bool) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).await.is_ok() != reachable {
        assert!(Instant::now() < deadline, "it never became reachable = {reachable}");
        sleep(Duration::from_millis(20)).await;
    }
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}
