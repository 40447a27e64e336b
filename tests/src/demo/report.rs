//! The one line of JSON that a run ends with.
//!
//! Here: its shape and how latency is counted. Not here: where the numbers come from.
//! Invariant: the four counts of transitions (made, delivered, stored, expected) mean the same thing, so in a
//! good run they are equal: all of them include the one first step of each instance out of `Unknown`.

use std::ops::Range;

use serde::Serialize;

use crate::store::Stored;
use crate::view::View;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Report {
    datapoints: u64,
    transitions: u64,
    delivered: u64,
    stored: u64,
    expected: u64,
    late: u64,
    latency_ms: Latency,
}

/// From the instant of a transition to the instant it was stored, ms; null where nothing counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Latency {
    p50: Option<i64>,
    p99: Option<i64>,
}

impl Report {
    /// The report of a run whose outage, ms since 1970, does not count for latency.
    pub(super) fn of(view: &View, stored: &[Stored], expected: usize, outage: Option<&Range<i64>>) -> Self {
        Self {
            datapoints: view.datapoints,
            transitions: view.transitions,
            delivered: view.delivered,
            stored: count(stored.len()),
            expected: count(expected),
            late: view.late,
            latency_ms: Latency::of(stored, outage),
        }
    }

    /// Whether everything that was to come came, once, all the way.
    pub(super) fn complete(&self) -> bool {
        [self.transitions, self.delivered, self.stored].iter().all(|n| *n == self.expected)
    }
}

impl Latency {
    fn of(stored: &[Stored], outage: Option<&Range<i64>>) -> Self {
        let outside =
            |s: &&Stored| outage.is_none_or(|o| s.stored_at < o.start || s.transition.timestamp >= o.end);
        let mut taken: Vec<i64> =
            stored.iter().filter(outside).map(|s| s.stored_at - s.transition.timestamp).collect();
        taken.sort_unstable();
        // The nearest rank: the smallest value that this share of all values does not exceed.
        let rank =
            |percent: usize| taken.get((taken.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        Self { p50: rank(50), p99: rank(99) }
    }
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View = View { datapoints: 9, late: 0, transitions: 2, delivered: 2, waiting: 0, bad: 0 };

    #[test]
    fn the_line_has_exactly_the_agreed_shape() {
        let report = Report::of(&VIEW, &[stored(100, 350), stored(200, 500)], 2, None);
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"datapoints":9,"transitions":2,"delivered":2,"stored":2,"expected":2,"late":0,"latency_ms":{"p50":250,"p99":300}}"#
        );
        assert!(report.complete());
        assert!(!Report::of(&VIEW, &[stored(100, 350)], 2, None).complete());
    }

    #[test]
    fn percentiles_are_the_nearest_rank() {
        let hundred: Vec<Stored> = (1..=100).map(|n| stored(0, n)).collect();
        assert_eq!(Latency::of(&hundred, None), Latency { p50: Some(50), p99: Some(99) });
        assert_eq!(Latency::of(&hundred[..1], None), Latency { p50: Some(1), p99: Some(1) });
        assert_eq!(Latency::of(&[], None), Latency { p50: None, p99: None });
    }

    #[test]
    fn what_an_outage_touches_does_not_count() {
        let outage = 1_000..2_000;
        let through = [stored(900, 2_100), stored(1_500, 2_100), stored(900, 1_100)];
        assert_eq!(Latency::of(&through, Some(&outage)).p50, None);
        let outside = [stored(700, 900), stored(2_000, 2_300)];
        assert_eq!(Latency::of(&outside, Some(&outage)), Latency { p50: Some(200), p99: Some(300) });
    }

    fn stored(timestamp: i64, stored_at: i64) -> Stored {
        let transition = serde_json::from_value(serde_json::json!({
            "kind": "transition", "version": 1, "id": "", "agentId": "a", "incarnation": "0",
            "sequenceNumber": 1, "ruleId": "r", "ruleHash": "", "equipmentId": "m", "equipment": "m",
            "timestamp": timestamp, "detectedAt": 0, "watermark": 0, "from": "a", "to": "b", "since": 0,
            "severity": "info", "cause": "clear", "group": null, "weight": 0, "because": null,
            "groups": [], "flags": [], "text": {},
        }));
        Stored { transition: transition.unwrap(), stored_at }
    }
}
