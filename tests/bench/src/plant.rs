//! A hall of machines that never was: configuration and rules.
//!
//! Each machine has five tags: `machine_state`, `product`, `water_temperature`, `pressure`, and `motor_current`, which
//! no rule reads; machine m belongs to source m mod 20, rule r is for machine r mod 1,000. A rule has two groups with
//! two states each, three rules of ten a third group with one. Limits, delays and weights are drawn as the generator of
//! the test vectors draws them (`generate.py --sources 20 --equipment 1000 --points 2000000 --rules 1000 --noise 1`),
//! from other random numbers.
//!
//! Here: what the agent is told. Not here: what happens there (`day`), measuring.
//! Invariant: the same plant makes the same bytes.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use anyhow::Result;
use fastrand::Rng;

use crate::day;

/// Rules in a file.
const FILE_RULES: usize = 500;
/// The tags of a machine with their types.
pub(crate) const TAGS: [(&str, &str); 5] = [
    ("machine_state", "Int"),
    ("product", "Int"),
    ("water_temperature", "Float"),
    ("pressure", "Float"),
    ("motor_current", "Float"),
];

/// How its rules are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As people write them: what is not known, or is not renewed, is as the manual says.
    Plain,
    /// As a stream job without such things: a value holds for ever, what is not known is false. So are those of the
    /// test vectors.
    Bare,
}

/// How large it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plant {
    pub(crate) machines: usize,
    pub(crate) sources: usize,
    pub(crate) rules: usize,
    pub(crate) points: usize,
}

impl Plant {
    /// Writes configuration, rules and recording into a folder.
    pub(crate) fn write(self, folder: &Path, style: Style) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("agent.toml"), self.config())?;
        self.write_rules(folder, style)?;
        day::record(self, BufWriter::with_capacity(1 << 18, File::create(folder.join("datapoints.ndjson"))?))
    }

    /// Writes the rules alone, in the place of those that are there.
    pub(crate) fn write_rules(self, folder: &Path, style: Style) -> Result<()> {
        let folder = folder.join("rules");
        std::fs::create_dir_all(&folder)?;
        // A file of rules has at most 1 MiB.
        for first in (0..self.rules).step_by(FILE_RULES) {
            let text = self.rules(first..self.rules.min(first + FILE_RULES), style);
            std::fs::write(folder.join(format!("{first:05}.toml")), text)?;
        }
        Ok(())
    }

    fn config(self) -> String {
        let mut text = "[agent]\nid = 'bench'\ndata_dir = 'data'\nrules_dir = 'rules'\n".to_owned();
        for machine in 0..self.machines {
            text += &format!("[[machine]]\nname = 'm{machine:05}'\nid = '{}'\n", id(machine));
        }
        for source in 0..self.sources {
            text += &format!("[[source]]\nid = '{}'\nprotocol = 'recorded'\n", source_id(source));
            for machine in (source..self.machines).step_by(self.sources) {
                for (name, kind) in TAGS {
                    text += "[[source.tag]]\n";
                    text += &format!("machine = 'm{machine:05}'\nname = '{name}'\ntype = '{kind}'\n");
                }
            }
        }
        text
    }

    fn rules(self, rules: std::ops::Range<usize>, style: Style) -> String {
        let mut rng = Rng::with_seed(rules.start as u64);
        rules.map(|rule| one_rule(&mut rng, rule, rule % self.machines, style)).collect()
    }
}

/// One rule for so many machines, and one datapoint: what is measured is loading.
pub(crate) fn write_template(folder: &Path, machines: usize) -> Result<()> {
    let plant = Plant { machines, sources: 20, rules: 1, points: 1 };
    plant.write(folder, Style::Plain)?;
    let rule = plant.rules(0..1, Style::Plain).replace("'m00000'", "'m*'");
    Ok(std::fs::write(folder.join("rules/00000.toml"), rule)?)
}

/// So many rules for each of 1,000 machines, and one datapoint.
pub(crate) fn write_templates(folder: &Path, rules: usize) -> Result<()> {
    let plant = Plant { machines: 1_000, sources: 20, rules, points: 1 };
    plant.write(folder, Style::Plain)?;
    let mut text = plant.rules(0..rules, Style::Plain);
    for machine in 0..rules {
        text = text.replace(&format!("'m{machine:05}'"), "'m*'");
    }
    Ok(std::fs::write(folder.join("rules/00000.toml"), text)?)
}

fn one_rule(rng: &mut Rng, rule: usize, machine: usize, style: Style) -> String {
    let mut one_of = |of: &[i64]| of[rng.usize(..of.len())];
    let tenths: Vec<i64> = (0..120).collect();
    let hot = 86.0 + one_of(&tenths) as f64 / 10.0;
    let high = 4.0 + one_of(&tenths[..10]) as f64 / 10.0;
    let (critical, warning) = (one_of(&[0, 1, 5, 30]), one_of(&[0, 10, 60, 300]));
    let (product, stopped) = (one_of(&[1, 2, 3]), one_of(&[0, 5, 20]));
    let state = |name: &str, when: &str, delay: i64| {
        format!("  {{ name = '{name}', when = '{when}', for = '{delay} s' }},\n")
    };
    let group = |name: &str, weight: i64, states: &str| {
        let unknown = if style == Style::Bare { "unknown = 'as-false'\n" } else { "" };
        format!("[rule.r{rule:05}.group.{name}]\nweight = {weight}\n{unknown}state = [\n{states}]\n")
    };
    let stale = if style == Style::Bare { "stale_after = 'never'\n" } else { "" };
    let mut text = format!("[rule.r{rule:05}]\non = 'm{machine:05}'\ndefault = 'Idle'\n{stale}");
    let runs = format!("machine_state = 1 and product = {product}");
    text +=
        &group("context", 1, &(state("Active", &runs, 0) + &state("Stopped", "machine_state < 1", stopped)));
    let (hotter, higher) = (hot + 4.0, high + 0.5);
    let worst = format!("water_temperature > {hotter:.1} and pressure >= {higher:.1}");
    let bad = format!("water_temperature > {hot:.1} and pressure > {high:.1}");
    text += &group("thermal", 10, &(state("Critical", &worst, critical) + &state("Warning", &bad, warning)));
    if one_of(&tenths[..10]) < 3 {
        let (low, weight) = (2.5 + one_of(&tenths[..10]) as f64 / 10.0, one_of(&[10, 5, 1]));
        let (name, delay) = (["Warning", "LowPressure"][one_of(&[0, 1]) as usize], one_of(&[0, 15]));
        let when = format!("pressure <= {low:.1} and machine_state <> 2");
        text += &group("pressure-low", weight, &state(name, &when, delay));
    }
    text
}

/// An id as machines have them.
pub(crate) fn id(machine: usize) -> String {
    let mixed = (machine as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        "{:08x}-{:04x}-4{:03x}-a{:03x}-{machine:012x}",
        mixed >> 32,
        mixed >> 16 & 0xffff,
        mixed >> 4 & 0xfff,
        mixed & 0xfff
    )
}

/// An id as sources have them.
pub(crate) fn source_id(source: usize) -> String {
    format!("filling_machine_{source:03}")
}
