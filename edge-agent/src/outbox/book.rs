//! The book: where the ledger begins and ends, and its numbers.
//!
//! Here: what the store keeps of itself under `meta/`, and reading it. Not here: when it changes (`change`).
//! Invariant: the book is written in the same batch as what it counts.

use std::path::Path;

use super::{
    Counts, Loss, OpenError, Tally,
    mark::Ends,
    store::{Store, StoreError},
};

/// Version of the ledger's layout; see `outbox`.
pub(super) const FORMAT: u32 = 1;

pub(super) const META_FORMAT: &[u8] = b"meta/format";
pub(super) const META_INCARNATION: &[u8] = b"meta/incarnation";
pub(super) const META_BOOK: &[u8] = b"meta/book";
pub(super) const META_LOSSES: &[u8] = b"meta/losses";

/// The ends of the ledger and its numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Book {
    pub(super) ends: Ends,
    pub(super) counts: Counts,
}

impl Book {
    /// The part that a walk over the chunks does not tell: six numbers, big-endian.
    pub(super) fn encode(&self) -> Vec<u8> {
        let Counts { delivered, shed, .. } = self.counts;
        let numbers = [
            self.ends.low,
            self.ends.next,
            delivered.transitions,
            delivered.events,
            shed.transitions,
            shed.events,
        ];
        numbers.iter().flat_map(|n| n.to_be_bytes()).collect()
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (numbers, _) = bytes.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|n| u64::from_be_bytes(*n));
        let ends = Ends { low: numbers.next()?, next: numbers.next()? };
        let delivered = Tally { transitions: numbers.next()?, events: numbers.next()? };
        let shed = Tally { transitions: numbers.next()?, events: numbers.next()? };
        let counts = Counts { delivered, shed, ..Counts::default() };
        (ends.low <= ends.next).then_some(Self { ends, counts })
    }
}

/// Refuses what a later program has written.
pub(super) fn check_format(store: &Store, dir: &Path) -> Result<(), OpenError> {
    let failed = |source| OpenError::Store { dir: dir.to_owned(), source };
    let stored = store.get(META_FORMAT).map_err(failed)?;
    let found = stored.and_then(|v| <[u8; 4]>::try_from(v.as_ref()).ok()).map_or(0, u32::from_be_bytes);
    if found > FORMAT {
        return Err(OpenError::Newer { dir: dir.to_owned(), found, known: FORMAT });
    }
    Ok(())
}

/// The book as it was stored; a new one for a new store.
pub(super) fn read_book(store: &Store) -> Result<Book, StoreError> {
    Ok(store.get(META_BOOK)?.and_then(|v| Book::decode(&v)).unwrap_or_default())
}

/// The losses no event has told of.
pub(super) fn read_losses(store: &Store) -> Result<Vec<Loss>, StoreError> {
    Ok(store.get(META_LOSSES)?.and_then(|v| serde_json::from_slice(&v).ok()).unwrap_or_default())
}

/// The incarnation, if the store has one.
pub(super) fn read_incarnation(store: &Store) -> Result<Option<u64>, StoreError> {
    let stored = store.get(META_INCARNATION)?;
    Ok(stored.and_then(|v| <[u8; 8]>::try_from(v.as_ref()).ok()).map(u64::from_be_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_book_is_read_as_written_and_nonsense_is_none() {
        let delivered = Tally { transitions: 3, events: 4 };
        let shed = Tally { transitions: 5, events: 6 };
        let counts = Counts { delivered, shed, ..Counts::default() };
        let book = Book { ends: Ends { low: 1, next: 2 }, counts };
        assert_eq!(Book::decode(&book.encode()), Some(book));
        assert_eq!(Book::decode(&book.encode()[..47]), None);
        assert_eq!(Book::decode(&[[0xFF; 8], [0; 8]].concat()), None);
    }
}
