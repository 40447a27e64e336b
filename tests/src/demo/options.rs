//! What was typed.
//!
//! Here: the options of the demo and of its parts, checked. Not here: the arguments of the programs it shows.
//! Invariant: what comes out of [`Options::checked`] can be run.

use std::ops::Range;
use std::path::PathBuf;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

/// Shows Plimsoll at work: a bottling line, its PLCs, the agent, Kinesis and cloud-ingest, each a process of its own.
#[derive(Debug, Parser)]
#[command(name = "plant", disable_help_subcommand = true, args_conflicts_with_subcommands = true)]
pub(super) struct Options {
    #[command(subcommand)]
    pub(super) part: Option<Part>,
    #[command(flatten)]
    pub(super) script: ScriptOptions,
    #[command(flatten)]
    pub(super) network: NetworkOptions,
    /// Keep configuration, logs, outbox and store in this folder, which must be empty
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
}

/// A part of the demo, as a process of its own.
#[derive(Debug, Subcommand)]
pub(super) enum Part {
    /// Only the bottling line: an S7 PLC and an OPC UA server
    Line(ScriptOptions),
    /// Only Kinesis
    Kinesis(NetworkOptions),
}

#[derive(Debug, Clone, Args)]
pub(super) struct ScriptOptions {
    /// Stand still after this time, wait until all is stored, and print one line of JSON
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=604_800))]
    pub(super) seconds: Option<u32>,
    /// What goes wrong on the line, and when, follows from this number
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(super) seed: u64,
}

#[derive(Debug, Clone, Args)]
pub(super) struct NetworkOptions {
    /// Cut Kinesis off between these seconds of the run
    #[arg(long, value_name = "A..B", value_parser = outage)]
    pub(super) outage: Option<Range<u32>>,
}

impl Options {
    /// The same options, if they go together.
    pub(super) fn checked(self) -> Result<Self, clap::Error> {
        let outage = self.network.outage.as_ref();
        if let (Some(outage), Some(seconds)) = (outage, self.script.seconds)
            && outage.end > seconds
        {
            let said = format!("the outage ends after {} s, the run after {seconds} s", outage.end);
            return Err(Self::command().error(ErrorKind::ValueValidation, said));
        }
        Ok(self)
    }
}

fn outage(typed: &str) -> Result<Range<u32>, String> {
    let said = "two whole numbers of seconds are needed, for example 20..60";
    let (from, to) = typed.split_once("..").ok_or(said)?;
    let outage = from.parse().map_err(|_| said)?..to.parse().map_err(|_| said)?;
    if outage.is_empty() { Err(format!("{typed} ends before it begins")) } else { Ok(outage) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_two_seconds_in_order_within_the_run() {
        assert_eq!(typed("--seconds 60 --outage 20..60").unwrap().network.outage, Some(20..60));
        assert_eq!(typed("--outage 20..600").unwrap().network.outage, Some(20..600));
        for wrong in ["--outage 20", "--outage 9..9", "--outage a..b", "--seconds 30 --outage 20..31"] {
            let mistake = typed(wrong).unwrap_err();
            assert_eq!(mistake.exit_code(), 2, "{mistake}");
        }
    }

    #[test]
    fn the_parts_take_the_options_that_concern_them() {
        let line = typed("line --seed 7 --seconds 60").unwrap();
        assert!(matches!(line.part, Some(Part::Line(s)) if s.seed == 7 && s.seconds == Some(60)));
        assert!(typed("kinesis --seed 7").is_err());
        assert!(typed("--seconds 0").is_err());
    }

    fn typed(args: &str) -> Result<Options, clap::Error> {
        Options::try_parse_from(std::iter::once("plant").chain(args.split(' '))).and_then(Options::checked)
    }
}
