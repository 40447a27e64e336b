//! The program of a condition, with all that says when it is judged.
//!
//! Here: its slots, its windows, the ages at which it changes. Not here: its instructions (`expr::compile`).
//! Invariant: a program that is judged only when this says so never says anything else in between.

use crate::expr::Relation;
use crate::expr::check::Binder;
use crate::expr::ir::{Ir, Reads};
use crate::ruleset::BoundProgram;
use crate::time::Millis;

pub(super) fn bound(binder: &Binder<'_>, ir: &Ir) -> BoundProgram {
    let windows = binder.windows();
    let mut reads = Reads::default();
    ir.reads(&windows, &mut reads);
    let mut ages = Vec::new();
    crossings(ir, &mut ages);
    ages.sort_unstable();
    ages.dedup();
    BoundProgram {
        program: binder.program(ir),
        slots: reads.slots,
        outside: reads.outside,
        windows: reads.windows,
        ages,
        reads_calendar: reads.calendar,
    }
}

/// The ages at which a comparison changes: `age > 5 min` is first true one millisecond after.
fn crossings(ir: &Ir, ages: &mut Vec<(usize, Millis)>) {
    let mut at = |slot: usize, relation: Relation, limit: f64| {
        let (from, after) = (limit.ceil() as Millis, (limit.floor() as Millis).saturating_add(1));
        match relation {
            Relation::Less | Relation::AtLeast => ages.push((slot, from)),
            Relation::AtMost | Relation::Greater => ages.push((slot, after)),
            Relation::Equal | Relation::NotEqual => ages.extend([(slot, from), (slot, after)]),
        }
    };
    match ir {
        Ir::Compare(relation, a, b) => match (a.as_ref(), b.as_ref()) {
            (Ir::Age(slot), limit) => limit.number().into_iter().for_each(|l| at(*slot, *relation, l)),
            (limit, Ir::Age(slot)) => {
                limit.number().into_iter().for_each(|l| at(*slot, relation.mirrored(), l));
            }
            _ => ir.parts().iter().for_each(|part| crossings(part, ages)),
        },
        Ir::Between(x, low, high) => match x.as_ref() {
            Ir::Age(slot) => {
                low.number().into_iter().for_each(|l| at(*slot, Relation::AtLeast, l));
                high.number().into_iter().for_each(|l| at(*slot, Relation::AtMost, l));
            }
            _ => ir.parts().iter().for_each(|part| crossings(part, ages)),
        },
        other => other.parts().iter().for_each(|part| crossings(part, ages)),
    }
}
