//! The agent's clock: the wall clock when it was set, plus monotonic time (rules.md §3.2).
//!
//! Here: the time by which everything is stamped and judged. When the wall clock is stepped by more than [`STEP`], the
//! clock is set anew, for everybody who holds it. Not here: what a step means for rules (`core`), the day in the names
//! of forwarded files, which is the machine's own (`forward::file`).
//! Invariant: between two steps it never goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A smaller difference between wall clock and monotonic time is drift, not a step, ms.
pub const STEP: i64 = 1_000;

/// A clock, shared by all who hold it.
#[derive(Debug, Clone)]
pub struct Clock {
    started: Instant,
    /// The wall clock at `started`, as it is believed, nanoseconds since 1970 UTC.
    start_ns: Arc<AtomicI64>,
}

impl Clock {
    /// Sets it by the wall clock.
    #[must_use]
    pub fn start() -> Self {
        // In this order, and not rounded: a stamp must not lie before the change that it dates.
        let started = Instant::now();
        Self { started, start_ns: Arc::new(AtomicI64::new(wall_ns())) }
    }

    /// Now, ms since 1970 UTC.
    #[must_use]
    pub fn now(&self) -> i64 {
        let elapsed_ns = i64::try_from(self.started.elapsed().as_nanos()).unwrap_or(i64::MAX);
        self.start_ns.load(Ordering::Relaxed).saturating_add(elapsed_ns).div_euclid(1_000_000)
    }

    /// How long until an instant of this clock; nothing if it has passed.
    #[must_use]
    pub fn until(&self, instant: i64) -> Duration {
        Duration::from_millis(u64::try_from(instant.saturating_sub(self.now())).unwrap_or(0))
    }

    /// Follows a step of the wall clock; gives how far it went, ms (negative: back). None: there was none.
    #[must_use]
    pub fn follow_step(&self) -> Option<i64> {
        self.follow(wall_ns().div_euclid(1_000_000))
    }

    fn follow(&self, wall: i64) -> Option<i64> {
        let step = wall.saturating_sub(self.now());
        if step.saturating_abs() <= STEP {
            return None;
        }
        self.start_ns.fetch_add(step.saturating_mul(1_000_000), Ordering::Relaxed);
        Some(step)
    }
}

fn wall_ns() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_never_behind_the_wall_clock_it_was_set_by() {
        for _ in 0..2_000 {
            let clock = Clock::start();
            let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            assert!(clock.now() >= i64::try_from(wall).unwrap());
        }
    }

    #[test]
    fn an_instant_that_has_passed_is_not_waited_for() {
        let clock = Clock::start();
        assert_eq!(clock.until(clock.now() - 5), Duration::ZERO);
        assert_eq!(clock.until(i64::MIN), Duration::ZERO);
        assert!(clock.until(clock.now() + 60_000) > Duration::from_secs(50));
    }

    #[test]
    fn a_step_sets_the_clock_for_everybody_and_drift_does_not() {
        let clock = Clock::start();
        let other = clock.clone();
        let before = clock.now();
        assert_eq!(clock.follow(clock.now() + 900), None);
        let step = clock.follow(before - 3_600_000).unwrap();
        assert!((-3_601_000..=-3_599_000).contains(&step), "{step}");
        assert!((before - other.now()) > 3_590_000);
    }
}
