//! What the rule engine costs: CPU time and memory of `rules replay` beside a program that only parses.
//!
//! ```text
//! cargo build --release -p edge-agent && cargo run --release -p bench
//! ```
//! makes the data, runs everything five times and prints a table of medians. It is never a test: a machine that is
//! busy with something else measures that.
//!
//! Here: the table. Not here: the data (`plant`), running and measuring (`measure`).
//! Invariant: what is measured are whole processes, the parsing one and the judging one, on the same file.

mod measure;
mod plant;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use measure::{Cost, RUNS};
use plant::Plant;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(what), Some(file)) if what == "parse" => measure::parse(Path::new(&file)),
        (Some(points), None) => table(points.to_string_lossy().parse().context("how many datapoints?")?),
        _ => table(2_000_000),
    }
}

fn table(points: usize) -> Result<()> {
    let own = std::env::current_exe()?;
    let agent = own.with_file_name("edge-agent");
    anyhow::ensure!(agent.exists(), "{} is not there: cargo build --release -p edge-agent", agent.display());
    let folder = tempfile::tempdir()?;
    println!("{points} datapoints, median of {RUNS}");
    println!("{:<34}{:>10}{:>8}{:>10}", "", "CPU s", "ratio", "RSS MB");
    let mut parsing = None;
    for rules in [1_000, 10_000] {
        let plant = Plant { machines: 1_000, sources: 20, rules, points };
        let place = folder.path().join(rules.to_string());
        plant.write(&place)?;
        let recording = place.join("datapoints.ndjson");
        let parse = match parsing {
            Some(cost) => cost,
            None => measure::median(&own, &["parse".into(), recording.clone().into()])?,
        };
        parsing.get_or_insert_with(|| show("parsing alone", parse, parse));
        for watermark in ["inputs", "global"] {
            let cost = measure::median(&agent, &replay(&place, watermark))?;
            show(&format!("{rules} rules, watermark {watermark}"), cost, parse);
        }
        std::fs::remove_file(recording)?;
    }
    for instances in [10_000, 100_000] {
        let place = folder.path().join(format!("load-{instances}"));
        plant::write_many(&place, instances)?;
        let cost = measure::median(&agent, &replay(&place, "inputs"))?;
        println!(
            "{:<34}{:>10.2}{:>8}{:>10.0}",
            format!("loading {instances} instances"),
            cost.cpu,
            "",
            cost.memory
        );
    }
    Ok(())
}

fn show(what: &str, cost: Cost, parse: Cost) -> Cost {
    println!("{what:<34}{:>10.2}{:>8.2}{:>10.0}", cost.cpu, cost.cpu / parse.cpu, cost.memory);
    parse
}

fn replay(place: &Path, watermark: &str) -> Vec<std::ffi::OsString> {
    let (config, recording): (PathBuf, PathBuf) = (place.join("agent.toml"), place.join("datapoints.ndjson"));
    let bounds = "--max-lag none --future-bound none --past-bound none";
    let options = "--late drop --sources seen --max-out-of-orderness 500ms --idle-timeout 30s";
    let mut words: Vec<std::ffi::OsString> =
        vec!["rules".into(), "replay".into(), "--config".into(), config.into()];
    words.extend(["--watermark", watermark].map(Into::into));
    words.extend(bounds.split(' ').chain(options.split(' ')).map(Into::into));
    words.push(recording.into());
    words
}
