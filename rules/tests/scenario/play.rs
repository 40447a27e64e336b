//! Playing a story: what its lines say happens to an engine.
//!
//! Here: the engine, what is stored of it, and sequence numbers. Not here: reading lines (`story`), telling what
//! came of them (`tell`).
//! Invariant: what survives a restart is what the agent would have kept: the stored states and nothing else.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Flags, Quality};
use rules::diagnose::Report;
use rules::engine::{Batch, Datapoint, Engine, Identity, Input, Outputs, Subject};
use rules::inventory::{Inventory, SourceId, TagId};
use rules::ruleset::RuleSet;
use rules::value::{Unknown, admit};

use super::head::Head;
use super::story::{Event, Item};
use super::tell;

/// The zero of every story: an instant of this age, ms since 1970.
pub(super) const ZERO: i64 = 1_700_000_000_000;

/// A story that is being played.
pub(super) struct Play {
    name: String,
    inventory: Arc<Inventory>,
    head: Head,
    rules: BTreeMap<String, String>,
    engine: Engine,
    stored: BTreeMap<String, Vec<u8>>,
    sequences: BTreeMap<SourceId, u64>,
    /// The number of each transition, by its id.
    numbers: BTreeMap<String, u64>,
}

impl Play {
    pub(super) fn begin(name: &str, head: Head, rules: BTreeMap<String, String>) -> Self {
        let inventory = Arc::new(head.inventory.clone());
        let (stored, sequences) = (BTreeMap::new(), BTreeMap::new());
        let set = loaded(name, &inventory, &rules, "");
        let start = ZERO + head.start;
        let (engine, _) =
            Engine::new(Arc::clone(&inventory), &set, identity(), head.options.clone(), start, &stored);
        let (name, numbers) = (name.to_owned(), BTreeMap::new());
        Self { name, inventory, head, rules, engine, stored, sequences, numbers }
    }

    /// Does what a line says, and tells what came of it.
    pub(super) fn line(&mut self, line: &str) -> Vec<String> {
        let Some(event) = Event::read(line) else { return Vec::new() };
        match event {
            Event::Deliver { at, sources, items, wmk } => {
                let sources: Vec<SourceId> = sources.iter().map(|s| self.source(s)).collect();
                let each = at.iter().flat_map(|at| sources.iter().map(move |source| (*at, *source)));
                each.flat_map(|(at, source)| self.deliver(at, source, &items, wmk)).collect()
            }
            Event::Clock { at } => at.into_iter().flat_map(|at| self.step(Input::Clock, at)).collect(),
            Event::Restart { at, in_order, rules } => self.restart(at, in_order, &rules),
            Event::Reload { at, rules } => {
                let set = loaded(&self.name, &self.inventory, &self.rules, &rules);
                self.step(Input::Rules(set), at)
            }
            Event::Epoch { at } => self.step(Input::Epoch, at),
            Event::Operator { at, command } => self.step(Input::Operator(command), at),
            Event::Store => {
                self.stored.extend(self.engine.unsaved());
                Vec::new()
            }
            Event::Damage { key } => {
                self.stored.insert(key, b"\x02{\"wat".to_vec());
                Vec::new()
            }
            Event::End => {
                let outputs = self.engine.finish();
                self.take(outputs)
            }
            Event::Watermarks => tell::watermarks(&self.engine, &self.inventory),
            Event::Deadline => vec![tell::deadline(&self.engine)],
            Event::Counts => vec![tell::counts(&self.engine)],
        }
    }

    fn restart(&mut self, at: i64, in_order: bool, rules: &str) -> Vec<String> {
        if in_order {
            self.stored.extend(self.engine.unsaved());
        }
        let set = loaded(&self.name, &self.inventory, &self.rules, rules);
        let inventory = Arc::clone(&self.inventory);
        let (engine, resumed) =
            Engine::new(inventory, &set, identity(), self.head.options.clone(), ZERO + at, &self.stored);
        self.engine = engine;
        tell::resumed(&resumed)
    }

    fn deliver(&mut self, at: i64, source: SourceId, items: &[Item], wmk: bool) -> Vec<String> {
        let mut datapoints: Vec<Datapoint> = items.iter().map(|i| self.datapoint(at, source, i)).collect();
        if wmk && let Some(last) = datapoints.last_mut() {
            last.flags = last.flags.with(Flags::WMK);
        }
        self.step(Input::Datapoints(Batch { source, datapoints }), at)
    }

    fn step(&mut self, input: Input, at: i64) -> Vec<String> {
        let outputs = self.engine.step(input, ZERO + at);
        self.take(outputs)
    }

    fn datapoint(&mut self, at: i64, source: SourceId, item: &Item) -> Datapoint {
        let next = self.sequences.entry(source).or_default();
        *next += 1;
        let sequence = item.sequence.unwrap_or(*next);
        let timestamp = ZERO + item.timestamp.unwrap_or(at);
        let own = |subject| Datapoint {
            subject,
            timestamp,
            value: Err(Unknown::NeverSeen),
            quality: Quality::Ok,
            flags: Flags::WMK,
            sequence,
        };
        match (item.name.as_str(), item.value.as_deref()) {
            ("$heartbeat", None) => own(Subject::Heartbeat),
            ("$connected", Some(connected)) => own(Subject::Connected(connected.parse().unwrap())),
            (name, Some(value)) => {
                let tag = self.tag(name);
                let declared = self.inventory.tag(tag);
                let (value, quality) = read(value, item.uncertain);
                let value = admit(declared.kind, declared.range, &value, quality);
                let flags = Flags::NONE;
                Datapoint { subject: Subject::Tag(tag), timestamp, value, quality, flags, sequence }
            }
            (name, None) => panic!("{}: what of {name}?", self.name),
        }
    }

    fn take(&mut self, outputs: Outputs) -> Vec<String> {
        self.stored.extend(outputs.states);
        let number = |t: &proto::Transition| (t.id.clone(), t.sequence_number);
        self.numbers.extend(outputs.transitions.iter().map(number));
        let notifications = outputs.notifications.iter();
        let notified =
            notifications.map(|n| tell::notification(n, self.numbers.get(&n.transition_id).copied()));
        let transitions = outputs.transitions.iter().map(tell::transition);
        let events = outputs.events.iter().map(tell::event);
        let refused = outputs.refused.iter().map(|why| format!("refused: {why}"));
        transitions.chain(notified).chain(events).chain(refused).collect()
    }

    fn source(&self, id: &str) -> SourceId {
        let found = self.inventory.sources().find(|(_, s)| s.id == id);
        found.unwrap_or_else(|| panic!("{}: there is no source {id}", self.name)).0
    }

    fn tag(&self, name: &str) -> TagId {
        let named = |machine: &str, tag: &str| tag == name || format!("{machine}.{tag}") == name;
        let mut found =
            self.inventory.tags().filter(|(_, t)| named(&self.inventory.machine(t.machine).name, &t.name));
        match (found.next(), found.next()) {
            (Some((tag, _)), None) => tag,
            _ => panic!("{}: there is no tag {name}, or more than one", self.name),
        }
    }
}

fn loaded(name: &str, inventory: &Inventory, rules: &BTreeMap<String, String>, version: &str) -> RuleSet {
    let text = rules.get(version).unwrap_or_else(|| panic!("{name}: there is no `--- rules {version}`"));
    let mut report = Report::default();
    let file = report.add_file(format!("{name}: rules {version}"), text.as_str());
    let set = RuleSet::load(&mut report, &[file], inventory);
    let mistakes: Vec<String> = report.lines().collect();
    assert_eq!(report.errors(), 0, "{mistakes:#?}");
    set
}

fn identity() -> Identity {
    Identity { agent_id: "ipc-l3".into(), incarnation: "00000000000000ff".into(), site: None }
}

fn read(text: &str, uncertain: bool) -> (proto::Value<'static>, Quality) {
    let quality = if uncertain { Quality::Uncertain } else { Quality::Ok };
    let value = match text {
        "Bad" => return (proto::Value::Null, Quality::Bad),
        "true" | "false" => proto::Value::Bool(text == "true"),
        "NaN" => proto::Value::Float(f64::NAN),
        _ if text.starts_with('\'') => proto::Value::Text(text.trim_matches('\'').to_owned().into()),
        _ => match text.parse() {
            Ok(int) => proto::Value::Int(int),
            Err(_) => proto::Value::Float(text.parse().unwrap_or_else(|_| panic!("what value is {text}?"))),
        },
    };
    (value, quality)
}
