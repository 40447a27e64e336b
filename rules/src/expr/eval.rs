//! A program, judged on values.
//!
//! Here: the stack that operations work on. Not here: what operations there are (`op`), how a program comes about
//! (`compile`), what an operation makes of its values (`cell`), where values come from.
//! Invariant: Unknown enters a result exactly where a value that decides it is Unknown. Nothing panics, and nothing
//! recurses: a program is a row of operations.

use std::sync::Arc;

use crate::units::Scale;
use crate::value::{Held, Unknown, Value};

use super::cell::{
    Cell, NOTHING, absolute, among, calculated, cell, compared, converted, has, is_known, joined, negated,
    opposite, rounded,
};
use super::op::{Op, Run, TextSource};
use super::{Joint, Relation};

/// What a condition says: true, false, or that it cannot be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// A value that decides is Unknown.
    Unknown,
    /// Likewise, but only because a window could not be full yet.
    Filling,
}

impl Truth {
    /// Whether it cannot be known, for whatever reason.
    #[must_use]
    pub fn is_unknown(self) -> bool {
        matches!(self, Truth::Unknown | Truth::Filling)
    }
}

/// What an expression sees at an instant.
pub trait Seen {
    /// The value behind a slot.
    fn held(&self, slot: usize) -> &Held;
    /// What a window of the plan amounts to.
    fn window(&self, window: usize) -> Held;
    /// The value of the sample before the last one of a slot.
    fn previous(&self, slot: usize) -> Held;
    /// Event time of the last sample of a slot; none: never heard of.
    fn sampled_at(&self, slot: usize) -> Option<i64>;
    /// The instant, ms since 1970 UTC.
    fn now(&self) -> i64;
    /// The hour of the instant, 0 to 23, in the agent's time zone.
    fn hour(&self) -> i64;
    /// The day of the week of the instant, 1 (Monday) to 7, in the agent's time zone.
    fn weekday(&self) -> i64;
}

/// An expression bound to the slots of an instance, ready to be judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub(super) code: Box<[Op]>,
    pub(super) cells: Box<[Cell]>,
    pub(super) scales: Box<[Scale]>,
    pub(super) texts: Box<[TextSource]>,
    /// It is not judged: it gives the first known of its texts.
    pub(super) is_text: bool,
    /// Cells that the stack needs.
    pub(super) depth: u16,
}

impl Program {
    /// Judges a condition on what is seen.
    pub fn judge(&self, seen: &impl Seen) -> Truth {
        match self.result(seen) {
            Cell::Bool(true) => Truth::True,
            Cell::Bool(false) => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// The value of an expression on what is seen.
    ///
    /// # Errors
    /// The reason of the first value that is Unknown and decides.
    pub fn value(&self, seen: &impl Seen) -> Held {
        if self.is_text {
            return self.first_text(0..self.texts.len(), seen).map(Value::Text);
        }
        match self.result(seen) {
            Cell::Bool(b) => Ok(Value::Bool(b)),
            Cell::Int(i) => Ok(Value::Int(i)),
            Cell::Float(f) => Ok(Value::Float(f)),
            Cell::Unknown(reason) => Err(reason),
        }
    }

    /// What it takes of memory, beside itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = |source: &TextSource| match source {
            TextSource::Const(text) => text.len() + 2 * size_of::<usize>(),
            TextSource::Slot(_) | TextSource::Previous(_) => 0,
        };
        size_of_val(&*self.code)
            + size_of_val(&*self.cells)
            + size_of_val(&*self.scales)
            + size_of_val(&*self.texts)
            + self.texts.iter().map(text).sum::<usize>()
    }

    fn result(&self, seen: &impl Seen) -> Cell {
        // Most conditions are one comparison or two, which need no stack.
        match *self.code {
            [Op::Slot(_) | Op::SlotFloat(..) | Op::SlotInt(..)] => return self.source(self.code[0], seen),
            [a, Op::SkipIfFalse(_), b, Op::Join(Joint::And)] if a.is_source() && b.is_source() => {
                let first = self.source(a, seen);
                let decided = first == Cell::Bool(false);
                return if decided { first } else { joined(Joint::And, first, self.source(b, seen)) };
            }
            _ => {}
        }
        match self.depth {
            0..=3 => self.run::<3>(seen),
            4..=12 => self.run::<12>(seen),
            _ => self.run::<{ super::compile::STACK_MAX }>(seen),
        }
    }

    fn run<const N: usize>(&self, seen: &impl Seen) -> Cell {
        let mut stack = Stack { cells: [NOTHING; N], height: 0 };
        let mut at = 0;
        while let Some(op) = self.code.get(at) {
            at += 1;
            match *op {
                Op::SkipIfFalse(to) if stack.top() == Cell::Bool(false) => at = to as usize,
                Op::SkipIfTrue(to) if stack.top() == Cell::Bool(true) => at = to as usize,
                Op::SkipIfKnown(to) if is_known(stack.top()) => at = to as usize,
                Op::SkipIfKnown(_) => drop(stack.pop()),
                Op::SkipIfFalse(_) | Op::SkipIfTrue(_) => {}
                Op::Compare(relation) => stack.two(|a, b| compared(relation, a, b)),
                Op::Calc(operator) => stack.two(|a, b| calculated(operator, a, b)),
                Op::Join(joint) => stack.two(|a, b| joined(joint, a, b)),
                Op::Between => {
                    let (high, low, x) = (stack.pop(), stack.pop(), stack.pop());
                    let (above, below) =
                        (compared(Relation::AtLeast, x, low), compared(Relation::AtMost, x, high));
                    stack.push(joined(Joint::And, above, below));
                }
                Op::Among(run) => stack.one(|x| among(x, entries(&self.cells, run))),
                Op::Has(bit) => stack.one(|x| has(x, bit)),
                Op::Negate => stack.one(negated),
                Op::Abs => stack.one(absolute),
                Op::Round(digits) => stack.one(|x| rounded(x, digits)),
                Op::Convert(scale) => {
                    let scale = self.scales.get(scale as usize);
                    stack.one(|x| scale.map_or(NOTHING, |s| converted(x, *s)));
                }
                Op::Not => stack.one(opposite),
                Op::Good => stack.one(|x| Cell::Bool(is_known(x))),
                source => stack.push(self.source(source, seen)),
            }
        }
        stack.top()
    }

    /// What an operation gives that takes nothing.
    #[inline]
    fn source(&self, op: Op, seen: &impl Seen) -> Cell {
        match op {
            Op::SlotFloat(relation, slot, limit) => {
                compared(relation, cell(seen.held(slot as usize)), Cell::Float(limit))
            }
            Op::SlotInt(relation, slot, limit) => {
                compared(relation, cell(seen.held(slot as usize)), Cell::Int(limit))
            }
            Op::Slot(slot) => cell(seen.held(slot as usize)),
            Op::Const(place) => self.cells.get(place as usize).copied().unwrap_or(NOTHING),
            Op::Previous(slot) => cell(&seen.previous(slot as usize)),
            Op::Window(window) => cell(&seen.window(window as usize)),
            Op::Age(slot) => match seen.sampled_at(slot as usize) {
                Some(sampled) => Cell::Int(seen.now().saturating_sub(sampled).max(0)),
                None => Cell::Unknown(Unknown::NeverSeen),
            },
            Op::Hour => Cell::Int(seen.hour()),
            Op::Weekday => Cell::Int(seen.weekday()),
            Op::GoodSlot(slot) => Cell::Bool(seen.held(slot as usize).is_ok()),
            Op::Texts(equal, a, b) => self.texts_compared(equal, a, b, seen),
            _ => NOTHING,
        }
    }

    fn texts_compared(&self, equal: bool, a: Run, b: Run, seen: &impl Seen) -> Cell {
        let range = |run: Run| usize::from(run.start)..usize::from(run.start) + usize::from(run.length);
        match (self.first_text(range(a), seen), self.first_text(range(b), seen)) {
            (Ok(a), Ok(b)) => Cell::Bool((a == b) == equal),
            (Err(reason), _) | (_, Err(reason)) => Cell::Unknown(reason),
        }
    }

    fn first_text(&self, range: std::ops::Range<usize>, seen: &impl Seen) -> Result<Arc<str>, Unknown> {
        let text = |held: &Held| match held {
            Ok(Value::Text(text)) => Ok(Arc::clone(text)),
            Ok(_) => Err(Unknown::WrongType),
            Err(reason) => Err(*reason),
        };
        let mut last = Err(Unknown::NeverSeen);
        for source in self.texts.get(range).unwrap_or(&[]) {
            last = match source {
                TextSource::Const(text) => Ok(Arc::clone(text)),
                TextSource::Slot(slot) => text(seen.held(*slot as usize)),
                TextSource::Previous(slot) => text(&seen.previous(*slot as usize)),
            };
            if last.is_ok() {
                break;
            }
        }
        last
    }
}

struct Stack<const N: usize> {
    cells: [Cell; N],
    height: usize,
}

impl<const N: usize> Stack<N> {
    #[inline]
    fn push(&mut self, cell: Cell) {
        if let Some(place) = self.cells.get_mut(self.height) {
            *place = cell;
            self.height += 1;
        }
    }

    #[inline]
    fn pop(&mut self) -> Cell {
        let top = self.top();
        self.height = self.height.saturating_sub(1);
        top
    }

    #[inline]
    fn top(&self) -> Cell {
        self.height.checked_sub(1).and_then(|at| self.cells.get(at)).copied().unwrap_or(NOTHING)
    }

    #[inline]
    fn one(&mut self, f: impl FnOnce(Cell) -> Cell) {
        let top = self.pop();
        self.push(f(top));
    }

    #[inline]
    fn two(&mut self, f: impl FnOnce(Cell, Cell) -> Cell) {
        let (b, a) = (self.pop(), self.pop());
        self.push(f(a, b));
    }
}

fn entries(cells: &[Cell], run: Run) -> &[Cell] {
    let start = usize::from(run.start);
    cells.get(start..start + usize::from(run.length)).unwrap_or(&[])
}

#[cfg(test)]
mod tests;
