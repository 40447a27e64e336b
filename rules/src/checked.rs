//! All files of the rules, checked together.
//!
//! Here: names defined twice, limits from tables, the limit of instances. Not here: the keys of a file (`file`), whom
//! rules notify (`target`), what a rule is on a machine (`bind`).
//! Invariant: one run finds all mistakes of all files; what is wrong about one rule leaves the others in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diagnose::{FileId, Report};
use crate::document::Placed;
use crate::file::{self, Rule};
use crate::inventory::Inventory;
use crate::limits::Limits;
use crate::ruleset::{BoundRule, bind};
use crate::target;

/// Instances that one agent may have (§10).
pub(crate) const INSTANCES_MAX: usize = 200_000;

/// What a check of all files has found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Rules without a mistake, by name.
    pub rules: BTreeMap<String, BoundRule>,
    /// Names of rules with one.
    pub mistaken: BTreeSet<String>,
    /// Files that could not be read as a whole: nobody knows which rules they hold.
    pub unread: Vec<FileId>,
}

impl Checked {
    /// Checks all files together and binds what is right. A file whose name ends in `.csv` holds limits.
    pub fn of(report: &mut Report, files: &[FileId], inventory: &Inventory) -> Self {
        Self::whose(report, files, inventory, target::unknown)
    }

    /// The same of rules that were in force already: whoever they notify may have lost the name since, and that is no
    /// reason to guard the line less.
    pub fn again(report: &mut Report, files: &[FileId], inventory: &Inventory) -> Self {
        Self::whose(report, files, inventory, |_, _, _| BTreeSet::new())
    }

    fn whose(
        report: &mut Report,
        files: &[FileId],
        inventory: &Inventory,
        unknown_targets: impl Fn(&mut Report, &[Rule], &Inventory) -> BTreeSet<String>,
    ) -> Self {
        let mut checked = Self::default();
        let (tables, files): (Vec<FileId>, Vec<FileId>) =
            files.iter().partition(|file| is_table(report.name(**file)));
        let (mut rules, mut mistaken) = (Vec::new(), Vec::new());
        for file in files {
            let read = file::rules(report, file);
            rules.extend(read.rules);
            mistaken.extend(read.mistaken.into_iter().map(|name| (name, file)));
            checked.unread.extend((!read.parsed).then_some(file));
        }
        rules.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        checked.mistaken = doubles(report, &rules, &mistaken);
        checked.mistaken.extend(mistaken.into_iter().map(|(name, _)| name.value));
        let wrong = file::among(report, &rules, &checked.mistaken);
        checked.mistaken.extend(wrong);
        checked.mistaken.extend(unknown_targets(report, &rules, inventory));
        let mut limits = Limits::default();
        tables.into_iter().for_each(|table| limits.read(report, table));
        limits.give(report, &mut rules, &mut checked.mistaken, inventory, checked.unread.is_empty());
        checked.unread.append(&mut limits.unread);
        rules.retain(|rule| !checked.mistaken.contains(&rule.name.value));
        checked.bind(report, rules, inventory, INSTANCES_MAX);
        report.sort();
        checked
    }

    fn bind(&mut self, report: &mut Report, rules: Vec<Rule>, inventory: &Inventory, instances_max: usize) {
        let mut instances = 0;
        for rule in rules {
            let (name, rule) = (rule.name.value.clone(), Arc::new(rule));
            match bind(report, Arc::clone(&rule), inventory) {
                Some(plans) if instances + plans.len() <= instances_max => {
                    instances += plans.len();
                    self.rules.insert(name, BoundRule { rule, plans });
                }
                too_much => {
                    too_much.iter().for_each(|plans| too_many(report, &rule, plans.len()));
                    self.mistaken.insert(name);
                }
            }
        }
    }
}

/// Whether a file holds limits and no rules.
#[must_use]
pub fn is_table(name: &str) -> bool {
    name.len() > 4 && name.as_bytes()[name.len() - 4..].eq_ignore_ascii_case(b".csv")
}

/// A name that is defined twice belongs to neither (§8), whether what it names is right or not.
fn doubles(report: &mut Report, rules: &[Rule], mistaken: &[(Placed<String>, FileId)]) -> BTreeSet<String> {
    let right = rules.iter().map(|rule| (rule.file, &rule.name));
    let wrong = mistaken.iter().map(|(name, file)| (*file, name));
    let mut all: Vec<(FileId, &Placed<String>)> = right.chain(wrong).collect();
    all.sort_by_key(|(file, name)| (&name.value, *file, name.span.start));
    let mut doubled = BTreeSet::new();
    for pair in all.windows(2) {
        let ((first, _), (file, name)) = (pair[0], pair[1]);
        if pair[0].1.value != name.value {
            continue;
        }
        let message = format!("rule `{}` is defined twice", name.value);
        let help = format!("the other one is in {}: give one of them another name", report.name(first));
        report.error("R401", (file, name.span.clone()), message, "neither of them is in force").help =
            Some(help);
        doubled.insert(name.value.clone());
    }
    doubled
}

fn too_many(report: &mut Report, rule: &Rule, more: usize) {
    let message = format!("the rules of one agent have at most {INSTANCES_MAX} instances");
    let label = format!("this rule would add {more}, one for each of its machines");
    report.error("R404", (rule.file, rule.name.span.clone()), message, label).help =
        Some("divide the machines among several agents, or narrow `on`".into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Machine, Source, Tag};
    use crate::value::Type;

    #[test]
    fn a_rule_that_would_be_one_instance_too_much_is_refused_and_smaller_ones_are_not() {
        let mut inventory = Inventory::default();
        let source = Source { id: "plc".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for name in ["a", "b", "c"] {
            let machine =
                inventory.add_machine(Machine { name: name.into(), id: name.into(), ..Machine::default() });
            let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
        }
        let mut report = Report::default();
        let rule = |name: &str, on: &str| format!("[rule.{name}]\non = '{on}'\nwhen = 't > 1'\n");
        let text = rule("first", "*") + &rule("second", "*") + &rule("third", "a");
        let file = report.add_file("r.toml", text);
        let rules = file::rules(&mut report, file).rules;
        let mut checked = Checked::default();
        checked.bind(&mut report, rules, &inventory, 4);
        assert_eq!(checked.rules.keys().collect::<Vec<_>>(), ["first", "third"]);
        assert_eq!(checked.mistaken.iter().collect::<Vec<_>>(), ["second"]);
        let said: Vec<String> = report.lines().collect();
        assert!(
            said.len() == 1 && said[0].contains("this rule would add 3, one for each of its machines"),
            "{said:?}"
        );
    }
}
