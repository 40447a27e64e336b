//! `read`: the tags of a source, once, over a connection of its own.
//!
//! Here: the table that is printed. Not here: the protocols. Invariant: a tag that cannot be read says why; a
//! source that cannot be reached is exit code 3, a tag that cannot be read exit code 1.

use std::path::PathBuf;

use clap::Args;
use rules::diagnose::did_you_mean;
use rules::engine::Subject;

use super::{CONFIG, Failure, configuration, runtime, say};
use crate::clock::Clock;
use crate::config::{Config, Source};
use crate::connector;
use crate::normalize::Normalizer;

/// Options of `read`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The source, by its id
    source: String,
    /// Tags, by name; all of them when none is given
    tags: Vec<String>,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, _) = configuration(&arguments.config)?;
    let id = |s: &&Source| config.inventory.source(s.id).id == arguments.source;
    let Some(source) = config.sources.iter().find(id) else {
        let known: Vec<&str> = config.inventory.sources().map(|(_, s)| s.id.as_str()).collect();
        let near = did_you_mean(&arguments.source, known.iter().copied());
        let hint =
            near.map_or_else(|| format!("there is {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
        return Err(Failure::Because(format!("unknown source `{}`: {hint}", arguments.source)));
    };
    let wanted = wanted(&config, source, &arguments.tags)?;
    say::note(format_args!("this takes a connection of {} for a moment", arguments.source));
    runtime()?.block_on(print_tags(&config, source, &wanted))
}

/// The names, each of which the source must have.
fn wanted(config: &Config, source: &Source, names: &[String]) -> Result<Vec<String>, Failure> {
    let known: Vec<&str> = source.tags.iter().map(|t| config.inventory.tag(t.id).name.as_str()).collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            let near = did_you_mean(name, known.iter().copied());
            let hint = near.map(|n| format!(": did you mean `{n}`?")).unwrap_or_default();
            return Err(Failure::Because(format!("the source has no tag `{name}`{hint}")));
        }
    }
    Ok(names.to_vec())
}

/// Reads every tag of every source once and says what is wrong with each; a source that cannot be reached decides
/// how it ends.
pub(super) async fn every_tag(config: &Config) -> Result<(), Failure> {
    let (mut wrong, mut away) = (false, false);
    for source in &config.sources {
        say::line(format_args!("{}:", config.inventory.source(source.id).id))?;
        let Err(failure) = print_tags(config, source, &[]).await else { continue };
        wrong = true;
        away |= matches!(failure, Failure::Unreachable(_));
        if let Failure::Unreachable(why) | Failure::Because(why) = failure {
            say::note(format_args!("error: {why}"));
        }
    }
    match (away, wrong) {
        (true, _) => Err(Failure::Away),
        (false, true) => Err(Failure::Wrong),
        (false, false) => Ok(()),
    }
}

async fn print_tags(config: &Config, source: &Source, wanted: &[String]) -> Result<(), Failure> {
    let report = connector::read_once(&source.protocol).await;
    let Some(report) = report.map_err(|e| Failure::Unreachable(e.to_string()))? else {
        return say::line("  recorded: nothing to read");
    };
    let delivery = Normalizer::new(source, &config.inventory, 0).batch(report, Clock::start().now());
    let mut bad = false;
    for (i, datapoint) in delivery.batch.datapoints.iter().enumerate() {
        let Subject::Tag(id) = datapoint.subject else { continue };
        let tag = config.inventory.tag(id);
        if !wanted.is_empty() && !wanted.contains(&tag.name) {
            continue;
        }
        let machine = &config.inventory.machine(tag.machine).name;
        let status = delivery.status.iter().find(|(place, _)| *place == i).map_or("", |(_, s)| s.as_str());
        bad |= datapoint.value.is_err();
        say::line(format_args!(
            "  {machine:<16} {:<28} {} {}",
            tag.name,
            shown(&datapoint.value, tag.unit.as_deref()),
            status.escape_debug()
        ))?;
    }
    let id = &config.inventory.source(source.id).id;
    if bad { Err(Failure::Because(format!("some tags of {id} cannot be read"))) } else { Ok(()) }
}

fn shown(value: &rules::value::Held, unit: Option<&str>) -> String {
    use rules::value::Value;
    let unit = unit.map(|u| format!(" {u}")).unwrap_or_default();
    match value {
        Ok(Value::Bool(b)) => b.to_string(),
        Ok(Value::Int(i)) => format!("{i}{unit}"),
        Ok(Value::Float(f)) => format!("{f}{unit}"),
        Ok(Value::Text(t)) => format!("'{}'", t.escape_debug()),
        Err(_) => "Bad:".into(),
    }
}
