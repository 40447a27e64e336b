//! What a signal did, and what a window over it says (§5).
//!
//! Here: the whole past of a signal, and the window functions worked out of it. Not here: when a rule looks at them
//! (`instance`).
//! Invariant: nothing is kept by cell: a window is added up from the past each time it is asked for.

use super::judge::{Known, Sight, number, truth_or_value};
use super::model::{Expr, Stale, World, ZERO};

/// What a signal did since its scope began.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) inner: Expr,
    pub(crate) length: i64,
    pub(crate) stale: Stale,
    /// It is looked at for what a counter counted.
    pub(crate) counts: bool,
    /// From when on it was what.
    values: Vec<(i64, Option<Known>)>,
    /// Its samples, one an instant.
    samples: Vec<(i64, Known)>,
    /// When it changed from one known value to another, whatever lay between.
    changes: Vec<(i64, Known, Known)>,
    last: Option<Known>,
}

/// Whether a window function asks for what a counter counted.
pub(crate) fn counts(world: &World, function: &str, inner: &Expr) -> bool {
    matches!(function, "delta" | "rate")
        && matches!(inner, Expr::Tag(tag) if world.name(*tag).counter.is_some())
}

/// The length of the cells of a window, ms.
pub(crate) fn cell(length: i64) -> i64 {
    1_000.max((length + 59) / 60)
}

/// Whether a cell of the window begins at an instant.
pub(crate) fn is_boundary(length: i64, t: i64) -> bool {
    (ZERO + t) % cell(length) == 0
}

/// From when on a window looks back at an instant.
fn start(length: i64, t: i64) -> i64 {
    let cell = cell(length);
    let cells = (length + cell - 1) / cell;
    ((ZERO + t) / cell - cells) * cell - ZERO
}

impl History {
    pub(crate) fn new(inner: &Expr, length: i64, stale: Stale, counts: bool) -> Self {
        let inner = inner.clone();
        Self {
            inner,
            length,
            stale,
            counts,
            values: Vec::new(),
            samples: Vec::new(),
            changes: Vec::new(),
            last: None,
        }
    }

    /// Nobody has looked yet.
    pub(crate) fn is_new(&self) -> bool {
        self.values.is_empty()
    }

    /// Looks at an instant, after all that happens at it. `sampled`: one of its tags was heard of.
    pub(crate) fn look(&mut self, t: i64, sight: &dyn Sight, sampled: bool) {
        let value = truth_or_value(&self.inner, sight);
        if self.values.last().is_none_or(|(_, last)| *last != value) {
            self.values.push((t, value));
        }
        let Some(value) = value else { return };
        if sampled {
            self.samples.push((t, value));
        }
        if let Some(last) = self.last.replace(value).filter(|last| *last != value) {
            self.changes.push((t, last, value));
        }
    }

    /// Whether it is what a window of this length looks at.
    pub(crate) fn is(&self, inner: &Expr, length: i64, stale: Stale, counts: bool) -> bool {
        self.inner == *inner && (self.length, self.stale, self.counts) == (length, stale, counts)
    }

    /// Whether a condition is judged at an instant because a cell begins. It is not where that can change nothing: when
    /// nothing was known in the window up to there, or when one value was held all along and nothing else happened.
    pub(crate) fn ticks(&self, t: i64) -> bool {
        let from = start(self.length, t) - cell(self.length);
        is_boundary(self.length, t) && !self.is_still(from, t)
    }

    /// Whether all was the same from one instant on until just before another one.
    fn is_still(&self, from: i64, t: i64) -> bool {
        let inside = |at: i64| from < at && at < t;
        let held = self.at(from);
        let changes = self.values.iter().any(|(at, value)| inside(*at) && *value != held);
        let samples = self.samples.iter().any(|(at, _)| inside(*at));
        !changes && (held.is_none() || !samples)
    }

    fn at(&self, t: i64) -> Option<Known> {
        self.values.iter().rev().find(|(from, _)| *from <= t)?.1
    }

    /// The known values from `from` on, each with the time for which it held until `t`.
    fn held(&self, from: i64, t: i64) -> Vec<(f64, i64)> {
        let ends = self.values.iter().skip(1).map(|(next, _)| *next).chain([t]);
        let mut held = Vec::new();
        for ((begin, value), end) in self.values.iter().zip(ends) {
            let (begin, end) = ((*begin).max(from), end.min(t));
            if let (Some(value), true) = (value, begin < end || begin == t) {
                held.push((number_or_truth(*value), end - begin));
            }
        }
        held
    }

    /// Whether a window reaches back to before the first known value, and of what came after it enough is known, this
    /// instant too.
    pub(crate) fn fills(&self, t: i64, coverage: i64) -> bool {
        let Some((first, _)) = self.values.iter().find(|(_, value)| value.is_some()) else { return false };
        let known: i64 = self.held(*first, t).iter().map(|(_, lasts)| lasts).sum();
        start(self.length, t) < *first && self.at(t).is_some() && known * 100 >= (t - first) * coverage
    }

    /// What a window function says at an instant. `counter`: the bits at which it wraps.
    pub(crate) fn says(&self, function: &str, t: i64, coverage: i64, counter: Option<u32>) -> Option<Known> {
        let start = start(self.length, t);
        let held = self.held(start, t);
        let known: i64 = held.iter().map(|(_, lasts)| lasts).sum();
        if known * 100 < (t - start) * coverage {
            return None;
        }
        let inside = |at: &i64| start < *at && *at <= t;
        let samples = self.samples.iter().filter(|(at, _)| inside(at));
        let changes = self.changes.iter().filter(|(at, ..)| inside(at));
        let mean = |of: &dyn Fn(f64) -> f64| {
            held.iter().map(|(value, lasts)| of(*value) * *lasts as f64).sum::<f64>() / known as f64
        };
        let count = |count: usize| Some(Known::Int(count as i64));
        let delta = || {
            let (first, last) = (self.at(start)?, self.at(t)?);
            Some(match counter {
                None => number(last) - number(first),
                Some(bits) => changes.clone().map(|(_, old, new)| counted(bits, *old, *new)).sum(),
            })
        };
        let float = match function {
            "count" if matches!(self.last, Some(Known::Bool(_))) => {
                return count(changes.filter(|(_, _, new)| *new == Known::Bool(true)).count());
            }
            "edges" => return count(changes.filter(|(_, _, new)| *new == Known::Bool(true)).count()),
            "count" => return count(samples.count()),
            "changes" => return count(changes.count()),
            "sum" => samples.map(|(_, value)| number(*value)).sum(),
            "avg" => mean(&|value| value),
            "stddev" => {
                let middle = mean(&|value| value);
                mean(&|value| (value - middle).powi(2)).sqrt()
            }
            "min" => held.iter().map(|(value, _)| *value).fold(f64::INFINITY, f64::min),
            "max" => held.iter().map(|(value, _)| *value).fold(f64::NEG_INFINITY, f64::max),
            "delta" => delta()?,
            "rate" => delta()? / ((t - start) as f64 / 1_000.0),
            _ => panic!("no window function: {function}"),
        };
        Some(Known::Float(float))
    }
}

fn number_or_truth(value: Known) -> f64 {
    match value {
        Known::Bool(_) => 0.0,
        value => number(value),
    }
}

/// What a counter counted between two of its values.
fn counted(bits: u32, old: Known, new: Known) -> f64 {
    let (old, new, range) = (number(old), number(new), 2f64.powi(bits as i32));
    match old - new {
        fall if fall <= 0.0 => -fall,
        fall if fall > range / 2.0 => range - fall,
        _ => new,
    }
}
