//! The front of the ledger: the entries that leave next.
//!
//! Here: reading them. Not here: what is in flight (`ledger`). Invariant: entries come in the order of their
//! positions, none that is settled, and a hole or damage is noticed before anything behind it is read.

use std::{collections::BTreeSet, ops::ControlFlow};

use super::{
    Entry,
    change::Memory,
    chunk::Chunk,
    store::{Store, StoreError},
};

/// What was read.
#[derive(Debug)]
pub(super) struct Front {
    /// Entries with their positions.
    pub(super) entries: Vec<(u64, Entry)>,
    /// The end of the last chunk touched.
    pub(super) end: u64,
    /// Whether chunks lay end to end, as far as was read.
    pub(super) whole: bool,
    bytes: usize,
    full: bool,
}

impl Front {
    /// Reads up to so many entries and bytes, at least one entry.
    pub(super) fn read(
        store: &Store,
        memory: &Memory,
        entries_max: usize,
        bytes_max: usize,
    ) -> Result<Self, StoreError> {
        let ends = memory.book.ends;
        let mut start = ends.low;
        while let Some(end) = memory.emptied.get(&start) {
            start = *end;
        }
        let mut front = Self { entries: Vec::new(), end: start, whole: true, bytes: 0, full: false };
        store.chunks(start, |first, value| {
            match Chunk::decode(value) {
                Ok(chunk) if first == front.end => {
                    front.take(first, chunk, memory.settled.get(&first), entries_max, bytes_max);
                }
                _ => front.whole = false,
            }
            if front.full || !front.whole { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        front.whole &= front.full || front.end == ends.next;
        Ok(front)
    }

    fn take(
        &mut self,
        first: u64,
        chunk: Chunk,
        settled: Option<&BTreeSet<u32>>,
        entries_max: usize,
        bytes_max: usize,
    ) {
        self.end = first.saturating_add(chunk.span);
        for (offset, entry) in chunk.records {
            if settled.is_some_and(|s| s.contains(&offset)) {
                continue;
            }
            let bytes = self.bytes.saturating_add(entry.bytes());
            if !self.entries.is_empty() && (self.entries.len() >= entries_max || bytes > bytes_max) {
                self.full = true;
                return;
            }
            self.bytes = bytes;
            self.entries.push((first.saturating_add(u64::from(offset)), entry));
        }
    }
}
