//! Random frames of rules: machines, parameters, actions, and what of another machine or the clock is in a condition.
//!
//! Here: those. Not here: conditions (`rules_of`, `atoms`, `windows`).
//! Invariant: what is drawn has a value on every machine.

use std::rc::Rc;

use super::generate::Wanted;
use super::model::{Action, Expr, Group, Kind, Named, Param, World};
use super::rng::Rng;
use super::worlds::PARAMS;

pub(super) fn machines(rng: &mut Rng, world: &World) -> Vec<usize> {
    let mut on: Vec<usize> = (0..world.machines.len()).filter(|_| rng.once_in(2)).collect();
    if on.is_empty() {
        on.push(rng.below(world.machines.len()));
    }
    on
}

pub(super) fn params(rng: &mut Rng, world: &World, wanted: Wanted) -> Vec<Param> {
    if !wanted.params {
        return Vec::new();
    }
    PARAMS.iter().map(|(name, is_time)| param(rng, world, name, *is_time)).collect()
}

/// A value of a parameter: a number, or a time in ms.
pub(super) fn param_value(rng: &mut Rng, is_time: bool) -> f64 {
    if is_time { rng.between(0, 20) as f64 * 50.0 } else { rng.between(1, 14) as f64 / 2.0 }
}

fn param(rng: &mut Rng, world: &World, name: &str, is_time: bool) -> Param {
    let value = |rng: &mut Rng| param_value(rng, is_time);
    let mut by = |names: [&str; 2]| -> Vec<(String, f64)> {
        let given = names.into_iter().filter(|_| rng.once_in(3)).map(str::to_owned).collect::<Vec<_>>();
        given.into_iter().map(|name| (name, value(rng))).collect()
    };
    let (class, line) = (by(["filler", "washer"]), by(["L3", "L4"]));
    let (mut machine, mut limits) = (Vec::new(), Vec::new());
    if rng.once_in(5) {
        limits.push((None, value(rng)));
    }
    for place in 0..world.machines.len() {
        if rng.once_in(4) {
            machine.push((place, value(rng)));
        }
        if rng.once_in(4) {
            limits.push((Some(place), value(rng)));
        }
    }
    Param { name: name.into(), is_time, default: value(rng), class, line, machine, limits }
}

/// A comparison with a parameter.
pub(super) fn limit(rng: &mut Rng, world: &World) -> Expr {
    let numbers: Vec<usize> = (0..world.names.len()).filter(|n| world.names[*n].kind != Kind::Bool).collect();
    let tag = Box::new(Expr::Tag(rng.pick(&numbers)));
    let limits: Vec<usize> = (0..PARAMS.len()).filter(|place| !PARAMS[*place].1).collect();
    let limit = Box::new(Expr::Param(rng.pick(&limits)));
    let limit =
        if rng.once_in(3) { Box::new(Expr::Arithmetic('+', limit, Box::new(Expr::Int(1)))) } else { limit };
    Expr::Compare(rng.pick(&["<", "<=", ">", ">=", "=", "<>"]), tag, limit)
}

/// The parameter that gives a delay, now and then.
pub(super) fn delay_by(rng: &mut Rng, wanted: Wanted) -> Option<usize> {
    (wanted.params && rng.once_in(4)).then(|| PARAMS.iter().position(|(_, is_time)| *is_time)).flatten()
}

/// A state that no condition enters, with a weight of its own or without.
pub(super) fn named(rng: &mut Rng, names: &[&str]) -> Named {
    let weight = rng.once_in(3).then(|| rng.pick(&[0, 1, 5, 15, 40]));
    Named { name: rng.pick(names).into(), weight }
}

/// A condition on the time of day beside another one.
pub(super) fn hour(rng: &mut Rng, other: Expr) -> Expr {
    let moment = if rng.once_in(3) {
        Expr::Compare("=", Box::new(Expr::Weekday), Box::new(Expr::Int(rng.between(1, 7))))
    } else {
        let sign = rng.pick(&["<", ">=", "=", "<>"]);
        Expr::Compare(sign, Box::new(Expr::Hour), Box::new(Expr::Int(rng.pick(&[1, 2, 3, 4, 0, 23]))))
    };
    let (a, b) = (Box::new(moment), Box::new(other));
    if rng.once_in(2) { Expr::And(a, b) } else { Expr::Xor(a, b) }
}

/// Now and then one of the tags is that of another machine.
pub(super) fn elsewhere(rng: &mut Rng, world: &World, wanted: Wanted, expr: Expr) -> Expr {
    if !wanted.machines || rng.once_in(2) {
        return expr;
    }
    let tags = expr.tags();
    if tags.is_empty() {
        return expr;
    }
    let (moved, machine) = (rng.pick(&tags), rng.below(world.machines.len()));
    let names = world.names.len();
    let there = names + machine * names + moved;
    let params: Vec<Expr> = (0..PARAMS.len()).map(Expr::Param).collect();
    expr.bound(&|tag| if tag == moved { there } else { tag }, &params)
}

pub(super) fn actions(rng: &mut Rng, groups: &[Group], wanted: Wanted) -> Vec<Action> {
    if !wanted.actions {
        return Vec::new();
    }
    let names = names(groups);
    let mut action = |notify| {
        let to: Vec<Rc<str>> = if rng.once_in(2) {
            Vec::new()
        } else {
            names.iter().filter(|_| rng.once_in(2)).cloned().collect()
        };
        let repeat = rng.once_in(2).then(|| rng.pick(&[1_000, 1_300, 3_000]));
        Action { to, notify, repeat }
    };
    let (first, second) = (action("shift"), action("lab"));
    if rng.once_in(2) { vec![first, second] } else { vec![first] }
}

/// The names of all states that groups give themselves, each once.
pub(super) fn names(groups: &[Group]) -> Vec<Rc<str>> {
    let states = groups.iter().flat_map(|group| group.states.iter().map(|state| state.name.clone()));
    let mut names: Vec<Rc<str>> =
        states.chain(groups.iter().filter_map(|g| Some(g.otherwise.as_ref()?.name.clone()))).collect();
    names.sort();
    names.dedup();
    names
}
