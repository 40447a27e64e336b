//! The command `plant`: the demo, and the processes it consists of, which it starts by executing itself again.
//!
//! ```text
//! plant                      the demo
//! plant line | kinesis       the bottling line with its PLCs; Kinesis
//! plant agent … | ingest …   edge-agent and cloud-ingest with their own arguments
//! plant leashed COMMAND …    any of these, stopping by itself when its standard input ends
//! ```
//!
//! Here: telling these apart. Not here: what each does (`run`, `parts`).
//! Invariant: `agent` and `ingest` are the programs that ship, entered where their own `main` enters them.

mod leash;
mod options;
mod parts;
mod report;
mod run;
mod show;
mod stop;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser as _;

use leash::Leash;
use options::{Options, Part};

/// A thing that was checked is wrong, or the demo could not go on.
const WRONG: u8 = 1;

/// Runs the command with its arguments, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args: Vec<OsString> = args.into_iter().collect();
    let leashed = args.get(1).is_some_and(|word| word == "leashed");
    if leashed {
        args.remove(1);
    }
    let leash = leashed.then(Leash::tie);
    let own = |name: &str| std::iter::once(name.into()).chain(args.iter().skip(2).cloned());
    match args.get(1).and_then(|word| word.to_str()) {
        Some("agent") => return edge_agent::main(own("edge-agent")),
        Some("ingest") => return cloud_ingest::main(own("cloud-ingest")),
        _ => {}
    }
    let options = match Options::try_parse_from(&args).and_then(Options::checked) {
        Ok(options) => options,
        Err(mistake) => mistake.exit(),
    };
    let ended = match &options.part {
        None => enter(run::run(&options)),
        Some(Part::Line(script)) => enter(parts::line(script, leash)),
        Some(Part::Kinesis(network)) => enter(parts::kinesis(network, leash)),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("plant: {error:#}");
        ExitCode::from(WRONG)
    })
}

fn enter(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}
