//! `run`: the service.
//!
//! Here: from the command line to the agent, and the signals that stop it. Not here: the agent (`agent`).
//! Invariant: SIGTERM and Ctrl-C end it cleanly; a configuration with a mistake does not start it, a rule with a
//! mistake does not stop it (I6).

use std::path::PathBuf;

use clap::Args;
use rules::diagnose::{Report, Weight};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{CONFIG, Failure, configuration, runtime};
use crate::agent;
use crate::log::{self, Format};

/// Options of `run`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// How log lines look
    #[arg(long, value_enum, default_value_t)]
    log: Format,
    /// A folder for a recording of all that goes into the rules, for `rules replay`: a file for each start, at most
    /// 1 GiB together
    #[arg(long, value_name = "DIR")]
    record: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, mistakes) = configuration(&arguments.config)?;
    log::start(arguments.log);
    log_mistakes(&mistakes);
    runtime()?.block_on(async {
        let cannot = |e: std::io::Error| Failure::Because(format!("cannot listen to signals: {e}"));
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
        let stop = CancellationToken::new();
        let mut agent = std::pin::pin!(agent::run(config, arguments.record.as_deref(), stop.clone()));
        let ended = tokio::select! {
            ended = &mut agent => ended,
            _ = terminate.recv() => { stop.cancel(); agent.await }
            _ = interrupt.recv() => { stop.cancel(); agent.await }
        };
        ended.map_err(|e| Failure::Because(format!("{e:#}")))
    })
}

/// Mistakes of files, as log lines.
fn log_mistakes(report: &Report) {
    for (line, diagnostic) in report.lines().zip(report.diagnostics()) {
        match diagnostic.weight {
            Weight::Error => tracing::error!(code = diagnostic.code, "{line}"),
            Weight::Warning => tracing::warn!(code = diagnostic.code, "{line}"),
        }
    }
}
