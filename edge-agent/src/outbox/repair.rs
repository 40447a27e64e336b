//! The survey: walking over all chunks to see whether they lie end to end.
//!
//! Here: what is missing, what waits, what has to be written so that the ledger is whole again. Not here: the
//! writing (`change`), and sled's own repairs (`store`).
//! Invariant: after what the survey asks for is written, chunks and voids cover every position from `low` to
//! `next`, and every position that had to be given up is in a loss (I8).

use std::{collections::BTreeMap, ops::ControlFlow};

use super::{
    Loss, Tally,
    change::{Change, Memory},
    chunk::Chunk,
    mark::Ends,
    store::{Store, StoreError},
};

const MISSING: &str = "missing from the outbox's store, which was damaged";
const WENT_BACK: &str = "the outbox's store had lost what was written last";

/// What the walk has found.
#[derive(Debug, Default)]
struct Survey {
    /// Positions without a readable chunk: first, and the position after the last.
    holes: BTreeMap<u64, u64>,
    losses: Vec<Loss>,
    waiting: Tally,
    bytes: u64,
    /// The end of the last chunk.
    next: u64,
}

/// What a repair has done.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Repaired {
    /// In words, for the log.
    pub(super) repairs: Vec<String>,
    /// Whether the store had gone back to an earlier time.
    pub(super) went_back: bool,
}

/// Makes the ledger whole: writes voids into holes and notes the losses, durably.
pub(super) fn make_whole(
    store: &Store,
    memory: &mut Memory,
    marked: Option<Ends>,
) -> Result<Repaired, StoreError> {
    let mut change = Change::of(memory);
    let ends = &mut change.after.book.ends;
    if let Some(marked) = marked.filter(|_| *ends == Ends::default()) {
        // A new store where there was one before goes on counting.
        *ends = Ends { low: marked.low, next: marked.low };
    }
    let mut found = Survey::walk(store, memory, *ends)?;
    let marked = marked.filter(|m| m.next > found.next);
    if let Some(marked) = marked {
        found.extend(marked);
    }
    ends.next = found.next;
    change.after.book.counts.waiting = found.waiting;
    change.after.book.counts.waiting_bytes = found.bytes;
    let say = |l: &Loss| format!("positions {} to {}: {}", l.first, l.last, l.reason);
    let repairs = found.losses.iter().map(say).collect();
    change.after.losses.append(&mut found.losses);
    change.clear(store, found.holes)?;
    change.write(store, true, memory)?;
    Ok(Repaired { repairs, went_back: marked.is_some() })
}

impl Survey {
    fn walk(store: &Store, memory: &Memory, ends: Ends) -> Result<Self, StoreError> {
        let mut survey = Self { next: ends.low, ..Self::default() };
        let mut damage = None;
        store.chunks(ends.low, |first, value| {
            survey.hole_until(first, damage.take());
            match Chunk::decode(value) {
                Ok(chunk) => survey.count(first, &chunk, value.len(), memory),
                Err(bad) => damage = Some(format!("a chunk in the outbox is damaged: {bad}")),
            }
            ControlFlow::Continue(())
        })?;
        survey.hole_until(ends.next, damage.take());
        Ok(survey)
    }

    /// Takes note of a hole between the last chunk and `first`.
    fn hole_until(&mut self, first: u64, damage: Option<String>) {
        if first > self.next {
            let reason = damage.unwrap_or_else(|| MISSING.to_owned());
            self.losses.push(Loss { kind: None, first: self.next, last: first - 1, count: None, reason });
            self.holes.insert(self.next, first);
            self.next = first;
        }
    }

    /// The mark knows of positions that the store does not: those before its `low` had left.
    fn extend(&mut self, marked: Ends) {
        let first = self.next.max(marked.low);
        if first < marked.next {
            let reason = WENT_BACK.to_owned();
            self.losses.push(Loss { kind: None, first, last: marked.next - 1, count: None, reason });
        }
        self.holes.insert(self.next, marked.next);
        self.next = marked.next;
    }

    fn count(&mut self, first: u64, chunk: &Chunk, len: usize, memory: &Memory) {
        let done = memory.settled.get(&first);
        for (_, entry) in chunk.records.iter().filter(|(offset, _)| !done.is_some_and(|d| d.contains(offset)))
        {
            self.waiting.add(entry.kind);
        }
        if !chunk.records.is_empty() && !memory.emptied.contains_key(&first) {
            self.bytes = self.bytes.saturating_add(len as u64);
        }
        self.next = self.next.max(first.saturating_add(chunk.span));
    }
}
