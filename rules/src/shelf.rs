//! What keeps an instance silent: `suppress_if`, shelving, out-of-service (§7.6).
//!
//! An instance that is silent is judged as usual and its transitions are told, but they carry a flag and nobody is
//! notified. Here: the three, how they end, and whether the present state began under them. Not here: who may do
//! that and how it comes in (`operator`).
//! Invariant: nothing stays shelved for longer than 24 h.

use serde::{Deserialize, Serialize};

use crate::expr::eval::Truth;
use crate::gate::Gate;
use crate::time::Millis;

/// The longest time for which a rule is shelved, ms.
pub(crate) const SHELVED_MAX: Millis = 24 * 3_600_000;

/// What somebody has set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
    /// Event time at which it ends, ms since 1970 UTC; none: when it is taken back.
    pub until: Option<i64>,
    /// It ends when the state is normal again.
    pub once: bool,
}

/// What keeps an instance silent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Silence {
    /// The gate `suppress_if`.
    pub(crate) gate: Option<Gate>,
    pub(crate) shelf: Option<Box<Shelf>>,
    pub(crate) out_of_service: Option<Box<Shelf>>,
    /// Whether the state began, or became what it is, under silence.
    pub(crate) began_under: bool,
    /// Whether it was silent when it was last judged.
    pub(crate) was: bool,
}

impl Silence {
    pub(crate) fn is_suppressed(&self) -> bool {
        self.gate.is_some_and(|gate| gate.says() == Truth::True)
    }

    pub(crate) fn is_shelved(&self) -> bool {
        self.shelf.is_some() || self.out_of_service.is_some()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.is_suppressed() || self.is_shelved()
    }

    /// Ends a shelving whose time is over.
    pub(crate) fn expire(&mut self, now: i64) -> Option<Shelf> {
        let over = self.shelf.as_ref().and_then(|s| s.until).is_some_and(|until| until <= now);
        if over { self.shelf.take().map(|shelf| *shelf) } else { None }
    }

    /// Ends a shelving that was for one time, which is over.
    pub(crate) fn end_once(&mut self) -> Option<Shelf> {
        let once = self.shelf.as_ref().is_some_and(|shelf| shelf.once);
        if once { self.shelf.take().map(|shelf| *shelf) } else { None }
    }

    /// The next instant after `now` at which time alone ends something.
    pub(crate) fn due(&self, after: Millis, now: i64, begin: i64) -> Option<i64> {
        let gate = self.gate.and_then(|gate| gate.due(after, now, begin));
        let until = self.shelf.as_ref().and_then(|shelf| shelf.until).filter(|until| *until > now);
        gate.into_iter().chain(until).min()
    }

    /// The clock was set back to `at`: what was left of a shelving is left.
    pub(crate) fn set_back(&mut self, before: i64, at: i64) {
        if let Some(until) = self.shelf.as_mut().and_then(|shelf| shelf.until.as_mut()) {
            *until = at + (*until - before).clamp(0, SHELVED_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shelved(until: i64, once: bool) -> Silence {
        let shelf = Shelf { who: "meier".into(), why: "test".into(), until: Some(until), once };
        Silence { shelf: Some(Box::new(shelf)), ..Silence::default() }
    }

    #[test]
    fn a_shelving_ends_at_its_instant() {
        let mut silence = shelved(100, false);
        assert_eq!((silence.due(50, 99, 0), silence.expire(99)), (Some(100), None));
        assert!(silence.is_silent() && silence.end_once().is_none());
        assert!(silence.expire(100).is_some() && !silence.is_silent());
    }

    #[test]
    fn a_shelving_for_one_time_ends_when_that_is_over() {
        let mut silence = shelved(100, true);
        assert!(silence.end_once().is_some() && !silence.is_shelved());
    }

    #[test]
    fn when_the_clock_goes_back_what_is_left_is_left() {
        let mut silence = shelved(1_000_100, false);
        silence.set_back(1_000_000, 500);
        assert_eq!(silence.due(0, 500, 0), Some(600));
        silence.set_back(-SHELVED_MAX, 0);
        assert_eq!(silence.due(0, 0, 0), Some(SHELVED_MAX), "never longer than allowed");
    }
}
