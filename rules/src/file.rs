//! Rules as their files have them, as far as a file alone can be checked.
//!
//! Here: what a rule, a group and a state are made of. How they are read from TOML stands in `read`. Not here:
//! which machines a rule is for (`ruleset`), whether they have its tags (`bind`).
//! Invariant: a rule with a mistake is no rule at all; every key is either understood or reported.

mod apart;
mod canon;
mod condition;
mod group;
mod keys;
mod note;
mod read;
mod selector;
mod sense;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use proto::Severity;

use crate::diagnose::FileId;
use crate::document::{Placed, Table};
use crate::expr::Expr;
use crate::text::Template;
use crate::time::Millis;
use crate::value::Constant;

pub(crate) use canon::hash;
pub(crate) use condition::report_mistake;
pub use note::Note;
pub use read::rules;
pub(crate) use sense::{among, equal_weights};

/// The share of a window that must be known where the rule gives none (§5).
const COVERAGE: f64 = 0.8;
/// How long an undecided group keeps its last vote (§7.2), ms.
const UNKNOWN_AFTER: Millis = 60_000;

/// What a file holds.
#[derive(Debug, Default)]
pub struct FileRules {
    /// The rules without a mistake.
    pub rules: Vec<Rule>,
    /// Names of the others.
    pub mistaken: Vec<Placed<String>>,
    /// Of these, what could be read: never in force, but the rest of their mistakes is looked for.
    pub drafts: Vec<Rule>,
    /// Rules of a file that is not TOML, as far as that is not where they stand; never in force, like drafts.
    pub apart: Vec<Rule>,
    /// Whether the file as a whole could be read; if not, nobody knows which rules it holds.
    pub parsed: bool,
}

/// A rule as its file has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// `ruleId`.
    pub name: Placed<String>,
    /// The file it stands in.
    pub file: FileId,
    /// The machines it is for.
    pub on: Selector,
    /// The state when all groups abstain.
    pub default: String,
    /// What that state weighs.
    pub default_weight: u32,
    /// When a value that is not renewed stops to count.
    pub stale_after: StaleAfter,
    /// In the order of the file; a rule without groups has one without a name.
    pub groups: Vec<Group>,
    /// How long a gate that is Unknown keeps its last value, ms.
    pub unknown_after: Millis,
    /// Parameters by name, with the values that the file gives.
    pub params: BTreeMap<String, Param>,
    /// Expressions with a name of their own, in the order of the file.
    pub defines: Vec<Define>,
    /// While it is false the instance is `Inactive`.
    pub active_if: Option<Condition>,
    /// While it is true the instance is judged, but nobody is told.
    pub suppress_if: Option<Condition>,
    /// What is done when states are entered.
    pub actions: Vec<Action>,
    /// The name that the rule had before: its state is carried over.
    pub renamed_from: Option<Placed<String>>,
    /// The share of a window that must be known (§5), 0 to 1.
    pub coverage: f64,
    /// Tests, in the order of the file.
    pub tests: Vec<Test>,
    /// Texts by language.
    pub text: BTreeMap<String, (Template, Range<usize>)>,
    /// What a person should know who meets one of its states.
    pub note: Note,
    /// SHA-256 of the canonical form, hexadecimal.
    pub hash: String,
    /// Of a rule with a mistake, the names that it may have meant to declare; none: it has none.
    pub hidden: Option<BTreeSet<String>>,
}

/// A parameter of a rule: a value that differs from machine to machine (`params` says which one counts).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Param {
    /// The value where nothing else is given; none: every machine must have its own.
    pub default: Option<Constant>,
    /// The unit in which values without one are meant; the values here have it already.
    pub unit: Option<String>,
    /// Values by class.
    pub classes: Vec<(String, Constant)>,
    /// Values by line.
    pub lines: Vec<(String, Constant)>,
    /// Values by the machine's name.
    pub machines: Vec<(String, Constant)>,
    /// Values from CSV files, by a pattern of the machine's name.
    pub limits: Vec<(String, Constant)>,
    /// The classes, lines and machines that the file gives values for: what each is, and its name.
    pub keys: Vec<(&'static str, Placed<String>)>,
    /// Where it stands.
    pub span: Range<usize>,
}

/// An expression with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Define {
    /// The name.
    pub name: Placed<String>,
    /// What it stands for.
    pub condition: Condition,
}

/// What is done when a state is entered, and again while it lasts.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// States; empty: every one of severity warning and above.
    pub to: Vec<Placed<String>>,
    /// The target, by the name it has in the agent's configuration.
    pub notify: Placed<String>,
    /// Again after so long while the state lasts, ms.
    pub repeat: Option<Millis>,
}

impl Rule {
    /// The names of all states that the rule can be in, those that the engine gives by itself not among them.
    pub(crate) fn state_names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.default.as_str()).chain(self.groups.iter().flat_map(Group::names))
    }

    /// The rule with these groups, as it is judged on one machine: its tests stay behind, and of its parameters all but
    /// their names.
    pub(crate) fn with_groups(&self, groups: Vec<Group>) -> Self {
        Self {
            name: self.name.clone(),
            file: self.file,
            on: self.on.clone(),
            default: self.default.clone(),
            default_weight: self.default_weight,
            stale_after: self.stale_after,
            groups,
            unknown_after: self.unknown_after,
            params: self.params.keys().map(|name| (name.clone(), Param::default())).collect(),
            defines: self.defines.clone(),
            active_if: self.active_if.clone(),
            suppress_if: self.suppress_if.clone(),
            actions: self.actions.clone(),
            renamed_from: self.renamed_from.clone(),
            coverage: self.coverage,
            tests: Vec::new(),
            text: self.text.clone(),
            note: self.note.clone(),
            hash: self.hash.clone(),
            hidden: self.hidden.clone(),
        }
    }
}

/// A test that stands in the rule file.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    /// Its table, as it stands in the file.
    pub table: Table,
}

/// Which machines a rule is for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selector {
    /// Patterns of names, with `*` and `?`; empty: any.
    pub names: Vec<String>,
    /// Lines; empty: any.
    pub lines: Vec<String>,
    /// Classes; empty: any.
    pub classes: Vec<String>,
    /// Where it stands.
    pub span: Range<usize>,
}

/// When a value that is not renewed stops to count (§4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaleAfter {
    /// The source's idle timeout after its last frontier.
    IdleTimeout,
    /// So long after the tag was renewed or the source confirmed it, ms.
    After(Millis),
    /// A value holds for ever.
    Never,
}

/// Conditions that describe one aspect.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// None in a rule without groups.
    pub name: Option<String>,
    /// States, the more important first.
    pub states: Vec<State>,
    /// The state when none of the states holds; without it the group abstains.
    pub otherwise: Option<Named>,
    /// What it says when it cannot know.
    pub unknown: OnUnknown,
    /// How far a tag must go back before a state is left, by the tag's name.
    pub deadband: BTreeMap<String, Placed<Constant>>,
}

impl Group {
    /// The names that it can vote for.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let unknown = match &self.unknown {
            OnUnknown::State(_, named) => Some(named),
            _ => None,
        };
        let named = self.states.iter().map(|s| &s.named);
        named.chain(&self.otherwise).chain(unknown).map(|n| n.name.as_str())
    }
}

/// A state with its condition.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Its name, weight and severity.
    pub named: Named,
    /// The condition.
    pub when: Condition,
    /// The condition that leaves it; none: that `when` is false, made harder by the deadband.
    pub clear: Option<Condition>,
    /// On-delay, ms.
    pub delay: Millis,
    /// The parameter that gives it instead (`delays`).
    pub delay_by: Option<Placed<String>>,
    /// Off-delay, ms.
    pub hold: Millis,
    /// The parameter that gives it instead.
    pub hold_by: Option<Placed<String>>,
    /// It stays On until it is reset.
    pub latch: bool,
}

/// A name that a group can vote for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The state's name.
    pub name: String,
    /// What the vote weighs.
    pub weight: u32,
    /// How much the state matters.
    pub severity: Severity,
}

/// A condition as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The text.
    pub text: String,
    /// Where the literal stands.
    pub span: Range<usize>,
    /// The tree.
    pub expr: Expr,
}

/// What a group says when it cannot know (§7.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnUnknown {
    /// After that many ms it votes for `Unknown`.
    Vote(Millis),
    /// After that many ms it votes for this state.
    State(Millis, Named),
    /// After that many ms it abstains.
    Abstain(Millis),
    /// An Unknown condition counts as false, at once.
    AsFalse,
}

impl OnUnknown {
    /// How long the last vote is kept, ms. As-false keeps it only after a restart, for tags not heard yet.
    #[must_use]
    pub fn after(&self) -> Millis {
        match self {
            OnUnknown::Vote(after) | OnUnknown::State(after, _) | OnUnknown::Abstain(after) => *after,
            OnUnknown::AsFalse => UNKNOWN_AFTER,
        }
    }
}

/// Whether a name may become part of a key or a path.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

#[cfg(test)]
mod tests;
