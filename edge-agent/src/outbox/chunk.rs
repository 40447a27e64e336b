//! A chunk: entries that lie together under one key of the store.
//!
//! ```text
//! version 1 | crc32 of all that follows (4) | span (8) | count (4) | count × record        numbers big-endian
//! record: offset (4) | kind (1) | length of key (4) | key | length of json (4) | json
//! ```
//! `span` is how many positions the chunk covers, `offset` which of them a record has; a chunk that has lost
//! records to settling or shedding still covers all its positions, and one without any is a void.
//!
//! Here: the bytes. Not here: when a chunk is written or removed (`ledger`).
//! Invariant: bytes that were not written by [`Chunk::encode`] are refused, whatever they are; nothing panics.

use super::{Entry, Kind};

const VERSION: u8 = 1;

/// A chunk being cut from a commit is closed at this size: sled keeps what is larger than half a segment in a
/// file of its own, and those files leak.
pub(super) const BYTES_TARGET: usize = 128 << 10;

/// Entries and the positions they cover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// Positions from the chunk's first that belong to it.
    pub(super) span: u64,
    /// What is left in it: offset from the first position, and the entry; ascending.
    pub(super) records: Vec<(u32, Entry)>,
}

/// Why bytes are not a chunk.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadChunk {
    /// The bytes end too early, do not end, or hold impossible values.
    #[error("its bytes make no sense")]
    Shape,
    /// The checksum does not fit.
    #[error("its checksum does not fit")]
    Checksum,
    /// Not this version.
    #[error("it is of version {0}, this program reads {VERSION}")]
    Version(u8),
}

impl Chunk {
    /// Positions without entries.
    pub(super) const fn void(span: u64) -> Self {
        Self { span, records: Vec::new() }
    }

    /// Cuts a commit's entries into chunks. `None` takes a position and leaves it empty.
    pub(super) fn cut<'e>(entries: impl Iterator<Item = Option<&'e Entry>>) -> Vec<Self> {
        let mut chunks = Vec::<Self>::new();
        let mut bytes = BYTES_TARGET;
        for entry in entries {
            if bytes >= BYTES_TARGET {
                chunks.push(Self::void(0));
                bytes = 0;
            }
            bytes = bytes.saturating_add(entry.map_or(0, Entry::bytes));
            if let Some(chunk) = chunks.last_mut() {
                let offset = u32::try_from(chunk.span).unwrap_or(u32::MAX);
                chunk.records.extend(entry.map(|e| (offset, e.clone())));
                chunk.span += 1;
            }
        }
        chunks
    }

    /// The chunk's bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut body = Vec::new();
        body.extend_from_slice(&self.span.to_be_bytes());
        put_len(&mut body, self.records.len());
        for (offset, entry) in &self.records {
            body.extend_from_slice(&offset.to_be_bytes());
            body.push(kind_code(entry.kind));
            put_len(&mut body, entry.key.len());
            body.extend_from_slice(entry.key.as_bytes());
            put_len(&mut body, entry.json.len());
            body.extend_from_slice(&entry.json);
        }
        let mut bytes = Vec::with_capacity(5 + body.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Reads a chunk.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, BadChunk> {
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        if version != VERSION {
            return Err(BadChunk::Version(version));
        }
        let sum = u32::from_be_bytes(take(&mut rest)?);
        if crc32fast::hash(rest) != sum {
            return Err(BadChunk::Checksum);
        }
        let span = u64::from_be_bytes(take(&mut rest)?);
        let count = u32::from_be_bytes(take(&mut rest)?);
        let records = (0..count).map(|_| record(&mut rest, span)).collect::<Result<Vec<_>, _>>()?;
        if !rest.is_empty() || span == 0 {
            return Err(BadChunk::Shape);
        }
        Ok(Self { span, records })
    }
}

fn record(rest: &mut &[u8], span: u64) -> Result<(u32, Entry), BadChunk> {
    let offset = u32::from_be_bytes(take(rest)?);
    let [code] = take(rest)?;
    let kind = kind_of(code).ok_or(BadChunk::Shape)?;
    let key = String::from_utf8(take_block(rest)?.to_vec()).map_err(|_| BadChunk::Shape)?;
    let json = take_block(rest)?.to_vec();
    if u64::from(offset) >= span {
        return Err(BadChunk::Shape);
    }
    Ok((offset, Entry { kind, key, json }))
}

const fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Transition => 1,
        Kind::Event => 2,
        Kind::Gap => 3,
    }
}

const fn kind_of(code: u8) -> Option<Kind> {
    match code {
        1 => Some(Kind::Transition),
        2 => Some(Kind::Event),
        3 => Some(Kind::Gap),
        _ => None,
    }
}

/// Lengths are bounded by `ENTRY_BYTES_MAX` and the size of a chunk, far below `u32::MAX`.
fn put_len(bytes: &mut Vec<u8>, len: usize) {
    bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_be_bytes());
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BadChunk> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(BadChunk::Shape)?;
    *rest = tail;
    Ok(*head)
}

fn take_block<'b>(rest: &mut &'b [u8]) -> Result<&'b [u8], BadChunk> {
    let len = u32::from_be_bytes(take(rest)?);
    let len = usize::try_from(len).map_err(|_| BadChunk::Shape)?;
    let (head, tail) = rest.split_at_checked(len).ok_or(BadChunk::Shape)?;
    *rest = tail;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chunk_is_written_byte_for_byte_as_described() {
        let entry = Entry { kind: Kind::Event, key: "m".into(), json: b"{}".to_vec() };
        let bytes = Chunk { span: 3, records: vec![(2, entry)] }.encode();
        let body =
            [0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 2, 0, 0, 0, 1, b'm', 0, 0, 0, 2, b'{', b'}'];
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[1..5], crc32fast::hash(&body).to_be_bytes());
        assert_eq!(bytes[5..], body);
    }

    #[test]
    fn a_commit_is_cut_so_that_sled_keeps_no_chunk_in_a_file_of_its_own() {
        let large = Entry { kind: Kind::Transition, key: "m".into(), json: vec![b'x'; BYTES_TARGET / 3] };
        let chunks = Chunk::cut(vec![large; 10].iter().map(Some));
        assert!(chunks.len() > 1 && chunks.iter().all(|c| c.encode().len() < 2 * BYTES_TARGET));
        assert_eq!(chunks.iter().map(|c| c.span).sum::<u64>(), 10);
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(chunk in some_chunk()) {
            prop_assert_eq!(Chunk::decode(&chunk.encode()), Ok(chunk));
        }

        #[test]
        fn a_changed_byte_is_always_noticed(chunk in some_chunk(), at in any::<prop::sample::Index>(), bit in 0..8) {
            let mut bytes = chunk.encode();
            let at = at.index(bytes.len());
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(Chunk::decode(&bytes).is_err());
        }

        #[test]
        fn noise_with_a_right_checksum_is_refused_or_a_chunk(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let bytes = [&[VERSION][..], &crc32fast::hash(&body).to_be_bytes(), &body].concat();
            if let Ok(chunk) = Chunk::decode(&bytes) {
                prop_assert_eq!(chunk.encode(), bytes);
            }
        }

        #[test]
        fn a_chunk_cut_short_is_refused(chunk in some_chunk(), at in any::<prop::sample::Index>()) {
            let bytes = chunk.encode();
            prop_assert!(Chunk::decode(&bytes[..at.index(bytes.len())]).is_err());
        }
    }

    fn some_chunk() -> impl Strategy<Value = Chunk> {
        let kind = prop::sample::select(vec![Kind::Transition, Kind::Event, Kind::Gap]);
        let entry = (kind, "[a-zü]{0,9}", prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(kind, key, json)| Entry { kind, key, json });
        prop::collection::vec(entry, 1..6).prop_map(|entries| Chunk::cut(entries.iter().map(Some)).remove(0))
    }
}
