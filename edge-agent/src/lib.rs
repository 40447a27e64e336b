//! `edge-agent`: the daemon at the line, and its command line.
//!
//! ```text
//! connector → normalize → inbox → core → outbox → forward → stream
//! ```
//! Here: each of these rooms, and `agent`, which puts them together. Not here: judging (the `rules` crate), what
//! happens behind the stream (`cloud-ingest`).
//! Invariant: data moves one way; nothing goes leftward but back-pressure, what people look at, and what operators
//! ask for.

pub mod agent;
pub mod announce;
pub mod certificates;
mod cli;
pub mod clock;
pub mod config;
pub mod connector;
pub mod control;
pub mod core;
pub mod forward;
pub mod inbox;
pub mod log;
pub mod normalize;
pub mod outbox;
mod pause;
pub mod recording;
pub mod rulebook;
pub mod sequence;
pub mod service;
pub mod user;
pub mod view;
pub mod web;

use std::ffi::OsString;
use std::process::ExitCode;

/// The whole program: what was typed, its exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    cli::run(args)
}
