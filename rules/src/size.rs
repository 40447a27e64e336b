//! How much memory the rules may take: what `check` prints (§10).
//!
//! Here: a bound, made of the sizes of what the engine keeps, counted as if nothing were shared between the instances
//! of a rule but its windows. Not here: rooms that do not depend on the rules (inbox, outbox), and texts that tags hold.
//! Invariant: what is counted here does not grow while the engine runs: all state is bounded by the rules (§5); and the
//! engine never keeps more of it than is said here.

use std::fmt;
use std::mem::size_of;

use rustc_hash::FxHashSet;

use crate::condition::Delays;
use crate::document::Placed;
use crate::engine::Datapoint;
use crate::expr::Expr;
use crate::file::{Condition, Define, Note, Rule, State};
use crate::group::Standing;
use crate::instance::{Instance, Verdict};
use crate::inventory::SourceId;
use crate::ruleset::{BoundCondition, BoundProgram, Plan, RuleSet, Shape, Window};
use crate::signal;
use crate::window::WINDOW_BYTES_MAX;
use crate::windows;

/// What an allocation costs beside what was asked for.
const ALLOCATION: usize = 16;
/// A row that grows by doubling may have as much room again.
const GROWING: usize = 2;
/// What an entry of a table by key takes, beside key and value.
const ENTRY: usize = 2 * size_of::<u64>();

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
        let mut known: FxHashSet<String> = FxHashSet::default();
        let mut kept = 0;
        for plan in &rules.plans {
            for window in plan.windows.iter().filter(|window| known.insert(identity(plan, window))) {
                kept += window_kept(plan, window);
            }
        }
        Self {
            instances: rules.plans.iter().map(|plan| instance(plan)).sum(),
            windows: kept,
            // The datapoint, its key in the order, and as much again while the room grows.
            waiting: waiting_max * GROWING * (size_of::<Datapoint>() + 5 * size_of::<u64>()),
        }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> usize {
        self.instances + self.windows + self.waiting
    }
}

/// What windows share their cells by: the scope they are in, what they look at, for how long, when it goes stale, and
/// whether it is a counter.
fn identity(plan: &Plan, window: &Window) -> String {
    let tags: Vec<_> = window.slots.iter().filter_map(|slot| plan.slots.get(*slot)).collect();
    let sources: &[SourceId] = &plan.sources;
    format!("{:?}", (sources, tags, &window.argument, window.length, window.counter, plan.rule.stale_after))
}

/// A window that nobody shares: its cells, and what belongs to it.
fn window_kept(plan: &Plan, window: &Window) -> usize {
    let signals = plan.slots.len() * size_of::<usize>() + ALLOCATION;
    let found = size_of::<(usize, i64)>() + size_of::<Vec<usize>>() + 4 * size_of::<usize>() + ENTRY;
    let over = window.slots.len() * 4 * size_of::<usize>() + ALLOCATION;
    WINDOW_BYTES_MAX + GROWING * (windows::KEPT_BYTES + found) + signals + over + 4 * ALLOCATION
}

fn instance(plan: &Plan) -> usize {
    let list = |length: usize, each: usize| GROWING * length * each + ALLOCATION;
    let of_programs = |bound: &BoundProgram| {
        let reads = bound.slots.len() + bound.outside.len() + bound.windows.len() + 2 * bound.ages.len();
        // Whoever reads a signal or a window is known there.
        bound.program.bytes() + 4 * ALLOCATION + GROWING * 4 * reads * size_of::<u64>()
    };
    let programs = list(plan.programs.len(), size_of::<BoundProgram>() + size_of::<Verdict>())
        + plan.programs.iter().map(of_programs).sum::<usize>();
    let of_windows = plan.windows.iter().map(|window| {
        size_of::<Window>()
            + window.argument.bytes()
            + (window.slots.len() + 1) * size_of::<usize>()
            + 2 * ALLOCATION
    });
    let conditions: usize = plan.conditions.iter().map(Vec::len).sum();
    let conditions = list(conditions, size_of::<BoundCondition>() + size_of::<Delays>() + 2 * ALLOCATION);
    let groups = list(plan.conditions.len(), size_of::<Standing>() + 4 * ALLOCATION);
    // A cell of a tag, its signal and who reads it.
    let slots = list(plan.slots.len(), 2 * size_of::<signal::Cell>() + size_of::<signal::Signal>());
    let texts: usize = plan.texts.values().map(|text| text.bytes() + 4 * ALLOCATION).sum();
    size_of::<Plan>()
        + size_of::<Shape>()
        + size_of::<Instance>()
        + own_rule(&plan.rule)
        + programs
        + conditions
        + groups
        + slots
        + texts
        + of_windows.sum::<usize>()
}

/// A rule of its own, which an instance has whose delays are given by parameters: most of it are trees, in which a
/// character is an expression at most.
fn own_rule(rule: &Rule) -> usize {
    let states = || rule.groups.iter().flat_map(|group| &group.states);
    if states().all(|state| state.delay_by.is_none() && state.hold_by.is_none()) {
        return 0;
    }
    let tree =
        |condition: &Condition| condition.text.len() * (1 + GROWING * (size_of::<Expr>() + ALLOCATION));
    let of_state = |state: &State| {
        let names = state.named.name.len() + 2 * size_of::<Placed<String>>();
        size_of::<State>() + names + tree(&state.when) + state.clear.as_ref().map_or(0, tree) + 4 * ALLOCATION
    };
    let gates = [&rule.active_if, &rule.suppress_if].into_iter().flatten().map(tree).sum::<usize>();
    let defines: usize =
        rule.defines.iter().map(|d| size_of::<Define>() + d.name.value.len() + tree(&d.condition)).sum();
    let texts: usize = rule.text.values().map(|(text, _)| text.bytes() + 4 * ALLOCATION).sum();
    let Note { cause, consequence, action } = &rule.note;
    let notes = [cause, consequence, action].into_iter().flat_map(|note| note.values());
    let notes: usize = notes.map(|text| text.len() + 4 * ALLOCATION).sum();
    size_of::<Rule>() + states().map(of_state).sum::<usize>() + gates + defines + texts + notes
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
    use crate::diagnose::Report;
    use crate::inventory::{Inventory, Machine, MachineId, Source, Tag};
    use crate::value::{Type, Value};
    use crate::windows::Windows;

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

    #[test]
    fn a_rule_whose_delays_are_given_by_parameters_counts_once_a_machine() {
        let mut inventory = Inventory::default();
        let machine =
            inventory.add_machine(Machine { name: "m".into(), id: "m".into(), ..Machine::default() });
        let source = inventory.add_source(Source {
            id: "s".into(),
            idle_timeout: 1,
            max_out_of_orderness: 0,
            max_lag: None,
        });
        inventory.add_tag(Tag { machine, source, name: "a".into(), kind: Type::Int, ..Tag::default() });
        let of = |delay: &str| {
            let mut report = Report::default();
            let text = format!("[rule.r]\non = '*'\nwhen = 'a > 1'\nfor = '{delay}'\nparam.p = '5 s'");
            let file = report.add_file("r.toml", text);
            let rules = RuleSet::load(&mut report, &[file], &inventory);
            assert_eq!(report.errors(), 0, "{}", report.render(false));
            Memory::of(&rules, 0).instances
        };
        assert!(of("p") > of("5 s") + size_of::<Rule>());
    }

    #[test]
    fn windows_never_take_more_than_is_said() {
        let (machine, source, tag) = (MachineId::default(), SourceId::default(), Tag::default());
        let mut inventory = Inventory::default();
        inventory.add_machine(Machine { name: "m".into(), id: "m".into(), ..Machine::default() });
        inventory.add_source(Source {
            id: "s".into(),
            idle_timeout: 1,
            max_out_of_orderness: 0,
            max_lag: None,
        });
        for (name, counter) in [("a", None), ("b", None), ("n", Some(16))] {
            let name = name.to_owned();
            inventory.add_tag(Tag { machine, source, name, kind: Type::Int, counter, ..tag.clone() });
        }
        let text = "[rule.r]\non = '*'\nwhen = 'avg(a, 1 min) > 1 and avg(a, 61 s) > 1 and avg(a + b, 24 h) > 1 and \
                    delta(n, 1 h) > 1 and avg(n, 1 h) > 1 and max(a, 1 min) < 9'\n[rule.again]\non = '*'\nwhen = 'min(a, 61 s) > 1'\n";
        let mut report = Report::default();
        let file = report.add_file("r.toml", text);
        let rules = RuleSet::load(&mut report, &[file], &inventory);
        assert_eq!(report.errors(), 0, "{}", report.render(false));
        let mut kept = Windows::default();
        for plan in &rules.plans {
            kept.add(plan, &[0, 1, 2], |_, _| {});
        }
        assert_eq!(kept.len(), 5, "each once, but a counter beside what is none");
        for i in 0..100_000 {
            for window in 0..kept.len() {
                kept.take(window, i * 997, &Ok(Value::Int(i)), true);
            }
        }
        let (taken, said) = (kept.bytes(), Memory::of(&rules, 0).windows);
        assert!(taken <= said && said < taken + taken / 2, "{taken} bytes are taken, {said} are said");
    }
}
