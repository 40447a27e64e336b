//! The watermark of a scope: how far all its sources have told what they know (§3.4–3.6).
//!
//! Here: the frontier of a source, whether it holds the watermark, and where the watermark stands at a
//! processing time. Not here: what happens when it moves (`scope`).
//! Invariant: a silent source delays a rule by its idle timeout at most (I5).

use crate::inventory::{Source, SourceId};
use crate::time::Millis;

/// What is known of a source's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Clock {
    /// Event time up to which it has told everything; none: not heard of yet.
    pub(crate) frontier: Option<i64>,
    /// Processing time of its last datapoint.
    pub(crate) heard_at: Option<i64>,
    /// Its last timestamp with `Wmk`, `$connected = false` not counted.
    pub(crate) promised: Option<i64>,
}

/// What a watermark waits for. It stands still unless this does, or this moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A source that was never heard of holds it.
    Unheard,
    /// This source holds it, with the least frontier.
    Held(SourceId, i64),
    /// Nobody holds it: it follows the processing time by so much, ms.
    Follows(Millis),
}

impl Pace {
    /// Where the watermark stands at a processing time.
    #[must_use]
    pub(crate) fn mark(self, at: i64) -> Option<i64> {
        match self {
            Pace::Unheard => None,
            Pace::Held(_, frontier) => Some(frontier),
            Pace::Follows(behind) => Some(at - behind),
        }
    }
}

/// A source, its clock, and since when it is waited for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder<'s> {
    /// Which it is.
    pub(crate) id: SourceId,
    /// The source.
    pub(crate) source: &'s Source,
    /// Its clock.
    pub(crate) clock: Clock,
    /// Processing time of the start: an unheard source holds for its idle timeout. None: it does not count
    /// before its first datapoint.
    pub(crate) expected_from: Option<i64>,
}

/// How far a source may be behind when no order is promised: two datapoints of one scan have one timestamp.
const OUT_OF_ORDER_MIN: Millis = 1;
/// Margin by which a scope that nobody holds follows the processing time, ms.
const FOLLOW: Millis = 1_000;

impl Clock {
    /// The frontier that a datapoint of this timestamp gives.
    #[must_use]
    pub(crate) fn frontier_of(source: &Source, timestamp: i64, promised: bool) -> i64 {
        if promised { timestamp } else { timestamp - source.max_out_of_orderness.max(OUT_OF_ORDER_MIN) }
    }
}

impl Holder<'_> {
    /// The last processing time at which it holds the watermark, if nothing more is heard; none: it does not.
    #[must_use]
    pub(crate) fn holds_until(&self) -> Option<i64> {
        let Some(heard_at) = self.clock.heard_at else {
            return self.expected_from.map(|start| start + self.source.idle_timeout);
        };
        let heard = heard_at + self.source.idle_timeout;
        let lag = self.source.max_lag.zip(self.clock.frontier).map(|(lag, frontier)| frontier + lag);
        Some(lag.map_or(heard, |lag| lag.min(heard)))
    }

    /// Whether it holds the watermark at a processing time.
    #[must_use]
    pub(crate) fn holds(&self, at: i64) -> bool {
        self.holds_until().is_some_and(|until| at <= until)
    }

    /// The last processing time at which it counts as heard.
    fn heard_until(&self) -> Option<i64> {
        self.clock.heard_at.map(|at| at + self.source.idle_timeout)
    }

    /// Processing times at which its part in the watermark changes by time alone.
    pub(crate) fn changes(&self) -> impl Iterator<Item = i64> + use<> {
        [self.holds_until(), self.heard_until()].into_iter().flatten().map(|last| last + 1)
    }
}

/// What the watermark of these sources waits for.
#[must_use]
pub(crate) fn pace<'s>(holders: impl Iterator<Item = Holder<'s>> + Clone, at: i64) -> Pace {
    if let Some(behind) = follow(holders.clone(), at) {
        return Pace::Follows(behind);
    }
    let slowest = holders.filter(|h| h.holds(at)).min_by_key(|h| h.clock.frontier);
    slowest.and_then(|h| Some(Pace::Held(h.id, h.clock.frontier?))).unwrap_or(Pace::Unheard)
}

/// How far behind the processing time a watermark follows that nobody holds; none: somebody holds it.
fn follow<'s>(holders: impl Iterator<Item = Holder<'s>> + Clone, at: i64) -> Option<Millis> {
    if holders.clone().any(|h| h.holds(at)) {
        return None;
    }
    let disorder = holders.clone().map(|h| h.source.max_out_of_orderness).max()? + FOLLOW;
    // Heard, but too far behind to hold: time must not leap over data that is merely slow.
    let heard = holders.filter(|h| h.heard_until().is_some_and(|until| at <= until));
    let slow = heard.filter_map(|h| h.source.max_lag).max();
    Some(slow.map_or(disorder, |lag| lag.max(disorder)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(max_lag: Option<Millis>) -> Source {
        Source { id: "s".into(), idle_timeout: 30_000, max_out_of_orderness: 500, max_lag }
    }

    fn mark(sources: &[(&Source, Option<i64>, Option<i64>)], at: i64) -> Option<i64> {
        let holder = |(source, frontier, heard_at): &(&'static Source, Option<i64>, Option<i64>)| Holder {
            id: SourceId(0),
            source,
            clock: Clock { frontier: *frontier, heard_at: *heard_at, promised: None },
            expected_from: Some(0),
        };
        let leaked: Vec<(&'static Source, Option<i64>, Option<i64>)> =
            sources.iter().map(|(s, f, h)| (&*Box::leak(Box::new((*s).clone())), *f, *h)).collect();
        pace(leaked.iter().map(holder).collect::<Vec<_>>().into_iter(), at).mark(at)
    }

    #[test]
    fn the_slowest_source_holds_it() {
        let s = source(None);
        assert_eq!(mark(&[(&s, Some(700), Some(1_000)), (&s, Some(900), Some(1_000))], 1_000), Some(700));
    }

    #[test]
    fn an_idle_source_holds_it_no_longer_than_its_timeout() {
        let s = source(None);
        let two = [(&s, Some(700), Some(1_000)), (&s, Some(40_000), Some(40_000))];
        assert_eq!(mark(&two, 31_000), Some(700), "inclusive");
        assert_eq!(mark(&two, 31_001), Some(40_000));
    }

    #[test]
    fn a_source_not_heard_of_holds_it_from_the_start_for_its_timeout() {
        let s = source(None);
        let two = [(&s, None, None), (&s, Some(700), Some(1_000))];
        assert_eq!(mark(&two, 30_000), None);
        assert_eq!(mark(&two, 30_001), Some(700));
    }

    #[test]
    fn a_source_that_lags_too_far_does_not_hold_it() {
        let (slow, s) = (source(Some(30_000)), source(None));
        let two = [(&slow, Some(1_000), Some(32_000)), (&s, Some(31_500), Some(32_000))];
        assert_eq!(mark(&two, 31_000), Some(1_000), "inclusive");
        assert_eq!(mark(&two, 32_000), Some(31_500));
        assert_eq!(mark(&two[..1], 40_000), Some(10_000), "slow data is not leapt over");
        assert_eq!(mark(&two[..1], 62_000), Some(32_000), "inclusive");
        assert_eq!(mark(&two[..1], 62_001), Some(60_501), "it is silent as well");
    }

    #[test]
    fn when_nobody_holds_it_it_follows_the_processing_time() {
        let s = source(None);
        assert_eq!(mark(&[(&s, Some(700), Some(1_000))], 90_000), Some(90_000 - 500 - 1_000));
    }

    #[test]
    fn a_promise_moves_the_frontier_to_the_timestamp_itself() {
        let polled = Source { max_out_of_orderness: 0, ..source(None) };
        assert_eq!(Clock::frontier_of(&polled, 1_000, false), 999, "a scan has one timestamp");
        assert_eq!(Clock::frontier_of(&polled, 1_000, true), 1_000);
        assert_eq!(Clock::frontier_of(&source(None), 1_000, false), 500);
    }
}
