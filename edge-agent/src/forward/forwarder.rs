//! The forwarder: the only reader of the outbox.
//!
//! Here: rounds of peek, pack, put and settle; when the next one comes; what is said about it. Not here: what
//! goes into a request (`pack`), how a stream is spoken to.
//! Invariant: one request at a time. So what is not answered is not overtaken, and a stop or a crash at any
//! moment leaves in the outbox whatever was not accepted (I2).

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Link, State, Stream, pack, settle};
use crate::outbox::{Ledger, LedgerError};
use crate::pause::Pause;

/// Entries read for one request: enough for a full parcel of each of many keys.
const WINDOW_ENTRIES: usize = 5_000;
/// Bytes read for one request: what a request can hold.
const WINDOW_BYTES: usize = 5 << 20;
/// How long the last rounds may take after a stop.
const GRACE: Duration = Duration::from_secs(5);

/// The first pause after a failure: two round trips to a near region.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// A line whose network is back is live again within this time; one small request in it harms nobody.
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Forwards until stopped, then what waits by then, for as long as everything is accepted and at most 5 s.
///
/// `wake` is rung after each commit; `state` is for people.
///
/// # Errors
/// When the outbox cannot be read or written: the agent has to start again.
pub async fn run<S: Stream>(
    ledger: Arc<Ledger>,
    stream: S,
    wake: Arc<Notify>,
    stop: CancellationToken,
    state: watch::Sender<State>,
) -> Result<(), LedgerError> {
    let pause = Pause::between(FIRST_PAUSE, PAUSE_MAX);
    let mut forwarder = Forwarder { ledger, stream, state, pause, logged: Vec::new() };
    let grace_is_over = async {
        stop.cancelled().await;
        sleep(GRACE).await;
    };
    tokio::select! {
        done = forwarder.work(&wake, &stop) => done,
        () = grace_is_over => {
            tracing::warn!(waiting = forwarder.ledger.counts().waiting.total(), "stopped before all was forwarded");
            Ok(())
        }
    }
}

struct Forwarder<S> {
    ledger: Arc<Ledger>,
    stream: S,
    state: watch::Sender<State>,
    pause: Pause,
    /// The troubles of this outage that were logged.
    logged: Vec<Link>,
}

/// What a round has come to.
enum Round {
    /// Nothing waits.
    Idle,
    /// All of the request was accepted; more may wait.
    Accepted,
    /// Some of it was not.
    Held,
}

impl<S: Stream> Forwarder<S> {
    async fn work(&mut self, wake: &Notify, stop: &CancellationToken) -> Result<(), LedgerError> {
        loop {
            // Asked before the round: what was committed before the stop is seen by the round after it.
            let last = stop.is_cancelled();
            match self.round().await? {
                Round::Accepted => {}
                Round::Idle | Round::Held if last => return Ok(()),
                Round::Idle => tokio::select! {
                    () = wake.notified() => {}
                    () = stop.cancelled() => {}
                },
                // A stop ends the waiting: there is one try more.
                Round::Held => drop(timeout(self.pause.next(), stop.cancelled()).await),
            }
        }
    }

    async fn round(&mut self) -> Result<Round, LedgerError> {
        let waiting = self.at_ledger(|ledger| ledger.peek(WINDOW_ENTRIES, WINDOW_BYTES)).await?;
        if waiting.is_empty() {
            return Ok(Round::Idle);
        }
        let parcels = pack(waiting);
        let answers = match self.stream.put(&parcels).await {
            Ok(answers) => answers,
            Err(failure) => {
                self.say(failure.link, Some(failure.reason));
                return Ok(Round::Held);
            }
        };
        let settled = settle(&parcels, &answers);
        if !settled.accepted.is_empty() {
            self.pause.reset();
            self.at_ledger(move |ledger| ledger.settle(&settled.accepted)).await?;
        }
        match settled.refused.into_iter().next() {
            Some((_, reason)) => {
                self.say(Link::Throttled, Some(reason));
                Ok(Round::Held)
            }
            None => {
                // Up again only when the queue is gone, or a busy shard would change it many times a second.
                let throttled = self.state.borrow().link == Link::Throttled;
                if !throttled || self.ledger.counts().waiting.total() == 0 {
                    self.say(Link::Up, None);
                }
                Ok(Round::Accepted)
            }
        }
    }

    /// The ledger blocks for as long as the disk takes.
    async fn at_ledger<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let ledger = Arc::clone(&self.ledger);
        // The work catches sled's panics; what is left is a runtime that shuts down.
        tokio::task::spawn_blocking(move || work(&ledger)).await.unwrap_or(Err(LedgerError::Ended))
    }

    /// Publishes how things stand, and logs when that has changed: each trouble once, until it goes on.
    fn say(&mut self, link: Link, reason: Option<String>) {
        let state = State { link, reason };
        let before = self.state.send_replace(state.clone());
        if before.link == link || self.logged.contains(&link) {
            return;
        }
        if link == Link::Up {
            self.logged.clear();
        } else {
            // Two troubles may take turns at each try.
            self.logged.push(link);
        }
        let reason = state.reason.as_deref().unwrap_or_default();
        let waiting = self.ledger.counts().waiting.total();
        match link {
            Link::Untried => {}
            Link::Up => tracing::info!(waiting, "forwarding"),
            Link::Throttled => tracing::warn!(waiting, reason, "the stream takes less than comes"),
            Link::Unreachable => tracing::warn!(waiting, reason, "the stream does not answer"),
            Link::NoCredentials => tracing::error!(waiting, reason, "no credentials for the stream"),
            Link::Refused => tracing::error!(waiting, reason, "the stream refuses"),
        }
    }
}

#[cfg(test)]
mod tests;
