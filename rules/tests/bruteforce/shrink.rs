//! Making a case small while engine and reference still disagree on it.
//!
//! Here: leaving things out, one after the other, until nothing more can be left out. Not here: what disagrees.
//! Invariant: what comes out still disagrees.

use super::model::{Case, Expr, Rule, Stale, Subject, What};
use super::rules_of::is_right;

/// The smallest case found for which `fails` still holds.
pub(crate) fn shrunk(mut case: Case, fails: &dyn Fn(&Case) -> bool) -> Case {
    loop {
        let smaller = smaller(&case).into_iter().find(|smaller| valid(smaller) && fails(smaller));
        match smaller {
            Some(smaller) => case = smaller,
            None => return case,
        }
    }
}

fn valid(case: &Case) -> bool {
    let whole = |rule: &Rule| is_right(rule) && rule.groups.iter().all(|group| !group.states.is_empty());
    case.rules.iter().all(|rules| !rules.is_empty() && rules.iter().all(whole))
}

/// Cases that are a little smaller, the boldest first.
fn smaller(case: &Case) -> Vec<Case> {
    let mut out = Vec::new();
    let mut size = case.story.len() / 2;
    while size > 0 {
        for from in (0..case.story.len()).step_by(size) {
            let mut less = case.clone();
            less.story.drain(from..(from + size).min(case.story.len()));
            out.push(less);
        }
        size /= 2;
    }
    for version in 0..case.rules.len() {
        for rule in 0..case.rules[version].len() {
            out.extend(less_of_rule(case, version, rule));
        }
    }
    out.extend(without_machine(case));
    for version in 1..case.rules.len() {
        let mut less = case.clone();
        less.story.retain(|step| !matches!(step.what, What::Reload(v) | What::Restart(v) if v == version));
        if less.story.len() < case.story.len() {
            out.push(less);
        }
        if version + 1 == case.rules.len() && !uses(case, version) {
            let mut less = case.clone();
            less.rules.pop();
            out.push(less);
        }
    }
    for step in 0..case.story.len() {
        let What::Deliver(_, points) = &case.story[step].what else { continue };
        for point in 0..points.len() {
            out.extend(without_point(case, step, point));
        }
    }
    out
}

fn uses(case: &Case, version: usize) -> bool {
    case.story.iter().any(|step| matches!(step.what, What::Reload(v) | What::Restart(v) if v == version))
}

/// Without the last machine, when no rule reads it and nothing is told of it.
fn without_machine(case: &Case) -> Option<Case> {
    let (names, last) = (case.world.names.len(), case.world.machines.len() - 1);
    let reads = |rule: &Rule| {
        rule.on.contains(&last) || rule.tags().into_iter().any(|tag| tag >= names + last * names)
    };
    let told = case.story.iter().any(|step| match &step.what {
        What::Deliver(_, points) => {
            points.iter().any(|p| matches!(p.subject, Subject::Tag(tag, _) if tag >= last * names))
        }
        What::Operator { machine, .. } => *machine == last,
        _ => false,
    });
    if last == 0 || told || case.rules.iter().flatten().any(reads) {
        return None;
    }
    let mut less = case.clone();
    less.world.machines.pop();
    less.world.tags.truncate(last * names);
    for param in less.rules.iter_mut().flatten().flat_map(|rule| &mut rule.params) {
        param.machine.retain(|(place, _)| *place != last);
        param.limits.retain(|(place, _)| *place != Some(last));
    }
    Some(less)
}

fn without_point(case: &Case, step: usize, point: usize) -> Option<Case> {
    let mut less = case.clone();
    let What::Deliver(_, points) = &mut less.story[step].what else { return None };
    let removed = points.remove(point);
    let last = points.last_mut()?;
    last.wmk |= removed.wmk;
    Some(less)
}

fn less_of_rule(case: &Case, version: usize, rule: usize) -> Vec<Case> {
    let mut out = Vec::new();
    let mut change = |change: &dyn Fn(&mut Vec<super::model::Rule>)| {
        let mut less = case.clone();
        change(&mut less.rules[version]);
        out.push(less);
    };
    if case.rules[version].len() > 1 {
        change(&|rules| drop(rules.remove(rule)));
    }
    let of = &case.rules[version][rule];
    for machine in 0..of.on.len() {
        if of.on.len() > 1 {
            change(&|rules| rules[rule].on.retain(|other| *other != of.on[machine]));
        }
    }
    for action in 0..of.actions.len() {
        change(&|rules| drop(rules[rule].actions.remove(action)));
    }
    if of.stale != Stale::Default {
        change(&|rules| rules[rule].stale = Stale::Default);
    }
    if of.active_if.is_some() {
        change(&|rules| rules[rule].active_if = None);
    }
    if of.suppress_if.is_some() {
        change(&|rules| rules[rule].suppress_if = None);
    }
    for group in 0..of.groups.len() {
        if of.groups.len() > 1 {
            change(&|rules| drop(rules[rule].groups.remove(group)));
        }
        if !of.groups[group].deadband.is_empty() {
            change(&|rules| rules[rule].groups[group].deadband = Vec::new());
        }
        if of.groups[group].unknown.is_some() {
            change(&|rules| rules[rule].groups[group].unknown = None);
        }
        for state in 0..of.groups[group].states.len() {
            if of.groups[group].states.len() > 1 {
                change(&|rules| drop(rules[rule].groups[group].states.remove(state)));
            }
            let old = &of.groups[group].states[state];
            if old.hold > 0 || old.hold_by.is_some() {
                change(&|rules| {
                    let state = &mut rules[rule].groups[group].states[state];
                    (state.hold, state.hold_by) = (0, None);
                });
            }
            if old.clear.is_some() {
                change(&|rules| rules[rule].groups[group].states[state].clear = None);
            }
            if old.delay > 0 || old.delay_by.is_some() {
                change(&|rules| {
                    let state = &mut rules[rule].groups[group].states[state];
                    (state.delay, state.delay_by) = (0, None);
                });
            }
            for when in parts(&old.when) {
                change(&|rules| rules[rule].groups[group].states[state].when = when.clone());
            }
        }
    }
    out
}

/// The conditions that a condition is made of.
fn parts(expr: &Expr) -> Vec<Expr> {
    match expr {
        Expr::Not(a) => vec![(**a).clone()],
        Expr::And(a, b) | Expr::Or(a, b) | Expr::Xor(a, b) => {
            let mut out = vec![(**a).clone(), (**b).clone()];
            out.extend(parts(a).into_iter().map(|a| same(expr, a, (**b).clone())));
            out.extend(parts(b).into_iter().map(|b| same(expr, (**a).clone(), b)));
            out
        }
        _ => Vec::new(),
    }
}

fn same(expr: &Expr, a: Expr, b: Expr) -> Expr {
    let (a, b) = (Box::new(a), Box::new(b));
    match expr {
        Expr::And(..) => Expr::And(a, b),
        Expr::Or(..) => Expr::Or(a, b),
        _ => Expr::Xor(a, b),
    }
}
