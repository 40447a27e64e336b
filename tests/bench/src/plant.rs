//! A hall of machines that never was: their datapoints in the order of arrival, a configuration, rules.
//!
//! Each machine has five tags: `machine_state`, `product`, `water_temperature`, `pressure`, and `motor_current`, which
//! no rule reads. They are sampled every 1 to 10 s, arrive up to 0.4 s out of order, one in 1,000 much later, one in 500
//! is Bad; every second source stamps on a grid of 100 ms.
//!
//! Here: the data. Not here: measuring.
//! Invariant: the same plant makes the same bytes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Result;
use fastrand::Rng;

/// Rules in a file.
const FILE_RULES: usize = 500;
const BEGIN: i64 = 1_700_000_000_000;
const TAGS: [(&str, &str); 5] = [
    ("machine_state", "Int"),
    ("product", "Int"),
    ("water_temperature", "Float"),
    ("pressure", "Float"),
    ("motor_current", "Float"),
];

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plant {
    pub(crate) machines: usize,
    pub(crate) sources: usize,
    pub(crate) rules: usize,
    pub(crate) points: usize,
}

/// A tag as it goes through the day.
struct Walk {
    machine: usize,
    tag: usize,
    interval: i64,
    value: f64,
    target: f64,
}

impl Plant {
    /// Writes configuration, rules and recording into a folder.
    pub(crate) fn write(self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder.join("rules"))?;
        std::fs::write(folder.join("agent.toml"), self.config())?;
        // A file of rules has at most 1 MiB.
        for first in (0..self.rules).step_by(FILE_RULES) {
            let text = self.rules(first..self.rules.min(first + FILE_RULES));
            std::fs::write(folder.join(format!("rules/{first:05}.toml")), text)?;
        }
        self.record(BufWriter::with_capacity(1 << 18, File::create(folder.join("datapoints.ndjson"))?))
    }

    fn config(self) -> String {
        let mut text = "[agent]\nid = 'bench'\ndata_dir = 'data'\nrules_dir = 'rules'\n".to_owned();
        for machine in 0..self.machines {
            text += &format!("[[machine]]\nname = 'm{machine:05}'\nid = '{}'\n", id(machine));
        }
        for source in 0..self.sources {
            text += &format!("[[source]]\nid = 'plc_{source:03}'\nprotocol = 'recorded'\n");
            for machine in (source..self.machines).step_by(self.sources) {
                for (name, kind) in TAGS {
                    text += "[[source.tag]]\n";
                    text += &format!("machine = 'm{machine:05}'\nname = '{name}'\ntype = '{kind}'\n");
                }
            }
        }
        text
    }

    fn rules(self, rules: std::ops::Range<usize>) -> String {
        let mut rng = Rng::with_seed(rules.start as u64);
        let mut text = String::new();
        let mut one_of = |of: &[i64]| of[rng.usize(..of.len())];
        for rule in rules {
            let hot = 86.0 + one_of(&(0..120).collect::<Vec<_>>()) as f64 / 10.0;
            let high = 4.0 + one_of(&(0..10).collect::<Vec<_>>()) as f64 / 10.0;
            let (critical, warning) = (one_of(&[0, 1, 5, 30]), one_of(&[0, 10, 60, 300]));
            let (product, stopped) = (one_of(&[1, 2, 3]), one_of(&[0, 5, 20]));
            let machine = rule % self.machines;
            let (hotter, higher) = (hot + 4.0, high + 0.5);
            let group = |name: &str, weight: i64, states: [String; 2]| {
                let keys = format!("weight = {weight}\nunknown = 'as-false'\n");
                format!(
                    "[rule.r{rule:05}.group.{name}]\n{keys}state = [\n{},\n{},\n]\n",
                    states[0], states[1]
                )
            };
            let state = |name: &str, when: &str, delay: i64| {
                format!("  {{ name = '{name}', when = '{when}', for = '{delay} s' }}")
            };
            text += &format!("[rule.r{rule:05}]\non = 'm{machine:05}'\nstale_after = 'never'\n");
            let runs = format!("machine_state = 1 and product = {product}");
            let states = [state("Active", &runs, 0), state("Stopped", "machine_state < 1", stopped)];
            text += &group("context", 1, states);
            let worst = format!("water_temperature > {hotter:.1} and pressure >= {higher:.1}");
            let bad = format!("water_temperature > {hot:.1} and pressure > {high:.1}");
            let states = [state("Critical", &worst, critical), state("Warning", &bad, warning)];
            text += &group("thermal", 10, states);
        }
        text
    }

    fn record(self, mut out: impl Write) -> Result<()> {
        let mut rng = Rng::with_seed(7);
        let mut walks = self.walks(&mut rng);
        let due = |(i, walk): (usize, &Walk)| Reverse((BEGIN + i as i64 % walk.interval, i));
        let mut queue: BinaryHeap<_> = walks.iter().enumerate().map(due).collect();
        let mut arriving: BinaryHeap<Reverse<(i64, usize, String)>> = BinaryHeap::new();
        let mut sequences = vec![0_u64; self.sources];
        for number in 0..self.points {
            let Some(Reverse((now, i))) = queue.pop() else { break };
            let walk = &mut walks[i];
            queue.push(Reverse((now + walk.interval / 2 + rng.i64(0..walk.interval), i)));
            let source = walk.machine % self.sources;
            let grid = if source.is_multiple_of(2) { 100 } else { 1 };
            let late = if rng.u32(0..1_000) == 0 { rng.i64(1_000..10_000) } else { 0 };
            let at = now + 60 + rng.i64(0..300) + late;
            let line = walk.line(&mut rng, now / grid * grid, at, source, sequences[source]);
            sequences[source] += 1;
            arriving.push(Reverse((at, number, line)));
            while arriving.peek().is_some_and(|Reverse((at, ..))| *at <= now) {
                let Some(Reverse((_, _, line))) = arriving.pop() else { break };
                out.write_all(line.as_bytes())?;
            }
        }
        while let Some(Reverse((_, _, line))) = arriving.pop() {
            out.write_all(line.as_bytes())?;
        }
        Ok(out.flush()?)
    }

    fn walks(self, rng: &mut Rng) -> Vec<Walk> {
        let tags = (0..self.machines).flat_map(|machine| (0..TAGS.len()).map(move |tag| (machine, tag)));
        tags.map(|(machine, tag)| {
            let value = [1.0, 1.0, 80.0 + 15.0 * rng.f64(), 3.0 + 2.5 * rng.f64(), 50.0][tag];
            Walk { machine, tag, interval: rng.i64(1_000..10_000), value, target: value }
        })
        .collect()
    }
}

impl Walk {
    fn line(&mut self, rng: &mut Rng, stamp: i64, at: i64, source: usize, sequence: u64) -> String {
        let value = self.step(rng);
        let (value, quality) = if rng.u32(0..500) == 0 { ("null".to_owned(), "Bad") } else { (value, "Ok") };
        let flags = if rng.u32(0..10) == 0 { r#"["Syn"]"# } else { "[]" };
        let mut line = String::with_capacity(256);
        // Writing to a text does not fail.
        write!(
            line,
            r#"{{"version":1,"timestamp":{stamp},"equipmentId":"{}","tag":"{}","value":{value},"quality":"{quality}","meta":{{"sequenceNumber":{sequence},"flags":{flags},"createdAt":{at},"sourceId":"plc_{source:03}"}}}}"#,
            id(self.machine),
            TAGS[self.tag].0
        )
        .ok();
        line.push('\n');
        line
    }

    fn step(&mut self, rng: &mut Rng) -> String {
        let mut seldom = |one_in: u32| rng.u32(0..one_in) == 0;
        match self.tag {
            0 if self.value == 1.0 && seldom(100) => self.value = [0.0, 0.0, 2.0][rng.usize(0..3)],
            0 if self.value != 1.0 && seldom(12) => self.value = 1.0,
            1 if seldom(300) => self.value = rng.i64(1..4) as f64,
            2 if seldom(160) => self.target = [84.0, 88.0, 93.0, 97.0, 101.0][rng.usize(0..5)],
            3 if seldom(160) => self.target = [2.5, 3.8, 4.6, 5.2, 5.8][rng.usize(0..5)],
            _ => {}
        }
        if self.tag < 2 {
            return format!("{}", self.value);
        }
        let noise = [0.0, 0.0, 1.0, 0.12, 2.0][self.tag] * (rng.f64() - 0.5);
        self.value += (self.target - self.value) * 0.1 + noise;
        format!("{:.2}", self.value)
    }
}

/// One rule for so many machines, and one datapoint: what is measured is loading.
pub(crate) fn write_many(folder: &Path, instances: usize) -> Result<()> {
    let plant = Plant { machines: instances, sources: 20, rules: 1, points: 1 };
    plant.write(folder)?;
    let rule = plant.rules(0..1).replace("'m00000'", "'m*'");
    Ok(std::fs::write(folder.join("rules/00000.toml"), rule)?)
}

/// An id as machines have them.
fn id(machine: usize) -> String {
    let mixed = (machine as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{machine:012x}",
        mixed >> 32,
        mixed >> 16 & 0xffff,
        mixed >> 4 & 0xfff,
        mixed & 0xfff
    )
}
