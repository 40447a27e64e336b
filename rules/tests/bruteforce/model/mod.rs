//! What a case is made of: a world, rules, and a story.
//!
//! Here: the reference's own little model of them. Not here: how they are drawn, printed or judged.
//! Invariant: instants are ms after [`ZERO`]; tags, sources, machines and states are places in their lists.

mod expr;
mod rule;
mod story;
mod world;

pub(crate) use expr::Expr;
pub(crate) use rule::{Action, Group, Named, Param, Rule, Stale, State, UnknownPolicy};
pub(crate) use story::{Order, Point, Raw, Step, Subject, What};
pub(crate) use world::{Kind, Local, Machine, Name, Source, Tag, World};

/// The instant from which a case counts, ms since 1970.
pub(crate) const ZERO: i64 = 1_700_000_000_000;

/// Where `unknown` gives no time of its own, ms.
pub(crate) const UNKNOWN_AFTER: i64 = 60_000;

/// One run of engine and reference.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) world: World,
    /// The versions of the rules: the first is in force at the start.
    pub(crate) rules: Vec<Vec<Rule>>,
    pub(crate) story: Vec<Step>,
}
