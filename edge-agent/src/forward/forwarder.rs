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

use super::{Link, State, Stream, backoff::Backoff, pack, settle};
use crate::outbox::{Ledger, LedgerError};

/// Entries read for one request: enough for a full parcel of each of many keys.
const WINDOW_ENTRIES: usize = 5_000;
/// Bytes read for one request: what a request can hold.
const WINDOW_BYTES: usize = 5 << 20;
/// How long the last rounds may take after a stop.
const GRACE: Duration = Duration::from_secs(5);

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
    let mut forwarder = Forwarder { ledger, stream, state, backoff: Backoff::new(), logged: Vec::new() };
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
    backoff: Backoff,
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
                Round::Held => drop(timeout(self.backoff.next(), stop.cancelled()).await),
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
            self.backoff.reset();
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
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        forward::{Answer, Failure, Parcel},
        outbox::{Commit, Entry, Kind, Limits},
    };

    #[tokio::test]
    async fn what_is_committed_is_forwarded_and_leaves_the_outbox() {
        let plant = Plant::new(|_, _| Ok(Answer::Accepted));
        let running = plant.start();
        plant.commit(&["a1", "b1", "a2"]);
        plant.until("all has left", |p| p.ledger.counts().delivered.total() == 3).await;
        plant.commit(&["b2"]);
        plant.until("the later one too", |p| p.ledger.counts().delivered.total() == 4).await;
        assert_eq!(plant.state.borrow().link, Link::Up);
        plant.stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(plant.of_key("a"), ["a1", "a2"]);
        assert_eq!(plant.of_key("b"), ["b1", "b2"]);
    }

    #[tokio::test]
    async fn a_refused_key_keeps_its_order_and_holds_up_no_other() {
        // The first three requests refuse key a.
        let plant = Plant::new(|n, key| {
            Ok(if n < 3 && key == "a" { Answer::Refused("slow down".into()) } else { Answer::Accepted })
        });
        plant.commit(&["a1", "b1", "a2", "b2"]);
        plant.commit(&["a3"]);
        let running = plant.start();
        plant.until("throttled", |p| p.state.borrow().link == Link::Throttled).await;
        plant.until("all has left", |p| p.ledger.counts().delivered.total() == 5).await;
        plant.until("up again", |p| p.state.borrow().link == Link::Up).await;
        plant.stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(plant.of_key("a"), ["a1", "a2", "a3"]);
        assert_eq!(plant.of_key("b"), ["b1", "b2"]);
    }

    #[tokio::test]
    async fn a_failed_request_is_tried_again_until_it_is_accepted() {
        let plant = Plant::new(|n, _| match n {
            0 => Err(Failure { link: Link::NoCredentials, reason: "none".into() }),
            1 => Err(Failure { link: Link::Unreachable, reason: "away".into() }),
            _ => Ok(Answer::Accepted),
        });
        plant.commit(&["a1"]);
        let running = plant.start();
        plant.until("it has left", |p| p.ledger.counts().delivered.total() == 1).await;
        plant.stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(plant.of_key("a"), ["a1"]);
    }

    #[tokio::test]
    async fn at_a_stop_what_was_committed_before_still_goes() {
        let plant = Plant::new(|_, _| Ok(Answer::Accepted));
        let running = plant.start();
        plant.ledger.commit(&commit(&["a1", "a2"])).unwrap();
        plant.stop.cancel();
        running.await.unwrap().unwrap();
        assert_eq!(plant.of_key("a"), ["a1", "a2"]);
        assert_eq!(plant.ledger.counts().waiting.total(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_never_answers_does_not_keep_the_agent_from_stopping() {
        struct Silent;
        impl Stream for Silent {
            async fn put(&mut self, _: &[Parcel]) -> Result<Vec<Answer>, Failure> {
                std::future::pending().await
            }
        }
        let plant = Plant::new(|_, _| Ok(Answer::Accepted));
        plant.commit(&["a1"]);
        plant.stop.cancel();
        let state = watch::Sender::new(State::default());
        let ledger = Arc::clone(&plant.ledger);
        run(ledger, Silent, Arc::clone(&plant.wake), plant.stop.clone(), state).await.unwrap();
        assert_eq!(plant.ledger.counts().waiting.total(), 1);
    }

    /// Decides on a parcel by the number of the request and its key.
    type Verdict = fn(usize, &str) -> Result<Answer, Failure>;

    struct Plant {
        ledger: Arc<Ledger>,
        wake: Arc<Notify>,
        stop: CancellationToken,
        state: watch::Sender<State>,
        verdict: Verdict,
        arrived: Arc<Mutex<Vec<(String, String)>>>,
        _dir: tempfile::TempDir,
    }

    struct Script {
        verdict: Verdict,
        requests: usize,
        arrived: Arc<Mutex<Vec<(String, String)>>>,
    }

    impl Stream for Script {
        async fn put(&mut self, parcels: &[Parcel]) -> Result<Vec<Answer>, Failure> {
            let n = self.requests;
            self.requests += 1;
            let answers = parcels.iter().map(|p| (self.verdict)(n, &p.key)).collect::<Result<Vec<_>, _>>()?;
            for (parcel, _) in parcels.iter().zip(&answers).filter(|(_, a)| **a == Answer::Accepted) {
                let texts = parcel.entries.iter().map(|(_, json)| String::from_utf8(json.clone()).unwrap());
                self.arrived.lock().unwrap().extend(texts.map(|text| (parcel.key.clone(), text)));
            }
            Ok(answers)
        }
    }

    impl Plant {
        fn new(verdict: Verdict) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let (ledger, _) = Ledger::open(dir.path(), Limits::default()).unwrap();
            Self {
                ledger: Arc::new(ledger),
                wake: Arc::default(),
                stop: CancellationToken::new(),
                state: watch::Sender::new(State::default()),
                verdict,
                arrived: Arc::default(),
                _dir: dir,
            }
        }

        fn start(&self) -> tokio::task::JoinHandle<Result<(), LedgerError>> {
            let script = Script { verdict: self.verdict, requests: 0, arrived: Arc::clone(&self.arrived) };
            let (ledger, wake) = (Arc::clone(&self.ledger), Arc::clone(&self.wake));
            tokio::spawn(run(ledger, script, wake, self.stop.clone(), self.state.clone()))
        }

        fn commit(&self, texts: &[&str]) {
            self.ledger.commit(&commit(texts)).unwrap();
            self.wake.notify_one();
        }

        fn of_key(&self, key: &str) -> Vec<String> {
            let arrived = self.arrived.lock().unwrap();
            arrived.iter().filter(|(k, _)| k == key).map(|(_, text)| text.clone()).collect()
        }

        async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
            let waiting = async {
                while !is_so(self) {
                    sleep(Duration::from_millis(5)).await;
                }
            };
            timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
        }
    }

    /// Texts whose first letter is their key.
    fn commit(texts: &[&str]) -> Commit {
        let entry =
            |t: &&str| Entry { kind: Kind::Transition, key: t[..1].into(), json: t.as_bytes().to_vec() };
        Commit { entries: texts.iter().map(entry).collect(), ..Commit::default() }
    }
}
