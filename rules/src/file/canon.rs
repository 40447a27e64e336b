//! The canonical form of a rule: what makes it what it is, without where and how it was written.
//!
//! Here: that, and its hash, `ruleHash`. Not here: the identity of one condition, which carried state depends on
//! (`bind`).
//! Invariant: comments, layout, the spelling of an expression, notes and tests change nothing; everything else does.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::{Action, Condition, Group, Param, Rule, State};
use crate::document::Placed;
use crate::value::Constant;

/// SHA-256 of the canonical form, hexadecimal.
pub(crate) fn hash(rule: &Rule) -> String {
    proto::id::hex(&Sha256::digest(canonical(rule)))
}

fn canonical(rule: &Rule) -> String {
    let on = (&rule.on.names, &rule.on.lines, &rule.on.classes);
    let text: Vec<_> = rule.text.iter().map(|(language, (template, _))| (language, template)).collect();
    let gates = (expression(rule.active_if.as_ref()), expression(rule.suppress_if.as_ref()));
    let defines: Vec<_> =
        rule.defines.iter().map(|d| (&d.name.value, d.condition.expr.to_string())).collect();
    let params: Vec<_> = rule.params.iter().map(|(name, param)| (name, values(param))).collect();
    let actions: Vec<_> = rule.actions.iter().map(action).collect();
    let groups: Vec<_> = rule.groups.iter().map(group).collect();
    let renamed = rule.renamed_from.as_ref().map(|name| &name.value);
    let rest = (gates, defines, params, actions, renamed, rule.coverage);
    let mut out = String::new();
    // Writing into a String cannot fail.
    write!(out, "{:?}", (&rule.name.value, on, &rule.default, rule.stale_after, groups, text, rest)).ok();
    if rule.default_weight > 0 {
        write!(out, "default {}", rule.default_weight).ok();
    }
    if rule.active_if.is_some() || rule.suppress_if.is_some() {
        write!(out, "{}", rule.unknown_after).ok();
    }
    out
}

fn expression(condition: Option<&Condition>) -> Option<String> {
    condition.map(|c| c.expr.to_string())
}

fn values(param: &Param) -> String {
    let shown = |c: &Constant| format!("{:?} {:?}", c.value, c.unit);
    let all = |values: &[(String, Constant)]| -> Vec<(String, String)> {
        values.iter().map(|(key, c)| (key.clone(), shown(c))).collect()
    };
    let default = param.default.as_ref().map(shown);
    format!(
        "{:?}",
        (
            default,
            &param.unit,
            all(&param.classes),
            all(&param.lines),
            all(&param.machines),
            all(&param.limits)
        )
    )
}

fn action(action: &Action) -> String {
    let to: Vec<_> = action.to.iter().map(|state| &state.value).collect();
    format!("{:?}", (to, &action.notify.value, action.repeat))
}

fn group(group: &Group) -> String {
    let states: Vec<_> = group.states.iter().map(state).collect();
    let deadband: Vec<_> = group.deadband.iter().map(|(tag, c)| (tag, &c.value)).collect();
    format!("{:?}", (&group.name, states, &group.otherwise, &group.unknown, deadband))
}

fn state(state: &State) -> String {
    let through_time = (state.delay, state.hold, state.latch);
    let by = |key, name: &Option<Placed<String>>| name.as_ref().map(|name| format!("{key}={}", name.value));
    let by: String = by("for", &state.delay_by).into_iter().chain(by("hold", &state.hold_by)).collect();
    let when = state.when.expr.to_string();
    format!("{:?}{by}", (&state.named, when, expression(state.clear.as_ref()), through_time))
}
