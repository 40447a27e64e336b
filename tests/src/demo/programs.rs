//! The two programs that the demo shows, entered as their own binaries enter them.
//!
//! Here: the door to each. Not here: anything they do.
//! Invariant: nothing is passed to them but their arguments.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs `edge-agent`.
pub(super) fn agent(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    absent("edge-agent", args)
}

/// Runs `cloud-ingest`.
pub(super) fn ingest(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    absent("cloud-ingest", args)
}

fn absent(program: &str, args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    eprintln!("{program} has no way in yet: {args:?}");
    ExitCode::from(super::WRONG)
}
