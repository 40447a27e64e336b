//! What there is: machines, sources, tags, and how the engine is to go about them.
//!
//! Here: that. Not here: what is said of it in rules (`rule`), what happens to it (`story`).
//! Invariant: every machine has a tag of each name: the tags of machine `m` stand one after the other, from the place
//! `m` × the number of names on.

use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) machines: Vec<Machine>,
    pub(crate) sources: Vec<Source>,
    /// The names of the tags, the same on each machine.
    pub(crate) names: Vec<Name>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) drop_late: bool,
    pub(crate) global: bool,
    /// A source counts from its first datapoint.
    pub(crate) seen: bool,
    /// How many datapoints may wait.
    pub(crate) waiting_max: Option<usize>,
    /// The processing time at which the agent starts.
    pub(crate) start: i64,
    /// The engine is looked at whenever it wants to be.
    pub(crate) punctual: bool,
    /// Much of what comes is of bad quality, or no value at all.
    pub(crate) noisy: bool,
    /// Where `hour()` and `weekday()` are.
    pub(crate) zone: Option<Local>,
}

#[derive(Debug, Clone)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) line: String,
    pub(crate) class: String,
    /// Its own values of parameters.
    pub(crate) params: BTreeMap<String, f64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) idle: i64,
    pub(crate) disorder: i64,
    pub(crate) max_lag: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
}

#[derive(Debug, Clone)]
pub(crate) struct Name {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// It counts up, and wraps at so many bits.
    pub(crate) counter: Option<u32>,
}

#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) source: usize,
    pub(crate) range: Option<(f64, f64)>,
}

/// A zone with two offsets to UTC, and the instant at which the first gives way to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Local {
    pub(crate) name: &'static str,
    pub(crate) before: i64,
    pub(crate) after: i64,
    /// ms since 1970.
    pub(crate) turn: i64,
}

impl World {
    /// The kind of a tag, be it meant on the machine of a rule or on another one.
    pub(crate) fn kind(&self, tag: usize) -> Kind {
        self.name(tag).kind
    }

    pub(crate) fn name(&self, tag: usize) -> &Name {
        &self.names[tag % self.names.len()]
    }

    /// The machine of a tag.
    pub(crate) fn machine_of(&self, tag: usize) -> usize {
        tag / self.names.len()
    }
}
