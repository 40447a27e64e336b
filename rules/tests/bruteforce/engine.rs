//! The same case, run by the engine.
//!
//! Here: inventory, inputs and rule text as the engine takes them. Not here: what it should say.
//! Invariant: between stops the engine gets nothing back but what it gave to be stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Flags, Happening, Notification, Quality, Transition};
use rules::calendar::Zone;
use rules::diagnose::Report;
use rules::engine::{
    Batch, Datapoint, Engine, Expect, Identity, Input, Late, Options, Reach, Subject as Named,
};
use rules::inventory::{Inventory, Machine, MachineId, Source, SourceId, Tag, TagId};
use rules::operator::{self, Command, Refused};
use rules::ruleset::RuleSet;
use rules::value::{Constant, Type, Unknown, Value, admit};

use super::model::{Case, Kind, Order, Point, Raw, Rule, Step, Subject, What, World, ZERO};
use super::simulation::Sums;
use super::told::{Notice, Said, Told};
use super::worlds::PARAMS;
use super::{frames, print};

struct Run {
    inventory: Arc<Inventory>,
    sets: Vec<RuleSet>,
    options: Options,
    engine: Engine,
    stored: BTreeMap<String, Vec<u8>>,
    said: Vec<Said>,
    /// All that came out, as it is forwarded.
    forwarded: Vec<String>,
    /// The number of each transition, by its id.
    numbers: BTreeMap<String, u64>,
    sums: Sums,
}

/// What the engine says on a case. An error: it does not take the rules.
pub(crate) fn engine(case: &Case) -> Result<(Vec<Said>, Sums), String> {
    run(case).map(|run| (run.said, run.sums))
}

/// What the engine gives to be forwarded, to the byte.
pub(crate) fn forwarded(case: &Case) -> Result<Vec<String>, String> {
    run(case).map(|run| run.forwarded)
}

fn run(case: &Case) -> Result<Run, String> {
    let inventory = Arc::new(inventory(&case.world));
    let sets: Result<Vec<RuleSet>, String> =
        case.rules.iter().map(|rules| loaded(&inventory, &case.world, rules)).collect();
    let sets = sets?;
    let options = options(&case.world);
    let (stored, start) = (BTreeMap::new(), ZERO + case.world.start);
    let engine = Engine::new(Arc::clone(&inventory), &sets[0], identity(), options.clone(), start, &stored).0;
    let (said, forwarded, numbers) = (Vec::new(), Vec::new(), BTreeMap::new());
    let sums = Sums::default();
    let mut run = Run { inventory, sets, options, engine, stored, said, forwarded, numbers, sums };
    for step in &case.story {
        if case.world.punctual {
            run.wake(ZERO + step.at);
            if matches!(step.what, What::Restart(_) | What::Epoch) {
                run.input(Input::Clock, ZERO + step.at - 1);
            }
        }
        run.step(step);
    }
    run.sum();
    Ok(run)
}

fn options(world: &World) -> Options {
    let plain = Options::default();
    Options {
        late: if world.drop_late { Late::Drop } else { Late::Apply },
        reach: if world.global { Reach::Global } else { Reach::Inputs },
        expect: if world.seen { Expect::Seen } else { Expect::Declared },
        waiting_max: world.waiting_max.unwrap_or(plain.waiting_max),
        zone: world.zone.map_or(plain.zone.clone(), |zone| Zone::named(zone.name).unwrap()),
        ..plain
    }
}

impl Run {
    /// Looks in whenever the engine wants it before an instant, as the agent does.
    fn wake(&mut self, before: i64) {
        while let Some(due) = self.engine.deadline().filter(|due| *due < before) {
            self.input(Input::Clock, due);
        }
    }

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
            What::Reload(version) => self.input(Input::Rules(self.sets[*version].clone()), at),
            What::Epoch => self.input(Input::Epoch, at),
            What::Clock => self.input(Input::Clock, at),
            What::Operator { rule, machine, order } => {
                let machine = self.inventory.machine(MachineId(*machine as u32)).name.clone();
                let (rule, order) = (rule.clone(), ordered(*order));
                let command = Command { rule, machine, who: "meier".into(), why: "known".into(), order };
                self.input(Input::Operator(command), at);
            }
            What::Deliver(source, points) => {
                let source = SourceId(*source as u32);
                let datapoints = points.iter().map(|point| self.datapoint(point)).collect();
                self.input(Input::Datapoints(Batch { source, datapoints }), at);
            }
        }
    }

    fn input(&mut self, input: Input, at: i64) {
        let outputs = self.engine.step(input, at);
        self.forwarded.extend(outputs.transitions.iter().map(json));
        self.forwarded.extend(outputs.notifications.iter().map(json));
        self.forwarded.extend(outputs.events.iter().map(json));
        self.stored.extend(outputs.states);
        self.numbers.extend(outputs.transitions.iter().map(|t| (t.id.clone(), t.sequence_number)));
        self.said.extend(outputs.transitions.iter().map(|t| Said::Transition(told(t))));
        let notices = outputs.notifications.iter().map(|n| Said::Notice(self.notice(n)));
        self.said.extend(notices.collect::<Vec<_>>());
        self.said.extend(outputs.events.iter().filter_map(event));
        let refused = outputs.refused.as_ref().map(|why| Said::Refused { at: at - ZERO, why: refused(why) });
        self.said.extend(refused);
    }

    fn notice(&self, n: &Notification) -> Notice {
        Notice {
            timestamp: n.timestamp - ZERO,
            rule: n.rule_id.clone(),
            machine: n.equipment.clone(),
            target: n.target.clone(),
            n: n.n,
            of: self.numbers.get(&n.transition_id).copied().unwrap_or(0),
            state: n.state.clone(),
            severity: n.severity,
        }
    }

    fn sum(&mut self) {
        let counts = self.engine.counts();
        self.sums.late += counts.late;
        self.sums.applied += counts.applied;
        self.sums.dropped += counts.dropped;
        self.sums.raised += counts.raised;
    }

    fn datapoint(&self, point: &Point) -> Datapoint {
        let flags = if point.wmk { Flags::WMK } else { Flags::NONE };
        let (subject, value, quality) = match &point.subject {
            Subject::Heartbeat => (Named::Heartbeat, Err(Unknown::NeverSeen), Quality::Ok),
            Subject::Connected(up) => (Named::Connected(*up), Err(Unknown::NeverSeen), Quality::Ok),
            Subject::Tag(tag, raw) => {
                let id = TagId(*tag as u32);
                let usable = if point.uncertain { Quality::Uncertain } else { Quality::Ok };
                let (value, quality) = match raw {
                    Raw::Bad => (proto::Value::Null, Quality::Bad),
                    Raw::Bool(b) => (proto::Value::Bool(*b), usable),
                    Raw::Int(i) => (proto::Value::Int(*i), usable),
                    Raw::Float(f) => (proto::Value::Float(*f), usable),
                };
                let declared = self.inventory.tag(id);
                (Named::Tag(id), admit(declared.kind, declared.range, &value, quality), quality)
            }
        };
        let (timestamp, sequence) = (ZERO + point.timestamp, point.sequence);
        Datapoint { subject, timestamp, value, quality, flags, sequence }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn told(t: &Transition) -> Told {
    Told {
        timestamp: t.timestamp - ZERO,
        rule: t.rule_id.clone(),
        machine: t.equipment.clone(),
        sequence: t.sequence_number,
        from: t.from.clone(),
        to: t.to.clone(),
        cause: t.cause,
        group: t.group.clone(),
        weight: t.weight,
        severity: t.severity,
        since: t.since - ZERO,
        flags: t.flags.clone(),
        activation: false,
    }
}

fn event(event: &Happening) -> Option<Said> {
    let (timestamp, what) = match event {
        Happening::Chattering { rule_id, equipment_id, since } => {
            (*since, format!("chattering: {rule_id} {equipment_id}"))
        }
        Happening::Flood { line, rule_id, equipment_id, first, since } => {
            (*since, format!("flood on {line}, first {rule_id} {equipment_id} at {}", first - ZERO))
        }
        _ => return None,
    };
    Some(Said::Event { timestamp: timestamp - ZERO, what })
}

fn refused(why: &Refused) -> &'static str {
    match why {
        Refused::Nowhere { .. } => "nowhere",
        Refused::WhoAndWhy => "who and why",
        Refused::TooLong => "too long",
        Refused::NotShelved => "not shelved",
        Refused::OutAlready => "out already",
        Refused::InAlready => "in already",
        Refused::NothingLatched => "nothing latched",
        Refused::StillTrue(_) => "still true",
    }
}

fn ordered(order: Order) -> operator::Order {
    match order {
        Order::Shelve(length) => operator::Order::Shelve(length),
        Order::ShelveOnce => operator::Order::ShelveOnce,
        Order::Unshelve => operator::Order::Unshelve,
        Order::OutOfService => operator::Order::OutOfService,
        Order::InService => operator::Order::InService,
        Order::Reset => operator::Order::Reset,
    }
}

fn inventory(world: &World) -> Inventory {
    let mut inventory = Inventory::default();
    for machine in &world.machines {
        let is_time = |name: &String| PARAMS.iter().any(|(other, is_time)| other == name && *is_time);
        let constant = |(name, value): (&String, &f64)| {
            let unit = is_time(name).then(|| "ms".to_owned());
            (name.clone(), Constant { value: Value::Float(*value), unit })
        };
        let params = machine.params.iter().map(constant).collect();
        let (line, class) = (Some(machine.line.clone()), Some(machine.class.clone()));
        let (name, id) = (machine.name.clone(), machine.name.clone());
        inventory.add_machine(Machine { name, id, line, class, params });
    }
    for source in &world.sources {
        inventory.add_source(Source {
            id: source.id.clone(),
            idle_timeout: source.idle,
            max_out_of_orderness: source.disorder,
            max_lag: source.max_lag,
        });
    }
    for (place, tag) in world.tags.iter().enumerate() {
        let of = world.name(place);
        let kind = match of.kind {
            Kind::Bool => Type::Bool,
            Kind::Int => Type::Int,
            Kind::Float => Type::Float,
        };
        let (machine, source) = (MachineId(world.machine_of(place) as u32), SourceId(tag.source as u32));
        let (name, range, counter) = (of.name.clone(), tag.range, of.counter);
        inventory.add_tag(Tag { machine, source, name, kind, range, counter, ..Tag::default() }).unwrap();
    }
    inventory
}

fn loaded(inventory: &Inventory, world: &World, rules: &[Rule]) -> Result<RuleSet, String> {
    let (text, limits) = (print::rules(world, rules, true), frames::limits(world, rules));
    let mut report = Report::default();
    let mut files = vec![report.add_file("rules.toml", &text)];
    if !limits.is_empty() {
        files.push(report.add_file("limits.csv", &limits));
    }
    let set = RuleSet::load(&mut report, &files, inventory);
    if report.errors() > 0 { Err(report.render(false)) } else { Ok(set) }
}

fn identity() -> Identity {
    Identity { agent_id: "ipc-l3".into(), incarnation: "00000000000000ff".into(), site: None }
}
