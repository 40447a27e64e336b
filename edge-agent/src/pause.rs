//! How long to wait before something that failed is tried again.
//!
//! Here: exponential, jittered pauses, the agent's only policy of this kind: that of the AWS SDK is off. Not here: what
//! is tried, and between which pauses.
//! Invariant: a pause lies between half of its step and the step, by chance: no two agents that lost the same network
//! come back in step.

use std::time::Duration;

/// The pauses of one thing that is tried: their step doubles from failure to failure.
#[derive(Debug)]
pub(crate) struct Pause {
    first: Duration,
    longest: Duration,
    step: Duration,
}

impl Pause {
    /// Pauses that begin at most at `first`, and grow to at most `longest`.
    pub(crate) const fn between(first: Duration, longest: Duration) -> Self {
        Self { first, longest, step: first }
    }

    /// The pause after another failure.
    pub(crate) fn next(&mut self) -> Duration {
        let pause = self.step.mul_f64(0.5 + fastrand::f64() / 2.0);
        self.step = (self.step * 2).min(self.longest);
        pause
    }

    /// It succeeded: the next pause is a first one.
    pub(crate) const fn reset(&mut self) {
        self.step = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut pause = Pause::between(Duration::from_millis(500), Duration::from_secs(3));
        for longest_ms in [500, 1_000, 2_000, 3_000, 3_000] {
            let taken = pause.next().as_millis();
            assert!((longest_ms / 2..=longest_ms).contains(&taken), "{taken} of {longest_ms}");
        }
        pause.reset();
        assert!(pause.next() <= Duration::from_millis(500));
    }
}
