//! `rules shelve`, `unshelve`, `reset`, `out-of-service`, `in-service`: what an operator wants done to a rule of a
//! machine, by the running agent.
//!
//! Here: the options, and what is said of the answer. Not here: the socket (`control`), what it does (`rules`).
//! Invariant: exit code 0 is done and kept, 1 refused, 3 no agent or no answer.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rules::operator::Order;
use rules::time::{Millis, duration};

use super::{CONFIG, Failure, say};
use crate::config;
use crate::control::{self, Answer, Done, Request, client};

/// Which rule of which machine, and why.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The rule, by its name
    rule: String,
    /// The machine, by its name or its id
    machine: String,
    /// Why, in quotes: it is recorded with your name
    #[arg(long, value_name = "TEXT")]
    why: String,
    /// The configuration of the running agent: it says where the agent listens
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

/// The same, and for how long.
#[derive(Debug, Args)]
pub(super) struct ShelveArguments {
    #[command(flatten)]
    of: Arguments,
    #[command(flatten)]
    length: Length,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Length {
    /// For so long, at most 24 h: "30 min", 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<Millis>,
    /// Until its state is normal again, for 24 h at most
    #[arg(long)]
    once: bool,
}

pub(super) fn shelve(arguments: &ShelveArguments) -> Result<(), Failure> {
    run(&arguments.of, arguments.length.length.map_or(Order::ShelveOnce, Order::Shelve))
}

pub(super) fn run(arguments: &Arguments, order: Order) -> Result<(), Failure> {
    let Arguments { rule, machine, why, config } = arguments;
    let request = Request { rule: rule.clone(), machine: machine.clone(), why: why.clone(), order };
    let answer = client::ask(&socket(config)?, &request);
    match answer.map_err(|e| Failure::Unreachable(with_source(&e)))? {
        Answer::Done(done) => {
            say::line(format_args!("{rule} on {machine}: {}", in_words(order, &done, &TimeZone::system())))
        }
        Answer::Refused(why) => Err(Failure::Because(format!("nothing was done: {why}"))),
        Answer::Unsure(why) => {
            Err(Failure::Unreachable(format!("{why}: its page or its log shows whether it was done")))
        }
    }
}

/// Where the agent of a configuration listens.
fn socket(config: &Path) -> Result<PathBuf, Failure> {
    match std::fs::read_to_string(config) {
        Ok(text) => Ok(config::control_of(&text, config.parent().unwrap_or(Path::new("")))),
        // It need not be readable for operators.
        Err(_) if config == Path::new(CONFIG) => Ok(control::SOCKET.into()),
        Err(e) => Err(Failure::Because(format!("cannot read the configuration {}: {e}", config.display()))),
    }
}

fn with_source(e: &dyn std::error::Error) -> String {
    e.source().map_or_else(|| e.to_string(), |source| format!("{e}: {source}"))
}

fn in_words(order: Order, done: &Done, zone: &TimeZone) -> String {
    let Done { who, until, state } = done;
    let until = until.and_then(|until| Timestamp::from_millisecond(until).ok());
    let until = until.map_or_else(String::new, |until| {
        format!(" until {}", until.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M"))
    });
    let done = match order {
        Order::Shelve(_) => format!("shelved{until}"),
        Order::ShelveOnce => format!("shelved until it is normal again, or{until}"),
        Order::Unshelve => "no longer shelved".to_owned(),
        Order::Reset => "reset".to_owned(),
        Order::OutOfService => "out of service until it is given back with `rules in-service`".to_owned(),
        Order::InService => "in service again".to_owned(),
    };
    format!("{done}, by {who}; its state is {state}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said_with_its_end_in_local_time() {
        let done = |until| Done { who: "meier".into(), until, state: "Overheated".into() };
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let said = |order, until| in_words(order, &done(until), &zone);
        assert_eq!(
            said(Order::Shelve(1), Some(1_700_000_000_000)),
            "shelved until 2023-11-14 23:13, by meier; its state is Overheated"
        );
        assert_eq!(
            said(Order::ShelveOnce, Some(1_700_000_000_000)),
            "shelved until it is normal again, or until 2023-11-14 23:13, by meier; its state is Overheated"
        );
        assert_eq!(said(Order::Reset, None), "reset, by meier; its state is Overheated");
    }
}
