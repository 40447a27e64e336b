//! The frames of rules as people read them: parameters, the table of limits, actions.
//!
//! Here: that text. Not here: conditions and states (`print`).
//! Invariant: what the model can say can be written.

use std::fmt::Write as _;

use super::model::{Named, Param, Rule, World};

/// A parameter; not `whole`: its value on each machine, wherever that comes from.
pub(super) fn param(world: &World, param: &Param, whole: bool) -> String {
    let text = |value: f64| if param.is_time { format!("'{value} ms'") } else { format!("{value:?}") };
    let mut keys = vec![format!("default = {}", text(param.default))];
    let mut by = |key: &str, list: Vec<(String, f64)>| {
        let list: Vec<String> =
            list.iter().map(|(name, value)| format!("{name} = {}", text(*value))).collect();
        if !list.is_empty() {
            keys.push(format!("{key} = {{ {} }}", list.join(", ")));
        }
    };
    let name = |place: usize| world.machines[place].name.clone();
    if whole {
        by("class", param.class.clone());
        by("line", param.line.clone());
        by("machine", param.machine.iter().map(|(place, value)| (name(*place), *value)).collect());
    } else {
        let machines = 0..world.machines.len();
        by("machine", machines.map(|place| (name(place), param.on(world, place))).collect());
    }
    format!("param.{} = {{ {} }}\n", param.name, keys.join(", "))
}

/// The table of limits that goes with the rules; empty: there is none.
pub(crate) fn limits(world: &World, rules: &[Rule]) -> String {
    let mut out = String::new();
    for rule in rules {
        for param in &rule.params {
            for (place, value) in &param.limits {
                let machine = place.map_or("", |place| &world.machines[place].name);
                let value = value.to_string().replace('.', ",") + if param.is_time { " ms" } else { "" };
                writeln!(out, "{};{};{machine};{value}", rule.name, param.name).unwrap();
            }
        }
    }
    if out.is_empty() { out } else { format!("rule;parameter;machine;value\n{out}") }
}

/// A state that no condition enters.
pub(super) fn named(of: &Named) -> String {
    let name = &of.name;
    of.weight
        .map_or_else(|| format!("'{name}'"), |weight| format!("{{ name = '{name}', weight = {weight} }}"))
}

pub(super) fn actions(out: &mut String, rule: &Rule) {
    for action in &rule.actions {
        writeln!(out, "[[rule.{}.action]]\nnotify = '{}'", rule.name, action.notify).unwrap();
        if !action.to.is_empty() {
            let to: Vec<String> = action.to.iter().map(|to| format!("'{to}'")).collect();
            writeln!(out, "to = [{}]", to.join(", ")).unwrap();
        }
        if let Some(repeat) = action.repeat {
            writeln!(out, "repeat = '{repeat} ms'").unwrap();
        }
    }
}
