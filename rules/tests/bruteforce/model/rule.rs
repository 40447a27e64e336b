//! A rule, as it is written, and bound to a machine.
//!
//! Here: that. Not here: how it reads as text (`print`), what it does (`instance`).
//! Invariant: what is bound has no parameters, and reads tags of the world.

use std::rc::Rc;

use proto::Severity;

use super::{Expr, UNKNOWN_AFTER, World};

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// The machines it is for.
    pub(crate) on: Vec<usize>,
    pub(crate) renamed_from: Option<String>,
    pub(crate) params: Vec<Param>,
    pub(crate) actions: Vec<Action>,
    /// Without groups: one group without a name, `Active` and `Normal`.
    pub(crate) plain: bool,
    pub(crate) groups: Vec<Group>,
    pub(crate) stale: Stale,
    pub(crate) unknown: UnknownPolicy,
    pub(crate) default: Option<Named>,
    pub(crate) active_if: Option<Expr>,
    pub(crate) suppress_if: Option<Expr>,
    /// The share of a window that must be known, per cent.
    pub(crate) coverage: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stale {
    Default,
    After(i64),
    Never,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UnknownPolicy {
    /// The default: `Unknown` after a while.
    Say {
        after: i64,
    },
    Named {
        after: i64,
        name: Rc<str>,
        weight: u32,
        severity: Severity,
    },
    Abstain,
    AsFalse,
}

impl UnknownPolicy {
    pub(crate) fn after(&self) -> i64 {
        match self {
            Self::Say { after } | Self::Named { after, .. } => *after,
            Self::Abstain | Self::AsFalse => UNKNOWN_AFTER,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub(crate) name: Option<String>,
    pub(crate) weight: Option<u32>,
    pub(crate) states: Vec<State>,
    pub(crate) otherwise: Option<Named>,
    pub(crate) unknown: Option<UnknownPolicy>,
    /// Tags, and how far they must go back.
    pub(crate) deadband: Vec<(usize, f64)>,
}

/// A state that no condition enters: `otherwise`, or `default`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) name: Rc<str>,
    /// None: not given.
    pub(crate) weight: Option<u32>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) name: Rc<str>,
    pub(crate) when: Expr,
    pub(crate) clear: Option<Expr>,
    pub(crate) delay: i64,
    pub(crate) hold: i64,
    /// The parameter that gives the delay, or the hold, by its place.
    pub(crate) delay_by: Option<usize>,
    pub(crate) hold_by: Option<usize>,
    pub(crate) latch: bool,
    pub(crate) weight: Option<u32>,
    pub(crate) severity: Option<Severity>,
}

/// A value that differs from machine to machine. What is given to one of its kinds counts for it, the later kind the
/// stronger.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Param {
    pub(crate) name: String,
    /// It is a time, in ms.
    pub(crate) is_time: bool,
    pub(crate) default: f64,
    pub(crate) class: Vec<(String, f64)>,
    pub(crate) line: Vec<(String, f64)>,
    pub(crate) machine: Vec<(usize, f64)>,
    /// Of a table of limits; none: for all machines.
    pub(crate) limits: Vec<(Option<usize>, f64)>,
}

/// Who is notified of which states.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Action {
    /// Empty: all of severity warning or above.
    pub(crate) to: Vec<Rc<str>>,
    pub(crate) notify: &'static str,
    pub(crate) repeat: Option<i64>,
}

impl Param {
    /// What it is on a machine (§10): the rule's default, its class, its line, the machine as it is configured, the
    /// machine in the rule, a line of a table.
    pub(crate) fn on(&self, world: &World, machine: usize) -> f64 {
        let of = &world.machines[machine];
        let named = |list: &[(String, f64)], name: &str| {
            list.iter().find(|(other, _)| other == name).map(|(_, value)| *value)
        };
        let own = self.machine.iter().find(|(other, _)| *other == machine).map(|(_, value)| *value);
        let fits = |place: &Option<usize>| place.is_none_or(|place| place == machine);
        let limit = self.limits.iter().rev().find(|(place, _)| fits(place)).map(|(_, value)| *value);
        limit
            .or(own)
            .or_else(|| of.params.get(&self.name).copied())
            .or_else(|| named(&self.line, &of.line))
            .or_else(|| named(&self.class, &of.class))
            .unwrap_or(self.default)
    }
}

impl Rule {
    /// All its expressions.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let states = self.groups.iter().flat_map(|group| &group.states);
        let conditions = states.flat_map(|state| [Some(&state.when), state.clear.as_ref()]);
        conditions.chain([self.active_if.as_ref(), self.suppress_if.as_ref()]).flatten()
    }

    /// The tags its conditions read, each once.
    pub(crate) fn tags(&self) -> Vec<usize> {
        let mut tags: Vec<usize> = self.expressions().flat_map(Expr::tags).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// Whether time alone changes what its conditions say.
    pub(crate) fn watches_time(&self) -> bool {
        self.expressions().any(Expr::watches_time)
    }

    /// The rule on one of its machines.
    pub(crate) fn on(&self, world: &World, machine: usize) -> Rule {
        let names = world.names.len();
        let tag = |tag: usize| if tag < names { machine * names + tag } else { tag - names };
        let values: Vec<f64> = self.params.iter().map(|p| p.on(world, machine)).collect();
        let params: Vec<Expr> = values.iter().map(|value| Expr::Float(*value)).collect();
        let bound = |e: &Expr| e.bound(&tag, &params);
        let mut rule = self.clone();
        (rule.on, rule.params) = (vec![machine], Vec::new());
        rule.active_if = self.active_if.as_ref().map(bound);
        rule.suppress_if = self.suppress_if.as_ref().map(bound);
        for group in &mut rule.groups {
            group.deadband.iter_mut().for_each(|(t, _)| *t = tag(*t));
            for state in &mut group.states {
                state.when = bound(&state.when);
                state.clear = state.clear.as_ref().map(bound);
                state.delay = state.delay_by.take().map_or(state.delay, |place| values[place] as i64);
                state.hold = state.hold_by.take().map_or(state.hold, |place| values[place] as i64);
            }
        }
        rule
    }

    pub(crate) fn unknown_of<'r>(&'r self, group: &'r Group) -> &'r UnknownPolicy {
        group.unknown.as_ref().unwrap_or(&self.unknown)
    }
}
