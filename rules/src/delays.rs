//! Delays that a parameter gives, so that they differ from machine to machine: `for = "patience"` with
//! `param.patience = { default = "5 min", machine.filler-1 = "2 min" }`.
//!
//! Here: a rule with the delays that count on one machine. Not here: which value counts there (`params`), what a delay
//! does (`condition`).
//! Invariant: a rule that is judged has every delay in ms; a parameter that is no duration is a mistake, shown once.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diagnose::Report;
use crate::document::Placed;
use crate::file::{Rule, State};
use crate::inventory::Machine;
use crate::time::{MILLIS_MAX, Millis};
use crate::units::Unit;
use crate::value::{Constant, Value};

/// The rule as it is on a machine: itself, where no parameter gives a delay.
pub(crate) fn of(
    report: &mut Report,
    rule: &Arc<Rule>,
    params: &BTreeMap<String, Constant>,
    machine: &Machine,
) -> Arc<Rule> {
    let mut states = rule.groups.iter().flat_map(|group| &group.states);
    if states.all(|state| state.delay_by.is_none() && state.hold_by.is_none()) {
        return Arc::clone(rule);
    }
    let mut groups = rule.groups.clone();
    for state in groups.iter_mut().flat_map(|group| &mut group.states) {
        let State { delay, delay_by, hold, hold_by, .. } = state;
        for (length, by) in [(delay, delay_by), (hold, hold_by)] {
            let Some(by) = by else { continue };
            // A name without a parameter was reported when the file was read.
            let Some(given) = params.get(&by.value) else { continue };
            match millis(given) {
                Ok(millis) => *length = millis,
                Err(label) => no_duration(report, rule, by, machine, label),
            }
        }
    }
    Arc::new(rule.with_groups(groups))
}

/// Whether the same rule has the same delays on two machines.
pub(crate) fn are_same(one: &Rule, other: &Rule) -> bool {
    let of = |rule: &Rule| {
        let states = rule.groups.iter().flat_map(|group| &group.states);
        states.map(|state| (state.delay, state.hold)).collect::<Vec<_>>()
    };
    std::ptr::eq(one, other) || of(one) == of(other)
}

/// A duration in ms; else what it is.
fn millis(given: &Constant) -> Result<Millis, String> {
    let number = match given.value {
        Value::Int(number) => number as f64,
        Value::Float(number) => number,
        Value::Bool(_) => return Err("true or false".into()),
        Value::Text(_) => return Err("a text".into()),
    };
    let Some(written) = &given.unit else { return Err(format!("{number} without a unit")) };
    let unit = Unit::read(written);
    if !unit.is_time() {
        let metres = if unit.is_length() { ", which is a length" } else { "" };
        return Err(format!("{number} {written}{metres}"));
    }
    let millis = unit.scale_to(&Unit::read("ms"), 1.0).apply(number).round();
    if !(0.0..=MILLIS_MAX as f64).contains(&millis) {
        return Err(format!("{number} {written}: less than nothing, or too long"));
    }
    Ok(millis as Millis)
}

fn no_duration(report: &mut Report, rule: &Rule, by: &Placed<String>, machine: &Machine, what: String) {
    let message = format!("parameter `{}` is not a duration", by.value);
    let same =
        |d: &crate::diagnose::Diagnostic| d.file == rule.file && d.span == by.span && d.message == message;
    if report.diagnostics().iter().any(same) {
        return;
    }
    report
        .error("E004", (rule.file, by.span.clone()), message, format!("on {} it is {what}", machine.name))
        .help = Some(format!("param.{} = \"5 min\"", by.value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_with_a_unit_of_time() {
        let of = |text: &str| millis(&crate::params::constant_of(text).unwrap());
        assert_eq!(of("5 min"), Ok(300_000));
        assert_eq!(of("1h30m"), Ok(5_400_000));
        assert_eq!(of("T#5M"), Ok(300_000));
        assert_eq!(of("0.5 s"), Ok(500));
        assert_eq!(of("0 s"), Ok(0));
        assert_eq!(of("5 m").unwrap_err(), "5 m, which is a length");
        assert_eq!(of("5").unwrap_err(), "5 without a unit");
        assert_eq!(of("5 bar").unwrap_err(), "5 bar");
        assert_eq!(of("soon").unwrap_err(), "a text");
        assert_eq!(of("-5 min").unwrap_err(), "-5 min: less than nothing, or too long");
        assert_eq!(of("1e300 d").unwrap_err().matches("too long").count(), 1);
    }
}
