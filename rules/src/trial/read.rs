//! A test as its file has it.
//!
//! Here: its keys. The tags and values that it gives stand in `sample`. Not here: playing it (`play`).
//! Invariant: a test with a mistake is not run, and the mistake is shown at its place.

mod sample;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Expected, Step, Trial, What};
use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed, Reader, Table};
use crate::inventory::{Inventory, MachineId, SourceId};
use crate::ruleset::{BoundRule, Plan};
use crate::severities;
use crate::time::{Millis, duration, spelled};

/// No test lasts longer: a heartbeat a second would be too many.
const LONGEST: Millis = 8 * 24 * 3_600_000;
/// Keys of a step that are no tags.
const STEP_KEYS: [&str; 3] = ["at", "silent", "restart"];

/// Who reads a test: where it stands, and what it is about.
struct Place<'a> {
    report: &'a mut Report,
    inventory: &'a Inventory,
    file: FileId,
    machine: MachineId,
}

/// Reads the test at this place of a rule.
pub(super) fn trial(
    report: &mut Report,
    inventory: &Arc<Inventory>,
    bound: &BoundRule,
    place: usize,
) -> Option<Trial> {
    let before = report.diagnostics().len();
    let (file, table) = (bound.rule.file, &bound.rule.tests.get(place)?.table);
    let title = format!("the test of `{}`", bound.rule.name.value);
    let mut r = Reader::new(table, title, file, report);
    let name = r.text("name").map_or_else(|| format!("{}", place + 1), |n| n.value);
    let machine = r.text("machine");
    let (given, expect) = (r.tables("given"), r.tables("expect"));
    r.finish(&[]);
    let plan = plan_of(report, inventory, bound, machine, table)?;
    let mut at = Place { report, inventory, file, machine: plan.machine };
    let steps: Vec<Step> = given.iter().flat_map(|table| at.step(table)).collect();
    let expected: Vec<Expected> = expect.iter().filter_map(|table| at.expected(table)).collect();
    at.in_order(table, &given, &steps);
    // What is not understood may be all of it.
    if at.report.errors_since(before) == 0 {
        at.not_empty(table, &steps, &expected);
    }
    (report.errors_since(before) == 0).then(|| Trial {
        name,
        plan,
        file,
        span: table.span.clone(),
        steps,
        expected,
    })
}

/// The plan of the machine that the test names, else the first.
fn plan_of(
    report: &mut Report,
    inventory: &Inventory,
    bound: &BoundRule,
    machine: Option<Placed<String>>,
    table: &Table,
) -> Option<Arc<Plan>> {
    let name = |plan: &Arc<Plan>| inventory.machine(plan.machine).name.clone();
    let Some(machine) = machine else {
        if bound.plans.is_empty() {
            let message =
                format!("rule `{}` is for no machine, so it cannot be tested", bound.rule.name.value);
            report.error("T003", (bound.rule.file, table.span.clone()), message, "no machine to test it on");
        }
        return bound.plans.first().cloned();
    };
    let found = bound.plans.iter().find(|plan| name(plan) == machine.value).cloned();
    if found.is_none() {
        let names: Vec<String> = bound.plans.iter().map(name).take(8).collect();
        let message = format!("the rule is not for a machine `{}`", machine.value);
        report.error("T003", (bound.rule.file, machine.span), message, "not one of its machines").help =
            Some(format!("it is for: {}", names.join(", ")));
    }
    found
}

impl Place<'_> {
    fn wrong(&mut self, at: &std::ops::Range<usize>, message: impl Into<String>, label: &str) {
        self.report.error("T004", (self.file, at.clone()), message, label);
    }

    fn instant(&mut self, r: Option<Placed<Node>>, table: &Table) -> Option<Millis> {
        let Some(node) = r else {
            self.wrong(&table.span, "`at` is missing", "when? For example at = \"10 s\"");
            return None;
        };
        let Node::Text(text) = &node.value else {
            self.wrong(&node.span, "`at` must be a duration in quotes, such as \"10 s\"", "not a duration");
            if let Node::Int(i) = &node.value {
                self.report.help_last(format!("write at = \"{i} s\", or the unit that is meant"));
            }
            return None;
        };
        match duration(text) {
            Ok(at) if at <= LONGEST => Some(at),
            Ok(_) => {
                self.wrong(&node.span, "a test lasts 8 days at most", "too late");
                None
            }
            Err(e) => {
                let spelled = spelled(text);
                self.wrong(&node.span, "`at` is not a duration", &e.label(spelled.is_some()));
                let help =
                    spelled.map_or("for example at = \"10 s\"".into(), |at| format!("write at = \"{at}\""));
                self.report.help_last(help);
                None
            }
        }
    }

    /// What happens at an instant; a table may say more than one thing.
    fn step(&mut self, table: &Table) -> Vec<Step> {
        let Some(at) = self.instant(entry(table, "at"), table) else { return Vec::new() };
        let mut samples = Vec::new();
        for (key, node) in &table.entries {
            if STEP_KEYS.contains(&key.value.as_str()) {
                continue;
            }
            if let Some(tag) = self.tag(key)
                && let Some(sample) = self.sample(tag, node)
            {
                samples.push((tag, sample));
            }
        }
        let silent = entry(table, "silent").and_then(|node| self.silent(&node)).map(What::Silent);
        let restart = entry(table, "restart").and_then(|node| self.restart(&node)).map(What::Restart);
        let given = (!samples.is_empty()).then_some(What::Given(samples));
        [silent, given, restart].into_iter().flatten().map(|what| Step { at, what }).collect()
    }

    /// Names of sources, or `true` for all of the machine.
    fn silent(&mut self, node: &Placed<Node>) -> Option<Vec<SourceId>> {
        let all = || self.inventory.sources().map(|(id, _)| id).collect::<Vec<_>>();
        let of_name = |name: &str| self.inventory.sources().find(|(_, s)| s.id == name).map(|(id, _)| id);
        let found = match &node.value {
            Node::Bool(true) => Some(all()),
            Node::Text(name) => of_name(name).map(|id| vec![id]),
            Node::List(list) => list
                .iter()
                .map(|item| match &item.value {
                    Node::Text(name) => of_name(name),
                    _ => None,
                })
                .collect(),
            _ => None,
        };
        if found.is_none() {
            let known: Vec<&str> = self.inventory.sources().map(|(_, s)| s.id.as_str()).take(8).collect();
            let label = format!("true, or sources: {}", known.join(", "));
            self.wrong(&node.span, "`silent` names the sources that say nothing", &label);
        }
        found
    }

    fn restart(&mut self, node: &Placed<Node>) -> Option<Millis> {
        let gap = match &node.value {
            Node::Text(text) => duration(text).ok().filter(|gap| *gap <= LONGEST),
            _ => None,
        };
        if gap.is_none() {
            self.wrong(&node.span, "`restart` says how long the agent is off", "for example \"10 min\"");
        }
        gap
    }

    fn expected(&mut self, table: &Table) -> Option<Expected> {
        let at = self.instant(entry(table, "at"), table);
        let mut r = Reader::new(table, "what is expected", self.file, self.report);
        r.any("at");
        let state = r.required_text("state").map(|s| s.value);
        let severity = r.text("severity");
        let text = r.any("text").map(|(_, node)| texts(node));
        r.finish(&[]);
        let severity = match severity {
            None => None,
            Some(given) => match severities::named(&given.value) {
                None => {
                    self.wrong(
                        &given.span,
                        format!("`{}` is not a severity", given.value),
                        "info, warning, alarm or critical",
                    );
                    if let Some(meant) = severities::meant(&given.value) {
                        self.report.help_last(format!("did you mean `{meant}`?"));
                    }
                    return None;
                }
                known => known,
            },
        };
        Some(Expected {
            at: at?,
            state: state?,
            severity,
            text: text.unwrap_or_default(),
            span: table.span.clone(),
        })
    }

    /// Steps stand in the order of time, and nothing happens while the agent is off.
    fn in_order(&mut self, table: &Table, given: &[&Table], steps: &[Step]) {
        let mut now = 0;
        for step in steps {
            if step.at < now {
                let span = given.last().map_or(table.span.clone(), |t| t.span.clone());
                let message =
                    "`given` stands in the order of time, and nothing is given while the agent is off";
                return self.wrong(&span, message, "an earlier instant stands behind a later one");
            }
            now = if let What::Restart(gap) = step.what { step.at + gap } else { step.at };
        }
    }

    fn not_empty(&mut self, table: &Table, steps: &[Step], expected: &[Expected]) {
        if expected.is_empty() || steps.is_empty() {
            let message = "a test needs `given` and `expect`";
            self.wrong(
                &table.span,
                message,
                "given = [ { at = \"0 s\", … } ], expect = [ { at = …, state = … } ]",
            );
        }
    }
}

fn entry(table: &Table, key: &str) -> Option<Placed<Node>> {
    table.entries.iter().find(|(k, _)| k.value == key).map(|(_, node)| node.clone())
}

fn texts(node: &Placed<Node>) -> BTreeMap<String, String> {
    let text = |node: &Placed<Node>| match &node.value {
        Node::Text(text) => Some(text.clone()),
        _ => None,
    };
    match &node.value {
        Node::Table(table) => {
            table.entries.iter().filter_map(|(k, v)| Some((k.value.clone(), text(v)?))).collect()
        }
        _ => text(node).map(|t| ("en".to_owned(), t)).into_iter().collect(),
    }
}
