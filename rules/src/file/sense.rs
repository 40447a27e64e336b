//! Whether the parts of a rule make sense together.
//!
//! Here: names given twice, delays by parameters and actions for states that there are not, groups that tie. Not here:
//! what needs a machine or the types of its tags (`bind`), other rules (`checked`).
//! Invariant: an error only where the rule cannot be what was meant; a doubt is a warning.

use std::collections::{BTreeMap, BTreeSet};

use super::keys::RESERVED;
use super::{Action, Group, Rule, State};
use crate::diagnose::{Report, did_you_mean};
use crate::expr::Node;

/// Checks a rule as a whole; `params` are the names of its parameters, those with a mistake among them.
pub(super) fn whole(report: &mut Report, rule: &Rule, params: &[&str]) {
    for group in &rule.groups {
        doubles(report, rule, group);
        delays(report, rule, group, params);
        unreachable(report, rule, group);
    }
    rule.actions.iter().for_each(|action| targets(report, rule, action));
    for (i, define) in rule.defines.iter().enumerate() {
        let name = define.name.value.as_str();
        if rule.params.contains_key(name) || rule.defines[..i].iter().any(|other| other.name.value == name) {
            let message = format!("`{name}` is a parameter already");
            let place = (rule.file, define.name.span.clone());
            report.error("R018", place, message, "choose another name");
        }
    }
}

fn doubles(report: &mut Report, rule: &Rule, group: &Group) {
    for (i, state) in group.states.iter().enumerate() {
        let name = &state.named.name;
        // Under one name a state may have levels of severity (§7.4).
        let same = |other: &State| other.named.name == *name && other.named.severity == state.named.severity;
        if group.states[..i].iter().any(same) {
            let message = format!("state `{name}` stands twice in its group");
            let place = (rule.file, state.when.span.clone());
            report.error("R008", place, message, "the condition of the second one").help =
                Some("join the conditions with `or`, or give one of them another name".into());
        }
    }
}

/// Delays that name a parameter which there is not.
fn delays(report: &mut Report, rule: &Rule, group: &Group, params: &[&str]) {
    let by = |state: &State| [("for", state.delay_by.clone()), ("hold", state.hold_by.clone())];
    for (key, name) in group.states.iter().flat_map(by) {
        let Some(name) = name.filter(|name| !params.contains(&name.value.as_str())) else { continue };
        let message = format!("`{key}` is neither a duration nor a parameter of the rule");
        let near = did_you_mean(&name.value, params.iter().copied());
        let help = near.map_or_else(
            || format!("write {key} = \"5 min\", or give the rule param.{} = \"5 min\"", name.value),
            |near| format!("did you mean `{near}`?"),
        );
        report.error("E004", (rule.file, name.span), message, "no such parameter").help = Some(help);
    }
}

/// A state that says itself that it is never entered; those that others hide show on a machine (`bind`).
fn unreachable(report: &mut Report, rule: &Rule, group: &Group) {
    for state in group.states.iter().filter(|state| state.when.expr.node == Node::Bool(false)) {
        let place = (rule.file, state.when.span.clone());
        let message = format!("state `{}` can never be reached", state.named.name);
        report.warning("R019", place, message, "never true");
    }
}

fn targets(report: &mut Report, rule: &Rule, action: &Action) {
    for state in &action.to {
        let name = state.value.as_str();
        if rule.state_names().any(|known| known == name) || RESERVED[..2].contains(&name) {
            continue;
        }
        let message = format!("the rule has no state `{name}`");
        let mut known: Vec<&str> = rule.state_names().collect();
        known.sort_unstable();
        known.dedup();
        let help = did_you_mean(name, known.iter().copied())
            .map_or_else(|| format!("its states: {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
        report.error("R020", (rule.file, state.span.clone()), message, "no such state").help = Some(help);
    }
}

/// Two groups whose states can tie: the order in the file decides, which nobody sees (§7.3).
pub(crate) fn equal_weights(report: &mut Report, rule: &Rule) {
    let tie = rule.groups.iter().enumerate().find_map(|(i, a)| {
        let tied = |b: &&Group| {
            a.states.iter().any(|x| {
                b.states.iter().any(|y| x.named.weight == y.named.weight && x.named.name != y.named.name)
            })
        };
        rule.groups[i + 1..].iter().find(tied).map(|b| (a, b))
    });
    if let Some((a, b)) = tie {
        let name = |g: &Group| g.name.clone().unwrap_or_default();
        let message = format!("groups `{}` and `{}` have states of equal weight", name(a), name(b));
        let place = (rule.file, rule.name.span.clone());
        report.warning("R403", place, message, format!("on a tie `{}` wins: it stands first", name(a)));
    }
}

/// Checks the rules of all files together: who was renamed from whom. Gives the names of those that are wrong.
pub(crate) fn among(report: &mut Report, rules: &[Rule], mistaken: &BTreeSet<String>) -> Vec<String> {
    let right = rules.iter().map(|rule| rule.name.value.as_str());
    let names: BTreeSet<&str> = right.chain(mistaken.iter().map(String::as_str)).collect();
    let mut heirs: BTreeMap<&str, &str> = BTreeMap::new();
    let mut wrong = Vec::new();
    for rule in rules {
        let Some(old) = &rule.renamed_from else { continue };
        let place = (rule.file, old.span.clone());
        if names.contains(old.value.as_str()) {
            let message = format!("rule `{}` still exists", old.value);
            report.error("R017", place, message, "it keeps its state itself").help =
                Some("rename that rule, or remove `renamed_from`".into());
        } else if let Some(other) = heirs.insert(&old.value, &rule.name.value) {
            let message = format!("rule `{}` was renamed to `{other}` already", old.value);
            report.error("R017", place, message, "its state can be carried over once");
        } else {
            continue;
        }
        wrong.push(rule.name.value.clone());
    }
    wrong
}
