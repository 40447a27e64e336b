//! `/view`: the agent as JSON, for the page and for whoever wants to build on it. Fields are only ever added.
//!
//! Here: core's picture with the outbox and the forwarder beside it. Not here: what is in core's picture (`view`).
//! Invariant: it is asked for, so an agent nobody looks at makes none.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use super::{Shown, core_is_silent};
use crate::forward::{self, Link};
use crate::outbox::{Counts, Tally};
use crate::view::View;

/// `/view`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Live<'a> {
    agent: &'a str,
    site: Option<&'a str>,
    program: &'static str,
    #[serde(flatten)]
    view: &'a View,
    /// Transitions since the outbox was made.
    transitions: u64,
    /// Transitions that the stream accepted.
    delivered: u64,
    /// Entries that wait in the outbox.
    waiting: u64,
    outbox: OutboxView,
    forward: ForwardView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct OutboxView {
    waiting: Tally,
    bytes: u64,
    bytes_max: u64,
    /// Since the outbox was made.
    delivered: Tally,
    /// Since the outbox was made.
    shed: Tally,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ForwardView {
    state: &'static str,
    reason: Option<String>,
}

pub(super) async fn view(State(shown): State<Shown>) -> Response {
    let Some(view) = shown.looker.look().await else { return core_is_silent() };
    let counts = shown.ledger.counts();
    Json(Live {
        agent: &shown.about.agent_id,
        site: shown.about.site.as_deref(),
        program: env!("CARGO_PKG_VERSION"),
        view: &view,
        transitions: counts.waiting.transitions + counts.delivered.transitions + counts.shed.transitions,
        delivered: counts.delivered.transitions,
        waiting: counts.waiting.total(),
        outbox: OutboxView::of(&counts, shown.about.outbox_bytes_max),
        forward: ForwardView::of(&shown.forward.borrow()),
    })
    .into_response()
}

impl OutboxView {
    fn of(counts: &Counts, bytes_max: u64) -> Self {
        let Counts { waiting, waiting_bytes, delivered, shed } = *counts;
        Self { waiting, bytes: waiting_bytes, bytes_max, delivered, shed }
    }
}

impl ForwardView {
    fn of(state: &forward::State) -> Self {
        let word = match state.link {
            Link::Untried => "untried",
            Link::Up => "up",
            Link::Throttled => "throttled",
            Link::Unreachable => "unreachable",
            Link::NoCredentials => "noCredentials",
            Link::Refused => "refused",
        };
        Self { state: word, reason: state.reason.clone() }
    }
}
