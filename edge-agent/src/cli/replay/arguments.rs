//! The options of `rules replay`.
//!
//! Here: what was typed, and what it makes of an inventory and of the engine's options. Not here: the replay.
//! Invariant: what is not given stays as the configuration, or the recording, has it.

use std::path::PathBuf;

use clap::Args;
use rules::calendar::Zone;
use rules::engine::{Expect, Late, Options, Reach};
use rules::inventory::Inventory;
use rules::time::{Millis, duration};
use rules::trust::Bounds;

/// Options of `rules replay`; what is not given is as the configuration has it.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The recording, NDJSON: one datapoint a line, as `edge-agent record` writes it; `-` is standard input
    pub(super) file: PathBuf,
    #[arg(hide = true)]
    pub(super) more: Vec<PathBuf>,
    /// Machines, sources, tags, and where the rules are; without it, they are those of the recording, each machine by
    /// its equipmentId
    #[arg(long, value_name = "FILE", required_unless_present = "rules")]
    pub(super) config: Option<PathBuf>,
    /// The rules, a file or a directory, in the place of those of the configuration or the recording; may be given
    /// several times
    #[arg(long, value_name = "PATH", num_args = 1)]
    pub(super) rules: Vec<PathBuf>,
    /// How far datapoints may be out of order: "500 ms"
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    max_out_of_orderness: Option<Millis>,
    /// A source not heard of for longer does not hold the watermark: "30 s"
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    idle_timeout: Option<Millis>,
    /// A source further behind does not hold the watermark: "30 s", or `none` (so without --config)
    #[arg(long, value_name = "DURATION", value_parser = or_none)]
    max_lag: Option<Bound>,
    /// Timestamps further ahead of the processing time are not believed: "5 s" as in the agent, or `none` (so without
    /// --config)
    #[arg(long, value_name = "DURATION", value_parser = or_none)]
    future_bound: Option<Bound>,
    /// A clock further behind the processing time is not believed: "30 s" as in the agent, or `none` (so without
    /// --config)
    #[arg(long, value_name = "DURATION", value_parser = or_none)]
    past_bound: Option<Bound>,
    /// What becomes of late datapoints
    #[arg(long, value_name = "WHAT", value_parser = ["apply", "drop"])]
    late: Option<String>,
    /// Which sources share a watermark: those a rule reads, or all
    #[arg(long, value_name = "WHICH", value_parser = ["inputs", "global"])]
    watermark: Option<String>,
    /// Which sources are waited for: all that are declared, or those that were heard of (so without --config)
    #[arg(long, value_name = "WHICH", value_parser = ["declared", "seen"])]
    sources: Option<String>,
    /// Where `hour()` and `weekday()` are, such as Europe/Berlin
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    timezone: Option<Zone>,
}

impl Arguments {
    pub(super) fn bounds(&self, by_default: Bounds) -> Bounds {
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
    Zone::named(name).ok_or_else(|| match Zone::like(name) {
        Some(near) => format!("no such time zone: did you mean {near}?"),
        None => "no such time zone: a name such as Europe/Berlin is expected".to_owned(),
    })
}

/// How the engine goes about it, with the options of the command line.
pub(super) fn options(arguments: &Arguments, mut options: Options) -> Options {
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
pub(super) fn overridden(mut inventory: Inventory, arguments: &Arguments) -> Inventory {
    for source in inventory.sources_mut() {
        source.max_out_of_orderness = arguments.max_out_of_orderness.unwrap_or(source.max_out_of_orderness);
        source.idle_timeout = arguments.idle_timeout.unwrap_or(source.idle_timeout);
        source.max_lag = arguments.max_lag.map_or(source.max_lag, |Bound(lag)| lag);
    }
    inventory
}
