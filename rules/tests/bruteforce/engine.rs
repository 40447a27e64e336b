//! The same case, run by the engine.
//!
//! Here: inventory, inputs and rule text as the engine takes them. Not here: what it should say.
//! Invariant: between stops the engine gets nothing back but what it gave to be stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Flags, Quality, Transition};
use rules::diagnose::Report;
use rules::engine::{
    Batch, Datapoint, Engine, Identity, Input, Late, Options, Outputs, Reach, Subject as Named,
};
use rules::inventory::{Inventory, Machine, Source, SourceId, Tag, TagId};
use rules::ruleset::RuleSet;
use rules::value::{Type, Unknown, admit};

use super::instance::Told;
use super::model::{Case, Kind, Point, Raw, Step, Subject, What, World, ZERO};
use super::print;
use super::simulation::Sums;

struct Run {
    inventory: Arc<Inventory>,
    sets: Vec<RuleSet>,
    options: Options,
    engine: Engine,
    stored: BTreeMap<String, Vec<u8>>,
    told: Vec<Told>,
    sums: Sums,
}

/// What the engine says on a case. An error: it does not take the rules.
pub(crate) fn engine(case: &Case) -> Result<(Vec<Told>, Sums), String> {
    let inventory = Arc::new(inventory(&case.world));
    let sets: Result<Vec<RuleSet>, String> =
        case.rules.iter().map(|rules| loaded(&inventory, &print::rules(&case.world, rules))).collect();
    let sets = sets?;
    let options = Options {
        late: if case.world.drop_late { Late::Drop } else { Late::Apply },
        reach: if case.world.global { Reach::Global } else { Reach::Inputs },
        ..Options::default()
    };
    let stored = BTreeMap::new();
    let engine = Engine::new(Arc::clone(&inventory), &sets[0], identity(), options.clone(), ZERO, &stored).0;
    let mut run = Run { inventory, sets, options, engine, stored, told: Vec::new(), sums: Sums::default() };
    for step in &case.story {
        run.step(step);
    }
    run.sum();
    Ok((run.told, run.sums))
}

impl Run {
    fn step(&mut self, step: &Step) {
        let at = ZERO + step.at;
        match &step.what {
            What::Restart(version) => {
                self.stored.extend(self.engine.unsaved());
                self.sum();
                let inventory = Arc::clone(&self.inventory);
                let set = &self.sets[*version];
                self.engine =
                    Engine::new(inventory, set, identity(), self.options.clone(), at, &self.stored).0;
            }
            What::Epoch => self.input(Input::Epoch, at),
            What::Clock => self.input(Input::Clock, at),
            What::Deliver(source, points) => {
                let source = SourceId(*source as u32);
                let datapoints = points.iter().map(|point| self.datapoint(point)).collect();
                self.input(Input::Datapoints(Batch { source, datapoints }), at);
            }
        }
    }

    fn input(&mut self, input: Input, at: i64) {
        let Outputs { transitions, states, .. } = self.engine.step(input, at);
        self.stored.extend(states);
        self.told.extend(transitions.iter().map(told));
    }

    fn sum(&mut self) {
        let counts = self.engine.counts();
        self.sums.late += counts.late;
        self.sums.applied += counts.applied;
        self.sums.dropped += counts.dropped;
    }

    fn datapoint(&self, point: &Point) -> Datapoint {
        let flags = if point.wmk { Flags::WMK } else { Flags::NONE };
        let (subject, value, quality) = match &point.subject {
            Subject::Heartbeat => (Named::Heartbeat, Err(Unknown::NeverSeen), Quality::Ok),
            Subject::Connected(up) => (Named::Connected(*up), Err(Unknown::NeverSeen), Quality::Ok),
            Subject::Tag(tag, raw) => {
                let id = TagId(*tag as u32);
                let (value, quality) = match raw {
                    Raw::Bad => (proto::Value::Null, Quality::Bad),
                    Raw::Bool(b) => (proto::Value::Bool(*b), Quality::Ok),
                    Raw::Int(i) => (proto::Value::Int(*i), Quality::Ok),
                    Raw::Float(f) => (proto::Value::Float(*f), Quality::Ok),
                };
                let declared = self.inventory.tag(id);
                (Named::Tag(id), admit(declared.kind, declared.range, &value, quality), quality)
            }
        };
        let (timestamp, sequence) = (ZERO + point.timestamp, point.sequence);
        Datapoint { subject, timestamp, value, quality, flags, sequence }
    }
}

fn told(t: &Transition) -> Told {
    Told {
        timestamp: t.timestamp - ZERO,
        rule: t.rule_id.clone(),
        sequence: t.sequence_number,
        from: t.from.clone(),
        to: t.to.clone(),
        cause: t.cause,
        group: t.group.clone(),
        weight: t.weight,
        severity: t.severity,
        since: t.since - ZERO,
    }
}

pub(crate) fn inventory(world: &World) -> Inventory {
    let mut inventory = Inventory::default();
    let machine = Machine { name: "m".into(), id: "m".into(), ..Machine::default() };
    let machine = inventory.add_machine(machine);
    for source in &world.sources {
        inventory.add_source(Source {
            id: source.id.clone(),
            idle_timeout: source.idle,
            max_out_of_orderness: source.disorder,
            max_lag: source.max_lag,
        });
    }
    for tag in &world.tags {
        let kind = match tag.kind {
            Kind::Bool => Type::Bool,
            Kind::Int => Type::Int,
            Kind::Float => Type::Float,
        };
        let source = SourceId(tag.source as u32);
        let (name, range, counter) = (tag.name.clone(), tag.range, tag.counter);
        inventory.add_tag(Tag { machine, source, name, kind, range, counter, ..Tag::default() }).unwrap();
    }
    inventory
}

fn loaded(inventory: &Inventory, text: &str) -> Result<RuleSet, String> {
    let mut report = Report::default();
    let file = report.add_file("rules.toml", text);
    let set = RuleSet::load(&mut report, &[file], inventory);
    if report.errors() > 0 { Err(report.render(false)) } else { Ok(set) }
}

fn identity() -> Identity {
    Identity { agent_id: "ipc-l3".into(), incarnation: "00000000000000ff".into(), site: None }
}
