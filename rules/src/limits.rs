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
//! Here: the limits of all files, and giving them to the rules. What a table consists of stands in `columns` and `line`.
//! Not here: cutting a file into fields (`sheet`), which value counts (`params`).
//! Invariant: a line with a mistake changes no limit: its rule keeps the version that was in force.

mod columns;
mod line;

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;

use crate::diagnose::{FileId, Report, did_you_mean};
use crate::document::Placed;
use crate::file::{Param, Rule};
use crate::inventory::Inventory;
use crate::params::{self, in_unit};
use crate::sheet::sheet;

use self::columns::columns;
use self::line::{Limit, limit};

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
        if all_known {
            self.strangers(report, rules, mistaken);
        }
        for rule in rules {
            let name = &rule.name.value;
            let given = self.lines.get(name).map_or(&[][..], Vec::as_slice);
            given.iter().for_each(|line| for_nobody(report, rule, line, inventory));
            let mut seen = FxHashSet::default();
            let mut wrong = false;
            for line in given {
                wrong |= !once(report, name, line, &mut seen) || !take(report, &mut rule.params, name, line);
            }
            rule.params.values_mut().for_each(Param::sort_limits);
            let in_the_dark = !self.unread.is_empty() && !rule.params.is_empty();
            if wrong || in_the_dark || self.mistaken.contains(name) {
                mistaken.insert(name.clone());
            } else if !given.is_empty() {
                rule.hash = crate::file::hash(rule);
            }
        }
    }

    /// Reports limits for rules that there are not, each rule once.
    fn strangers(&self, report: &mut Report, rules: &[Rule], mistaken: &BTreeSet<String>) {
        let none = BTreeSet::new();
        let known: BTreeSet<String> =
            rules.iter().map(|r| r.name.value.clone()).chain(mistaken.iter().cloned()).collect();
        let first = self.lines.values().filter_map(|lines| lines.first());
        let strangers = first.filter(|line| !known.contains(&line.rule.value));
        for (i, line) in strangers.enumerate() {
            no_rule(report, line, if i < SUGGESTIONS_MAX { &known } else { &none });
        }
    }
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
mod tests;
