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
//! The rules are as people write them, with the default staleness; to compare, there are those without (`never`).
//!
//! Here: the table. Not here: the data (`plant`, `day`), running and measuring (`measure`).
//! Invariant: what is measured are whole processes, the parsing one and the judging one, on the same file.

mod day;
mod measure;
mod plant;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use measure::{Cost, RUNS};
use plant::{Plant, Style};

/// Datapoints unless the command line says otherwise.
const POINTS: usize = 2_000_000;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(what), Some(file)) if what == "parse" => measure::parse(Path::new(&file)),
        (Some(what), Some(folder)) if what == "write" => {
            let rules = std::env::args().nth(3).context("how many rules?")?.parse()?;
            Plant { machines: 1_000, sources: 20, rules, points: POINTS }
                .write(Path::new(&folder), Style::Plain)
        }
        (Some(points), None) => table(points.to_string_lossy().parse().context("how many datapoints?")?),
        _ => table(POINTS),
    }
}

fn table(points: usize) -> Result<()> {
    measure::cargo(&["build", "--release", "-p", "edge-agent"])?;
    measure::cargo(&["build", "--release", "-p", "rules", "--example", "judge"])?;
    let folder = tempfile::tempdir()?;
    println!("{points} datapoints, median of {RUNS}");
    println!("{:<46}{:>10}{:>8}{:>10}", "", "CPU s", "ratio", "RSS MB");
    for rules in [1_000, 10_000] {
        judged(&folder.path().join(rules.to_string()), rules, points)?;
    }
    println!("\nwhole processes that load and judge one datapoint");
    loaded(folder.path())?;
    // The example begins with the condition that everybody measures.
    let judged = measure::said_by(&beside_own("examples/judge")?)?;
    println!("\none judgement: {}", judged.lines().next().context("`judge` said nothing")?.trim());
    Ok(())
}

/// What stands beside this program.
fn beside_own(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// The day of a plant under its rules.
fn judged(place: &Path, rules: usize, points: usize) -> Result<()> {
    let (own, agent) = (std::env::current_exe()?, beside_own("edge-agent")?);
    let plant = Plant { machines: 1_000, sources: 20, rules, points };
    plant.write(place, Style::Plain)?;
    let recording = place.join("datapoints.ndjson");
    let parsing = (own.as_path(), &["parse".into(), recording.clone().into()][..]);
    for (style, named) in [(Style::Plain, ""), (Style::Bare, ", never stale, Unknown as false")] {
        plant.write_rules(place, style)?;
        for (watermark, of) in [("inputs", ""), ("global", ", one watermark")] {
            let (parse, cost, ratio) = measure::beside(parsing, (&agent, &replay(place, watermark)))?;
            show("parsing alone", parse, None);
            show(&format!("{rules} rules{named}{of}"), cost, Some(ratio));
        }
    }
    Ok(std::fs::remove_file(recording)?)
}

/// Nothing but loading.
fn loaded(folder: &Path) -> Result<()> {
    let agent = beside_own("edge-agent")?;
    let measured = |place: &Path, what: &str| -> Result<()> {
        show(what, measure::median(&agent, &replay(place, "inputs"))?, None);
        Ok(())
    };
    let place = folder.join("load");
    Plant { machines: 1_000, sources: 20, rules: 10_000, points: 1 }.write(&place, Style::Plain)?;
    measured(&place, "10,000 rules, 1,000 machines")?;
    for (rules, what) in [(10, "10,000 instances"), (100, "100,000 instances")] {
        let place = folder.join(format!("load-{rules}"));
        plant::write_templates(&place, rules)?;
        measured(&place, &format!("{what}: {rules} rules on 1,000 machines"))?;
    }
    for (machines, what) in [(10_000, "10,000"), (100_000, "100,000")] {
        let place = folder.join(format!("load-of-{machines}"));
        Plant { machines, sources: 20, rules: 1, points: 1 }.write(&place, Style::Plain)?;
        measured(&place, &format!("one instance, {what} machines"))?;
        plant::write_template(&place, machines)?;
        measured(&place, &format!("{what} instances: one rule on {what} machines"))?;
    }
    Ok(())
}

fn show(what: &str, cost: Cost, ratio: Option<f64>) {
    let ratio = ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    println!("{what:<46}{:>10.2}{ratio:>8}{:>10.0}", cost.cpu, cost.memory);
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
