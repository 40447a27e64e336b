//! The command line's end of the control socket.
//!
//! Here: asking, and why nobody could be asked. Not here: what is said of the answer (`cli`).
//! Invariant: it waits for no answer longer than `PATIENCE`.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Answer, LINE_MAX, Request};

/// Longer than the agent takes, which gives up by itself.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// Nobody listens.
    #[error("not running: no agent listens at {}", .0.display())]
    NotRunning(PathBuf),
    /// The socket is not for this user.
    #[error(
        "not permitted to open {}: operators belong to the group of this socket (usually `usermod -aG plimsoll NAME`, then log in again)",
        .0.display()
    )]
    NotPermitted(PathBuf),
    /// Anything else.
    #[error("no answer from the agent at {}", .0.display())]
    Broken(PathBuf, #[source] io::Error),
}

/// Asks the agent that listens at a path.
///
/// # Errors
/// When there is none, or it does not answer.
pub fn ask(path: &Path, request: &Request) -> Result<Answer, NoAnswer> {
    let here = || path.to_owned();
    let stream = UnixStream::connect(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => NoAnswer::NotRunning(here()),
        ErrorKind::PermissionDenied => NoAnswer::NotPermitted(here()),
        _ => NoAnswer::Broken(here(), e),
    })?;
    exchange(stream, request).map_err(|e| NoAnswer::Broken(here(), e))
}

fn exchange(mut stream: UnixStream, request: &Request) -> io::Result<Answer> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = Vec::new();
    BufReader::new(stream.take(LINE_MAX as u64)).read_until(b'\n', &mut answer)?;
    Ok(serde_json::from_slice(&answer)?)
}
