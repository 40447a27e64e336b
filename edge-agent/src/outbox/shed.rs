//! Letting go at the limit.
//!
//! Here: which entries go, so that so many bytes come free: events first, then transitions, each the oldest
//! first, never what tells of a loss. Not here: when (`ledger`), and the writing.
//! Invariant: nothing from before `from` is touched, which is what may be in flight (I2); every entry that goes
//! is in a loss (I8).

use std::{collections::BTreeMap, ops::ControlFlow};

use super::{
    Kind, Loss, Tally,
    chunk::Chunk,
    store::{Store, StoreError},
};

/// Why shed entries are lost; equal reasons are merged.
const REASON: &str = "the outbox has reached its limit";

/// What is to be written, and what it brings.
#[derive(Debug, Default)]
pub(super) struct Shedding {
    /// Chunks with what is left in them; without records they become voids.
    pub(super) changed: BTreeMap<u64, Chunk>,
    /// One for each kind that loses something.
    pub(super) losses: Vec<Loss>,
    /// What goes, by kind.
    pub(super) shed: Tally,
    /// Bytes that come free.
    pub(super) bytes: u64,
}

/// Chooses entries from position `from` on until `bytes` come free or nothing is left to choose.
pub(super) fn choose(store: &Store, from: u64, bytes: u64) -> Result<Shedding, StoreError> {
    let mut shedding = Shedding::default();
    for kind in [Kind::Event, Kind::Transition] {
        let mut loss = None;
        store.chunks(from, |first, value| {
            if shedding.bytes >= bytes {
                return ControlFlow::Break(());
            }
            shedding.thin_out(first, value, kind, &mut loss);
            ControlFlow::Continue(())
        })?;
        shedding.losses.extend(loss);
    }
    Ok(shedding)
}

/// Appends losses, a shedding to the shedding before it: a long overload is one loss, not thousands.
pub(super) fn merge(losses: &mut Vec<Loss>, new: Vec<Loss>) {
    for loss in new {
        let same = |l: &&mut Loss| l.kind == loss.kind && l.reason == REASON && loss.reason == REASON;
        match losses.iter_mut().rev().find(same) {
            Some(before) => before.extend(&loss),
            None => losses.push(loss),
        }
    }
}

impl Shedding {
    /// Takes the entries of one kind out of one chunk.
    fn thin_out(&mut self, first: u64, value: &[u8], kind: Kind, loss: &mut Option<Loss>) {
        // A damaged chunk is the survey's business.
        let known = self.changed.get(&first).cloned();
        let Some(chunk) = known.or_else(|| Chunk::decode(value).ok()) else { return };
        let (go, stay): (Vec<_>, Vec<_>) = chunk.records.into_iter().partition(|(_, e)| e.kind == kind);
        if go.is_empty() {
            return;
        }
        for (offset, entry) in &go {
            let at = first.saturating_add(u64::from(*offset));
            let one =
                Loss { kind: Some(kind), first: at, last: at, count: Some(1), reason: REASON.to_owned() };
            match loss {
                Some(loss) => loss.extend(&one),
                None => *loss = Some(one),
            }
            self.shed.add(entry.kind);
        }
        let before = self.changed.get(&first).map_or(value.len(), |c| c.encode().len());
        let rest = Chunk { span: chunk.span, records: stay };
        // A void counts nothing: it goes as soon as it comes to the front.
        let after = if rest.records.is_empty() { 0 } else { rest.encode().len() };
        self.bytes = self.bytes.saturating_add(before.saturating_sub(after) as u64);
        self.changed.insert(first, rest);
    }
}

impl Loss {
    fn extend(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count = self.count.zip(other.count).map(|(a, b)| a.saturating_add(b));
    }
}
