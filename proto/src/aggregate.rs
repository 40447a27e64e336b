//! Several records of one partition key in one Kinesis record: the aggregation format of the Kinesis Producer
//! Library (facts from its published description, `aggregation-format.md` of awslabs/amazon-kinesis-producer):
//!
//! ```text
//! F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf (16 bytes)
//! ```
//!
//! Here: writing one with a single key, reading any. Not here: how much goes into one (`edge-agent`'s `forward`).
//! Invariant: what is not an intact aggregate is a plain record; nothing read here is trusted, counts are
//! bounded by [`RECORDS_MAX`], and nothing panics.

use md5::{Digest as _, Md5};
use prost::Message as _;

/// The first four bytes of an aggregate.
const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];
/// Length of an MD5.
const SUM_LEN: usize = 16;
/// An aggregate that claims more records than this is refused: the writer here never comes near it.
pub const RECORDS_MAX: usize = 10_000;

#[derive(Clone, PartialEq, prost::Message)]
struct AggregatedRecord {
    #[prost(string, repeated, tag = "1")]
    partition_key_table: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    explicit_hash_key_table: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<SubRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SubRecord {
    #[prost(uint64, required, tag = "1")]
    partition_key_index: u64,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key_index: Option<u64>,
    #[prost(bytes = "vec", required, tag = "3")]
    data: Vec<u8>,
}

/// One user record out of a Kinesis record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// The key it was put under.
    pub partition_key: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Why a Kinesis record that looks like an aggregate cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAggregate {
    /// A sub-record names a key that is not in the table.
    #[error("sub-record {index} names key {key} of {keys}")]
    Key {
        /// Which sub-record.
        index: usize,
        /// The key it names.
        key: u64,
        /// How many keys there are.
        keys: usize,
    },
    /// More sub-records than [`RECORDS_MAX`].
    #[error("{0} sub-records, at most {RECORDS_MAX} are accepted")]
    TooMany(usize),
}

/// Bytes that a record of `len` bytes adds to an aggregate, at most: protobuf tags and lengths.
#[must_use]
pub const fn cost(len: usize) -> usize {
    len + 20
}

/// Puts records of one partition key into one Kinesis record.
#[must_use]
pub fn pack<'r>(partition_key: &str, records: impl Iterator<Item = &'r [u8]>) -> Vec<u8> {
    let message = AggregatedRecord {
        partition_key_table: vec![partition_key.to_owned()],
        explicit_hash_key_table: Vec::new(),
        records: records
            .map(|data| SubRecord {
                partition_key_index: 0,
                explicit_hash_key_index: None,
                data: data.to_vec(),
            })
            .collect(),
    };
    let body = message.encode_to_vec();
    let mut bytes = Vec::with_capacity(MAGIC.len() + body.len() + SUM_LEN);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(&Md5::digest(&body));
    bytes
}

/// Takes a Kinesis record apart. What is not an intact aggregate is one plain record under its own key.
///
/// # Errors
/// When an aggregate is intact but says impossible things.
pub fn unpack(partition_key: &str, data: &[u8]) -> Result<Vec<UserRecord>, BadAggregate> {
    let Some(message) = intact(data) else {
        return Ok(vec![UserRecord { partition_key: partition_key.to_owned(), data: data.to_vec() }]);
    };
    if message.records.len() > RECORDS_MAX {
        return Err(BadAggregate::TooMany(message.records.len()));
    }
    let keys = message.partition_key_table;
    let user_record = |(index, sub): (usize, SubRecord)| {
        let key = usize::try_from(sub.partition_key_index).ok().and_then(|i| keys.get(i));
        let bad = BadAggregate::Key { index, key: sub.partition_key_index, keys: keys.len() };
        Ok(UserRecord { partition_key: key.ok_or(bad)?.clone(), data: sub.data })
    };
    message.records.into_iter().enumerate().map(user_record).collect()
}

/// The message, if magic, checksum and protobuf are all right.
fn intact(data: &[u8]) -> Option<AggregatedRecord> {
    let rest = data.strip_prefix(&MAGIC)?;
    let (body, sum) = rest.split_at_checked(rest.len().checked_sub(SUM_LEN)?)?;
    (Md5::digest(body).as_slice() == sum).then(|| AggregatedRecord::decode(body).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(records: &[&[u8]]) -> Vec<u8> {
        pack("m-1", records.iter().copied())
    }

    #[test]
    fn an_aggregate_is_written_byte_for_byte_as_described() {
        let bytes = packed(&[b"x"]);
        // field 1: "m-1"; field 3: { field 1: 0, field 3: "x" }
        let body = [0x0A, 3, b'm', b'-', b'1', 0x1A, 5, 0x08, 0, 0x1A, 1, b'x'];
        assert_eq!(bytes[..4], MAGIC);
        assert_eq!(bytes[4..bytes.len() - 16], body);
    }

    #[test]
    fn what_was_packed_comes_out_in_order() {
        let out = unpack("other", &packed(&[b"one", b"", b"three"])).unwrap();
        assert!(out.iter().all(|r| r.partition_key == "m-1"));
        assert_eq!(out.iter().map(|r| r.data.as_slice()).collect::<Vec<_>>(), [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn a_record_that_is_no_intact_aggregate_is_plain() {
        let mut broken = packed(&[b"one"]);
        broken[6] ^= 1;
        for data in [b"{}".to_vec(), MAGIC.to_vec(), broken, Vec::new()] {
            assert_eq!(unpack("k", &data).unwrap(), [UserRecord { partition_key: "k".into(), data }]);
        }
    }

    #[test]
    fn impossible_keys_are_refused() {
        let message = AggregatedRecord {
            partition_key_table: Vec::new(),
            explicit_hash_key_table: Vec::new(),
            records: vec![SubRecord {
                partition_key_index: 7,
                explicit_hash_key_index: None,
                data: Vec::new(),
            }],
        };
        let body = message.encode_to_vec();
        let data = [&MAGIC[..], &body, &Md5::digest(&body)].concat();
        assert_eq!(unpack("k", &data).unwrap_err(), BadAggregate::Key { index: 0, key: 7, keys: 0 });
    }

    #[test]
    fn the_stated_cost_is_never_too_small() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 1_000_000] {
            let data = vec![7; len];
            let grown = packed(&[b"x", &data]).len() - packed(&[b"x"]).len();
            assert!(grown <= cost(len), "{len}: {grown}");
        }
    }
}
