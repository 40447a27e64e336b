//! How long to wait after failures.
//!
//! Here: growing pauses with some chance in them. Not here: what is tried again (the callers).
//! Invariant: a pause is never longer than its limit and never shorter than half of what it has grown to.

use std::time::Duration;

/// The pause after `failed` failures in a row before it: doubled each time from `first` to `longest`, half of
/// it by chance, so that those who failed together do not come back together.
#[must_use]
pub fn pause(failed: u32, first: Duration, longest: Duration) -> Duration {
    let grown = first.saturating_mul(1u32.checked_shl(failed).unwrap_or(u32::MAX)).min(longest);
    grown.mul_f64(0.5 + fastrand::f64() / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_never_vanish() {
        let (first, longest) = (Duration::from_millis(500), Duration::from_secs(10));
        for failed in [0, 1, 4, 5, 31, 32, u32::MAX] {
            let grown = Duration::from_millis(500 * (1u64 << failed.min(5))).min(longest);
            let pause = pause(failed, first, longest);
            assert!(pause >= grown / 2 && pause <= grown, "{failed}: {pause:?}");
        }
    }
}
