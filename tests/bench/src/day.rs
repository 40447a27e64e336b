//! A day in the hall: its datapoints in the order of arrival.
//!
//! It does what the generator of the test vectors does (`generate.py`), with other random numbers: every tag is sampled
//! every 1 to 10 s with a jitter of half of that; every second source stamps on a grid of 100 ms; a datapoint arrives
//! 5 to 120 ms (by its source) and up to 400 ms of its own after it was taken; one in 1,000 comes 1 to 10 s later than
//! that, one in 500 is Bad, one in 2,000 is followed by another of its tag with the same timestamp; the second source is
//! silent for a fifth of the time (at least 3 min, at most half) and then delivers 20 that are too late; one in ten has
//! flags, and never `Wmk`.
//!
//! Here: the recording. Not here: configuration and rules (`plant`).
//! Invariant: the same plant has the same day.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::fmt::Write as _;
use std::io::Write;

use anyhow::Result;
use fastrand::Rng;

use crate::plant::{Plant, TAGS, id, source_id};

const BEGIN: i64 = 1_700_000_000_000;
/// The source that is silent for a while.
const SILENT: usize = 1;
/// Datapoints that it remembers meanwhile, and how much older they are when they come, ms.
const REMEMBERED: usize = 20;
const OLDER: i64 = 31_000;

/// A tag as it goes through the day.
struct Walk {
    machine: usize,
    tag: usize,
    interval: i64,
    value: f64,
    target: f64,
}

/// The day, as far as it has come.
struct Day {
    rng: Rng,
    sources: usize,
    /// The delay of each source, ms.
    delays: Vec<i64>,
    sequences: Vec<u64>,
    /// When it arrives, in which order, the line.
    arriving: BinaryHeap<Reverse<(i64, usize, String)>>,
    told: usize,
}

/// Writes the day of a plant.
pub(crate) fn record(plant: Plant, mut out: impl Write) -> Result<()> {
    let mut rng = Rng::with_seed(7);
    let mut walks = walks(plant, &mut rng);
    let silence = silence(plant, &walks);
    let mut queue: BinaryHeap<_> =
        walks.iter().enumerate().map(|(i, walk)| Reverse((BEGIN + rng.i64(0..walk.interval), i))).collect();
    let delays = (0..plant.sources).map(|_| rng.i64(5..=120)).collect();
    let sequences = vec![0; plant.sources];
    let mut day =
        Day { rng, sources: plant.sources, delays, sequences, arriving: BinaryHeap::new(), told: 0 };
    let mut kept = VecDeque::new();
    while day.told < plant.points {
        let Some(Reverse((now, i))) = queue.pop() else { break };
        let (walk, source) = (&mut walks[i], walks_source(&plant, i));
        queue.push(Reverse((now + walk.interval / 2 + day.rng.i64(0..walk.interval), i)));
        let grid = grid(source);
        let (stamp, value) = (now / grid * grid, walk.step(&mut day.rng));
        if source == SILENT && silence.contains(&now) {
            kept.push_back((stamp, i, value));
            kept.drain(..kept.len().saturating_sub(REMEMBERED));
            continue;
        }
        if source == SILENT {
            for (n, (stamp, i, value)) in kept.drain(..).enumerate() {
                day.tell(&walks[i], stamp - OLDER, now + n as i64 / 4, Some(&value));
            }
        }
        day.sample(&mut walks[i], stamp, now, &value);
        day.arrive(now - 10, &mut out)?;
    }
    day.arrive(i64::MAX, &mut out)?;
    Ok(out.flush()?)
}

fn walks_source(plant: &Plant, walk: usize) -> usize {
    walk / TAGS.len() % plant.sources
}

fn grid(source: usize) -> i64 {
    if source.is_multiple_of(2) { 100 } else { 1 }
}

/// While one source says nothing.
fn silence(plant: Plant, walks: &[Walk]) -> std::ops::Range<i64> {
    let each_ms: f64 = walks.iter().map(|walk| 1.0 / walk.interval as f64).sum();
    let length = plant.points as f64 / each_ms;
    let (from, silent) = (length * 0.4, (length * 0.2).max(180_000.0).min(length * 0.5));
    BEGIN + from as i64..BEGIN + (from + silent) as i64
}

fn walks(plant: Plant, rng: &mut Rng) -> Vec<Walk> {
    let tags = (0..plant.machines).flat_map(|machine| (0..TAGS.len()).map(move |tag| (machine, tag)));
    tags.map(|(machine, tag)| {
        let product = rng.i64(1..=3) as f64;
        let (temperature, pressure) = (80.0 + 15.0 * rng.f64(), 3.0 + 2.5 * rng.f64());
        let value = [1.0, product, temperature, pressure, 100.0 * rng.f64()][tag];
        Walk { machine, tag, interval: rng.i64(1_000..=10_000), value, target: value }
    })
    .collect()
}

impl Day {
    /// A value is taken and sent.
    fn sample(&mut self, walk: &mut Walk, stamp: i64, now: i64, value: &str) {
        let source = walk.machine % self.sources;
        let late = if self.rng.u32(0..1_000) == 0 { self.rng.i64(1_000..=10_000) } else { 0 };
        let at = now + self.delays[source] + self.rng.i64(0..=401 - grid(source)) + late;
        let bad = self.rng.u32(0..500) == 0;
        self.tell(walk, stamp, at, (!bad).then_some(value));
        if self.rng.u32(0..2_000) == 0 {
            let (other, at) = (walk.step(&mut self.rng), at + self.rng.i64(-3..=3));
            self.tell(walk, stamp, at, Some(&other));
        }
    }

    fn tell(&mut self, walk: &Walk, stamp: i64, at: i64, value: Option<&str>) {
        let source = walk.machine % self.sources;
        let (value, quality) = value.map_or(("null", "Bad"), |value| (value, "Ok"));
        let flags = match self.rng.u32(0..30) {
            0 => r#"["Fst","Lst","Syn"]"#,
            1 | 2 => r#"["Syn"]"#,
            _ => "[]",
        };
        let mut line = String::with_capacity(256);
        // Writing to a text does not fail.
        writeln!(
            line,
            r#"{{"version":1,"timestamp":{stamp},"equipmentId":"{}","tag":"{}","value":{value},"quality":"{quality}","meta":{{"sequenceNumber":{},"flags":{flags},"createdAt":{at},"sourceId":"{}"}}}}"#,
            id(walk.machine),
            TAGS[walk.tag].0,
            self.sequences[source],
            source_id(source)
        )
        .ok();
        self.sequences[source] += 1;
        self.told += 1;
        self.arriving.push(Reverse((at, self.told, line)));
    }

    /// Writes what has arrived by then.
    fn arrive(&mut self, by: i64, out: &mut impl Write) -> Result<()> {
        while self.arriving.peek().is_some_and(|Reverse((at, ..))| *at <= by) {
            let Some(Reverse((_, _, line))) = self.arriving.pop() else { break };
            out.write_all(line.as_bytes())?;
        }
        Ok(())
    }
}

impl Walk {
    fn step(&mut self, rng: &mut Rng) -> String {
        let seldom = |rng: &mut Rng, in_1000: u32| rng.u32(0..1_000) < in_1000;
        match self.tag {
            0 if self.value == 1.0 && seldom(rng, 10) => self.value = [0.0, 0.0, 2.0][rng.usize(0..3)],
            0 if self.value != 1.0 && seldom(rng, 80) => self.value = 1.0,
            1 if seldom(rng, 3) => self.value = rng.i64(1..=3) as f64,
            2 if seldom(rng, 6) => self.target = [84.0, 88.0, 93.0, 97.0, 101.0][rng.usize(0..5)],
            3 if seldom(rng, 6) => self.target = [2.5, 3.8, 4.6, 5.2, 5.8][rng.usize(0..5)],
            _ => {}
        }
        if self.tag < 2 {
            return format!("{}", self.value);
        }
        let pull = [0.0, 0.0, 0.1, 0.1, 0.0][self.tag];
        let noise = [0.0, 0.0, 0.5, 0.06, 1.0][self.tag] * gauss(rng);
        self.value += (self.target - self.value) * pull + noise;
        if self.tag == 4 { format!("{:.3}", self.value) } else { format!("{:.2}", self.value) }
    }
}

/// A random number of mean 0 and deviation 1 (Box and Muller).
fn gauss(rng: &mut Rng) -> f64 {
    let (radius, angle) = ((-2.0 * (1.0 - rng.f64()).ln()).sqrt(), std::f64::consts::TAU * rng.f64());
    radius * angle.cos()
}
