//! Running a program and what it cost.
//!
//! Here: CPU time and peak memory of a child process, as the kernel counted them; the program that only parses. Not
//! here: what is run on which data.
//! Invariant: the median of an odd number of runs, each of which ended well.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use wait4::Wait4 as _;

/// How often everything is run.
pub(crate) const RUNS: usize = 5;

/// What a run cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// User and system time, s.
    pub(crate) cpu: f64,
    /// The most memory that was resident, MB.
    pub(crate) memory: f64,
}

/// The median cost of a program.
pub(crate) fn median(program: &Path, words: &[OsString]) -> Result<Cost> {
    let mut costs = (0..RUNS).map(|_| run(program, words)).collect::<Result<Vec<Cost>>>()?;
    costs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
    Ok(costs[RUNS / 2])
}

/// The median costs of two programs, and the median of how many times as much the second takes. They run in turn, so
/// that each pair finds the machine as busy as it is just then.
pub(crate) fn beside(
    yardstick: (&Path, &[OsString]),
    program: (&Path, &[OsString]),
) -> Result<(Cost, Cost, f64)> {
    let pair = |_| Ok((run(yardstick.0, yardstick.1)?, run(program.0, program.1)?));
    let mut pairs = (0..RUNS).map(pair).collect::<Result<Vec<(Cost, Cost)>>>()?;
    let ratio = |(yardstick, cost): &(Cost, Cost)| cost.cpu / yardstick.cpu;
    pairs.sort_by(|a, b| ratio(a).total_cmp(&ratio(b)));
    let (parse, cost) = pairs[RUNS / 2];
    Ok((parse, cost, ratio(&(parse, cost))))
}

/// Runs cargo as it was run to build this.
pub(crate) fn cargo(words: &[&str]) -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).args(words).stdin(Stdio::null()).status()?;
    anyhow::ensure!(status.success(), "cargo {words:?}: {status}");
    Ok(())
}

/// What a program says.
pub(crate) fn said_by(program: &Path) -> Result<String> {
    let ended = Command::new(program).stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let ended = ended.with_context(|| format!("cannot start {}", program.display()))?;
    anyhow::ensure!(ended.status.success(), "{}: {}", program.display(), ended.status);
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

fn run(program: &Path, words: &[OsString]) -> Result<Cost> {
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    let ended = child.wait4()?;
    anyhow::ensure!(ended.status.success(), "{} {words:?}: {}", program.display(), ended.status);
    let cpu = (ended.rusage.utime + ended.rusage.stime).as_secs_f64();
    Ok(Cost { cpu, memory: ended.rusage.maxrss as f64 / (1 << 20) as f64 })
}

/// The yardstick: every line becomes a datapoint that borrows from it, and nothing is done with it.
pub(crate) fn parse(file: &Path) -> Result<()> {
    let mut input = BufReader::with_capacity(1 << 18, File::open(file)?);
    let (mut line, mut sum) = (Vec::new(), 0_i64);
    while input.read_until(b'\n', &mut line)? > 0 {
        let datapoint: proto::Datapoint<'_> = serde_json::from_slice(&line)?;
        sum = sum.wrapping_add(datapoint.timestamp);
        line.clear();
    }
    println!("{sum}");
    Ok(())
}
