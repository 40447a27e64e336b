//! A test, played on an engine of its own.
//!
//! Here: the sources of the test, which say each second that they live; what the rule said, and whether that was
//! expected. Not here: what a test is made of (`read`).
//! Invariant: nothing but the test and the engine decides what comes out: no clock, no chance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proto::{Flags, Quality, Severity, Transition};

use super::{Expected, Sample, Step, Trial, What};
use crate::diagnose::Report;
use crate::engine::{Batch, Datapoint, Engine, Identity, Input, Options, Outputs, Subject};
use crate::inventory::{Inventory, SourceId, TagId};
use crate::ruleset::RuleSet;
use crate::time::Millis;
use crate::value::Unknown;

/// The instant at which every test begins, ms since 1970: Monday, 2024-01-01, 00:00 UTC.
const START: i64 = 1_704_067_200_000;
/// So often a source says that it lives, ms.
const HEARTBEAT: Millis = 1_000;

/// What the rule said.
#[derive(Debug)]
struct Said {
    at: Millis,
    state: String,
    severity: Severity,
    text: BTreeMap<String, String>,
}

/// A test while it runs.
struct Player<'t> {
    trial: &'t Trial,
    inventory: &'t Arc<Inventory>,
    engine: Engine,
    stored: BTreeMap<String, Vec<u8>>,
    /// What each tag was given last: a source that lives can tell it again.
    last: BTreeMap<TagId, Sample>,
    silent: BTreeSet<SourceId>,
    sequence: u64,
    said: Vec<Said>,
}

/// Plays a test; what does not come out as expected goes to the report.
pub(super) fn judge(report: &mut Report, inventory: &Arc<Inventory>, trial: &Trial) {
    let said = Player::new(trial, inventory).play();
    let told = told(&said);
    for expected in &trial.expected {
        let state = said.iter().rev().find(|s| s.at <= expected.at);
        for (message, label) in differences(state, expected) {
            let message = format!("test `{}` of `{}`: {message}", trial.name, trial.plan.rule.name.value);
            let place = (trial.file, expected.span.clone());
            report.error("T001", place, message, label).help = Some(told.clone());
        }
    }
    for said in unexpected(&said, trial) {
        let message = format!(
            "test `{}` of `{}`: at {} the rule goes to `{}`, which the test does not expect",
            trial.name,
            trial.plan.rule.name.value,
            shown(said.at),
            said.state
        );
        report.error("T002", (trial.file, trial.span.clone()), message, "not in its `expect`").help =
            Some(told.clone());
    }
}

fn differences(state: Option<&Said>, expected: &Expected) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let (name, severity) = state.map_or(("Unknown", Severity::Info), |s| (s.state.as_str(), s.severity));
    if name != expected.state {
        let message = format!("at {} the state is `{name}`", shown(expected.at));
        found.push((message, format!("`{}` is expected", expected.state)));
    } else if expected.severity.is_some_and(|wanted| wanted != severity) {
        let message = format!("at {} the severity of `{name}` is {severity:?}", shown(expected.at));
        found.push((message.to_lowercase(), "another one is expected".into()));
    }
    for (language, wanted) in &expected.text {
        let text = state.and_then(|s| s.text.get(language)).map_or("", String::as_str);
        if text != wanted {
            let message = format!("at {} the text ({language}) is `{text}`", shown(expected.at));
            found.push((message, format!("`{wanted}` is expected")));
        }
    }
    found
}

/// What the rule entered though nobody expected it. How it begins may be left out.
fn unexpected<'s>(said: &'s [Said], trial: &'s Trial) -> impl Iterator<Item = &'s Said> {
    let listed = |s: &Said| trial.expected.iter().any(|e| e.at == s.at && e.state == s.state);
    said.iter().enumerate().filter(move |(i, s)| *i > 0 && !listed(s)).map(|(_, s)| s)
}

fn told(said: &[Said]) -> String {
    let steps: Vec<String> = said.iter().map(|s| format!("{} {}", shown(s.at), s.state)).collect();
    if steps.is_empty() { "the rule said nothing".into() } else { format!("it went: {}", steps.join(", ")) }
}

/// An instant of a test as its file writes it.
fn shown(at: Millis) -> String {
    match at {
        _ if at % 3_600_000 == 0 && at > 0 => format!("{} h", at / 3_600_000),
        _ if at % 60_000 == 0 && at > 0 => format!("{} min", at / 60_000),
        _ if at % 1_000 == 0 => format!("{} s", at / 1_000),
        _ => format!("{at} ms"),
    }
}

impl<'t> Player<'t> {
    fn new(trial: &'t Trial, inventory: &'t Arc<Inventory>) -> Self {
        let stored = BTreeMap::new();
        let engine = engine(trial, inventory, 0, &stored);
        let (last, silent) = (BTreeMap::new(), BTreeSet::new());
        Self { trial, inventory, engine, stored, last, silent, sequence: 0, said: Vec::new() }
    }

    fn play(mut self) -> Vec<Said> {
        let trial = self.trial;
        let mut now = 0;
        for step in &trial.steps {
            now = self.live(now, step.at);
            now = self.take(step, now);
        }
        let end = trial.expected.iter().map(|e| e.at).max().unwrap_or(0).max(now);
        // A silent source holds event time back for so long.
        let patience = self.inventory.sources().map(|(_, s)| s.idle_timeout + s.max_lag.unwrap_or(0)).max();
        self.live(now, end + patience.unwrap_or(0) + 2 * HEARTBEAT);
        self.said.retain(|s| s.at <= end);
        self.said
    }

    /// Lets time pass up to an instant, which is not handled yet.
    fn live(&mut self, from: Millis, until: Millis) -> Millis {
        let mut now = from;
        while now < until {
            self.deliver(now, &[]);
            now = (now - now % HEARTBEAT + HEARTBEAT).min(until);
        }
        now
    }

    fn take(&mut self, step: &Step, now: Millis) -> Millis {
        match &step.what {
            What::Given(samples) => {
                self.last.extend(samples.iter().cloned());
                let heard = samples.iter().map(|(tag, _)| self.inventory.tag(*tag).source);
                let heard: Vec<SourceId> = heard.collect();
                self.silent.retain(|source| !heard.contains(source));
                self.deliver_values(now, samples);
                now
            }
            What::Silent(sources) => {
                self.deliver(now, &[]);
                self.silent.extend(sources);
                now
            }
            What::Restart(gap) => {
                self.deliver(now, &[]);
                self.restart(now + gap);
                now + gap
            }
        }
    }

    /// The values of an instant; time does not pass it before all of its steps were taken.
    fn deliver_values(&mut self, now: Millis, samples: &[(TagId, Sample)]) {
        for source in self.trial.plan.sources.clone() {
            let of_source = samples.iter().filter(|(tag, _)| self.inventory.tag(*tag).source == source);
            let batch: Vec<Datapoint> =
                of_source.map(|(tag, sample)| self.datapoint(now, *tag, sample)).collect();
            if !batch.is_empty() {
                self.step(Input::Datapoints(Batch { source, datapoints: batch }), now);
            }
        }
    }

    /// Every source that is not silent says that it lives, after the values that it is to tell.
    fn deliver(&mut self, now: Millis, samples: &[(TagId, Sample)]) {
        self.deliver_values(now, samples);
        for source in self.trial.plan.sources.clone() {
            if self.silent.contains(&source) {
                continue;
            }
            let heartbeat = self.heartbeat(now);
            self.step(Input::Datapoints(Batch { source, datapoints: vec![heartbeat] }), now);
        }
        self.step(Input::Clock, now);
    }

    fn heartbeat(&mut self, now: Millis) -> Datapoint {
        self.sequence += 1;
        Datapoint {
            subject: Subject::Heartbeat,
            timestamp: START + now,
            value: Err(Unknown::NeverSeen),
            quality: Quality::Ok,
            flags: Flags::WMK,
            sequence: self.sequence,
        }
    }

    fn datapoint(&mut self, now: Millis, tag: TagId, sample: &Sample) -> Datapoint {
        self.sequence += 1;
        Datapoint {
            subject: Subject::Tag(tag),
            timestamp: START + now,
            value: sample.value.clone(),
            quality: sample.quality,
            flags: Flags::NONE,
            sequence: self.sequence,
        }
    }

    fn step(&mut self, input: Input, now: Millis) {
        let outputs = self.engine.step(input, START + now);
        self.keep(outputs);
    }

    fn keep(&mut self, outputs: Outputs) {
        self.stored.extend(outputs.states);
        self.said.extend(outputs.transitions.into_iter().map(Said::of));
    }

    /// The agent is off, then starts with what it had stored, and its sources tell it all they know.
    fn restart(&mut self, now: Millis) {
        self.stored.extend(self.engine.unsaved());
        self.engine = engine(self.trial, self.inventory, now, &self.stored);
        let silent = |tag: &TagId| self.silent.contains(&self.inventory.tag(*tag).source);
        let known: Vec<(TagId, Sample)> =
            self.last.iter().filter(|(tag, _)| !silent(tag)).map(|(tag, s)| (*tag, s.clone())).collect();
        self.deliver_values(now, &known);
    }
}

impl Said {
    fn of(transition: Transition) -> Self {
        Self {
            at: transition.timestamp - START,
            state: transition.to,
            severity: transition.severity,
            text: transition.text,
        }
    }
}

/// An engine with the one rule on the one machine.
fn engine(
    trial: &Trial,
    inventory: &Arc<Inventory>,
    now: Millis,
    stored: &BTreeMap<String, Vec<u8>>,
) -> Engine {
    let rules = RuleSet { plans: vec![Arc::clone(&trial.plan)], rules: 1 };
    let identity = Identity { agent_id: "test".into(), incarnation: "0".repeat(16), site: None };
    Engine::new(Arc::clone(inventory), &rules, identity, Options::default(), START + now, stored).0
}
