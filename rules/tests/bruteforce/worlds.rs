//! Random worlds.
//!
//! Here: machines, sources, tags, options. Not here: what happens to them (`generate`).
//! Invariant: a seed makes one world.

use std::collections::BTreeMap;

use super::frame;
use super::generate::Wanted;
use super::model::{Kind, Local, Machine, Name, Source, Tag, World, ZERO};
use super::rng::Rng;

/// The names of parameters, and whether each is a time.
pub(super) const PARAMS: [(&str, bool); 3] = [("limit", false), ("least", false), ("patience", true)];

/// Zones, with their offsets to UTC before and after an instant, ms.
const ZONES: [Local; 3] = [
    Local { name: "Europe/Berlin", before: 2 * HOUR, after: HOUR, turn: 1_698_541_200_000 },
    Local { name: "Europe/Berlin", before: HOUR, after: 2 * HOUR, turn: 1_711_846_800_000 },
    Local { name: "Asia/Kolkata", before: 5 * HOUR + HOUR / 2, after: 5 * HOUR + HOUR / 2, turn: ZERO },
];
const HOUR: i64 = 3_600_000;

pub(super) fn world(rng: &mut Rng, wanted: Wanted) -> World {
    let count = rng.between(1, 3) as usize;
    let ids = ["a", "b", "c"];
    let sources: Vec<Source> = ids[..count].iter().map(|id| source(rng, id)).collect();
    let machines = if wanted.machines { rng.between(1, 3) as usize } else { 1 };
    let machines: Vec<Machine> =
        ["m", "n", "o"][..machines].iter().map(|name| machine(rng, name, wanted)).collect();
    let names = ["x", "y", "on", "n", "z", "off"];
    let kinds = [Kind::Float, Kind::Float, Kind::Bool, Kind::Int, Kind::Float, Kind::Bool];
    let name = |(name, kind): (&&str, Kind)| Name {
        name: (*name).into(),
        kind,
        counter: (wanted.windows && kind == Kind::Int && rng.once_in(2)).then(|| rng.pick(&[16, 32])),
    };
    let names: Vec<Name> = names.iter().zip(kinds).map(name).collect();
    let mut tags = Vec::new();
    for tag in 0..names.len() * machines.len() {
        let float = names[tag % names.len()].kind == Kind::Float;
        let source = rng.below(count);
        tags.push(Tag { source, range: (float && rng.once_in(5)).then_some((0.0, 7.0)) });
    }
    let (drop_late, global) = (rng.once_in(4), rng.once_in(3));
    let seen = wanted.seen && rng.once_in(2);
    let waiting_max = wanted.full.then(|| rng.between(1, 6) as usize);
    let zone = wanted.hours.then(|| rng.pick(&ZONES));
    let start = zone.map_or(0, |zone| near(rng, zone));
    let (punctual, noisy) = (wanted.actions, rng.once_in(4));
    World {
        machines,
        sources,
        names,
        tags,
        drop_late,
        global,
        seen,
        waiting_max,
        start,
        punctual,
        noisy,
        zone,
    }
}

/// An instant shortly before the hour, or the day, changes.
fn near(rng: &mut Rng, zone: Local) -> i64 {
    let midnight = |t: i64| t - (t + zone.before) % (24 * HOUR);
    let hour = |t: i64| t - (t + zone.before) % HOUR;
    let places = [zone.turn, zone.turn - HOUR, zone.turn + HOUR, midnight(zone.turn), midnight(zone.turn)];
    let place =
        if zone.before == zone.after { rng.pick(&[hour(ZERO), midnight(ZERO)]) } else { rng.pick(&places) };
    place - ZERO - rng.between(1, 60) * 50
}

fn source(rng: &mut Rng, id: &str) -> Source {
    let idle = rng.pick(&[300, 500, 1_000, 2_000]);
    Source {
        id: id.into(),
        idle,
        disorder: rng.pick(&[0, 0, 1, 50, 200]),
        max_lag: rng.pick(&[None, Some(idle), Some(idle + 250), Some(3_000)]),
    }
}

fn machine(rng: &mut Rng, name: &str, wanted: Wanted) -> Machine {
    let mut params = BTreeMap::new();
    for (name, is_time) in PARAMS {
        if wanted.params && rng.once_in(3) {
            params.insert(name.to_owned(), frame::param_value(rng, is_time));
        }
    }
    let (line, class) = (rng.pick(&["L3", "L4"]).into(), rng.pick(&["filler", "washer"]).into());
    Machine { name: name.into(), line, class, params }
}
