//! Deadbands (§6): a condition whose limits are harder to leave.
//!
//! Here: that. Not here: what is done with it.
//! Invariant: nothing is shifted but a limit whose one side is exactly the tag, or its `avg`, `min` or `max`, and whose other side has no tag.

use super::model::Expr;

/// `when` with its limits shifted so that it stays true longer.
pub(crate) fn harder(when: &Expr, deadband: &[(usize, f64)]) -> Expr {
    shifted(when, deadband, 1.0)
}

fn shifted(expr: &Expr, deadband: &[(usize, f64)], sign: f64) -> Expr {
    let inner = |e: &Expr| Box::new(shifted(e, deadband, sign));
    let of = |tag: usize| deadband.iter().find(|(other, _)| *other == tag).map(|(_, back)| sign * back);
    let back = |e: &Expr| match e {
        Expr::Tag(tag) => of(*tag),
        Expr::Window("avg" | "min" | "max", inner, _) => match **inner {
            Expr::Tag(tag) => of(tag),
            _ => None,
        },
        _ => None,
    };
    match expr {
        Expr::Not(a) => Expr::Not(Box::new(shifted(a, deadband, -sign))),
        Expr::And(a, b) => Expr::And(inner(a), inner(b)),
        Expr::Or(a, b) => Expr::Or(inner(a), inner(b)),
        Expr::Between(a, low, high) => match back(a) {
            Some(back) => Expr::Between(a.clone(), low - back, high + back),
            None => expr.clone(),
        },
        Expr::Compare(compare, a, b) if b.tags().is_empty() => match (back(a), *compare) {
            (Some(back), ">" | ">=") => Expr::Compare(compare, a.clone(), plus(b, -back)),
            (Some(back), "<" | "<=") => Expr::Compare(compare, a.clone(), plus(b, back)),
            _ => expr.clone(),
        },
        Expr::Compare(compare, a, b) if a.tags().is_empty() => match (back(b), *compare) {
            (Some(back), ">" | ">=") => Expr::Compare(compare, plus(a, back), b.clone()),
            (Some(back), "<" | "<=") => Expr::Compare(compare, plus(a, -back), b.clone()),
            _ => expr.clone(),
        },
        _ => expr.clone(),
    }
}

fn plus(limit: &Expr, back: f64) -> Box<Expr> {
    Box::new(Expr::Arithmetic('+', Box::new(limit.clone()), Box::new(Expr::Float(back))))
}
