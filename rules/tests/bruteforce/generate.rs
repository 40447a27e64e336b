//! Random worlds and stories.
//!
//! Here: sources, tags, and what is delivered when. Not here: rules (`rules_of`).
//! Invariant: a seed makes one case; times fall on a coarse grid more often than not, so that they coincide.

use super::model::{Case, Kind, Point, Raw, Source, Step, Subject, Tag, What, World};
use super::rng::Rng;
use super::rules_of;

/// The coarse grid on which most times fall, ms.
const GRID: i64 = 50;

/// What a case may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    pub(crate) restarts: bool,
    pub(crate) epochs: bool,
    /// Long silences, and `unknown.after` of a minute.
    pub(crate) long: bool,
    /// `clear`, `hold`, `latch`.
    pub(crate) keys: bool,
    pub(crate) deadbands: bool,
    /// `active_if`, `suppress_if`.
    pub(crate) gates: bool,
    /// More than comparisons.
    pub(crate) language: bool,
    /// Window functions.
    pub(crate) windows: bool,
    /// `age`, judged at its crossing, and `prev`.
    pub(crate) moments: bool,
}

pub(crate) fn case(seed: u64, wanted: Wanted) -> Case {
    let mut rng = Rng::new(seed);
    let world = world(&mut rng, wanted);
    let rules = vec![rules_of::rules(&mut rng, &world, wanted)];
    let story = story(&mut rng, &world, wanted);
    Case { world, rules, story }
}

fn world(rng: &mut Rng, wanted: Wanted) -> World {
    let count = rng.between(1, 3) as usize;
    let ids = ["a", "b", "c"];
    let sources: Vec<Source> = ids[..count].iter().map(|id| source(rng, id)).collect();
    let names = ["x", "y", "on", "n", "z", "off"];
    let kinds = [Kind::Float, Kind::Float, Kind::Bool, Kind::Int, Kind::Float, Kind::Bool];
    let tag = |(name, kind): (&&str, Kind)| Tag {
        name: (*name).into(),
        kind,
        source: rng.below(count),
        range: (kind == Kind::Float && rng.once_in(5)).then_some((0.0, 7.0)),
        counter: (wanted.windows && kind == Kind::Int && rng.once_in(2)).then_some(16),
    };
    let tags = names.iter().zip(kinds).map(tag).collect();
    World { sources, tags, drop_late: rng.once_in(4), global: rng.once_in(3) }
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

fn story(rng: &mut Rng, world: &World, wanted: Wanted) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut at, mut sequence, mut stopped) = (0, 0, i64::MIN);
    for _ in 0..rng.between(3, 45) {
        at += gap(rng, wanted.long);
        if wanted.restarts && rng.once_in(15) {
            steps.push(Step { at, what: What::Restart(0) });
            stopped = at + GRID + 1;
        } else if wanted.epochs && rng.once_in(15) {
            at -= rng.pick(&[0, 100, 777, 3_000]);
            steps.push(Step { at, what: What::Epoch });
        } else if rng.once_in(15) {
            steps.push(Step { at, what: What::Clock });
        } else {
            let source = rng.below(world.sources.len());
            let mut what = delivery(rng, world, source, at, &mut sequence);
            if let What::Deliver(_, points) = &mut what {
                points.iter_mut().for_each(|point| point.timestamp = point.timestamp.max(stopped));
            }
            steps.push(Step { at, what });
        }
    }
    let end = if wanted.long { 70_000 } else { 6_000 };
    steps.push(Step { at: at + end, what: What::Clock });
    steps
}

fn gap(rng: &mut Rng, long: bool) -> i64 {
    if long && rng.once_in(20) {
        return rng.between(10, 1_400) * GRID;
    }
    match rng.below(12) {
        0 => 0,
        1 => 1,
        2 => rng.between(1, 300),
        3 => rng.between(1, 40) * GRID,
        _ => rng.between(1, 6) * GRID,
    }
}

fn delivery(rng: &mut Rng, world: &World, source: usize, at: i64, sequence: &mut u64) -> What {
    let lag = match rng.below(10) {
        0 => rng.between(0, 40) * GRID,
        1 => rng.between(0, 260),
        2 => -GRID,
        _ => 0,
    };
    let mut number = || {
        *sequence += 1;
        *sequence
    };
    let tags: Vec<usize> = (0..world.tags.len()).filter(|tag| world.tags[*tag].source == source).collect();
    if tags.is_empty() || rng.once_in(4) {
        let subject = if rng.once_in(4) { Subject::Connected(rng.once_in(2)) } else { Subject::Heartbeat };
        return What::Deliver(
            source,
            vec![Point { subject, timestamp: at - lag, sequence: number(), wmk: true }],
        );
    }
    let mut points: Vec<Point> = (0..rng.between(1, 4))
        .map(|_| {
            let tag = rng.pick(&tags);
            let jitter = if rng.once_in(5) { rng.between(0, 4) * GRID } else { 0 };
            let subject = Subject::Tag(tag, raw(rng, &world.tags[tag]));
            Point { subject, timestamp: at - lag - jitter, sequence: number(), wmk: false }
        })
        .collect();
    if rng.once_in(8) {
        let mut numbers: Vec<u64> = points.iter().map(|point| point.sequence).collect();
        rng.shuffle(&mut numbers);
        points.iter_mut().zip(numbers).for_each(|(point, number)| point.sequence = number);
    }
    if let Some(last) = points.last_mut() {
        last.wmk = rng.below(3) > 0;
    }
    What::Deliver(source, points)
}

fn raw(rng: &mut Rng, tag: &Tag) -> Raw {
    if rng.once_in(10) {
        let odd = [
            Raw::Bad,
            Raw::Bad,
            Raw::Bad,
            Raw::Float(f64::NAN),
            Raw::Float(f64::INFINITY),
            Raw::Float(1.387e-42),
            Raw::Float(2.5),
            Raw::Int(9),
            Raw::Bool(true),
            Raw::Float(-0.0),
        ];
        return rng.pick(&odd);
    }
    let number = rng.between(0, 8);
    match tag.kind {
        Kind::Bool => Raw::Bool(number > 3),
        Kind::Int if tag.counter.is_some() && rng.once_in(3) => {
            Raw::Int(rng.pick(&[65_530, 65_535, 40_000, 300]))
        }
        Kind::Int => Raw::Int(number),
        Kind::Float => Raw::Float(number as f64),
    }
}
