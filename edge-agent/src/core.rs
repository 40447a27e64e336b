//! Core: the one consumer of all datapoints, on a thread of its own.
//!
//! A loop: choose what comes next, then act on it without waiting. A delivery is stepped through the engine;
//! what comes of it joins the commit that fills; as soon as no commit runs, that one goes to the ledger, and when
//! it is durable the forwarder is woken. So one commit is written while the next fills, and nobody sees an output
//! before it is durable (I1).
//!
//! Here: that loop. Not here: what is kept of a source (`source`), judging (`rules`), what an event looks like (`announce`), what people see (`view`), the
//! disk (`outbox`).
//! Invariant: `at` never goes back, and the state of an instance is stored together with the transition it made.

mod source;

use std::sync::Arc;
use std::time::Duration;

use proto::Happening;
use rules::diagnose::Weight;
use rules::engine::{Engine, Input, Outputs, Subject};
use rules::inventory::Inventory;
use rules::trust::{Bounds, Verdict};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use self::source::SourceBook;
use crate::announce::Announcer;
use crate::clock::Clock;
use crate::inbox::{Inbox, Item, Notice};
use crate::normalize::Delivery;
use crate::outbox::{Commit, Entry, Kind, Ledger, LedgerError};
use crate::recording::{Moment, Recorder};
use crate::rulebook::{self, Edition, Mistake};
use crate::sequence::Sequence;
use crate::service;
use crate::view::{Asked, Board, MistakeView, Reply};

/// How often the service manager hears from core, and the wall clock is looked at.
const PULSE_EVERY: Duration = Duration::from_millis(250);
/// State that changed without a transition is stored that often.
const STATE_EVERY: Duration = Duration::from_secs(10);
/// How long to wait before a commit is tried again that found the disk full.
const FULL_PAUSE: Duration = Duration::from_secs(1);
/// Entries that may wait for a commit: beyond, nothing is read any more (I8).
const PENDING_MAX: usize = 10_000;

/// What core needs.
#[derive(Debug)]
pub struct Core {
    engine: Engine,
    inventory: Arc<Inventory>,
    clock: Clock,
    ledger: Arc<Ledger>,
    wake: Arc<Notify>,
    asked: Asked,
    board: Board,
    announcer: Announcer,
    recorder: Option<Recorder>,
    sources: Vec<SourceBook>,
    at: i64,
    /// The commit that fills.
    pending: Commit,
    /// The commit that is being written.
    running: Option<JoinHandle<(Commit, Result<(), LedgerError>)>>,
    /// When a commit that found the disk full is tried again.
    full_until: Option<Instant>,
    state_due: Instant,
    pulse_due: Instant,
}

/// What happens next.
enum Next {
    Delivery(Delivery),
    Edition(Box<Edition>),
    Notice(Box<Notice>),
    /// Somebody wants to see how things stand.
    Look(Reply),
    /// All connectors have ended.
    End,
    Committed(Commit, Result<(), LedgerError>),
    /// A deadline has come: the engine's or one of core's own.
    Time,
}

impl Core {
    /// Puts core together. `sequences` stand in the order of the inventory's sources.
    pub fn new(
        engine: Engine,
        inventory: Arc<Inventory>,
        clock: Clock,
        (ledger, wake): (Arc<Ledger>, Arc<Notify>),
        (asked, board): (Asked, Board),
        announcer: Announcer,
        sequences: Vec<Sequence>,
    ) -> Self {
        let book = |((_, source), sequence): ((_, &rules::inventory::Source), Sequence)| {
            SourceBook::new(source.id.clone(), sequence, clock.now())
        };
        let sources = inventory.sources().zip(sequences).map(book).collect();
        let (now, now_ms) = (Instant::now(), clock.now());
        Self {
            engine,
            inventory,
            clock,
            ledger,
            wake,
            asked,
            board,
            announcer,
            recorder: None,
            sources,
            at: now_ms,
            pending: Commit::default(),
            running: None,
            full_until: None,
            state_due: now + STATE_EVERY,
            pulse_due: now,
        }
    }

    /// Records from here on all that goes into the engine.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Says something about the agent, with the next commit.
    pub fn announce(&mut self, happening: Happening) {
        let kind = if matches!(happening, Happening::Gap { .. }) { Kind::Gap } else { Kind::Event };
        let entry = self.announcer.entry(happening, self.at);
        self.pending.entries.extend(entry.map(|(key, json)| Entry { kind, key, json }));
        self.pending.notes.push(self.announcer.note());
    }

    /// Works until all connectors have ended and everything is durable.
    ///
    /// # Errors
    /// When the ledger fails: the agent has to start again.
    pub async fn run(mut self, mut inbox: Inbox) -> Result<(), LedgerError> {
        loop {
            let next = self.next(&mut inbox).await;
            match next {
                Next::Delivery(delivery) => self.deliver(delivery),
                Next::Edition(edition) => self.publish_rules(*edition),
                Next::Notice(notice) => {
                    self.pending.notes.push(notice.note);
                    self.announce(notice.happening);
                }
                Next::Look(reply) => self.show(reply),
                Next::Committed(commit, result) => self.committed(commit, result)?,
                Next::Time => self.time(),
                Next::End => return self.end().await,
            }
            self.commit_if_due();
        }
    }

    async fn next(&mut self, inbox: &mut Inbox) -> Next {
        let due = self.next_deadline();
        let has_room = self.pending.entries.len() < PENDING_MAX;
        tokio::select! {
            biased;
            done = async { self.running.as_mut()?.await.ok() }, if self.running.is_some() => {
                self.running = None;
                // The writer catches sled's panics; what is left is a runtime that shuts down.
                done.map_or(Next::Committed(Commit::default(), Err(LedgerError::Ended)), |(c, r)| Next::Committed(c, r))
            }
            Some(reply) = self.asked.next() => Next::Look(reply),
            item = inbox.next(), if has_room => match item {
                Some(Item::Delivery(delivery)) => Next::Delivery(delivery),
                Some(Item::Edition(edition)) => Next::Edition(edition),
                Some(Item::Notice(notice)) => Next::Notice(notice),
                None => Next::End,
            },
            () = sleep_until(due) => Next::Time,
        }
    }

    fn next_deadline(&self) -> Instant {
        let engine = self.engine.deadline().map(|at| Instant::now() + self.clock.until(at));
        // While a commit runs, its end is what is waited for.
        let retry = self.full_until.filter(|_| self.running.is_none());
        [retry, engine].into_iter().flatten().fold(self.state_due.min(self.pulse_due), Instant::min)
    }

    fn deliver(&mut self, mut delivery: Delivery) {
        // What was on its way when the clock was set back carries the old time.
        let arrived = delivery.arrived.min(self.clock.now());
        self.at = self.at.max(arrived);
        let source = delivery.batch.source.0 as usize;
        self.judge_clock(source, &mut delivery);
        self.sources[source].lose(&delivery);
        for (i, datapoint) in delivery.batch.datapoints.iter().enumerate() {
            if self.sources[source].sequence.seen(datapoint.sequence) {
                let book = &self.sources[source];
                self.pending.notes.push((Sequence::note(&book.id), book.sequence.bytes()));
            }
            if let Subject::Connected(up) = datapoint.subject {
                let reason = delivery.status.iter().find(|(place, _)| *place == i).map(|(_, s)| s.clone());
                let told = self.sources[source].link(up, reason.unwrap_or_default(), self.at);
                told.into_iter().for_each(|happening| self.announce(happening));
            }
        }
        self.board.hear(&delivery);
        if let Some(recorder) = &mut self.recorder {
            recorder.delivery(&delivery, self.at);
        }
        let outputs = self.engine.step(Input::Datapoints(delivery.batch), self.at);
        self.take(outputs);
        // What is due must not wait until nothing comes any more.
        if Instant::now() >= self.state_due.min(self.pulse_due) {
            self.time();
        }
    }

    /// Takes other rules, or says other mistakes in them.
    pub fn publish_rules(&mut self, edition: Edition) {
        for Mistake { weight, code, text } in &edition.mistakes {
            match weight {
                Weight::Error => tracing::error!(code, "{text}"),
                Weight::Warning => tracing::warn!(code, "{text}"),
            }
        }
        self.at = self.at.max(self.clock.now());
        if let Some(rules) = edition.rules {
            tracing::info!(rules = rules.rules, "other rules are in force");
            let book = serde_json::from_slice(&edition.book).unwrap_or_default();
            self.step(Input::Rules(rules), Moment::Rules { at: self.at, book });
            self.store_state();
        }
        let seen = |m: Mistake| MistakeView { is_error: m.weight == Weight::Error, text: m.text };
        self.board.set_rules(edition.count, edition.mistakes.into_iter().map(seen).collect());
        self.pending.notes.push((rulebook::NOTE.into(), edition.book));
        if let Some(happening) = edition.happening {
            self.announce(happening);
        }
    }

    /// Tells when a source's clock is not believed any more, or is again.
    fn judge_clock(&mut self, source: usize, delivery: &mut Delivery) {
        let book = &mut self.sources[source];
        let verdict = delivery.correct(&mut book.trust, self.at, Bounds::default());
        let Some(verdict) = verdict else { return };
        let (corrected, behind_ms) = match verdict {
            Verdict::Suspect(behind_ms) => (true, behind_ms),
            Verdict::Trusted => (false, book.trust.behind),
        };
        let source_id = book.id.clone();
        tracing::warn!(
            source = source_id,
            behind_ms,
            corrected,
            "the source's clock is too far off, or right again"
        );
        self.announce(Happening::ClockSuspect { source_id, behind_ms, corrected });
    }

    /// The wall clock was stepped: forward, arrivals shift with it; backward, time begins again (§3.2).
    fn follow_step(&mut self) {
        let Some(step_ms) = self.clock.follow_step() else { return };
        tracing::warn!(step_ms, "the clock of this machine was set");
        if step_ms > 0 {
            return;
        }
        self.at = self.clock.now();
        self.step(Input::Epoch, Moment::Epoch { at: self.at });
        self.store_state();
        self.sources.iter_mut().for_each(|book| book.begin_again(self.at));
        self.announce(Happening::ClockStep { back_ms: -step_ms });
    }

    /// Steps something that is no delivery.
    fn step(&mut self, input: Input, moment: Moment) {
        if let Some(recorder) = &mut self.recorder {
            recorder.moment(moment);
        }
        let outputs = self.engine.step(input, self.at);
        self.take(outputs);
    }

    /// What a step brought about joins the commit that fills.
    fn take(&mut self, outputs: Outputs) {
        for (source, behind_ms) in outputs.late {
            self.board.late(source);
            self.sources[source.0 as usize].note_late(behind_ms);
        }
        for transition in outputs.transitions {
            match serde_json::to_vec(&transition) {
                Ok(json) => {
                    let key = transition.equipment_id.clone();
                    self.pending.entries.push(Entry { kind: Kind::Transition, key, json });
                    self.board.tell(transition);
                }
                Err(e) => {
                    tracing::error!(rule = transition.rule_id, error = %e, "transition cannot be written")
                }
            }
        }
        self.pending.states.extend(outputs.states.into_iter().map(|(key, bytes)| (key, Some(bytes))));
    }

    fn time(&mut self) {
        let now = Instant::now();
        if self.engine.deadline().is_some_and(|due| due <= self.clock.now()) {
            self.at = self.at.max(self.clock.now());
            self.step(Input::Clock, Moment::Clock { at: self.at });
        }
        if now >= self.state_due {
            self.state_due = now + STATE_EVERY;
            self.store_state();
            self.tell_of_sources();
            self.tell_losses();
        }
        if now >= self.pulse_due {
            self.pulse_due = now + PULSE_EVERY;
            self.follow_step();
            service::alive();
        }
    }

    fn store_state(&mut self) {
        // Nothing is forgotten by waiting, and on a full disk the same states would pile up here (I8).
        if self.full_until.is_some() {
            return;
        }
        self.pending.states.extend(self.engine.unsaved().into_iter().map(|(key, bytes)| (key, Some(bytes))));
    }

    fn tell_of_sources(&mut self) {
        let at = self.at;
        let told: Vec<Happening> = self
            .sources
            .iter_mut()
            .flat_map(|book| [book.tell_late(at), book.tell_lost(at)])
            .flatten()
            .collect();
        told.into_iter().for_each(|happening| self.announce(happening));
    }

    /// What the ledger lost gets its gap event (I8).
    fn tell_losses(&mut self) {
        if self.pending.losses_told > 0 || self.running.is_some() {
            return;
        }
        let losses = self.ledger.losses();
        self.pending.losses_told = losses.len();
        for loss in losses {
            tracing::error!(
                first = loss.first,
                last = loss.last,
                reason = loss.reason,
                "entries of the outbox are lost"
            );
            let (first, last, count) = (loss.first, Some(loss.last), loss.count);
            self.board.lose(count.unwrap_or(0));
            self.announce(Happening::Gap { of: "outbox".into(), count, first, last, reason: loss.reason });
        }
    }

    fn show(&mut self, reply: Reply) {
        let (engine, at) = (&self.engine, self.at.max(self.clock.now()));
        let disk_full = self.full_until.is_some();
        // Whoever asked may have stopped waiting.
        drop(reply.send(self.board.look(|board| board.picture(engine, at, disk_full))));
    }

    /// Starts a commit when there is something to write and none runs.
    fn commit_if_due(&mut self) {
        let nothing = self.pending == Commit::default();
        let full = self.full_until.is_some_and(|until| Instant::now() < until);
        if nothing || full || self.running.is_some() {
            return;
        }
        let commit = std::mem::take(&mut self.pending);
        let ledger = Arc::clone(&self.ledger);
        self.running = Some(tokio::task::spawn_blocking(move || {
            let result = ledger.commit(&commit);
            (commit, result)
        }));
    }

    fn committed(&mut self, commit: Commit, result: Result<(), LedgerError>) -> Result<(), LedgerError> {
        match result {
            Ok(()) => {
                if self.full_until.take().is_some() {
                    tracing::info!("there is room on the disk again, everything is kept");
                }
                self.wake.notify_one();
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
        commit.states.extend(later.states);
        commit.notes.extend(later.notes);
        commit.losses_told = commit.losses_told.max(later.losses_told);
        self.pending = commit;
    }

    /// The last commit: everything, and sequence numbers without a hole.
    async fn end(mut self) -> Result<(), LedgerError> {
        if let Some(running) = self.running.take() {
            let (commit, result) = running.await.unwrap_or((Commit::default(), Err(LedgerError::Ended)));
            self.committed(commit, result)?;
        }
        // One try more, with everything.
        self.full_until = None;
        self.store_state();
        self.tell_losses();
        self.announce(Happening::AgentStopping {});
        let notes = self.sources.iter().map(|b| (Sequence::note(&b.id), b.sequence.closed().bytes()));
        self.pending.notes.extend(notes);
        let (ledger, commit) = (Arc::clone(&self.ledger), std::mem::take(&mut self.pending));
        let written = tokio::task::spawn_blocking(move || ledger.commit(&commit)).await;
        self.wake.notify_one();
        let written = written.unwrap_or(Err(LedgerError::Ended));
        if written.is_ok() {
            tracing::info!(machines = self.inventory.machines().count(), "everything is kept");
        }
        written
    }
}
