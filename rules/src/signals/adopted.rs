//! What a table of signals knows when it begins: what another one knew, or what came before anybody read it.
//!
//! Here: taking that over. Not here: when a scope is made anew (`scope::anew`).
//! Invariant: what is taken over touches nobody: the new scope judges everything once.

use super::Signals;
use crate::engine::Datapoint;
use crate::file::StaleAfter;
use crate::inventory::{Inventory, SourceId, TagId};
use crate::signal::{Cell, NOWHERE, Signal};
use crate::time::LONG_AGO;
use crate::watermark::Clock;

impl Signals {
    /// The signal of another table that is of the same tag and policy.
    pub(crate) fn same_in(&self, signal: usize, other: &Self) -> Option<usize> {
        let own = &self.signals[signal];
        let cell = other.by_tag.get(self.cells[own.cell].tag)?;
        let mut next = other.cells[cell].signal;
        while let Some(place) = next.map(|i| i as usize) {
            if other.signals[place].policy == own.policy {
                return Some(place);
            }
            next = other.signals[place].next;
        }
        None
    }

    /// Takes over what another table knew: contact with the sources, values, and which of them are stale.
    pub(crate) fn adopt(&mut self, inventory: &Inventory, known: &Self) {
        for old in &known.contacts {
            if let Some(contact) = self.contact_of(old.source) {
                (contact.frontier, contact.promised, contact.first) = (old.frontier, old.promised, old.first);
            }
        }
        for cell in &mut self.cells {
            let Some(old) = known.by_tag.get(cell.tag).map(|i| &known.cells[i]) else { continue };
            (cell.held, cell.quality) = (old.held.clone(), old.quality);
            cell.previous.clone_from(&old.previous);
            cell.quiet = NOWHERE;
            (cell.timestamp, cell.sequence) = (old.timestamp, old.sequence);
            (cell.late, cell.late_at) = (old.late, old.late_at);
            cell.was_read = true;
            let mut next = cell.signal;
            while let Some(signal) = next {
                let state = &mut self.signals[signal as usize];
                (state.stale, state.floor) = match known.signal_of(old, state.policy) {
                    Some(same) => (same.stale, same.floor),
                    // Nobody looked at it under this policy, but when it was applied counts under any.
                    None => (false, old.late_at),
                };
                next = state.next;
            }
        }
        self.look_who_was_heard();
        for signal in 0..self.signals.len() {
            if self.signals[signal].stale {
                self.note_stale(inventory, signal);
            }
        }
    }

    fn signal_of(&self, cell: &Cell, policy: StaleAfter) -> Option<&Signal> {
        let first = cell.signal.map(|i| &self.signals[i as usize]);
        let mut all = std::iter::successors(first, |s| s.next.map(|i| &self.signals[i as usize]));
        all.find(|s| s.policy == policy)
    }

    /// Takes over what is known of a source that was heard before anybody here read it.
    pub(crate) fn meet(&mut self, source: SourceId, clock: Clock, watermark: i64) {
        let (Some(frontier), Some(contact)) = (clock.frontier, self.contact_of(source)) else { return };
        (contact.first, contact.frontier) = (Some(frontier.min(watermark)), frontier);
        contact.promised = clock.promised.unwrap_or(LONG_AGO);
        self.look_who_was_heard();
    }

    /// Takes a value that came before anybody read the tag.
    pub(crate) fn seed(&mut self, tag: TagId, datapoint: &Datapoint) {
        let Some(cell) = self.by_tag.get(tag).map(|i| &mut self.cells[i]) else { return };
        if !cell.was_read {
            (cell.held, cell.quality) = (datapoint.value.clone(), datapoint.quality);
            (cell.timestamp, cell.sequence) = (Some(datapoint.timestamp), datapoint.sequence);
            cell.quiet = NOWHERE;
        }
    }
}
