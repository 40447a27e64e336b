//! Arithmetic on typed numbers.
//!
//! Here: which units and types a sum, a product and a quotient have. Not here: comparisons (`typed`), the numbers
//! themselves (`cell`).
//! Invariant: terms are in one unit; a sum of temperatures is known from a temperature, a share from a number.

use std::ops::Range;

use crate::units::Unit;
use crate::value::Type;

use super::check::Binder;
use super::ir::Ir;
use super::typed::Typed;
use super::unified::unfit;
use super::{Expr, Mistake, Operator};

impl Binder<'_> {
    pub(super) fn negated(&mut self, a: &Expr, span: Range<usize>) -> Option<Typed> {
        let a = self.typed(a)?;
        self.number_wanted(&a, "`-` stands in front of a number")?;
        let ir = self.fold(Ir::Negate(Box::new(a.ir)), &span)?;
        Some(Typed { ir, weight: a.weight.map(|w| -w), tag: None, names: None, span, ..a })
    }

    pub(super) fn calculated(
        &mut self,
        first: &Expr,
        rest: &[(Operator, Expr)],
        span: &Range<usize>,
    ) -> Option<Typed> {
        let mut sum = self.typed(first);
        for (operator, part) in rest {
            let part = self.typed(part);
            sum = match (sum, part) {
                (Some(sum), Some(part)) => self.calculated_one(*operator, sum, part),
                _ => None,
            };
        }
        sum.map(|sum| Typed { span: span.clone(), ..sum })
    }

    fn calculated_one(&mut self, operator: Operator, a: Typed, b: Typed) -> Option<Typed> {
        for part in [&a, &b] {
            self.number_wanted(part, &format!("`{operator}` needs numbers"))?;
        }
        let span = a.span.start..b.span.end;
        let literal = a.literal && b.literal;
        let kind = if operator == Operator::Divide || a.kind == Type::Float || b.kind == Type::Float {
            Type::Float
        } else {
            Type::Int
        };
        let (a, b, unit, weight) = match operator {
            Operator::Add => self.added(a, b, 1.0)?,
            Operator::Subtract => self.added(a, b, -1.0)?,
            Operator::Multiply => self.multiplied(a, b, 1)?,
            Operator::Divide => self.multiplied(a, b, -1)?,
        };
        let ir = match a.ir {
            Ir::Calc(first, mut rest) => {
                rest.push((operator, b.ir));
                Ir::Calc(first, rest)
            }
            first => Ir::Calc(Box::new(first), vec![(operator, b.ir)]),
        };
        let ir = self.fold(ir, &span)?;
        let unit = match (unit, weight) {
            (Some(unit), Some(0.0)) => Some(unit.difference()),
            (unit, _) => unit,
        };
        let sum = Typed { ir, kind, unit, weight, names: None, literal, tag: None, span };
        // bar / mbar is a number, and 1 of it is 1.
        let is_ratio = operator == Operator::Divide && sum.unit.as_ref().is_some_and(Unit::is_pure);
        Some(if is_ratio { sum.converted(&Unit::pure(), 0.0) } else { sum })
    }

    /// Two terms in one unit, with the unit and the weight of their sum.
    fn added(&mut self, a: Typed, b: Typed, sign: f64) -> Option<(Typed, Typed, Option<Unit>, Option<f64>)> {
        let (Some(left), Some(right)) = (a.unit.clone(), b.unit.clone()) else {
            let unit = a.unit.clone().or(b.unit.clone());
            let weight = a.weight.or(b.weight.map(|w| w * sign));
            return Some((a, b, unit, weight));
        };
        if !left.fits(&right) {
            let mistake = unfit(&left, &right, &b, true);
            self.say(mistake);
            return None;
        }
        self.unlisted(&a, &b);
        let (to_left, weight) = match (a.weight, b.weight) {
            (Some(x), Some(y)) => (true, Some(x + sign * y)),
            (Some(x), None) => (true, Some(x)),
            (None, Some(y)) => (false, Some(sign * y)),
            (None, None) => (b.is_fixed() || !a.is_fixed(), None),
        };
        // Kelvins that may be meant either way are a difference beside a temperature.
        if to_left {
            let part = b.weight.unwrap_or(0.0);
            Some((a, b.converted(&left, part), Some(left), weight))
        } else {
            let part = a.weight.unwrap_or(0.0);
            Some((a.converted(&right, part), b, Some(right), weight))
        }
    }

    /// Two factors, with the unit and the weight of their product (`power` 1) or quotient (-1).
    fn multiplied(
        &mut self,
        a: Typed,
        b: Typed,
        power: i8,
    ) -> Option<(Typed, Typed, Option<Unit>, Option<f64>)> {
        let is_ratio = ratio(&a, &b, power);
        let (a, b) = (a.without_percent(), b.without_percent());
        // A temperature times a number is one only in a mean: (a + b) / 2.
        let number = |x: &Typed| x.ir.number().filter(|_| x.unit.is_none());
        let scaled = match (a.is_reading(), b.is_reading()) {
            (false, false) => None,
            (true, false) => number(&b)
                .map(|n| (a.weight.unwrap_or(0.0) * if power > 0 { n } else { 1.0 / n }, a.unit.clone())),
            (false, true) if power > 0 => number(&a).map(|n| (b.weight.unwrap_or(0.0) * n, b.unit.clone())),
            _ => None,
        };
        if let Some((weight, unit)) = scaled {
            return Some((a, b, unit, Some(weight)));
        }
        if a.is_reading() || b.is_reading() {
            let span = if a.is_reading() { a.span.clone() } else { b.span.clone() };
            self.say(
                Mistake::new("R205", span, "a temperature is multiplied or divided")
                    .label("0 °C is not \"no temperature\"")
                    .help("compare differences instead: `a - b > 5 K`"),
            );
            return None;
        }
        let unit = match (&a.unit, &b.unit) {
            (None, None) => is_ratio.then(Unit::pure),
            (Some(unit), None) => Some(unit.clone()),
            (None, Some(unit)) if power > 0 => Some(unit.clone()),
            (None, Some(unit)) => Unit::pure().times(unit, -1),
            (Some(left), Some(right)) => left.times(right, power),
        };
        let weight = unit.as_ref().filter(|u| u.is_temperature()).map(|_| 0.0);
        Some((a, b, unit, weight))
    }
}

/// Whether a product or quotient of numbers without a unit is a share, of which 1 is 100 %: one tag divided by another,
/// and what is made of such shares. A factor alone tells nothing: `a / b * 100` may be meant as a percentage.
fn ratio(a: &Typed, b: &Typed, power: i8) -> bool {
    let is_share = |x: &Typed| x.unit.as_ref().is_some_and(Unit::is_pure);
    if power < 0 {
        !b.is_fixed() && !a.is_fixed() || b.is_fixed() && !a.is_fixed() && is_share(a)
    } else {
        is_share(a) && is_share(b)
    }
}
