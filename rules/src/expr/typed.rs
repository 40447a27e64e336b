//! Types.
//!
//! Here: what is known of an expression before any value is, and what may be compared. Not here: names (`named`), units
//! (`unified`), codes (`coded`), functions (`call`), arithmetic (`sum`).
//! Invariant: what is compared is of one type; what is no number is compared for equality only.

use std::ops::Range;
use std::sync::Arc;

use crate::inventory::Names;
use crate::units::Unit;
use crate::value::{Constant, Type, Value};

use super::check::Binder;
use super::compile::folded;
use super::ir::Ir;
use super::{Expr, Mistake, Node, Relation};

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

    pub(super) fn is_reading(&self) -> bool {
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
    pub(super) fn without_percent(self) -> Self {
        match &self.unit {
            Some(unit) if unit.is_pure() => Self { unit: None, ..self.converted(&Unit::pure(), 0.0) },
            _ => self,
        }
    }

    /// The same in another unit, which fits; a constant is converted at once.
    pub(super) fn converted(self, to: &Unit, weight: f64) -> Self {
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
        if self.in_hole {
            return None;
        }
        let mistake =
            Mistake::new("R203", whole.clone(), "nothing here can change").label("no tag is compared");
        let text = parts.iter().find_map(|part| match &part.ir {
            Ir::Const(Value::Text(text)) => Some(text),
            _ => None,
        });
        let other = parts.iter().any(|part| part.kind != Type::Text);
        self.say(match text.filter(|_| other) {
            Some(text) => {
                mistake.help(format!("single quotes make a text; a tag stands without them: `{text}`"))
            }
            None => mistake,
        });
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
            self.alone(b);
            return None;
        };
        let right = self.beside(b, &left)?;
        Some((left, right))
    }

    /// Types what stands beside something that has no type: what a name without a table would mean, nobody can say.
    pub(super) fn alone(&mut self, expr: &Expr) {
        match &expr.node {
            Node::Name(name) if self.is_code(expr) => self.perhaps_mistyped(name, &expr.span, false),
            _ => drop(self.typed(expr)),
        }
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
        let ir = self.codes_compared(relation, a, b)?;
        self.fold(ir, whole)
    }

    pub(super) fn types_fit(
        &mut self,
        relation: Relation,
        a: &Typed,
        b: &Typed,
        whole: &Range<usize>,
    ) -> Option<()> {
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
