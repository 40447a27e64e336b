//! A change of the ledger before it is written: the batch, and the book as it will be.
//!
//! Here: composing it, and applying it to store and memory. Not here: who wants it (`ledger`).
//! Invariant: memory takes over the change only after the store has; a change that fails leaves memory as it
//! was.

use std::collections::{BTreeMap, BTreeSet};

use sled::Batch;

use super::{
    ENTRY_BYTES_MAX, Entry, Loss,
    book::{Book, META_BOOK, META_LOSSES},
    chunk::Chunk,
    shed,
    store::{Store, StoreError, chunk_key},
};

/// Offsets already settled in a chunk that is still there, by the chunk's first position. A crash forgets them:
/// those entries are sent again, and their ids make that harmless.
pub(super) type Settled = BTreeMap<u64, BTreeSet<u32>>;

/// What memory knows of the store.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory {
    pub(super) book: Book,
    pub(super) losses: Vec<Loss>,
    pub(super) settled: Settled,
    /// Chunks of which everything is settled, to be cleared with the next write: first, and the position after
    /// the last.
    pub(super) emptied: BTreeMap<u64, u64>,
}

/// Something to be written, and memory as it will be afterwards.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) batch: Batch,
    pub(super) after: Memory,
}

impl Change {
    pub(super) fn of(memory: &Memory) -> Self {
        Self { batch: Batch::default(), after: memory.clone() }
    }

    /// Cuts entries into chunks; one that no record of the stream can carry becomes a loss at its position.
    pub(super) fn admit(&mut self, entries: &[Entry]) -> Vec<Chunk> {
        let mut position = self.after.book.ends.next;
        let mut admitted = Vec::with_capacity(entries.len());
        for entry in entries {
            let fits = entry.bytes() <= ENTRY_BYTES_MAX;
            if !fits {
                let reason = format!("{} bytes are more than a record of the stream holds", entry.bytes());
                let (first, last) = (position, position);
                self.after.losses.push(Loss { kind: Some(entry.kind), first, last, count: Some(1), reason });
            }
            admitted.push(fits.then_some(entry));
            position = position.saturating_add(1);
        }
        Chunk::cut(admitted.into_iter())
    }

    /// Sheds what has to go so that so many bytes more stay below the limit.
    pub(super) fn make_room(
        &mut self,
        store: &Store,
        bytes: u64,
        bytes_max: u64,
        in_flight_to: u64,
    ) -> Result<(), StoreError> {
        let wanted = self.after.book.counts.waiting_bytes.saturating_add(bytes);
        if wanted <= bytes_max {
            return Ok(());
        }
        // A sixteenth more than needed, so that a long overload does not search the store at every commit.
        let free = wanted.saturating_sub(bytes_max - bytes_max / 16);
        let shedding = shed::choose(store, in_flight_to, free)?;
        let counts = &mut self.after.book.counts;
        counts.waiting_bytes = counts.waiting_bytes.saturating_sub(shedding.bytes);
        counts.waiting = counts.waiting.minus(shedding.shed);
        counts.shed = counts.shed.plus(shedding.shed);
        shed::merge(&mut self.after.losses, shedding.losses);
        let mut emptied = BTreeMap::new();
        for (first, chunk) in shedding.changed {
            if chunk.records.is_empty() {
                emptied.insert(first, first.saturating_add(chunk.span));
            } else {
                self.batch.insert(chunk_key(first), chunk.encode());
            }
        }
        self.clear(store, emptied)
    }

    /// Adds chunks at the end.
    pub(super) fn append(&mut self, chunks: Vec<(Vec<u8>, Chunk)>) {
        let Book { ends, counts } = &mut self.after.book;
        for (bytes, chunk) in chunks {
            for (_, entry) in &chunk.records {
                counts.waiting.add(entry.kind);
            }
            counts.waiting_bytes = counts.waiting_bytes.saturating_add(bytes.len() as u64);
            self.batch.insert(chunk_key(ends.next), bytes);
            ends.next = ends.next.saturating_add(chunk.span);
        }
    }

    /// Notes which entries of a chunk are settled.
    pub(super) fn settle(&mut self, first: u64, chunk: &Chunk, positions: &[u64]) {
        let counts = &mut self.after.book.counts;
        let done = self.after.settled.entry(first).or_default();
        for (offset, entry) in &chunk.records {
            let position = first.saturating_add(u64::from(*offset));
            if positions.binary_search(&position).is_ok() && done.insert(*offset) {
                counts.waiting.take(entry.kind);
            }
        }
        let empty = chunk.records.iter().all(|(offset, _)| done.contains(offset));
        let end = first.saturating_add(chunk.span);
        if empty && self.after.emptied.insert(first, end).is_none() {
            // Not one by one: what a crash brings back would be counted twice.
            chunk.records.iter().for_each(|(_, entry)| counts.delivered.add(entry.kind));
            counts.waiting_bytes = counts.waiting_bytes.saturating_sub(chunk.encode().len() as u64);
        }
    }

    /// Clears what settling has emptied.
    pub(super) fn clear_emptied(&mut self, store: &Store) -> Result<(), StoreError> {
        let emptied = std::mem::take(&mut self.after.emptied);
        self.after.settled.retain(|first, _| !emptied.contains_key(first));
        self.clear(store, emptied)
    }

    /// Takes chunks away. The front moves over them and over the voids behind them; what lies further back
    /// becomes a void.
    pub(super) fn clear(&mut self, store: &Store, mut emptied: BTreeMap<u64, u64>) -> Result<(), StoreError> {
        let ends = &mut self.after.book.ends;
        loop {
            let end = match emptied.remove(&ends.low) {
                Some(end) => Some(end),
                None => void_at(store, ends.low)?,
            };
            let Some(end) = end else { break };
            self.batch.remove(chunk_key(ends.low));
            ends.low = end;
        }
        for (first, end) in emptied {
            self.batch.insert(chunk_key(first), Chunk::void(end.saturating_sub(first)).encode());
        }
        Ok(())
    }

    /// Writes it, durably if asked, and lets memory take it over.
    pub(super) fn write(
        mut self,
        store: &Store,
        durably: bool,
        memory: &mut Memory,
    ) -> Result<(), StoreError> {
        self.batch.insert(META_BOOK, self.after.book.encode());
        if self.after.losses != memory.losses {
            self.batch.insert(META_LOSSES, losses_json(&self.after.losses));
        }
        store.apply(self.batch)?;
        if durably {
            store.flush()?;
        }
        *memory = self.after;
        Ok(())
    }
}

/// The end of the void at a position, if one lies there.
fn void_at(store: &Store, first: u64) -> Result<Option<u64>, StoreError> {
    let value = store.get(&chunk_key(first))?;
    let chunk = value.and_then(|v| Chunk::decode(&v).ok());
    Ok(chunk.filter(|c| c.records.is_empty()).map(|c| first.saturating_add(c.span)))
}

/// Numbers and texts always have a JSON form.
fn losses_json(losses: &[Loss]) -> Vec<u8> {
    serde_json::to_vec(losses).unwrap_or_default()
}
