//! What an expression says on known and Unknown values.
//!
//! Here: §4 (what is admitted to a tag) and §5 (three-valued logic, numbers). Not here: time.
//! Invariant: `None` is Unknown.

use super::model::{Expr, Kind, Raw, Tag};

/// A known value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Known {
    Bool(bool),
    Int(i64),
    Float(f64),
}

/// What of a value comes to the tag.
pub(crate) fn admitted(tag: &Tag, kind: Kind, raw: &Raw) -> Option<Known> {
    let known = match (kind, raw) {
        (_, Raw::Bad) => return None,
        (Kind::Bool, Raw::Bool(b)) => Known::Bool(*b),
        (Kind::Bool, Raw::Int(i)) => Known::Bool(one_or_zero(*i as f64)?),
        (Kind::Bool, Raw::Float(f)) => Known::Bool(one_or_zero(*f)?),
        (Kind::Int, Raw::Int(i)) => Known::Int(*i),
        (Kind::Int, Raw::Float(f)) if f.is_finite() && f.fract() == 0.0 && f.abs() < 9e18 => {
            Known::Int(*f as i64)
        }
        (Kind::Float, Raw::Int(i)) => Known::Float(*i as f64),
        (Kind::Float, Raw::Float(f)) if f.is_finite() && (*f == 0.0 || f.abs() >= 1.18e-38) => {
            Known::Float(*f)
        }
        _ => return None,
    };
    let number = match known {
        Known::Bool(_) => return Some(known),
        Known::Int(i) => i as f64,
        Known::Float(f) => f,
    };
    let inside = tag.range.is_none_or(|(low, high)| low <= number && number <= high);
    inside.then_some(known)
}

fn one_or_zero(number: f64) -> Option<bool> {
    (number == 0.0 || number == 1.0).then_some(number == 1.0)
}

/// What an expression sees at an instant.
pub(crate) trait Sight {
    fn held(&self, tag: usize) -> Option<Known>;
    /// The value before the last one.
    fn before(&self, tag: usize) -> Option<Known>;
    /// How long ago the tag was heard of.
    fn age(&self, tag: usize) -> Option<i64>;
    /// What a window function says.
    fn window(&self, function: &str, inner: &Expr, length: i64) -> Option<Known>;
    /// The local time: what a clock on the wall shows, as ms since 1970.
    fn local(&self) -> i64;
}

/// What a condition says.
pub(crate) fn truth(expr: &Expr, of: &dyn Sight) -> Option<bool> {
    match value(expr, of)? {
        Known::Bool(b) => Some(b),
        other => panic!("{expr:?} is {other:?}, no condition"),
    }
}

/// What an expression says, be it a condition or a number.
pub(crate) fn truth_or_value(expr: &Expr, of: &dyn Sight) -> Option<Known> {
    value(expr, of)
}

fn value(expr: &Expr, of: &dyn Sight) -> Option<Known> {
    let truth = |e: &Expr| truth(e, of);
    match expr {
        Expr::Bool(b) => Some(Known::Bool(*b)),
        Expr::Int(i) => Some(Known::Int(*i)),
        Expr::Float(f) => Some(Known::Float(*f)),
        Expr::Tag(tag) => of.held(*tag),
        Expr::Not(a) => Some(Known::Bool(!truth(a)?)),
        Expr::And(a, b) => and(truth(a), truth(b)).map(Known::Bool),
        Expr::Or(a, b) => or(truth(a), truth(b)).map(Known::Bool),
        Expr::Xor(a, b) => Some(Known::Bool(truth(a)? != truth(b)?)),
        Expr::Compare(sign, a, b) => Some(Known::Bool(compare(sign, value(a, of)?, value(b, of)?))),
        Expr::Between(a, low, high) => {
            let a = value(a, of)?;
            let inside = compare(">=", a, Known::Float(*low)) && compare("<=", a, Known::Float(*high));
            Some(Known::Bool(inside))
        }
        Expr::In(a, list) => {
            let a = value(a, of)?;
            let equal = |b: &Expr| value(b, of).is_some_and(|b| compare("=", a, b));
            Some(Known::Bool(list.iter().any(equal)))
        }
        Expr::Arithmetic(sign, a, b) => arithmetic(*sign, value(a, of)?, value(b, of)?),
        Expr::Minus(a) => arithmetic('-', Known::Int(0), value(a, of)?),
        Expr::Abs(a) => match value(a, of)? {
            Known::Int(i) => i.checked_abs().map(Known::Int),
            other => Some(Known::Float(number(other).abs())),
        },
        Expr::Round(a) => Some(Known::Float(number(value(a, of)?).round())),
        Expr::Good(tag) => Some(Known::Bool(of.held(*tag).is_some())),
        Expr::Prev(tag) => of.before(*tag),
        Expr::Older(tag, sign, ms) => {
            Some(Known::Bool(compare(sign, Known::Int(of.age(*tag)?), Known::Int(*ms))))
        }
        Expr::Window(function, inner, length) => of.window(function, inner, *length),
        Expr::Else(a, b) => value(a, of).or_else(|| value(b, of)),
        Expr::Hour => Some(Known::Int(of.local() / 3_600_000 % 24)),
        // 1970 began on a Thursday.
        Expr::Weekday => Some(Known::Int((of.local() / 86_400_000 + 3) % 7 + 1)),
        Expr::Param(place) => panic!("parameter {place} has no value"),
    }
}

/// Kleene's.
pub(crate) fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

/// Kleene's.
pub(crate) fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    not(and(not(a), not(b)))
}

pub(crate) fn not(a: Option<bool>) -> Option<bool> {
    a.map(|a| !a)
}

fn arithmetic(sign: char, a: Known, b: Known) -> Option<Known> {
    if let (Known::Int(a), Known::Int(b), '+' | '-' | '*') = (a, b, sign) {
        let exact = match sign {
            '+' => a.checked_add(b),
            '-' => a.checked_sub(b),
            _ => a.checked_mul(b),
        };
        return exact.map(Known::Int);
    }
    let (a, b) = (number(a), number(b));
    let result = match sign {
        '+' => a + b,
        '-' => a - b,
        '*' => a * b,
        _ => a / b,
    };
    result.is_finite().then_some(Known::Float(result))
}

fn compare(sign: &str, a: Known, b: Known) -> bool {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let order = match (a, b) {
        (Known::Bool(a), Known::Bool(b)) => a.cmp(&b),
        (Known::Int(a), Known::Int(b)) => a.cmp(&b),
        (a, b) => number(a).total_cmp(&number(b)),
    };
    match sign {
        "=" => order == Equal,
        "<>" => order != Equal,
        "<" => order == Less,
        "<=" => order != Greater,
        ">" => order == Greater,
        ">=" => order != Less,
        _ => panic!("no sign: {sign}"),
    }
}

/// Numbers of a case are small, so nothing is lost. Zero has no sign here.
pub(crate) fn number(known: Known) -> f64 {
    match known {
        Known::Bool(b) => panic!("{b} is no number"),
        Known::Int(i) => i as f64,
        Known::Float(f) => f + 0.0,
    }
}
