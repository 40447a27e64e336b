//! A change of state, told as a transition that explains itself (§9).
//!
//! Here: the condition that decided, the values it saw, the votes, the text. Not here: deciding anything.
//! Invariant: what is told is what was judged: the same values, at the same instant.

use std::collections::BTreeMap;

use proto::transition::TransitionKind;
use proto::{Because, Cause, GroupVote, InputValue, Quality, Transition};

use crate::calendar::Zone;
use crate::condition::Phase;
use crate::document::Placed;
use crate::engine::Identity;
use crate::expr::eval::Truth;
use crate::file::{Group, State};
use crate::group::{By, Standing};
use crate::instance::{Change, INACTIVE, Instance};
use crate::inventory::Inventory;
use crate::ruleset::Plan;
use crate::signals::Signals;
use crate::text::Filling;
use crate::time::{Millis, Shown};
use crate::value::{Constant, Value};

/// Who tells it, and when.
pub(crate) struct Teller<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) inventory: &'a Inventory,
    pub(crate) signals: &'a Signals,
    pub(crate) at: i64,
    pub(crate) watermark: i64,
    /// Where the clock on the wall hangs that texts speak of.
    pub(crate) zone: &'a Zone,
}

/// What is told of why a change came about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// A state of a group, by their places.
    State(usize, usize, How),
    /// The group at this place, none of whose states holds.
    Otherwise(usize),
    /// The gate `active_if`.
    Gate(Truth),
}

/// What is told of a state's condition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// It holds.
    Entered,
    /// It holds no longer.
    Left,
    /// It cannot be known.
    Unknown,
}

impl Teller<'_> {
    /// Tells a change that the instance has made at `now`.
    pub(crate) fn tell(&self, instance: &Instance, change: &Change, now: i64) -> Transition {
        let plan = &instance.plan;
        let (rule, machine) = (&plan.rule, self.inventory.machine(plan.machine));
        let told = deciding(instance, change);
        let because = told.map(|told| self.because(instance, told, now));
        let (agent, incarnation) = (&self.identity.agent_id, &self.identity.incarnation);
        Transition {
            kind: TransitionKind::Transition,
            version: proto::VERSION,
            id: proto::id::transition(agent, incarnation, &rule.name.value, &machine.id, instance.sequence),
            agent_id: agent.clone(),
            incarnation: incarnation.clone(),
            site: self.identity.site.clone(),
            sequence_number: instance.sequence,
            rule_id: rule.name.value.clone(),
            rule_hash: rule.hash.clone(),
            equipment_id: machine.id.clone(),
            equipment: machine.name.clone(),
            line: machine.line.clone(),
            timestamp: now,
            detected_at: self.at,
            watermark: self.watermark,
            from: change.from.name.clone(),
            to: instance.state.name.clone(),
            since: change.since,
            severity: instance.state.severity,
            cause: change.cause,
            group: instance.state.winner.and_then(|(group, _)| rule.groups[group].name.clone()),
            weight: instance.state.weight,
            flags: self.flags(instance, change, told, because.as_ref()),
            operator: None,
            because,
            groups: votes(instance),
            text: self.text(instance),
        }
    }

    fn because(&self, instance: &Instance, told: Told, now: i64) -> Because {
        let (expression, delay, condition_since) = match told {
            Told::State(group, state, how) => state_told(instance, (group, state), how, now),
            Told::Otherwise(group) => {
                let standing = &instance.groups[group];
                (otherwise_text(&instance.plan.rule.groups[group], standing), 0, now)
            }
            Told::Gate(says) => gate_told(instance, says, now),
        };
        let slots = slots(&instance.plan, told);
        let inputs = slots.iter().map(|slot| self.input(instance, *slot)).collect();
        Because { expression, delay, condition_since, inputs }
    }

    fn input(&self, instance: &Instance, slot: usize) -> InputValue {
        let signal = instance.signals[slot];
        let (cell, held) = (self.signals.cell(signal), self.signals.held(signal));
        let tag = self.inventory.tag(cell.tag);
        InputValue {
            tag: if tag.machine == instance.plan.machine {
                tag.name.clone()
            } else {
                format!("{}.{}", self.inventory.machine(tag.machine).name, tag.name)
            },
            value: held.as_ref().map_or(proto::Value::Null, proto::Value::from),
            unit: tag.unit.clone(),
            quality: cell.quality,
            timestamp: cell.timestamp,
            sequence_number: cell.timestamp.map(|_| cell.sequence),
            source_id: self.inventory.source(tag.source).id.clone(),
            unknown: held.as_ref().err().map(ToString::to_string),
        }
    }

    /// What must be known about the values that decided, and about who hears of it.
    fn flags(
        &self,
        instance: &Instance,
        change: &Change,
        told: Option<Told>,
        because: Option<&Because>,
    ) -> Vec<String> {
        let is_late = |slot: &usize| self.signals.cell(instance.signals[*slot]).late;
        let late = told.is_some_and(|told| slots(&instance.plan, told).iter().any(is_late));
        let uncertain = because.is_some_and(|b| b.inputs.iter().any(|i| i.quality == Quality::Uncertain));
        let chattering = change.activation.is_some_and(|activated| activated.chattering);
        let flags = [
            (late, "late"),
            (uncertain, "uncertain"),
            (change.suppressed, "suppressed"),
            (change.shelved, "shelved"),
            (chattering, "chattering"),
        ];
        flags.into_iter().filter(|(is, _)| *is).map(|(_, flag)| flag.to_owned()).collect()
    }

    /// The rule's text, by language.
    pub(crate) fn text(&self, instance: &Instance) -> BTreeMap<String, String> {
        let machine = &self.inventory.machine(instance.plan.machine).name;
        let templates = instance.plan.texts.iter().zip(instance.plan.text_slots.values());
        let since = instance.since.map(|since| self.zone.local(since));
        let filling = Filling { state: &instance.state.name, machine, since };
        templates
            .map(|((language, template), slots)| {
                let held = slots.iter().map(|slot| self.signals.held(instance.signals[*slot]));
                (language.clone(), template.fill(language, filling, held))
            })
            .collect()
    }
}

/// What decided: the condition entered, the one left, the first that cannot be known, or the gate.
fn deciding(instance: &Instance, change: &Change) -> Option<Told> {
    let (from, to) = (&change.from, &instance.state);
    let of = |winner: Option<(usize, By)>, how| {
        winner.and_then(|(group, by)| Some(Told::State(group, by.state()?, how)))
    };
    let entered = of(to.winner, How::Entered);
    let gate = instance.gate.map_or(Truth::True, |gate| gate.says());
    match change.cause {
        Cause::Gate if to.name == INACTIVE => Some(Told::Gate(Truth::False)),
        Cause::Gate | Cause::Unknown if gate == Truth::Unknown => Some(Told::Gate(Truth::Unknown)),
        Cause::Gate => entered.or(Some(Told::Gate(Truth::True))),
        Cause::Clear | Cause::Reset => {
            of(from.winner, How::Left).filter(|t| !is_on(instance, *t)).or(entered)
        }
        Cause::Unknown => entered.or_else(|| {
            let group = to.winner.or(from.winner).map_or(0, |(group, _)| group);
            let known = instance.groups[group].first_in_doubt(&instance.plan.rule.groups[group]).is_none();
            if known && !to.in_doubt { Some(Told::Otherwise(group)) } else { first_unknown(instance) }
        }),
        _ => entered,
    }
}

fn is_on(instance: &Instance, told: Told) -> bool {
    matches!(told, Told::State(group, state, _) if instance.groups[group].phases[state].is_on())
}

/// The first condition that cannot be known, in the group that says so if there is one.
fn first_unknown(instance: &Instance) -> Option<Told> {
    let winner = instance.state.winner.map(|(group, _)| group);
    let mut groups = winner.into_iter().chain(0..instance.groups.len());
    groups.find_map(|group| {
        let (standing, file) = (&instance.groups[group], &instance.plan.rule.groups[group]);
        Some(Told::State(group, standing.first_in_doubt(file)?, How::Unknown))
    })
}

/// The slots that what is told reads.
fn slots(plan: &Plan, told: Told) -> Vec<usize> {
    let of = |program: usize| plan.programs[program].slots.iter().copied();
    let mut slots = Vec::new();
    let mut add = |slot: usize| {
        if !slots.contains(&slot) {
            slots.push(slot);
        }
    };
    match told {
        Told::State(group, state, how) => {
            let condition = &plan.conditions[group][state];
            let clear = condition.clear.filter(|_| how != How::Entered);
            clear.into_iter().chain([condition.when]).flat_map(of).for_each(&mut add);
        }
        Told::Otherwise(group) => plan.conditions[group].iter().flat_map(|c| of(c.when)).for_each(&mut add),
        Told::Gate(_) => plan.active_if.into_iter().flat_map(of).for_each(&mut add),
    }
    slots
}

/// The condition as the file has it, the delay that had to be over, and since when it was so.
fn state_told(instance: &Instance, (g, s): (usize, usize), how: How, now: i64) -> (String, Millis, i64) {
    let (group, standing) = (&instance.plan.rule.groups[g], &instance.groups[g]);
    let state = &group.states[s];
    match how {
        How::Entered => {
            let since = standing.phases[s].on().map_or(now, |(since, _)| since);
            (state.when.text.clone(), state.delay, since)
        }
        How::Left => {
            let since = standing.left.iter().find(|(left, _)| *left == s).map_or(now, |(_, since)| *since);
            // Left at once under an edited condition: its hold did not count.
            let hold = if since == now { 0 } else { state.hold };
            (left_text(&instance.plan, (g, s)), hold, since)
        }
        How::Unknown => {
            let in_doubt = standing.phases[s].is_on() && standing.says[s].when == Truth::False;
            let clear = state.clear.as_ref().filter(|_| in_doubt);
            let text = clear.unwrap_or(&state.when).text.clone();
            (text, group.unknown.after(), standing.undecided_from.unwrap_or(now))
        }
    }
}

/// What leaves a state: as the file has it, else the opposite of what enters it, with its deadband.
fn left_text(plan: &Plan, (group, state): (usize, usize)) -> String {
    let (file, condition) = (&plan.rule.groups[group], &plan.conditions[group][state]);
    let state = &file.states[state];
    match (&state.clear, condition.clear) {
        (Some(clear), _) => clear.text.clone(),
        (None, None) => format!("not ({})", state.when.text),
        (None, Some(_)) => {
            let band = |(tag, band): (&String, &Placed<Constant>)| {
                let unit = band.value.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
                format!("{tag} {}{unit}", shown(&band.value.value))
            };
            let bands: Vec<String> = file.deadband.iter().map(band).collect();
            format!("not ({}), deadband {}", state.when.text, bands.join(", "))
        }
    }
}

/// A number as the file has it.
fn shown(value: &Value) -> String {
    match value {
        Value::Float(number) => number.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Bool(_) | Value::Text(_) => String::new(),
    }
}

/// Why none of a group's states holds.
fn otherwise_text(group: &Group, standing: &Standing) -> String {
    let told = |(state, phase): (&State, &Phase)| match phase {
        Phase::Pending(_) => format!("({}) not yet for {}", state.when.text, Shown(state.delay)),
        _ => format!("not ({})", state.when.text),
    };
    group.states.iter().zip(&standing.phases).map(told).collect::<Vec<_>>().join(" and ")
}

fn gate_told(instance: &Instance, says: Truth, now: i64) -> (String, Millis, i64) {
    let text = instance.plan.rule.active_if.as_ref().map_or("", |gate| gate.text.as_str());
    let unknown_from = instance.gate.and_then(|gate| gate.unknown_from());
    match says {
        Truth::True => (text.to_owned(), 0, now),
        Truth::False => (format!("not ({text})"), 0, now),
        Truth::Unknown | Truth::Filling => {
            (text.to_owned(), instance.patience(), unknown_from.unwrap_or(now))
        }
    }
}

fn votes(instance: &Instance) -> Vec<GroupVote> {
    let groups = instance.groups.iter().zip(&instance.plan.rule.groups);
    groups
        .filter_map(|(standing, group)| {
            let vote = standing.vote.as_ref()?;
            Some(GroupVote { name: group.name.clone(), state: vote.name.clone(), weight: vote.weight })
        })
        .collect()
}
