//! Stray values: for machines, lines and classes that there are not, and for parameters that no rule has.
//!
//! Here: finding them, in rules and in `agent.toml`. Not here: which value counts (`params`), stray lines of CSV files
//! (`limits`).
//! Invariant: they are warnings: what never counts changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diagnose::{FileId, Report, did_you_mean};
use crate::document::{self, Placed, Reader};
use crate::file::Rule;
use crate::inventory::{Inventory, Machine, MachineId};
use crate::ruleset::RuleSet;

/// Values for machines, lines and classes that there are not: they never count, and nobody would notice.
pub(crate) fn for_nobody(report: &mut Report, rule: &Rule, inventory: &Inventory) {
    for (param, (what, key)) in rule.params.iter().flat_map(|(n, p)| p.keys.iter().map(move |key| (n, key))) {
        let of = |machine: &'_ Machine| match *what {
            "class" => machine.class.clone(),
            "line" => machine.line.clone(),
            _ => Some(machine.name.clone()),
        };
        let there: BTreeSet<String> = inventory.machines().filter_map(|(_, machine)| of(machine)).collect();
        if there.contains(&key.value) {
            continue;
        }
        let message = format!("`{param}` has a value for {what} `{}`, which there is not", key.value);
        let near = did_you_mean(&key.value, there.iter().map(String::as_str));
        let known = there.iter().take(8).cloned().collect::<Vec<_>>().join(", ");
        report.warning("R218", (rule.file, key.span.clone()), message, "it never counts").help =
            Some(match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("in agent.toml: {known}"),
            });
    }
}

/// Parameters of machines in the configuration that no rule has on that machine. All rules must be known.
pub fn of_no_rule(report: &mut Report, rules: &RuleSet, inventory: &Inventory) {
    let mut known: BTreeMap<MachineId, BTreeSet<&str>> = BTreeMap::new();
    for plan in &rules.plans {
        known.entry(plan.machine).or_default().extend(plan.rule.params.keys().map(String::as_str));
    }
    let nothing = BTreeSet::new();
    let strange = inventory.machines().flat_map(|(id, machine)| {
        let known = known.get(&id).unwrap_or(&nothing);
        machine
            .params
            .keys()
            .filter(|name| !known.contains(name.as_str()))
            .map(move |name| (machine, name, known))
    });
    let strange: Vec<_> = strange.collect();
    if strange.is_empty() {
        return;
    }
    let (file, places) = written(report, inventory);
    for (machine, name, known) in strange {
        let span = places.get(&(machine.name.clone(), name.clone())).cloned().unwrap_or(0..0);
        let message = format!("no rule for {} has a parameter `{name}`", machine.name);
        let near = did_you_mean(name, known.iter().copied());
        report.warning("R219", (file, span), message, "it never counts").help = Some(match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "no rule for this machine has parameters".into(),
            None => format!("parameters: {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
        });
    }
}

/// Where the parameters of a machine stand, by the machine's name and theirs.
type Places = BTreeMap<(String, String), Range<usize>>;

/// Adds the configuration to a report, and finds the machines' parameters in it.
fn written(report: &mut Report, inventory: &Inventory) -> (FileId, Places) {
    let Some((name, text)) = inventory.file() else {
        return (report.add_file("agent.toml", ""), Places::new());
    };
    let file = report.add_file(name, text);
    // What is wrong with it was said when it was read.
    let mut silent = Report::default();
    let copy = silent.add_file(name, text);
    let table = document::parse(&mut silent, copy);
    let machines = Reader::new(&table, name, copy, &mut silent).tables("machine");
    let mut places = Places::new();
    for machine in machines {
        let mut r = Reader::new(machine, "[[machine]]", copy, &mut silent);
        let (Some(name), Some(params)) = (r.text("name"), r.table("param")) else { continue };
        let place =
            |(key, _): &(Placed<String>, _)| ((name.value.clone(), key.value.clone()), key.span.clone());
        places.extend(params.entries.iter().map(place));
    }
    (file, places)
}
