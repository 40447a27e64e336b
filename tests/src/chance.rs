//! Chance that can be asked in any order: every draw is a hash of the seed and of what it is drawn for.
//!
//! Here: a draw, and a value that wanders. Not here: what either decides.
//! Invariant: the same question has the same answer, however often and in whatever order it is asked.

/// Draws 64 evenly spread bits for `whom`.
#[must_use]
pub(crate) fn draw(seed: u64, whom: &[u64]) -> u64 {
    whom.iter().fold(mix(seed), |bits, part| mix(bits ^ part.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// Draws a number in `0..limit`; 0 where the limit leaves no choice.
#[must_use]
pub(crate) fn below(limit: i64, seed: u64, whom: &[u64]) -> i64 {
    let limit = u64::try_from(limit).unwrap_or(0).max(1);
    i64::try_from(draw(seed, whom) % limit).unwrap_or(0)
}

/// A value in −1..=1 that wanders smoothly: a new goal every `period_ms`.
#[must_use]
pub(crate) fn wander(seed: u64, whose: u64, at_ms: i64, period_ms: i64) -> f64 {
    let (step, into) = (at_ms.div_euclid(period_ms), at_ms.rem_euclid(period_ms));
    let share = into as f64 / period_ms as f64;
    let (from, to) = (goal(seed, whose, period_ms, step), goal(seed, whose, period_ms, step + 1));
    from + (to - from) * share * share * (3.0 - 2.0 * share)
}

fn goal(seed: u64, whose: u64, period_ms: i64, step: i64) -> f64 {
    let bits = draw(seed, &[whose, period_ms.cast_unsigned(), step.cast_unsigned()]);
    (bits >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// The finaliser of SplitMix64: each input bit flips about half of the output bits.
fn mix(bits: u64) -> u64 {
    let bits = bits.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_spread_over_the_whole_range() {
        let drawn: Vec<i64> = (0..1000).map(|n| below(10, 7, &[3, n])).collect();
        for wanted in 0..10 {
            let hits = drawn.iter().filter(|d| **d == wanted).count();
            assert!((50..150).contains(&hits), "{wanted} was drawn {hits} times of 1000");
        }
    }

    #[test]
    fn wandering_is_smooth_and_bounded() {
        for at in -5000..5000 {
            let (a, b) = (wander(1, 2, at, 400), wander(1, 2, at + 1, 400));
            assert!((-1.0..=1.0).contains(&a) && (a - b).abs() < 0.01, "{at}: {a} {b}");
        }
    }
}
