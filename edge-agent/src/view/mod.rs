//! What people look at: a picture of the agent, taken when somebody asks.
//!
//! ```text
//! web → ask → core: board + engine → View → web
//! ```
//! Nobody looks: nothing is made; core only notes the last value of each tag, the last transitions and a few
//! numbers. Somebody looks: core makes at most four pictures a second, each with at most [`TAGS_MAX`] tags (those
//! without a good value first), [`INSTANCES_MAX`] instances (those that matter most first) and [`RECENT_MAX`]
//! transitions, and says how many it left out. Measured in a debug build with 10,000 tags: under 10 ms.
//!
//! Here: what is in the picture; of a rule `judged` says it, of a transition `short`. How the picture is asked for stands
//! in `ask`, what core notes in `board`, how it is put together in `picture`. Not here: showing it (`web`).
//! Invariant: it is a copy; looking at it never holds up anything.

mod ask;
mod board;
mod judged;
mod picture;
mod short;

use std::sync::Arc;

use proto::{Quality, Severity, Transition, Value};
use serde::Serialize;

use self::short::in_short;

pub use ask::{Asked, Looker, Reply, ask};
pub use board::Board;
pub use judged::{InputView, JudgedView, LatchedView, PendingView, ShelfView, VoteView};

/// Tags in a picture: what a browser can take every second.
pub const TAGS_MAX: usize = 5_000;
/// Instances of rules in a picture.
pub const INSTANCES_MAX: usize = 2_000;
/// Transitions that are kept to look at.
pub const RECENT_MAX: usize = 200;
/// Mistakes of rule files that are kept to look at.
pub const MISTAKES_MAX: usize = 200;

/// The agent at one moment.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// When it was taken: processing time, ms since 1970 UTC.
    pub at: i64,
    /// When the agent was started, ms since 1970 UTC.
    pub started_at: i64,
    /// Datapoints of tags since the start.
    pub datapoints: u64,
    /// Of these, late.
    pub late: u64,
    /// Datapoints that no rule saw: late and dropped, or overtaken by a newer value.
    pub dropped: u64,
    /// Times the waiting room was full and a watermark was raised.
    pub raised: u64,
    /// Datapoints whose code the table of their tag does not list.
    pub unlisted: u64,
    /// Transitions since the start.
    pub changes: u64,
    /// Entries of the outbox that were lost since the start, as far as they could be counted.
    pub lost: u64,
    /// Nothing can be kept: the disk is full.
    pub disk_full: bool,
    /// Rules in force.
    pub rules: usize,
    /// Instances of rules.
    pub instances: usize,
    /// What is wrong in rule files.
    pub mistakes: Vec<MistakeView>,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceView>,
    /// The scopes.
    pub scopes: Vec<ScopeView>,
    /// The machines, in the order of the configuration.
    pub machines: Vec<MachineView>,
    /// Instances of rules, those that matter most first.
    pub judged: Vec<JudgedView>,
    /// Instances that are not in the picture.
    pub judged_left_out: usize,
    /// Tags, in the order of the configuration.
    pub tags: Vec<TagView>,
    /// Tags that are not in the picture.
    pub tags_left_out: usize,
    /// The last transitions, the newest first.
    #[serde(serialize_with = "in_short")]
    pub recent: Vec<Arc<Transition>>,
}

/// A mistake in a rule file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MistakeView {
    /// Whether the rule is not in force because of it; else it is a warning.
    pub is_error: bool,
    /// `file:line:column: message (label; help)`.
    pub text: String,
}

/// A source at one moment.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceView {
    /// `sourceId`.
    pub id: String,
    /// Whether it answers; none: not known yet.
    pub up: Option<bool>,
    /// Why it does not.
    pub reason: Option<String>,
    /// Since when it has been so, processing time.
    pub since: Option<i64>,
    /// When it was heard last, processing time.
    pub heard_at: Option<i64>,
    /// How long its last scan took, ms; none where there are no scans.
    pub scan_ms: Option<f64>,
    /// How far its clock is behind ours, ms; none when the agent assigns the time.
    pub clock_offset_ms: Option<i64>,
    /// Number of its tags.
    pub tags: usize,
    /// How many of them have no good value.
    pub bad: usize,
    /// Datapoints of its tags since the start.
    pub datapoints: u64,
    /// Of these, late.
    pub late: u64,
}

/// Sources that share a watermark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScopeView {
    /// Their ids.
    pub sources: Vec<String>,
    /// Event time that is complete.
    pub watermark: Option<i64>,
    /// How far that is behind processing time, ms.
    pub lag_ms: Option<i64>,
    /// The source it waits for; none: it follows the clock.
    pub held_by: Option<String>,
    /// Datapoints that wait for it.
    pub waiting: usize,
    /// Number of its instances.
    pub instances: usize,
}

/// A machine at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineView {
    /// Its name.
    pub name: String,
    /// Its line.
    pub line: Option<String>,
    /// The worst severity of its rules that are not silent.
    pub worst: Severity,
    /// How many of its rules are of severity warning and above, and not silent.
    pub wrong: usize,
    /// How many of its rules are of severity warning and above, but suppressed, shelved or out of service.
    pub silenced: usize,
    /// How many of its rules cannot be judged.
    pub unknown: usize,
    /// Number of its rules.
    pub instances: usize,
    /// How many of its tags have no good value.
    pub bad: usize,
}

/// A tag at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TagView {
    /// Its machine.
    pub machine: String,
    /// Its name.
    pub name: String,
    /// Its source.
    pub source: String,
    /// Its value; null when there is none.
    pub value: Value<'static>,
    /// The name of that code, or of the bits that are set.
    pub meaning: Option<String>,
    /// Its unit.
    pub unit: Option<String>,
    /// How far it may be trusted; none before it was heard.
    pub quality: Option<Quality>,
    /// Event time of its last datapoint.
    pub timestamp: Option<i64>,
    /// Why there is no value.
    pub reason: Option<String>,
}
