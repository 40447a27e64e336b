//! Core: the one consumer of all datapoints, on a thread of its own.
//!
//! A loop: choose what comes next, then act on it without waiting. A delivery is stepped through the engine;
//! what comes of it joins the commit that fills, which the `writer` makes durable before anybody sees any of it
//! (I1). One commit is written while the next fills.
//!
//! Here: that loop, and what goes into the engine. Not here: judging (`rules`), what becomes of its outputs (`outcome`),
//! what is noticed of a source (`source`), what operators want (`operator`), when a commit is written and what a full
//! disk does (`writer`), what people see (`view`).
//! Invariant: `at` goes back only where the machine's clock was set back, and the engine is told in the same step.

mod operator;
mod outcome;
mod source;
mod writer;

#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod notified;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proto::Happening;
use rules::diagnose::Weight;
use rules::engine::{Engine, Input, Subject};
use rules::inventory::Inventory;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use crate::announce::Announcer;
use crate::clock::Clock;
use crate::control::{Asked as Ordered, Commands};
use crate::inbox::{Inbox, Item, Notice};
use crate::normalize::Delivery;
use crate::outbox::{Ledger, LedgerError};
use crate::recording::{Moment, Recorder};
use crate::rulebook::{self, Edition, Mistake};
use crate::sequence::Sequence;
use crate::service;
use crate::view::{Asked, Board, MistakeView, Reply};

use self::source::SourceBook;
use self::writer::{Writer, Written};

/// How often the service manager hears from core, and the wall clock is looked at.
const PULSE_EVERY: Duration = Duration::from_millis(250);
/// State that changed without a transition is stored that often.
const STATE_EVERY: Duration = Duration::from_secs(10);

/// What core needs.
#[derive(Debug)]
pub struct Core {
    engine: Engine,
    inventory: Arc<Inventory>,
    clock: Clock,
    writer: Writer,
    asked: Asked,
    commands: Commands,
    board: Board,
    announcer: Announcer,
    recorder: Option<Recorder>,
    sources: Vec<SourceBook>,
    at: i64,
    state_due: Instant,
    pulse_due: Instant,
    /// Whom rules wanted to notify, though the configuration does not know them: each is logged once.
    targets_missed: BTreeSet<String>,
}

/// What happens next.
enum Next {
    Delivery(Delivery),
    Edition(Box<Edition>),
    Notice(Box<Notice>),
    /// An operator wants something done.
    Order(Box<Ordered>),
    /// Somebody wants to see how things stand.
    Look(Reply),
    /// All connectors have ended.
    End,
    Committed(Written),
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
            writer: Writer::new(ledger, wake),
            asked,
            commands: Commands::none(),
            board,
            announcer,
            recorder: None,
            sources,
            at: now_ms,
            state_due: now + STATE_EVERY,
            pulse_due: now,
            targets_missed: BTreeSet::new(),
        }
    }

    /// Records from here on all that goes into the engine.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Does from here on what operators want.
    pub fn listen(&mut self, commands: Commands) {
        self.commands = commands;
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
                    self.writer.note(notice.note);
                    self.announce(notice.happening);
                }
                Next::Order(order) => self.obey(*order),
                Next::Look(reply) => self.show(reply),
                Next::Committed(written) => self.writer.settle(written)?,
                Next::Time => self.time(),
                Next::End => return self.end().await,
            }
            self.writer.start_if_due();
        }
    }

    async fn next(&mut self, inbox: &mut Inbox) -> Next {
        let due = self.next_deadline();
        let has_room = self.writer.has_room();
        tokio::select! {
            biased;
            written = self.writer.written() => Next::Committed(written),
            Some(reply) = self.asked.next() => Next::Look(reply),
            Some(order) = self.commands.next(), if has_room => Next::Order(Box::new(order)),
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
        [self.writer.retry_at(), engine]
            .into_iter()
            .flatten()
            .fold(self.state_due.min(self.pulse_due), Instant::min)
    }

    fn deliver(&mut self, mut delivery: Delivery) {
        // What was on its way when the clock was set back carries the old time.
        let arrived = delivery.arrived.min(self.clock.now());
        self.at = self.at.max(arrived);
        let source = delivery.batch.source.0 as usize;
        let suspect = self.sources[source].judge_clock(&mut delivery, self.at);
        suspect.into_iter().for_each(|happening| self.announce(happening));
        self.sources[source].lose(&delivery);
        for (i, datapoint) in delivery.batch.datapoints.iter().enumerate() {
            if let Some(note) = self.sources[source].number(datapoint.sequence) {
                self.writer.note(note);
            }
            if let Subject::Connected(up) = datapoint.subject {
                let reason = delivery.status.iter().find(|(place, _)| *place == i).map(|(_, s)| s.clone());
                let link = self.sources[source].link(up, reason.unwrap_or_default(), self.at);
                link.into_iter().for_each(|happening| self.announce(happening));
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
        self.writer.note((rulebook::NOTE.into(), edition.book));
        if let Some(happening) = edition.happening {
            self.announce(happening);
        }
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
        for book in &mut self.sources {
            book.begin_epoch(self.at);
        }
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

    fn show(&mut self, reply: Reply) {
        let (engine, at) = (&self.engine, self.at.max(self.clock.now()));
        let disk_full = self.writer.is_full();
        // Whoever asked may have stopped waiting.
        drop(reply.send(self.board.look(|board| board.picture(engine, at, disk_full))));
    }

    /// The last commit: everything, and sequence numbers without a hole.
    async fn end(mut self) -> Result<(), LedgerError> {
        self.writer.finish().await?;
        self.store_state();
        self.tell_losses();
        self.announce(Happening::AgentStopping {});
        for book in &self.sources {
            self.writer.note(book.closing_note());
        }
        let written = self.writer.close().await;
        if written.is_ok() {
            tracing::info!(machines = self.inventory.machines().count(), "everything is kept");
        }
        written
    }
}
