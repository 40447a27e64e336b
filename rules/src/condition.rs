//! One condition through time (§6): the on-delay, exact to the millisecond.
//!
//! | in | happens |
//! |---|---|
//! | Off | true → Pending (no delay: On at once) |
//! | Pending | false → Off; accumulated true time reaches the delay → On |
//! | On | false → Off |
//! | any | Unknown: no move, and the time does not count |
//!
//! Here: that table. Not here: `clear`, `hold`, `deadband` and `latch`, which add rows to it; when it is judged.
//! Invariant: On is entered at the earliest instant by which the condition has been true for the delay of known
//! time since it was last false.

use serde::{Deserialize, Serialize};

use crate::expr::eval::Truth;
use crate::time::{self, Millis};

/// Where a condition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Phase {
    /// It does not hold.
    #[default]
    Off,
    /// It holds, but not for long enough.
    Pending {
        /// True time before `counting_from`, ms.
        counted: Millis,
        /// Since when it has been true without a break; none while it is Unknown.
        counting_from: Option<i64>,
        /// Since when it has been Unknown; none while it is true.
        unknown_from: Option<i64>,
        /// When it became true.
        since: i64,
    },
    /// It holds.
    On {
        /// When it became true.
        since: i64,
        /// When it was entered.
        entered: i64,
    },
}

/// What a condition needs to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// The on-delay, ms.
    pub delay: Millis,
    /// Unknown for longer than this ends a delay, ms.
    pub unknown_after: Millis,
}

impl Phase {
    /// Judges the condition at an instant, which may be one at which nothing but time has changed.
    #[must_use]
    pub fn judged(self, truth: Truth, delays: Delays, now: i64) -> Self {
        match (self.after_break(delays, now), truth) {
            (Phase::Off, Truth::True) => Self::running(0, now, now, delays, now),
            (Phase::Pending { counted, counting_from, since, .. }, Truth::True) => {
                Self::running(counted, counting_from.unwrap_or(now), since, delays, now)
            }
            (Phase::Pending { counted, counting_from, unknown_from, since }, Truth::Unknown) => {
                let from = unknown_from.unwrap_or(now);
                let counted = counted + counting_from.map_or(0, |c| now - c);
                Phase::Pending { counted, counting_from: None, unknown_from: Some(from), since }
            }
            (_, Truth::False) => Phase::Off,
            (on_or_off, _) => on_or_off,
        }
    }

    /// Unknown for too long, or a restart that took too long, ends a delay.
    fn after_break(self, delays: Delays, now: i64) -> Self {
        match self {
            Phase::Pending { unknown_from: Some(from), .. } if now - from > delays.unknown_after => {
                Phase::Off
            }
            other => other,
        }
    }

    fn running(counted: Millis, counting_from: i64, since: i64, delays: Delays, now: i64) -> Self {
        if counted + (now - counting_from) >= delays.delay {
            return Phase::On { since, entered: now };
        }
        Phase::Pending { counted, counting_from: Some(counting_from), unknown_from: None, since }
    }

    /// The next instant at which time alone moves it.
    #[must_use]
    pub fn due(self, delays: Delays) -> Option<i64> {
        match self {
            Phase::Pending { counted, counting_from: Some(from), .. } => Some(from + delays.delay - counted),
            // Longer than `unknown_after`: the first instant beyond it.
            Phase::Pending { unknown_from: Some(from), .. } => Some(from + delays.unknown_after + 1),
            _ => None,
        }
    }

    /// Whether it holds.
    #[must_use]
    pub fn is_on(self) -> bool {
        matches!(self, Phase::On { .. })
    }

    /// Whether its stored form grows old by time alone.
    #[must_use]
    pub fn is_counting(self) -> bool {
        matches!(self, Phase::Pending { counting_from: Some(_), .. })
    }

    /// Whether it can have been written by this module: sums of its numbers do not overflow.
    #[must_use]
    pub fn is_plausible(self) -> bool {
        match self {
            Phase::Off => true,
            Phase::Pending { counted, counting_from, unknown_from, since } => {
                let instants = [Some(counted), counting_from, unknown_from, Some(since)];
                counted >= 0 && time::are_bounded(instants.into_iter().flatten())
            }
            Phase::On { since, entered } => time::are_bounded([since, entered]),
        }
    }

    /// As it stands after a break that nobody can measure, because the clock was set back: it just ended.
    #[must_use]
    pub fn without_break(self) -> Self {
        match self {
            Phase::Pending { counted, counting_from, since, .. } => {
                Phase::Pending { counted, counting_from, unknown_from: None, since }
            }
            other => other,
        }
    }

    /// As it stands after a break that began at `until`: what was counted stays, the break is Unknown time.
    #[must_use]
    pub fn paused(self, until: i64) -> Self {
        match self {
            Phase::Pending { counted, counting_from: Some(from), since, .. } => Phase::Pending {
                counted: counted + (until - from).max(0),
                counting_from: None,
                unknown_from: Some(until),
                since,
            },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Truth::{False, True, Unknown};

    const TEN: Delays = Delays { delay: 10, unknown_after: 50 };

    /// Runs through instants and gives the phase after the last.
    fn run(story: &[(i64, Truth)]) -> Phase {
        story.iter().fold(Phase::Off, |phase, (now, truth)| phase.judged(*truth, TEN, *now))
    }

    #[test]
    fn without_a_delay_it_is_on_at_once() {
        let at_once = Delays { delay: 0, unknown_after: 50 };
        assert_eq!(Phase::Off.judged(True, at_once, 7), Phase::On { since: 7, entered: 7 });
    }

    #[test]
    fn on_is_entered_exactly_when_the_delay_is_over() {
        let pending = run(&[(0, True), (9, True)]);
        assert_eq!((pending.is_on(), pending.due(TEN)), (false, Some(10)));
        assert_eq!(run(&[(0, True), (10, True)]), Phase::On { since: 0, entered: 10 });
    }

    #[test]
    fn false_at_the_due_instant_prevents_it() {
        assert_eq!(run(&[(0, True), (10, False)]), Phase::Off);
        assert_eq!(run(&[(0, True), (5, False), (6, True), (10, True)]).due(TEN), Some(16));
    }

    #[test]
    fn unknown_time_neither_counts_nor_resets() {
        let resumed = run(&[(0, True), (4, Unknown), (30, True)]);
        assert_eq!(resumed.due(TEN), Some(36));
        assert_eq!(run(&[(0, True), (10, Unknown), (31, True)]), Phase::On { since: 0, entered: 31 });
    }

    #[test]
    fn unknown_for_too_long_ends_the_delay() {
        assert_eq!(run(&[(0, True), (4, Unknown)]).due(TEN), Some(55));
        assert!(matches!(run(&[(0, True), (4, Unknown), (54, Unknown)]), Phase::Pending { .. }));
        assert_eq!(run(&[(0, True), (4, Unknown), (55, Unknown)]), Phase::Off);
    }

    #[test]
    fn unknown_never_leaves_a_state() {
        assert!(run(&[(0, True), (10, True), (11, Unknown), (999, Unknown)]).is_on());
        assert_eq!(run(&[(0, True), (10, True), (11, Unknown), (12, False)]), Phase::Off);
    }

    #[test]
    fn a_break_counts_for_nothing() {
        let before = run(&[(0, True)]);
        let after = before.paused(4).judged(True, TEN, 40);
        assert_eq!(after.due(TEN), Some(46));
        let too_long = before.paused(4).judged(True, TEN, 55);
        assert_eq!(too_long.due(TEN), Some(65), "the delay begins anew");
        let nobody_knows = before.paused(4).without_break().judged(True, TEN, -900);
        assert_eq!(nobody_knows.due(TEN), Some(-894));
    }

    #[test]
    fn what_no_engine_has_written_is_noticed() {
        let pending =
            |counted, since| Phase::Pending { counted, counting_from: Some(0), unknown_from: None, since };
        assert!(pending(3, 0).is_plausible());
        assert!(!pending(-1, 0).is_plausible() && !pending(i64::MAX, 0).is_plausible());
        assert!(!pending(0, i64::MIN).is_plausible());
        assert!(!Phase::On { since: 0, entered: i64::MAX }.is_plausible());
    }
}
