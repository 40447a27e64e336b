//! Packing entries into one request, and reading its answer.
//!
//! Here: two pure functions. Not here: how a parcel is written for a stream.
//! Limits of one request (Kinesis' `PutRecords`): 500 records, 5 MiB with their keys, 1 MiB a record.
//! Invariant: a request holds at most one parcel of each key, and in it the oldest entries of that key without
//! a gap. So a parcel that is refused is overtaken by nothing of its own key.

use std::collections::HashMap;

use proto::aggregate;

use super::Answer;
use crate::outbox::Entry;

/// Records in a request.
const PARCELS_MAX: usize = 500;
/// Bytes of a request.
const REQUEST_BYTES_MAX: usize = 5 << 20;
/// A parcel is closed here: the next one of its key goes as soon as it is accepted, and a shard of 1 MiB/s can
/// take it at any moment of its second.
const PARCEL_BYTES_TARGET: usize = 256 << 10;
/// Entries in a parcel: far below what readers refuse.
const PARCEL_ENTRIES_MAX: usize = aggregate::RECORDS_MAX / 4;
/// Characters of a partition key.
const KEY_CHARS_MAX: usize = 256;
/// Magic, checksum and the key's place in its table, beside the key.
const WRAPPING_BYTES: usize = 40;

/// Entries of one partition key that go as one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// Their key.
    pub key: String,
    /// Their positions in the outbox and their bytes, ascending.
    pub entries: Vec<(u64, Vec<u8>)>,
    bytes: usize,
}

/// What came of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Positions that the stream has, ascending.
    pub accepted: Vec<u64>,
    /// Keys to try again, with the reason of each.
    pub refused: Vec<(String, String)>,
}

/// Makes one request of the oldest entries.
#[must_use]
pub fn pack(waiting: Vec<(u64, Entry)>) -> Vec<Parcel> {
    let mut parcels = Vec::<Parcel>::new();
    let mut places = HashMap::<String, Place>::new();
    let mut bytes = 0_usize;
    for (position, Entry { key, json, .. }) in waiting {
        let key = partition_key(key);
        let cost = aggregate::cost(json.len());
        let count = parcels.len();
        let place = places.entry(key.clone()).or_insert(Place::None);
        let open = match place {
            Place::Open(at) => parcels.get_mut(*at),
            Place::None | Place::Closed => None,
        };
        let more = cost.saturating_add(if open.is_some() { 0 } else { opening_bytes(&key) });
        let fits = bytes.saturating_add(more) <= REQUEST_BYTES_MAX;
        match (open, &place) {
            (Some(parcel), _) if fits && parcel.has_room_for(cost) => parcel.add(position, json),
            (None, Place::None) if fits && count < PARCELS_MAX => {
                *place = Place::Open(count);
                parcels.push(Parcel::new(key, position, json));
            }
            _ => {
                *place = Place::Closed;
                continue;
            }
        }
        bytes = bytes.saturating_add(more);
    }
    parcels
}

/// Where entries of a key go.
enum Place {
    /// It has no parcel yet.
    None,
    /// Into the parcel with this index.
    Open(usize),
    /// One of them had no room: those behind it wait as well, however small they are.
    Closed,
}

/// Reads the answers. A parcel without an answer is not accepted.
#[must_use]
pub fn settle(parcels: &[Parcel], answers: &[Answer]) -> Settled {
    let mut settled = Settled::default();
    for (parcel, answer) in parcels.iter().zip(answers.iter().map(Some).chain(std::iter::repeat(None))) {
        let reason = match answer {
            Some(Answer::Accepted) => {
                settled.accepted.extend(parcel.entries.iter().map(|(position, _)| *position));
                continue;
            }
            Some(Answer::Refused(reason)) => reason.clone(),
            None => "the stream did not answer for it".to_owned(),
        };
        settled.refused.push((parcel.key.clone(), reason));
    }
    settled.accepted.sort_unstable();
    settled
}

/// What a parcel takes before its first entry: the key stands beside the record and inside.
const fn opening_bytes(key: &str) -> usize {
    key.len().saturating_mul(2).saturating_add(WRAPPING_BYTES)
}

/// A key that Kinesis accepts: one that it does not refuses the whole request. The cut comes before packing,
/// because readers discard an aggregate whose inner key is not the outer one.
fn partition_key(key: String) -> String {
    if key.is_empty() {
        return "-".to_owned();
    }
    match key.char_indices().nth(KEY_CHARS_MAX) {
        Some(_) => key.chars().take(KEY_CHARS_MAX).collect(),
        None => key,
    }
}

impl Parcel {
    fn new(key: String, position: u64, json: Vec<u8>) -> Self {
        let mut parcel = Self { bytes: opening_bytes(&key), key, entries: Vec::new() };
        parcel.add(position, json);
        parcel
    }

    /// The bytes of the record. A lone entry goes as it is: any tool can read the stream of a quiet line, and
    /// JSON cannot be mistaken for an aggregate.
    #[must_use]
    pub fn record(&self) -> Vec<u8> {
        match self.entries.as_slice() {
            [(_, alone)] => alone.clone(),
            several => aggregate::pack(&self.key, several.iter().map(|(_, json)| json.as_slice())),
        }
    }

    const fn has_room_for(&self, cost: usize) -> bool {
        self.bytes.saturating_add(cost) <= PARCEL_BYTES_TARGET && self.entries.len() < PARCEL_ENTRIES_MAX
    }

    fn add(&mut self, position: u64, json: Vec<u8>) {
        self.bytes = self.bytes.saturating_add(aggregate::cost(json.len()));
        self.entries.push((position, json));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::outbox::{ENTRY_BYTES_MAX, Kind};

    #[test]
    fn entries_of_one_key_share_a_parcel_and_keep_their_order() {
        let parcels = pack(waiting(&[("a", 10), ("b", 10), ("a", 20), ("a", 30)]));
        assert_eq!(shape(&parcels), [("a", vec![0, 2, 3]), ("b", vec![1])]);
        assert_eq!(parcels[1].record(), vec![b'x'; 10], "a lone entry goes as it is");
        let out = aggregate::unpack("a", &parcels[0].record()).unwrap();
        assert_eq!(out.iter().map(|r| r.data.len()).collect::<Vec<_>>(), [10, 20, 30]);
    }

    #[test]
    fn a_full_parcel_is_closed_even_for_a_small_entry_behind_a_large_one() {
        let parcels = pack(waiting(&[("a", 200 << 10), ("a", 100 << 10), ("a", 10), ("b", 10)]));
        assert_eq!(shape(&parcels), [("a", vec![0]), ("b", vec![3])]);
    }

    #[test]
    fn the_largest_entry_fits_a_record_of_the_stream() {
        let parcels = pack(waiting(&[("a", ENTRY_BYTES_MAX - 1), ("a", 10)]));
        assert_eq!(shape(&parcels), [("a", vec![0])]);
        assert!(parcels[0].record().len() < 1 << 20);
    }

    #[test]
    fn the_501st_key_waits_for_the_next_request() {
        let keys = (0..600).map(|n| format!("k{n}")).collect::<Vec<_>>();
        let entries = keys.iter().map(|k| (k.as_str(), 5)).collect::<Vec<_>>();
        assert_eq!(pack(waiting(&entries)).len(), PARCELS_MAX);
    }

    #[test]
    fn only_what_was_accepted_is_settled() {
        let parcels = pack(waiting(&[("a", 1), ("b", 1), ("c", 1), ("a", 1)]));
        let answers = [Answer::Accepted, Answer::Refused("throttled".into())];
        let settled = settle(&parcels, &answers);
        assert_eq!(settled.accepted, [0, 3]);
        let reasons = [("b", "throttled"), ("c", "the stream did not answer for it")];
        assert_eq!(settled.refused, reasons.map(|(k, r)| (k.to_owned(), r.to_owned())));
    }

    #[test]
    fn a_partition_key_is_never_empty_and_never_too_long() {
        let long = "ü".repeat(300);
        let parcels = pack(waiting(&[("", 1), (&long, 1), (&long, 2), ("m", 1)]));
        assert_eq!(shape(&parcels), [("-", vec![0]), (&long[..512], vec![1, 2]), ("m", vec![3])]);
    }

    proptest! {
        #[test]
        fn every_limit_holds_and_whatever_is_refused_each_key_arrives_in_order(
            entries in prop::collection::vec((0..8_u8, 1..400_000_usize), 1..60),
            refusals in any::<u64>(),
        ) {
            let keys = ["a", "b", "c", "d", "e", "f", "g", "h"];
            let entries = entries.iter().map(|(k, n)| (keys[usize::from(*k)], *n)).collect::<Vec<_>>();
            let mut left = waiting(&entries);
            let mut arrived = HashMap::<String, Vec<u64>>::new();
            let mut dice = refusals;
            while !left.is_empty() {
                let parcels = pack(left.clone());
                let sizes = parcels.iter().map(|p| p.record().len() + p.key.len()).collect::<Vec<_>>();
                prop_assert!(!parcels.is_empty() && parcels.len() <= PARCELS_MAX);
                prop_assert!(sizes.iter().sum::<usize>() <= REQUEST_BYTES_MAX);
                prop_assert!(sizes.iter().all(|size| *size <= 1 << 20));
                let keys = parcels.iter().map(|p| p.key.as_str()).collect::<HashSet<_>>();
                prop_assert_eq!(keys.len(), parcels.len());

                let answers = parcels.iter().map(|_| {
                    dice = dice.rotate_left(1);
                    if dice & 3 == 1 { Answer::Refused("no".into()) } else { Answer::Accepted }
                }).collect::<Vec<_>>();
                let settled = settle(&parcels, &answers);
                for parcel in &parcels {
                    let there = parcel.entries.iter().map(|(p, _)| *p).filter(|p| settled.accepted.contains(p));
                    arrived.entry(parcel.key.clone()).or_default().extend(there);
                }
                left.retain(|(position, _)| !settled.accepted.contains(position));
                // Refusing everything for ever would prove nothing.
                dice &= !1;
            }
            prop_assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), entries.len());
            prop_assert!(arrived.values().all(|positions| positions.is_sorted()));
        }
    }

    fn waiting(entries: &[(&str, usize)]) -> Vec<(u64, Entry)> {
        let entry = |(key, len): &(&str, usize)| Entry {
            kind: Kind::Transition,
            key: (*key).to_owned(),
            json: vec![b'x'; *len],
        };
        (0..).zip(entries.iter().map(entry)).collect()
    }

    fn shape(parcels: &[Parcel]) -> Vec<(&str, Vec<u64>)> {
        parcels
            .iter()
            .map(|p| (p.key.as_str(), p.entries.iter().map(|(position, _)| *position).collect()))
            .collect()
    }
}
