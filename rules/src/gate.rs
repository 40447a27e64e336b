//! A gate through time: `active_if` and `suppress_if` (§7.6).
//!
//! A gate that is Unknown keeps its last value for a time. Here: that. Not here: what an open, a closed or an unknown
//! gate means for its rule (`instance`).
//! Invariant: Unknown is said only before the first value and after the time is over.

use serde::{Deserialize, Serialize};

use crate::expr::eval::Truth;
use crate::time::Millis;

/// Where a gate stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Gate {
    /// The last thing it said.
    last: Option<bool>,
    /// Since when it cannot be known.
    unknown_from: Option<i64>,
    /// Whether the time for its last value is over.
    gave_up: bool,
}

/// A gate as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredGate {
    last: Option<bool>,
    gave_up: bool,
}

impl Gate {
    /// A gate that has said this.
    pub(crate) fn of(last: bool) -> Self {
        Self { last: Some(last), ..Self::default() }
    }

    /// Takes what its condition says. Unknown keeps the last value for `after`, which counts from `begin` at the
    /// earliest. True: what is to be stored of it has changed.
    pub(crate) fn judge(&mut self, truth: Truth, after: Millis, now: i64, begin: i64) -> bool {
        let before = self.stored();
        match truth {
            Truth::True => *self = Self::of(true),
            Truth::False => *self = Self::of(false),
            // A window that could not be full yet takes no patience.
            Truth::Filling if self.last.is_some() => self.unknown_from = None,
            Truth::Unknown | Truth::Filling => {
                self.unknown_from.get_or_insert(now);
                self.gave_up |= self.last.is_none() || self.ends(after, begin).is_some_and(|end| end <= now);
            }
        }
        self.stored() != before
    }

    fn ends(&self, after: Millis, begin: i64) -> Option<i64> {
        self.unknown_from.map(|from| from.max(begin) + after)
    }

    /// The next instant after `now` at which time alone changes it.
    pub(crate) fn due(&self, after: Millis, now: i64, begin: i64) -> Option<i64> {
        self.ends(after, begin).filter(|end| !self.gave_up && *end > now)
    }

    /// What it says.
    pub(crate) fn says(&self) -> Truth {
        match self.last {
            Some(true) if !self.gave_up => Truth::True,
            Some(false) if !self.gave_up => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// The last thing it said that was known.
    pub(crate) fn last(&self) -> Option<bool> {
        self.last
    }

    /// Since when it cannot be known.
    pub(crate) fn unknown_from(&self) -> Option<i64> {
        self.unknown_from
    }

    /// As it stands after a break: nothing is known, the last value is kept.
    pub(crate) fn pause(&mut self) {
        self.unknown_from = None;
    }

    /// What is stored of it.
    pub(crate) fn stored(&self) -> StoredGate {
        StoredGate { last: self.last, gave_up: self.gave_up }
    }

    /// As it was stored.
    pub(crate) fn restored(stored: StoredGate) -> Self {
        Self { last: stored.last, gave_up: stored.gave_up, unknown_from: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Truth::{False, True, Unknown};

    fn says(gate: &mut Gate, story: &[(i64, Truth)]) -> Truth {
        for (now, truth) in story {
            gate.judge(*truth, 50, *now, 0);
        }
        gate.says()
    }

    #[test]
    fn before_its_first_value_it_is_unknown() {
        assert_eq!(says(&mut Gate::default(), &[]), Unknown);
        assert_eq!(says(&mut Gate::default(), &[(0, Unknown), (1, Unknown)]), Unknown);
        assert_eq!(says(&mut Gate::default(), &[(0, Unknown), (1, False)]), False);
    }

    #[test]
    fn unknown_keeps_the_last_value_for_a_time() {
        let mut gate = Gate::default();
        assert_eq!(says(&mut gate, &[(0, True), (10, Unknown), (59, Unknown)]), True);
        assert_eq!(gate.due(50, 59, 0), Some(60));
        assert_eq!(says(&mut gate, &[(60, Unknown)]), Unknown);
        assert_eq!((gate.due(50, 60, 0), gate.last()), (None, Some(true)));
        assert_eq!(says(&mut gate, &[(70, Unknown), (71, False)]), False);
    }

    #[test]
    fn a_window_that_fills_takes_no_time_from_what_it_said() {
        let mut gate = Gate::default();
        assert_eq!(says(&mut gate, &[(0, Truth::Filling)]), Unknown, "it has said nothing yet");
        let story = [(10, False), (20, Unknown), (60, Truth::Filling), (200, Truth::Filling), (210, Unknown)];
        assert_eq!((says(&mut gate, &story), gate.due(50, 210, 0)), (False, Some(260)));
    }

    #[test]
    fn after_a_break_the_time_counts_from_the_begin() {
        let mut gate = Gate::restored(Gate::of(false).stored());
        gate.judge(Unknown, 50, 1_000, 1_020);
        assert_eq!((gate.says(), gate.due(50, 1_000, 1_020)), (False, Some(1_070)));
        assert!(gate.judge(Unknown, 50, 1_070, 1_020), "that it gave up is stored");
    }
}
