//! Floods of activations on a line (§7.7).
//!
//! Here: counting them by event time, at the line's lowest watermark. Not here: what an activation is (`says`).
//! Invariant: the order in which activations are found does not matter.

use std::collections::BTreeMap;

/// More activations than this are a flood,
const MANY: usize = 10;
/// within so long, ms.
const WITHIN: i64 = 600_000;

#[derive(Debug, Default)]
pub(crate) struct Lines(BTreeMap<String, Line>);

#[derive(Debug, Default)]
struct Line {
    /// Event time, rule and machine of each, as far as they were found.
    all: Vec<(i64, String, String)>,
    /// How many of them were counted.
    counted: usize,
    flooded: bool,
}

impl Lines {
    pub(crate) fn activated(&mut self, line: &str, t: i64, rule: &str, machine: &str) {
        self.0.entry(line.into()).or_default().all.push((t, rule.into(), machine.into()));
    }

    /// Tells of floods on a line whose lowest watermark is this: when, and the first activation.
    pub(crate) fn pass(&mut self, line: &str, mark: i64) -> Vec<(i64, String)> {
        let Some(of) = self.0.get_mut(line) else { return Vec::new() };
        of.all[of.counted..].sort();
        let mut floods = Vec::new();
        while of.all.get(of.counted).is_some_and(|(t, ..)| *t <= mark) {
            let t = of.all[of.counted].0;
            of.counted += 1;
            let from = of.all[..of.counted].iter().position(|(other, ..)| t - other <= WITHIN).unwrap_or(0);
            let flooded = of.counted - from > MANY;
            if flooded && !of.flooded {
                let (first, rule, machine) = &of.all[from];
                floods.push((t, format!("flood on {line}, first {rule} {machine} at {first}")));
            }
            of.flooded = flooded;
        }
        floods
    }

    /// The agent starts again, and of what was before only these are known: line, instant, rule and machine. Nothing is
    /// told of them.
    pub(crate) fn remember(&mut self, before: Vec<(String, i64, String, String)>) {
        self.0.clear();
        for (line, t, rule, machine) in before {
            self.activated(&line, t, &rule, &machine);
        }
        let lines: Vec<String> = self.0.keys().cloned().collect();
        lines.iter().for_each(|line| drop(self.pass(line, i64::MAX)));
    }

    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }
}
