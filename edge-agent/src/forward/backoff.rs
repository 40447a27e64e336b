//! How long to wait before the next try. The only retry policy there is: the SDK's own is off.
//!
//! Invariant: a delay lies between half of its step and the step, and the step between the two consts.

use std::time::Duration;

/// Two round trips to a near region.
const FIRST: Duration = Duration::from_millis(100);
/// A line whose network is back is live again within this time; one small request in it harms nobody.
const LONGEST: Duration = Duration::from_secs(2);

/// Doubles from try to try.
#[derive(Debug)]
pub(super) struct Backoff {
    step: Duration,
}

impl Backoff {
    pub(super) const fn new() -> Self {
        Self { step: FIRST }
    }

    /// After a success.
    pub(super) const fn reset(&mut self) {
        self.step = FIRST;
    }

    /// The next delay. Jitter keeps the agents of a plant apart when the network comes back for all at once.
    pub(super) fn next(&mut self) -> Duration {
        let delay = self.step.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.step = (self.step * 2).min(LONGEST);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new();
        for step in [100, 200, 400, 800, 1_600, 2_000, 2_000] {
            let delay = backoff.next().as_millis();
            assert!((step / 2..=step).contains(&delay), "{delay} of {step}");
        }
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }
}
