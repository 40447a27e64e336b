//! What people set to keep a rule silent (§7.6): shelving, for a time or once, and out of service.
//!
//! Here: that, and how it ends. Not here: `suppress_if` (`gate`), what silence does (`instance`).
//! Invariant: nothing stays shelved for longer than a day.

use super::model::Order;

/// The longest time of shelving, ms.
const DAY: i64 = 24 * 3_600_000;

#[derive(Debug, Clone, Default)]
pub(crate) struct Silence {
    shelf: Option<Shelf>,
    out_of_service: bool,
}

#[derive(Debug, Clone, Copy)]
struct Shelf {
    /// Of event time.
    until: i64,
    once: bool,
}

impl Silence {
    pub(crate) fn is_on(&self) -> bool {
        self.shelf.is_some() || self.out_of_service
    }

    /// Somebody does something at a processing time. An error: why not.
    pub(crate) fn obey(&mut self, order: Order, at: i64) -> Result<(), &'static str> {
        match order {
            Order::Shelve(length) if length <= 0 || length > DAY => return Err("too long"),
            Order::Shelve(length) => self.shelf = Some(Shelf { until: at + length, once: false }),
            Order::ShelveOnce => self.shelf = Some(Shelf { until: at + DAY, once: true }),
            Order::Unshelve => drop(self.shelf.take().ok_or("not shelved")?),
            Order::OutOfService if self.out_of_service => return Err("out already"),
            Order::InService if !self.out_of_service => return Err("in already"),
            Order::OutOfService => self.out_of_service = true,
            Order::InService => self.out_of_service = false,
            Order::Reset => unreachable!("that is not about silence"),
        }
        Ok(())
    }

    /// A shelving ends whose time is over. True: one did.
    pub(crate) fn expire(&mut self, t: i64) -> bool {
        self.shelf.take_if(|shelf| shelf.until <= t).is_some()
    }

    /// A state that matters is over. True: shelving for one time ends.
    pub(crate) fn end_once(&mut self) -> bool {
        self.shelf.take_if(|shelf| shelf.once).is_some()
    }

    /// The clock was set back: what was left of a shelving is left.
    pub(crate) fn set_back(&mut self, before: i64, at: i64) {
        if let Some(shelf) = &mut self.shelf {
            shelf.until = at + (shelf.until - before).clamp(0, DAY);
        }
    }
}
