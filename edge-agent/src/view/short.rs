//! Transitions in short, as people look at the last of them.
//!
//! Here: which of their fields. Not here: the transition itself (`proto`).
//! Invariant: what is shown is as it was told, word for word.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Severity, Transition};
use serde::{Serialize, Serializer};

/// A transition without what a person does not look at.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Short<'t> {
    rule: &'t str,
    machine: &'t str,
    sequence_number: u64,
    timestamp: i64,
    from: &'t str,
    to: &'t str,
    severity: Severity,
    cause: proto::Cause,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<&'t proto::Because>,
    flags: &'t [String],
    text: &'t BTreeMap<String, String>,
}

impl<'t> From<&'t Transition> for Short<'t> {
    fn from(t: &'t Transition) -> Self {
        Self {
            rule: &t.rule_id,
            machine: &t.equipment,
            sequence_number: t.sequence_number,
            timestamp: t.timestamp,
            from: &t.from,
            to: &t.to,
            severity: t.severity,
            cause: t.cause,
            because: t.because.as_ref(),
            flags: &t.flags,
            text: &t.text,
        }
    }
}

/// Writes transitions so.
pub(super) fn in_short<S: Serializer>(recent: &[Arc<Transition>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(recent.iter().map(|transition| Short::from(transition.as_ref())))
}
