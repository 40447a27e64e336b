//! Random edits of rules: another version of a file.
//!
//! Here: what a technician may change between two saves. Not here: rules from nothing (`rules_of`).
//! Invariant: what comes of it is taken by the checker.

use std::rc::Rc;

use super::generate::Wanted;
use super::model::{Rule, World};
use super::rng::Rng;
use super::rules_of;

/// Names of rules that come.
const NAMES: [&str; 6] = ["r0", "r1", "r2", "r3", "r4", "r5"];

pub(super) fn edited(rng: &mut Rng, world: &World, rules: &[Rule], wanted: Wanted) -> Vec<Rule> {
    let mut rules = rules.to_vec();
    rules.iter_mut().for_each(|rule| rule.renamed_from = None);
    for _ in 0..rng.below(4) {
        let place = rng.below(rules.len());
        match rng.below(8) {
            0 if rules.len() > 1 => drop(rules.remove(place)),
            1 => {
                if let Some(name) = free(rng, &rules) {
                    rules.push(rules_of::rule(rng, world, name, wanted));
                }
            }
            2 => {
                if let Some(name) = free(rng, &rules) {
                    rules[place].renamed_from = Some(std::mem::replace(&mut rules[place].name, name.into()));
                }
            }
            _ => {
                let before = rules[place].clone();
                edit(rng, world, &mut rules[place], wanted);
                if !rules_of::is_right(&rules[place]) {
                    rules[place] = before;
                }
            }
        }
    }
    let names: Vec<String> = rules.iter().map(|rule| rule.name.clone()).collect();
    let mut taken: Vec<String> = Vec::new();
    for rule in &mut rules {
        let once = |from: &String| !names.contains(from) && !taken.contains(from);
        rule.renamed_from = rule.renamed_from.take().filter(once);
        taken.extend(rule.renamed_from.clone());
    }
    rules
}

fn free(rng: &mut Rng, rules: &[Rule]) -> Option<&'static str> {
    let name = rng.pick(&NAMES);
    rules.iter().all(|rule| rule.name != name).then_some(name)
}

/// One thing about a rule.
fn edit(rng: &mut Rng, world: &World, rule: &mut Rule, wanted: Wanted) {
    let other = rules_of::rule(rng, world, &rule.name, wanted);
    match rng.below(12) {
        0 => rule.unknown = other.unknown,
        1 => rule.stale = other.stale,
        2 => rule.active_if = other.active_if,
        3 => rule.suppress_if = other.suppress_if,
        4 => rule.on = other.on,
        5 if rule.plain == other.plain && !rule.plain => rule.default = other.default,
        6 => rule.actions = other.actions,
        7 if rule.plain == other.plain => edit_groups(rng, rule, other),
        8 if !rule.params.is_empty() => rule.params = other.params,
        _ => edit_state(rng, world, rule, wanted),
    }
}

fn edit_groups(rng: &mut Rng, rule: &mut Rule, other: Rule) {
    let place = rng.below(rule.groups.len());
    match rng.below(5) {
        0 if !rule.plain => rng.shuffle(&mut rule.groups),
        1 if rule.groups.len() > 1 => drop(rule.groups.remove(place)),
        2 if !rule.plain => {
            let new = other.groups.into_iter().find(|new| rule.groups.iter().all(|g| g.name != new.name));
            rule.groups.extend(new);
        }
        3 if !rule.plain => rule.groups[place].weight = other.groups[0].weight,
        _ if !rule.plain => rule.groups[place].otherwise.clone_from(&other.groups[0].otherwise),
        _ => {}
    }
}

fn edit_state(rng: &mut Rng, world: &World, rule: &mut Rule, wanted: Wanted) {
    let plain = rule.plain;
    let group = rng.below(rule.groups.len());
    let group = &mut rule.groups[group];
    let place = rng.below(group.states.len());
    let other = rules_of::state(rng, world, wanted, place);
    let state = &mut group.states[place];
    match rng.below(10) {
        0 | 1 => state.when = other.when,
        2 if !state.latch => state.clear = other.clear,
        3 | 4 => (state.delay, state.delay_by) = (other.delay, other.delay_by),
        5 if !state.latch => (state.hold, state.hold_by) = (other.hold, other.hold_by),
        6 if !plain => state.weight = other.weight,
        7 => state.severity = other.severity,
        8 => {
            state.latch = !state.latch;
            (state.clear, state.hold, state.hold_by) = (None, 0, None);
        }
        _ if !plain && group.states.len() > 1 => {
            if rng.once_in(2) {
                group.states.remove(place);
            } else {
                group.states.swap(0, place);
            }
        }
        _ if !plain => {
            let name: Rc<str> = rng.pick(&["First", "Other"]).into();
            if group.states.iter().all(|state| state.name != name) {
                group.states[place].name = name;
            }
        }
        _ => {}
    }
}
