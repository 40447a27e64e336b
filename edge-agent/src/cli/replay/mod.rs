//! `rules replay`: recorded datapoints through the engine, as if they came now.
//!
//! Processing time comes from `meta.createdAt`, or is the greatest timestamp so far. Clocks are judged as the agent
//! judges them. At the end each scope goes on to the last thing it was told. A recording that an agent has made of
//! itself begins with a snapshot and holds all that went into its engine, clocks corrected, with the rules: of it
//! come exactly the transitions that were made then.
//!
//! Without a configuration the recording is read twice: once for the machines and tags that it shows.
//!
//! Here: the command; its options stand in `arguments`, what it stands on in `ground`, reading in `lines`, the engine's
//! part in `play`. Not here: the engine, what a recording shows (`recording::infer`).
//! Invariant: a line that is no line of a recording ends the replay with its place; nothing is skipped silently.

mod arguments;
mod ground;
mod lines;
mod play;

use std::time::Instant;

use self::ground::Ground;
use self::lines::each_line;
use self::play::Replay;
use super::{Failure, configuration, say};

pub(super) use self::arguments::Arguments;

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let started = Instant::now();
    if !arguments.more.is_empty() {
        let why = "one recording at a time; datapoints of several files are one recording behind one another: \
                   `cat A B | edge-agent rules replay - --config FILE`";
        return Err(Failure::Usage(why.into()));
    }
    let ground = match &arguments.config {
        Some(config) => Ground::configured(configuration(config)?.0),
        None => Ground::inferred(arguments)?,
    };
    let mut replay = Replay::new(arguments, ground);
    if let Err(failure) = each_line(&arguments.file, |line| replay.line(line)) {
        return Err(replay.broken(failure));
    }
    let mut summary = replay.end()?;
    summary.seconds = started.elapsed().as_secs_f64();
    say::note(serde_json::to_string(&summary).unwrap_or_default());
    Ok(())
}
