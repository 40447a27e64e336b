//! The OPC UA connector with more than a server or the agent can take at once: many items, small limits, full
//! queues, answers that never come.
//!
//! The peer is asyncua, made strict where it is not: it refuses what it announces to refuse, fills its queues, and
//! leaves out an answer. Not here: what becomes of it in the agent (`opcua_line`).

use std::time::Duration;

use edge_agent::connector::Lost;
use edge_agent::connector::opcua;
use tokio::time::{Instant, sleep};

use crate::opcua::stand::{PATIENCE, Running, TAGS, config, count, counters, server, tag};

const MANY: usize = 2_500;

/// Takes nothing until the peer has counted so far.
async fn neglect(peer: &crate::peer::Peer, until: i64) {
    let deadline = Instant::now() + 2 * PATIENCE;
    while count(peer) < until {
        assert!(Instant::now() < deadline, "the peer does not count");
        sleep(Duration::from_millis(50)).await;
    }
    // It publishes ten times a second.
    sleep(Duration::from_millis(500)).await;
}

#[tokio::test]
async fn thousands_of_items_arrive_and_so_does_an_answer_with_thousands_of_values() {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &["--tags", "2500", "--every", "2000"]);
    let mut tags: Vec<_> = (0..MANY).map(|i| tag(&format!("v{i}"))).collect();
    tags.push(tag("t_long"));
    let mut running = Running::start(config(&peer, &dir), tags);
    running.patience = 6 * PATIENCE;
    running.until("each tag once", |r| r.known.len() == MANY + 1).await;
    assert_eq!(running.known.remove(&MANY), Some(Err("an array is not one plain value".into())));
    let from = count(&peer) + 3;
    neglect(&peer, from).await;
    let good = |r: &Running| {
        r.known.values().filter(|v| matches!(v, Ok(opcua_value) if at_least(opcua_value, from))).count()
    };
    running.until("all of them live", |r| good(r) == MANY).await;
    assert!(running.longest > 1_000, "{}", running.longest);
    assert_eq!((running.down, running.lost), (None, Lost::default()));
}

fn at_least(value: &edge_agent::connector::Raw, least: i64) -> bool {
    matches!(value, edge_agent::connector::Raw::Int(count) if *count >= least)
}

#[tokio::test]
async fn a_server_that_takes_little_at_once_is_asked_little_at_once() {
    for limit in [["--limit", "7"].as_slice(), &["--limit", "1"], &["--limit", "7", "--hide-limit"]] {
        let dir = tempfile::tempdir().unwrap();
        let peer = server(&dir, limit);
        let read = opcua::read_once(&config(&peer, &dir), &counters()).await.unwrap();
        assert_eq!(read.samples.iter().filter(|s| s.value.is_ok()).count(), TAGS, "{limit:?}");
        let mut running = Running::start(config(&peer, &dir), counters());
        running.until("all tags", |r| r.all_from(1)).await;
    }
}

#[tokio::test]
async fn what_a_full_queue_has_lost_is_counted_and_its_tag_is_read_again() {
    const LAST: i64 = 60;
    // The last: it says that it throws older values away, but throws away the newest, and says nothing.
    let servers = [
        ["--overflow", "--keep", "newest"].as_slice(),
        &["--overflow", "--keep", "oldest"],
        &["--keep", "oldest"],
    ];
    for how in servers {
        let dir = tempfile::tempdir().unwrap();
        let counting = ["--every", "100", "--until", "60", "--queue", "6"];
        let peer = server(&dir, &[&counting, how].concat());
        let mut running = Running::start(config(&peer, &dir), counters());
        running.until("all tags", |r| r.all_from(1)).await;
        assert_eq!(running.lost, Lost::default(), "{how:?}");
        neglect(&peer, LAST).await;
        running.until("the last value of all tags", |r| r.all_from(LAST)).await;
        assert_eq!(running.lost.answers, 0, "{how:?}");
        assert!(
            (TAGS as u64..=2 * TAGS as u64).contains(&running.lost.overflows),
            "{how:?}: {:?}",
            running.lost
        );
    }
}

#[tokio::test]
async fn an_answer_that_never_comes_is_counted_and_its_tags_are_read_again() {
    const LAST: i64 = 15;
    // On a busy machine a session may be lost meanwhile, and the answer with it: that one says nothing.
    for _ in 0..5 {
        let dir = tempfile::tempdir().unwrap();
        let peer = server(&dir, &["--until", "15", "--swallow"]);
        let mut running = Running::start(config(&peer, &dir), counters());
        running.until("the last value of all tags", |r| r.all_from(LAST)).await;
        if running.outages == 0 {
            assert!(peer.lines().iter().any(|line| line.starts_with("swallowed")), "{:?}", peer.lines());
            assert_eq!(running.lost, Lost { overflows: 0, answers: 1 });
            return;
        }
    }
    panic!("no session lasted three seconds");
}
