//! What the tags of a scope are at an instant: their last values, and whether those still count (§4).
//!
//! Here: values as they were applied, contact with their sources, staleness. Not here: the order of application
//! (`waiting`), when deadlines are looked at (`scope`).
//! Invariant: between samples a value holds; it stops to count exactly at its deadline and not at all while its
//! source confirms it: "unchanged" and "dead" differ.

use proto::Flags;

use crate::contact::{Contact, Renewed};
use crate::engine::{Datapoint, Subject};
use crate::file::StaleAfter;
use crate::inventory::{Inventory, SourceId, TagId};
use crate::places::Places;
use crate::signal::{Cell, NOWHERE, Signal, Touching};
use crate::time::LONG_AGO;
use crate::touched::{Reader, Touched};
use crate::value::{Held, Unknown};
use crate::waiting::Waiting;
use crate::watermark::Clock;

/// All tags that the instances of a scope read.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    cells: Vec<Cell>,
    by_tag: Places,
    signals: Vec<Signal>,
    /// In the order of the sources.
    contacts: Vec<Contact>,
    /// The instant at which the last source was heard first; none: one was not heard yet.
    all_heard: Option<i64>,
}

const STALE: &Held = &Err(Unknown::Stale);

impl Signals {
    pub(crate) fn new(sources: &[SourceId]) -> Self {
        Self { contacts: sources.iter().map(|source| Contact::new(*source)).collect(), ..Self::default() }
    }

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

    fn place_of(&self, source: SourceId) -> Option<usize> {
        self.contacts.binary_search_by_key(&source, |c| c.source).ok()
    }

    fn contact_of(&mut self, source: SourceId) -> Option<&mut Contact> {
        let place = self.place_of(source)?;
        self.contacts.get_mut(place)
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

    fn note_stale(&mut self, inventory: &Inventory, signal: usize) {
        let tag = self.cell(signal).tag;
        if let Some(contact) = self.contact_of(inventory.tag(tag).source) {
            contact.stale.extend(u32::try_from(signal));
        }
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

    /// How many signals there are.
    pub(crate) fn len(&self) -> usize {
        self.signals.len()
    }

    /// What a reader of the signal sees.
    pub(crate) fn held(&self, signal: usize) -> &Held {
        let signal = &self.signals[signal];
        if signal.stale { STALE } else { &self.cells[signal.cell].held }
    }

    /// The places of a signal among the ages of the scope.
    pub(crate) fn ages(&self, signal: usize) -> &[usize] {
        self.signals[signal].ages()
    }

    pub(crate) fn cell(&self, signal: usize) -> &Cell {
        &self.cells[self.signals[signal].cell]
    }

    /// Whether any source was heard.
    pub(crate) fn any_heard(&self) -> bool {
        self.contacts.iter().any(|c| c.first.is_some())
    }

    /// Whether every source was heard, and the instant at which the last of them was heard first.
    pub(crate) fn all_heard(&self) -> Option<i64> {
        self.all_heard
    }

    fn look_who_was_heard(&mut self) {
        self.all_heard =
            self.contacts.iter().map(|c| c.first).max_by_key(|first| first.unwrap_or(i64::MAX)).flatten();
    }

    /// Applies a datapoint at an instant. `touched` gets the readers that must be judged, `renewed` whose deadline
    /// must be looked at: of a value that replaces another it only moves back, which its timer finds out when it
    /// comes. False: it was dropped, the tag holds a newer value.
    pub(crate) fn apply(
        &mut self,
        inventory: &Inventory,
        waiting: Waiting,
        touched: &mut Touched,
        renewed: &mut Renewed,
    ) -> bool {
        self.contact(inventory, &waiting, touched, renewed);
        let Subject::Tag(tag) = waiting.datapoint.subject else { return true };
        let Some(cell) = self.by_tag.get(tag) else { return true };
        let (late, now, datapoint) = (waiting.late(), waiting.effective, waiting.datapoint);
        let cell = &mut self.cells[cell];
        let first = cell.timestamp.is_none();
        let newer = (cell.timestamp, cell.sequence) > (Some(datapoint.timestamp), datapoint.sequence);
        if late && newer {
            return false;
        }
        let before = std::mem::replace(&mut cell.held, datapoint.value);
        let changed = before != cell.held;
        // What compares a value with that before it may change when neither of the last two samples did.
        let was_changed = cell.previous != before;
        cell.previous = before;
        (cell.quality, cell.late) = (datapoint.quality, late);
        cell.late_at = if late { now } else { cell.late_at };
        (cell.timestamp, cell.sequence) = (Some(datapoint.timestamp), datapoint.sequence);
        if !late && !first && cell.tells_nothing(changed) {
            return true;
        }
        let touching = Touching { now: late.then_some(now), first, changed, was_changed };
        touching.all(cell, &mut self.signals, touched, renewed);
        true
    }

    /// Notes that the source was heard; that ends the staleness of all its tags.
    fn contact(
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

    /// The contacts, for their timers.
    pub(crate) fn contacts_mut(&mut self) -> &mut [Contact] {
        &mut self.contacts
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
}
