//! A checked program, judged on values.
//!
//! Here: three-valued logic (Kleene) and exact comparison across Int and Float. Not here: where values come from.
//! Invariant: Unknown enters a result exactly where a value that decides it is Unknown.

use std::cmp::Ordering;

use crate::value::{Held, Unknown, Value};

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
}

impl Truth {
    fn of(b: bool) -> Self {
        if b { Truth::True } else { Truth::False }
    }

    fn not(self) -> Self {
        match self {
            Truth::True => Truth::False,
            Truth::False => Truth::True,
            Truth::Unknown => Truth::Unknown,
        }
    }
}

/// A condition bound to the slots of an instance.
#[derive(Debug, Clone, PartialEq)]
pub enum Program {
    /// A constant.
    Always(bool),
    /// A Bool tag.
    Flag(usize),
    /// Two values.
    Compare(Relation, Operand, Operand),
    /// Two conditions.
    Join(Joint, Box<Program>, Box<Program>),
    /// The opposite.
    Not(Box<Program>),
    /// A value, not a condition.
    Value(Operand),
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A tag, by the instance's slot.
    Slot(usize),
    /// A constant.
    Literal(Value),
    /// What a window of the plan amounts to.
    Window(usize),
    /// The value of the sample before the last.
    Previous(usize),
    /// How long ago the last sample was, ms.
    Age(usize),
    /// The hour where the agent stands.
    Hour,
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

impl Program {
    /// Judges on what is seen.
    pub fn judge(&self, seen: &impl Seen) -> Truth {
        match self {
            Program::Always(b) => Truth::of(*b),
            Program::Flag(slot) => match seen.held(*slot) {
                Ok(Value::Bool(b)) => Truth::of(*b),
                _ => Truth::Unknown,
            },
            Program::Compare(relation, a, b) => compare(*relation, a, b, seen),
            Program::Not(a) => a.judge(seen).not(),
            Program::Join(joint, a, b) => joined(*joint, a.judge(seen), || b.judge(seen)),
            Program::Value(_) => match self.value(seen) {
                Ok(Value::Bool(b)) => Truth::of(b),
                _ => Truth::Unknown,
            },
        }
    }

    /// What it gives: a value, or for a condition whether it holds.
    ///
    /// # Errors
    /// When that is Unknown.
    pub fn value(&self, seen: &impl Seen) -> Held {
        match self {
            Program::Value(Operand::Slot(slot)) => seen.held(*slot).clone(),
            Program::Value(Operand::Literal(value)) => Ok(value.clone()),
            Program::Value(Operand::Window(window)) => seen.window(*window),
            Program::Value(Operand::Previous(slot)) => seen.previous(*slot),
            Program::Value(Operand::Age(slot)) => {
                seen.sampled_at(*slot).map(|at| Value::Int(seen.now() - at)).ok_or(Unknown::NeverSeen)
            }
            Program::Value(Operand::Hour) => Ok(Value::Int(seen.hour())),
            condition => match condition.judge(seen) {
                Truth::True => Ok(Value::Bool(true)),
                Truth::False => Ok(Value::Bool(false)),
                Truth::Unknown => Err(Unknown::Uncovered),
            },
        }
    }

    /// The slot whose value it gives as it is, if that is all.
    #[must_use]
    pub fn plain_slot(&self) -> Option<usize> {
        match self {
            Program::Flag(slot) | Program::Value(Operand::Slot(slot)) => Some(*slot),
            _ => None,
        }
    }

    /// The numbers with which a slot is compared, if that is all that is done with it: then the result is the same
    /// while the value lies on the same side of each. None: any change may matter.
    #[must_use]
    pub fn cuts(&self, slot: usize) -> Option<Vec<f64>> {
        let mut cuts = Vec::new();
        self.find_cuts(slot, &mut cuts).then_some(cuts)
    }

    fn find_cuts(&self, slot: usize, cuts: &mut Vec<f64>) -> bool {
        match self {
            Program::Always(_) => true,
            Program::Flag(read) => *read != slot,
            Program::Compare(_, Operand::Slot(read), Operand::Literal(with))
            | Program::Compare(_, Operand::Literal(with), Operand::Slot(read)) => {
                *read != slot || exact(with).map(|cut| cuts.push(cut)).is_some()
            }
            Program::Compare(_, a, b) => [a, b].into_iter().all(|o| !o.reads(slot)),
            Program::Value(a) => !a.reads(slot),
            Program::Not(a) => a.find_cuts(slot, cuts),
            Program::Join(_, a, b) => a.find_cuts(slot, cuts) && b.find_cuts(slot, cuts),
        }
    }

    /// The slots in the order in which the condition names them, each once.
    pub fn slots(&self, found: &mut Vec<usize>) {
        let mut add = |slot: usize| {
            if !found.contains(&slot) {
                found.push(slot);
            }
        };
        match self {
            Program::Always(_) | Program::Value(_) => {}
            Program::Flag(slot) => add(*slot),
            Program::Compare(_, a, b) => {
                for operand in [a, b] {
                    if let Operand::Slot(slot) = operand {
                        add(*slot);
                    }
                }
            }
            Program::Not(a) => a.slots(found),
            Program::Join(_, a, b) => {
                a.slots(found);
                b.slots(found);
            }
        }
    }
}

impl Operand {
    fn reads(&self, slot: usize) -> bool {
        matches!(self, Operand::Slot(s) | Operand::Previous(s) | Operand::Age(s) if *s == slot)
    }
}

/// A number that a Float holds exactly.
fn exact(value: &Value) -> Option<f64> {
    /// Up to here every integer has a Float of its own.
    const EXACT_MAX: u64 = 1 << 52;
    match value {
        Value::Int(i) if i.unsigned_abs() <= EXACT_MAX => Some(*i as f64),
        Value::Float(f) if !f.is_nan() && f.abs() <= EXACT_MAX as f64 => Some(*f),
        _ => None,
    }
}

fn joined(joint: Joint, a: Truth, b: impl FnOnce() -> Truth) -> Truth {
    match (joint, a) {
        (Joint::And, Truth::False) => Truth::False,
        (Joint::Or, Truth::True) => Truth::True,
        (Joint::And, _) => match (a, b()) {
            (_, Truth::False) => Truth::False,
            (Truth::True, Truth::True) => Truth::True,
            _ => Truth::Unknown,
        },
        (Joint::Or, _) => match (a, b()) {
            (_, Truth::True) => Truth::True,
            (Truth::False, Truth::False) => Truth::False,
            _ => Truth::Unknown,
        },
        (Joint::Xor, _) => match (a, b()) {
            (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
            (a, b) => Truth::of(a != b),
        },
    }
}

fn compare(relation: Relation, a: &Operand, b: &Operand, seen: &impl Seen) -> Truth {
    let order = match (a, b) {
        (Operand::Slot(a), Operand::Slot(b)) => match (seen.held(*a), seen.held(*b)) {
            (Ok(a), Ok(b)) => order(a, b),
            _ => None,
        },
        (Operand::Slot(a), Operand::Literal(b)) => seen.held(*a).as_ref().ok().and_then(|a| order(a, b)),
        (Operand::Literal(a), Operand::Slot(b)) => seen.held(*b).as_ref().ok().and_then(|b| order(a, b)),
        (a, b) => {
            let value = |o: &Operand| Program::Value(o.clone()).value(seen);
            value(a).ok().zip(value(b).ok()).and_then(|(a, b)| order(&a, &b))
        }
    };
    let Some(order) = order else { return Truth::Unknown };
    Truth::of(match relation {
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Less => order.is_lt(),
        Relation::AtMost => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::AtLeast => order.is_ge(),
    })
}

fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Float(b)) => int_with_float(*a, *b),
        (Value::Float(a), Value::Int(b)) => int_with_float(*b, *a).map(Ordering::reverse),
        _ => None,
    }
}

/// Compares without rounding the integer: above 2^53 a conversion would.
fn int_with_float(i: i64, f: f64) -> Option<Ordering> {
    /// 2^63: the first number that an i64 does not hold.
    const I64_END: f64 = 9_223_372_036_854_775_808.0;
    if f.is_nan() {
        None
    } else if f >= I64_END {
        Some(Ordering::Less)
    } else if f < -I64_END {
        Some(Ordering::Greater)
    } else {
        let whole = i.cmp(&(f.trunc() as i64));
        Some(whole.then(0.0_f64.partial_cmp(&f.fract())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slots alone.
    struct Values<'v>(&'v [Held]);

    impl Seen for Values<'_> {
        fn held(&self, slot: usize) -> &Held {
            &self.0[slot]
        }
        fn window(&self, _: usize) -> Held {
            Err(Unknown::NeverSeen)
        }
        fn previous(&self, _: usize) -> Held {
            Err(Unknown::NeverSeen)
        }
        fn sampled_at(&self, _: usize) -> Option<i64> {
            None
        }
        fn now(&self) -> i64 {
            0
        }
        fn hour(&self) -> i64 {
            0
        }
        fn weekday(&self) -> i64 {
            1
        }
    }

    const ALL: [Truth; 3] = [Truth::True, Truth::False, Truth::Unknown];

    /// A truth as a program of one slot.
    fn join(joint: Joint, a: Truth, b: Truth) -> Truth {
        let held: Vec<Held> = [a, b]
            .iter()
            .map(|t| match t {
                Truth::True => Ok(Value::Bool(true)),
                Truth::False => Ok(Value::Bool(false)),
                Truth::Unknown => Err(Unknown::Stale),
            })
            .collect();
        let program = Program::Join(joint, Box::new(Program::Flag(0)), Box::new(Program::Flag(1)));
        program.judge(&Values(&held))
    }

    #[test]
    fn unknown_decides_only_where_it_could_change_the_result() {
        use Truth::{False, True, Unknown};
        for a in ALL {
            assert_eq!(join(Joint::And, a, False), False);
            assert_eq!(join(Joint::And, False, a), False);
            assert_eq!(join(Joint::Or, a, True), True);
            assert_eq!(join(Joint::Or, True, a), True);
            assert_eq!(join(Joint::Xor, a, Unknown), Unknown);
        }
        assert_eq!(join(Joint::And, True, Unknown), Unknown);
        assert_eq!(join(Joint::Or, Unknown, False), Unknown);
        assert_eq!(join(Joint::Xor, True, False), True);
        assert_eq!(join(Joint::And, True, True), True);
        assert_eq!(join(Joint::Or, False, False), False);
    }

    fn holds(relation: Relation, a: Value, b: Value) -> Truth {
        let held = [Ok(a)];
        Program::Compare(relation, Operand::Slot(0), Operand::Literal(b)).judge(&Values(&held))
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
        assert_eq!(holds(Relation::NotEqual, Value::Text("a".into()), Value::Text("b".into())), Truth::True);
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
        let held: [Held; 1] = [Err(Unknown::Bad)];
        let program = Program::Compare(Relation::NotEqual, Operand::Slot(0), Operand::Literal(Value::Int(1)));
        assert_eq!(program.judge(&Values(&held)), Truth::Unknown);
    }
}
