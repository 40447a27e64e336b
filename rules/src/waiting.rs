//! The waiting room of a scope: datapoints that the watermark has not passed yet (§3.7, §3.8).
//!
//! Here: their order. Not here: how many may wait in all scopes together (`engine`).
//! Invariant: they come out by effective timestamp; at one instant those that came late first, then by
//! timestamp, source and sequence number, whatever the order of arrival.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::engine::Datapoint;
use crate::inventory::SourceId;

/// A datapoint that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// When it is applied: its timestamp, or just behind the watermark when it came late.
    pub effective: i64,
    /// Whether it came late.
    pub late: bool,
    /// The source that delivered it.
    pub source: SourceId,
    /// The datapoint.
    pub datapoint: Datapoint,
}

impl Waiting {
    fn rank(&self) -> (i64, bool, i64, SourceId, u64) {
        (self.effective, !self.late, self.datapoint.timestamp, self.source, self.datapoint.sequence)
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

/// The room.
#[derive(Debug, Default)]
pub struct Room(BinaryHeap<Reverse<Waiting>>);

impl Room {
    /// Lets one in.
    pub fn enter(&mut self, waiting: Waiting) {
        self.0.push(Reverse(waiting));
    }

    /// When the first one is applied.
    #[must_use]
    pub fn first(&self) -> Option<i64> {
        self.0.peek().map(|Reverse(w)| w.effective)
    }

    /// When the last one is applied.
    #[must_use]
    pub fn last(&self) -> Option<i64> {
        self.0.iter().map(|Reverse(w)| w.effective).max()
    }

    /// Takes the first one, if it is applied at that instant.
    pub fn leave_at(&mut self, instant: i64) -> Option<Waiting> {
        if self.first() == Some(instant) { self.0.pop().map(|Reverse(w)| w) } else { None }
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Subject;
    use proto::{Flags, Quality};

    fn waiting(effective: i64, late: bool, timestamp: i64, source: u32, sequence: u64) -> Waiting {
        let datapoint = Datapoint {
            subject: Subject::Heartbeat,
            timestamp,
            value: Err(crate::value::Unknown::NeverSeen),
            quality: Quality::Ok,
            flags: Flags::NONE,
            sequence,
        };
        Waiting { effective, late, source: SourceId(source), datapoint }
    }

    #[test]
    fn they_come_out_in_the_one_order_whatever_the_order_of_arrival() {
        let right = [
            waiting(1, false, 1, 0, 9),
            waiting(5, true, 2, 0, 8),
            waiting(5, true, 3, 0, 1),
            waiting(5, false, 5, 0, 2),
            waiting(5, false, 5, 0, 3),
            waiting(5, false, 5, 1, 0),
        ];
        for turn in 0..right.len() {
            let mut room = Room::default();
            right.iter().cycle().skip(turn).take(right.len()).for_each(|w| room.enter(w.clone()));
            let out: Vec<Waiting> = [1, 5]
                .into_iter()
                .flat_map(|t| std::iter::from_fn(|| room.leave_at(t)).collect::<Vec<_>>())
                .collect();
            assert_eq!(out, right);
            assert!(room.is_empty());
        }
    }

    #[test]
    fn nobody_leaves_before_its_instant() {
        let mut room = Room::default();
        room.enter(waiting(5, false, 5, 0, 1));
        assert_eq!((room.leave_at(4), room.first(), room.len()), (None, Some(5), 1));
    }
}
