//! Contact with the sources of a scope, and which signals are stale for want of it (§4).
//!
//! Here: what contact ends, what silence begins, and when. Not here: what is known of one source (`contact`), timers
//! (`scope`).
//! Invariant: a signal is stale from exactly its deadline until its source is heard again; a source that says it is not
//! connected renews no value that has a limit of its own.

use proto::Flags;

use super::Signals;
use crate::contact::{Contact, Renewed};
use crate::engine::Subject;
use crate::file::StaleAfter;
use crate::inventory::{Inventory, SourceId};
use crate::touched::Touched;
use crate::waiting::Waiting;
use crate::watermark::Clock;

impl Signals {
    /// Notes that the source was heard; that ends the staleness of all its tags.
    pub(super) fn contact(
        &mut self,
        inventory: &Inventory,
        waiting: &Waiting,
        touched: &mut Touched,
        renewed: &mut Renewed,
    ) {
        let (now, late, datapoint) = (waiting.effective, waiting.late(), &waiting.datapoint);
        let promised = datapoint.flags.has(Flags::WMK);
        let down = datapoint.subject == Subject::Connected(false);
        let frontier = Clock::frontier_of(inventory.source(waiting.source), datapoint.timestamp, promised);
        let Some(place) = self.place_of(waiting.source) else { return };
        let contact = &mut self.contacts[place];
        if contact.hear(frontier) {
            renewed.contacts.push(place);
        }
        if promised && !down {
            contact.promised = contact.promised.max(datapoint.timestamp);
        }
        let is_first = contact.first.is_none();
        contact.first.get_or_insert(now);
        if !contact.stale.is_empty() {
            self.revive(place, (now, late, down), touched, renewed);
        }
        if is_first {
            self.look_who_was_heard();
        }
    }

    /// Ends the staleness of a source that was heard.
    fn revive(
        &mut self,
        place: usize,
        (now, late, down): (i64, bool, bool),
        touched: &mut Touched,
        renewed: &mut Renewed,
    ) {
        let mut stale = std::mem::take(&mut self.contacts[place].stale);
        stale.retain(|signal| {
            let state = &mut self.signals[*signal as usize];
            let lasts = matches!(state.policy, StaleAfter::After(_));
            // A source that says it is not connected confirms no value.
            if lasts && down {
                return true;
            }
            state.stale = false;
            if lasts || late {
                state.floor = now;
            }
            state.touch(touched);
            renewed.signals.push(*signal as usize);
            false
        });
        self.contacts[place].stale = stale;
    }

    /// The instant at which the signal goes stale, as far as is known; none: never, or it has no value anyway.
    pub(crate) fn stale_due(&self, inventory: &Inventory, signal: usize) -> Option<i64> {
        let state = &self.signals[signal];
        let cell = &self.cells[state.cell];
        let source = inventory.tag(cell.tag).source;
        let contact = &self.contacts[self.place_of(source)?];
        let renewed = cell.timestamp?;
        if state.stale {
            return None;
        }
        match state.policy {
            StaleAfter::Never => None,
            StaleAfter::IdleTimeout => {
                // The later of the two: behind its source's, or that.
                let behind = (state.floor - contact.frontier).max(0);
                Some(contact.silent_from(inventory) + behind)
            }
            StaleAfter::After(limit) => Some(renewed.max(contact.promised).max(state.floor) + limit),
        }
    }

    /// Makes the signal stale; its readers must be judged.
    pub(crate) fn go_stale(&mut self, inventory: &Inventory, signal: usize, touched: &mut Touched) {
        self.signals[signal].stale = true;
        self.signals[signal].touch(touched);
        self.note_stale(inventory, signal);
    }

    /// Whether the timer of its source stands for the signal.
    pub(crate) fn is_watched(&self, inventory: &Inventory, signal: usize) -> bool {
        let state = &self.signals[signal];
        let source = inventory.tag(self.cells[state.cell].tag).source;
        let watched = || self.place_of(source).is_some_and(|place| self.contacts[place].is_watched());
        state.policy == StaleAfter::IdleTimeout && watched()
    }

    /// A source was silent for too long: its signals go stale, but for those whose own deadline is still to come.
    pub(crate) fn fall_silent(
        &mut self,
        inventory: &Inventory,
        (contact, now): (usize, i64),
        touched: &mut Touched,
        renewed: &mut Renewed,
    ) {
        let idling = std::mem::take(&mut self.contacts[contact].idling);
        for signal in idling.iter().map(|signal| *signal as usize) {
            match self.stale_due(inventory, signal) {
                Some(later) if later > now => renewed.signals.push(signal),
                Some(_) => self.go_stale(inventory, signal, touched),
                None => {}
            }
        }
        self.contacts[contact].idling = idling;
        self.contacts[contact].unwatch();
    }

    pub(super) fn note_stale(&mut self, inventory: &Inventory, signal: usize) {
        let tag = self.cell(signal).tag;
        if let Some(contact) = self.contact_of(inventory.tag(tag).source) {
            contact.stale.extend(u32::try_from(signal));
        }
    }

    /// The contacts, for their timers.
    pub(crate) fn contacts_mut(&mut self) -> &mut [Contact] {
        &mut self.contacts
    }

    fn place_of(&self, source: SourceId) -> Option<usize> {
        self.contacts.binary_search_by_key(&source, |c| c.source).ok()
    }

    pub(super) fn contact_of(&mut self, source: SourceId) -> Option<&mut Contact> {
        let place = self.place_of(source)?;
        self.contacts.get_mut(place)
    }
}
