//! Who reads the tags of a scope.
//!
//! Here: what makes a tag a signal, and who is judged because of it. Not here: whom one new value concerns (`signal`).
//! Invariant: a tag that is read under one policy is one signal, whoever reads it.

use super::Signals;
use crate::file::StaleAfter;
use crate::inventory::{Inventory, TagId};
use crate::signal::{Cell, Signal};
use crate::touched::Reader;

impl Signals {
    /// The signal of a tag under a policy.
    pub(crate) fn subscribe(&mut self, tag: TagId, policy: StaleAfter) -> usize {
        let cell = self.cell_for(tag);
        let mut last = None;
        let mut next = self.cells[cell].signal;
        while let Some(signal) = next {
            let known = &self.signals[signal as usize];
            if known.policy == policy {
                return signal as usize;
            }
            (last, next) = (Some(signal), known.next);
        }
        let signal = self.signals.len();
        self.signals.push(Signal::new(cell, policy));
        let place = u32::try_from(signal).ok();
        match last {
            None => self.cells[cell].signal = place,
            Some(last) => self.signals[last as usize].next = place,
        }
        signal
    }

    fn cell_for(&mut self, tag: TagId) -> usize {
        let cell = self.by_tag.or_insert(tag, self.cells.len());
        if cell == self.cells.len() {
            self.cells.push(Cell::new(tag));
        }
        cell
    }

    /// Has a program judged when the signal changes; with the numbers with which it alone compares it, when it
    /// comes to one of them or passes it.
    pub(crate) fn read(&mut self, signal: usize, reader: Reader, cuts: Option<Vec<f64>>) {
        match cuts {
            None => self.signals[signal].readers.push(reader),
            Some(cuts) => self.signals[signal].cuts.extend(cuts.into_iter().map(|cut| (cut, reader))),
        }
    }

    /// Has a program judged at each datapoint.
    pub(crate) fn read_each(&mut self, signal: usize, reader: Reader) {
        self.signals[signal].rare().aged.push(reader);
    }

    /// Has a program judged at each datapoint, and its age looked at by the scope.
    pub(crate) fn age(&mut self, signal: usize, reader: Reader, age: usize) {
        let rare = self.signals[signal].rare();
        rare.aged.push(reader);
        rare.ages.push(age);
    }

    /// Lets a window know whatever happens to the signal.
    pub(crate) fn look_through(&mut self, signal: usize, window: usize) {
        let windows = &mut self.signals[signal].rare().windows;
        if windows.last() != Some(&window) {
            windows.push(window);
        }
    }

    /// All readers are known.
    pub(crate) fn ready(&mut self, inventory: &Inventory) {
        self.by_tag.ready();
        for signal in &mut self.signals {
            signal.cuts.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            signal.cuts.shrink_to_fit();
            signal.readers.shrink_to_fit();
        }
        for cell in &mut self.cells {
            cell.plain = true;
            let mut next = cell.signal;
            while let Some(signal) = next {
                let signal = &self.signals[signal as usize];
                cell.plain &= signal.is_plain();
                next = signal.next;
            }
        }
        self.contacts.iter_mut().for_each(|contact| contact.idling.clear());
        for signal in 0..self.signals.len() {
            let own = &self.signals[signal];
            let source = inventory.tag(self.cells[own.cell].tag).source;
            if own.policy == StaleAfter::IdleTimeout
                && let Some(contact) = self.contact_of(source)
            {
                contact.idling.extend(u32::try_from(signal));
            }
        }
    }
}
