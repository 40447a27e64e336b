//! A recording on its way through the engine.
//!
//! Here: what each line does to it. Not here: reading lines (`lines`), what it stands on (`ground`).
//! Invariant: datapoints of tags or sources that are not declared are counted, not skipped silently.

use std::collections::BTreeMap;
use std::io::{BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::engine::{Engine, Identity, Input, Options, Outputs};
use rules::inventory::Inventory;
use rules::ruleset::RuleSet;
use rules::trust::{Bounds, Trust};
use serde::Serialize;

use super::arguments::{Arguments, options, overridden};
use super::ground::Ground;
use super::lines::{BUFFER, Wrong};
use crate::cli::{Failure, say, show};
use crate::recording::read::Names;
use crate::recording::{Moment, Snapshot};
use crate::rulebook::{self, Book};

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    datapoints: u64,
    applied: u64,
    late: u64,
    dropped: u64,
    transitions: u64,
    pub(super) seconds: f64,
}

/// A recording on its way through the engine.
pub(super) struct Replay<'a> {
    arguments: &'a Arguments,
    inventory: Arc<Inventory>,
    /// Files and directories.
    rules: Vec<PathBuf>,
    may_be_empty: bool,
    options: Options,
    identity: Identity,
    names: Names,
    bounds: Bounds,
    trust: Vec<Trust>,
    engine: Option<Engine>,
    /// Whether it began with a snapshot.
    is_whole: bool,
    at: i64,
    skipped: u64,
    /// Of one line; kept for its room.
    outputs: Outputs,
    out: BufWriter<StdoutLock<'static>>,
}

impl<'a> Replay<'a> {
    /// At its beginning.
    pub(super) fn new(arguments: &'a Arguments, ground: Ground) -> Self {
        let inventory = Arc::new(overridden(ground.inventory, arguments));
        Self {
            arguments,
            rules: if arguments.rules.is_empty() { ground.rules } else { arguments.rules.clone() },
            may_be_empty: ground.may_be_empty,
            options: options(arguments, ground.options),
            identity: ground.identity,
            names: Names::of(&inventory),
            bounds: arguments.bounds(ground.bounds),
            trust: inventory.sources().map(|_| Trust::default()).collect(),
            engine: None,
            is_whole: false,
            at: i64::MIN,
            skipped: 0,
            outputs: Outputs::default(),
            out: BufWriter::with_capacity(BUFFER, std::io::stdout().lock()),
            inventory,
        }
    }

    /// Takes a line.
    pub(super) fn line(&mut self, line: &[u8]) -> Result<(), Wrong> {
        match datapoint_of(line) {
            Ok(datapoint) => self.datapoint(&datapoint).map_err(Wrong::Replay),
            Err(e) => match serde_json::from_slice(line) {
                Ok(Moment::Snapshot(snapshot)) => self.begin(&snapshot),
                Ok(moment) => self.moment(moment).map_err(Wrong::Replay),
                Err(_) => Err(Wrong::json(line, &e)),
            },
        }
    }

    fn datapoint(&mut self, datapoint: &proto::Datapoint<'_>) -> Result<(), Failure> {
        self.at = self.at.max(datapoint.meta.created_at.unwrap_or(datapoint.timestamp));
        let Some((source, mut datapoint)) = self.names.datapoint(&self.inventory, datapoint) else {
            self.skipped += 1;
            return Ok(());
        };
        if let Some(trust) = self.trust.get_mut(source.0 as usize) {
            trust.judge_next(&mut datapoint, self.at, self.bounds);
        }
        if self.engine.is_none() {
            let rules = self.configured_rules()?;
            self.engine = Some(self.made(&rules, &BTreeMap::new()));
        }
        let Some(engine) = &mut self.engine else { return Ok(()) };
        self.outputs.clear();
        engine.take(source, datapoint, self.at, &mut self.outputs);
        print(&mut self.out, &self.outputs)
    }

    /// The engine that an agent began with.
    fn begin(&mut self, snapshot: &Snapshot) -> Result<(), Wrong> {
        if self.engine.is_some() {
            return Err(Wrong::Line("a second beginning: replay each recording by itself".into()));
        }
        let states = snapshot.states();
        let states =
            states.ok_or_else(|| Wrong::Line("the stored states of the snapshot are damaged".into()))?;
        let recorded = self.recorded_rules(&snapshot.book);
        let rules = recorded.map_or_else(|| self.configured_rules(), Ok).map_err(Wrong::Replay)?;
        (self.at, self.identity, self.is_whole) = (snapshot.at, snapshot.identity(), true);
        // Its clocks were corrected before it was recorded.
        self.bounds = self.arguments.bounds(Bounds::NONE);
        self.engine = Some(self.made(&rules, &states));
        Ok(())
    }

    fn moment(&mut self, moment: Moment) -> Result<(), Failure> {
        let (at, input) = match moment {
            Moment::Snapshot(_) => return Ok(()),
            Moment::Clock { at } => (at.max(self.at), Input::Clock),
            Moment::Operator { at, command } => (at.max(self.at), Input::Operator(command)),
            // Time begins again.
            Moment::Epoch { at } => (at, Input::Epoch),
            Moment::Rules { at, book } => {
                let Some(rules) = self.recorded_rules(&book) else { return Ok(()) };
                (at.max(self.at), Input::Rules(rules))
            }
        };
        self.at = at;
        if self.engine.is_some() { self.step(input) } else { Ok(()) }
    }

    fn made(&self, rules: &RuleSet, states: &BTreeMap<String, Vec<u8>>) -> Engine {
        let inventory = Arc::clone(&self.inventory);
        // Other rules come only in what an agent has recorded.
        let options = Options { keeps_states: self.is_whole, ..self.options.clone() };
        Engine::new(inventory, rules, self.identity.clone(), options, self.at, states).0
    }

    /// None: others are wanted.
    fn recorded_rules(&self, book: &serde_json::Value) -> Option<RuleSet> {
        if !self.arguments.rules.is_empty() {
            return None;
        }
        let book = serde_json::to_vec(book).unwrap_or_default();
        Some(Book::open(Path::new(""), Arc::clone(&self.inventory), Some(&book)).rules())
    }

    fn configured_rules(&self) -> Result<RuleSet, Failure> {
        let mut report = rules::diagnose::Report::default();
        let rules = rulebook::of_paths(&mut report, &self.rules, &self.inventory, self.may_be_empty);
        show(&report);
        if report.errors() > 0 { Err(Failure::Wrong) } else { Ok(rules) }
    }

    /// What a mistake in a line has left undone.
    pub(super) fn broken(mut self, failure: Failure) -> Failure {
        let Failure::Because(why) = failure else { return failure };
        if let Err(failure) = self.out.flush() {
            return say::cannot_write(failure);
        }
        Failure::Because(format!("{why}; what stands before it was replayed"))
    }

    fn step(&mut self, input: Input) -> Result<(), Failure> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        print(&mut self.out, &engine.step(input, self.at))
    }

    /// Brings it to its end.
    pub(super) fn end(mut self) -> Result<Summary, Failure> {
        if self.skipped > 0 {
            let skipped = self.skipped;
            say::note(format_args!("warning: {skipped} datapoints of tags or sources that are not declared"));
        }
        let Some(mut engine) = self.engine else {
            // What is wrong about the rules is wrong all the same.
            self.configured_rules()?;
            say::note(format_args!(
                "warning: {} holds no datapoints that could be replayed",
                self.arguments.file.display()
            ));
            return Ok(Summary::default());
        };
        // An agent that was stopped had not gone on.
        if !self.is_whole {
            print(&mut self.out, &engine.finish())?;
        }
        self.out.flush().map_err(say::cannot_write)?;
        let c = engine.counts();
        if c.unlisted > 0 {
            say::note(format_args!(
                "warning: {} datapoints with a code that the table of their tag does not list",
                c.unlisted
            ));
        }
        // The process ends here. Taking thousands of rules apart piece by piece would be a fifth of their loading.
        std::mem::forget(engine);
        let (applied, late, dropped) = (c.applied, c.late, c.dropped);
        Ok(Summary {
            datapoints: c.datapoints,
            applied,
            late,
            dropped,
            transitions: c.transitions,
            seconds: 0.0,
        })
    }
}

/// A line that is no UTF-8 is read in pieces, for the place of what is wrong with it: looking at it once as a whole is
/// cheaper than at each of its texts.
fn datapoint_of(line: &[u8]) -> serde_json::Result<proto::Datapoint<'_>> {
    match std::str::from_utf8(line) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(line),
    }
}

fn print(out: &mut impl Write, outputs: &Outputs) -> Result<(), Failure> {
    for transition in &outputs.transitions {
        let written = serde_json::to_writer(&mut *out, transition).map_err(std::io::Error::from);
        written.and_then(|()| out.write_all(b"\n")).map_err(say::cannot_write)?;
    }
    Ok(())
}
