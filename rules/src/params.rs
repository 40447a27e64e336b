//! Parameters of rules: a limit that differs from machine to machine.
//!
//! A rule says `param.limit = { default = 22.0, unit = "°C", class.filler = 20.0, line.L3 = 21.0,
//! machine.filler-1 = "68 °F" }`, or for short `param.limit = "22 °C"`. What counts for a machine, the later the
//! stronger: the default, its class, its line, the machine (first what agent.toml says of it, then what the rule
//! says), a line of a CSV file in the directory of the rules.
//!
//! Here: reading them, which value counts, whether a value can be one of its parameter. What a value in a file is worth
//! stands in `constant`, values that never count in `stray`. Not here: CSV files (`limits`), what units and types fit
//! where a parameter is used (`expr`).
//! Invariant: a value without a unit is meant in the unit of its parameter, wherever it is given.

mod constant;
mod stray;

use std::collections::BTreeMap;

use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed, Reader, Table};
use crate::file::{Param, Rule};
use crate::inventory::Machine;
use crate::pattern;
use crate::units::{self, Unit};
use crate::value::{Constant, Value};

pub use constant::constant;
pub(crate) use constant::{constant_of, in_unit};
pub(crate) use stray::for_nobody;
pub use stray::of_no_rule;

/// Reads a parameter.
pub(crate) fn read(
    report: &mut Report,
    file: FileId,
    name: &Placed<String>,
    node: &Placed<Node>,
) -> Option<Param> {
    let Node::Table(table) = &node.value else {
        let default = constant(report, file, node)?;
        let unit = default.unit.clone();
        return Some(Param { default: Some(default), unit, span: node.span.clone(), ..Param::default() });
    };
    let before = report.diagnostics().len();
    let mut r = Reader::new(table, format!("parameter `{}`", name.value), file, report);
    let unit = r.text("unit").map(|t| t.value.trim().to_owned());
    let with_unit = |c: Constant| in_unit(c, unit.as_deref());
    let default = r.any("default").and_then(|(_, node)| constant(r.report(), file, node)).map(with_unit);
    let (mut keys, mut placed) = (Vec::new(), Vec::new());
    let mut by = |key: &'static str| -> Vec<(String, Constant)> {
        let table: Option<&Table> = r.table(key);
        let entries = table.map_or(&[][..], |t| &t.entries);
        let read = |(name, node): &(Placed<String>, Placed<Node>)| {
            let constant = with_unit(constant(r.report(), file, node)?);
            keys.push((key, name.clone()));
            placed.push(Placed { value: constant.clone(), span: node.span.clone() });
            Some((name.value.clone(), constant))
        };
        entries.iter().filter_map(read).collect()
    };
    let (classes, lines, machines) = (by("class"), by("line"), by("machine"));
    r.finish(&[]);
    let unit = unit.or_else(|| default.as_ref().and_then(|d| d.unit.clone()));
    let param =
        Param { default, unit, classes, lines, machines, limits: Vec::new(), keys, span: name.span.clone() };
    for given in placed {
        if let Some(mismatch) = mismatch(&param, &given.value) {
            mismatch.report(report, file, given, &name.value);
        }
    }
    (report.errors_since(before) == 0).then_some(param)
}

/// A value that cannot be what the other values of its parameter are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// What they are: `a number`, `in °C`.
    pub(crate) expected: String,
    /// What it is.
    pub(crate) found: String,
    help: Option<String>,
}

impl Mismatch {
    pub(crate) fn report(self, report: &mut Report, file: FileId, given: Placed<Constant>, param: &str) {
        let (expected, found) = (self.expected, self.found);
        let message = format!("`{param}` must be {expected}");
        report.error("R607", (file, given.span), message, format!("this is {found}")).help = self.help;
    }
}

/// Whether a value can be one of a parameter: of the kind of those that the rule gives, in a unit that converts.
pub(crate) fn mismatch(param: &Param, given: &Constant) -> Option<Mismatch> {
    let lists = [&param.classes, &param.lines, &param.machines];
    let first = param.default.as_ref().or_else(|| lists.iter().find_map(|l| l.first().map(|(_, c)| c)))?;
    let (expected, found) = (kind_name(&first.value), kind_name(&given.value));
    if expected != found {
        let help = (expected == "a number" && found == "a text")
            .then(|| "write a number, with its unit behind it if it has one: 21.5 °C".into());
        return Some(Mismatch { expected: expected.into(), found: found.into(), help });
    }
    let (of_param, of_given) = (param.unit.as_ref()?, given.unit.as_ref()?);
    let (of_param, of_given) = (Unit::read(of_param), Unit::read(of_given));
    if of_param.fits(&of_given) {
        return None;
    }
    let help = match units::meant_beside(&of_given.text, &of_param) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("write it in {of_param}, or leave the unit out"),
    };
    Some(Mismatch { expected: format!("in {of_param}"), found: format!("in {of_given}"), help: Some(help) })
}

fn kind_name(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "true or false",
        Value::Int(_) | Value::Float(_) => "a number",
        Value::Text(_) => "a text",
    }
}

/// What each parameter of a rule is on a machine.
///
/// # Errors
/// The first parameter that has no value there.
pub(crate) fn of<'r>(rule: &'r Rule, machine: &Machine) -> Result<BTreeMap<String, Constant>, &'r str> {
    let resolved = |(name, param): (&'r String, &Param)| match value(name, param, machine) {
        Some(value) => Ok((name.clone(), value)),
        None => Err(name.as_str()),
    };
    rule.params.iter().map(resolved).collect()
}

fn value(name: &str, param: &Param, machine: &Machine) -> Option<Constant> {
    let named = |list: &[(String, Constant)], wanted: Option<&String>| {
        list.iter().find(|(key, _)| Some(key) == wanted).map(|(_, c)| c.clone())
    };
    let of_agent = || machine.params.get(name).map(|c| in_unit(c.clone(), param.unit.as_deref()));
    limit(&param.limits, &machine.name)
        .or_else(|| named(&param.machines, Some(&machine.name)))
        .or_else(of_agent)
        .or_else(|| named(&param.lines, machine.line.as_ref()))
        .or_else(|| named(&param.classes, machine.class.as_ref()))
        .or_else(|| param.default.clone())
}

impl Param {
    /// Puts limits for single machines first, by name, and patterns behind them, as they were given, `*` last.
    pub(crate) fn sort_limits(&mut self) {
        self.limits.sort_by(|(a, _), (b, _)| match (rank(a), rank(b)) {
            (0, 0) => a.cmp(b),
            (a, b) => a.cmp(&b),
        });
    }
}

fn rank(pattern: &str) -> u8 {
    match pattern {
        "*" => 2,
        name => u8::from(name.contains(['*', '?'])),
    }
}

/// The machine's own line of the CSV files, else that of the first pattern that fits.
fn limit(limits: &[(String, Constant)], machine: &str) -> Option<Constant> {
    let own = limits.partition_point(|(pattern, _)| rank(pattern) == 0);
    let (own, patterns) = limits.split_at(own);
    let found = own.binary_search_by(|(name, _)| name.as_str().cmp(machine)).ok().map(|i| &own[i]);
    found.or_else(|| patterns.iter().find(|(p, _)| pattern::fits(p, machine))).map(|(_, c)| c.clone())
}

#[cfg(test)]
mod tests;
