//! Running a story, and looking at what came of it.
//!
//! Here: the engine with what would be stored of it. Not here: stories.
//! Invariant: what survives a restart is what the agent would have kept.

use std::collections::BTreeMap;
use std::sync::Arc;

use proto::{Cause, Transition};
use rules::engine::{Engine, Outputs};

use super::plant::Plant;
use super::story::{Scan, Step, ZERO};

/// An engine, and all that it said.
pub(crate) struct Run {
    pub(crate) engine: Engine,
    pub(crate) transitions: Vec<Transition>,
    pub(crate) stored: BTreeMap<String, Vec<u8>>,
}

impl Run {
    pub(crate) fn new(plant: &Plant) -> Self {
        let stored = BTreeMap::new();
        Self { engine: engine(plant, ZERO, &stored), transitions: Vec::new(), stored }
    }

    /// Runs a whole story to its end.
    pub(crate) fn over(plant: &Plant, steps: &[Step]) -> Self {
        let mut run = Self::new(plant);
        run.steps(steps);
        run.finish();
        run
    }

    pub(crate) fn steps(&mut self, steps: &[Step]) {
        steps.iter().for_each(|step| self.step(step));
    }

    pub(crate) fn step(&mut self, step: &Step) {
        let outputs = self.engine.step(step.input.clone(), step.at);
        self.take(outputs);
    }

    pub(crate) fn scans(&mut self, scans: &[Scan]) {
        scans.iter().for_each(|scan| self.steps(&scan.steps()));
    }

    pub(crate) fn finish(&mut self) {
        let outputs = self.engine.finish();
        self.take(outputs);
    }

    fn take(&mut self, outputs: Outputs) {
        self.transitions.extend(outputs.transitions);
        self.stored.extend(outputs.states);
    }

    /// Stops in order and starts again.
    pub(crate) fn restart(&mut self, plant: &Plant, at: i64) {
        self.stored.extend(self.engine.unsaved());
        self.engine = engine(plant, at, &self.stored);
    }

    /// Spoils what is stored: the byte at a place (a share of the length) becomes another.
    pub(crate) fn damage(&mut self, damage: &[(proptest::sample::Index, u8)]) {
        self.stored.extend(self.engine.unsaved());
        for (bytes, (place, byte)) in self.stored.values_mut().zip(damage) {
            let place = place.index(bytes.len());
            bytes[place] = *byte;
        }
    }

    pub(crate) fn watermarks(&self) -> Vec<Option<i64>> {
        self.engine.watermarks().map(|(_, mark)| mark).collect()
    }

    /// Of every instance: each transition begins where the last one ended, its number is one more, its instant is
    /// not before; and nothing was told before the watermark had come to it.
    pub(crate) fn assert_chains(&self) {
        let mut last: BTreeMap<&str, &Transition> = BTreeMap::new();
        for t in &self.transitions {
            assert!(t.timestamp <= t.watermark, "{t:?}");
            let same_name = [Cause::Severity, Cause::Unsuppressed, Cause::Shelve];
            assert!(t.from != t.to || same_name.contains(&t.cause), "{t:?}");
            let before = last.insert(&t.rule_id, t);
            let (from, sequence, instant) =
                before.map_or(("Unknown", 0, i64::MIN), |b| (b.to.as_str(), b.sequence_number, b.timestamp));
            assert_eq!((t.from.as_str(), t.sequence_number), (from, sequence + 1), "{t:?}");
            assert!(t.timestamp >= instant, "{t:?}");
        }
    }
}

fn engine(plant: &Plant, at: i64, stored: &BTreeMap<String, Vec<u8>>) -> Engine {
    Engine::new(
        Arc::clone(&plant.inventory),
        &plant.rules,
        Plant::identity(),
        plant.options.clone(),
        at,
        stored,
    )
    .0
}

/// Transitions as lines, without what §3 excepts: when they were detected, the watermark then, and their order.
pub(crate) fn told<'t>(transitions: impl IntoIterator<Item = &'t Transition>) -> Vec<String> {
    let line = |t: &Transition| {
        let t = Transition { detected_at: 0, watermark: 0, ..t.clone() };
        format!("{:020} {}", t.timestamp, serde_json::to_string(&t).unwrap())
    };
    let mut lines: Vec<String> = transitions.into_iter().map(line).collect();
    lines.sort();
    lines
}
