//! Which of two states of an instance is the current one.
//!
//! Here: that comparison. Not here: the states, and the condition in the words of a destination (`table`).
//! Invariant: a state never gives way to itself, nor to an older one of its incarnation.

use serde::{Deserialize, Serialize};

/// What orders the states of one instance: within an incarnation the sequence number, across incarnations
/// (an agent that was reinstalled counts from one again) the time of detection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rank {
    /// The agent's incarnation.
    pub incarnation: String,
    /// Counts the instance's transitions.
    pub sequence_number: u64,
    /// Processing time of the detection, ms since 1970 UTC.
    pub detected_at: i64,
}

impl Rank {
    /// Whether this becomes the current state where `current` is: the condition of the store's update.
    #[must_use]
    pub fn supersedes(&self, current: Option<&Self>) -> bool {
        current.is_none_or(|current| {
            if self.incarnation == current.incarnation {
                current.sequence_number < self.sequence_number
            } else {
                current.detected_at <= self.detected_at
            }
        })
    }

    /// Whether this becomes the current state wherever `earlier` would, and after it: then a destination may
    /// leave `earlier` out when both come together.
    #[must_use]
    pub fn covers(&self, earlier: &Self) -> bool {
        self.incarnation == earlier.incarnation
            && self.sequence_number > earlier.sequence_number
            && self.detected_at >= earlier.detected_at
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(incarnation: &str, sequence_number: u64, detected_at: i64) -> Rank {
        Rank { incarnation: incarnation.into(), sequence_number, detected_at }
    }

    #[test]
    fn the_first_state_and_a_later_one_supersede_an_older_one_never() {
        let new = rank("a", 5, 100);
        assert!(new.supersedes(None));
        assert!(new.supersedes(Some(&rank("a", 4, 100))));
        assert!(!new.supersedes(Some(&new)), "the same twice");
        assert!(!new.supersedes(Some(&rank("a", 6, 10))), "older after newer, whatever the clock said");
    }

    #[test]
    fn between_incarnations_the_time_of_detection_decides() {
        let reinstalled = rank("b", 1, 100);
        assert!(reinstalled.supersedes(Some(&rank("a", 900, 99))));
        assert!(reinstalled.supersedes(Some(&rank("a", 900, 100))));
        assert!(!reinstalled.supersedes(Some(&rank("a", 900, 101))));
    }

    fn any_rank() -> impl Strategy<Value = Rank> {
        ("[ab]", 0u64..4, 0i64..4).prop_map(|(i, s, d)| rank(&i, s, d))
    }

    proptest! {
        #[test]
        fn a_state_that_is_covered_can_be_left_out(
            stored in proptest::option::of(any_rank()), earlier in any_rank(), later in any_rank(),
        ) {
            let put = |stored: Option<Rank>, new: &Rank| {
                if new.supersedes(stored.as_ref()) { Some(new.clone()) } else { stored }
            };
            if later.covers(&earlier) {
                prop_assert_eq!(put(put(stored.clone(), &earlier), &later), put(stored, &later));
            }
        }
    }
}
