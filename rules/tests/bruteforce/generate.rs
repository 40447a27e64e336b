//! Random stories.
//!
//! Here: what a case may hold, and what happens when. Not here: what values come (`values`), worlds (`worlds`), rules (`rules_of`, `edits`).
//! Invariant: a seed makes one case; times fall on a coarse grid more often than not, so that they coincide.

use super::model::{Case, Order, Point, Rule, Step, Subject, What, World};
use super::rng::Rng;
use super::values::Values;
use super::{edits, rules_of, worlds};

/// The coarse grid on which most times fall, ms.
const GRID: i64 = 50;

/// What a case may hold.
#[derive(Debug, Clone, Copy, Default)]
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
    /// Several machines, and rules that read the tags of another one.
    pub(crate) machines: bool,
    /// Parameters.
    pub(crate) params: bool,
    /// Other versions of the rules, while the agent runs and at a start.
    pub(crate) reloads: bool,
    /// What people do.
    pub(crate) operators: bool,
    /// Notifications.
    pub(crate) actions: bool,
    /// `hour()` and `weekday()`.
    pub(crate) hours: bool,
    /// Not much may wait.
    pub(crate) full: bool,
    /// Sources count from their first datapoint, sometimes.
    pub(crate) seen: bool,
    /// Limits of this tag and its windows: it has a deadband.
    pub(crate) band: Option<usize>,
}

pub(crate) fn case(seed: u64, wanted: Wanted) -> Case {
    let mut rng = Rng::new(seed);
    let world = worlds::world(&mut rng, wanted);
    let mut rules = vec![rules_of::rules(&mut rng, &world, wanted)];
    for _ in 0..if wanted.reloads { rng.between(1, 3) } else { 0 } {
        let base = rng.below(rules.len());
        rules.push(edits::edited(&mut rng, &world, &rules[base], wanted));
    }
    let story = story(&mut rng, &world, &rules, wanted);
    Case { world, rules, story }
}

fn story(rng: &mut Rng, world: &World, rules: &[Vec<Rule>], wanted: Wanted) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut at, mut stopped) = (world.start, i64::MIN);
    let mut values = Values::new(rng, world, wanted);
    for _ in 0..rng.between(3, 45) {
        at += gap(rng, wanted.long);
        if wanted.restarts && rng.once_in(15) {
            steps.push(Step { at, what: What::Restart(rng.below(rules.len())) });
            stopped = at + GRID + 1;
        } else if wanted.epochs && rng.once_in(15) {
            at -= rng.pick(&[0, 100, 777, 3_000]);
            steps.push(Step { at, what: What::Epoch });
        } else if rng.once_in(15) {
            steps.push(Step { at, what: What::Clock });
        } else if wanted.reloads && rng.once_in(8) {
            steps.push(Step { at, what: What::Reload(rng.below(rules.len())) });
        } else if wanted.operators && rng.once_in(5) {
            steps.push(Step { at, what: operator(rng, world, rules) });
        } else {
            let source = rng.below(world.sources.len());
            let mut what = delivery(rng, world, source, at, &mut values);
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

/// The same case, in which the rules are loaded once more, as they are, at random points.
pub(crate) fn reloaded(case: &Case, seed: u64) -> Case {
    let mut rng = Rng::new(seed);
    let (mut story, mut version) = (Vec::new(), 0);
    for step in &case.story {
        if let What::Reload(other) | What::Restart(other) = step.what {
            version = other;
        }
        story.push(step.clone());
        if rng.once_in(4) {
            story.push(Step { at: step.at, what: What::Reload(version) });
        }
    }
    Case { story, ..case.clone() }
}

fn operator(rng: &mut Rng, world: &World, rules: &[Vec<Rule>]) -> What {
    let version = rng.below(rules.len());
    let rule = rules[version][rng.below(rules[version].len())].name.clone();
    let shelve = Order::Shelve(rng.pick(&[1, 100, 300, 700, 1_500, 4_000]));
    let orders = [
        shelve,
        shelve,
        Order::ShelveOnce,
        Order::Unshelve,
        Order::OutOfService,
        Order::InService,
        Order::Reset,
        Order::Reset,
    ];
    What::Operator { rule, machine: rng.below(world.machines.len()), order: rng.pick(&orders) }
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

fn delivery(rng: &mut Rng, world: &World, source: usize, at: i64, values: &mut Values) -> What {
    let lag = match rng.below(10) {
        0 => rng.between(0, 40) * GRID,
        1 => rng.between(0, 260),
        2 => -GRID,
        _ => 0,
    };
    let tags: Vec<usize> = (0..world.tags.len()).filter(|tag| world.tags[*tag].source == source).collect();
    if tags.is_empty() || rng.once_in(4) {
        let subject = if rng.once_in(4) { Subject::Connected(rng.once_in(2)) } else { Subject::Heartbeat };
        let (sequence, uncertain) = (values.number(), false);
        return What::Deliver(
            source,
            vec![Point { subject, timestamp: at - lag, sequence, wmk: true, uncertain }],
        );
    }
    let mut points: Vec<Point> = (0..rng.between(1, 4))
        .map(|_| {
            let tag = rng.pick(&tags);
            let jitter = if rng.once_in(5) { rng.between(0, 4) * GRID } else { 0 };
            let subject = Subject::Tag(tag, values.raw(rng, world, tag));
            let (timestamp, sequence) = (at - lag - jitter, values.number());
            Point { subject, timestamp, sequence, wmk: false, uncertain: rng.once_in(10) }
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
