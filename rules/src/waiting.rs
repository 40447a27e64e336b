//! The waiting room of a scope: datapoints that the watermark has not passed yet (§3.7, §3.8).
//!
//! Most come nearly in order, which a heap takes at its end at once. It orders small keys; the datapoints lie still
//! beside it in places that are used again, so that the room takes no memory once it has its size.
//!
//! Here: their order. Not here: how many may wait in all scopes together (`engine`).
//! Invariant: they come out by effective timestamp; at one instant those that came late first, then by
//! timestamp, source and sequence number, whatever the order of arrival.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use proto::{Flags, Quality};

use crate::engine::{Datapoint, Subject};
use crate::inventory::SourceId;
use crate::value::Unknown;

/// A datapoint that waits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Waiting {
    /// When it is applied: its timestamp, or just behind the watermark when it came late.
    pub(crate) effective: i64,
    /// The source that delivered it.
    pub(crate) source: SourceId,
    /// The datapoint.
    pub(crate) datapoint: Datapoint,
}

impl Waiting {
    /// Whether it came late.
    #[must_use]
    pub(crate) fn late(&self) -> bool {
        self.datapoint.timestamp < self.effective
    }
}

/// The order of application. Who came late is applied after its timestamp, so that it goes before those of the instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    effective: i64,
    timestamp: i64,
    source: SourceId,
    sequence: u64,
    place: u32,
}

/// The room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    order: BinaryHeap<Reverse<Key>>,
    places: Vec<Datapoint>,
    free: Vec<u32>,
}

/// What lies in a place that is free.
const NOTHING: Datapoint = Datapoint {
    subject: Subject::Heartbeat,
    timestamp: 0,
    value: Err(Unknown::NeverSeen),
    quality: Quality::Bad,
    flags: Flags::NONE,
    sequence: 0,
};

impl Room {
    /// Lets one in.
    pub(crate) fn enter(&mut self, waiting: Waiting) {
        let Waiting { effective, source, datapoint } = waiting;
        let (timestamp, sequence) = (datapoint.timestamp, datapoint.sequence);
        let place = if let Some(place) = self.free.pop() {
            self.places[place as usize] = datapoint;
            place
        } else {
            self.places.push(datapoint);
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        };
        self.order.push(Reverse(Key { effective, timestamp, source, sequence, place }));
    }

    /// When the first one is applied.
    #[must_use]
    pub(crate) fn first(&self) -> Option<i64> {
        self.order.peek().map(|Reverse(key)| key.effective)
    }

    /// When the last one is applied.
    #[must_use]
    pub(crate) fn last(&self) -> Option<i64> {
        self.order.iter().map(|Reverse(key)| key.effective).max()
    }

    /// Takes the first one, if it is applied at that instant.
    pub(crate) fn leave_at(&mut self, instant: i64) -> Option<Waiting> {
        if self.first() != Some(instant) {
            return None;
        }
        let Reverse(key) = self.order.pop()?;
        let datapoint = std::mem::replace(&mut self.places[key.place as usize], NOTHING);
        self.free.push(key.place);
        Some(Waiting { effective: key.effective, source: key.source, datapoint })
    }

    /// How many wait.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(effective: i64, timestamp: i64, source: u32, sequence: u64) -> Waiting {
        let datapoint = Datapoint { timestamp, sequence, ..NOTHING };
        Waiting { effective, source: SourceId(source), datapoint }
    }

    #[test]
    fn they_come_out_in_the_one_order_whatever_the_order_of_arrival() {
        let right = [
            waiting(1, 1, 0, 9),
            waiting(5, 2, 0, 8),
            waiting(5, 3, 0, 1),
            waiting(5, 5, 0, 2),
            waiting(5, 5, 0, 3),
            waiting(5, 5, 1, 0),
        ];
        for turn in 0..right.len() {
            let mut room = Room::default();
            right.iter().cycle().skip(turn).take(right.len()).for_each(|w| room.enter(w.clone()));
            let out: Vec<Waiting> = [1, 5]
                .into_iter()
                .flat_map(|t| std::iter::from_fn(|| room.leave_at(t)).collect::<Vec<_>>())
                .collect();
            assert_eq!(out, right);
            assert_eq!(room.len(), 0);
        }
    }

    #[test]
    fn nobody_leaves_before_its_instant() {
        let mut room = Room::default();
        room.enter(waiting(5, 5, 0, 1));
        assert_eq!((room.leave_at(4), room.first(), room.len()), (None, Some(5), 1));
    }

    #[test]
    fn places_are_used_again() {
        let mut room = Room::default();
        for instant in 0..1_000 {
            room.enter(waiting(instant, instant, 0, 1));
            room.enter(waiting(instant + 1, instant + 1, 0, 2));
            while room.leave_at(instant).is_some() {}
        }
        assert!(room.places.len() <= 4, "{}", room.places.len());
    }
}
