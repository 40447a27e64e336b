//! What a command says: on standard output what machines read, on standard error everything else.
//!
//! Here: saying it. Not here: the words. Invariant: nobody listening any more, as behind `| head`, is no mistake, and
//! nothing that cannot be said makes a command panic.

use std::fmt::Display;
use std::io::{ErrorKind, Write as _};

use super::Failure;

/// A line on standard output.
pub(super) fn line(text: impl Display) -> Result<(), Failure> {
    lines(&format!("{text}\n"))
}

/// Whole lines on standard output.
pub(super) fn lines(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()).map_err(cannot_write) {
        Err(Failure::Closed) => Ok(()),
        said => said,
    }
}

/// A line on standard error.
pub(super) fn note(text: impl Display) {
    // Whoever closed it does not want to know.
    std::io::stderr().write_all(format!("{text}\n").as_bytes()).ok();
}

/// So many of something, in words.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Why something could not be written to standard output.
pub(super) fn cannot_write(e: std::io::Error) -> Failure {
    match e.kind() {
        ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Because(format!("cannot write: {e}")),
    }
}
