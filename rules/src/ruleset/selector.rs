//! The machines that a rule is for.
//!
//! Here: choosing them by name, line and class, and what is said where there are none. Not here: how a rule names them
//! (`file`), what it is on one of them (`bind`).
//! Invariant: they come in the order of the machines, each once.

use std::collections::BTreeSet;

use crate::diagnose::{Report, did_you_mean};
use crate::file::{Rule, Selector};
use crate::inventory::{Inventory, Machine, MachineId};
use crate::pattern;

/// The machines that a rule is for, in their order.
pub(super) fn selected(on: &Selector, inventory: &Inventory) -> Vec<MachineId> {
    let selects = |id: &MachineId| on.selects(inventory.machine(*id));
    if on.names.is_empty() || on.names.iter().any(|name| name.contains(['*', '?'])) {
        return inventory.machines().map(|(id, _)| id).filter(selects).collect();
    }
    // Plain names are looked up: thousands of rules for one machine each do not look at thousands of machines.
    let named = on.names.iter().flat_map(|name| inventory.machines_named(name));
    let mut machines: Vec<MachineId> = named.copied().filter(selects).collect();
    machines.sort_unstable();
    machines.dedup();
    machines
}

impl Selector {
    /// Whether a machine is among those it chooses.
    #[must_use]
    pub(crate) fn selects(&self, machine: &Machine) -> bool {
        let one_of = |wanted: &[String], has: Option<&String>| {
            wanted.is_empty() || has.is_some_and(|h| wanted.contains(h))
        };
        (self.names.is_empty() || self.names.iter().any(|p| pattern::fits(p, &machine.name)))
            && one_of(&self.lines, machine.line.as_ref())
            && one_of(&self.classes, machine.class.as_ref())
    }
}

/// Says that a rule is for no machine, and what there is instead.
pub(super) fn no_machine(report: &mut Report, rule: &Rule, inventory: &Inventory) {
    let message = format!("rule `{}` is for no machine", rule.name.value);
    report.warning("R402", (rule.file, rule.on.span.clone()), message, "matches nothing").help =
        Some(there_are(&rule.on, inventory));
}

/// What there is instead of what a rule asks for in vain.
fn there_are(on: &Selector, inventory: &Inventory) -> String {
    let all = |of: fn(&Machine) -> Option<&String>| -> BTreeSet<String> {
        inventory.machines().filter_map(|(_, machine)| of(machine).cloned()).collect()
    };
    let asked = [
        (("class", "classes"), &on.classes, all(|machine| machine.class.as_ref())),
        (("line", "lines"), &on.lines, all(|machine| machine.line.as_ref())),
        (("machine", "machines"), &on.names, all(|machine| Some(&machine.name))),
    ];
    // Only names of machines are patterns.
    let fits = |key: &str, wanted: &String, there: &BTreeSet<String>| {
        there.contains(wanted) || key == "machine" && there.iter().any(|name| pattern::fits(wanted, name))
    };
    let in_vain = asked.into_iter().find(|((key, _), wanted, there)| {
        !wanted.is_empty() && !wanted.iter().any(|wanted| fits(key, wanted, there))
    });
    let Some(((one, many), wanted, there)) = in_vain else {
        return "each of these is there, but not together: all that is given must fit the same machine"
            .into();
    };
    let is_pattern = |name: &&String| name.contains(['*', '?']);
    let near = wanted
        .iter()
        .filter(|name| !is_pattern(name))
        .find_map(|name| did_you_mean(name, there.iter().map(String::as_str)));
    let shown: Vec<&str> = there.iter().map(String::as_str).take(8).collect();
    let rest = if there.len() > shown.len() { ", …" } else { "" };
    match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None if there.is_empty() => format!("no machine in agent.toml has a {one}"),
        None => format!("{many} in agent.toml: {}{rest}", shown.join(", ")),
    }
}
