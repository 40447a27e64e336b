//! The S7 connector against libsnap7's server, directly and behind a proxy that does what bad networks do.
//!
//! Every word that is read here is unlike any other of the peer, so that a mix-up shows as a wrong value.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use edge_agent::connector::{
    Raw, Reading, Report,
    s7::{self, Address, S7Config, S7Tag},
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::peer::Peer;

/// Nothing waited for here takes longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
/// Shorter than the proxy's delay, where an answer that comes too late is what is tested.
const TIMEOUT: Duration = Duration::from_millis(600);
/// In each of DB2, DB3 and DB4: together four requests at a PDU of 240.
const WORDS: u64 = 130;

fn plc(pdu: &str) -> Peer {
    Peer::start_on_free_port("s7_libsnap7.py", &[pdu])
}

fn config(address: &str) -> S7Config {
    S7Config { scan: Duration::from_millis(50), timeout: TIMEOUT, ..S7Config::new(address) }
}

fn tags(addresses: &[&str]) -> Vec<S7Tag> {
    addresses.iter().map(|text| S7Tag { address: Address::parse(text, None).unwrap() }).collect()
}

/// Words over three blocks, and what the peer holds there.
fn words() -> (Vec<S7Tag>, Vec<Raw>) {
    let places = (2..=4_u64).flat_map(|block| (0..WORDS).map(move |k| (block, k)));
    let word = |(block, k)| (format!("DB{block}.DBW{}:WORD", k * 2), Raw::UInt(block * 4096 + k));
    let (texts, values): (Vec<_>, Vec<_>) = places.map(word).unzip();
    (tags(&texts.iter().map(String::as_str).collect::<Vec<_>>()), values)
}

/// The connector as the agent runs it.
struct Running {
    reports: mpsc::Receiver<Report>,
    _stop: DropGuard,
}

impl Running {
    fn start(address: &str, tags: Vec<S7Tag>) -> Self {
        Self::start_as(config(address), tags)
    }

    fn start_as(config: S7Config, tags: Vec<S7Tag>) -> Self {
        let (sender, reports) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            let emit = async move |report| sender.send(report).await.unwrap_or_default();
            s7::run(&config, &tags, emit, stopped).await;
        });
        Self { reports, _stop: stop.drop_guard() }
    }

    async fn report(&mut self) -> Report {
        timeout(PATIENCE, self.reports.recv()).await.expect("no report in time").expect("it ended")
    }
}

#[derive(Debug, Default)]
struct Seen {
    downs: Vec<String>,
    bads: Vec<String>,
}

/// Reads until `scans` scans in a row are wholly good; no value may ever be another's.
async fn until_good(running: &mut Running, expected: &[Raw], scans: usize) -> Seen {
    let (mut seen, mut good, started) = (Seen::default(), 0, Instant::now());
    while good < scans {
        assert!(started.elapsed() < PATIENCE, "no data: {seen:?}");
        match running.report().await {
            Report::Down(reason) => {
                good = 0;
                seen.downs.push(reason);
            }
            Report::Scan { readings: batch, .. } => {
                let bads = wrong_or_bad(&batch, expected);
                good = if bads.is_empty() && batch.len() == expected.len() { good + 1 } else { 0 };
                seen.bads.extend(bads);
            }
            Report::Published(_) => panic!("an S7 PLC publishes nothing"),
        }
    }
    seen
}

fn wrong_or_bad(batch: &[Reading], expected: &[Raw]) -> Vec<String> {
    let bad = |reading: &Reading| match &reading.value {
        Ok(value) => {
            assert_eq!(value, &expected[reading.tag], "tag {} has a wrong value", reading.tag);
            None
        }
        Err(reason) => Some(reason.clone()),
    };
    batch.iter().filter_map(bad).collect()
}

/// How many connections the proxy saw: never two at once, and nothing on them but setups and reads (I10).
fn connections(proxy: &Peer) -> usize {
    let lines = proxy.lines();
    let functions: BTreeSet<_> = lines.iter().filter(|line| line.starts_with("saw")).cloned().collect();
    assert!(functions.iter().eq(["saw 01 04", "saw 01 f0"]), "{functions:?}");
    let changes: Vec<_> = lines.iter().filter(|line| *line == "connection" || *line == "closed").collect();
    assert!(
        changes
            .chunks(2)
            .all(|pair| pair[0] == "connection" && pair.get(1).is_none_or(|next| *next == "closed")),
        "{changes:?}"
    );
    changes.len().div_ceil(2)
}

/// Two connections that fail in this way, then a good one.
async fn episode(plc: &Peer, mode: &str, strike: usize) -> (Seen, usize) {
    episode_within(plc, (mode, strike), TIMEOUT).await
}

async fn episode_within(plc: &Peer, (mode, strike): (&str, usize), timeout: Duration) -> (Seen, usize) {
    let args = [&plc.port().to_string(), mode, "2", &strike.to_string()];
    let proxy = Peer::start("s7_fault_proxy.py", &args);
    let (tags, expected) = words();
    let config = S7Config { timeout, ..config(&proxy.address()) };
    let mut running = Running::start_as(config, tags);
    let seen = until_good(&mut running, &expected, 3).await;
    let connections = connections(&proxy);
    println!("{mode} at {strike}: {connections} connections, {seen:?}");
    (seen, connections)
}

/// Each of these must cost the connection, twice, and never a value.
async fn each_costs_the_connection(modes: &[(&str, usize)]) {
    let plc = plc("240");
    for (mode, strike) in modes {
        let (seen, connections) = episode(&plc, mode, *strike).await;
        assert_eq!(connections, 3, "{mode} at {strike}");
        assert!(!seen.downs.is_empty(), "{mode} at {strike}");
        assert!(seen.downs.iter().all(|reason| reason.contains("127.0.0.1:")), "{mode}: {seen:?}");
    }
}

#[tokio::test]
async fn every_type_is_read_as_the_peer_holds_it() {
    let expected = [
        ("DB1.DBX0.1", Raw::Bool(true)),
        ("DB1.DBX0.2", Raw::Bool(false)),
        ("DB1.DBX0.7", Raw::Bool(true)),
        ("DB1.DBB0:BYTE", Raw::UInt(0b1000_0010)),
        ("DB1.DBW2:INT", Raw::Int(-12_345)),
        ("DB1.DBD4:DINT", Raw::Int(-1_234_567_890)),
        ("DB1.DBD8:REAL", Raw::Real(13.45)),
        ("DB1.DBB12:LREAL", Raw::LReal(-2.5e100)),
        ("DB1.DBB20:LINT", Raw::Int(-(1 << 62))),
        ("DB1.DBW28:UINT", Raw::UInt(54_321)),
        ("DB1.DBW28:WORD", Raw::UInt(54_321)),
        ("DB1.DBD30:UDINT", Raw::UInt(4_000_000_000)),
        ("DB1.DBD30:DWORD", Raw::UInt(4_000_000_000)),
        ("DB1.DBB34:SINT", Raw::Int(-5)),
        ("DB1.DBB35:USINT", Raw::UInt(250)),
        ("DB1.DBB36:CHAR", Raw::Text("K".into())),
        ("DB1.DBB38:ULINT", Raw::UInt(u64::MAX)),
        ("DB1.DBB38:LWORD", Raw::UInt(u64::MAX)),
        ("DB1.DBB50:STRING[30]", Raw::Text("Spül€ 1".into())),
        ("DB1.DBB100:STRING", Raw::Text((0..254).map(|k| char::from(b'A' + k % 26)).collect())),
        ("IW2:WORD", Raw::UInt(0x8101)),
        ("AW4:WORD", Raw::UInt(0x8202)),
        ("MW6:WORD", Raw::UInt(0x8303)),
        ("M7.1", Raw::Bool(true)),
        ("T20", Raw::UInt(123_000)),
        ("Z12", Raw::UInt(456)),
    ];
    let (texts, values): (Vec<_>, Vec<_>) = expected.into_iter().unzip();
    for (pdu, merge) in [("240", true), ("480", true), ("960", true), ("480", false)] {
        let plc = plc(pdu);
        let config = S7Config { merge, ..config(&plc.address()) };
        let batch = s7::read_once(&config, &tags(&texts)).await.unwrap();
        assert_eq!(batch.len(), values.len());
        for reading in batch {
            let text = texts[reading.tag];
            assert_eq!(
                reading.value.as_ref(),
                Ok(&values[reading.tag]),
                "{text} at PDU {pdu}, merge {merge}"
            );
        }
    }
}

#[tokio::test]
async fn one_bad_item_never_spoils_a_scan() {
    let plc = plc("480");
    let addresses =
        ["DB2.DBW1020:WORD", "DB2.DBW1022:WORD", "DB2.DBW1024:WORD", "DB10.DBW0:INT", "DB1.DBD46:REAL"];
    let mut running = Running::start(&plc.address(), tags(&addresses));
    for _ in 0..3 {
        let Report::Scan { readings: batch, .. } = running.report().await else { panic!("down") };
        let reason = |tag: usize| batch[tag].value.clone().unwrap_err();
        assert_eq!(batch[0].value, Ok(Raw::UInt(2 * 4096 + 510)));
        assert_eq!(batch[1].value, Ok(Raw::UInt(2 * 4096 + 511)));
        assert!(reason(2).contains("DB2 is shorter than byte 1025"), "{}", reason(2));
        assert!(reason(3).contains("DB10 does not exist or is optimised"), "{}", reason(3));
        assert!(reason(4).contains("990 as a DINT"), "{}", reason(4));
        assert!(reason(2).contains(&plc.address()));
    }
}

#[tokio::test]
async fn frames_in_pieces_are_put_together() {
    let plc = plc("240");
    for mode in ["pass", "frag", "frag2"] {
        // Whoever sends byte by byte takes its time, and more of it on a busy machine.
        let (seen, connections) = episode_within(&plc, (mode, 0), PATIENCE).await;
        assert!(connections == 1 && seen.downs.is_empty() && seen.bads.is_empty(), "{mode}: {seen:?}");
    }
}

#[tokio::test]
async fn a_late_or_repeated_answer_never_becomes_another_tags_value() {
    each_costs_the_connection(&[
        ("delay", 4),
        ("delay", 3),
        ("stale", 4),
        ("coalesce", 4),
        ("twice", 4),
        ("refx", 4),
    ])
    .await;
}

#[tokio::test]
async fn a_connection_that_hangs_or_closes_is_made_anew() {
    each_costs_the_connection(&[
        ("hang", 4),
        ("hang", 1),
        ("hang", 2),
        ("delay", 1),
        ("close", 1),
        ("close", 2),
        ("close", 4),
        ("short", 4),
    ])
    .await;
}

#[tokio::test]
async fn a_damaged_frame_costs_the_connection_and_never_a_value() {
    let frames = ["garbage", "noise", "len0", "len8", "biglen", "trunc", "extra", "function"];
    each_costs_the_connection(&frames.map(|mode| (mode, 4))).await;
}

#[tokio::test]
async fn a_damaged_item_costs_the_connection_and_never_a_value() {
    each_costs_the_connection(&["fewitems", "itemlen", "itemless", "unit"].map(|mode| (mode, 4))).await;
    each_costs_the_connection(&[("garbage", 1), ("garbage", 2), ("refx", 2), ("len0", 2)]).await;
}

#[tokio::test]
async fn a_well_formed_refusal_makes_its_tags_bad_and_keeps_the_connection() {
    let plc = plc("240");
    for (mode, words) in [("err85", "S7 error 85 00"), ("noput", "PUT/GET is disabled or DB")] {
        let (seen, connections) = episode(&plc, mode, 4).await;
        assert!(connections == 1 && seen.downs.is_empty(), "{mode}: {seen:?}");
        assert!(
            !seen.bads.is_empty() && seen.bads.iter().all(|reason| reason.contains(words)),
            "{mode}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn a_block_that_kills_the_connection_does_not_starve_the_others() {
    let plc = plc("480");
    let proxy = Peer::start("s7_fault_proxy.py", &[&plc.port().to_string(), "poison", "1000"]);
    let mut running =
        Running::start(&proxy.address(), tags(&["DB2.DBW8:WORD", "DB3.DBW8:WORD", "DB4.DBW8:WORD"]));
    let started = Instant::now();
    let mut scans = 0;
    while scans < 10 {
        assert!(started.elapsed() < PATIENCE, "{scans} scans");
        let Report::Scan { readings: batch, .. } = running.report().await else { continue };
        assert_eq!(batch[0].value, Ok(Raw::UInt(2 * 4096 + 4)));
        assert_eq!(batch[2].value, Ok(Raw::UInt(4 * 4096 + 4)));
        let reason = batch[1].value.clone().unwrap_err();
        assert!(reason.contains("reading DB3 loses the connection"), "{reason}");
        scans += 1;
    }
}

#[tokio::test]
async fn a_plc_that_is_killed_and_restarted_is_read_again() {
    let plc = plc("240");
    let (port, address) = (plc.port().to_string(), plc.address());
    let (tags, expected) = words();
    let mut running = Running::start(&address, tags);
    until_good(&mut running, &expected, 3).await;
    plc.kill();
    let mut downs = Vec::new();
    while downs.len() < 4 {
        match running.report().await {
            // At most what was read before the kill.
            Report::Scan { readings: batch, .. } => {
                assert!(downs.is_empty() && wrong_or_bad(&batch, &expected).is_empty())
            }
            Report::Down(_) => downs.push(Instant::now()),
            Report::Published(_) => panic!("an S7 PLC publishes nothing"),
        }
    }
    let gaps_ms = downs.windows(2).map(|pair| (pair[1] - pair[0]).as_millis());
    assert!(gaps_ms.clone().all(|gap| (700..1500).contains(&gap)), "{:?}", gaps_ms.collect::<Vec<_>>());
    let restarted = Peer::start("s7_libsnap7.py", &[&port, "240"]);
    let back = Instant::now();
    until_good(&mut running, &expected, 1).await;
    assert!(back.elapsed() < PATIENCE, "{:?}", back.elapsed());
    drop(restarted);
}

#[tokio::test]
async fn a_plc_that_nobody_answers_for_is_told_by_its_address() {
    let mut running = Running::start("127.0.0.1:1", tags(&["M0.0"]));
    let Report::Down(reason) = running.report().await else { panic!("a scan of nothing") };
    assert!(reason.contains("127.0.0.1:1") && reason.contains("refuses connections"), "{reason}");
}
