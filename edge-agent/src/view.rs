//! What people look at: a picture of the agent, at most four times a second.
//!
//! Here: what is in the picture. Not here: taking it (`core`), showing it (`web`).
//! Invariant: it is a copy; looking at it never holds up anything.

use serde::Serialize;

/// The agent at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// When it was taken: processing time, ms since 1970 UTC.
    pub at: i64,
    /// Datapoints of tags since the start.
    pub datapoints: u64,
    /// Of these, late.
    pub late: u64,
    /// Instances of rules.
    pub instances: usize,
    /// The sources, in the order of the configuration.
    pub sources: Vec<SourceView>,
}

/// A source at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceView {
    /// `sourceId`.
    pub id: String,
    /// Whether it answers; none: not known yet.
    pub up: Option<bool>,
    /// Why it does not.
    pub reason: Option<String>,
}
