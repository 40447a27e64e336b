//! How long to wait before something that failed is tried again.
//!
//! Here: exponential, jittered pauses, the first at most 500 ms. Not here: what is tried.
//! Invariant: no two agents that lost the same network come back in step.

use std::time::Duration;

/// The first pause is at most this.
const FIRST: Duration = Duration::from_millis(500);

/// The pauses of one thing that is tried.
#[derive(Debug)]
pub(super) struct Pause {
    longest: Duration,
    faults: u32,
}

impl Pause {
    /// Pauses that grow to at most `longest`.
    pub(super) fn up_to(longest: Duration) -> Self {
        Self { longest, faults: 0 }
    }

    /// The pause after another failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = FIRST.saturating_mul(2_u32.saturating_pow(self.faults)).min(self.longest);
        self.faults = self.faults.saturating_add(1);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// It succeeded: the next pause is a first one.
    pub(super) fn reset(&mut self) {
        self.faults = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut pause = Pause::up_to(Duration::from_secs(3));
        for longest_ms in [500, 1_000, 2_000, 3_000, 3_000] {
            let taken = pause.next().as_millis();
            assert!((longest_ms / 2..=longest_ms).contains(&taken), "{taken} of {longest_ms}");
        }
        pause.reset();
        assert!(pause.next() <= FIRST);
    }
}
