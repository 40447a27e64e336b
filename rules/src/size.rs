//! How much memory the rules may take: what `check` prints (§10).
//!
//! Here: a bound, made of the sizes of what the engine keeps, counted as if nothing were shared between the instances
//! of a rule but its windows. Not here: rooms that do not depend on the rules (inbox, outbox).
//! Invariant: what is counted here does not grow while the engine runs: all state is bounded by the rules (§5).

use std::fmt;
use std::mem::size_of;

use rustc_hash::FxHashSet;

use crate::condition::Delays;
use crate::engine::Datapoint;
use crate::expr::eval::Program;
use crate::group::Standing;
use crate::instance::{Instance, Verdict};
use crate::ruleset::{BoundCondition, BoundProgram, Plan, RuleSet, Shape, Window};
use crate::signal;

/// Cells of a window (§5).
const CELLS: usize = 62;
/// What a cell of a window keeps: eleven numbers of eight bytes, such as the sum, the least value, the time known.
const CELL: usize = 88;
/// What an allocation costs beside what was asked for.
const ALLOCATION: usize = 16;
/// Nodes and constants of an average program, beside its root.
const NODES: usize = 8;

/// Bounds of what is kept in memory, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// The rules, bound to their machines, and the state of the instances.
    pub instances: usize,
    /// The cells of all windows.
    pub windows: usize,
    /// The datapoints that wait for the watermark.
    pub waiting: usize,
}

impl Memory {
    /// The bound for a set of rules and a waiting room of so many datapoints.
    #[must_use]
    pub fn of(rules: &RuleSet, waiting_max: usize) -> Self {
        let windows: FxHashSet<String> =
            rules.plans.iter().flat_map(|plan| plan.windows.iter().map(|w| identity(plan, w))).collect();
        Self {
            instances: rules.plans.iter().map(|plan| instance(plan)).sum(),
            windows: windows.len() * (CELLS * CELL + ALLOCATION),
            // The datapoint, its key in the order, and as much again while the room grows.
            waiting: waiting_max * 2 * (size_of::<Datapoint>() + 5 * size_of::<u64>()),
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> usize {
        self.instances + self.windows + self.waiting
    }
}

/// What windows share their cells by: what they look at, for how long, and when it goes stale.
fn identity(plan: &Plan, window: &Window) -> String {
    let tags: Vec<_> = window.slots.iter().filter_map(|slot| plan.slots.get(*slot)).collect();
    format!("{:?}", (tags, &window.argument, window.length, plan.rule.stale_after))
}

fn instance(plan: &Plan) -> usize {
    let list = |length: usize, each: usize| length * each + ALLOCATION;
    let programs = list(plan.programs.len(), size_of::<BoundProgram>() + size_of::<Verdict>())
        + plan.programs.len() * (NODES * size_of::<Program>() + 4 * ALLOCATION);
    let conditions: usize = plan.conditions.iter().map(Vec::len).sum();
    let conditions = list(conditions, size_of::<BoundCondition>() + size_of::<Delays>() + 2 * ALLOCATION);
    let groups = list(plan.conditions.len(), size_of::<Standing>() + 4 * ALLOCATION);
    // A cell of a tag, its signal and who reads it.
    let slots = list(plan.slots.len(), 2 * size_of::<signal::Cell>());
    size_of::<Plan>() + size_of::<Shape>() + size_of::<Instance>() + programs + conditions + groups + slots
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (instances, windows) = (Bytes(self.instances), Bytes(self.windows));
        let (total, waiting) = (Bytes(self.total()), Bytes(self.waiting));
        write!(f, "the rules may take {total} of memory: instances {instances}, windows {windows}, ")?;
        write!(f, "datapoints that wait {waiting}")
    }
}

struct Bytes(usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0"),
            small if small < 1 << 20 => write!(f, "{} KiB", small.div_ceil(1 << 10)),
            large => write!(f, "{} MiB", large.div_ceil(1 << 20)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_takes_nothing_and_is_said_in_words() {
        let none = Memory::of(&RuleSet::default(), 0);
        assert_eq!(none.total(), 0);
        let some = Memory { instances: 1, windows: 3 << 20, waiting: 0 };
        assert_eq!(
            some.to_string(),
            "the rules may take 4 MiB of memory: instances 1 KiB, windows 3 MiB, datapoints that wait 0"
        );
    }
}
