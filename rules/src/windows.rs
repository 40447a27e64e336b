//! The windows of a scope, each once for all rules that look through it (§5).
//!
//! A window is of a signal (or of an expression over signals) and a length; what functions make of it they make
//! of the same cells.
//!
//! They begin empty: after a restart, and for a rule that is new, only time counts that was seen. A reload keeps them.
//!
//! Here: which there are, who looks through them, when they tick. Not here: what is in them (`window`), when programs
//! are judged (`scope`).
//! Invariant: one history a signal and length, whatever the number of rules.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ruleset::{Plan, Window};
use crate::touched::Reader;
use crate::value::Held;
use crate::window::History;

/// What a window takes beside its cells.
pub(crate) const KEPT_BYTES: usize = size_of::<Kept>() - size_of::<History>();

/// One window.
#[derive(Debug)]
pub(crate) struct Kept {
    history: History,
    /// The first plan that has it, the window's place there, and the signals behind the plan's slots.
    plan: Arc<Plan>,
    place: usize,
    pub(crate) signals: Vec<usize>,
    /// Programs that look through it.
    pub(crate) readers: Vec<Reader>,
}

/// All windows of a scope.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    all: Vec<Kept>,
    /// Those over a signal, and of a length, first.
    by_signal: FxHashMap<(usize, i64), Vec<usize>>,
    /// For each instance the windows behind its plan's.
    of_instances: Vec<Box<[usize]>>,
}

impl Kept {
    pub(crate) fn window(&self) -> &Window {
        &self.plan.windows[self.place]
    }

    /// Whether it is over the same values as another plan's window.
    fn is(&self, window: &Window, signals: &[usize]) -> bool {
        let own = self.window();
        if (own.length, own.counter) != (window.length, window.counter) {
            return false;
        }
        match (own.argument.plain_slot(), window.argument.plain_slot()) {
            (Some(a), Some(b)) => self.signals[a] == signals[b],
            (None, None) => {
                let same_signal = |slot: &usize| self.signals.get(*slot) == signals.get(*slot);
                own.argument == window.argument && window.slots.iter().all(same_signal)
            }
            _ => false,
        }
    }
}

/// What windows over the same values have in common: their first signal, and their length.
fn key(window: &Window, signals: &[usize]) -> (usize, i64) {
    (window.slots.first().map_or(usize::MAX, |slot| signals[*slot]), window.length)
}

impl Windows {
    /// Adds the next instance's windows. `new` hears of each that nobody had before, with the signals it is over.
    pub(crate) fn add(&mut self, plan: &Arc<Plan>, signals: &[usize], mut new: impl FnMut(usize, usize)) {
        let instance = self.of_instances.len();
        let mut own = Vec::with_capacity(plan.windows.len());
        for (place, window) in plan.windows.iter().enumerate() {
            own.push(self.find(window, signals).unwrap_or_else(|| {
                let history = History::new(window.length, window.counter);
                let (plan, signals) = (Arc::clone(plan), signals.to_vec());
                for slot in &window.slots {
                    new(signals[*slot], self.all.len());
                }
                self.all.push(Kept { history, plan, place, signals, readers: Vec::new() });
                let last = self.all.len() - 1;
                self.by_signal.entry(key(window, &self.all[last].signals)).or_default().push(last);
                last
            }));
        }
        for (program, bound) in plan.programs.iter().enumerate() {
            for window in &bound.windows {
                let readers = &mut self.all[own[*window]].readers;
                let reader = Reader::new(instance, program);
                if readers.last() != Some(&reader) {
                    readers.push(reader);
                }
            }
        }
        self.of_instances.push(own.into_boxed_slice());
    }

    /// The window over the same values.
    fn find(&self, window: &Window, signals: &[usize]) -> Option<usize> {
        let near = self.by_signal.get(&key(window, signals))?;
        near.iter().copied().find(|i| self.all[*i].is(window, signals))
    }

    /// Takes over what another scope's windows remember. `place` tells the old signal that a new one continues.
    pub(crate) fn adopt(&mut self, old: &Self, place: impl Fn(usize) -> Option<usize>) {
        for kept in &mut self.all {
            let signals: Vec<usize> =
                kept.signals.iter().map(|signal| place(*signal).unwrap_or(usize::MAX)).collect();
            if let Some(same) = old.find(kept.window(), &signals) {
                kept.history = old.all[same].history.clone();
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// What they take of memory, without the table that they are found in.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let of_one = |kept: &Kept| {
            let lists =
                kept.signals.capacity() * size_of::<usize>() + kept.readers.capacity() * size_of::<Reader>();
            kept.history.bytes() + lists
        };
        (self.all.capacity() - self.all.len()) * size_of::<Kept>()
            + self.all.len() * KEPT_BYTES
            + self.all.iter().map(of_one).sum::<usize>()
    }

    pub(crate) fn get(&self, window: usize) -> &Kept {
        &self.all[window]
    }

    /// Takes what a window's argument gives now.
    pub(crate) fn take(&mut self, window: usize, now: i64, value: &Held, is_sample: bool) {
        self.all[window].history.take(now, value, is_sample);
    }

    /// Lets time pass in what a program looks through.
    pub(crate) fn pass(&mut self, instance: usize, windows: &[usize], now: i64) {
        for window in windows {
            self.all[self.of_instances[instance][*window]].history.pass(now);
        }
    }

    /// A cell begins. The next one to come, if that can change anything.
    pub(crate) fn tick(&mut self, window: usize, now: i64) -> Option<i64> {
        let history = &mut self.all[window].history;
        history.pass(now);
        history.changes_by_time().then(|| history.next_tick(now))
    }

    /// What a window of an instance's plan amounts to.
    pub(crate) fn result(&self, instance: usize, plan: &Plan, window: usize) -> Held {
        let Window { function, coverage, .. } = plan.windows[window];
        self.all[self.of_instances[instance][window]].history.result(function, coverage)
    }

    /// Whether a window of an instance's plan could not be full yet, and that alone keeps it from being known.
    pub(crate) fn is_filling(&self, instance: usize, plan: &Plan, window: usize) -> bool {
        self.all[self.of_instances[instance][window]].history.is_filling(plan.windows[window].coverage)
    }
}

#[cfg(test)]
mod tests;
