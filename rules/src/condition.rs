//! One condition through time (§6): on-delay, off-delay and latch, exact to the millisecond.
//!
//! | in | happens |
//! |---|---|
//! | Off | `when` true → Pending (no delay: On at once) |
//! | Pending | `when` false → Off; accumulated true time reaches the delay → On |
//! | On | `clear` true and `when` not true → Clearing (no hold: Off at once); latched: nothing |
//! | Clearing | `clear` false or `when` true → On; accumulated time reaches the hold → Off |
//! | any | the deciding result is Unknown: no move, and the time does not count |
//!
//! Here: that table. Not here: `deadband`, which is a `clear` of its own by the time it comes here; when it is judged.
//! Invariant: On is entered at the earliest instant by which `when` has been true for the delay of known time since
//! it was last false.

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
    Pending(Count),
    /// It holds.
    On {
        /// When it became true.
        since: i64,
        /// When it was entered.
        entered: i64,
    },
    /// It holds no longer, but not for long enough: it still counts as On.
    Clearing {
        /// How long it has not held.
        count: Count,
        /// When it became true.
        since: i64,
        /// When it was entered.
        entered: i64,
    },
}

/// Known time that accumulates towards a delay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Time before `counting_from`, ms.
    pub counted: Millis,
    /// Since when it counts without a break; none while it cannot be known.
    pub counting_from: Option<i64>,
    /// Since when it cannot be known; none while it counts.
    pub unknown_from: Option<i64>,
    /// When it began.
    pub since: i64,
}

/// What the two conditions of a state say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Says {
    /// What enters the state.
    pub when: Truth,
    /// What leaves it; none: that `when` is false.
    pub clear: Option<Truth>,
}

/// What a condition needs to be judged.
#[derive(Debug, Clone, Copy)]
pub struct Delays {
    /// The on-delay, ms.
    pub delay: Millis,
    /// The off-delay, ms.
    pub hold: Millis,
    /// It stays On until it is reset.
    pub latch: bool,
    /// Unknown for longer than this ends a delay, ms.
    pub unknown_after: Millis,
}

impl Says {
    /// Nothing is known.
    pub(crate) const NOTHING: Self = Self { when: Truth::Unknown, clear: None };

    /// Whether the state is left: `clear and not when`.
    #[must_use]
    pub fn leaves(self) -> Truth {
        match (self.when, self.clear) {
            (Truth::True, _) | (_, Some(Truth::False)) => Truth::False,
            (Truth::False, None | Some(Truth::True)) => Truth::True,
            (Truth::Unknown, _) | (_, Some(Truth::Unknown)) => Truth::Unknown,
            _ => Truth::Filling,
        }
    }
}

impl Count {
    fn begun(now: i64) -> Self {
        Self { counted: 0, counting_from: Some(now), unknown_from: None, since: now }
    }

    fn going_on(self, now: i64) -> Self {
        Self { counting_from: self.counting_from.or(Some(now)), unknown_from: None, ..self }
    }

    /// It cannot be known since `from`.
    fn halted(self, from: i64) -> Self {
        Self {
            counted: self.at(from),
            counting_from: None,
            unknown_from: self.unknown_from.or(Some(from)),
            ..self
        }
    }

    /// How much has accumulated by then, ms.
    #[must_use]
    pub fn at(self, now: i64) -> Millis {
        self.counted + self.counting_from.map_or(0, |from| (now - from).max(0))
    }

    /// Unknown for too long, or a restart that took too long, ends a delay.
    fn is_broken(self, unknown_after: Millis, now: i64) -> bool {
        self.unknown_from.is_some_and(|from| now - from > unknown_after)
    }

    fn due(self, delay: Millis, unknown_after: Millis) -> Option<i64> {
        let reached = self.counting_from.map(|from| from + delay - self.counted);
        // Longer than `unknown_after`: the first instant beyond it.
        reached.or(self.unknown_from.map(|from| from + unknown_after + 1))
    }

    fn is_plausible(self) -> bool {
        let instants = [Some(self.counted), self.counting_from, self.unknown_from, Some(self.since)];
        self.counted >= 0 && time::are_bounded(instants.into_iter().flatten())
    }
}

impl Phase {
    /// Judges the condition at an instant, which may be one at which nothing but time has changed.
    #[must_use]
    pub fn judged(self, says: Says, delays: Delays, now: i64) -> Self {
        match self.after_break(delays, now) {
            Phase::Off if says.when == Truth::True => Self::entering(Count::begun(now), delays, now),
            Phase::Off => Phase::Off,
            Phase::Pending(count) => match says.when {
                Truth::True => Self::entering(count.going_on(now), delays, now),
                Truth::False => Phase::Off,
                Truth::Unknown | Truth::Filling => Phase::Pending(count.halted(now)),
            },
            Phase::On { since, entered } | Phase::Clearing { since, entered, .. } if delays.latch => {
                Phase::On { since, entered }
            }
            on @ Phase::On { since, entered } => match says.leaves() {
                Truth::True => Self::leaving(Count::begun(now), (since, entered), delays, now),
                _ => on,
            },
            Phase::Clearing { count, since, entered } => match says.leaves() {
                Truth::True => Self::leaving(count.going_on(now), (since, entered), delays, now),
                Truth::False => Phase::On { since, entered },
                Truth::Unknown | Truth::Filling => {
                    Phase::Clearing { count: count.halted(now), since, entered }
                }
            },
        }
    }

    fn after_break(self, delays: Delays, now: i64) -> Self {
        match self {
            Phase::Pending(count) if count.is_broken(delays.unknown_after, now) => Phase::Off,
            Phase::Clearing { count, since, entered } if count.is_broken(delays.unknown_after, now) => {
                Phase::On { since, entered }
            }
            other => other,
        }
    }

    fn entering(count: Count, delays: Delays, now: i64) -> Self {
        if count.at(now) >= delays.delay {
            return Phase::On { since: count.since, entered: now };
        }
        Phase::Pending(count)
    }

    fn leaving(count: Count, (since, entered): (i64, i64), delays: Delays, now: i64) -> Self {
        if count.at(now) >= delays.hold {
            return Phase::Off;
        }
        Phase::Clearing { count, since, entered }
    }

    /// Why nobody can say if it moves: the deciding result is Unknown. None: one can.
    #[must_use]
    pub fn doubt(self, says: Says, latch: bool) -> Option<Truth> {
        let guard = match self {
            Phase::Off | Phase::Pending(_) => says.when,
            Phase::On { .. } | Phase::Clearing { .. } if latch => return None,
            Phase::On { .. } | Phase::Clearing { .. } => says.leaves(),
        };
        Some(guard).filter(|guard| guard.is_unknown())
    }

    /// The next instant at which time alone moves it.
    #[must_use]
    pub fn due(self, delays: Delays) -> Option<i64> {
        match self {
            Phase::Pending(count) => count.due(delays.delay, delays.unknown_after),
            Phase::Clearing { count, .. } => count.due(delays.hold, delays.unknown_after),
            Phase::Off | Phase::On { .. } => None,
        }
    }

    /// Whether it holds, or still counts as if it did.
    #[must_use]
    pub fn is_on(self) -> bool {
        matches!(self, Phase::On { .. } | Phase::Clearing { .. })
    }

    /// When it became true, and when it was entered; none while it is not On.
    #[must_use]
    pub fn on(self) -> Option<(i64, i64)> {
        match self {
            Phase::On { since, entered } | Phase::Clearing { since, entered, .. } => Some((since, entered)),
            Phase::Off | Phase::Pending(_) => None,
        }
    }

    /// What accumulates.
    #[must_use]
    pub fn count(self) -> Option<Count> {
        match self {
            Phase::Pending(count) | Phase::Clearing { count, .. } => Some(count),
            Phase::Off | Phase::On { .. } => None,
        }
    }

    fn with_count(self, count: Count) -> Self {
        match self {
            Phase::Pending(_) => Phase::Pending(count),
            Phase::Clearing { since, entered, .. } => Phase::Clearing { count, since, entered },
            other => other,
        }
    }

    /// Whether its stored form grows old by time alone: it counts, or will say of a break when that began.
    #[must_use]
    pub(crate) fn is_counting(self) -> bool {
        self.count().is_some_and(|count| count.unknown_from.is_none())
    }

    /// Whether it can have been written by this module: sums of its numbers do not overflow.
    #[must_use]
    pub(crate) fn is_plausible(self) -> bool {
        let on = self.on().into_iter().flat_map(|(since, entered)| [since, entered]);
        self.count().is_none_or(Count::is_plausible) && time::are_bounded(on)
    }

    /// As it stands after a break that nobody can measure, because the clock was set back: it just ended.
    #[must_use]
    pub(crate) fn without_break(self) -> Self {
        self.count().map_or(self, |count| self.with_count(Count { unknown_from: None, ..count }))
    }

    /// As it stands after a break that began at `until`: what was counted stays, the break is Unknown time. Of one that
    /// began before anything was heard nobody knows how long it is.
    #[must_use]
    pub fn paused(self, until: i64) -> Self {
        match self.count() {
            Some(count) if until > time::LONG_AGO => self.with_count(count.halted(until)),
            _ => self,
        }
    }
}

#[cfg(test)]
mod tests;
