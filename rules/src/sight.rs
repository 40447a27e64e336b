//! What a program sees of its scope at an instant.
//!
//! Here: the way from the slots and windows of a plan to the signals and windows of the scope. Not here: either of
//! them.
//! Invariant: what is seen is what was applied up to the instant, and nothing later.

use crate::calendar::Zone;
use crate::expr::eval::Seen;
use crate::ruleset::{BoundProgram, Plan};
use crate::signals::Signals;
use crate::value::{Held, Unknown};
use crate::windows::Windows;

/// The sight of one instance.
pub(crate) struct Sight<'a> {
    pub(crate) signals: &'a Signals,
    /// The signals behind the plan's slots.
    pub(crate) slots: &'a [usize],
    pub(crate) windows: &'a Windows,
    /// The instance's place, and its plan; none: the program looks through no window.
    pub(crate) through: Option<(usize, &'a Plan)>,
    pub(crate) zone: &'a Zone,
    pub(crate) now: i64,
}

impl Sight<'_> {
    /// Whether nothing but windows that could not be full yet keeps a program from being known.
    pub(crate) fn is_filling(&self, program: &BoundProgram) -> bool {
        let Some((instance, plan)) = self.through else { return false };
        let unknown = || program.windows.iter().filter(|window| self.window(**window).is_err());
        unknown().next().is_some()
            && unknown().all(|window| self.windows.is_filling(instance, plan, *window))
            && program.outside.iter().all(|slot| self.held(*slot).is_ok())
    }
}

impl Seen for Sight<'_> {
    fn held(&self, slot: usize) -> &Held {
        self.signals.held(self.slots[slot])
    }

    fn window(&self, window: usize) -> Held {
        let (instance, plan) = self.through.ok_or(Unknown::Uncovered)?;
        self.windows.result(instance, plan, window)
    }

    fn previous(&self, slot: usize) -> Held {
        self.signals.cell(self.slots[slot]).previous.clone()
    }

    fn sampled_at(&self, slot: usize) -> Option<i64> {
        self.signals.cell(self.slots[slot]).timestamp
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn hour(&self) -> i64 {
        self.zone.hour(self.now)
    }

    fn weekday(&self) -> i64 {
        self.zone.weekday(self.now)
    }
}
