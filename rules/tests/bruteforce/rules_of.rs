//! Random rules.
//!
//! Here: rules that the checker accepts. Not here: how they read as text (`print`).
//! Invariant: every rule reads at least one tag.

use proto::Severity;

use super::atoms;
use super::frame;
use super::generate::Wanted;
use super::model::{Expr, Group, Kind, Named, Rule, Stale, State, UNKNOWN_AFTER, UnknownPolicy, World};
use super::rng::Rng;
use super::windows;

/// Times in rules, ms: on the grid of the stories.
const TIMES: [i64; 8] = [1, 50, 100, 150, 300, 500, 1_000, 1_750];

pub(crate) fn rules(rng: &mut Rng, world: &World, wanted: Wanted) -> Vec<Rule> {
    let count = rng.between(1, 4);
    (0..count).map(|place| rule(rng, world, &format!("r{place}"), wanted)).collect()
}

pub(super) fn rule(rng: &mut Rng, world: &World, name: &str, wanted: Wanted) -> Rule {
    let unknown = unknown(rng, wanted);
    let stale = match rng.below(6) {
        0 | 1 => Stale::After(rng.pick(&[100, 400, 1_000, 2_500])),
        2 => Stale::Never,
        _ => Stale::Default,
    };
    let default = rng.once_in(3).then(|| frame::named(rng, &["Idle"]));
    let plain = rng.once_in(3);
    let mut groups = if plain {
        let state = State { name: "Active".into(), weight: None, ..state(rng, world, wanted, 0) };
        let otherwise = Some(Named { name: "Normal".into(), weight: None });
        vec![Group {
            name: None,
            weight: None,
            states: vec![state],
            otherwise,
            unknown: None,
            deadband: Vec::new(),
        }]
    } else {
        let count = rng.between(1, 3) as usize;
        ["zulu", "alpha", "mike"][..count].iter().map(|name| group(rng, world, name, wanted)).collect()
    };
    let default = default.filter(|_| !plain);
    let mut gate = || (wanted.gates && rng.once_in(4)).then(|| condition(rng, world, wanted, 1));
    let (active_if, suppress_if) = (gate(), gate());
    if active_if.is_some() || suppress_if.is_some() {
        groups.iter_mut().for_each(|group| group.unknown = None);
    }
    let coverage = if wanted.windows { rng.pick(&[80, 80, 50, 10, 100]) } else { 80 };
    let on = frame::machines(rng, world);
    let params = frame::params(rng, world, wanted);
    let actions = frame::actions(rng, &groups, wanted);
    let (name, renamed_from) = (name.into(), None);
    Rule {
        name,
        on,
        renamed_from,
        params,
        actions,
        plain,
        groups,
        stale,
        unknown,
        default,
        active_if,
        suppress_if,
        coverage,
    }
}

/// Whether the checker takes it, after an edit.
pub(super) fn is_right(rule: &Rule) -> bool {
    let is_right = |group: &Group| {
        let shifts = |(tag, _): &(usize, f64)| is_deadband(&group.states, *tag);
        let clears = group.states.iter().any(|state| state.clear.is_some());
        group.deadband.is_empty() || group.deadband.iter().all(shifts) && !clears
    };
    let named = |name| frame::names(&rule.groups).contains(name);
    let silenced = rule.active_if.is_none() && rule.suppress_if.is_none();
    (silenced || rule.groups.iter().all(|group| group.unknown.is_none()))
        && rule.groups.iter().all(is_right)
        && rule.actions.iter().all(|action| action.to.iter().all(named))
        && !rule.tags().is_empty()
}

fn group(rng: &mut Rng, world: &World, name: &str, wanted: Wanted) -> Group {
    let count = rng.between(1, 3) as usize;
    let (mut deadband, wanted) = deadband(rng, world, wanted);
    let states: Vec<State> = (0..count).map(|place| state(rng, world, wanted, place)).collect();
    deadband.retain(|(tag, _)| is_deadband(&states, *tag));
    Group {
        name: Some(name.into()),
        weight: rng.once_in(2).then(|| weight(rng)),
        states,
        otherwise: rng.once_in(2).then(|| frame::named(rng, &["Fine", "Normal", "Idle"])),
        unknown: rng.once_in(3).then(|| unknown(rng, wanted)),
        deadband,
    }
}

/// A deadband, and what else may be wanted beside it: its states have no `clear` of their own.
fn deadband(rng: &mut Rng, world: &World, wanted: Wanted) -> (Vec<(usize, f64)>, Wanted) {
    if !wanted.deadbands || rng.once_in(3) {
        return (Vec::new(), wanted);
    }
    let floats: Vec<usize> =
        (0..world.names.len()).filter(|tag| world.names[*tag].kind == Kind::Float).collect();
    let tag = rng.pick(&floats);
    let band = wanted.windows.then_some(tag);
    (vec![(tag, rng.between(1, 5) as f64 / 2.0)], Wanted { keys: false, machines: false, band, ..wanted })
}

/// Whether the tag may have a deadband beside these states: one of them has a limit that is shifted.
pub(super) fn is_deadband(states: &[State], tag: usize) -> bool {
    states.iter().all(|state| fits(&state.when, tag))
        && states.iter().any(|state| has_limit(&state.when, tag))
}

/// Whether the checker takes a deadband of the tag: it refuses where nothing can be shifted.
fn fits(expr: &Expr, tag: usize) -> bool {
    match expr {
        Expr::Xor(..) => !expr.tags().contains(&tag),
        Expr::Compare("=" | "<>", ..) | Expr::In(..) => !expr.tags().contains(&tag),
        Expr::Not(a) => fits(a, tag),
        Expr::And(a, b) | Expr::Or(a, b) => fits(a, tag) && fits(b, tag),
        _ => true,
    }
}

/// Whether it has a limit of the tag.
fn has_limit(expr: &Expr, tag: usize) -> bool {
    expr.all().into_iter().any(|e| match e {
        Expr::Compare(_, a, b) => {
            b.tags().is_empty() && is_shifted(a, tag) || a.tags().is_empty() && is_shifted(b, tag)
        }
        Expr::Between(a, ..) => is_shifted(a, tag),
        _ => false,
    })
}

fn is_shifted(side: &Expr, tag: usize) -> bool {
    match side {
        Expr::Window("avg" | "min" | "max", inner, _) => **inner == Expr::Tag(tag),
        side => *side == Expr::Tag(tag),
    }
}

fn weight(rng: &mut Rng) -> u32 {
    rng.pick(&[0, 1, 5, 10, 20, 30])
}

fn severity(rng: &mut Rng) -> Severity {
    rng.pick(&[Severity::Info, Severity::Warning, Severity::Alarm, Severity::Critical])
}

fn unknown(rng: &mut Rng, wanted: Wanted) -> UnknownPolicy {
    let mut after = || rng.pick(&[0, 50, 100, 300, 600, 1_500]);
    let after = after();
    match rng.below(8) {
        0 => UnknownPolicy::AsFalse,
        1 if wanted.long => UnknownPolicy::Abstain,
        2 if wanted.long => UnknownPolicy::Say { after: UNKNOWN_AFTER },
        3 | 4 => UnknownPolicy::Named {
            after,
            name: rng.pick(&["Fault", "Broken"]).into(),
            weight: weight(rng),
            severity: severity(rng),
        },
        _ => UnknownPolicy::Say { after },
    }
}

pub(super) fn state(rng: &mut Rng, world: &World, wanted: Wanted, place: usize) -> State {
    let place = place.min(2);
    let delay = if rng.once_in(2) { rng.pick(&TIMES) } else { 0 };
    let name = if place == 0 && rng.once_in(6) { "Trouble" } else { ["First", "Second", "Third"][place] };
    let latch = wanted.keys && rng.once_in(8);
    let when = condition(rng, world, wanted, 2);
    let when = frame::elsewhere(rng, world, wanted, when);
    let clear = wanted.keys && !latch && rng.once_in(3);
    let hold = wanted.keys && !latch && rng.once_in(3);
    State {
        name: name.into(),
        when,
        clear: clear.then(|| condition(rng, world, wanted, 1)),
        delay,
        hold: if hold { rng.pick(&TIMES) } else { 0 },
        delay_by: frame::delay_by(rng, wanted),
        hold_by: if hold { frame::delay_by(rng, wanted) } else { None },
        latch,
        weight: rng.once_in(3).then(|| weight(rng)),
        severity: rng.once_in(3).then(|| severity(rng)),
    }
}

fn condition(rng: &mut Rng, world: &World, wanted: Wanted, depth: usize) -> Expr {
    let inner = |rng: &mut Rng| Box::new(condition(rng, world, wanted, depth - 1));
    match if depth == 0 { 9 } else { rng.below(10) } {
        0 | 1 => Expr::And(inner(rng), inner(rng)),
        2 | 3 => Expr::Or(inner(rng), inner(rng)),
        4 => Expr::Xor(inner(rng), inner(rng)),
        5 => Expr::Not(inner(rng)),
        _ if wanted.band.is_some() && rng.once_in(2) => windows::limit(rng, wanted),
        _ if wanted.hours && rng.once_in(3) => {
            let beside = atom(rng, world);
            frame::hour(rng, beside)
        }
        _ if wanted.params && rng.once_in(2) => frame::limit(rng, world),
        _ if wanted.windows && rng.once_in(2) => windows::atom(rng, world, wanted),
        _ if wanted.language && rng.once_in(2) => atoms::atom(rng, world, wanted.moments),
        _ => atom(rng, world),
    }
}

pub(super) fn atom(rng: &mut Rng, world: &World) -> Expr {
    let place = rng.below(world.names.len());
    let tag = Box::new(Expr::Tag(place));
    let sign = rng.pick(&["=", "<>", "<", "<=", ">", ">="]);
    match world.names[place].kind {
        Kind::Bool => *tag,
        _ if rng.once_in(6) => {
            let numbers: Vec<usize> =
                (0..world.names.len()).filter(|tag| world.names[*tag].kind != Kind::Bool).collect();
            Expr::Compare(sign, tag, Box::new(Expr::Tag(rng.pick(&numbers))))
        }
        Kind::Int => Expr::Compare(sign, tag, Box::new(Expr::Int(rng.between(1, 7)))),
        Kind::Float => {
            let limit = rng.between(1, 14) as f64 / 2.0;
            Expr::Compare(sign, tag, Box::new(Expr::Float(limit)))
        }
    }
}
