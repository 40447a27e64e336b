//! `rules replay`: recorded datapoints through the engine, as if they came now.
//!
//! Processing time comes from `meta.createdAt`, or is the greatest timestamp so far. Clocks are judged as the agent
//! judges them. At the end each scope goes on to the last thing it was told. A recording that an agent has made of
//! itself begins with a snapshot and holds all that went into its engine, clocks corrected, with the rules: of it
//! come exactly the transitions that were made then.
//!
//! Without a configuration the recording is read twice: once for the machines and tags that it shows.
//!
//! Here: the options, reading the recording. Not here: the engine, what a recording shows (`recording::infer`).
//! Invariant: a line that is no line of a recording ends the replay with its place; nothing is skipped silently.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use rules::calendar::Zone;
use rules::engine::{Engine, Expect, Identity, Input, Late, Options, Outputs, Reach};
use rules::inventory::Inventory;
use rules::ruleset::RuleSet;
use rules::time::{Millis, duration};
use rules::trust::{Bounds, Trust};
use serde::Serialize;

use super::check::counted;
use super::{Failure, configuration, show};
use crate::config::Config;
use crate::recording::infer::Seen;
use crate::recording::line::Line;
use crate::recording::read::{Lines, Names};
use crate::recording::{Moment, Snapshot};
use crate::rulebook::{self, Book};

/// What is read and written at once, bytes.
const BUFFER: usize = 1 << 18;

/// Options of `rules replay`; what is not given is as the configuration has it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The recording, NDJSON; `-` is standard input
    file: PathBuf,
    /// Machines, sources, tags, and where the rules are; without it, they are those of the recording, each machine by
    /// its equipmentId
    #[arg(long, required_unless_present = "rules")]
    config: Option<PathBuf>,
    /// The rules: files and directories, in the place of those of the configuration or the recording
    #[arg(long, value_name = "PATH", num_args = 1)]
    rules: Vec<PathBuf>,
    /// How far datapoints may be out of order
    #[arg(long, value_parser = duration)]
    max_out_of_orderness: Option<Millis>,
    /// A source not heard of for longer does not hold the watermark
    #[arg(long, value_parser = duration)]
    idle_timeout: Option<Millis>,
    /// A source further behind does not hold the watermark
    #[arg(long, value_parser = or_none)]
    max_lag: Option<Bound>,
    /// Timestamps further ahead of the processing time are not believed, as in the agent: 5 s, or `none`
    #[arg(long, value_parser = or_none)]
    future_bound: Option<Bound>,
    /// A clock further behind the processing time is not believed, as in the agent: 30 s, or `none`
    #[arg(long, value_parser = or_none)]
    past_bound: Option<Bound>,
    /// What becomes of late datapoints
    #[arg(long, value_parser = ["apply", "drop"])]
    late: Option<String>,
    /// Which sources share a watermark
    #[arg(long, value_parser = ["inputs", "global"])]
    watermark: Option<String>,
    /// Which sources are waited for: all that are declared, or those that were heard of (so without --config)
    #[arg(long, value_parser = ["declared", "seen"])]
    sources: Option<String>,
    /// Where `hour()` and `weekday()` are, such as Europe/Berlin
    #[arg(long, value_parser = zone)]
    timezone: Option<Zone>,
}

impl Arguments {
    fn bounds(&self, by_default: Bounds) -> Bounds {
        let given = |bound: Option<Bound>, by_default| bound.map_or(by_default, |Bound(bound)| bound);
        Bounds {
            future: given(self.future_bound, by_default.future),
            past: given(self.past_bound, by_default.past),
        }
    }
}

/// A duration, or none.
#[derive(Debug, Clone, Copy)]
struct Bound(Option<Millis>);

fn or_none(text: &str) -> Result<Bound, rules::time::NotADuration> {
    if text == "none" { Ok(Bound(None)) } else { duration(text).map(|d| Bound(Some(d))) }
}

fn zone(name: &str) -> Result<Zone, String> {
    Zone::named(name).ok_or_else(|| "no such time zone: a name such as Europe/Berlin is expected".to_owned())
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    datapoints: u64,
    applied: u64,
    late: u64,
    dropped: u64,
    transitions: u64,
    seconds: f64,
}

/// What a replay stands on.
struct Ground {
    inventory: Inventory,
    /// Files and directories.
    rules: Vec<PathBuf>,
    options: Options,
    identity: Identity,
    bounds: Bounds,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    let ground = match &arguments.config {
        Some(config) => Ground::configured(configuration(config)?.0),
        None => Ground::inferred(arguments)?,
    };
    let mut replay = Replay::new(arguments, ground);
    each_line(&arguments.file, |line| replay.line(line))?;
    let mut summary = replay.end()?;
    summary.seconds = started.elapsed().as_secs_f64();
    eprintln!("{}", serde_json::to_string(&summary).unwrap_or_default());
    Ok(())
}

/// Reads a recording from its beginning to its end.
fn each_line(file: &Path, mut act: impl FnMut(&[u8]) -> Result<(), Wrong>) -> Result<(), Failure> {
    let name = file.display();
    let cannot = |e: std::io::Error| Failure::Because(format!("cannot read {name}: {e}"));
    let input: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(BufReader::with_capacity(BUFFER, std::io::stdin()))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, File::open(file).map_err(cannot)?))
    };
    let mut lines = Lines::of(input);
    while let Some(line) = lines.next_line().map_err(cannot)? {
        if let Err(wrong) = act(line) {
            return Err(match wrong {
                Wrong::Line(why) => Failure::Because(format!("{name}:{}: {why}", lines.number)),
                Wrong::Replay(failure) => failure,
            });
        }
    }
    Ok(())
}

impl Ground {
    fn configured(config: Config) -> Self {
        let agent = config.agent;
        let incarnation = "0".repeat(16);
        Self {
            inventory: Inventory::clone(&config.inventory),
            rules: vec![agent.rules_dir],
            options: agent.options,
            identity: Identity { agent_id: agent.id, incarnation, site: agent.site },
            bounds: Bounds::default(),
        }
    }

    /// What the recording shows, in a first pass.
    fn inferred(arguments: &Arguments) -> Result<Self, Failure> {
        let file = &arguments.file;
        let is_stream = file.as_os_str() == "-" || file.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir());
        if is_stream {
            let why = "without --config a recording is read twice, which standard input and pipes cannot be: save it as a file, or give --config";
            return Err(Failure::Usage(why.into()));
        }
        let mut seen = Seen::default();
        each_line(file, |line| match serde_json::from_slice::<proto::Datapoint<'_>>(line) {
            Ok(datapoint) => seen.line(&datapoint).map_err(|e| Wrong::Line(e.to_string())),
            Err(e) => serde_json::from_slice::<Moment>(line)
                .map(|_| ())
                .map_err(|_| Wrong::Line(format!("not a datapoint: {e}"))),
        })?;
        let inventory = seen.inventory();
        let (machines, tags) = (inventory.machines().count(), inventory.tags().count());
        let sources = inventory.sources().count();
        let [machines, tags, sources] =
            [counted(machines, "machine"), counted(tags, "tag"), counted(sources, "source")];
        eprintln!(
            "without --config: {machines} (each by its equipmentId), {tags} and {sources}, as the recording shows them"
        );
        let (agent_id, incarnation) = ("replay".to_owned(), "0".repeat(16));
        Ok(Self {
            inventory,
            rules: Vec::new(),
            options: Options { expect: Expect::Seen, ..Options::default() },
            identity: Identity { agent_id, incarnation, site: None },
            bounds: Bounds::NONE,
        })
    }
}

fn options(arguments: &Arguments, mut options: Options) -> Options {
    match arguments.late.as_deref() {
        Some("drop") => options.late = Late::Drop,
        Some(_) => options.late = Late::Apply,
        None => {}
    }
    match arguments.watermark.as_deref() {
        Some("global") => options.reach = Reach::Global,
        Some(_) => options.reach = Reach::Inputs,
        None => {}
    }
    match arguments.sources.as_deref() {
        Some("seen") => options.expect = Expect::Seen,
        Some(_) => options.expect = Expect::Declared,
        None => {}
    }
    if let Some(zone) = &arguments.timezone {
        options.zone = zone.clone();
    }
    options
}

/// The inventory with the options of the command line.
fn overridden(mut inventory: Inventory, arguments: &Arguments) -> Inventory {
    for source in inventory.sources_mut() {
        source.max_out_of_orderness = arguments.max_out_of_orderness.unwrap_or(source.max_out_of_orderness);
        source.idle_timeout = arguments.idle_timeout.unwrap_or(source.idle_timeout);
        source.max_lag = arguments.max_lag.map_or(source.max_lag, |Bound(lag)| lag);
    }
    inventory
}

/// What ends a replay.
enum Wrong {
    /// What is wrong with the line.
    Line(String),
    /// Anything else.
    Replay(Failure),
}

/// A recording on its way through the engine.
struct Replay<'a> {
    arguments: &'a Arguments,
    inventory: Arc<Inventory>,
    /// Files and directories.
    rules: Vec<PathBuf>,
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
    fn new(arguments: &'a Arguments, ground: Ground) -> Self {
        let inventory = Arc::new(overridden(ground.inventory, arguments));
        Self {
            arguments,
            rules: if arguments.rules.is_empty() { ground.rules } else { arguments.rules.clone() },
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

    fn line(&mut self, line: &[u8]) -> Result<(), Wrong> {
        if let Some(line) = Line::read(line) {
            return self.datapoint(&line).map_err(Wrong::Replay);
        }
        match serde_json::from_slice(line) {
            Ok(Moment::Snapshot(snapshot)) => self.begin(&snapshot),
            Ok(moment) => self.moment(moment).map_err(Wrong::Replay),
            Err(_) => Err(Wrong::Line(not_a_datapoint(line))),
        }
    }

    fn datapoint(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        self.at = self.at.max(line.meta.created_at.unwrap_or(line.timestamp));
        let Some((source, mut datapoint)) = self.names.datapoint(&self.inventory, line) else {
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
        let rules = rulebook::of_paths(&mut report, &self.rules, &self.inventory);
        show(&report);
        if report.errors() > 0 { Err(Failure::Wrong) } else { Ok(rules) }
    }

    fn step(&mut self, input: Input) -> Result<(), Failure> {
        let Some(engine) = &mut self.engine else { return Ok(()) };
        print(&mut self.out, &engine.step(input, self.at))
    }

    fn end(mut self) -> Result<Summary, Failure> {
        if self.skipped > 0 {
            let skipped = self.skipped;
            eprintln!("warning: {skipped} datapoints of tags or sources that are not declared");
        }
        let Some(mut engine) = self.engine else { return Ok(Summary::default()) };
        // An agent that was stopped had not gone on.
        if !self.is_whole {
            print(&mut self.out, &engine.finish())?;
        }
        self.out.flush().map_err(|e| Failure::Because(format!("cannot write: {e}")))?;
        let c = engine.counts();
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

fn not_a_datapoint(line: &[u8]) -> String {
    let why = serde_json::from_slice::<proto::Datapoint<'_>>(line).err();
    format!("not a datapoint: {}", why.map(|e| e.to_string()).unwrap_or_default())
}

fn print(out: &mut impl Write, outputs: &Outputs) -> Result<(), Failure> {
    for transition in &outputs.transitions {
        let written = serde_json::to_writer(&mut *out, transition).map_err(std::io::Error::from);
        written
            .and_then(|()| out.write_all(b"\n"))
            .map_err(|e| Failure::Because(format!("cannot write: {e}")))?;
    }
    Ok(())
}
