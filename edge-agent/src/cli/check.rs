//! `check`: configuration, tags and rules, every mistake with its place; `--live` reads each tag once as well.
//!
//! Here: what is checked and how it is shown. Not here: the checks themselves.
//! Invariant: exit code 1 on any error, 3 when a source cannot be reached, 0 otherwise.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rules::diagnose::Report;
use rules::size::Memory;

use super::say::counted;
use super::{CONFIG, Failure, read, runtime, say, show, unheard};
use crate::config::Config;
use crate::rulebook;

/// Options of `check`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Also connect and read each tag once; takes a connection of each PLC
    #[arg(long)]
    live: bool,
    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How mistakes are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    /// For people, on standard error.
    #[default]
    Text,
    /// One JSON object a line, on standard output.
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, of_config) = configuration_as(&arguments.config, arguments.format)?;
    let mut of_rules = Report::default();
    let agent = &config.agent;
    let rules =
        rulebook::load(&mut of_rules, &agent.rules_dir, &config.inventory, agent.rules_dir_may_be_empty);
    if of_rules.errors() == 0 {
        rules::params::of_no_rule(&mut of_rules, &rules, &config.inventory);
    }
    for report in [&of_config, &of_rules] {
        shown(report, arguments.format)?;
    }
    let tags = config.inventory.tags().count();
    let (machines, sources) = (config.inventory.machines().count(), config.sources.len());
    let all = [
        counted(machines, "machine"),
        counted(sources, "source"),
        counted(tags, "tag"),
        counted(rules.rules, "rule"),
    ];
    let instances = counted(rules.plans.len(), "instance");
    say::note(format_args!("{} ({instances} of a rule on a machine)", all.join(", ")));
    say::note(Memory::of(&rules, agent.options.waiting_max));
    unheard::lines(&rules, &config).into_iter().for_each(say::note);
    if of_rules.errors() > 0 {
        return Err(Failure::Wrong);
    }
    if arguments.live { runtime()?.block_on(read::every_tag(&config)) } else { Ok(()) }
}

/// The configuration; mistakes that keep it from being used are shown in the format that was asked for.
pub(super) fn configuration_as(path: &Path, format: Format) -> Result<(Config, Report), Failure> {
    match super::read_configuration(path)? {
        (Some(config), report) => Ok((config, report)),
        (None, report) => {
            shown(&report, format)?;
            Err(Failure::Wrong)
        }
    }
}

pub(super) fn shown(report: &Report, format: Format) -> Result<(), Failure> {
    match format {
        Format::Text => show(report),
        Format::Json => say::lines(&report.json())?,
    }
    Ok(())
}
