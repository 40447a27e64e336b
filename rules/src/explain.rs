//! A change of state, told as a transition that explains itself (§9).
//!
//! Here: the condition that decided, the values it saw, the votes, the text. Not here: deciding anything.
//! Invariant: what is told is what was judged: the same values, at the same instant.

use std::collections::BTreeMap;

use proto::transition::TransitionKind;
use proto::{Because, Cause, GroupVote, InputValue, Quality, Transition};

use crate::condition::Phase;
use crate::engine::Identity;
use crate::expr::eval::Truth;
use crate::group::By;
use crate::instance::{Change, Instance};
use crate::inventory::Inventory;
use crate::signals::Signals;
use crate::text::Filling;

/// Who tells it, and when.
pub(crate) struct Teller<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) inventory: &'a Inventory,
    pub(crate) signals: &'a Signals,
    pub(crate) at: i64,
    pub(crate) watermark: i64,
}

/// A condition of an instance: its group, its place there, and what is told of it.
struct Told {
    group: usize,
    state: usize,
    how: How,
}

/// What is told of a condition.
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
    pub(crate) fn tell(&self, instance: &Instance, change: Change, now: i64) -> Transition {
        let plan = &instance.plan;
        let (rule, machine) = (&plan.rule, self.inventory.machine(plan.machine));
        let told = deciding(instance, &change);
        let because = told.as_ref().map(|told| self.because(instance, told, now));
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
            from: change.from.name,
            to: instance.state.name.clone(),
            since: change.since,
            severity: instance.state.severity,
            cause: change.cause,
            group: instance.state.winner.and_then(|(group, _)| rule.groups[group].name.clone()),
            weight: instance.state.weight,
            flags: self.flags(instance, told.as_ref(), because.as_ref()),
            because,
            groups: votes(instance),
            text: self.text(instance),
        }
    }

    fn because(&self, instance: &Instance, told: &Told, now: i64) -> Because {
        let group = &instance.plan.rule.groups[told.group];
        let state = &group.states[told.state];
        let (condition, standing) =
            (&instance.plan.conditions[told.group][told.state], &instance.groups[told.group]);
        let text = state.when.text.clone();
        let (expression, delay, condition_since) = match (told.how, standing.phases[told.state]) {
            (How::Entered, Phase::On { since, .. }) => (text, state.delay, since),
            (How::Entered, _) => (text, state.delay, now),
            (How::Left, _) => (format!("not ({text})"), 0, now),
            (How::Unknown, _) => (text, group.unknown.after(), standing.undecided_from.unwrap_or(now)),
        };
        Because {
            expression,
            delay,
            condition_since,
            inputs: instance
                .plan
                .slots_of(condition)
                .iter()
                .map(|slot| self.input(instance, *slot))
                .collect(),
        }
    }

    fn input(&self, instance: &Instance, slot: usize) -> InputValue {
        let signal = instance.signals[slot];
        let (cell, held) = (self.signals.cell(signal), self.signals.held(signal));
        let tag = self.inventory.tag(cell.tag);
        InputValue {
            tag: tag.name.clone(),
            value: held.as_ref().map_or(proto::Value::Null, proto::Value::from),
            unit: tag.unit.clone(),
            quality: cell.quality,
            timestamp: cell.timestamp,
            sequence_number: cell.timestamp.map(|_| cell.sequence),
            source_id: self.inventory.source(tag.source).id.clone(),
            unknown: held.as_ref().err().map(ToString::to_string),
        }
    }

    /// What must be known about the values that decided.
    fn flags(&self, instance: &Instance, told: Option<&Told>, because: Option<&Because>) -> Vec<String> {
        let mut flags = Vec::new();
        let late = |slot: &usize| self.signals.cell(instance.signals[*slot]).late;
        if told.is_some_and(|t| {
            let plan = &instance.plan;
            plan.slots_of(&plan.conditions[t.group][t.state]).iter().any(late)
        }) {
            flags.push("late".to_owned());
        }
        if because.is_some_and(|b| b.inputs.iter().any(|i| i.quality == Quality::Uncertain)) {
            flags.push("uncertain".to_owned());
        }
        flags
    }

    fn text(&self, instance: &Instance) -> BTreeMap<String, String> {
        let machine = &self.inventory.machine(instance.plan.machine).name;
        let templates = instance.plan.texts.iter().zip(instance.plan.text_slots.values());
        let filling = Filling { state: &instance.state.name, machine, since: instance.since };
        templates
            .map(|((language, template), slots)| {
                let held = slots.iter().map(|slot| self.signals.held(instance.signals[*slot]));
                (language.clone(), template.fill(language, filling, held))
            })
            .collect()
    }
}

/// The condition that decided: the one entered, the one left, or the first that cannot be known.
fn deciding(instance: &Instance, change: &Change) -> Option<Told> {
    let on = |winner: Option<(usize, By)>, how| {
        winner.and_then(|(group, by)| Some(Told { group, state: by.state()?, how }))
    };
    let entered = on(instance.state.winner, How::Entered);
    match change.cause {
        Cause::Clear => on(change.from.winner, How::Left).or(entered),
        Cause::Unknown => entered.or_else(|| first_unknown(instance)),
        _ => entered,
    }
}

/// The first condition that cannot be known, in the group that says so if there is one.
fn first_unknown(instance: &Instance) -> Option<Told> {
    let winner = instance.state.winner.map(|(group, _)| group);
    let groups = winner.into_iter().chain(0..instance.groups.len());
    groups
        .filter_map(|group| {
            let state = instance.groups[group].truths.iter().position(|t| *t == Truth::Unknown)?;
            Some(Told { group, state, how: How::Unknown })
        })
        .next()
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
