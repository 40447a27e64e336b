//! The writer: the commit that fills, and the one that is being written.
//!
//! As soon as no commit runs, the one that fills goes to the ledger, and when it is durable the forwarder is woken;
//! meanwhile the next one fills. A full disk is said once: the commit goes back before the one that fills and is
//! tried again until there is room. States of instances wait outside meanwhile, because the engine holds them
//! anyway; transitions, events and notes wait here.
//!
//! Here: when it is written, and what a full disk does. Not here: what a commit holds (`core`), the disk (`outbox`).
//! Invariant: nobody is woken before a commit is durable (I1); what was not written keeps its place in the order;
//! at [`PENDING_MAX`] entries nothing more is taken in (I8).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::control::Answer;
use crate::outbox::{Commit, Entry, Ledger, LedgerError, Loss};

/// How long to wait before a commit is tried again that found the disk full.
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// Entries that may wait for a commit: beyond, nothing is read any more (I8).
const PENDING_MAX: usize = 10_000;

/// A commit that was tried, and what came of it.
pub(super) type Written = (Commit, Result<(), LedgerError>);

/// An answer that waits for a commit.
type Held = (oneshot::Sender<Answer>, Answer);

/// Puts commits into the ledger, one at a time.
#[derive(Debug)]
pub(super) struct Writer {
    ledger: Arc<Ledger>,
    wake: Arc<Notify>,
    /// The commit that fills.
    pending: Commit,
    /// Who hears of it when it is durable: at most as many as can ask at once.
    answers: Vec<Held>,
    /// The commit that is being written.
    running: Option<JoinHandle<Written>>,
    /// Who hears of that one.
    running_answers: Vec<Held>,
    /// When a commit that found the disk full is tried again.
    full_until: Option<Instant>,
}

impl Writer {
    /// Writes to `ledger`, and wakes whoever waits for what is durable.
    pub(super) fn new(ledger: Arc<Ledger>, wake: Arc<Notify>) -> Self {
        Self {
            ledger,
            wake,
            pending: Commit::default(),
            answers: Vec::new(),
            running: None,
            running_answers: Vec::new(),
            full_until: None,
        }
    }

    /// An entry joins the commit that fills.
    pub(super) fn entry(&mut self, entry: Entry) {
        self.pending.entries.push(entry);
    }

    /// So does a note of the agent.
    pub(super) fn note(&mut self, (name, bytes): (String, Vec<u8>)) {
        self.pending.notes.push((name, bytes));
    }

    /// So do states of instances.
    pub(super) fn states(&mut self, states: impl IntoIterator<Item = (String, Vec<u8>)>) {
        self.pending.states.extend(states.into_iter().map(|(key, bytes)| (key, Some(bytes))));
    }

    /// Answers when the commit that fills is durable.
    pub(super) fn answer(&mut self, reply: oneshot::Sender<Answer>, answer: Answer) {
        self.answers.retain(|(reply, _)| !reply.is_closed());
        self.answers.push((reply, answer));
    }

    /// Whether more may come in.
    pub(super) fn has_room(&self) -> bool {
        self.pending.entries.len() < PENDING_MAX
    }

    /// Whether the last try found the disk full.
    pub(super) fn is_full(&self) -> bool {
        self.full_until.is_some()
    }

    /// When the next try is due; none while one runs, or when nothing stands in its way.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        // While a commit runs, its end is what is waited for.
        self.full_until.filter(|_| self.running.is_none())
    }

    /// What the ledger lost and nobody told yet: whoever takes it puts its gap events into the commit that fills.
    pub(super) fn losses(&mut self) -> Vec<Loss> {
        if self.pending.losses_told > 0 || self.running.is_some() {
            return Vec::new();
        }
        let losses = self.ledger.losses();
        self.pending.losses_told = losses.len();
        losses
    }

    /// Starts a commit when there is something to write and none runs.
    pub(super) fn start_if_due(&mut self) {
        let nothing = self.pending == Commit::default();
        let full = self.full_until.is_some_and(|until| Instant::now() < until);
        if nothing || full || self.running.is_some() {
            return;
        }
        let commit = std::mem::take(&mut self.pending);
        self.running_answers = std::mem::take(&mut self.answers);
        let ledger = Arc::clone(&self.ledger);
        self.running = Some(tokio::task::spawn_blocking(move || {
            let result = ledger.commit(&commit);
            (commit, result)
        }));
    }

    /// The end of the commit that is being written; without one, it waits for ever.
    pub(super) async fn written(&mut self) -> Written {
        let Some(running) = self.running.as_mut() else { return std::future::pending().await };
        let done = running.await;
        self.running = None;
        // The ledger catches sled's panics; what is left is a runtime that shuts down.
        done.unwrap_or((Commit::default(), Err(LedgerError::Ended)))
    }

    /// Acts on the end of a commit.
    ///
    /// # Errors
    /// When the ledger has failed; a full disk is no failure.
    pub(super) fn settle(&mut self, (commit, result): Written) -> Result<(), LedgerError> {
        match result {
            Ok(()) => {
                if self.full_until.take().is_some() {
                    tracing::info!("there is room on the disk again, everything is kept");
                }
                self.wake.notify_one();
                for (reply, answer) in self.running_answers.drain(..) {
                    // Whoever asked may have left.
                    drop(reply.send(answer));
                }
                Ok(())
            }
            Err(e @ LedgerError::Full { .. }) => {
                if self.full_until.is_none() {
                    tracing::error!(error = %e, "nothing can be kept");
                }
                self.full_until = Some(Instant::now() + FULL_PAUSE);
                self.put_back(commit);
                Ok(())
            }
            Err(e) => Err(e),
        }
    }

    /// A commit that was not written goes before the one that fills.
    fn put_back(&mut self, mut commit: Commit) {
        let later = std::mem::take(&mut self.pending);
        commit.entries.extend(later.entries);
        commit.states = latest(commit.states.into_iter().chain(later.states));
        commit.notes = latest(commit.notes.into_iter().chain(later.notes));
        commit.losses_told = commit.losses_told.max(later.losses_told);
        self.pending = commit;
        self.answers.splice(..0, self.running_answers.drain(..));
    }

    /// Waits for the commit that is being written, and lets the next one be tried even on a full disk.
    ///
    /// # Errors
    /// When the ledger has failed.
    pub(super) async fn finish(&mut self) -> Result<(), LedgerError> {
        if self.running.is_some() {
            let written = self.written().await;
            self.settle(written)?;
        }
        self.full_until = None;
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// When it is not durable, be it for a full disk.
    pub(super) async fn close(self) -> Result<(), LedgerError> {
        let (ledger, commit) = (self.ledger, self.pending);
        let written = tokio::task::spawn_blocking(move || ledger.commit(&commit)).await;
        self.wake.notify_one();
        let written = written.unwrap_or(Err(LedgerError::Ended));
        if written.is_ok() {
            self.answers.into_iter().for_each(|(reply, answer)| drop(reply.send(answer)));
        }
        written
    }
}

/// Of several values of one name only the last is worth keeping: else they pile up while the disk is full (I8).
fn latest<T>(all: impl Iterator<Item = (String, T)>) -> Vec<(String, T)> {
    all.collect::<BTreeMap<_, _>>().into_iter().collect()
}

#[cfg(test)]
mod tests;
