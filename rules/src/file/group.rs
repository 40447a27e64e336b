//! The groups of a rule, and their states.
//!
//! Here: the keys of `[rule.x.group.y]` and of a state, and the rule without groups, which is one group (§7.8).
//! Not here: what single values look like (`keys`), whether the states make sense together (`sense`).
//! Invariant: groups and states keep the order of the file.

use std::collections::BTreeMap;

use proto::Severity;

use super::condition::{condition, required_condition};
use super::keys::{self, WEIGHT_DEFAULT};
use super::{Group, Named, OnUnknown, State, UNKNOWN_AFTER};
use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed, Reader, Table};
use crate::time::Millis;
use crate::value::Constant;

/// Keys that say something about one state.
const OF_A_STATE: [&str; 6] = ["when", "clear", "for", "hold", "latch", "weight"];

/// What the rule gives to its groups.
struct Given {
    severity: Severity,
    unknown: Option<OnUnknown>,
    deadband: BTreeMap<String, Placed<Constant>>,
}

/// The groups, and how long the rule lets Unknown last before it counts.
pub(super) fn groups(r: &mut Reader<'_, '_>, severity: Severity) -> (Vec<Group>, Millis) {
    let given = Given { severity, unknown: keys::on_unknown(r), deadband: keys::deadband(r) };
    let after = given.unknown.as_ref().map_or(UNKNOWN_AFTER, OnUnknown::after);
    (groups_given(r, given), after)
}

fn groups_given(r: &mut Reader<'_, '_>, given: Given) -> Vec<Group> {
    let Some((key, _)) = r.any("group") else { return single(r, given).into_iter().collect() };
    if r.any("when").is_some() {
        let place = (r.file(), key.span.clone());
        r.report()
            .error("R004", place, "a rule has either `when` or groups", "`when` stands beside it")
            .help = Some("put the condition into a state of a group".into());
        return single(r, given).into_iter().collect();
    }
    for key in OF_A_STATE {
        let help = format!("write `{key}` into each state that it is meant for");
        r.misplaced(key, "in a rule with groups it belongs to a state", &help);
    }
    let Some(table) = r.table("group") else { return Vec::new() };
    let file = r.file();
    if table.entries.is_empty() {
        r.report().error("R005", (file, key.span.clone()), "the rule has no groups", "this is empty");
    }
    let one = |(name, node): &(Placed<String>, Placed<Node>)| {
        if let Node::Table(table) = &node.value {
            return group(r.report(), file, name, table, &given);
        }
        let message = format!("group `{}` must be a table", name.value);
        let label = format!("this is {}", node.value.kind());
        r.report().error("E005", (file, node.span.clone()), message, label);
        None
    };
    table.entries.iter().filter_map(one).collect()
}

/// A rule without groups is one group with the state `Active`, otherwise `Normal` (§7.8).
fn single(r: &mut Reader<'_, '_>, given: Given) -> Option<Group> {
    let weight = keys::weight(r).unwrap_or(WEIGHT_DEFAULT);
    let named = Named { name: "Active".into(), weight, severity: given.severity };
    let before = r.report().diagnostics().len();
    let missing = !r.required("when");
    if missing && r.report().errors_since(before) > 0 {
        r.report().help_last("write when = \"…\", or groups with states: [rule.NAME.group.NAME]");
    }
    let state = if missing { None } else { state_of(r, named) };
    if missing {
        // So that they are not unknown as well.
        for key in OF_A_STATE {
            r.any(key);
        }
    }
    let otherwise = Named { name: "Normal".into(), weight: 0, severity: Severity::Info };
    let unknown = given.unknown.unwrap_or(OnUnknown::Vote(UNKNOWN_AFTER));
    let deadband = given.deadband;
    Some(Group { name: None, states: vec![state?], otherwise: Some(otherwise), unknown, deadband })
}

fn group(
    report: &mut Report,
    file: FileId,
    name: &Placed<String>,
    table: &Table,
    given: &Given,
) -> Option<Group> {
    let mut r = Reader::new(table, format!("group `{}`", name.value), file, report);
    let weight = keys::weight(&mut r).unwrap_or(WEIGHT_DEFAULT);
    let unknown = keys::on_unknown(&mut r).or(given.unknown.clone());
    let mut deadband = given.deadband.clone();
    deadband.extend(keys::deadband(&mut r));
    let otherwise = keys::weighed_name(&mut r, "otherwise");
    let tables = r.tables("state");
    if tables.is_empty() && !r.has_wrong("state") {
        let message = format!("group `{}` has no states", name.value);
        let place = (file, name.span.clone());
        r.report().error("R005", place, message, "`state = [ … ]` is needed").help =
            Some("state = [ { name = \"High\", when = \"pressure > 6 bar\" } ]".into());
    }
    for key in ["when", "clear", "for", "hold", "latch", "severity"] {
        let help = format!("write `{key}` into each state that it is meant for");
        r.misplaced(key, "it belongs to a state of the group", &help);
    }
    let defaults = (weight, given.severity);
    let states: Vec<Option<State>> =
        tables.into_iter().map(|t| state(r.report(), file, t, defaults)).collect();
    r.finish(&[]);
    let unknown = unknown.unwrap_or(OnUnknown::Vote(UNKNOWN_AFTER));
    let otherwise = otherwise.map(|(name, weight)| Named { name, weight, severity: Severity::Info });
    let states = states.into_iter().collect::<Option<Vec<State>>>()?;
    Some(Group { name: Some(name.value.clone()), states, otherwise, unknown, deadband })
}

fn state(report: &mut Report, file: FileId, table: &Table, defaults: (u32, Severity)) -> Option<State> {
    let mut r = Reader::new(table, "the state", file, report);
    let name = r.required("name").then(|| keys::state_name(&mut r, "name")).flatten();
    let weight = keys::weight(&mut r).unwrap_or(defaults.0);
    let severity = keys::severity(&mut r).unwrap_or(defaults.1);
    r.misplaced(
        "deadband",
        "it belongs to the group or the rule",
        "the group's deadband is for all its states",
    );
    r.misplaced("unknown", "it belongs to the group or the rule", "all states of a group share it");
    let read = state_of(&mut r, Named { name: name.clone().unwrap_or_default(), weight, severity });
    r.finish(&[]);
    name.and(read)
}

/// What a state is in time: the same keys in a state and in a rule without groups.
fn state_of(r: &mut Reader<'_, '_>, named: Named) -> Option<State> {
    let when = required_condition(r, "when");
    let clear = condition(r, "clear");
    let (delay, delay_by) = keys::delay(r, "for");
    let (hold, hold_by) = keys::delay(r, "hold");
    let latch = r.bool("latch").is_some_and(|b| b.value);
    if latch {
        for key in ["clear", "hold"] {
            without_effect(r, key);
        }
    }
    Some(State { named, when: when?, clear, delay, delay_by, hold, hold_by, latch })
}

fn without_effect(r: &mut Reader<'_, '_>, key: &'static str) {
    let Some((place, _)) = r.any(key) else { return };
    let (file, message) = (r.file(), format!("`{key}` has no effect in a state with `latch`"));
    r.report().warning("R014", (file, place.span.clone()), message, "never looked at").help =
        Some("a latched state is left by `rules reset` only: remove the one or the other".into());
}
