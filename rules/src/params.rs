//! Parameters of rules: a limit that differs from machine to machine.
//!
//! A rule says `param.limit = { default = 22.0, unit = "°C", class.filler = 20.0, line.L3 = 21.0,
//! machine.filler-1 = "68 °F" }`, or for short `param.limit = "22 °C"`. What counts for a machine, the later the
//! stronger: the default, its class, its line, the machine (first what agent.toml says of it, then what the rule
//! says), a line of a CSV file in the directory of the rules.
//!
//! Here: reading them, which value counts, values that can never count. Not here: CSV files (`limits`), what units and
//! types fit where a parameter is used (`expr`).
//! Invariant: a value without a unit is meant in the unit of its parameter, wherever it is given.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnose::{FileId, Report, did_you_mean};
use crate::document::{self, Node, Placed, Reader, Table};
use crate::file::{Param, Rule};
use crate::inventory::{Inventory, Machine, MachineId};
use crate::pattern;
use crate::ruleset::RuleSet;
use crate::time;
use crate::units::{self, Unit};
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

/// Values for machines, lines and classes that there are not: they never count, and nobody would notice.
pub(crate) fn for_nobody(report: &mut Report, rule: &Rule, inventory: &Inventory) {
    for (param, (what, key)) in rule.params.iter().flat_map(|(n, p)| p.keys.iter().map(move |key| (n, key))) {
        let of = |machine: &'_ Machine| match *what {
            "class" => machine.class.clone(),
            "line" => machine.line.clone(),
            _ => Some(machine.name.clone()),
        };
        let there: BTreeSet<String> = inventory.machines().filter_map(|(_, machine)| of(machine)).collect();
        if there.contains(&key.value) {
            continue;
        }
        let message = format!("`{param}` has a value for {what} `{}`, which there is not", key.value);
        let near = did_you_mean(&key.value, there.iter().map(String::as_str));
        let known = there.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        report.warning("R218", (rule.file, key.span.clone()), message, "it never counts").help =
            Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("in agent.toml: {known}"),
            });
    }
}

/// Parameters of machines in the configuration that no rule has on that machine. All rules must be known.
pub fn of_no_rule(report: &mut Report, rules: &RuleSet, inventory: &Inventory) {
    let mut known: BTreeMap<MachineId, BTreeSet<&str>> = BTreeMap::new();
    for plan in &rules.plans {
        known.entry(plan.machine).or_default().extend(plan.rule.params.keys().map(String::as_str));
    }
    let nothing = BTreeSet::new();
    let strange = inventory.machines().flat_map(|(id, machine)| {
        let known = known.get(&id).unwrap_or(&nothing);
        machine
            .params
            .keys()
            .filter(|name| !known.contains(name.as_str()))
            .map(move |name| (machine, name, known))
    });
    let strange: Vec<_> = strange.collect();
    if strange.is_empty() {
        return;
    }
    let (file, places) = written(report, inventory);
    for (machine, name, known) in strange {
        let span = places.get(&(machine.name.clone(), name.clone())).cloned().unwrap_or(0..0);
        let message = format!("no rule for {} has a parameter `{name}`", machine.name);
        let near = did_you_mean(name, known.iter().copied());
        report.warning("R219", (file, span), message, "it never counts").help = Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "no rule for this machine has parameters".into(),
            None => format!("parameters: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
        });
    }
}

/// Where the parameters of a machine stand, by the machine's name and theirs.
type Places = BTreeMap<(String, String), Range<usize>>;

/// Adds the configuration to a report, and finds the machines' parameters in it.
fn written(report: &mut Report, inventory: &Inventory) -> (FileId, Places) {
    let Some((name, text)) = inventory.file() else {
        return (report.add_file("agent.toml", ""), Places::new());
    };
    let file = report.add_file(name, text);
    // What is wrong with it was said when it was read.
    let mut silent = Report::default();
    let copy = silent.add_file(name, text);
    let table = document::parse(&mut silent, copy);
    let machines = Reader::new(&table, name, copy, &mut silent).tables("machine");
    let mut places = Places::new();
    for machine in machines {
        let mut r = Reader::new(machine, "[[machine]]", copy, &mut silent);
        let (Some(name), Some(params)) = (r.text("name"), r.table("param")) else { continue };
        let place =
            |(key, _): &(Placed<String>, _)| ((name.value.clone(), key.value.clone()), key.span.clone());
        places.extend(params.entries.iter().map(place));
    }
    (file, places)
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

/// The values that count for a machine, and the names of the parameters that have none there.
#[must_use]
pub fn of<'r>(rule: &'r Rule, machine: &Machine) -> (BTreeMap<String, Constant>, Vec<&'r str>) {
    let (mut values, mut missing) = (BTreeMap::new(), Vec::new());
    for (name, param) in &rule.params {
        match value(name, param, machine) {
            Some(value) => drop(values.insert(name.clone(), value)),
            None => missing.push(name.as_str()),
        }
    }
    (values, missing)
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
    use crate::inventory::{Source, Tag};
    use crate::value::Type;

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
        let of = |rule: &Rule, m: &Machine| shown(&super::of(rule, m).0["limit"]);
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
        assert!(super::of(&rule, &machine("f", "L1", "filler")).1.is_empty());
        assert_eq!(super::of(&rule, &machine("w", "L1", "washer")).1, ["limit"]);
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

    /// A line of two machines, of which the first has parameters of its own in its file.
    fn line(given: &str) -> (Inventory, Report) {
        let text = format!("[[machine]]\nname = 'f'\nparam = {{ {given} }}\n[[machine]]\nname = 'w'\n");
        let mut report = Report::default();
        let file = report.add_file("agent.toml", text.as_str());
        let table = crate::document::parse(&mut report, file);
        let machines = Reader::new(&table, "agent.toml", file, &mut report).tables("machine");
        let mut inventory = Inventory::default();
        inventory.was_read_from("agent.toml", &text);
        let source = Source { id: "plc".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for table in machines {
            let mut r = Reader::new(table, "[[machine]]", file, &mut report);
            let name = r.text("name").unwrap().value;
            let entries = r.table("param").map_or(&[][..], |params| &params.entries);
            let params = entries
                .iter()
                .filter_map(|(key, node)| Some((key.value.clone(), constant(r.report(), file, node)?)));
            let params = params.collect();
            let id = name.clone();
            let machine = inventory.add_machine(Machine { name, id, params, ..Machine::default() });
            let unit = Some("°C".to_owned());
            let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, unit, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
        }
        (inventory, Report::default())
    }

    const LIMITED: &str = "[rule.r]\non = 'f'\nwhen = 't > limit'\nparam.limit = { default = 22.0, unit = '°C' }\n[rule.other]\non = 'w'\nwhen = 't > limt'\nparam.limt = 3\n";

    fn checked(given: &str) -> Vec<String> {
        let (inventory, mut report) = line(given);
        let file = report.add_file("r.toml", LIMITED);
        let rules = RuleSet::load(&mut report, &[file], &inventory);
        if report.errors() == 0 {
            of_no_rule(&mut report, &rules, &inventory);
        }
        report.lines().collect()
    }

    #[test]
    fn a_parameter_of_a_machine_that_none_of_its_rules_has_is_shown_in_its_file() {
        assert_eq!(checked("limit = 21.0"), [""; 0]);
        let said =
            "agent.toml:3:28: no rule for f has a parameter `limt` (it never counts; did you mean `limit`?)";
        assert_eq!(checked("limit = '70 °F', limt = 21.0"), [said], "a rule of another machine has it");
    }

    #[test]
    fn a_value_of_a_machine_that_cannot_be_meant_is_told_at_the_parameter() {
        let bar = "r.toml:4:7: the value of `limit` that agent.toml gives to f is in bar (in °C is expected; change param.limit under [[machine]] f in agent.toml)";
        assert_eq!(checked("limit = '3 bar'"), [bar]);
        assert!(checked("limit = 'warm'")[0].contains("gives to f is a text (a number is expected"));
    }
}
