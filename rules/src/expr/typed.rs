//! Types and units.
//!
//! Here: what is known of an expression before any value is, how two of them are brought to one unit, what may be
//! compared and calculated. Not here: names (`check`), functions (`call`), the units themselves (`units`).
//! Invariant: two numbers meet only in the same unit; a temperature never meets a difference of temperatures.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnose::did_you_mean;
use crate::inventory::Names;
use crate::units::{self, Measure, Unit};
use crate::value::{Constant, Type, Value};

use super::check::Binder;
use super::compile::folded;
use super::ir::Ir;
use super::{Expr, Joint, Mistake, Node, Operator, Relation};

/// A typed expression with what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) ir: Ir,
    pub(super) kind: Type,
    pub(super) unit: Option<Unit>,
    /// Of a temperature: 1 for a reading, 0 for a difference, what comes of sums of them; none: it can be meant
    /// either way, as kelvins can.
    pub(super) weight: Option<f64>,
    /// The names of its codes or bits.
    pub(super) names: Option<Arc<Names>>,
    /// Made of nothing but what stands in the text.
    pub(super) literal: bool,
    /// The tag that it is.
    pub(super) tag: Option<String>,
    pub(super) span: Range<usize>,
}

impl Typed {
    pub(super) fn constant(value: Value, span: Range<usize>) -> Self {
        let kind = match value {
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Float(_) => Type::Float,
            Value::Text(_) => Type::Text,
        };
        let ir = Ir::Const(value);
        Self { ir, kind, unit: None, weight: None, names: None, literal: true, tag: None, span }
    }

    pub(super) fn param(param: &Constant, span: Range<usize>) -> Self {
        let unit = param.unit.as_deref().map(Unit::read);
        let weight = unit.as_ref().and_then(Self::weight_of);
        Self { unit, weight, literal: false, ..Self::constant(param.value.clone(), span) }
    }

    pub(super) fn condition(ir: Ir, span: Range<usize>) -> Self {
        Self { ir, literal: false, ..Self::constant(Value::Bool(false), span) }
    }

    /// A number calculated from others.
    pub(super) fn number(ir: Ir, kind: Type, unit: Option<Unit>, span: Range<usize>) -> Self {
        let weight = unit.as_ref().filter(|u| u.is_temperature()).map(|_| 0.0);
        Self { ir, kind, unit, weight, names: None, literal: false, tag: None, span }
    }

    /// The weight of a value whose unit stands beside it.
    pub(super) fn weight_of(unit: &Unit) -> Option<f64> {
        (unit.is_temperature() && !unit.is_kelvin()).then_some(1.0)
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self.kind, Type::Int | Type::Float)
    }

    pub(super) fn is_fixed(&self) -> bool {
        self.ir.is_fixed()
    }

    fn is_reading(&self) -> bool {
        self.weight.is_some_and(|w| w != 0.0)
    }

    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        match (&self.tag, &self.names) {
            (Some(tag), _) => format!("`{tag}`"),
            (None, _) => "this".into(),
        }
    }

    /// The same, a percentage as the number that it is.
    fn without_percent(self) -> Self {
        match &self.unit {
            Some(unit) if unit.is_pure() => Self { unit: None, ..self.converted(&Unit::pure(), 0.0) },
            _ => self,
        }
    }

    /// The same in another unit, which fits; a constant is converted at once.
    fn converted(self, to: &Unit, weight: f64) -> Self {
        let Some(from) = &self.unit else { return Self { unit: Some(to.clone()), ..self } };
        let scale = from.scale_to(to, weight);
        let ir = match self.ir {
            ir if scale.is_one() => ir,
            Ir::Const(Value::Int(i)) => {
                let whole = scale.den == 1.0 && scale.before == scale.after && scale.num.fract() == 0.0;
                let product = if whole { i.checked_mul(scale.num as i64) } else { None };
                Ir::Const(product.map_or_else(|| Value::Float(scale.apply(i as f64)), Value::Int))
            }
            Ir::Const(Value::Float(f)) => Ir::Const(Value::Float(scale.apply(f))),
            ir => Ir::Convert(Box::new(ir), scale),
        };
        Self { ir, unit: Some(to.clone()), ..self }
    }
}

impl Binder<'_> {
    pub(super) fn comparison(
        &mut self,
        relation: Relation,
        a: &Expr,
        b: &Expr,
        whole: &Range<usize>,
    ) -> Option<Typed> {
        let (a, b) = self.pair(a, b)?;
        self.something_changes(&[&a, &b], whole)?;
        self.compared(relation, a, b, whole).map(|ir| Typed::condition(ir, whole.clone()))
    }

    pub(super) fn something_changes(&mut self, parts: &[&Typed], whole: &Range<usize>) -> Option<()> {
        if parts.iter().any(|part| !part.literal) {
            return Some(());
        }
        self.say(Mistake::new("R203", whole.clone(), "nothing here can change").label("no tag is compared"));
        None
    }

    /// Two sides; a name that stands for nothing by itself may be a code of the other side.
    fn pair(&mut self, a: &Expr, b: &Expr) -> Option<(Typed, Typed)> {
        if self.is_code(a) && !self.is_code(b) {
            let Some(right) = self.typed(b) else {
                self.typed(a);
                return None;
            };
            return Some((self.beside(a, &right)?, right));
        }
        let Some(left) = self.typed(a) else {
            // What a name without a table would mean, nobody can say.
            if !self.is_code(b) {
                self.typed(b);
            }
            return None;
        };
        let right = self.beside(b, &left)?;
        Some((left, right))
    }

    fn is_code(&self, expr: &Expr) -> bool {
        matches!(&expr.node, Node::Name(name) if !self.resolves(name))
    }

    /// Types what stands beside `other`: a name is a code of its table first.
    pub(super) fn beside(&mut self, expr: &Expr, other: &Typed) -> Option<Typed> {
        let (Node::Name(name), Some(names)) = (&expr.node, &other.names) else { return self.typed(expr) };
        if let Some(code) = names.code(name) {
            let code = Typed::constant(Value::Int(code), expr.span.clone());
            return Some(Typed { kind: other.kind, names: Some(Arc::clone(names)), ..code });
        }
        if self.resolves(name) {
            return self.typed(expr);
        }
        self.say(unknown_code(name, names, &expr.span));
        None
    }

    pub(super) fn compared(
        &mut self,
        relation: Relation,
        a: Typed,
        b: Typed,
        whole: &Range<usize>,
    ) -> Option<Ir> {
        if a.is_number() && b.is_number() {
            let (a, b) = self.unified(a, b)?;
            return self.fold(Ir::Compare(relation, Box::new(a.ir), Box::new(b.ir)), whole);
        }
        let a = self.code_of_text(a, &b)?;
        let b = self.code_of_text(b, &a)?;
        self.types_fit(relation, &a, &b, whole)?;
        self.fold(Ir::Compare(relation, Box::new(a.ir), Box::new(b.ir)), whole)
    }

    /// A parameter holds a code's name as a text.
    fn code_of_text(&mut self, text: Typed, other: &Typed) -> Option<Typed> {
        let (Ir::Const(Value::Text(name)), Some(names)) = (&text.ir, &other.names) else { return Some(text) };
        if text.literal {
            return Some(text);
        }
        match names.code(name) {
            Some(code) => {
                let ir = Ir::Const(Value::Int(code));
                Some(Typed { ir, kind: other.kind, names: Some(Arc::clone(names)), ..text })
            }
            None => {
                self.say(unknown_code(name, names, &text.span));
                None
            }
        }
    }

    fn types_fit(&mut self, relation: Relation, a: &Typed, b: &Typed, whole: &Range<usize>) -> Option<()> {
        let code = |x: &Typed, y: &Typed| matches!(x.kind, Type::Enum | Type::Flags) && y.kind == Type::Int;
        let same_table = match (&a.names, &b.names) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        let fit = a.kind == b.kind && same_table || code(a, b) || code(b, a);
        if !fit {
            let mistake = Mistake::new("R204", whole.clone(), different(a, b)).label("different types");
            self.say(match mismatch_help(a, b) {
                Some(help) => mistake.help(help),
                None => mistake,
            });
            return None;
        }
        if relation.is_equality() {
            return Some(());
        }
        let kind = if code(b, a) { b.kind } else { a.kind };
        let message = format!("`{relation}` compares numbers, this is {kind}");
        let mistake = Mistake::new("R204", whole.clone(), message).label("use `=` or `<>`");
        self.say(if kind == Type::Enum {
            mistake.help("write `x in [A, B]`: codes have no order")
        } else {
            mistake
        });
        None
    }

    pub(super) fn among(&mut self, x: &Expr, list: &[Expr], whole: &Range<usize>) -> Option<Typed> {
        let Some(left) = self.typed(x) else {
            list.iter().filter(|item| !self.is_code(item)).cloned().collect::<Vec<_>>().iter().for_each(
                |item| {
                    self.typed(item);
                },
            );
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

    pub(super) fn number_wanted(&mut self, part: &Typed, what: &str) -> Option<()> {
        if part.is_number() {
            return Some(());
        }
        let mistake = Mistake::new("R204", part.span.clone(), format!("{what}, this is {}", part.kind))
            .label(format!("{} is of type {}", part.shown(), part.kind));
        self.say(mistake);
        None
    }

    pub(super) fn fold(&mut self, ir: Ir, whole: &Range<usize>) -> Option<Ir> {
        match folded(ir) {
            Ok(ir) => Some(ir),
            Err(_) => {
                self.say(
                    Mistake::new("R209", whole.clone(), "this cannot be calculated")
                        .label("a division by zero, or a number that is too large"),
                );
                None
            }
        }
    }

    /// Brings two numbers to one unit: a constant goes over to the other's.
    pub(super) fn unified(&mut self, a: Typed, b: Typed) -> Option<(Typed, Typed)> {
        if a.is_fixed() && !b.is_fixed() {
            let (b, a) = self.unified_to(b, a)?;
            return Some((a, b));
        }
        self.unified_to(a, b)
    }

    /// Brings the second number to the unit of the first.
    pub(super) fn unified_to(&mut self, a: Typed, b: Typed) -> Option<(Typed, Typed)> {
        let (Some(left), Some(right)) = (&a.unit, &b.unit) else {
            return self.without_unit(&a, &b).then_some((a, b));
        };
        if !left.fits(right) {
            let mistake = unfit(left, right, &b, false);
            self.say(mistake);
            return None;
        }
        if let (Some(x), Some(y)) = (a.weight, b.weight)
            && x != y
        {
            self.say(
                Mistake::new(
                    "R205",
                    b.span.clone(),
                    "a temperature is compared with a difference of temperatures",
                )
                .label(if y == 0.0 {
                    "this is a difference"
                } else if y == 1.0 {
                    "this is a temperature"
                } else {
                    "this is a sum of temperatures"
                })
                .help("a difference is written in K: `limit + 6 K`, `delta(t, 1 h) > 5 K`"),
            );
            return None;
        }
        self.unlisted(&a, &b);
        let weight = a.weight.or(b.weight).unwrap_or(0.0);
        let unit = left.clone();
        let b = b.converted(&unit, weight);
        Some((a, b))
    }

    /// Whether a number without a unit may stand beside the other: a literal is meant in the other's.
    fn without_unit(&mut self, a: &Typed, b: &Typed) -> bool {
        let stray = [(a, b), (b, a)].into_iter().find(|(with, without)| {
            with.is_fixed() && with.unit.is_some() && without.unit.is_none() && !without.is_fixed()
        });
        let Some((with, without)) = stray else { return true };
        let unit = with.unit.as_ref().map(ToString::to_string).unwrap_or_default();
        if with.unit.as_ref().is_some_and(Unit::is_pure) && without.tag.is_none() {
            return unit == "1" || self.ratio_in_percent(with);
        }
        let message = format!("{} has no unit", without.shown());
        let mistake =
            Mistake::new("R205", with.span.clone(), message).label(format!("{unit} cannot be checked"));
        self.say(match &without.tag {
            Some(_) => mistake.help(format!("give the tag its unit in agent.toml: unit = \"{unit}\"")),
            None => mistake
                .help("leave the unit out, or give the tags of this calculation their units in agent.toml"),
        });
        false
    }

    fn ratio_in_percent(&mut self, with: &Typed) -> bool {
        self.say(
            Mistake::new("R205", with.span.clone(), "a calculation without units gives a pure number")
                .label("not a percentage")
                .help("write it as a fraction: 0.95 for 95 %"),
        );
        false
    }

    /// Units that are not listed are compared by their text, which deserves a word.
    fn unlisted(&mut self, a: &Typed, b: &Typed) {
        for side in [a, b] {
            let Some(unit) = side.unit.as_ref().filter(|u| u.measure == Measure::Unlisted && side.literal)
            else {
                continue;
            };
            let message = format!("`{unit}` is not a listed unit");
            self.say(
                Mistake::warning("R214", side.span.clone(), message)
                    .label("it is compared by its text only, and never converted"),
            );
        }
    }

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
            (None, None) => None,
            (Some(unit), None) => Some(unit.clone()),
            (None, Some(unit)) if power > 0 => Some(unit.clone()),
            (None, Some(unit)) => Unit::pure().times(unit, -1),
            (Some(left), Some(right)) => left.times(right, power),
        };
        let weight = unit.as_ref().filter(|u| u.is_temperature()).map(|_| 0.0);
        Some((a, b, unit, weight))
    }

    pub(super) fn first_known(&mut self, parts: &[Expr], span: &Range<usize>) -> Option<Typed> {
        let (first, others) = parts.split_first()?;
        let first = self.typed(first)?;
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

pub(super) fn unknown_code(name: &str, names: &Names, span: &Range<usize>) -> Mistake {
    let mistake =
        Mistake::new("R215", span.clone(), format!("`{name}` is not a name of the table {}", names.table))
            .label("no such name");
    let known = || names.entries.iter().map(|(name, _)| name.as_str());
    match did_you_mean(name, known()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("names: {}", known().take(20).collect::<Vec<_>>().join(", "))),
    }
}

fn different(a: &Typed, b: &Typed) -> String {
    match (&a.names, &b.names) {
        (Some(x), Some(y)) if a.kind == b.kind => format!("{} cannot be compared with {}", x.table, y.table),
        _ => format!("{} cannot be compared with {}", a.kind, b.kind),
    }
}

fn mismatch_help(a: &Typed, b: &Typed) -> Option<String> {
    if let Some(flag) = [a, b].into_iter().find(|s| s.kind == Type::Bool).and_then(|s| s.tag.as_ref()) {
        return Some(format!("`{flag}` is a Bool: write `{flag}` or `not {flag}`"));
    }
    let (coded, other) = if a.names.is_some() { (a, b) } else { (b, a) };
    let names = coded.names.as_ref()?;
    match &other.ir {
        Ir::Const(Value::Text(text)) if names.code(text).is_some() => {
            Some(format!("names of codes stand without quotes: `{text}`"))
        }
        Ir::Const(_) => names
            .entries
            .last()
            .map(|(name, _)| format!("write a name of the table {}, for example `{name}`", names.table)),
        _ => None,
    }
}

fn unfit(left: &Unit, right: &Unit, at: &Typed, is_sum: bool) -> Mistake {
    let message = if is_sum {
        format!("{right} is added to {left}")
    } else {
        format!("{left} is compared with {right}")
    };
    let mistake = Mistake::new("R205", at.span.clone(), message).label(format!("{left} is expected"));
    if left.is_time() && right.is_length() {
        return mistake.help("`m` are metres: for minutes write `min`");
    }
    if right.measure == Measure::Unlisted {
        let near = units::names().filter(|u| Unit::read(u).fits(left));
        return match did_you_mean(&right.text, near) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake
                .help(format!("`{right}` is not a listed unit: it equals only what is written the same")),
        };
    }
    mistake.help(format!("{right} does not convert into {left}"))
}
