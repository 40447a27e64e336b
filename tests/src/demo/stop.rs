//! Being asked to stop: Ctrl-C, or the way a service is stopped.
//!
//! Here: noticing it. Not here: stopping.
//! Invariant: from [`Stop::listen`] on no such request ends the process by itself or goes unnoticed.

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Somebody may want this process to stop.
#[derive(Debug)]
pub(super) struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    /// Listens from now on.
    pub(super) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen to signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Returns when somebody does.
    pub(super) async fn wanted(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
