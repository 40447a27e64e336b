//! The forwarder between a ledger of its own and a stream that answers as a test wants.

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
    let entry = |t: &&str| Entry { kind: Kind::Transition, key: t[..1].into(), json: t.as_bytes().to_vec() };
    Commit { entries: texts.iter().map(entry).collect(), ..Commit::default() }
}
