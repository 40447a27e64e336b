//! `rules replay`: recorded datapoints through the engine, as if they came now.
//!
//! Processing time comes from `meta.createdAt`, or is the greatest timestamp so far. At the end each scope goes
//! on to the last thing it was told.
//!
//! Here: the options, reading the recording. Not here: the engine. Replay without a configuration, which infers
//! machines and tags, is not supported by this version.
//! Invariant: a line that is not a datapoint ends the replay with its place; nothing is skipped silently.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use rules::engine::{Engine, Expect, Identity, Late, Outputs, Reach};
use rules::inventory::Inventory;
use rules::time::{Millis, duration};
use serde::Serialize;

use super::{CONFIG, Failure, configuration, show};
use crate::recording::read::{Lines, Names};
use crate::rulebook;

/// What is read and written at once, bytes.
const BUFFER: usize = 1 << 18;

/// Options of `rules replay`; what is not given is as the configuration has it.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The recording, NDJSON; `-` is standard input
    file: PathBuf,
    /// Machines, sources, tags, and where the rules are
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
    /// How far datapoints may be out of order
    #[arg(long, value_parser = duration)]
    max_out_of_orderness: Option<Millis>,
    /// A source not heard of for longer does not hold the watermark
    #[arg(long, value_parser = duration)]
    idle_timeout: Option<Millis>,
    /// A source further behind does not hold the watermark
    #[arg(long, value_parser = or_none)]
    max_lag: Option<Bound>,
    /// Timestamps further ahead of the processing time are not believed (this version: `none` only)
    #[arg(long, value_parser = only_none)]
    future_bound: Option<Bound>,
    /// Timestamps further behind the processing time are not believed (this version: `none` only)
    #[arg(long, value_parser = only_none)]
    past_bound: Option<Bound>,
    /// What becomes of late datapoints
    #[arg(long, value_parser = ["apply", "drop"])]
    late: Option<String>,
    /// Which sources share a watermark
    #[arg(long, value_parser = ["inputs", "global"])]
    watermark: Option<String>,
    /// Which sources are waited for: all that are declared, or those that were heard of
    #[arg(long, value_parser = ["declared", "seen"])]
    sources: Option<String>,
}

/// A duration, or none.
#[derive(Debug, Clone, Copy)]
struct Bound(Option<Millis>);

fn or_none(text: &str) -> Result<Bound, rules::time::NotADuration> {
    if text == "none" { Ok(Bound(None)) } else { duration(text).map(|d| Bound(Some(d))) }
}

fn only_none(text: &str) -> Result<Bound, String> {
    if text == "none" { Ok(Bound(None)) } else { Err("this version corrects no clocks: only `none`".into()) }
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

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    let (config, _) = configuration(&arguments.config)?;
    let inventory = Arc::new(overridden(&config.inventory, arguments));
    let mut report = rules::diagnose::Report::default();
    let rules = rulebook::load(&mut report, &config.agent.rules_dir, &inventory);
    show(&report);
    if report.errors() > 0 {
        return Err(Failure::Wrong);
    }
    let mut options = config.agent.options;
    options.keeps_states = false;
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
    if arguments.sources.as_deref() == Some("seen") {
        options.expect = Expect::Seen;
    }
    let identity =
        Identity { agent_id: config.agent.id, incarnation: "0".repeat(16), site: config.agent.site };
    let mut summary = replay(arguments, inventory, |inventory, start| {
        Engine::new(inventory, &rules, identity.clone(), options, start, &BTreeMap::new()).0
    })?;
    summary.seconds = started.elapsed().as_secs_f64();
    eprintln!("{}", serde_json::to_string(&summary).unwrap_or_default());
    Ok(())
}

/// The inventory with the options of the command line.
fn overridden(inventory: &Inventory, arguments: &Arguments) -> Inventory {
    let mut inventory = inventory.clone();
    for source in inventory.sources_mut() {
        source.max_out_of_orderness = arguments.max_out_of_orderness.unwrap_or(source.max_out_of_orderness);
        source.idle_timeout = arguments.idle_timeout.unwrap_or(source.idle_timeout);
        source.max_lag = arguments.max_lag.map_or(source.max_lag, |Bound(lag)| lag);
    }
    inventory
}

fn replay(
    arguments: &Arguments,
    inventory: Arc<Inventory>,
    engine: impl Fn(Arc<Inventory>, i64) -> Engine,
) -> Result<Summary, Failure> {
    let name = arguments.file.display();
    let cannot = |e: std::io::Error| Failure::Because(format!("cannot read {name}: {e}"));
    let input: Box<dyn BufRead> = if arguments.file.as_os_str() == "-" {
        Box::new(BufReader::with_capacity(BUFFER, std::io::stdin()))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, File::open(&arguments.file).map_err(cannot)?))
    };
    let mut out = BufWriter::with_capacity(BUFFER, std::io::stdout().lock());
    let (names, mut lines, mut outputs) = (Names::of(&inventory), Lines::of(input), Outputs::default());
    let (mut skipped, mut at) = (0_u64, i64::MIN);
    let mut running: Option<Engine> = None;
    while let Some(line) = lines.next_line().map_err(cannot)? {
        let line: proto::Datapoint<'_> = match serde_json::from_slice(line) {
            Ok(line) => line,
            Err(e) => {
                return Err(Failure::Because(format!("{name}:{}: not a datapoint: {e}", lines.number)));
            }
        };
        at = at.max(line.meta.created_at.unwrap_or(line.timestamp));
        let Some((source, datapoint)) = names.datapoint(&inventory, &line) else {
            skipped += 1;
            continue;
        };
        let engine = running.get_or_insert_with(|| engine(Arc::clone(&inventory), at));
        outputs.clear();
        engine.take(source, datapoint, at, &mut outputs);
        print(&mut out, &outputs)?;
    }
    if skipped > 0 {
        eprintln!("warning: {skipped} datapoints of tags or sources that the configuration does not declare");
    }
    let Some(mut engine) = running else { return Ok(Summary::default()) };
    print(&mut out, &engine.finish())?;
    out.flush().map_err(|e| Failure::Because(format!("cannot write: {e}")))?;
    let c = engine.counts();
    // The process ends here. Taking thousands of rules apart piece by piece would be a fifth of their loading.
    std::mem::forget(engine);
    let (applied, late, dropped) = (c.applied, c.late, c.dropped);
    Ok(Summary { datapoints: c.datapoints, applied, late, dropped, transitions: c.transitions, seconds: 0.0 })
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
