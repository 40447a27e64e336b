//! The ledger: commit, peek, settle.
//!
//! Here: the one lock under which the store changes, and the book that goes with it. Not here: bytes of a chunk
//! (`chunk`), opening sled (`store`), looking for damage (`repair`), what goes at the limit (`shed`).
//! Invariant: memory never says more than the store. A failed write ends the ledger: it is opened again by a
//! restart, and whatever was durable is there.

use std::{
    io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{
    Commit, Counts, Entry, Limits, Loss, OpenError, Opened,
    change::{Change, Memory},
    chunk::Chunk,
    front::Front,
    mark::Mark,
    open::open_with_remedies,
    repair::make_whole,
    space::{Full, Space},
    store::{Store, StoreError, note_key, state_key},
};

/// The outbox' ledger. All calls block for as long as the disk takes, except [`Ledger::counts`].
#[derive(Debug)]
pub struct Ledger {
    inner: Mutex<Inner>,
    counts: Mutex<Counts>,
}

/// Why the ledger did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Nothing of the commit was written; it may be tried again once there is room.
    #[error(
        "the disk is full: {free_bytes} bytes are free, the outbox needs {needed_bytes}: free some space, nothing is lost so far"
    )]
    Full {
        /// Bytes free.
        free_bytes: u64,
        /// Bytes that should be.
        needed_bytes: u64,
    },
    /// The disk does not say how much is free, or the ballast cannot be written.
    #[error("the disk under the outbox cannot be asked for free space")]
    Space(#[source] io::Error),
    /// The commit is not durable and the ledger has ended.
    #[error("the outbox could not store a commit")]
    Commit(#[source] StoreError),
    /// The store cannot be read.
    #[error("the outbox could not be read")]
    Read(#[source] StoreError),
    /// What was settled could not be removed and the ledger has ended.
    #[error("the outbox could not remove what was delivered")]
    Settle(#[source] StoreError),
    /// An earlier write failed.
    #[error("the outbox has ended after a failed write: edge-agent has to start again")]
    Ended,
}

impl Ledger {
    /// Opens or makes the ledger in a folder.
    ///
    /// # Errors
    /// When the folder cannot be written to, another process uses it, or a later program has written it.
    pub fn open(dir: &Path, limits: Limits) -> Result<(Self, Opened), OpenError> {
        let (inner, opened) = open_with_remedies(dir, limits)?;
        let counts = Mutex::new(inner.memory.book.counts);
        Ok((Self { inner: Mutex::new(inner), counts }, opened))
    }

    /// Makes a commit durable: all of it or nothing. When the limit is reached, the oldest entries that are not
    /// in flight are shed with it, and stand in [`Ledger::losses`].
    ///
    /// # Errors
    /// [`LedgerError::Full`]: nothing is written, try again later. Anything else ends the ledger.
    pub fn commit(&self, commit: &Commit) -> Result<(), LedgerError> {
        self.with(|inner| inner.commit(commit))
    }

    /// The oldest entries that are not settled, with their positions: at least one if any waits. They are in
    /// flight from here on, and never shed.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn peek(&self, entries_max: usize, bytes_max: usize) -> Result<Vec<(u64, Entry)>, LedgerError> {
        self.with(|inner| inner.peek(entries_max, bytes_max))
    }

    /// Removes what was accepted, by ascending position. Durable with the next commit or at a clean end; a
    /// crash before brings some of them back.
    ///
    /// # Errors
    /// When the store fails, which ends the ledger.
    pub fn settle(&self, positions: &[u64]) -> Result<(), LedgerError> {
        self.with(|inner| inner.settle(positions))
    }

    /// Losses that no event has told of yet; see [`Commit::losses_told`].
    #[must_use]
    pub fn losses(&self) -> Vec<Loss> {
        self.lock().memory.losses.clone()
    }

    /// The stored states of all rule instances.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn states(&self) -> Result<Vec<(String, Vec<u8>)>, LedgerError> {
        self.lock().store.states().map_err(LedgerError::Read)
    }

    /// A note of the agent.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn note(&self, name: &str) -> Result<Option<Vec<u8>>, LedgerError> {
        let found = self.lock().store.get(&note_key(name)).map_err(LedgerError::Read)?;
        Ok(found.map(|v| v.to_vec()))
    }

    /// The numbers after the last change; never waits for the disk.
    #[must_use]
    pub fn counts(&self) -> Counts {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let mut inner = self.lock();
        if inner.ended {
            return Err(LedgerError::Ended);
        }
        let done = work(&mut inner);
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = inner.memory.book.counts;
        done
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the lock guards.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) mark: Mark,
    pub(super) space: Space,
    pub(super) limits: Limits,
    pub(super) memory: Memory,
    /// Everything before this position may be in flight.
    pub(super) in_flight_to: u64,
    /// A write has failed: memory and store may differ.
    pub(super) ended: bool,
    /// The mark could not be written with the last commit; that was said.
    pub(super) is_unmarked: bool,
}

impl Inner {
    fn commit(&mut self, commit: &Commit) -> Result<(), LedgerError> {
        let mut change = Change::of(&self.memory);
        let told = commit.losses_told.min(change.after.losses.len());
        change.after.losses.drain(..told);
        let with_bytes = |chunk: Chunk| (chunk.encode(), chunk);
        let chunks = change.admit(&commit.entries).into_iter().map(with_bytes).collect::<Vec<_>>();
        let bytes = chunks.iter().map(|(bytes, _)| bytes.len() as u64).sum::<u64>();
        match self
            .space
            .before_commit(bytes.saturating_add(kept_bytes(commit)))
            .map_err(LedgerError::Space)?
        {
            Ok(()) => {}
            Err(Full { free_bytes, needed_bytes }) => {
                return Err(LedgerError::Full { free_bytes, needed_bytes });
            }
        }
        change.clear_emptied(&self.store).map_err(LedgerError::Read)?;
        let room = change.make_room(&self.store, bytes, self.limits.waiting_bytes_max, self.in_flight_to);
        room.map_err(LedgerError::Read)?;
        change.append(chunks);
        for (instance, state) in &commit.states {
            match state {
                Some(state) => change.batch.insert(state_key(instance), state.as_slice()),
                None => change.batch.remove(state_key(instance)),
            }
        }
        for (name, note) in &commit.notes {
            change.batch.insert(note_key(name), note.as_slice());
        }
        self.write(change, true).map_err(LedgerError::Commit)?;
        // Without the mark only a damaged disk goes unnoticed.
        let marked = self.mark.write(self.memory.book.ends);
        if let (Err(error), false) = (&marked, self.is_unmarked) {
            tracing::warn!(%error, "the outbox's mark cannot be written");
        }
        self.is_unmarked = marked.is_err();
        Ok(())
    }

    fn peek(&mut self, entries_max: usize, bytes_max: usize) -> Result<Vec<(u64, Entry)>, LedgerError> {
        let read = |inner: &Self| Front::read(&inner.store, &inner.memory, entries_max, bytes_max);
        let mut front = read(self).map_err(LedgerError::Read)?;
        if !front.whole {
            let repaired = make_whole(&self.store, &mut self.memory, None).map_err(LedgerError::Read)?;
            tracing::error!(repairs = repaired.repairs.join("; "), "the outbox is damaged");
            front = read(self).map_err(LedgerError::Read)?;
        }
        self.in_flight_to = self.in_flight_to.max(front.end);
        Ok(front.entries)
    }

    fn settle(&mut self, positions: &[u64]) -> Result<(), LedgerError> {
        let mut change = Change::of(&self.memory);
        let mut rest = positions;
        while let Some(&position) = rest.first() {
            let found = self.chunk_of(position).map_err(LedgerError::Read)?;
            let end =
                found.as_ref().map_or(position.saturating_add(1), |(first, c)| first.saturating_add(c.span));
            let (mine, others) = rest.split_at(rest.partition_point(|p| *p < end).max(1));
            rest = others;
            if let Some((first, chunk)) = found {
                change.settle(first, &chunk, mine);
            }
        }
        // What was accepted must be able to go when there is no room even for removing it: then memory alone
        // knows, until the next commit.
        if change.after.emptied.is_empty() || !self.space.is_enough().map_err(LedgerError::Space)? {
            self.memory = change.after;
            return Ok(());
        }
        change.clear_emptied(&self.store).map_err(LedgerError::Read)?;
        self.write(change, false).map_err(LedgerError::Settle)
    }

    /// The chunk that covers a position, with its first one.
    fn chunk_of(&self, position: u64) -> Result<Option<(u64, Chunk)>, StoreError> {
        let found = self.store.chunk_before(position)?;
        let read = found.and_then(|(first, value)| Some((first, Chunk::decode(&value).ok()?)));
        Ok(read.filter(|(first, chunk)| position < first.saturating_add(chunk.span)))
    }

    fn write(&mut self, change: Change, durably: bool) -> Result<(), StoreError> {
        let written = change.write(&self.store, durably, &mut self.memory);
        self.ended = written.is_err();
        written
    }
}

/// Bytes of a commit that replace others: states and notes.
fn kept_bytes(commit: &Commit) -> u64 {
    let states = commit.states.iter().map(|(_, state)| state.as_ref().map_or(0, Vec::len));
    states.chain(commit.notes.iter().map(|(_, note)| note.len())).sum::<usize>() as u64
}

#[cfg(test)]
impl Ledger {
    /// Spoils a chunk behind the ledger's back.
    pub(super) fn damage_for_test(&self, first: u64) {
        let mut batch = sled::Batch::default();
        batch.insert(super::store::chunk_key(first), b"noise");
        self.lock().store.apply(batch).unwrap();
    }

    /// Whether a chunk is in the store.
    pub(super) fn stores_for_test(&self, first: u64) -> bool {
        self.lock().store.get(&super::store::chunk_key(first)).unwrap().is_some()
    }

    /// Fills or empties the disk.
    pub(crate) fn set_free_bytes_min_for_test(&self, bytes: u64) {
        self.lock().space.free_bytes_min = bytes;
    }
}
