//! The rules in force: every rule bound to every machine it is for.
//!
//! Here: a rule with its plans, and the plans of all of them. What a [`Plan`] is stands in `plan`, which machines a rule
//! is for in `selector`. Not here: the keys of a file (`file`), names defined twice (`checked`), what makes a plan of a
//! rule (`bind`).
//! Invariant: a rule with a mistake on one machine is in force on none (I6); plans are in the order of rule and
//! machine, whatever the order of the files.

mod plan;
mod selector;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::checked::Checked;
use crate::checked::INSTANCES_MAX;
use crate::delays;
use crate::diagnose::{FileId, Report};
use crate::file::{self, Rule};
use crate::inventory::Inventory;
use crate::params;

use self::selector::{no_machine, selected};

pub use plan::{BoundCondition, BoundProgram, Plan, Shape, Window, WindowFunction};

/// All rules that are in force.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RuleSet {
    /// One for each rule and machine, in the order of rule name and machine.
    pub plans: Vec<Arc<Plan>>,
    /// Number of rules.
    pub rules: usize,
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

/// The plans of a rule, one for each machine that it is for; none: it is wrong on one of them.
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
        match crate::bind::plan(report, &rule, inventory, machine) {
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

#[cfg(test)]
mod tests;
