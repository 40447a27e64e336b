//! The command line: what was typed, and which command does it.
//!
//! Here: the grammar, exit codes, where what goes: what machines read on stdout, everything else on stderr.
//! Not here: what the commands do; one file each.
//! Invariant: exit code 0 is fine, 1 the thing checked is wrong, 2 wrong usage, 3 something cannot be reached.

mod check;
mod init;
mod operate;
mod read;
mod record;
mod replay;
mod rules;
mod run;
mod say;
mod trial;
mod trust;
mod unheard;

use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use ::rules::diagnose::Report;
use ::rules::operator::Order;
use clap::error::{ContextKind, ErrorKind};
use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use crate::config::Config;

/// Where the configuration is unless the command line says otherwise.
const CONFIG: &str = "/etc/plimsoll/agent.toml";

/// The thing checked is wrong.
const WRONG: u8 = 1;
/// What was typed makes no sense.
const USAGE: u8 = 2;
/// Something cannot be reached.
const UNREACHABLE: u8 = 3;

/// How commands end, for scripts.
const ENDS: &str = "Exit codes: 0 fine, 1 the thing checked is wrong, 2 wrong usage, 3 something cannot be reached.\n\
                    What machines read goes to standard output, everything else to standard error.";

/// Plimsoll at the line: reads PLCs, judges rules, keeps what must leave, forwards it.
#[derive(Debug, Parser)]
#[command(name = "edge-agent", version, about, subcommand_required = true, after_help = ENDS)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Run(run::Arguments),
    /// Write a commented sample configuration
    Init(init::Arguments),
    /// Check configuration, tags and rules: every mistake with its place
    Check(check::Arguments),
    /// Read the tags of a source once
    Read(read::Arguments),
    /// Record datapoints as NDJSON, for `rules replay`
    Record(record::Arguments),
    /// Certificates of OPC UA servers: list them, trust one
    Trust(trust::Arguments),
    /// Rules: check and test them, replay recordings through them, shelve and reset them
    #[command(subcommand, after_help = ENDS)]
    Rules(RulesCommand),
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    /// Every mistake of the rules, with its place
    Check(rules::CheckArguments),
    /// Lay rule files out as they all are; comments stay
    Fmt(rules::FmtArguments),
    /// The JSON schema of rule files, for editors
    Schema,
    /// Run the tests that stand in the rule files
    Test(trial::Arguments),
    /// Recorded datapoints (NDJSON) through the engine: transitions on stdout, a summary on stderr
    Replay(replay::Arguments),
    /// Tell nobody of a rule of a machine for a while; the running agent does it
    Shelve(operate::ShelveArguments),
    /// End a shelving before its time
    Unshelve(operate::Arguments),
    /// Let go of a latched state whose condition is over
    Reset(operate::Arguments),
    /// Tell nobody of a rule of a machine until `in-service`
    OutOfService(operate::Arguments),
    /// End that a rule of a machine is out of service
    InService(operate::Arguments),
}

/// Why a command ended as it did, when not well.
#[derive(Debug)]
enum Failure {
    /// The thing checked is wrong; what is wrong has been said.
    Wrong,
    /// The thing checked is wrong, in these words.
    Because(String),
    /// What was typed does not go together, in these words.
    Usage(String),
    /// Something cannot be reached; what has been said.
    Away,
    /// Something cannot be reached, in these words.
    Unreachable(String),
    /// Nobody reads any more what is written: that is no mistake.
    Closed,
}

/// Runs a command line and says how it ended.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match Line::try_parse_from(args) {
        Ok(line) => line,
        Err(e) => return usage(&e),
    };
    let ended = match line.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Read(arguments) => read::run(&arguments),
        Command::Record(arguments) => record::run(&arguments),
        Command::Trust(arguments) => trust::run(&arguments),
        Command::Rules(command) => rules_command(&command),
    };
    match ended {
        Ok(()) | Err(Failure::Closed) => ExitCode::SUCCESS,
        Err(Failure::Wrong) => ExitCode::from(WRONG),
        Err(Failure::Away) => ExitCode::from(UNREACHABLE),
        Err(Failure::Usage(why)) => {
            say::note(format_args!("error: {why}"));
            ExitCode::from(USAGE)
        }
        Err(Failure::Because(why)) => {
            say::note(format_args!("error: {why}"));
            ExitCode::from(WRONG)
        }
        Err(Failure::Unreachable(why)) => {
            say::note(format_args!("error: {why}"));
            ExitCode::from(UNREACHABLE)
        }
    }
}

/// Says what is wrong about what was typed, or what was asked about it.
fn usage(e: &clap::Error) -> ExitCode {
    // Nothing can be done where even the usage cannot be printed.
    e.print().ok();
    if !e.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let unknown = e.get(ContextKind::InvalidArg).map(ToString::to_string);
    if e.kind() == ErrorKind::UnknownArgument && unknown.is_some_and(|argument| !argument.starts_with('-')) {
        say::note(
            "\n  tip: what has blanks stands in quotes: --for \"30 min\", --why \"probe is being changed\"",
        );
    }
    ExitCode::from(USAGE)
}

fn rules_command(command: &RulesCommand) -> Result<(), Failure> {
    match command {
        RulesCommand::Check(arguments) => rules::check(arguments),
        RulesCommand::Fmt(arguments) => rules::fmt(arguments),
        RulesCommand::Schema => rules::schema(),
        RulesCommand::Test(arguments) => trial::run(arguments),
        RulesCommand::Replay(arguments) => replay::run(arguments),
        RulesCommand::Shelve(arguments) => operate::shelve(arguments),
        RulesCommand::Unshelve(arguments) => operate::run(arguments, Order::Unshelve),
        RulesCommand::Reset(arguments) => operate::run(arguments, Order::Reset),
        RulesCommand::OutOfService(arguments) => operate::run(arguments, Order::OutOfService),
        RulesCommand::InService(arguments) => operate::run(arguments, Order::InService),
    }
}

/// Reads a configuration; its mistakes are printed.
fn configuration(path: &Path) -> Result<(Config, Report), Failure> {
    match read_configuration(path)? {
        (Some(config), report) => Ok((config, report)),
        (None, report) => {
            show(&report);
            Err(Failure::Wrong)
        }
    }
}

/// Reads a configuration; a file with a mistake gives only a report.
fn read_configuration(path: &Path) -> Result<(Option<Config>, Report), Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| {
        let hint = match e.kind() {
            io::ErrorKind::InvalidData => "save the file as UTF-8",
            _ => "name another with --config, or write one with `edge-agent init`",
        };
        Failure::Because(format!("cannot read the configuration {}: {e}; {hint}", path.display()))
    })?;
    let mut report = Report::default();
    let file = report.add_file(path.display().to_string(), text);
    let dir = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let config = Config::read(&mut report, file, &dir);
    Ok((config, report))
}

/// The runtime that commands with sockets need.
fn runtime() -> Result<Runtime, Failure> {
    // Connectors and the forwarder share two threads; core has one of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(|e| Failure::Because(format!("cannot start: {e}")))
}

/// Prints all mistakes for a person.
fn show(report: &Report) {
    if !report.diagnostics().is_empty() {
        say::note(format_args!("{}\n", report.render(io::stderr().is_terminal())));
    }
}
