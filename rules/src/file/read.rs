//! From TOML to rules: every key of a rule, a group and a state, with its default.
//!
//! Here: that. Not here: what the keys mean in time, or whether a machine has the tags.
//! Invariant: all mistakes of a file are found in one run; a key that this version does not judge is refused, not
//! ignored.

use std::collections::BTreeMap;
use std::ops::Range;

use proto::Severity;
use sha2::{Digest as _, Sha256};

use super::{
    COVERAGE, Condition, FileRules, Group, Named, OnUnknown, Rule, Selector, StaleAfter, State,
    UNKNOWN_AFTER, is_name,
};
use crate::diagnose::{FileId, Report};
use crate::document::{self, Node, Placed, Reader, Table};
use crate::expr::Mistake;
use crate::expr::parse::parse;
use crate::place;
use crate::text::Template;
use crate::time;

/// Weight of a state that gives none, and whose group gives none (§7.3).
const WEIGHT_DEFAULT: u32 = 10;
/// Greatest weight (§7.3).
const WEIGHT_MAX: i64 = 1000;
/// Names that the engine gives itself (§7.5).
const RESERVED: [&str; 3] = ["Unknown", "Inactive", "Removed"];
/// Keys of the specification that this version does not judge, per table.
const LATER_RULE: [&str; 14] = [
    "clear",
    "hold",
    "deadband",
    "latch",
    "active_if",
    "suppress_if",
    "action",
    "param",
    "define",
    "test",
    "renamed_from",
    "coverage",
    "late",
    "watermark",
];
const LATER_GROUP: [&str; 1] = ["deadband"];
const LATER_STATE: [&str; 4] = ["clear", "hold", "latch", "deadband"];

/// Reads all rules of a file; mistakes go to the report, and a rule with one is left out.
pub fn rules(report: &mut Report, file: FileId) -> FileRules {
    let before = report.diagnostics().len();
    let table = document::parse(report, file);
    if report.errors_since(before) > 0 {
        // Half a file would be other rules than those that were meant.
        return FileRules::default();
    }
    let mut top = Reader::new(&table, "the file", file, report);
    let found = top.table("rule");
    top.finish(&[]);
    let mut read = FileRules { parsed: report.errors_since(before) == 0, ..FileRules::default() };
    for (name, node) in found.map_or(&[][..], |table| &table.entries) {
        match rule(report, file, name, node) {
            Some(rule) => read.rules.push(rule),
            None => read.mistaken.push(name.value.clone()),
        }
    }
    read
}

fn rule(report: &mut Report, file: FileId, name: &Placed<String>, node: &Placed<Node>) -> Option<Rule> {
    let before = report.diagnostics().len();
    let title = format!("[rule.{}]", name.value);
    let Node::Table(table) = &node.value else {
        let message = format!("`{}` must be a table", name.value);
        report.error("E005", (file, node.span.clone()), message, format!("write {title}"));
        return None;
    };
    if !is_name(&name.value) {
        let message = "a rule's name has letters, digits, `_`, `-` and `.` only, at most 64";
        report.error("R001", (file, name.span.clone()), message, "not a name");
    }
    let mut r = Reader::new(table, &title, file, report);
    let on = selector(&mut r);
    let severity = severity(&mut r).unwrap_or(Severity::Warning);
    let default = state_name(&mut r, "default").unwrap_or_else(|| "Normal".into());
    let stale_after = stale_after(&mut r);
    let text = texts(&mut r);
    let groups = groups(&mut r, severity);
    r.finish(&LATER_RULE);
    if report.errors_since(before) > 0 {
        return None;
    }
    let mut rule = Rule {
        name: name.clone(),
        file,
        on: on?,
        default,
        stale_after,
        groups,
        params: BTreeMap::new(),
        defines: Vec::new(),
        active_if: None,
        suppress_if: None,
        actions: Vec::new(),
        renamed_from: None,
        coverage: COVERAGE,
        tests: Vec::new(),
        text,
        hash: String::new(),
    };
    rule.hash = proto::id::hex(&Sha256::digest(canonical(&rule)));
    Some(rule)
}

/// Everything that makes a rule what it is, without where and how it was written.
fn canonical(rule: &Rule) -> String {
    let on = (&rule.on.names, &rule.on.lines, &rule.on.classes);
    let states = |g: &Group| -> Vec<_> {
        g.states.iter().map(|s| (s.named.clone(), s.when.expr.to_string(), s.delay)).collect()
    };
    let groups: Vec<_> = rule.groups.iter().map(|g| (&g.name, states(g), &g.otherwise, &g.unknown)).collect();
    let text: Vec<_> = rule.text.iter().map(|(language, (template, _))| (language, template)).collect();
    format!("{:?}", (&rule.name.value, on, &rule.default, rule.stale_after, groups, text))
}

fn selector(r: &mut Reader<'_, '_>) -> Option<Selector> {
    let file = r.file();
    let Some((_, node)) = r.any("on") else {
        // Reports that it is missing, or which key was mistyped.
        r.required_text("on");
        return None;
    };
    let span = node.span.clone();
    match &node.value {
        Node::Text(name) => Some(Selector { names: vec![name.clone()], span, ..Selector::default() }),
        Node::List(_) => Some(Selector { names: one_or_more(r, "on")?, span, ..Selector::default() }),
        Node::Table(table) => {
            let mut t = Reader::new(table, "`on`", file, r.report());
            let selector = Selector {
                names: one_or_more(&mut t, "machine").unwrap_or_default(),
                lines: one_or_more(&mut t, "line").unwrap_or_default(),
                classes: one_or_more(&mut t, "class").unwrap_or_default(),
                span,
            };
            t.finish(&[]);
            Some(selector)
        }
        _ => {
            r.text("on");
            None
        }
    }
}

/// A text or a list of texts.
fn one_or_more(r: &mut Reader<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    let (_, node) = r.any(key)?;
    let Node::List(list) = &node.value else { return r.text(key).map(|t| vec![t.value]) };
    let texts: Option<Vec<String>> = list
        .iter()
        .map(|item| match &item.value {
            Node::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    if texts.is_none() {
        let place = (r.file(), node.span.clone());
        r.report().error(
            "E005",
            place,
            format!("`{key}` must be a text or a list of texts"),
            "not only texts",
        );
    }
    texts
}

fn severity(r: &mut Reader<'_, '_>) -> Option<Severity> {
    let given = r.text("severity")?;
    let known = match given.value.as_str() {
        "info" => Some(Severity::Info),
        "warning" => Some(Severity::Warning),
        "alarm" => Some(Severity::Alarm),
        "critical" => Some(Severity::Critical),
        _ => None,
    };
    if known.is_none() {
        let place = (r.file(), given.span);
        let message = format!("`{}` is not a severity", given.value);
        r.report().error("R002", place, message, "info, warning, alarm or critical");
    }
    known
}

/// A name that a rule may give to a state.
fn state_name(r: &mut Reader<'_, '_>, key: &'static str) -> Option<String> {
    let given = r.text(key)?;
    let place = (r.file(), given.span);
    if RESERVED.contains(&given.value.as_str()) {
        let message = format!("`{}` is a name that the engine gives itself", given.value);
        r.report().error("R003", place, message, "choose another name");
    } else if given.value.is_empty() || given.value.len() > 64 || given.value.chars().any(char::is_control) {
        r.report().error("R003", place, "a state's name has 1 to 64 bytes", "not a name");
    }
    Some(given.value)
}

fn stale_after(r: &mut Reader<'_, '_>) -> StaleAfter {
    match r.any("stale_after") {
        None => StaleAfter::IdleTimeout,
        Some((_, node)) if node.value == Node::Text("never".into()) => StaleAfter::Never,
        Some(_) => r.duration("stale_after").map_or(StaleAfter::Never, |d| StaleAfter::After(d.value)),
    }
}

fn texts(r: &mut Reader<'_, '_>) -> BTreeMap<String, (Template, Range<usize>)> {
    let file = r.file();
    let Some((_, node)) = r.any("text") else { return BTreeMap::new() };
    let by_language: Vec<(String, &Placed<Node>)> = match &node.value {
        Node::Table(table) => table.entries.iter().map(|(k, v)| (k.value.clone(), v)).collect(),
        _ => vec![("en".into(), node)],
    };
    let mut texts = BTreeMap::new();
    for (language, node) in by_language {
        let Node::Text(text) = &node.value else {
            r.report().error(
                "E005",
                (file, node.span.clone()),
                "`text` must be a text in quotes",
                "not a text",
            );
            continue;
        };
        match Template::read(text) {
            Ok(template) => drop(texts.insert(language, (template, node.span.clone()))),
            Err(mistake) => report_mistake(r.report(), file, &node.span, mistake),
        }
    }
    texts
}

/// Shows a mistake inside a text at its place in the file.
pub(crate) fn report_mistake(report: &mut Report, file: FileId, literal: &Range<usize>, mistake: Mistake) {
    let place = (file, place::in_file(report.text(file), literal, &mistake.span));
    let shown = if mistake.warning {
        report.warning(mistake.code, place, mistake.message, mistake.label)
    } else {
        report.error(mistake.code, place, mistake.message, mistake.label)
    };
    shown.help = mistake.help;
}

fn groups(r: &mut Reader<'_, '_>, severity: Severity) -> Vec<Group> {
    let file = r.file();
    let unknown = on_unknown(r);
    let given = r.any("group");
    if r.any("when").is_some() || given.is_none() {
        if let Some((key, _)) = given {
            let place = (file, key.span.clone());
            r.report().error("R004", place, "a rule has either `when` or groups", "`when` stands beside it");
        }
        return single_group(r, severity, unknown.unwrap_or(OnUnknown::Vote(UNKNOWN_AFTER)))
            .into_iter()
            .collect();
    }
    let Some(groups) = r.table("group") else { return Vec::new() };
    let named = groups.entries.iter();
    named
        .filter_map(|(name, node)| match &node.value {
            Node::Table(table) => group(r.report(), file, name, table, severity, unknown.as_ref()),
            _ => {
                let place = (file, node.span.clone());
                r.report().error("E005", place, "a group must be a table", "not a table");
                None
            }
        })
        .collect()
}

/// A rule without groups is one group with the state `Active`, otherwise `Normal` (§7.8).
fn single_group(r: &mut Reader<'_, '_>, severity: Severity, unknown: OnUnknown) -> Option<Group> {
    let when = condition(r);
    let delay = r.duration("for").map_or(0, |d| d.value);
    let named = Named { name: "Active".into(), weight: WEIGHT_DEFAULT, severity };
    let otherwise = Named { name: "Normal".into(), weight: 0, severity: Severity::Info };
    let states = vec![State { named, when: when?, clear: None, delay, hold: 0, latch: false }];
    Some(Group { name: None, states, otherwise: Some(otherwise), unknown, deadband: BTreeMap::new() })
}

fn condition(r: &mut Reader<'_, '_>) -> Option<Condition> {
    let given = r.required_text("when")?;
    match parse(&given.value) {
        Ok(expr) => Some(Condition { text: given.value, span: given.span, expr }),
        Err(mistake) => {
            let file = r.file();
            report_mistake(r.report(), file, &given.span, mistake);
            None
        }
    }
}

fn group(
    report: &mut Report,
    file: FileId,
    name: &Placed<String>,
    table: &Table,
    severity: Severity,
    inherited: Option<&OnUnknown>,
) -> Option<Group> {
    let mut r = Reader::new(table, format!("group `{}`", name.value), file, report);
    let weight_given = weight(&mut r);
    let unknown = on_unknown(&mut r).or(inherited.cloned()).unwrap_or(OnUnknown::Vote(UNKNOWN_AFTER));
    let otherwise =
        state_name(&mut r, "otherwise").map(|name| Named { name, weight: 0, severity: Severity::Info });
    let tables = r.tables("state");
    if tables.is_empty() {
        let place = (file, name.span.clone());
        r.report().error(
            "R005",
            place,
            format!("group `{}` has no states", name.value),
            "`state = [ … ]` is needed",
        );
    }
    let defaults = (weight_given.unwrap_or(WEIGHT_DEFAULT), severity);
    let states = tables.into_iter().filter_map(|t| state(r.report(), file, t, defaults)).collect();
    r.finish(&LATER_GROUP);
    Some(Group { name: Some(name.value.clone()), states, otherwise, unknown, deadband: BTreeMap::new() })
}

fn state(report: &mut Report, file: FileId, table: &Table, defaults: (u32, Severity)) -> Option<State> {
    let mut r = Reader::new(table, "the state", file, report);
    let name = r.required("name").then(|| state_name(&mut r, "name")).flatten();
    let when = condition(&mut r);
    let delay = r.duration("for").map_or(0, |d| d.value);
    let weight = weight(&mut r).unwrap_or(defaults.0);
    let severity = severity(&mut r).unwrap_or(defaults.1);
    r.finish(&LATER_STATE);
    let named = Named { name: name?, weight, severity };
    Some(State { named, when: when?, clear: None, delay, hold: 0, latch: false })
}

fn weight(r: &mut Reader<'_, '_>) -> Option<u32> {
    let given = r.int("weight")?;
    if (0..=WEIGHT_MAX).contains(&given.value) {
        return u32::try_from(given.value).ok();
    }
    let place = (r.file(), given.span);
    r.report().error("R006", place, format!("a weight lies between 0 and {WEIGHT_MAX}"), "out of range");
    None
}

fn on_unknown(r: &mut Reader<'_, '_>) -> Option<OnUnknown> {
    let file = r.file();
    let (_, node) = r.any("unknown")?;
    match &node.value {
        Node::Text(t) if t == "as-false" => Some(OnUnknown::AsFalse),
        Node::Text(t) if t == "abstain" => Some(OnUnknown::Abstain(UNKNOWN_AFTER)),
        Node::Table(table) => {
            let mut t = Reader::new(table, "`unknown`", file, r.report());
            let after = t.duration("after").map_or(UNKNOWN_AFTER, |d: Placed<time::Millis>| d.value);
            let name = state_name(&mut t, "name");
            let (weight, severity) = (weight(&mut t), severity(&mut t));
            if name.is_none() && (weight.is_some() || severity.is_some()) {
                let message = "a weight or severity in `unknown` needs the `name` of the state it is for";
                t.report().error("R007", (file, node.span.clone()), message, "without a name");
            }
            t.finish(&[]);
            let weight = weight.unwrap_or(WEIGHT_DEFAULT);
            let severity = severity.unwrap_or(Severity::Warning);
            Some(match name {
                Some(name) => OnUnknown::State(after, Named { name, weight, severity }),
                None => OnUnknown::Vote(after),
            })
        }
        _ => {
            let place = (file, node.span.clone());
            let message = "`unknown` must be \"as-false\", \"abstain\" or a table";
            r.report().error("E005", place, message, "{ after = \"1 min\", name = \"SensorFault\" }");
            None
        }
    }
}
