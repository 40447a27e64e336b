//! The agent's clock: the wall clock at start plus monotonic time (rules.md §3.2).
//!
//! Here: the only place that asks what time it is. Not here: steps of the wall clock against it.
//! Invariant: it never goes back, whatever happens to the wall clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that was set once.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start_ms: i64,
    started: Instant,
}

impl Clock {
    /// Sets it by the wall clock.
    #[must_use]
    pub fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { start_ms: i64::try_from(since.as_millis()).unwrap_or(i64::MAX), started: Instant::now() }
    }

    /// Now, ms since 1970 UTC.
    #[must_use]
    pub fn now(&self) -> i64 {
        self.start_ms.saturating_add(i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// How long until an instant of this clock; nothing if it has passed.
    #[must_use]
    pub fn until(&self, instant: i64) -> Duration {
        Duration::from_millis(u64::try_from(instant.saturating_sub(self.now())).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_that_has_passed_is_not_waited_for() {
        let clock = Clock::start();
        assert_eq!(clock.until(clock.now() - 5), Duration::ZERO);
        assert_eq!(clock.until(i64::MIN), Duration::ZERO);
        assert!(clock.until(clock.now() + 60_000) > Duration::from_secs(50));
    }
}
