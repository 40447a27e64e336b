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
mod tests {
    use super::super::ir::Ir;
    use super::*;
    use crate::expr::Operator;

    /// Slots alone.
    struct Values<'v>(&'v [Held]);

    impl Seen for Values<'_> {
        fn held(&self, slot: usize) -> &Held {
            &self.0[slot]
        }
        fn window(&self, _: usize) -> Held {
            Ok(Value::Float(4.5))
        }
        fn previous(&self, _: usize) -> Held {
            Ok(Value::Int(7))
        }
        fn sampled_at(&self, slot: usize) -> Option<i64> {
            (slot == 0).then_some(1_000)
        }
        fn now(&self) -> i64 {
            4_000
        }
        fn hour(&self) -> i64 {
            6
        }
        fn weekday(&self) -> i64 {
            7
        }
    }

    const ALL: [Truth; 3] = [Truth::True, Truth::False, Truth::Unknown];

    fn held(truth: Truth) -> Held {
        match truth {
            Truth::True => Ok(Value::Bool(true)),
            Truth::False => Ok(Value::Bool(false)),
            Truth::Unknown | Truth::Filling => Err(Unknown::Stale),
        }
    }

    fn judge(ir: &Ir, held: &[Held]) -> Truth {
        Program::of(ir).judge(&Values(held))
    }

    fn join(joint: Joint, truths: &[Truth]) -> Truth {
        let parts = (0..truths.len()).map(Ir::Slot).collect();
        judge(&Ir::Join(joint, parts), &truths.iter().map(|t| held(*t)).collect::<Vec<_>>())
    }

    #[test]
    fn unknown_decides_only_where_it_could_change_the_result() {
        use Truth::{False, True, Unknown};
        for a in ALL {
            assert_eq!(join(Joint::And, &[a, False]), False);
            assert_eq!(join(Joint::And, &[False, a]), False);
            assert_eq!(join(Joint::Or, &[a, True]), True);
            assert_eq!(join(Joint::Or, &[True, a]), True);
            assert_eq!(join(Joint::Xor, &[a, Unknown]), Unknown);
            assert_eq!(join(Joint::And, &[Unknown, a, False]), False);
            assert_eq!(join(Joint::Or, &[Unknown, a, True]), True);
        }
        assert_eq!(join(Joint::And, &[True, Unknown]), Unknown);
        assert_eq!(join(Joint::Or, &[Unknown, False]), Unknown);
        assert_eq!(join(Joint::Xor, &[True, False]), True);
        assert_eq!(join(Joint::Xor, &[True, True, True]), True);
        assert_eq!(join(Joint::And, &[True, True]), True);
        assert_eq!(join(Joint::Or, &[False, False]), False);
    }

    fn constant(value: Value) -> Box<Ir> {
        Box::new(Ir::Const(value))
    }

    fn holds(relation: Relation, a: Value, b: Value) -> Truth {
        let here =
            judge(&Ir::Compare(relation, Box::new(Ir::Slot(0)), constant(b.clone())), &[Ok(a.clone())]);
        let there = judge(&Ir::Compare(relation.mirrored(), constant(b), Box::new(Ir::Slot(0))), &[Ok(a)]);
        assert_eq!(here, there);
        here
    }

    #[test]
    fn relations_hold_at_their_borders() {
        let f = Value::Float;
        assert_eq!(holds(Relation::Greater, f(90.0), Value::Int(90)), Truth::False);
        assert_eq!(holds(Relation::AtLeast, f(90.0), Value::Int(90)), Truth::True);
        assert_eq!(holds(Relation::Less, f(90.0), Value::Int(90)), Truth::False);
        assert_eq!(holds(Relation::AtMost, f(90.0), Value::Int(90)), Truth::True);
        assert_eq!(holds(Relation::Equal, f(-90.5), Value::Int(-90)), Truth::False);
        assert_eq!(holds(Relation::Less, f(-90.5), Value::Int(-90)), Truth::True);
    }

    #[test]
    fn large_integers_are_not_rounded() {
        let beyond = 9_007_199_254_740_993; // 2^53 + 1
        assert_eq!(
            holds(Relation::Greater, Value::Int(beyond), Value::Float(9_007_199_254_740_992.0)),
            Truth::True
        );
        assert_eq!(holds(Relation::Less, Value::Int(i64::MAX), Value::Float(1e300)), Truth::True);
        assert_eq!(holds(Relation::Greater, Value::Int(i64::MIN), Value::Float(-1e300)), Truth::True);
    }

    #[test]
    fn an_unknown_value_makes_the_comparison_unknown() {
        let unknown: [Held; 1] = [Err(Unknown::Bad)];
        let ir = Ir::Compare(Relation::NotEqual, Box::new(Ir::Slot(0)), constant(Value::Int(1)));
        assert_eq!(judge(&ir, &unknown), Truth::Unknown);
        assert_eq!(Program::of(&ir).value(&Values(&unknown)), Err(Unknown::Bad));
    }

    fn calc(first: Value, operator: Operator, second: Value) -> Held {
        let ir = Ir::Calc(constant(first), vec![(operator, Ir::Const(second))]);
        Program::of(&ir).value(&Values(&[]))
    }

    #[test]
    fn a_result_that_no_number_can_be_is_unknown() {
        use Operator::{Add, Divide, Multiply, Subtract};
        let (i, f) = (Value::Int, Value::Float);
        let nothing = Err(Unknown::NotANumber);
        assert_eq!(calc(i(i64::MAX), Add, i(1)), nothing);
        assert_eq!(calc(i(i64::MIN), Subtract, i(1)), nothing);
        assert_eq!(calc(i(i64::MIN), Multiply, i(-1)), nothing);
        assert_eq!(calc(i(1), Divide, i(0)), nothing);
        assert_eq!(calc(f(0.0), Divide, f(0.0)), nothing);
        assert_eq!(calc(f(1e308), Multiply, f(10.0)), nothing);
        assert_eq!(calc(i(7), Divide, i(2)), Ok(f(3.5)));
        assert_eq!(calc(i(7), Add, i(2)), Ok(i(9)));
        assert_eq!(calc(i(7), Add, f(0.5)), Ok(f(7.5)));
        let negate = |x| Program::of(&Ir::Negate(constant(x))).value(&Values(&[]));
        assert_eq!(negate(i(i64::MIN)), nothing);
        assert_eq!(Program::of(&Ir::Abs(constant(i(i64::MIN)))).value(&Values(&[])), nothing);
        assert_eq!(Program::of(&Ir::Round(constant(f(2.25)), 1)).value(&Values(&[])), Ok(f(2.3)));
        assert_eq!(Program::of(&Ir::Round(constant(f(-2.5)), 0)).value(&Values(&[])), Ok(f(-3.0)));
        assert_eq!(Program::of(&Ir::Round(constant(f(1e300)), 9)).value(&Values(&[])), Ok(f(1e300)));
    }

    #[test]
    fn only_good_age_and_else_see_through_unknown() {
        let seen: [Held; 2] = [Err(Unknown::Stale), Ok(Value::Int(3))];
        let value = |ir: &Ir| Program::of(ir).value(&Values(&seen));
        assert_eq!(value(&Ir::Good(Box::new(Ir::Slot(0)))), Ok(Value::Bool(false)));
        assert_eq!(value(&Ir::Good(Box::new(Ir::Negate(Box::new(Ir::Slot(0)))))), Ok(Value::Bool(false)));
        assert_eq!(value(&Ir::Age(0)), Ok(Value::Int(3_000)));
        assert_eq!(value(&Ir::Age(1)), Err(Unknown::NeverSeen));
        assert_eq!(value(&Ir::Else(vec![Ir::Slot(0), Ir::Slot(1), Ir::Hour])), Ok(Value::Int(3)));
        assert_eq!(value(&Ir::Else(vec![Ir::Slot(0), Ir::Slot(0)])), Err(Unknown::Stale));
        let among = |slot| Ir::Among(Box::new(Ir::Slot(slot)), vec![Value::Int(1), Value::Float(3.0)]);
        assert_eq!(value(&among(1)), Ok(Value::Bool(true)));
        assert_eq!(value(&among(0)), Err(Unknown::Stale));
        assert_eq!(value(&Ir::Has(Box::new(Ir::Slot(0)), 1)), Err(Unknown::Stale));
        assert_eq!(value(&Ir::Has(Box::new(Ir::Slot(1)), 1)), Ok(Value::Bool(true)));
        assert_eq!(value(&Ir::Has(Box::new(Ir::Slot(1)), 2)), Ok(Value::Bool(false)));
        let between = |high| Ir::Between(Box::new(Ir::Slot(1)), Box::new(Ir::Slot(0)), Box::new(high));
        assert_eq!(
            value(&between(Ir::Const(Value::Int(2)))),
            Ok(Value::Bool(false)),
            "3 is above 2 in any case"
        );
        assert_eq!(value(&between(Ir::Const(Value::Int(4)))), Err(Unknown::Stale));
    }

    #[test]
    fn texts_are_compared_where_they_lie() {
        let seen: [Held; 2] = [Ok(Value::Text("Pils".into())), Err(Unknown::Bad)];
        let text = |parts: Vec<Ir>| Box::new(Ir::Else(vec![Ir::Else(parts)]));
        let compare = |relation, a, b| judge(&Ir::Compare(relation, a, b), &seen);
        let pils = || constant(Value::Text("Pils".into()));
        assert_eq!(compare(Relation::Equal, text(vec![Ir::Slot(0)]), pils()), Truth::True);
        assert_eq!(compare(Relation::NotEqual, text(vec![Ir::Slot(0)]), pils()), Truth::False);
        assert_eq!(compare(Relation::Equal, text(vec![Ir::Slot(1)]), pils()), Truth::Unknown);
        assert_eq!(compare(Relation::Equal, text(vec![Ir::Slot(1), Ir::Slot(0)]), pils()), Truth::True);
        let good = |slot| judge(&Ir::Good(Box::new(Ir::Else(vec![Ir::Slot(slot)]))), &seen);
        assert_eq!((good(0), good(1)), (Truth::True, Truth::False));
        assert_eq!(
            Program::of(&Ir::Else(vec![Ir::Slot(0)])).value(&Values(&seen)),
            Ok(Value::Text("Pils".into()))
        );
    }

    /// A tree of joints, negations and ranges, deep and wide.
    fn deep(depth: usize) -> Ir {
        if depth == 0 {
            return Ir::Between(Box::new(Ir::Slot(0)), constant(Value::Int(1)), constant(Value::Int(2)));
        }
        let joint = [Joint::And, Joint::Or, Joint::Xor][depth % 3];
        Ir::Join(joint, vec![Ir::Slot(1), Ir::Not(Box::new(deep(depth - 1)))])
    }

    #[test]
    fn the_stack_is_never_too_small() {
        let held = [Ok(Value::Int(2)), Ok(Value::Bool(true))];
        let plain = |depth| -> Truth {
            let mut truth = true;
            for d in 1..=depth {
                truth = match d % 3 {
                    0 => !truth,
                    1 => true,
                    _ => truth,
                };
            }
            if truth { Truth::True } else { Truth::False }
        };
        for depth in 0..60 {
            assert_eq!(judge(&deep(depth), &held), plain(depth), "{depth}");
        }
    }
}
