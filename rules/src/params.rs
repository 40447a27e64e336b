//! Parameters of rules: a limit that differs from machine to machine.
//!
//! A rule says `param.limit = { default = 22.0, unit = "°C", class.filler = 20.0, line.L3 = 21.0,
//! machine.filler-1 = "68 °F" }`, or for short `param.limit = "22 °C"`. What counts for a machine, the later the
//! stronger: the default, its class, its line, the machine (first what agent.toml says of it, then what the rule
//! says), a line of a CSV file in the directory of the rules.
//!
//! Here: reading them, and which value counts. Not here: CSV files (`limits`), what units and types fit (`expr`).
//! Invariant: a value without a unit is meant in the unit of its parameter, wherever it is given.

use std::collections::BTreeMap;

use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed, Reader, Table};
use crate::file::{Param, Rule};
use crate::inventory::Machine;
use crate::pattern;
use crate::time;
use crate::value::{Constant, Value};

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
    let mut by = |key| -> Vec<(String, Constant)> {
        let table: Option<&Table> = r.table(key);
        let entries = table.map_or(&[][..], |t| &t.entries);
        let read = |(name, node): &(Placed<String>, Placed<Node>)| {
            Some((name.value.clone(), with_unit(constant(r.report(), file, node)?)))
        };
        entries.iter().filter_map(read).collect()
    };
    let (classes, lines, machines) = (by("class"), by("line"), by("machine"));
    r.finish(&[]);
    let unit = unit.or_else(|| default.as_ref().and_then(|d| d.unit.clone()));
    let param =
        Param { default, unit, classes, lines, machines, limits: Vec::new(), span: name.span.clone() };
    (report.errors_since(before) == 0).then_some(param)
}

/// A number without a unit is meant in this one.
pub(crate) fn in_unit(mut constant: Constant, unit: Option<&str>) -> Constant {
    if constant.unit.is_none() && matches!(constant.value, Value::Int(_) | Value::Float(_)) {
        constant.unit = unit.map(str::to_owned);
    }
    constant
}

/// A value in a file: true or false, a number, or a text; a text that is a number with a unit is one.
pub fn constant(report: &mut Report, file: FileId, node: &Placed<Node>) -> Option<Constant> {
    let plain = |value| Some(Constant { value, unit: None });
    match &node.value {
        Node::Bool(b) => plain(Value::Bool(*b)),
        Node::Int(i) => plain(Value::Int(*i)),
        Node::Float(f) if f.is_finite() => plain(Value::Float(*f)),
        Node::Text(text) => match constant_of(text) {
            Ok(constant) => Some(constant),
            Err(fixed) => {
                let message = "a number has a decimal point, not a comma";
                let place = (file, node.span.clone());
                report.error("R102", place, message, "decimal comma").help =
                    Some(format!("write \"{fixed}\""));
                None
            }
        },
        other => {
            let message = "a number, a text with number and unit, or true or false is expected";
            let label = match other {
                Node::Float(_) => "not a finite number".to_owned(),
                other => format!("this is {}", other.kind()),
            };
            report.error("E005", (file, node.span.clone()), message, label);
            None
        }
    }
}

/// A text as a value: `22 °C`, `1h30m`, `Auto`.
///
/// # Errors
/// When it is a number with a decimal comma: with the point in its place.
pub fn constant_of(text: &str) -> Result<Constant, String> {
    let trimmed = text.trim();
    let number_ends = trimmed
        .char_indices()
        .find(|(i, c)| !(c.is_ascii_digit() || "._,".contains(*c) || (*i == 0 && "+-".contains(*c))))
        .map_or(trimmed.len(), |(i, _)| i);
    // An exponent belongs to the number; a unit that begins with e does not exist.
    let number_ends = exponent(trimmed, number_ends);
    let (number, unit) = trimmed.split_at(number_ends);
    let unit = unit.trim();
    if number.contains(',') && number.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) {
        return Err(trimmed.replace(',', "."));
    }
    // `1h30m`, `T#5M`; but `4 m3` is a volume.
    let several = unit.contains(|c: char| c.is_ascii_digit()) && time::duration(trimmed).is_ok();
    if let Some(value) = number_of(number).filter(|_| is_unit(unit) && !several) {
        return Ok(Constant { value, unit: (!unit.is_empty()).then(|| unit.to_owned()) });
    }
    if let Ok(millis) = time::duration(trimmed) {
        return Ok(Constant { value: Value::Int(millis), unit: Some("ms".into()) });
    }
    Ok(Constant { value: Value::Text(text.into()), unit: None })
}

fn exponent(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let Some(digits) = rest.strip_prefix(['e', 'E']) else { return at };
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let many = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if at == 0 || many == 0 { at } else { text.len() - digits.len() + many }
}

fn number_of(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    if !digits.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let int = digits.parse().ok().map(Value::Int);
    int.or_else(|| digits.parse().ok().filter(|f: &f64| f.is_finite()).map(Value::Float))
}

/// Whether it could be a unit, known or not: nothing, or no digit in front.
fn is_unit(text: &str) -> bool {
    text.chars().next().is_none_or(|c| c.is_alphabetic() || "%°µ'\"".contains(c))
        && !text.contains(char::is_whitespace)
}

/// What each parameter of a rule is on a machine.
///
/// # Errors
/// The first parameter that has no value there.
pub fn of<'r>(rule: &'r Rule, machine: &Machine) -> Result<BTreeMap<String, Constant>, &'r str> {
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
mod tests {
    use super::*;

    fn machine(name: &str, line: &str, class: &str) -> Machine {
        Machine {
            name: name.into(),
            line: Some(line.into()),
            class: Some(class.into()),
            ..Machine::default()
        }
    }

    fn rule(params: &str) -> Rule {
        let mut report = Report::default();
        let text = format!("[rule.r]\non = '*'\nwhen = 't > 1'\n{params}\n");
        let file = report.add_file("r.toml", text);
        let rules = crate::file::rules(&mut report, file).rules;
        rules.into_iter().next().unwrap_or_else(|| panic!("{}", report.render(false)))
    }

    fn shown(c: &Constant) -> String {
        let value = match &c.value {
            Value::Text(t) => t.to_string(),
            Value::Bool(b) => b.to_string(),
            Value::Int(i) => i.to_string(),
            Value::Float(f) => format!("{f:?}"),
        };
        format!("{value}|{}", c.unit.as_deref().unwrap_or(""))
    }

    #[test]
    fn the_more_special_value_counts() {
        let mut rule = rule(
            "param.limit = { default = 22.0, unit = '°C', class.filler = 20.0, line.L3 = 21, machine.'filler-1' = '68 °F' }",
        );
        let of = |rule: &Rule, m: &Machine| shown(&super::of(rule, m).unwrap()["limit"]);
        assert_eq!(of(&rule, &machine("w", "L1", "washer")), "22.0|°C");
        assert_eq!(of(&rule, &machine("f", "L1", "filler")), "20.0|°C");
        assert_eq!(of(&rule, &machine("f", "L3", "filler")), "21|°C");
        let mut own = machine("f", "L3", "filler");
        own.params.insert("limit".into(), Constant { value: Value::Int(19), unit: None });
        assert_eq!(of(&rule, &own), "19|°C");
        own.name = "filler-1".into();
        assert_eq!(of(&rule, &own), "68|°F");
        let limit = |p: &str, i| (p.to_owned(), Constant { value: Value::Int(i), unit: None });
        let param = rule.params.get_mut("limit").unwrap();
        param.limits = vec![limit("*", 1), limit("filler-*", 2), limit("filler-1", 3)];
        param.sort_limits();
        assert_eq!(of(&rule, &own), "3|");
        assert_eq!(of(&rule, &machine("filler-2", "L3", "filler")), "2|");
        assert_eq!(of(&rule, &machine("washer-2", "L3", "washer")), "1|");
    }

    #[test]
    fn a_parameter_without_a_value_on_a_machine_is_named() {
        let rule = rule("param.limit = { unit = 'bar', class.filler = 2.0 }");
        assert!(super::of(&rule, &machine("f", "L1", "filler")).is_ok());
        assert_eq!(super::of(&rule, &machine("w", "L1", "washer")), Err("limit"));
    }

    #[test]
    fn a_text_is_a_quantity_where_it_can_be_one() {
        let of = |text: &str| constant_of(text).map_or_else(|fix| format!("write {fix}"), |c| shown(&c));
        for (text, constant) in [
            ("22 °C", "22|°C"),
            ("-4.5bar", "-4.5|bar"),
            ("1e3 l/h", "1000.0|l/h"),
            ("5 min", "5|min"),
            ("1h30m", "5400000|ms"),
            ("80 %", "80|%"),
            ("Auto", "Auto|"),
            ("0815-A", "0815-A|"),
            ("2,5 bar", "write 2.5 bar"),
            ("", "|"),
        ] {
            assert_eq!(of(text), constant, "{text}");
        }
    }
}
