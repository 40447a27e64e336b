//! What a window remembers of a signal: whole cells of time, each with what happened in it (§5).
//!
//! A cell covers a span of time without its beginning and with its end; cells lie where they do whenever the agent
//! started, so that the same data give the same result. A result is summed from the cells afresh: nothing drifts.
//!
//! Here: cells, and what a function makes of them. Not here: which windows there are and when they are judged
//! (`windows`).
//! Invariant: at most 62 cells, whatever comes.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::ruleset::WindowFunction;
use crate::time::{LONG_AGO, Millis};
use crate::value::{Held, Unknown, Value};

/// Shortest cell, ms.
const CELL_MIN: Millis = 1_000;
/// Cells that a window is made of at most, without the one that is not full yet.
const CELLS_MAX: Millis = 60;

/// The most that the memory of a window takes, bytes: a row of cells grows by doubling.
pub(crate) const WINDOW_BYTES_MAX: usize =
    size_of::<History>() + 62_usize.next_power_of_two() * size_of::<Cell>();

/// What a signal did within a cell.
#[derive(Debug, Clone)]
struct Cell {
    /// Its place since 1970.
    index: i64,
    /// The value held at its beginning; none: it was Unknown.
    opening: Option<f64>,
    /// Time for which a value was known, ms; its mean, and the sum of squares about it, weighted by time.
    known: Millis,
    mean: f64,
    squares: f64,
    /// The values, each times the time for which it was held.
    total: f64,
    min: f64,
    max: f64,
    samples: i64,
    sum: f64,
    changes: i64,
    edges: i64,
    /// What a counter counted.
    grown: f64,
}

/// What is remembered of a signal over the length of a window.
#[derive(Debug, Clone)]
pub(crate) struct History {
    cell: Millis,
    count: i64,
    /// Bits of a counter.
    counter: Option<u32>,
    cells: VecDeque<Cell>,
    /// The value that is held; none: it is Unknown.
    held: Option<f64>,
    last_known: Option<f64>,
    is_condition: bool,
    /// The last text, and its number: all that is asked of texts is how often they changed.
    text: Option<(Arc<str>, f64)>,
    /// The instant up to which it is reckoned.
    until: i64,
    /// The first instant at which anything was known; none: nothing was yet.
    known_from: Option<i64>,
}

impl Cell {
    fn new(index: i64, opening: Option<f64>) -> Self {
        let (min, max) = (opening.unwrap_or(f64::INFINITY), opening.unwrap_or(f64::NEG_INFINITY));
        let (mean, squares, total, sum, grown) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let (known, samples, changes, edges) = (0, 0, 0, 0);
        Self { index, opening, known, mean, squares, total, min, max, samples, sum, changes, edges, grown }
    }

    /// A value is held for a time.
    fn hold(&mut self, value: f64, time: Millis) {
        self.include(value);
        (self.known, self.mean, self.squares) =
            joined((self.known, self.mean, self.squares), (time, value, 0.0));
        self.total += value * time as f64;
    }

    fn include(&mut self, value: f64) {
        (self.min, self.max) = (self.min.min(value), self.max.max(value));
    }

    /// Whether nothing but this value was there, and nothing happened.
    fn is_still(&self, value: f64) -> bool {
        let counts = (self.samples, self.changes, self.edges);
        self.min == value && self.max == value && counts == (0, 0, 0)
    }
}

/// Mean and squares about it of two stretches of time together, exact where they are equal.
fn joined(a: (Millis, f64, f64), b: (Millis, f64, f64)) -> (Millis, f64, f64) {
    let known = a.0 + b.0;
    if a.0 == 0 || b.0 == 0 {
        return if a.0 == 0 { b } else { a };
    }
    let (share, apart) = (b.0 as f64 / known as f64, b.1 - a.1);
    (known, a.1 + apart * share, a.2 + b.2 + apart * apart * share * a.0 as f64)
}

impl History {
    pub(crate) fn new(length: Millis, counter: Option<u32>) -> Self {
        let cell = CELL_MIN.max((length + CELLS_MAX - 1) / CELLS_MAX);
        let count = (length + cell - 1) / cell;
        let (cells, held, last_known, known_from) = (VecDeque::new(), None, None, None);
        let (is_condition, text, until) = (false, None, LONG_AGO);
        Self { cell, count, counter, cells, held, last_known, is_condition, text, until, known_from }
    }

    /// What it takes of memory.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>() + self.cells.capacity() * size_of::<Cell>()
    }

    /// The instant from which it covers time at `now`, exclusive.
    fn start(&self, now: i64) -> i64 {
        (now.div_euclid(self.cell) - self.count) * self.cell
    }

    /// The next beginning of a cell.
    pub(crate) fn next_tick(&self, now: i64) -> i64 {
        (now.div_euclid(self.cell) + 1) * self.cell
    }

    /// Lets time pass while the value is held.
    pub(crate) fn pass(&mut self, now: i64) {
        let start = self.start(now);
        while self.cells.front().is_some_and(|c| c.index * self.cell < start) {
            self.cells.pop_front();
        }
        let mut from = self.until.max(start);
        while let (Some(value), true) = (self.held, from < now) {
            let index = from.div_euclid(self.cell);
            let end = ((index + 1) * self.cell).min(now);
            let opening = (from == index * self.cell).then_some(value);
            self.cell_at(index, opening).hold(value, end - from);
            from = end;
        }
        self.until = self.until.max(now);
    }

    /// The last cell, if that is its place, else a new one.
    fn cell_at(&mut self, index: i64, opening: Option<f64>) -> &mut Cell {
        if self.cells.back().is_none_or(|c| c.index < index) {
            self.cells.push_back(Cell::new(index, opening));
        }
        let last = self.cells.len() - 1;
        &mut self.cells[last]
    }

    /// Takes what the argument gives at an instant, which is a sample if a datapoint came.
    pub(crate) fn take(&mut self, now: i64, value: &Held, is_sample: bool) {
        self.pass(now);
        self.is_condition |= matches!(value, Ok(Value::Bool(_)));
        self.held = match value {
            Ok(Value::Bool(b)) => Some(f64::from(u8::from(*b))),
            Ok(Value::Int(i)) => Some(*i as f64),
            Ok(Value::Float(f)) => Some(*f),
            Ok(Value::Text(text)) => Some(self.number_of(text)),
            Err(_) => None,
        };
        let Some(value) = self.held else { return };
        self.known_from.get_or_insert(now);
        let before = self.last_known.replace(value);
        let grown = before.map_or(0.0, |before| self.growth(before, value));
        let rises = self.is_condition && before.is_some_and(|before| before < value);
        // An instant at the end of a cell belongs to it.
        let cell = self.cell_at((now - 1).div_euclid(self.cell), None);
        cell.include(value);
        cell.samples += i64::from(is_sample);
        cell.sum += if is_sample { value } else { 0.0 };
        cell.changes += i64::from(before.is_some_and(|before| before != value));
        cell.edges += i64::from(rises);
        cell.grown += grown;
    }

    /// A number that is another one than before whenever the text is.
    fn number_of(&mut self, text: &Arc<str>) -> f64 {
        let number = match &self.text {
            Some((known, number)) if known == text => return *number,
            Some((_, number)) => number + 1.0,
            None => 0.0,
        };
        self.text = Some((Arc::clone(text), number));
        number
    }

    /// What a counter counted from one value to the next. A fall by more than half its range is a wrap, any other a
    /// reset, from which it counts from 0.
    fn growth(&self, before: f64, value: f64) -> f64 {
        let Some(bits) = self.counter else { return value - before };
        let range = 2.0_f64.powi(i32::try_from(bits).unwrap_or(32));
        match before - value {
            fall if fall <= 0.0 => -fall,
            fall if fall > range / 2.0 => range - fall,
            _ => value,
        }
    }

    fn known(&self) -> Millis {
        self.cells.iter().map(|c| c.known).sum()
    }

    /// Whether it could not be full yet: it reaches back to before anything was known, and of the time since then
    /// enough is.
    pub(crate) fn is_filling(&self, coverage: f64) -> bool {
        let fills = |from| {
            self.start(self.until) < from && self.known() as f64 >= coverage * (self.until - from) as f64
        };
        self.held.is_some() && self.known_from.is_some_and(fills)
    }

    /// Whether time alone can change what it amounts to: not when nothing is known in it any more, nor when one
    /// value was held all along.
    pub(crate) fn changes_by_time(&self) -> bool {
        let known = self.known();
        let is_still = |value: f64| {
            known == self.until - self.start(self.until) && self.cells.iter().all(|c| c.is_still(value))
        };
        self.held.map_or(known > 0, |value| !is_still(value))
    }

    /// What a function makes of it at the instant up to which it is reckoned.
    pub(crate) fn result(&self, function: WindowFunction, coverage: f64) -> Held {
        let start = self.start(self.until);
        let covered = self.until - start;
        let cells = || self.cells.iter();
        let moments = cells().map(|c| (c.known, c.mean, c.squares)).fold((0, 0.0, 0.0), joined);
        if moments.0 == 0 || (moments.0 as f64) < coverage * covered as f64 {
            return Err(Unknown::Uncovered);
        }
        let delta = || self.delta(start).ok_or(Unknown::Uncovered);
        let of = |part: fn(&Cell) -> i64| cells().map(part).sum::<i64>();
        Ok(match function {
            WindowFunction::Avg => Value::Float(self.mean(moments)),
            WindowFunction::Stddev => Value::Float((moments.2 / moments.0 as f64).max(0.0).sqrt()),
            WindowFunction::Min => Value::Float(cells().map(|c| c.min).fold(f64::INFINITY, f64::min)),
            WindowFunction::Max => Value::Float(cells().map(|c| c.max).fold(f64::NEG_INFINITY, f64::max)),
            WindowFunction::Sum => Value::Float(cells().map(|c| c.sum).sum()),
            WindowFunction::Count if !self.is_condition => Value::Int(of(|c| c.samples)),
            WindowFunction::Count | WindowFunction::Edges => Value::Int(of(|c| c.edges)),
            WindowFunction::Changes => Value::Int(of(|c| c.changes)),
            WindowFunction::Delta => Value::Float(delta()?),
            WindowFunction::Rate => Value::Float(delta()? * 1_000.0 / covered as f64),
        })
    }

    /// The mean, exact to the bit where a person would reckon so: that of a value that never changed is that value, and
    /// that of whole numbers, such as the share of time for which a condition was true, is rounded once.
    fn mean(&self, (known, mean, squares): (Millis, f64, f64)) -> f64 {
        let total = || self.cells.iter().map(|c| c.total).sum::<f64>();
        if squares == 0.0 {
            mean
        } else {
            Some(total() / known as f64).filter(|m| m.is_finite()).unwrap_or(mean)
        }
    }

    /// The value now without that at the beginning; both must be known.
    fn delta(&self, start: i64) -> Option<f64> {
        let first = self.cells.front().filter(|c| c.index * self.cell == start)?;
        let (opening, now) = (first.opening?, self.held?);
        let grown = || self.cells.iter().map(|c| c.grown).sum();
        Some(if self.counter.is_some() { grown() } else { now - opening })
    }
}

#[cfg(test)]
mod tests;
