//! A rule on a machine, as people see it: its state, why it is so, what waits, who keeps it silent.
//!
//! Here: its shape. Not here: where it comes from (`picture`).
//! Invariant: fields are only ever added: the page is not all that reads them.

use std::collections::BTreeMap;

use proto::{Severity, Value};
use serde::Serialize;

/// A rule on a machine at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JudgedView {
    /// The rule.
    pub rule: String,
    /// The machine.
    pub machine: String,
    /// The state it is in.
    pub state: String,
    /// How much that matters.
    pub severity: Severity,
    /// Event time at which it was entered; none before it began.
    pub since: Option<i64>,
    /// Its scope, by its place.
    pub scope: usize,
    /// The condition that holds the state.
    pub expression: Option<String>,
    /// The tags of that condition as they are now.
    pub inputs: Vec<InputView>,
    /// The rule's text by language, while a condition holds the state.
    pub text: BTreeMap<String, String>,
    /// What its groups say.
    pub votes: Vec<VoteView>,
    /// States that wait for their delay.
    pub pending: Vec<PendingView>,
    /// States that stay until somebody resets them.
    pub latched: Vec<LatchedView>,
    /// Whether the gate `suppress_if` keeps it silent.
    pub suppressed: bool,
    /// Who shelved it.
    pub shelved: Option<ShelfView>,
    /// Who took it out of service.
    pub out_of_service: Option<ShelfView>,
}

/// A tag of a condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InputView {
    /// Its name.
    pub tag: String,
    /// Its value; null when there is none.
    pub value: Value<'static>,
    /// The name of that code, or of the bits that are set.
    pub meaning: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// Why there is no value.
    pub reason: Option<String>,
}

/// What a group says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VoteView {
    /// The group.
    pub group: Option<String>,
    /// The state; none: it abstains.
    pub state: Option<String>,
    /// What the vote weighs.
    pub weight: u32,
    /// Whether it decided.
    pub wins: bool,
}

/// A state that waits for its delay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PendingView {
    /// The state.
    pub state: String,
    /// Time counted so far, ms.
    pub done_ms: i64,
    /// The delay, ms.
    pub of_ms: i64,
    /// The condition is Unknown: the time stands still.
    pub paused: bool,
    /// The state holds no longer, and its off-delay runs.
    pub leaving: bool,
}

/// A state that stays until somebody resets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LatchedView {
    /// The state.
    pub state: String,
    /// Its condition does not hold any more, or cannot be known: it can be reset.
    pub resettable: bool,
}

/// Who keeps a rule silent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShelfView {
    /// Who.
    pub who: String,
    /// Why.
    pub why: String,
    /// Event time at which it ends; none: when it is taken back, or when the state is normal again.
    pub until: Option<i64>,
    /// It ends when the state is normal again.
    pub once: bool,
}
