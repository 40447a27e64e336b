//! What the rule engine costs: CPU time and memory of `rules replay` beside a program that only parses.
//!
//! ```text
//! cargo run --release -p bench
//! ```
//! builds the agent, makes the data, runs everything five times and prints a table of medians. Only processor time is
//! counted, and each run stands beside one of the parsing program right before it; a machine that is busy with
//! something else still takes its caches away. It is never a test.
//!
//! `bench write FOLDER RULES` leaves the data for a profiler.
//!
//! Here: the table. Not here: the data (`plant`), running and measuring (`measure`).
//! Invariant: what is measured are whole processes, the parsing one and the judging one, on the same file.

mod measure;
mod plant;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use measure::{Cost, RUNS};
use plant::Plant;

/// Datapoints unless the command line says otherwise.
const POINTS: usize = 2_000_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(what), Some(file)) if what == "parse" => measure::parse(Path::new(&file)),
        (Some(what), Some(folder)) if what == "write" => {
            let rules = std::env::args().nth(3).context("how many rules?")?.parse()?;
            Plant { machines: 1_000, sources: 20, rules, points: POINTS }.write(Path::new(&folder))
        }
        (Some(points), None) => table(points.to_string_lossy().parse().context("how many datapoints?")?),
        _ => table(POINTS),
    }
}

fn table(points: usize) -> Result<()> {
    let own = std::env::current_exe()?;
    let agent = own.with_file_name("edge-agent");
    measure::cargo(&["build", "--release", "-p", "edge-agent"])?;
    let judged = measure::cargo(&["run", "--release", "-p", "rules", "--example", "judge"])?;
    let folder = tempfile::tempdir()?;
    println!("{points} datapoints, median of {RUNS}");
    println!("{:<34}{:>10}{:>8}{:>10}", "", "CPU s", "ratio", "RSS MB");
    for rules in [1_000, 10_000] {
        let plant = Plant { machines: 1_000, sources: 20, rules, points };
        let place = folder.path().join(rules.to_string());
        plant.write(&place)?;
        let recording = place.join("datapoints.ndjson");
        for watermark in ["inputs", "global"] {
            let parsing = (own.as_path(), &["parse".into(), recording.clone().into()][..]);
            let (parse, cost, ratio) = measure::beside(parsing, (&agent, &replay(&place, watermark)))?;
            show("parsing alone", parse, None);
            show(&format!("{rules} rules, watermark {watermark}"), cost, Some(ratio));
        }
        std::fs::remove_file(recording)?;
    }
    println!("\nwhole processes that load and judge one datapoint");
    let plant = Plant { machines: 1_000, sources: 20, rules: 10_000, points: 1 };
    let place = folder.path().join("load");
    plant.write(&place)?;
    show("10000 rules", measure::median(&agent, &replay(&place, "inputs"))?, None);
    for instances in [10_000, 100_000] {
        let place = folder.path().join(format!("load-{instances}"));
        plant::write_many(&place, instances)?;
        show(&format!("{instances} instances"), measure::median(&agent, &replay(&place, "inputs"))?, None);
    }
    // The example begins with the condition that everybody measures.
    println!("\none judgement: {}", judged.lines().next().unwrap_or_default().trim());
    Ok(())
}

fn show(what: &str, cost: Cost, ratio: Option<f64>) {
    let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    println!("{what:<34}{:>10.2}{ratio:>8}{:>10.0}", cost.cpu, cost.memory);
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
