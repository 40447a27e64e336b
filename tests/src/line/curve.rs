//! A course of a value over time, drawn through knots.
//!
//! Here: the value at an instant, the area below it, and the course of an excursion through limits.
//! Not here: noise. Invariant: where two knots share an instant the value steps, and that instant belongs to the
//! later one; so a limit is crossed at exactly that millisecond.

use std::ops::Range;

use super::Trouble;
use crate::script::{Episode, RAMP_MS};

/// How long a value takes from a limit to its peak, ms.
const SWING_MS: i64 = 700;

/// A value that the course passes through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Knot {
    pub(crate) at_ms: i64,
    pub(crate) value: f64,
}

/// The value at an instant; before the first and after the last knot it stays. `None` without knots.
#[must_use]
pub(crate) fn at(knots: &[Knot], at_ms: i64) -> Option<f64> {
    let next = knots.partition_point(|k| k.at_ms <= at_ms);
    match (next.checked_sub(1).and_then(|i| knots.get(i)), knots.get(next)) {
        (Some(a), Some(b)) => Some(between(a, b, at_ms)),
        (a, b) => a.or(b).map(|k| k.value),
    }
}

/// The area below the course over a stretch of time, value × ms.
#[must_use]
pub(crate) fn area(knots: &[Knot], over: Range<i64>) -> f64 {
    let (Some(first), Some(last)) = (knots.first(), knots.last()) else { return 0.0 };
    let flat = |knot: &Knot, from: i64, to: i64| knot.value * (to - from).max(0) as f64;
    let sloped: f64 = knots
        .windows(2)
        .filter_map(|pair| {
            let [a, b] = pair else { return None };
            let (from, to) = (a.at_ms.max(over.start), b.at_ms.min(over.end));
            (from < to).then(|| (between(a, b, from) + between(a, b, to)) / 2.0 * (to - from) as f64)
        })
        .sum();
    flat(first, over.start, over.end.min(first.at_ms))
        + sloped
        + flat(last, over.start.max(last.at_ms), over.end)
}

/// The knots of one episode of a value that is `calm` otherwise.
#[must_use]
pub(crate) fn excursion(calm: f64, trouble: &Trouble, episode: &Episode) -> Vec<Knot> {
    let Range { start, end } = episode.span;
    let outward = if trouble.peak > calm { trouble.step } else { -trouble.step };
    let mut out = vec![Knot { at_ms: start - RAMP_MS, value: calm }];
    let mut back = vec![Knot { at_ms: end + RAMP_MS, value: calm }];
    let (mut deepest_from, mut deepest_to) = (start, end);
    for (limit, span) in trouble.limits.iter().zip([Some(&episode.span), episode.severe.as_ref()]) {
        let Some(span) = span else { break };
        out.extend([limit - outward, limit + outward].map(|value| Knot { at_ms: span.start, value }));
        back.extend([limit - outward, limit + outward].map(|value| Knot { at_ms: span.end, value }));
        (deepest_from, deepest_to) = (span.start, span.end);
    }
    out.push(Knot { at_ms: deepest_from + SWING_MS, value: trouble.peak });
    back.push(Knot { at_ms: deepest_to - SWING_MS, value: trouble.peak });
    out.extend(back.into_iter().rev());
    out
}

fn between(a: &Knot, b: &Knot, at_ms: i64) -> f64 {
    if a.at_ms == b.at_ms {
        return b.value;
    }
    let share = (at_ms - a.at_ms) as f64 / (b.at_ms - a.at_ms) as f64;
    a.value + (b.value - a.value) * share
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::{Fault, Machine};

    #[test]
    fn a_step_belongs_to_the_later_knot() {
        let knots = [knot(0, 1.0), knot(10, 3.0), knot(10, 7.0), knot(20, 7.0)];
        assert_eq!(at(&knots, 5), Some(2.0));
        assert!(at(&knots, 9).unwrap() < 3.0);
        assert_eq!((at(&knots, 10), at(&knots, -5), at(&knots, 99)), (Some(7.0), Some(1.0), Some(7.0)));
        assert_eq!(at(&[], 0), None);
    }

    #[test]
    fn the_area_counts_slopes_steps_and_both_ends() {
        let knots = [knot(0, 1.0), knot(10, 3.0), knot(10, 7.0), knot(20, 7.0)];
        assert!((area(&knots, -10..30) - (10.0 + 20.0 + 70.0 + 70.0)).abs() < 1e-9);
        assert!((area(&knots, 5..15) - (2.5 * 5.0 + 35.0)).abs() < 1e-9);
        assert_eq!(area(&knots, 7..7), 0.0);
    }

    #[test]
    fn an_excursion_crosses_each_limit_at_its_own_instants() {
        let episode = Episode {
            machine: Machine::Filler,
            fault: Fault::ProductHot,
            span: 5000..15_000,
            severe: Some(8000..12_000),
        };
        let trouble = Trouble { fault: Fault::ProductHot, limits: &[22.0, 26.0], peak: 28.0, step: 0.5 };
        let knots = excursion(17.0, &trouble, &episode);
        for (limit, span) in [(22.0, 5000..15_000), (26.0, 8000..12_000)] {
            for t in 0..20_000 {
                let value = at(&knots, t).unwrap();
                assert_eq!(value > limit, span.contains(&t), "{value} at {t} ms, limit {limit}");
                assert!((value - limit).abs() > 0.49, "{value} at {t} ms is too near to {limit}");
            }
        }
    }

    fn knot(at_ms: i64, value: f64) -> Knot {
        Knot { at_ms, value }
    }
}
