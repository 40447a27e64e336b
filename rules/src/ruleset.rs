//! The rules in force: every rule bound to every machine it is for.
//!
//! Here: selectors, names defined twice, tags that a machine has not; the [`Plan`] of an instance.
//! Not here: the keys of a file (`file`), what an instance does in time (`instance`).
//! Invariant: a rule with a mistake on one machine is in force on none (I6); plans are in the order of rule and
//! machine, whatever the order of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use crate::bind::plan;
pub use crate::checked::Checked;
use crate::checked::INSTANCES_MAX;
use crate::delays;
use crate::diagnose::{FileId, Report, did_you_mean};
use crate::expr::eval::Program;
use crate::file::{self, Rule, Selector};
use crate::inventory::{Inventory, Machine, MachineId, SourceId, TagId};
use crate::params;
use crate::pattern;
use crate::text::Template;
use crate::time::Millis;

/// All rules that are in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleSet {
    /// One for each rule and machine, in the order of rule name and machine.
    pub plans: Vec<Arc<Plan>>,
    /// Number of rules.
    pub rules: usize,
}

/// A rule bound to a machine: all that never changes about an instance.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The machine.
    pub machine: MachineId,
    /// The tags it reads; programs name them by their place here.
    pub slots: Vec<TagId>,
    /// The sources that own them.
    pub sources: Vec<SourceId>,
    /// What it does with them: the machines of a rule share that, unless a parameter or a type makes it another.
    pub shape: Arc<Shape>,
}

/// What a plan does with its slots.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    /// All that is judged, each once.
    pub programs: Vec<BoundProgram>,
    /// The conditions, by group and state.
    pub conditions: Vec<Vec<BoundCondition>>,
    /// The gate that lets the instance be judged, by its place among the programs.
    pub active_if: Option<usize>,
    /// The gate that keeps it silent, by its place among the programs.
    pub suppress_if: Option<usize>,
    /// The windows that programs name by their place here.
    pub windows: Vec<Window>,
    /// The texts by language, with the machine's parameters written in.
    pub texts: BTreeMap<String, Template>,
    /// The slots that each of them names, in its order.
    pub text_slots: BTreeMap<String, Vec<usize>>,
}

impl Deref for Plan {
    type Target = Shape;

    fn deref(&self) -> &Shape {
        &self.shape
    }
}

/// A program with what makes it worth judging again.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundProgram {
    /// What is judged.
    pub program: Program,
    /// The slots it reads, in the order in which it names them, those inside its windows among them.
    pub slots: Vec<usize>,
    /// Of these, the slots it reads outside a window.
    pub outside: Vec<usize>,
    /// The windows it reads.
    pub windows: Vec<usize>,
    /// The ages at which it may change: a slot, and ms.
    pub ages: Vec<(usize, Millis)>,
    /// Whether it reads the hour or the day of the week.
    pub reads_calendar: bool,
}

/// A condition of a state, by the places of its programs.
#[derive(Debug, Clone, PartialEq)]
pub struct BoundCondition {
    /// What enters the state.
    pub when: usize,
    /// What leaves it; none: that `when` is false.
    pub clear: Option<usize>,
    /// Identity of the condition: state that was reached under another one is not carried over (§8).
    pub identity: String,
}

/// A window over what an expression gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// What is made of it.
    pub function: WindowFunction,
    /// The expression, a condition or a value.
    pub argument: Program,
    /// The slots that it reads.
    pub slots: Vec<usize>,
    /// How long it is, ms.
    pub length: Millis,
    /// A counter of so many bits, whose wraps and resets are not changes backwards.
    pub counter: Option<u32>,
    /// The share of it that must be known, 0 to 1.
    pub coverage: f64,
}

/// What is made of a window (§5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowFunction {
    /// The mean, weighted by time.
    Avg,
    /// The least value.
    Min,
    /// The greatest value.
    Max,
    /// The sum of the samples.
    Sum,
    /// The number of samples of a value.
    Count,
    /// The number of rising edges of a condition.
    Edges,
    /// The number of changes of value.
    Changes,
    /// The value now without the value at the start.
    Delta,
    /// The delta per second.
    Rate,
    /// The standard deviation, weighted by time.
    Stddev,
}

impl Plan {
    /// The slots that a condition reads, those of `when` first, each once.
    #[must_use]
    pub fn slots_of(&self, condition: &BoundCondition) -> Vec<usize> {
        let mut slots = self.programs[condition.when].slots.clone();
        for slot in condition.clear.map_or(&[][..], |clear| &self.programs[clear].slots) {
            if !slots.contains(slot) {
                slots.push(*slot);
            }
        }
        slots
    }

    /// Whether its programs are those of the other, and see the same.
    pub(crate) fn sees_as(&self, other: &Self) -> bool {
        (&self.slots, &self.programs, &self.windows) == (&other.slots, &other.programs, &other.windows)
            && self.rule.stale_after == other.rule.stale_after
    }
}

impl Plan {
    /// The key under which the instance's state is kept: unique, and the same for ever.
    #[must_use]
    pub fn key(&self, inventory: &Inventory) -> String {
        self.key_under(&self.rule.name.value, inventory)
    }

    /// The key under another name of the rule.
    pub(crate) fn key_under(&self, rule: &str, inventory: &Inventory) -> String {
        format!("{rule}@{}", inventory.machine(self.machine).id)
    }
}

/// A rule with its plans, one for each machine.
#[derive(Debug, Clone)]
pub struct BoundRule {
    /// The rule.
    pub rule: Arc<Rule>,
    /// Its plans, in the order of the machines.
    pub plans: Vec<Arc<Plan>>,
}

impl RuleSet {
    /// The rules, put together; the order of rules and machines is that of the plans.
    #[must_use]
    pub fn of(rules: &BTreeMap<String, BoundRule>) -> Self {
        let plans = rules.values().flat_map(|bound| bound.plans.iter().cloned()).take(INSTANCES_MAX);
        Self { plans: plans.collect(), rules: rules.len() }
    }

    /// Checks all files together and takes what is right.
    pub fn load(report: &mut Report, files: &[FileId], inventory: &Inventory) -> Self {
        Self::of(&Checked::of(report, files, inventory).rules)
    }
}

/// So many machines on which a rule is wrong are looked at.
const FAILED_MAX: usize = 10;

pub(crate) fn bind(report: &mut Report, rule: Arc<Rule>, inventory: &Inventory) -> Option<Vec<Arc<Plan>>> {
    let before = report.diagnostics().len();
    let machines = selected(&rule.on, inventory);
    if machines.is_empty() {
        no_machine(report, &rule, inventory);
    }
    let mut failed = 0;
    let mut plans: Vec<Arc<Plan>> = Vec::with_capacity(machines.len());
    for machine in machines {
        let of_machine = report.diagnostics().len();
        match plan(report, &rule, inventory, machine) {
            Some(mut plan) => {
                if let Some(same) = plans.last().filter(|last| last.shape == plan.shape) {
                    plan.shape = Arc::clone(&same.shape);
                }
                if let Some(same) = plans.last().filter(|last| delays::are_same(&last.rule, &plan.rule)) {
                    plan.rule = Arc::clone(&same.rule);
                }
                plans.push(Arc::new(plan));
            }
            None => failed += 1,
        }
        report.forget_repeated(before, of_machine);
        // What is wrong on one machine may be right on the next, which has other tags; but not for ever.
        if failed == FAILED_MAX {
            break;
        }
    }
    params::for_nobody(report, &rule, inventory);
    file::equal_weights(report, &rule);
    (report.errors_since(before) == 0).then_some(plans)
}

fn no_machine(report: &mut Report, rule: &Rule, inventory: &Inventory) {
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
    let begin = wanted.iter().find(|name| there.iter().any(|t| t.starts_with(&format!("{name}-"))));
    match near {
        _ if one == "machine" && begin.is_some_and(|name| !is_pattern(&name)) => {
            format!("for all machines whose name begins so write \"{}-*\"", begin.map_or("", |name| name))
        }
        Some(near) => format!("did you mean \"{near}\"?"),
        None if there.is_empty() => format!("no machine in agent.toml has a {one}"),
        None => format!("{many} in agent.toml: {}{rest}", shown.join(", ")),
    }
}

/// The machines that a rule is for, in their order.
fn selected(on: &Selector, inventory: &Inventory) -> Vec<MachineId> {
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
    pub fn selects(&self, machine: &Machine) -> bool {
        let one_of = |wanted: &[String], has: Option<&String>| {
            wanted.is_empty() || has.is_some_and(|h| wanted.contains(h))
        };
        (self.names.is_empty() || self.names.iter().any(|p| pattern::fits(p, &machine.name)))
            && one_of(&self.lines, machine.line.as_ref())
            && one_of(&self.classes, machine.class.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Source, Tag};
    use crate::value::Type;

    fn inventory() -> Inventory {
        let mut inventory = Inventory::default();
        let source =
            Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for (name, class) in [("washer-1", "washer"), ("washer-2", "washer"), ("filler-1", "filler")] {
            let machine = Machine {
                name: name.into(),
                id: format!("id-{name}"),
                line: Some("L3".into()),
                class: Some(class.into()),
                ..Machine::default()
            };
            let machine = inventory.add_machine(machine);
            let tag = Tag {
                machine,
                source,
                name: "t".into(),
                kind: Type::Float,
                unit: None,
                range: None,
                ..Tag::default()
            };
            inventory.add_tag(tag).unwrap();
        }
        inventory
    }

    fn load(files: &[&str]) -> (RuleSet, Vec<String>) {
        let mut report = Report::default();
        let ids: Vec<FileId> =
            files.iter().enumerate().map(|(i, text)| report.add_file(format!("{i}.toml"), *text)).collect();
        let set = RuleSet::load(&mut report, &ids, &inventory());
        let lines = report.lines().collect();
        (set, lines)
    }

    fn keys(set: &RuleSet) -> Vec<String> {
        set.plans.iter().map(|p| p.key(&inventory())).collect()
    }

    #[test]
    fn selectors_choose_by_name_line_and_class() {
        let of = |on: &str| keys(&load(&[&format!("[rule.r]\non = {on}\nwhen = 't > 1'")]).0);
        assert_eq!(of("'washer-*'"), ["r@id-washer-1", "r@id-washer-2"]);
        assert_eq!(of("'*-1'"), ["r@id-washer-1", "r@id-filler-1"]);
        assert_eq!(of("['filler-?']"), ["r@id-filler-1"]);
        assert_eq!(of("{ line = 'L3', class = ['filler'] }"), ["r@id-filler-1"]);
        assert_eq!(of("{ line = 'L4' }"), [""; 0]);
    }

    #[test]
    fn plans_do_not_depend_on_the_order_of_files() {
        let (a, b) = ("[rule.a]\non = '*'\nwhen = 't > 1'", "[rule.b]\non = '*'\nwhen = 't > 2'");
        assert_eq!(keys(&load(&[a, b]).0), keys(&load(&[b, a]).0));
    }

    #[test]
    fn a_rule_with_a_mistake_on_one_machine_is_in_force_on_none() {
        let (set, lines) =
            load(&["[rule.r]\non = '*'\nwhen = 't > 1 and tt > 2'\n[rule.ok]\non = '*'\nwhen = 't > 1'"]);
        assert_eq!((set.rules, set.plans.len()), (1, 3));
        assert_eq!(lines, ["0.toml:3:19: unknown tag `tt` (washer-1 has no such tag; did you mean `t`?)"]);
    }

    #[test]
    fn a_rule_that_reads_nothing_would_never_speak() {
        let (set, lines) = load(&["[rule.r]\non = '*'\nwhen = 'true'"]);
        assert_eq!(set.plans.len(), 0);
        assert_eq!(lines, ["0.toml:1:7: rule `r` reads no tag (nothing here can change)"]);
        assert_eq!(load(&["[rule.r]\non = '*'\nwhen = 'true'\ntext = '{t}'"]).0.plans.len(), 3);
    }

    #[test]
    fn a_name_defined_twice_belongs_to_neither() {
        let (set, lines) =
            load(&["[rule.r]\non = '*'\nwhen = 't > 1'", "[rule.r]\non = '*'\nwhen = 't > 2'"]);
        assert_eq!(set.rules, 0);
        assert!(lines[0].starts_with("1.toml:1:7: rule `r` is defined twice"), "{lines:?}");
    }

    #[test]
    fn a_selector_without_machine_and_equal_weights_are_warnings() {
        let (set, lines) = load(&["[rule.r]\non = 'washr-*'\nwhen = 't > 1'"]);
        assert_eq!((set.rules, set.plans.len()), (1, 0));
        assert!(lines[0].contains("machines in agent.toml: filler-1, washer-1"), "{lines:?}");
        let state = |g: &str| format!("[rule.r.group.{g}]\nstate = [ {{ name = '{g}', when = 't > 1' }} ]\n");
        let (_, lines) = load(&[&format!("[rule.r]\non = '*'\n{}{}", state("a"), state("b"))]);
        assert!(lines[0].contains("on a tie `a` wins"), "{lines:?}");
    }
}
