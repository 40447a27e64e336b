//! Several values beside one: lists, ranges, and what stands in for what is Unknown.
//!
//! Here: `x in [A, B]`, `x in 72 °C .. 87 °C`, `(x else c)`. Not here: two values alone (`typed`).
//! Invariant: each of them is brought to the unit of the first.

use std::ops::Range;

use crate::value::{Type, Value};

use super::check::Binder;
use super::ir::Ir;
use super::typed::Typed;
use super::{Expr, Joint, Mistake, Relation};

impl Binder<'_> {
    pub(super) fn among(&mut self, x: &Expr, list: &[Expr], whole: &Range<usize>) -> Option<Typed> {
        let Some(left) = self.typed(x) else {
            list.iter().for_each(|item| self.alone(item));
            return None;
        };
        let items: Vec<Option<Typed>> = list.iter().map(|item| self.beside(item, &left)).collect();
        let items: Vec<Typed> = items.into_iter().collect::<Option<_>>()?;
        let all: Vec<&Typed> = std::iter::once(&left).chain(&items).collect();
        self.something_changes(&all, whole)?;
        let tests: Vec<Option<Ir>> = items
            .into_iter()
            .map(|item| {
                let span = left.span.start..item.span.end;
                self.compared(Relation::Equal, left.clone(), item, &span)
            })
            .collect();
        let tests: Vec<Ir> = tests.into_iter().collect::<Option<_>>()?;
        Some(Typed::condition(as_list(&left.ir, &tests).unwrap_or(Ir::Join(Joint::Or, tests)), whole.clone()))
    }

    pub(super) fn between(
        &mut self,
        x: &Expr,
        low: &Expr,
        high: &Expr,
        whole: &Range<usize>,
    ) -> Option<Typed> {
        let (x, low, high) = (self.typed(x), self.typed(low), self.typed(high));
        let (x, low, high) = (x?, low?, high?);
        self.something_changes(&[&x, &low, &high], whole)?;
        for part in [&x, &low, &high] {
            self.number_wanted(part, "a range is of numbers")?;
        }
        // `72 .. 87 °C` means 72 °C.
        let low = match (&low.unit, &high.unit) {
            (None, Some(unit)) if low.is_fixed() => {
                Typed { unit: Some(unit.clone()), weight: high.weight, ..low }
            }
            _ => low,
        };
        let (left, low) = self.unified_to(x.clone(), low)?;
        let (_, high) = self.unified_to(x, high)?;
        if let (Some(a), Some(b)) = (low.ir.number(), high.ir.number())
            && a > b
        {
            let span = low.span.start..high.span.end;
            self.say(
                Mistake::new("R210", span, "the range is empty")
                    .label("its start is greater than its end")
                    .help("write the smaller value first"),
            );
            return None;
        }
        let ir = Ir::Between(Box::new(left.ir), Box::new(low.ir), Box::new(high.ir));
        self.fold(ir, whole).map(|ir| Typed::condition(ir, whole.clone()))
    }

    pub(super) fn first_known(&mut self, parts: &[Expr], span: &Range<usize>) -> Option<Typed> {
        let (first, others) = parts.split_first()?;
        let Some(first) = self.typed(first) else {
            others.iter().for_each(|part| self.alone(part));
            return None;
        };
        let others: Vec<Option<Typed>> = others.iter().map(|part| self.beside(part, &first)).collect();
        let others: Vec<Typed> = others.into_iter().collect::<Option<_>>()?;
        let mut row = vec![first.ir.clone()];
        let mut kind = first.kind;
        for other in others {
            let whole = first.span.start..other.span.end;
            if first.is_number() && other.is_number() {
                kind = if other.kind == Type::Float { Type::Float } else { kind };
                row.push(self.unified_to(first.clone(), other)?.1.ir);
            } else {
                let other = self.code_of_text(other, &first)?;
                self.types_fit(Relation::Equal, &first, &other, &whole)?;
                row.push(other.ir);
            }
        }
        let ir = if kind == Type::Text { Ir::Else(vec![Ir::Else(row)]) } else { Ir::Else(row) };
        Some(Typed { ir, kind, tag: None, literal: false, span: span.clone(), ..first })
    }
}

/// `x = 1 or x = 2` as a list, if all are constants.
fn as_list(x: &Ir, tests: &[Ir]) -> Option<Ir> {
    let constant = |test: &Ir| match test {
        Ir::Compare(Relation::Equal, a, b) if **a == *x => match b.as_ref() {
            Ir::Const(Value::Text(_)) => None,
            Ir::Const(value) => Some(value.clone()),
            _ => None,
        },
        _ => None,
    };
    tests
        .iter()
        .map(constant)
        .collect::<Option<Vec<Value>>>()
        .map(|list| Ir::Among(Box::new(x.clone()), list))
}
