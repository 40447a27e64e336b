//! From TOML to rules: the keys of a rule, each with its default.
//!
//! Here: the rule's own keys, parameters, definitions, actions and tests. Groups and states stand in `group`,
//! forms of values in `keys`, `selector` and `condition`. Not here: what the keys mean in time, or whether a machine has
//! the tags.
//! Invariant: all mistakes of a file are found in one run; a key that is not understood is refused, not ignored.

use std::collections::BTreeMap;

use proto::Severity;

use super::condition::{condition, parsed};
use super::group::groups;
use super::note::note;
use super::selector::selector;
use super::{Action, Define, FileRules, Param, Rule, Test, hash, is_name, keys, sense};
use crate::diagnose::{FileId, Report};
use crate::document::{self, Node, Placed, Reader, Table};
use crate::params;

/// Keys that are for the whole agent.
const OF_THE_AGENT: [&str; 2] = ["late", "watermark"];

/// Reads all rules of a file; mistakes go to the report, and a rule with one is left out.
pub fn rules(report: &mut Report, file: FileId) -> FileRules {
    let before = report.diagnostics().len();
    if report.is_unreadable(file) {
        return FileRules::default();
    }
    let table = document::parse(report, file);
    if report.errors_since(before) > 0 {
        // Half a file would be other rules than those that were meant.
        return FileRules::default();
    }
    let mut top = Reader::new(&table, "the file", file, report);
    let found = top.table("rule");
    for (name, node) in &table.entries {
        if name.value != "rule"
            && let Node::Table(inside) = &node.value
            && inside.entries.iter().any(|(key, _)| ["on", "when", "group"].contains(&key.value.as_str()))
        {
            top.foreign(
                name,
                "a rule stands in a table of the name `rule`",
                &format!("write [rule.{}]", name.value),
            );
        }
    }
    top.finish(&[]);
    let mut read = FileRules { parsed: report.errors_since(before) == 0, ..FileRules::default() };
    for (name, node) in found.map_or(&[][..], |table| &table.entries) {
        match rule(report, file, name, node) {
            Some(rule) => read.rules.push(rule),
            None => read.mistaken.push(name.clone()),
        }
    }
    read
}

fn rule(report: &mut Report, file: FileId, name: &Placed<String>, node: &Placed<Node>) -> Option<Rule> {
    let before = report.diagnostics().len();
    let title = format!("[rule.{}]", name.value);
    let Node::Table(table) = &node.value else {
        let message = match &node.value {
            Node::List(_) => "a rule stands in one pair of brackets".to_owned(),
            _ => format!("`{}` must be a table", name.value),
        };
        let label = format!("this is {}", node.value.kind());
        report.error("E005", (file, node.span.clone()), message, label).help = Some(format!("write {title}"));
        return None;
    };
    if !is_name(&name.value) {
        let message = "a rule's name has letters, digits, `_`, `-` and `.` only, at most 64";
        report.error("R001", (file, name.span.clone()), message, "not a name");
    }
    let mut r = Reader::new(table, &title, file, report);
    let rule = keys_of(&mut r, name);
    // One with a mistake is there all the same.
    let params = r.table("param").map_or(&[][..], |params| &params.entries);
    let declared: Vec<&str> = params.iter().map(|(name, _)| name.value.as_str()).collect();
    for key in OF_THE_AGENT {
        r.misplaced(key, "it is for the whole agent", "give it in agent.toml under [agent]");
    }
    r.finish(&[]);
    let mut rule = rule?;
    sense::whole(report, &rule, &declared);
    if report.errors_since(before) > 0 {
        return None;
    }
    rule.hash = hash(&rule);
    Some(rule)
}

fn keys_of(r: &mut Reader<'_, '_>, name: &Placed<String>) -> Option<Rule> {
    let file = r.file();
    let on = selector(r);
    let severity = keys::severity(r).unwrap_or(Severity::Warning);
    let (groups, unknown_after) = groups(r, severity);
    let (default, default_weight) = keys::weighed_name(r, "default").unwrap_or(("Normal".into(), 0));
    let rule = Rule {
        name: name.clone(),
        file,
        on: on.clone().unwrap_or_default(),
        default,
        default_weight,
        stale_after: keys::stale_after(r),
        groups,
        unknown_after,
        params: params(r),
        defines: defines(r),
        active_if: condition(r, "active_if"),
        suppress_if: condition(r, "suppress_if"),
        actions: actions(r),
        renamed_from: renamed_from(r, name),
        coverage: keys::coverage(r),
        tests: r.tables("test").into_iter().map(|table| Test { table: table.clone() }).collect(),
        text: keys::texts(r),
        note: note(r),
        hash: String::new(),
    };
    on.map(|_| rule)
}

fn params(r: &mut Reader<'_, '_>) -> BTreeMap<String, Param> {
    let file = r.file();
    let Some(table) = r.table("param") else { return BTreeMap::new() };
    let mut found = BTreeMap::new();
    for (name, node) in &table.entries {
        if is_word(r.report(), file, name, "a parameter")
            && let Some(param) = params::read(r.report(), file, name, node)
        {
            found.insert(name.value.clone(), param);
        }
    }
    found
}

/// Whether an expression can name it without backticks.
fn is_word(report: &mut Report, file: FileId, name: &Placed<String>, what: &str) -> bool {
    let text = &name.value;
    let good = keys::is_word(text);
    if !good {
        let message = format!("`{text}` is not a name for {what}");
        let label = "a letter, then letters, digits and `_`";
        report.error("R015", (file, name.span.clone()), message, label);
    }
    good
}

fn defines(r: &mut Reader<'_, '_>) -> Vec<Define> {
    let file = r.file();
    let Some(table) = r.table("define") else { return Vec::new() };
    table.entries.iter().filter_map(|(name, node)| define(r.report(), file, name, node)).collect()
}

fn define(report: &mut Report, file: FileId, name: &Placed<String>, node: &Placed<Node>) -> Option<Define> {
    let Node::Text(text) = &node.value else {
        let message = format!("`{}` must be an expression in quotes", name.value);
        let label = format!("this is {}", node.value.kind());
        report.error("E005", (file, node.span.clone()), message, label);
        return None;
    };
    let named = is_word(report, file, name, "a definition");
    let given = Placed { value: text.clone(), span: node.span.clone() };
    let condition = parsed(report, given, file)?;
    named.then(|| Define { name: name.clone(), condition })
}

fn actions(r: &mut Reader<'_, '_>) -> Vec<Action> {
    let file = r.file();
    let tables = r.tables("action");
    tables.into_iter().filter_map(|table| action(r.report(), file, table)).collect()
}

fn action(report: &mut Report, file: FileId, table: &Table) -> Option<Action> {
    let mut r = Reader::new(table, "the action", file, report);
    let to = keys::placed_texts(&mut r, "to").unwrap_or_default();
    let notify = r.required_text("notify");
    let repeat = r.duration("repeat");
    if let Some(short) = repeat.as_ref().filter(|repeat| repeat.value < 1_000) {
        let place = (file, short.span.clone());
        r.report().error("R016", place, "`repeat` is at least 1 s", "too often");
    }
    r.finish(&[]);
    Some(Action { to, notify: notify?, repeat: repeat.map(|d| d.value) })
}

fn renamed_from(r: &mut Reader<'_, '_>, name: &Placed<String>) -> Option<Placed<String>> {
    let old = r.text("renamed_from")?;
    let place = (r.file(), old.span.clone());
    if old.value == name.value {
        let message = format!("rule `{}` was renamed from itself", name.value);
        r.report().error("R017", place, message, "the old name is expected");
    } else if !is_name(&old.value) {
        let message = format!("`{}` is not a rule's name", old.value);
        r.report().error("R001", place, message, "the old name is expected");
    }
    Some(old)
}
