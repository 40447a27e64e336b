//! Random comparisons of window functions.
//!
//! Here: those. Not here: what joins them (`rules_of`), and what they say (`history`).
//! Invariant: every one reads a tag, and no limit lies where rounding decides.

use super::generate::Wanted;
use super::model::{Expr, Kind, World};
use super::rng::Rng;
use super::rules_of;

const LENGTHS: [i64; 7] = [400, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000];
/// Their cells have different lengths.
const LONG_LENGTHS: [i64; 7] = [3_000, 20_000, 61_000, 90_000, 100_001, 120_000, 180_000];

pub(super) fn atom(rng: &mut Rng, world: &World, wanted: Wanted) -> Expr {
    let length = rng.pick(if wanted.long { &LONG_LENGTHS } else { &LENGTHS });
    let place = rng.below(world.names.len());
    let number = world.names[place].kind != Kind::Bool;
    let sign = rng.pick(&["<", "<=", ">", ">=", "=", "<>"]);
    let strict = rng.pick(&["<", ">"]);
    let whole = |function, inner, limit| {
        Expr::Compare(
            sign,
            Box::new(Expr::Window(function, Box::new(inner), length)),
            Box::new(Expr::Int(limit)),
        )
    };
    if !number || !wanted.reloads && rng.once_in(4) {
        let condition = if number { rules_of::atom(rng, world) } else { Expr::Tag(place) };
        let function = rng.pick(&["count", "edges", "changes"]);
        return whole(function, condition, rng.between(0, 4));
    }
    // Over a reload a window goes on that is of a tag; of others that is left open.
    let inner = match if wanted.reloads { 4 } else { rng.below(5) } {
        0 => Expr::Abs(Box::new(Expr::Arithmetic('-', Box::new(Expr::Tag(place)), Box::new(Expr::Int(4))))),
        1 => Expr::Arithmetic('+', Box::new(Expr::Tag(place)), Box::new(Expr::Tag(place))),
        _ => Expr::Tag(place),
    };
    let limit = rng.between(1, 14) as f64 / 2.0;
    let (function, limit) = match rng.below(9) {
        0 => return whole("count", inner, rng.between(0, 6)),
        1 => return whole("changes", inner, rng.between(0, 4)),
        2 => ("sum", limit * 4.0 + 0.25),
        3 => ("stddev", limit / 2.0 + 0.013_7),
        4 | 5 => {
            return Expr::Compare(
                sign,
                window(rng.pick(&["min", "max"]), inner, length),
                Box::new(Expr::Float(limit.round())),
            );
        }
        6 => ("delta", limit - 3.25),
        7 => ("rate", (limit - 3.0) / 3.0 + 0.013_7),
        _ => ("avg", limit + 0.013_7),
    };
    Expr::Compare(strict, window(function, inner, length), Box::new(Expr::Float(limit)))
}

/// A limit of the tag that has a deadband: of its windows, some of which shift with it and some of which do not.
pub(super) fn limit(rng: &mut Rng, wanted: Wanted) -> Expr {
    let inner = Expr::Tag(wanted.band.unwrap_or_default());
    let length = if wanted.long { rng.pick(&LONG_LENGTHS) } else { rng.pick(&LENGTHS[..5]) };
    let of = |function| window(function, inner.clone(), length);
    let (over, limit) = match rng.below(9) {
        0 | 1 => (of("avg"), rng.between(2, 6) as f64 + 0.013_7),
        2 | 3 => (of("min"), rng.between(1, 5) as f64),
        4 | 5 => (of("max"), rng.between(3, 7) as f64),
        6 => (of("stddev"), rng.between(1, 6) as f64 / 4.0 + 0.013_7),
        7 => (of("delta"), rng.between(-2, 2) as f64 + 0.25),
        _ => (of("rate"), rng.between(-4, 4) as f64 / 4.0 + 0.013_7),
    };
    if rng.once_in(8) {
        // Wider than any deadband, which below `not` makes it narrower.
        return Expr::Between(over, limit - 3.0, limit + 3.0);
    }
    let sign = if matches!(*over, Expr::Window("min" | "max", ..)) {
        rng.pick(&["<", "<=", ">", ">="])
    } else {
        rng.pick(&["<", ">"])
    };
    let limit = Box::new(Expr::Float(limit));
    if rng.once_in(4) { Expr::Compare(sign, limit, over) } else { Expr::Compare(sign, over, limit) }
}

fn window(function: &'static str, inner: Expr, length: i64) -> Box<Expr> {
    Box::new(Expr::Window(function, Box::new(inner), length))
}
