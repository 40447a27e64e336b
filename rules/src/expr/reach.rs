//! What can never be, and what is always so.
//!
//! Here: `x > 5 and x < 3`, limits outside the tag's range, and conditions that follow from others. Not here: states
//! and groups (`bind`).
//! Invariant: only what is certain is said; where nothing can be proved, nothing is.

use crate::inventory::Tag;
use crate::value::Value;

use super::check::Binder;
use super::ir::Ir;
use super::{Expr, Joint, Mistake, Node, Relation};

/// A set of numbers in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Interval {
    low: f64,
    low_inside: bool,
    high: f64,
    high_inside: bool,
}

const ALL: Interval =
    Interval { low: f64::NEG_INFINITY, low_inside: true, high: f64::INFINITY, high_inside: true };

impl Interval {
    fn of(relation: Relation, limit: f64) -> Option<Self> {
        Some(match relation {
            Relation::Equal => Self { low: limit, high: limit, ..ALL },
            Relation::NotEqual => return None,
            Relation::Less => Self { high: limit, high_inside: false, ..ALL },
            Relation::AtMost => Self { high: limit, ..ALL },
            Relation::Greater => Self { low: limit, low_inside: false, ..ALL },
            Relation::AtLeast => Self { low: limit, ..ALL },
        })
    }

    fn is_empty(self) -> bool {
        self.low > self.high || self.low == self.high && !(self.low_inside && self.high_inside)
    }

    fn and(self, other: Self) -> Self {
        let (low, low_inside) = match self.low.total_cmp(&other.low) {
            std::cmp::Ordering::Greater => (self.low, self.low_inside),
            std::cmp::Ordering::Less => (other.low, other.low_inside),
            std::cmp::Ordering::Equal => (self.low, self.low_inside && other.low_inside),
        };
        let (high, high_inside) = match self.high.total_cmp(&other.high) {
            std::cmp::Ordering::Less => (self.high, self.high_inside),
            std::cmp::Ordering::Greater => (other.high, other.high_inside),
            std::cmp::Ordering::Equal => (self.high, self.high_inside && other.high_inside),
        };
        Self { low, low_inside, high, high_inside }
    }

    fn holds(self, other: Self) -> bool {
        self.and(other) == other
    }
}

/// What is compared, and the numbers for which the condition holds.
fn interval(ir: &Ir) -> Option<(&Ir, Interval)> {
    match ir {
        Ir::Compare(relation, a, b) => match (a.number(), b.number()) {
            (None, Some(limit)) => Interval::of(*relation, limit).map(|i| (a.as_ref(), i)),
            (Some(limit), None) => Interval::of(relation.mirrored(), limit).map(|i| (b.as_ref(), i)),
            _ => None,
        },
        Ir::Between(a, low, high) => {
            let of = Interval { low: low.number()?, high: high.number()?, ..ALL };
            Some((a.as_ref(), of))
        }
        _ => None,
    }
}

/// Whether `b` is true wherever `a` is.
#[must_use]
pub fn follows(a: &Ir, b: &Ir) -> bool {
    if a == b {
        return true;
    }
    match (a, b) {
        (_, Ir::Join(Joint::And, parts)) => parts.iter().all(|part| follows(a, part)),
        (Ir::Join(Joint::Or, parts), _) => parts.iter().all(|part| follows(part, b)),
        (_, Ir::Join(Joint::Or, parts)) if parts.iter().any(|part| follows(a, part)) => true,
        (Ir::Join(Joint::And, parts), _) => parts.iter().any(|part| follows(part, b)),
        (Ir::Among(x, few), Ir::Among(y, many)) => x == y && few.iter().all(|one| many.contains(one)),
        (Ir::Compare(Relation::Equal, x, one), Ir::Among(y, many)) => match one.as_ref() {
            Ir::Const(value) => x == y && many.contains(value),
            _ => false,
        },
        _ => match (interval(a), interval(b)) {
            (Some((x, of_a)), Some((y, of_b))) => x == y && of_b.holds(of_a),
            _ => false,
        },
    }
}

/// Whether two conditions, at different places of a row, can never be true together.
fn exclude(a: &Ir, b: &Ir) -> bool {
    match (a, b) {
        (Ir::Not(x), y) | (y, Ir::Not(x)) if **x == *y => true,
        _ => match (interval(a), interval(b)) {
            (Some((x, of_a)), Some((y, of_b))) => x == y && of_a.and(of_b).is_empty(),
            _ => false,
        },
    }
}

/// Whether one of two conditions is always true where both are known.
fn cover(a: &Ir, b: &Ir) -> bool {
    match (a, b) {
        (Ir::Not(x), y) | (y, Ir::Not(x)) if **x == *y => true,
        _ => match (interval(a), interval(b)) {
            (Some((x, of_a)), Some((y, of_b))) if x == y => {
                let (below, above) = if of_a.low <= of_b.low { (of_a, of_b) } else { (of_b, of_a) };
                let meet = below.high > above.low
                    || below.high == above.low && (below.high_inside || above.low_inside);
                below.low == f64::NEG_INFINITY && above.high == f64::INFINITY && meet
            }
            _ => false,
        },
    }
}

/// Says of a condition, and of all conditions in it, what can never change.
pub(super) fn constants(binder: &mut Binder<'_>, ir: &Ir, expr: &Expr) {
    match (ir, &expr.node) {
        (Ir::Join(joint, parts), Node::Join(_, exprs)) if parts.len() == exprs.len() => {
            for (part, expr) in parts.iter().zip(exprs) {
                constants(binder, part, expr);
            }
            rows(binder, *joint, parts, exprs);
        }
        (Ir::Not(part), Node::Not(expr)) => constants(binder, part, expr),
        _ => outside_range(binder, ir, expr),
    }
}

fn rows(binder: &mut Binder<'_>, joint: Joint, parts: &[Ir], exprs: &[Expr]) {
    for (i, b) in parts.iter().enumerate() {
        for (j, a) in parts[..i].iter().enumerate() {
            let span = exprs[j].span.start..exprs[i].span.end;
            if joint == Joint::And && exclude(a, b) {
                return binder.say(
                    Mistake::warning("R210", span, "this can never be true")
                        .label("both cannot hold at once")
                        .help("was `or` meant?"),
                );
            }
            if joint == Joint::Or && cover(a, b) {
                return binder.say(
                    Mistake::warning("R211", span, "this is always true")
                        .label("one of them always holds")
                        .help("was `and` meant?"),
                );
            }
        }
    }
}

/// Values outside a tag's range are Unknown, so a limit there is never reached; and no day has 25 hours.
fn outside_range(binder: &mut Binder<'_>, ir: &Ir, expr: &Expr) {
    let never = |of: &Ir, wanted: Interval| {
        let (name, low, high) = bounds(binder, of)?;
        let never = wanted.and(Interval { low, high, ..ALL }).is_empty();
        never.then_some((name, low, high, matches!(of, Ir::Slot(_))))
    };
    let found = match ir {
        Ir::Among(of, list) => list.iter().find_map(|value| {
            let one = Ir::Const(value.clone()).number()?;
            never(of, Interval { low: one, high: one, ..ALL })
        }),
        _ => interval(ir).and_then(|(of, wanted)| never(of, wanted)),
    };
    let Some((name, low, high, is_tag)) = found else { return };
    let (what, label) = if is_tag {
        ("has the range", "values outside the range are Unknown")
    } else {
        ("gives", "it is never that")
    };
    let never =
        if matches!(ir, Ir::Among(..)) { "one of these can never be" } else { "this can never be true" };
    let message = format!("{never}: `{name}` {what} {low} to {high}");
    let mistake = Mistake::warning("R210", expr.span.clone(), message).label(label);
    binder.say(match name.as_str() {
        "weekday()" => mistake.help("Monday is 1, Sunday is 7: write `weekday() = Sunday`"),
        "hour()" => mistake.help("midnight is `hour() = 0`"),
        _ => mistake,
    });
}

/// Between which numbers a value lies, and what messages call it.
fn bounds(binder: &Binder<'_>, ir: &Ir) -> Option<(String, f64, f64)> {
    match ir {
        Ir::Hour => Some(("hour()".into(), 0.0, 23.0)),
        Ir::Weekday => Some(("weekday()".into(), 1.0, 7.0)),
        Ir::Slot(slot) => {
            let tag: &Tag = binder.tag(*slot);
            tag.range.map(|(low, high)| (tag.name.clone(), low, high))
        }
        _ => None,
    }
}

/// Whether a condition can never be true, as far as two of its parts show.
#[must_use]
pub fn never(ir: &Ir) -> bool {
    match ir {
        Ir::Const(Value::Bool(b)) => !b,
        Ir::Join(Joint::And, parts) => {
            let pairs = || parts.iter().enumerate().flat_map(|(i, b)| parts[..i].iter().map(move |a| (a, b)));
            parts.iter().any(never) || pairs().any(|(a, b)| exclude(a, b))
        }
        Ir::Join(Joint::Or, parts) => parts.iter().all(never),
        _ => false,
    }
}
