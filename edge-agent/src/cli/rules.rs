//! `rules check`, `rules fmt`, `rules schema`: what somebody needs who writes rules.
//!
//! Here: which files are meant, and what is printed. Not here: what is wrong with them (`rules`), their layout.
//! Invariant: `fmt` changes a file only to one of the same meaning, and never one that it does not understand.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use ::rules::checked::is_table;
use ::rules::diagnose::Report;
use ::rules::layout::layout;
use ::rules::params::of_no_rule;
use ::rules::size::Memory;
use clap::Args;

use super::check::{Format, counted, shown};
use super::{CONFIG, Failure, configuration};
use crate::rulebook;

/// Options of `rules check`.
#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    /// Files and directories to check; the directory of the configuration where none is named
    paths: Vec<PathBuf>,
    /// Machines, sources, tags, and where the rules are
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Options of `rules fmt`.
#[derive(Debug, Args)]
pub(super) struct FmtArguments {
    /// Files and directories; the directory of the configuration where none is named
    paths: Vec<PathBuf>,
    /// Where the rules are
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
    /// Change nothing, only name the files that would be changed
    #[arg(long)]
    check: bool,
}

pub(super) fn check(arguments: &CheckArguments) -> Result<(), Failure> {
    let (config, _) = configuration(&arguments.config)?;
    let mut report = Report::default();
    let default = [config.agent.rules_dir.clone()];
    let paths = if arguments.paths.is_empty() { &default[..] } else { &arguments.paths };
    let rules = rulebook::of_paths(&mut report, paths, &config.inventory);
    // Some of the rules do not tell which parameters there are.
    if arguments.paths.is_empty() && report.errors() == 0 {
        of_no_rule(&mut report, &rules, &config.inventory);
    }
    shown(&report, arguments.format);
    let instances = counted(rules.plans.len(), "instance");
    eprintln!("{} ({instances} of a rule on a machine)", counted(rules.rules, "rule"));
    eprintln!("{}", Memory::of(&rules, config.agent.options.waiting_max));
    if report.errors() > 0 { Err(Failure::Wrong) } else { Ok(()) }
}

pub(super) fn schema() -> Result<(), Failure> {
    let written = std::io::stdout().write_all(::rules::schema::schema().as_bytes());
    written.map_err(|e| Failure::Because(format!("cannot write: {e}")))
}

pub(super) fn fmt(arguments: &FmtArguments) -> Result<(), Failure> {
    let mut well = true;
    for path in rule_files(arguments)? {
        let name = path.display();
        let text = rulebook::page(&path).text.map_err(|why| Failure::Because(format!("{name}: {why}")))?;
        let Some(new) = layout(&text.text) else {
            eprintln!("{name}: not laid out: it is not TOML, or a comment stands inside {{ }}");
            well = false;
            continue;
        };
        // What was not UTF-8, or had a mark, is written anew as well.
        if std::fs::read(&path).is_ok_and(|old| old == new.as_bytes()) {
            continue;
        }
        println!("{name}");
        if arguments.check {
            well = false;
        } else {
            replace(&path, &new).map_err(|e| Failure::Because(format!("cannot write {name}: {e}")))?;
        }
    }
    if well { Ok(()) } else { Err(Failure::Wrong) }
}

fn rule_files(arguments: &FmtArguments) -> Result<Vec<PathBuf>, Failure> {
    let default = match arguments.paths.is_empty() {
        true => vec![configuration(&arguments.config)?.0.agent.rules_dir],
        false => Vec::new(),
    };
    let mut files = Vec::new();
    for path in arguments.paths.iter().chain(&default) {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let pages = rulebook::pages(path)
            .map_err(|e| Failure::Because(format!("cannot read {}: {e}", path.display())))?;
        files.extend(pages.into_iter().map(|page| PathBuf::from(page.name)));
    }
    files.retain(|file| !is_table(&file.display().to_string()));
    Ok(files)
}

/// Writes beside the file and renames, so that the agent never reads half of it.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let real = path.canonicalize()?;
    let name = real.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let beside = real.with_file_name(format!(".{name}.new"));
    let permissions = std::fs::metadata(&real)?.permissions();
    std::fs::write(&beside, text)?;
    std::fs::set_permissions(&beside, permissions)?;
    std::fs::rename(&beside, &real)
}
