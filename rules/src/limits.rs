//! Limits from a table: `*.csv` files beside the rules, as a spreadsheet saves them.
//!
//! ```csv
//! rule;parameter;machine;value
//! product-temperature;limit;filler-1;21,5
//! product-temperature;limit;filler-*;71.6 °F
//! ```
//! Fields are parted by `;`, `,` or a tab, whichever the first line has; with `;` and tabs a decimal comma is one.
//! `machine` may be a pattern, or empty for all machines. A column `unit` or `comment` may be added. Empty lines and
//! lines that begin with `#` say nothing.
//!
//! Here: what a line means and what is wrong with it. Not here: cutting a file into fields (`sheet`), which value
//! counts (`params`).
//! Invariant: a line with a mistake changes no limit: its rule keeps the version that was in force.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::diagnose::{FileId, Report, did_you_mean};
use crate::document::Placed;
use crate::file::{Param, Rule};
use crate::inventory::Inventory;
use crate::params::{self, constant_of, in_unit};
use crate::sheet::{Line, Sheet, sheet};
use crate::value::{Constant, Value};

/// Columns that a file may have.
const COLUMNS: [&str; 6] = ["rule", "parameter", "machine", "value", "unit", "comment"];
/// Those that it must have.
const NEEDED: usize = 4;

/// A suggestion looks at all rules; whoever has mistaken more of them needs another hint than that.
const SUGGESTIONS_MAX: usize = 50;

/// Limits of all files.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    /// By rule, in the order of the files.
    lines: BTreeMap<String, Vec<Limit>>,
    /// Rules with a mistake in one of their lines.
    mistaken: BTreeSet<String>,
    /// Files that could not be read as a whole: nobody knows whose limits they hold.
    pub(crate) unread: Vec<FileId>,
}

#[derive(Debug)]
struct Limit {
    file: FileId,
    rule: Placed<String>,
    parameter: Placed<String>,
    machine: Placed<String>,
    value: Placed<Constant>,
}

impl Limits {
    /// Reads a file.
    pub(crate) fn read(&mut self, report: &mut Report, file: FileId) {
        let before = report.diagnostics().len();
        if report.is_unreadable(file) {
            self.unread.push(file);
            return;
        }
        let sheet = sheet(report, file);
        // A line that cannot be cut may be any rule's: nothing of the table counts, but all of it is checked.
        self.unread.extend((report.errors_since(before) > 0).then_some(file));
        let before = report.diagnostics().len();
        let columns = columns(report, file, &sheet);
        if report.errors_since(before) > 0 {
            self.unread.push(file);
            return;
        }
        for line in &sheet.lines {
            let field = |name: &str| columns.iter().position(|c| c == name).and_then(|i| line.fields.get(i));
            let rule = field("rule").map(|f| f.value.clone()).unwrap_or_default();
            match limit(report, file, &sheet, line, &field) {
                Some(limit) => self.lines.entry(rule).or_default().push(limit),
                None => drop(self.mistaken.insert(rule)),
            }
        }
    }

    /// Gives the rules their limits. A rule with a mistake in its limits is named in `mistaken`.
    /// Lines for rules that there are not are mistakes only where all rules are known.
    pub(crate) fn give(
        &self,
        report: &mut Report,
        rules: &mut [Rule],
        mistaken: &mut BTreeSet<String>,
        inventory: &Inventory,
        all_known: bool,
    ) {
        let none = BTreeSet::new();
        let known: BTreeSet<String> =
            rules.iter().map(|r| r.name.value.clone()).chain(mistaken.iter().cloned()).collect();
        let first = self.lines.values().filter_map(|lines| lines.first());
        let strangers = first.filter(|line| all_known && !known.contains(&line.rule.value));
        for (i, line) in strangers.enumerate() {
            no_rule(report, line, if i < SUGGESTIONS_MAX { &known } else { &none });
        }
        for rule in rules {
            let name = &rule.name.value;
            let given = self.lines.get(name).map_or(&[][..], Vec::as_slice);
            let mut seen = FxHashSet::default();
            let mut wrong = 0;
            given.iter().for_each(|line| for_nobody(report, rule, line, inventory));
            let name = &rule.name.value;
            for line in given {
                wrong += usize::from(
                    !(once(report, name, line, &mut seen) && take(report, &mut rule.params, name, line)),
                );
            }
            rule.params.values_mut().for_each(Param::sort_limits);
            let in_the_dark = !self.unread.is_empty() && !rule.params.is_empty();
            if wrong > 0 || in_the_dark || self.mistaken.contains(name) {
                mistaken.insert(name.clone());
            } else if !given.is_empty() {
                rule.hash = crate::file::hash(rule);
            }
        }
    }
}

fn columns(report: &mut Report, file: FileId, sheet: &Sheet) -> Vec<String> {
    let Some(header) = &sheet.header else {
        let message = "the file has no first line with the names of the columns";
        report.error("R601", (file, 0..0), message, "rule;parameter;machine;value is expected");
        return Vec::new();
    };
    let names: Vec<String> = header.fields.iter().map(|f| f.value.to_lowercase()).collect();
    for (i, (name, field)) in names.iter().zip(&header.fields).enumerate() {
        let place = (file, field.span.clone());
        if names[..i].contains(name) {
            report.error("R601", place, format!("column `{name}` stands twice"), "the second one");
        } else if !COLUMNS.contains(&name.as_str()) {
            let help = meant(name).map(|near| format!("did you mean `{near}`?"));
            let known = || format!("columns: {}", COLUMNS.join(", "));
            report.error("R601", place, format!("unknown column `{}`", field.value), "no such column").help =
                Some(help.unwrap_or_else(known));
        }
    }
    let is_there = |column: &str| names.iter().any(|n| meant(n) == Some(column));
    for missing in COLUMNS[..NEEDED].iter().filter(|c| !is_there(c)) {
        let message = format!("the file has no column `{missing}`");
        report.error("R601", (file, header.span.clone()), message, "the names of the columns").help =
            Some("the first line must be rule;parameter;machine;value".into());
    }
    names
}

/// The column that is meant by a name.
fn meant(name: &str) -> Option<&'static str> {
    const GERMAN: [(&str, &str); 7] = [
        ("regel", "rule"),
        ("maschine", "machine"),
        ("wert", "value"),
        ("grenzwert", "value"),
        ("limit", "value"),
        ("einheit", "unit"),
        ("kommentar", "comment"),
    ];
    let german = GERMAN.iter().find(|(german, _)| *german == name).map(|(_, column)| *column);
    german.or_else(|| did_you_mean(name, COLUMNS))
}

fn limit<'f>(
    report: &mut Report,
    file: FileId,
    sheet: &Sheet,
    line: &'f Line,
    field: &impl Fn(&str) -> Option<&'f Placed<String>>,
) -> Option<Limit> {
    let columns = sheet.header.as_ref().map_or(0, |h| h.fields.len());
    if line.fields.len() != columns {
        let (message, label) =
            (format!("the line has {} fields", line.fields.len()), format!("{columns} are expected"));
        let comma = sheet.parted_by == ',' && line.fields.len() > columns;
        report.error("R602", (file, line.span.clone()), message, label).help = comma.then(|| {
            "where commas part the fields, a number needs a decimal point; or save the file with `;`".into()
        });
        return None;
    }
    let (rule, parameter) = (field("rule")?.clone(), field("parameter")?.clone());
    for (what, empty) in [("rule", &rule), ("parameter", &parameter)] {
        if empty.value.is_empty() {
            report.error("R602", (file, empty.span.clone()), format!("the {what} is missing"), "empty");
        }
    }
    let mut machine = field("machine")?.clone();
    if machine.value.is_empty() {
        machine.value = "*".into();
    }
    let given = field("value")?;
    let value = value(report, file, sheet, given)?;
    let unit = field("unit").map(|f| f.value.as_str()).filter(|unit| !unit.is_empty());
    let value = Placed { value: in_unit(value, unit), span: given.span.clone() };
    (!rule.value.is_empty() && !parameter.value.is_empty()).then_some(Limit {
        file,
        rule,
        parameter,
        machine,
        value,
    })
}

fn value(report: &mut Report, file: FileId, sheet: &Sheet, given: &Placed<String>) -> Option<Constant> {
    let text = given.value.trim();
    let place = (file, given.span.clone());
    if text.is_empty() {
        report.error("R602", place, "the value is missing", "empty");
        return None;
    }
    let truth = [("true", true), ("false", false), ("wahr", true), ("falsch", false)];
    if let Some((_, truth)) = truth.iter().find(|(name, _)| *name == text.to_lowercase()) {
        return Some(Constant { value: Value::Bool(*truth), unit: None });
    }
    if looks_like_a_date(text) {
        let message = format!("`{text}` looks like a date");
        report.error("R603", place, message, "a spreadsheet makes dates of numbers such as 1.2").help =
            Some("give the column the format `text`, and type the number anew".into());
        return None;
    }
    let number: String = text.chars().take_while(|c| c.is_ascii_digit() || ".,+-".contains(*c)).collect();
    if number.matches(['.', ',']).count() > 1 {
        let message = format!("`{number}` is not a number");
        report.error("R603", place, message, "more than one `.` or `,`").help =
            Some("write numbers without a mark for thousands: 1234,5".into());
        return None;
    }
    match constant_of(text) {
        Ok(constant) => Some(constant),
        Err(point) if sheet.parted_by != ',' => constant_of(&point).ok(),
        Err(point) => {
            let message = "a number has a decimal point where commas part the fields";
            report.error("R603", place, message, "decimal comma").help = Some(format!("write {point}"));
            None
        }
    }
}

/// `01. Feb`, `1.2.2026`, `Feb 01`, `2026-02-01`.
fn looks_like_a_date(text: &str) -> bool {
    const MONTHS: [&str; 15] = [
        "jan", "feb", "mar", "mär", "apr", "may", "mai", "jun", "jul", "aug", "sep", "oct", "okt", "nov",
        "dez",
    ];
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_month =
        |word: &&str| MONTHS.iter().any(|month| word.starts_with(month)) || word.starts_with("dec");
    let numbers = words.iter().filter(|word| word.chars().all(|c| c.is_ascii_digit())).count();
    let named = words.len() < 4 && numbers > 0 && words.iter().any(is_month);
    let parts: Vec<&str> = lower.split(['.', '-', '/']).collect();
    let year = |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let plain = parts.len() == 3 && numbers == 3 && (year(&parts[0]) || year(&parts[2]));
    named || plain
}

fn no_rule(report: &mut Report, line: &Limit, known: &BTreeSet<String>) {
    let name = &line.rule.value;
    let near = did_you_mean(name, known.iter().map(String::as_str)).map(|n| format!("did you mean `{n}`?"));
    let message = format!("there is no rule `{name}`");
    report.error("R604", (line.file, line.rule.span.clone()), message, "no such rule").help = near;
}

/// Whether a limit stands there once; one that is given twice is a mistake.
fn once<'l>(
    report: &mut Report,
    rule: &str,
    line: &'l Limit,
    seen: &mut FxHashSet<(&'l str, &'l str)>,
) -> bool {
    let (name, machine) = (&line.parameter.value, &line.machine.value);
    let first = seen.insert((name, machine));
    if !first {
        let message = format!("`{name}` of `{rule}` has a limit for `{machine}` already");
        report.error("R606", (line.file, line.machine.span.clone()), message, "a second one");
    }
    first
}

/// Adds a limit to the parameter it is for; gives whether it fits.
fn take(report: &mut Report, params: &mut BTreeMap<String, Param>, rule: &str, line: &Limit) -> bool {
    let name = &line.parameter.value;
    if !params.contains_key(name) {
        let near = did_you_mean(name, params.keys().map(String::as_str)).map(str::to_owned);
        let has = || match params.len() {
            0 => "it has no parameters: write param.limit = { default = 22.0 } into it".into(),
            _ => format!("its parameters: {}", params.keys().cloned().collect::<Vec<_>>().join(", ")),
        };
        let help = near.map_or_else(has, |n| format!("did you mean `{n}`?"));
        let message = format!("rule `{rule}` has no parameter `{name}`");
        report.error("R605", (line.file, line.parameter.span.clone()), message, "no such parameter").help =
            Some(help);
        return false;
    }
    let Some(param) = params.get_mut(name) else { return false };
    let value = in_unit(line.value.value.clone(), param.unit.as_deref());
    if let Some(mismatch) = params::mismatch(param, &value) {
        let given = Placed { value, span: line.value.span.clone() };
        mismatch.report(report, line.file, given, &format!("{name}` of `{rule}"));
        return false;
    }
    param.limits.push((line.machine.value.clone(), value));
    true
}

/// A limit for a machine that the rule is not for never counts. A pattern may be meant for machines to come.
fn for_nobody(report: &mut Report, rule: &Rule, line: &Limit, inventory: &Inventory) {
    let name = &line.machine.value;
    if name.contains(['*', '?'])
        || inventory.machines_named(name).iter().any(|id| rule.on.selects(inventory.machine(*id)))
    {
        return;
    }
    let mine = || inventory.machines().filter(|(_, m)| rule.on.selects(m)).map(|(_, m)| m.name.as_str());
    let message = format!("rule `{}` is for no machine `{name}`", rule.name.value);
    let near = did_you_mean(name, mine()).filter(|near| near != name);
    let known = mine().take(8).collect::<Vec<_>>().join(", ");
    report.warning("R608", (line.file, line.machine.span.clone()), message, "the limit never counts").help =
        Some(near.map_or_else(|| format!("its machines: {known}"), |near| format!("did you mean `{near}`?")));
}

#[cfg(test)]
mod tests {
    use crate::diagnose::Report;
    use crate::file::Rule;
    use crate::inventory::{Inventory, Machine, Source, Tag};
    use crate::params;
    use crate::ruleset::Checked;
    use crate::value::{Type, Value};

    const RULE: &str = "[rule.r]\non = '*'\nwhen = 't > 1'\nparam.limit = { default = 22.0, unit = '°C' }\nparam.mode = 'Auto'\n[rule.other]\non = '*'\nwhen = 't > 1'\n";

    fn inventory() -> Inventory {
        let mut inventory = Inventory::default();
        let source = Source { id: "plc".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for name in ["filler-1", "filler-2", "washer-1"] {
            let machine =
                inventory.add_machine(Machine { name: name.into(), id: name.into(), ..Machine::default() });
            let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
        }
        inventory
    }

    fn checked(table: &str) -> (Checked, Vec<String>) {
        let mut report = Report::default();
        let files = [report.add_file("r.toml", RULE), report.add_file("limits.CSV", table)];
        let checked = Checked::of(&mut report, &files, &inventory());
        (checked, report.lines().collect())
    }

    fn limit(rule: &Rule, machine: &str) -> (f64, String) {
        let machine = Machine { name: machine.into(), ..Machine::default() };
        let limit = params::of(rule, &machine).0.remove("limit").unwrap();
        let Value::Float(value) = limit.value else { panic!("{limit:?}") };
        (value, limit.unit.unwrap_or_default())
    }

    #[test]
    fn a_table_as_a_spreadsheet_saves_it_gives_limits() {
        let (checked, said) = checked(
            "Rule;Parameter;Machine;Value;Comment\r\nr;limit;filler-*;21,5;warm\r\nr;limit;filler-1;\"71,6 °F\";\r\n",
        );
        assert_eq!(said, [""; 0]);
        let rule = &checked.rules["r"].rule;
        assert_eq!(limit(rule, "filler-1"), (71.6, "°F".into()));
        assert_eq!(limit(rule, "filler-2"), (21.5, "°C".into()));
        assert_eq!(limit(rule, "washer-1"), (22.0, "°C".into()));
        let without = super::tests::checked("rule;parameter;machine;value\n").0;
        assert_ne!(rule.hash, without.rules["r"].rule.hash, "other limits are another rule");
    }

    #[test]
    fn every_mistake_of_a_table_has_its_line_and_column() {
        let of = |lines: &str| {
            let (checked, said) = checked(&format!("rule;parameter;machine;value\n{lines}"));
            assert!(checked.rules.contains_key("other"), "a rule without parameters needs no table");
            (checked.rules.contains_key("r"), said.join("\n"))
        };
        for (lines, expected) in [
            ("r;limit;filler-1;21", ""),
            (
                "\n# no\nr;limt;*;21",
                "limits.CSV:4:3: rule `r` has no parameter `limt` (no such parameter; did you mean `limit`?)",
            ),
            ("r;limit;*;21\nr;limit;;22", "limits.CSV:3:9: `limit` of `r` has a limit for `*` already"),
            ("r;limit;*;", "limits.CSV:2:11: the value is missing"),
            (
                "r;limit;*;warm",
                "limits.CSV:2:11: `limit` of `r` must be a number (this is a text; write a number",
            ),
            ("r;limit;*;1.234,5", "limits.CSV:2:11: `1.234,5` is not a number"),
            ("r;limit;*", "limits.CSV:2:1: the line has 3 fields (4 are expected)"),
            (
                "r;limit;*;3 Bar",
                "limits.CSV:2:11: `limit` of `r` must be in °C (this is in Bar; write it in °C, or leave the unit out)",
            ),
            (
                "r;limit;*;21 C",
                "limits.CSV:2:11: `limit` of `r` must be in °C (this is in C; did you mean `°C`?)",
            ),
            ("r;mode;*;5", "limits.CSV:2:10: `mode` of `r` must be a text"),
        ] {
            let (in_force, said) = of(lines);
            assert_eq!(in_force, expected.is_empty(), "{lines}: {said}");
            assert!(said.starts_with(expected), "{lines}\n{said}");
        }
        for right in ["r;limit;*;70 °F", "r;limit;*;294 K", "r;limit;nobody-*;21", "r;limit;;21,5"] {
            assert_eq!(of(right), (true, String::new()), "{right}");
        }
        let (in_force, said) = of("r;limit;filer-1;21");
        let expected = "limits.CSV:2:9: rule `r` is for no machine `filer-1` (the limit never counts; did you mean `filler-1`?)";
        assert_eq!((in_force, said.as_str()), (true, expected), "a doubt only");
        let (in_force, said) = of("q;limit;*;21");
        assert!(in_force && said.contains("there is no rule `q`"), "{said}");
    }

    #[test]
    fn a_table_that_cannot_be_read_keeps_all_rules_with_parameters_as_they_were() {
        for (table, expected) in [
            ("rule;parameter;value\nr;limit;21", "limits.CSV:1:1: the file has no column `machine`"),
            ("rule;paramter;machine;value\n", "did you mean `parameter`?"),
            ("", "no first line"),
        ] {
            let (checked, said) = checked(table);
            assert!(checked.mistaken.contains("r") && checked.rules.contains_key("other"));
            assert_eq!(checked.unread.len(), 1);
            assert!(said.join("\n").contains(expected), "{said:?}");
        }
        let (_, said) = checked("rule,parameter,machine,value\nr,limit,*,21,5\n");
        assert!(said[0].contains("the line has 5 fields") && said[0].contains("decimal point"), "{said:?}");
    }
}
