//! The leash of a process that the demo started: its standard input.
//!
//! Here: hearing what the master says, and stopping when there is no master any more. Not here: the other end
//! (`process`). Invariant: when standard input ends, the process is asked to stop as a service would be, and it
//! is gone [`GRACE`] later in any case; so nothing of a demo outlives it, not even after `kill -9`.

use std::io;
use std::thread;
use std::time::Duration;

use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

/// How long a process may take to stop after its master is gone.
const GRACE: Duration = Duration::from_secs(10);

/// What the master says, line by line.
#[derive(Debug)]
pub(super) struct Leash {
    lines: mpsc::UnboundedReceiver<String>,
}

impl Leash {
    /// Listens from now on.
    pub(super) fn tie() -> Self {
        let (said, lines) = mpsc::unbounded_channel();
        thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                // A program of its own listens to nothing but the end.
                said.send(line).ok();
            }
            if let Err(error) = kill_process(getpid(), Signal::TERM) {
                eprintln!("plant: cannot stop by itself: {error}");
            }
            thread::sleep(GRACE);
            std::process::exit(super::WRONG.into());
        });
        Self { lines }
    }

    /// The start of the run, ms since 1970, as the master says it; never comes when the master is gone.
    pub(super) async fn start(&mut self) -> i64 {
        loop {
            match self.lines.recv().await {
                Some(line) => {
                    if let Ok(start_ms) = line.trim().parse() {
                        return start_ms;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }
}
