//! The timers of a scope: what time alone brings about, one timer for each thing at most.
//!
//! A timer that is there already is moved only when it would come too late. One that comes too early costs a look
//! and is set again, so flapping values neither fill the memory nor rebuild the order.
//!
//! Here: their order. Not here: what is done when one comes (`scope`).
//! Invariant: nothing that was armed comes later than it was armed for last.

use std::collections::BTreeSet;

/// What time alone brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A source may have been silent for too long.
    Silence(usize),
    /// A signal may go stale.
    Stale(usize),
    /// A cell of a window begins.
    Cell(usize),
    /// A signal may come to an age that a program asks for.
    Age(usize),
    /// The hour is another.
    Hour,
    /// An instance has something due.
    Instance(usize),
    /// The instances begin, though nothing was heard.
    Begin,
}

/// All timers of a scope.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    order: BTreeSet<(i64, Timer)>,
    /// The first of them, looked at with every datapoint.
    first: Option<i64>,
    contacts: Vec<Option<i64>>,
    signals: Vec<Option<i64>>,
    instances: Vec<Option<i64>>,
    cells: Vec<Option<i64>>,
    ages: Vec<Option<i64>>,
    hour: Option<i64>,
    begin: Option<i64>,
}

impl Timers {
    /// When the first one comes.
    pub(crate) fn first(&self) -> Option<i64> {
        self.first
    }

    /// Has it come at that instant, or earlier where it is there already.
    pub(crate) fn arm(&mut self, timer: Timer, due: i64) {
        let armed = self.armed(timer);
        if armed.is_some_and(|armed| armed <= due) {
            return;
        }
        if let Some(later) = armed.replace(due) {
            self.order.remove(&(later, timer));
        }
        self.order.insert((due, timer));
        self.first = Some(self.first.map_or(due, |first| first.min(due)));
    }

    /// As [`Timers::arm`], if there is anything to come.
    pub(crate) fn arm_if(&mut self, timer: Timer, due: Option<i64>) {
        if let Some(due) = due {
            self.arm(timer, due);
        }
    }

    pub(crate) fn is_armed(&mut self, timer: Timer) -> bool {
        self.armed(timer).is_some()
    }

    /// Takes the first one, if it has come by then.
    pub(crate) fn pop(&mut self, now: i64) -> Option<Timer> {
        self.first.filter(|first| *first <= now)?;
        let (_, timer) = self.order.pop_first()?;
        *self.armed(timer) = None;
        self.first = self.order.first().map(|(due, _)| *due);
        Some(timer)
    }

    fn armed(&mut self, timer: Timer) -> &mut Option<i64> {
        let (all, place) = match timer {
            Timer::Silence(contact) => (&mut self.contacts, contact),
            Timer::Stale(signal) => (&mut self.signals, signal),
            Timer::Instance(instance) => (&mut self.instances, instance),
            Timer::Cell(window) => (&mut self.cells, window),
            Timer::Age(age) => (&mut self.ages, age),
            Timer::Hour => return &mut self.hour,
            Timer::Begin => return &mut self.begin,
        };
        if all.len() <= place {
            all.resize(place + 1, None);
        }
        &mut all[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_for_each_thing_and_none_too_late() {
        let mut timers = Timers::default();
        timers.arm(Timer::Instance(3), 10);
        timers.arm(Timer::Instance(3), 20);
        timers.arm(Timer::Stale(1), 15);
        timers.arm(Timer::Stale(1), 12);
        assert_eq!((timers.first(), timers.order.len()), (Some(10), 2));
        assert_eq!(timers.pop(9), None);
        assert_eq!((timers.pop(10), timers.pop(10)), (Some(Timer::Instance(3)), None));
        assert_eq!((timers.pop(12), timers.first()), (Some(Timer::Stale(1)), None));
        assert!(!timers.is_armed(Timer::Stale(1)));
    }

    #[test]
    fn at_one_instant_staleness_comes_before_what_instances_have_due() {
        let mut timers = Timers::default();
        [Timer::Begin, Timer::Instance(0), Timer::Stale(7)].into_iter().for_each(|t| timers.arm(t, 5));
        let came: Vec<Timer> = std::iter::from_fn(|| timers.pop(5)).collect();
        assert_eq!(came, [Timer::Stale(7), Timer::Instance(0), Timer::Begin]);
    }
}
