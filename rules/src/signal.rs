//! A tag's last value, and the signals that it is to those who read it.
//!
//! Most datapoints change a number that is compared with others, and pass none of them. The cell knows between which
//! two it lies, so that nothing else is fetched from memory for these.
//!
//! Here: whom a new value concerns. Not here: how it comes (`signals`), what is done with it (`scope`).
//! Invariant: a value concerns every program that may say something else because of it.

use proto::Quality;

use crate::contact::Renewed;
use crate::file::StaleAfter;
use crate::inventory::TagId;
use crate::time::LONG_AGO;
use crate::touched::{Reader, Touched};
use crate::value::{Held, Unknown, Value};

/// The last value of a tag.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) tag: TagId,
    pub(crate) held: Held,
    /// That of the sample before.
    pub(crate) previous: Held,
    pub(crate) quality: Quality,
    /// None: never heard of.
    pub(crate) timestamp: Option<i64>,
    pub(crate) sequence: u64,
    pub(crate) late: bool,
    /// The instant at which one was applied late, last.
    pub(crate) late_at: i64,
    /// Somebody read it before the rules were changed: all that there is of it is known.
    pub(crate) was_read: bool,
    /// The first of its signals; each names the next.
    pub(crate) signal: Option<u32>,
    /// Whether its signals are compared with numbers and nothing else.
    pub(crate) plain: bool,
    /// Where it is plain and holds a number: between these lies that number and none that it is compared with.
    pub(crate) quiet: (f64, f64),
}

/// There is no number between these.
pub(crate) const NOWHERE: (f64, f64) = (f64::NAN, f64::NAN);

impl Cell {
    pub(crate) fn new(tag: TagId) -> Self {
        Self {
            tag,
            held: Err(Unknown::NeverSeen),
            previous: Err(Unknown::NeverSeen),
            quality: Quality::Bad,
            timestamp: None,
            sequence: 0,
            late: false,
            late_at: LONG_AGO,
            was_read: false,
            signal: None,
            plain: false,
            quiet: NOWHERE,
        }
    }

    /// Whether nobody can tell the value from that before it, as far as the cell itself knows: of most datapoints
    /// nothing else need be looked at.
    pub(crate) fn tells_nothing(&self, changed: bool) -> bool {
        let (low, high) = self.quiet;
        self.plain && (!changed || number(&self.held).is_some_and(|value| low < value && value < high))
    }
}

/// A tag under one policy of staleness, read by instances.
#[derive(Debug)]
pub(crate) struct Signal {
    pub(crate) cell: usize,
    /// The next signal of the same tag.
    pub(crate) next: Option<u32>,
    pub(crate) policy: StaleAfter,
    pub(crate) stale: bool,
    /// An instant before which staleness does not begin to count: a late application, or its last end where no
    /// frontier tells when that was.
    pub(crate) floor: i64,
    /// What is judged whenever it changes.
    pub(crate) readers: Vec<Reader>,
    /// What compares it with numbers alone, by these: such a program says the same as before while the value lies
    /// on the same side of its number.
    pub(crate) cuts: Vec<(f64, Reader)>,
    /// What few signals have.
    rare: Option<Box<Rare>>,
}

/// Who looks not only at the value of a signal.
#[derive(Debug, Default)]
pub(crate) struct Rare {
    /// What is judged at each datapoint: its age is another then.
    pub(crate) aged: Vec<Reader>,
    /// Its places among the ages of the scope.
    pub(crate) ages: Vec<usize>,
    /// The windows over it.
    pub(crate) windows: Vec<usize>,
}

impl Signal {
    pub(crate) fn new(cell: usize, policy: StaleAfter) -> Self {
        Self {
            cell,
            next: None,
            policy,
            stale: false,
            floor: LONG_AGO,
            readers: Vec::new(),
            cuts: Vec::new(),
            rare: None,
        }
    }

    /// Who looks not only at its value, to add to them.
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Its places among the ages of the scope.
    pub(crate) fn ages(&self) -> &[usize] {
        self.rare.as_deref().map_or(&[], |rare| &rare.ages)
    }

    /// Touches all that reads it.
    pub(crate) fn touch(&self, touched: &mut Touched) {
        if let Some(rare) = &self.rare {
            touched.add_windows(&rare.windows, false);
        }
        touched.add(&self.readers);
        self.cuts.iter().for_each(|(_, reader)| touched.add(&[*reader]));
    }

    /// Whether numbers that it is compared with say all about it.
    pub(crate) fn is_plain(&self) -> bool {
        self.readers.is_empty() && self.rare.is_none()
    }

    /// Narrows an interval around a value to where it is on the same side of all that it is compared with.
    fn narrow(&self, value: f64, (low, high): (f64, f64)) -> (f64, f64) {
        let above = self.cuts.partition_point(|(cut, _)| *cut < value);
        let next = self.cuts.get(above).map_or(f64::INFINITY, |(cut, _)| *cut);
        let before = above.checked_sub(1).map_or(f64::NEG_INFINITY, |i| self.cuts[i].0);
        // On a number that it is compared with it is on neither side.
        if next == value { (value, value) } else { (low.max(before), high.min(next)) }
    }

    /// Touches all that may tell the one value from the other.
    fn touch_between(&self, before: &Held, after: &Held, touched: &mut Touched) {
        let (Some(before), Some(after)) = (number(before), number(after)) else { return self.touch(touched) };
        touched.add(&self.readers);
        let (low, high) = (before.min(after), before.max(after));
        let first = self.cuts.partition_point(|(cut, _)| *cut < low);
        let crossed = self.cuts[first..].iter().take_while(|(cut, _)| *cut <= high);
        crossed.for_each(|(_, reader)| touched.add(&[*reader]));
    }
}

/// A value as a number. Rounding a large integer keeps its order, and no cut lies where it rounds.
fn number(held: &Held) -> Option<f64> {
    match held {
        Ok(Value::Int(i)) => Some(*i as f64),
        Ok(Value::Float(f)) => Some(*f),
        _ => None,
    }
}

/// What becomes of the signals of a tag when a datapoint was applied.
pub(crate) struct Touching {
    /// The instant at which it was applied late; none: it was not late.
    pub(crate) now: Option<i64>,
    /// Whether nothing was heard of the tag before.
    pub(crate) first: bool,
    pub(crate) changed: bool,
    pub(crate) was_changed: bool,
}

impl Touching {
    pub(crate) fn all(
        &self,
        cell: &mut Cell,
        signals: &mut [Signal],
        touched: &mut Touched,
        renewed: &mut Renewed,
    ) {
        let told = !cell.tells_nothing(self.changed);
        let mut quiet = (f64::NEG_INFINITY, f64::INFINITY);
        let mut next = cell.signal;
        while let Some(signal) = next {
            let state = &mut signals[signal as usize];
            next = state.next;
            state.floor = self.now.unwrap_or(state.floor);
            if self.first && state.policy != StaleAfter::Never || !state.ages().is_empty() {
                renewed.signals.push(signal as usize);
            }
            if !told {
                continue;
            }
            if self.changed {
                state.touch_between(&cell.previous, &cell.held, touched);
            } else if self.was_changed {
                touched.add(&state.readers);
            }
            if let Some(rare) = &state.rare {
                touched.add(&rare.aged);
                touched.add_windows(&rare.windows, true);
            }
            if cell.plain {
                quiet = number(&cell.held).map_or(NOWHERE, |value| state.narrow(value, quiet));
            }
        }
        if told {
            cell.quiet = quiet;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(cuts: &[f64], policy: StaleAfter) -> Signal {
        let cuts = cuts.iter().enumerate().map(|(i, cut)| (*cut, Reader::new(i, 0))).collect();
        Signal { cuts, ..Signal::new(0, policy) }
    }

    /// How many are touched by each value in turn.
    fn touched(values: &[f64]) -> Vec<usize> {
        let mut signals = [signal(&[1.0, 5.0], StaleAfter::Never), signal(&[3.0], StaleAfter::Never)];
        signals[0].next = Some(1);
        let mut cell = Cell { signal: Some(0), plain: true, ..Cell::new(TagId(0)) };
        let mut count = |value: &f64| {
            let mut touched = Touched::default();
            cell.previous = std::mem::replace(&mut cell.held, Ok(Value::Float(*value)));
            let changed = cell.previous != cell.held;
            let touching = Touching { now: None, first: false, changed, was_changed: true };
            touching.all(&mut cell, &mut signals, &mut touched, &mut Renewed::default());
            touched.in_order().len()
        };
        values.iter().map(&mut count).collect()
    }

    #[test]
    fn what_passes_no_number_that_it_is_compared_with_concerns_nobody() {
        assert_eq!(touched(&[2.0, 2.5, 1.5, 2.9]), [2, 0, 0, 0], "the first one concerns all");
    }

    #[test]
    fn to_come_to_a_number_to_pass_it_and_to_leave_it_concerns_whoever_compares_with_it() {
        assert_eq!(touched(&[2.0, 3.0, 3.0, 3.5, 2.5, 6.0, 0.5, -1.0]), [2, 1, 0, 1, 1, 2, 2, 0]);
    }
}
