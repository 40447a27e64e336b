//! Logs: structured, on standard error.
//!
//! Here: how they look. Not here: what is said. Invariant: libraries are heard only when something is wrong.

use clap::ValueEnum;
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines, one object a line.
    Json,
}

/// Begins to log.
pub fn start(format: Format) {
    // What goes wrong in an OPC UA session is an error of the connector; the library says it again at each try, and
    // misses certificates where none are wanted.
    let heard = ["opcua_client", "opcua_core", "opcua_crypto", "opcua_types"].into_iter().fold(
        Targets::new().with_default(Level::ERROR).with_target("edge_agent", Level::INFO),
        |heard, library| heard.with_target(library, LevelFilter::OFF),
    );
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false).with_ansi(false);
    let layer = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    // A second start, in tests, changes nothing.
    tracing_subscriber::registry().with(layer.with_filter(heard)).try_init().ok();
}
