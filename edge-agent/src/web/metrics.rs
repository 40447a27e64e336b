//! `/metrics`: the agent's numbers for Prometheus and what reads its format.
//!
//! Here: which numbers, under which names. Not here: the format (`exposition`).
//! Invariant: names are only ever added; labels are names of the configuration, never a value of a PLC, so the
//! number of series is that of sources, scopes and machines.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use proto::Severity;

use super::exposition::{Exposition, MEDIA_TYPE};
use super::{Shown, core_is_silent};
use crate::forward::{self, Link};
use crate::outbox::{Counts, Tally};
use crate::view::{MachineView, ScopeView, SourceView, View};

pub(super) async fn metrics(State(shown): State<Shown>) -> Response {
    let Some(view) = shown.looker.look().await else { return core_is_silent() };
    let mut text = Exposition::default();
    agent(&mut text, &shown, &view);
    datapoints(&mut text, &view);
    sources(&mut text, &view.sources);
    judging(&mut text, &view);
    scopes(&mut text, &view.scopes);
    machines(&mut text, &view.machines);
    outbox(&mut text, &shown.ledger.counts(), shown.about.outbox_bytes_max, &view);
    forwarder(&mut text, &shown.forward.borrow());
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], text.into_text()).into_response()
}

fn agent(text: &mut Exposition, shown: &Shown, view: &View) {
    let labels = [
        ("agent_id", &*shown.about.agent_id),
        ("site", shown.about.site.as_deref().unwrap_or_default()),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    text.gauge("plimsoll_agent_info", "Which agent this is.").sample(&labels, 1.0);
    let (started, now) = (seconds(view.started_at), seconds(view.at));
    text.gauge("plimsoll_start_time_seconds", "When the agent was started, seconds since 1970.").is(started);
    text.gauge("plimsoll_time_seconds", "The agent's clock, seconds since 1970.").is(now);
    if let Some(bytes) = resident_bytes() {
        text.gauge("process_resident_memory_bytes", "Memory that the process takes.").is(bytes);
    }
}

fn datapoints(text: &mut Exposition, view: &View) {
    let mut came = text.counter("plimsoll_datapoints", "Datapoints of tags that came.");
    for source in &view.sources {
        came.sample(&[("source", &source.id)], count(source.datapoints));
    }
    let mut late =
        text.counter("plimsoll_late_datapoints", "Datapoints that came after a watermark had passed them.");
    for source in &view.sources {
        late.sample(&[("source", &source.id)], count(source.late));
    }
    let help = "Datapoints that a scope did not apply: late and dropped, or overtaken by a newer value.";
    text.counter("plimsoll_dropped_datapoints", help).is(count(view.dropped));
    let help = "Datapoints of tags with named codes whose code their table does not list.";
    text.counter("plimsoll_unlisted_codes", help).is(count(view.unlisted));
    let help = "Times the waiting room was full and a watermark was raised.";
    text.counter("plimsoll_watermark_raises", help).is(count(view.raised));
}

fn sources(text: &mut Exposition, sources: &[SourceView]) {
    let mut each = |name, help, of: fn(&SourceView) -> Option<f64>| {
        let mut metric = text.gauge(name, help);
        for source in sources {
            if let Some(value) = of(source) {
                metric.sample(&[("source", &source.id)], value);
            }
        }
    };
    each("plimsoll_source_up", "1 while the source answers.", |s| Some(f64::from(s.up == Some(true))));
    let help = "How long the last scan of the source took.";
    each("plimsoll_source_scan_duration_seconds", help, |s| s.scan_ms.map(|ms| ms / 1e3));
    let help = "When the source was heard last, seconds since 1970.";
    each("plimsoll_source_heard_time_seconds", help, |s| s.heard_at.map(seconds));
    let help = "How far the source's clock is behind the agent's.";
    each("plimsoll_source_clock_offset_seconds", help, |s| s.clock_offset_ms.map(seconds));
    each("plimsoll_source_tags", "Tags of the source.", |s| Some(size(s.tags)));
    each("plimsoll_source_bad_tags", "Tags of the source without a good value.", |s| Some(size(s.bad)));
}

fn judging(text: &mut Exposition, view: &View) {
    text.gauge("plimsoll_rules", "Rules in force.").is(size(view.rules));
    text.gauge("plimsoll_rule_instances", "Rules in force, counted once for each machine.")
        .is(size(view.instances));
    let errors = view.mistakes.iter().filter(|m| m.is_error).count();
    text.gauge(
        "plimsoll_rule_mistakes",
        "Mistakes in rule files; one of level error puts its rule out of force.",
    )
    .sample(&[("level", "error")], size(errors))
    .sample(&[("level", "warning")], size(view.mistakes.len() - errors));
    text.counter("plimsoll_transitions", "Changes of a rule's state since the start.")
        .is(count(view.changes));
}

fn scopes(text: &mut Exposition, scopes: &[ScopeView]) {
    let help = "How far the watermark of sources that are judged together is behind the agent's clock.";
    let mut lag = text.gauge("plimsoll_watermark_lag_seconds", help);
    for scope in scopes {
        if let Some(lag_ms) = scope.lag_ms {
            lag.sample(&[("sources", &scope.sources.join(","))], seconds(lag_ms));
        }
    }
    let mut waiting = text.gauge("plimsoll_waiting_datapoints", "Datapoints that wait for a watermark.");
    for scope in scopes {
        waiting.sample(&[("sources", &scope.sources.join(","))], size(scope.waiting));
    }
}

fn machines(text: &mut Exposition, machines: &[MachineView]) {
    let help = "The worst state of a machine among its rules that are not silenced: 0 info, 1 warning, 2 alarm, 3 critical.";
    let mut worst = text.gauge("plimsoll_machine_severity", help);
    for machine in machines {
        let value = match machine.worst {
            Severity::Info => 0.0,
            Severity::Warning => 1.0,
            Severity::Alarm => 2.0,
            Severity::Critical => 3.0,
        };
        worst.sample(&[("machine", &machine.name)], value);
    }
    let help =
        "Rules of a machine in a state of warning or above that are suppressed, shelved or out of service.";
    let mut silenced = text.gauge("plimsoll_machine_silenced_rules", help);
    for machine in machines {
        silenced.sample(&[("machine", &machine.name)], size(machine.silenced));
    }
    let help = "Rules of a machine that cannot be judged because values are missing.";
    let mut unknown = text.gauge("plimsoll_machine_unknown_rules", help);
    for machine in machines {
        unknown.sample(&[("machine", &machine.name)], size(machine.unknown));
    }
}

fn outbox(text: &mut Exposition, counts: &Counts, bytes_max: u64, view: &View) {
    let Counts { waiting, waiting_bytes, delivered, shed } = *counts;
    let kinds = |tally: Tally| [("transition", tally.transitions), ("event", tally.events)];
    let mut entries = text.gauge("plimsoll_outbox_entries", "Entries that wait in the outbox.");
    for (kind, n) in kinds(waiting) {
        entries.sample(&[("kind", kind)], count(n));
    }
    text.gauge("plimsoll_outbox_bytes", "Bytes of the entries that wait.").is(count(waiting_bytes));
    text.gauge("plimsoll_outbox_limit_bytes", "Bytes at which the oldest entries are shed.")
        .is(count(bytes_max));
    let mut left = text.counter("plimsoll_outbox_delivered", "Entries that the stream accepted.");
    for (kind, n) in kinds(delivered) {
        left.sample(&[("kind", kind)], count(n));
    }
    let mut lost = text.counter("plimsoll_outbox_shed", "Entries that were shed at the limit.");
    for (kind, n) in kinds(shed) {
        lost.sample(&[("kind", kind)], count(n));
    }
    let help = "Entries lost since the start, shed ones among them, as far as they could be counted.";
    text.counter("plimsoll_outbox_lost", help).is(count(view.lost));
    let events = [waiting, delivered, shed].map(|tally| tally.events).iter().sum();
    text.counter("plimsoll_events", "Events that the agent has told since the outbox was made.")
        .is(count(events));
    let full = f64::from(view.disk_full);
    text.gauge("plimsoll_outbox_disk_full", "1 while nothing can be kept because the disk is full.").is(full);
}

fn forwarder(text: &mut Exposition, state: &forward::State) {
    // Untried is not down: nothing had to be sent yet.
    let up = f64::from(matches!(state.link, Link::Up | Link::Untried));
    text.gauge("plimsoll_forwarder_up", "1 while the stream takes what is sent to it.").is(up);
}

/// Memory of this process as the system counts it; none where the system does not say.
fn resident_bytes() -> Option<f64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u32 = statm.split(' ').nth(1)?.parse().ok()?;
    u32::try_from(rustix::param::page_size()).ok().map(|bytes| f64::from(pages) * f64::from(bytes))
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1e3
}

/// Exact up to 2^53, which no counter reaches.
fn count(n: u64) -> f64 {
    n as f64
}

fn size(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_takes_some_memory() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1e6));
    }

    #[test]
    fn a_source_that_was_never_heard_is_down_and_has_no_times() {
        let mut text = Exposition::default();
        sources(&mut text, &[SourceView { id: "plc".into(), tags: 3, bad: 3, ..SourceView::default() }]);
        let text = text.into_text();
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = ["_up{source=\"plc\"} 0", "_tags{source=\"plc\"} 3", "_bad_tags{source=\"plc\"} 3"];
        assert_eq!(samples, expected.map(|end| format!("plimsoll_source{end}")));
    }
}
