//! OPC UA servers whose clocks are wrong, from the start or all of a sudden: rules go on, nothing is judged on the
//! wrong time, events say from when on a clock is not believed and from when on it is again (rules.md §3.3).
//!
//! Here: a server under a clock that is turned (libfaketime), a real agent under the right one. The server's tag is
//! true for two seconds and false for two. Not here: the agent's own clock (`clock`).
//! Invariant: while a clock is not believed, and while it is right, transitions are stamped within the bounds.

use proto::{Event, Happening, Transition};

use crate::opcua_line::{PATIENCE, UaLine};
use crate::works::{now_ms, until};

const HOUR_MS: i64 = 3_600_000;
/// A transition comes every second or so.
const QUIET_MAX_MS: i64 = 8_000;
/// So far may a right stamp lie from its judgement, ms: ahead nothing but what clocks differ by, behind what is held
/// back for the order, and what a busy machine adds.
const AHEAD_MAX_MS: i64 = 200;
const BEHIND_MAX_MS: i64 = 5_000;

/// Whether it tells that the clock is so wrong.
fn suspects(happening: &Happening, behind: i64) -> bool {
    let near = behind - 60_000..behind + 60_000;
    matches!(happening, Happening::ClockSuspect { corrected: true, behind_ms, .. } if near.contains(behind_ms))
}

fn believes(happening: &Happening) -> bool {
    matches!(happening, Happening::ClockSuspect { corrected: false, .. })
}

/// Those that were found after an event.
fn after(line: &UaLine, event: &Event) -> Vec<Transition> {
    line.transitions().into_iter().filter(|t| t.detected_at > event.timestamp).collect()
}

/// Rules go on after an event, on the right time.
async fn goes_on(line: &UaLine, event: &Event) {
    until("rules go on", PATIENCE, async || after(line, event).len() >= 8).await;
    for t in after(line, event) {
        let behind = t.detected_at - t.timestamp;
        assert!((-AHEAD_MAX_MS..=BEHIND_MAX_MS).contains(&behind), "{behind} ms behind: {t:?}");
    }
}

/// Waits for the n-th event of a kind.
async fn nth(line: &UaLine, n: usize, what: &str, is_so: impl Fn(&Happening) -> bool) -> Event {
    let all = || line.events().into_iter().filter(|e| is_so(&e.happening)).collect::<Vec<_>>();
    until(what, PATIENCE, async || all().len() >= n).await;
    all().swap_remove(n - 1)
}

/// No transition lay far from its judgement, and none was long in coming.
fn assert_steady(line: &UaLine, since: i64) {
    let all: Vec<_> = line.transitions().into_iter().filter(|t| t.detected_at > since).collect();
    let mut found: Vec<i64> = all.iter().map(|t| t.detected_at).collect();
    found.push(now_ms());
    let quiet = found.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(quiet < QUIET_MAX_MS, "nothing was judged for {quiet} ms: {found:?}");
    for t in all {
        let behind = t.detected_at - t.timestamp;
        assert!((-AHEAD_MAX_MS..HOUR_MS / 2).contains(&behind), "{behind} ms behind: {t:?}");
    }
}

async fn is_corrected_from_the_start(offset: &str, behind: i64) {
    let line = UaLine::new(offset, &[]);
    let (agent, began) = (line.agent(), now_ms());
    let suspected = line.until_tells("it is suspected", |h| suspects(h, behind)).await;
    assert!(suspected.timestamp - began < 10_000, "after {} ms", suspected.timestamp - began);
    goes_on(&line, &suspected).await;
    assert_steady(&line, suspected.timestamp);

    line.clock.set("+0");
    let believed = line.until_tells("it is believed again", believes).await;
    goes_on(&line, &believed).await;
    assert_steady(&line, suspected.timestamp);
    let said = agent.stop().await.err;
    assert!(said.contains("clock"), "{said}");
}

#[tokio::test]
async fn a_server_an_hour_slow_is_corrected_and_believed_when_it_is_set_right() {
    is_corrected_from_the_start("-1h", HOUR_MS).await;
}

#[tokio::test]
async fn a_server_an_hour_fast_is_corrected_and_believed_when_it_is_set_right() {
    is_corrected_from_the_start("+1h", -HOUR_MS).await;
}

#[tokio::test]
async fn a_server_whose_clock_jumps_forward_and_back_stops_no_rule() {
    let line = UaLine::new("+0", &[]);
    let (agent, began) = (line.agent(), now_ms());
    until("something was judged", PATIENCE, async || line.transitions().len() >= 4).await;
    for (round, (offset, behind)) in [("+1h", -HOUR_MS), ("-1h", HOUR_MS)].into_iter().enumerate() {
        line.clock.set(offset);
        let suspected = line.until_tells("it is suspected", |h| suspects(h, behind)).await;
        goes_on(&line, &suspected).await;
        line.clock.set("+0");
        let believed = nth(&line, round + 1, "it is believed again", believes).await;
        goes_on(&line, &believed).await;
    }
    assert_steady(&line, began + 15_000);
    // Never down: the session, and what was read in it, outlived the jumps.
    let down =
        line.events().into_iter().filter(|e| matches!(e.happening, Happening::SourceDown { .. })).count();
    assert_eq!(down, 0);
    agent.stop().await;
}

/// The server is right, the values it hands on are stamped wrong: no promise is, so its clock is believed. Values from
/// the future carry the agent's time, values from the past the server's.
async fn is_judged_now(stamps: &str) -> UaLine {
    let line = UaLine::new("+0", &["--stamps", stamps]);
    let (agent, began) = (line.agent(), now_ms());
    until("rules go on", PATIENCE, async || line.transitions().len() >= 10).await;
    assert_steady(&line, began);
    for t in line.transitions() {
        let behind = t.detected_at - t.timestamp;
        assert!((-AHEAD_MAX_MS..=BEHIND_MAX_MS).contains(&behind), "{behind} ms behind: {t:?}");
    }
    let suspected =
        line.events().into_iter().filter(|e| matches!(e.happening, Happening::ClockSuspect { .. }));
    assert_eq!(suspected.count(), 0);
    agent.stop().await;
    line
}

#[tokio::test]
async fn values_of_a_device_an_hour_fast_are_judged_now() {
    is_judged_now("3600").await;
}

#[tokio::test]
async fn values_of_a_device_an_hour_slow_are_judged_now() {
    is_judged_now("-3600").await;
}
