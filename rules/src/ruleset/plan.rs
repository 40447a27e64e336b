//! A rule on one machine, as it is judged there: its programs, conditions, windows and texts.
//!
//! Here: what it is made of, and the key under which its state is kept. Not here: how it comes about (`bind`), what an
//! instance does in time (`instance`).
//! Invariant: nothing of a plan changes while it is in force.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use crate::expr::eval::Program;
use crate::file::Rule;
use crate::inventory::{Inventory, MachineId, SourceId, TagId};
use crate::text::Template;
use crate::time::Millis;

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
    pub(crate) fn slots_of(&self, condition: &BoundCondition) -> Vec<usize> {
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
