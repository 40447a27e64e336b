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
        let (cells, held, last_known, is_condition) = (VecDeque::new(), None, None, false);
        Self { cell, count, counter, cells, held, last_known, is_condition, text: None, until: LONG_AGO }
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

    /// Whether time alone can change what it amounts to: not when nothing is known in it any more, nor when one
    /// value was held all along.
    pub(crate) fn changes_by_time(&self) -> bool {
        let known: Millis = self.cells.iter().map(|c| c.known).sum();
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
mod tests {
    use super::*;
    use WindowFunction::{Avg, Changes, Count, Delta, Edges, Max, Min, Rate, Stddev, Sum};

    /// 10 s of 1 s cells, after samples.
    fn history(counter: Option<u32>, samples: &[(i64, f64)]) -> History {
        let mut history = History::new(10_000, counter);
        for (at, value) in samples {
            history.take(*at, &Ok(Value::Float(*value)), true);
        }
        history
    }

    fn float(history: &mut History, function: WindowFunction, now: i64) -> Option<f64> {
        history.pass(now);
        match history.result(function, 0.8) {
            Ok(Value::Float(f)) => Some(f),
            Ok(Value::Int(i)) => Some(i as f64),
            _ => None,
        }
    }

    #[test]
    fn cells_are_a_sixtieth_and_at_least_a_second() {
        let of = |length| (History::new(length, None).cell, History::new(length, None).count);
        assert_eq!(of(500), (1_000, 1));
        assert_eq!(of(60_000), (1_000, 60));
        assert_eq!(of(61_000), (1_017, 60));
        assert_eq!(of(86_400_000), (1_440_000, 60));
    }

    #[test]
    fn a_mean_is_weighted_by_time_and_so_is_a_deviation() {
        let mut history = history(None, &[(0, 2.0), (7_500, 6.0)]);
        assert_eq!(float(&mut history, Avg, 10_000), Some(3.0));
        let deviation = float(&mut history, Stddev, 10_000).unwrap();
        assert!((deviation - 3.0_f64.sqrt()).abs() < 1e-12, "{deviation}");
    }

    #[test]
    fn a_mean_meets_a_limit_that_it_reaches_exactly() {
        for value in [0.1, 13.45, 90.0, 1e-9, 7e22] {
            let mut constant = history(None, &[(0, value), (1_234, value), (7_777, value), (9_999, value)]);
            for now in [10_000, 12_345, 20_000, 33_333] {
                assert_eq!(float(&mut constant, Avg, now), Some(value), "{value} at {now}");
            }
            constant.take(34_000, &Ok(Value::Float(2.0 * value)), true);
            assert_eq!(float(&mut constant, Avg, 34_000), Some(value), "another value at the very instant");
        }
        let mut share = History::new(600_000, None);
        for i in 0..5 {
            share.take(i * 600_000, &Ok(Value::Bool(true)), true);
            share.take(i * 600_000 + 480_000, &Ok(Value::Bool(false)), true);
            for now in
                (1..=12).map(|cell| i * 600_000 + 480_000 + cell * 10_000).filter(|now| *now >= 600_000)
            {
                assert_eq!(float(&mut share, Avg, now), Some(0.8), "at {now}");
            }
        }
    }

    #[test]
    fn the_start_is_exclusive_and_the_value_held_there_counts() {
        let mut history = history(None, &[(0, 9.0), (10_000, 1.0), (15_000, 2.0)]);
        assert_eq!(float(&mut history, Max, 19_999), Some(9.0), "from 9 s on");
        assert_eq!(float(&mut history, Max, 20_000), Some(2.0), "from 10 s on, where 1 was held");
        assert_eq!(float(&mut history, Min, 24_999), Some(1.0));
        assert_eq!(
            (float(&mut history, Count, 24_999), float(&mut history, Sum, 24_999)),
            (Some(1.0), Some(2.0))
        );
        assert_eq!(float(&mut history, Count, 25_000), Some(0.0), "the sample at 15 s is not in it");
    }

    #[test]
    fn too_little_known_time_is_unknown() {
        let mut history = history(None, &[(2_000, 1.0)]);
        assert_eq!(float(&mut history, Avg, 9_999), None);
        assert_eq!(float(&mut history, Avg, 10_000), Some(1.0), "8 of 10 s");
        history.take(12_000, &Err(Unknown::Bad), true);
        assert_eq!(float(&mut history, Avg, 14_000), Some(1.0), "8 of 10 s");
        assert_eq!(float(&mut history, Avg, 14_001), None);
        assert_eq!(float(&mut history, Delta, 12_000), None, "the value now is not known");
    }

    #[test]
    fn delta_and_rate_are_from_the_start_to_now() {
        let mut history = history(None, &[(0, 5.0), (12_000, 11.0)]);
        assert_eq!(float(&mut history, Delta, 15_000), Some(6.0));
        assert_eq!(float(&mut history, Rate, 15_000), Some(0.6));
        assert_eq!(float(&mut history, Rate, 15_500), Some(6.0 / 10.5), "per time covered");
        assert_eq!(float(&mut history, Delta, 22_000), Some(0.0), "11 was held at 12 s");
    }

    #[test]
    fn changes_of_a_text_are_counted() {
        let mut history = History::new(10_000, None);
        for (at, text) in [(1_000, "A"), (2_000, "A"), (3_000, "B"), (4_000, "A")] {
            history.take(at, &Ok(Value::Text(text.into())), true);
        }
        history.pass(9_500);
        assert_eq!(history.result(Changes, 0.8), Ok(Value::Int(2)));
    }

    #[test]
    fn a_counter_survives_a_wrap_and_a_reset() {
        let mut wrapped = history(Some(16), &[(0, 65_000.0), (5_000, 64.0)]);
        assert_eq!(float(&mut wrapped, Delta, 9_000), None, "less than 80 % is known");
        assert_eq!(float(&mut wrapped, Delta, 10_000), Some(600.0));
        let mut reset = history(Some(32), &[(0, 65_000.0), (5_000, 64.0), (6_000, 70.0)]);
        assert_eq!(float(&mut reset, Delta, 10_000), Some(70.0));
    }

    #[test]
    fn edges_are_those_of_a_condition_and_changes_those_of_a_value() {
        let mut history = History::new(10_000, None);
        for (at, held) in [(0, Ok(false)), (1_000, Ok(true)), (2_000, Err(Unknown::Bad)), (2_500, Ok(true))] {
            history.take(at, &held.map(Value::Bool), true);
        }
        for (at, b) in [(3_000, false), (4_000, true), (5_000, true)] {
            history.take(at, &Ok(Value::Bool(b)), true);
        }
        assert_eq!(float(&mut history, Edges, 10_000), Some(2.0));
        assert_eq!(float(&mut history, Count, 10_000), Some(2.0));
        assert_eq!(float(&mut history, Changes, 10_000), Some(3.0));
    }

    #[test]
    fn it_never_holds_more_than_62_cells_and_forgets_what_is_long_ago() {
        let mut history = History::new(61_000, None);
        for i in 0..10_000 {
            history.take(i * 333, &Ok(Value::Float(i as f64)), true);
            assert!(history.cells.len() <= 62);
        }
        history.pass(1_000_000_000_000);
        assert!(history.cells.len() <= 62);
        assert_eq!(float(&mut history, Stddev, 1_000_000_000_000), Some(0.0));
    }

    #[test]
    fn time_changes_nothing_in_a_window_that_is_still_or_empty() {
        let mut history = history(None, &[(0, 5.0)]);
        history.pass(5_000);
        assert!(history.changes_by_time(), "its coverage grows");
        history.pass(12_000);
        assert!(!history.changes_by_time(), "5 was held all along");
        history.take(12_500, &Err(Unknown::Stale), false);
        assert!(history.changes_by_time(), "its coverage falls");
        history.pass(40_000);
        assert!(!history.changes_by_time(), "nothing is known in it");
    }
}
