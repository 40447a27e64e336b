//! What a program calculates with.
//!
//! Here: three-valued logic (Kleene), exact comparison across Int and Float, arithmetic. Not here: the order of
//! operations (`compile`), and what they read (`eval`).
//! Invariant: a result that no number can be (x / 0, an overflow of an integer, an infinite product) is Unknown; NaN
//! never arises.

use std::cmp::Ordering;

use crate::units::Scale;
use crate::value::{Held, Unknown, Value};

use super::{Joint, Operator, Relation};

/// A value in the making; texts never are, they are compared where they lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Unknown(Unknown),
    Bool(bool),
    Int(i64),
    Float(f64),
}

/// What an operation finds that a right program never has it look for.
pub(super) const NOTHING: Cell = Cell::Unknown(Unknown::WrongType);

#[inline]
pub(super) fn cell(held: &Held) -> Cell {
    match held {
        Ok(Value::Bool(b)) => Cell::Bool(*b),
        Ok(Value::Int(i)) => Cell::Int(*i),
        Ok(Value::Float(f)) => Cell::Float(*f),
        Ok(Value::Text(_)) => NOTHING,
        Err(reason) => Cell::Unknown(*reason),
    }
}

pub(super) fn is_known(x: Cell) -> bool {
    !matches!(x, Cell::Unknown(_))
}

pub(super) fn opposite(x: Cell) -> Cell {
    match x {
        Cell::Bool(b) => Cell::Bool(!b),
        other => other,
    }
}

#[inline]
pub(super) fn joined(joint: Joint, a: Cell, b: Cell) -> Cell {
    use Cell::Bool;
    match (joint, a, b) {
        (Joint::And, Bool(false), _) | (Joint::And, _, Bool(false)) => Bool(false),
        (Joint::Or, Bool(true), _) | (Joint::Or, _, Bool(true)) => Bool(true),
        (_, Bool(a), Bool(b)) => Bool(match joint {
            Joint::And => a && b,
            Joint::Or => a || b,
            Joint::Xor => a != b,
        }),
        (_, Bool(_), unknown) | (_, unknown, _) => unknown,
    }
}

#[inline]
pub(super) fn compared(relation: Relation, a: Cell, b: Cell) -> Cell {
    let order = match (a, b) {
        (Cell::Float(a), Cell::Float(b)) => a.partial_cmp(&b),
        (Cell::Int(a), Cell::Int(b)) => Some(a.cmp(&b)),
        (Cell::Int(a), Cell::Float(b)) => int_with_float(a, b),
        (Cell::Float(a), Cell::Int(b)) => int_with_float(b, a).map(Ordering::reverse),
        (Cell::Bool(a), Cell::Bool(b)) => Some(a.cmp(&b)),
        (Cell::Unknown(reason), _) | (_, Cell::Unknown(reason)) => return Cell::Unknown(reason),
        _ => None,
    };
    let Some(order) = order else { return NOTHING };
    Cell::Bool(match relation {
        Relation::Equal => order.is_eq(),
        Relation::NotEqual => order.is_ne(),
        Relation::Less => order.is_lt(),
        Relation::AtMost => order.is_le(),
        Relation::Greater => order.is_gt(),
        Relation::AtLeast => order.is_ge(),
    })
}

pub(super) fn among(x: Cell, list: &[Cell]) -> Cell {
    let found = list.iter().any(|one| compared(Relation::Equal, x, *one) == Cell::Bool(true));
    if is_known(x) { Cell::Bool(found) } else { x }
}

pub(super) fn has(x: Cell, bit: u8) -> Cell {
    match x {
        Cell::Int(word) => Cell::Bool(word >> bit.min(63) & 1 == 1),
        Cell::Unknown(reason) => Cell::Unknown(reason),
        _ => NOTHING,
    }
}

/// A number, if it is one.
fn finite(f: f64) -> Cell {
    if f.is_finite() { Cell::Float(f) } else { Cell::Unknown(Unknown::NotANumber) }
}

fn whole(i: Option<i64>) -> Cell {
    i.map_or(Cell::Unknown(Unknown::NotANumber), Cell::Int)
}

pub(super) fn calculated(operator: Operator, a: Cell, b: Cell) -> Cell {
    let float = |cell| match cell {
        Cell::Int(i) => Ok(i as f64),
        Cell::Float(f) => Ok(f),
        Cell::Unknown(reason) => Err(reason),
        Cell::Bool(_) => Err(Unknown::WrongType),
    };
    match (operator, a, b) {
        (Operator::Add, Cell::Int(a), Cell::Int(b)) => return whole(a.checked_add(b)),
        (Operator::Subtract, Cell::Int(a), Cell::Int(b)) => return whole(a.checked_sub(b)),
        (Operator::Multiply, Cell::Int(a), Cell::Int(b)) => return whole(a.checked_mul(b)),
        _ => {}
    }
    match (float(a), float(b)) {
        (Ok(a), Ok(b)) => finite(match operator {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
        }),
        (Err(reason), _) | (_, Err(reason)) => Cell::Unknown(reason),
    }
}

pub(super) fn negated(x: Cell) -> Cell {
    match x {
        Cell::Int(i) => whole(i.checked_neg()),
        Cell::Float(f) => Cell::Float(-f),
        other => other,
    }
}

pub(super) fn absolute(x: Cell) -> Cell {
    match x {
        Cell::Int(i) => whole(i.checked_abs()),
        Cell::Float(f) => Cell::Float(f.abs()),
        other => other,
    }
}

/// Half is rounded away from zero, as people do.
pub(super) fn rounded(x: Cell, digits: u8) -> Cell {
    let power = 10_f64.powi(i32::from(digits));
    match x {
        Cell::Float(f) if digits == 0 => Cell::Float(f.round()),
        Cell::Float(f) => {
            let rounded = (f * power).round() / power;
            // A number too large for it has no such decimals.
            if rounded.is_finite() { Cell::Float(rounded) } else { Cell::Float(f) }
        }
        other => other,
    }
}

pub(super) fn converted(x: Cell, scale: Scale) -> Cell {
    match x {
        Cell::Int(i) => finite(scale.apply(i as f64)),
        Cell::Float(f) => finite(scale.apply(f)),
        other => other,
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
