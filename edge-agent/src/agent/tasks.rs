//! The tasks of the agent: what runs in each, and the order in which they end.
//!
//! Here: starting them, and stopping them. Not here: what is made for them (`agent`), what they do.
//! Invariant: connectors, and whatever else feeds core, end first; then core, which commits everything; then the
//! forwarder, with one last round.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::{Agent, Config, Protocol, Source, Target};
use crate::connector;
use crate::control::{self, server::Server};
use crate::core::Core;
use crate::forward::{self, File, FileTarget, Kinesis, KinesisTarget};
use crate::inbox::{Inbox, Sender};
use crate::normalize::Normalizer;
use crate::outbox::Ledger;
use crate::rulebook::Book;
use crate::service;
use crate::web;

/// How often the rule files are looked at (§8).
const RULES_EVERY: Duration = Duration::from_secs(2);

/// Which part has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Connector,
    Core,
    Forwarder,
}

type Ended = (Part, anyhow::Result<()>);

/// The tasks, and how to end them.
#[derive(Default)]
pub(super) struct Running {
    tasks: JoinSet<Ended>,
    connectors: CancellationToken,
    forwarder: CancellationToken,
}

impl Running {
    /// Core gets a thread of its own: stepping never waits for a socket.
    pub(super) fn core(&mut self, core: Core, inbox: Inbox) {
        let handle = Handle::current();
        self.tasks.spawn_blocking(move || (Part::Core, handle.block_on(core.run(inbox)).map_err(Into::into)));
    }

    /// Reads a source. One that is only in recordings is read by nobody.
    pub(super) fn connect(
        &mut self,
        source: &Source,
        mut normalizer: Normalizer,
        sender: Sender,
        clock: Clock,
    ) {
        let stop = self.connectors.clone();
        let protocol = source.protocol.clone();
        if matches!(protocol, Protocol::Recorded) {
            return;
        }
        self.tasks.spawn(async move {
            let emit = async move |report| {
                let delivery = normalizer.batch(report, clock.now());
                // Core has ended: so will this task, by its token.
                sender.send(delivery).await;
            };
            connector::run(&protocol, emit, stop).await;
            (Part::Connector, Ok(()))
        });
    }

    /// Does something else that feeds core, for as long as connectors run.
    pub(super) fn feed<F: Future + Send + 'static>(&mut self, work: F) {
        let until = self.connectors.clone();
        self.tasks.spawn(async move {
            until.run_until_cancelled(work).await;
            (Part::Connector, Ok(()))
        });
    }

    /// Operators are heard; an agent that cannot hear them works all the same.
    pub(super) fn control(&mut self, core: &mut Core, agent: &Agent) {
        let (commander, commands) = control::commands();
        let file = agent.control.display();
        match Server::bind(&agent.control) {
            Ok(server) => {
                core.listen(commands);
                self.feed(server.run(commander));
            }
            // Started by hand, without the directory that the service has.
            Err(e) if e.kind() == ErrorKind::NotFound => {
                tracing::info!(%file, "no operator commands: there is no such directory; `control` in [agent] names another");
            }
            Err(e) => tracing::error!(%file, error = %e, "no operator commands"),
        }
    }

    /// Forwards what the outbox holds; `wake` rings when there is more.
    pub(super) fn forward(
        &mut self,
        config: &Config,
        ledger: &Arc<Ledger>,
        wake: Arc<Notify>,
    ) -> watch::Receiver<forward::State> {
        let (state, link) = watch::channel(forward::State::default());
        let (ledger, stop) = (Arc::clone(ledger), self.forwarder.clone());
        match config.target.clone() {
            Target::File { bytes_max } => {
                let stream = File::new(FileTarget { dir: config.agent.data_dir.join("forward"), bytes_max });
                self.tasks.spawn(async move {
                    (
                        Part::Forwarder,
                        forward::run(ledger, stream, wake, stop, state).await.map_err(Into::into),
                    )
                });
            }
            Target::Kinesis { stream, region, endpoint } => {
                let stream = Kinesis::new(KinesisTarget { stream, region, endpoint });
                self.tasks.spawn(async move {
                    (
                        Part::Forwarder,
                        forward::run(ledger, stream, wake, stop, state).await.map_err(Into::into),
                    )
                });
            }
        }
        link
    }

    /// Shows the agent to whoever asks over HTTP, until the process ends.
    pub(super) fn show(&mut self, address: std::net::SocketAddr, shown: web::Shown) {
        self.tasks.spawn(async move { match web::serve(address, shown).await {} });
    }

    /// Waits for `stop`, or for a part that ends by itself; then ends all: connectors, core, forwarder.
    pub(super) async fn end_at(mut self, stop: CancellationToken) -> anyhow::Result<()> {
        let ended_early = tokio::select! {
            () = stop.cancelled() => None,
            ended = self.tasks.join_next() => ended,
        };
        let mut ending = Ending { outcome: Ok(()), core_left: true, forwarder_left: true };
        if let Some(ended) = ended_early {
            ending.note(ended, &self.forwarder);
            if ending.outcome.is_ok() {
                ending.outcome = Err(anyhow::anyhow!("a part of the agent has ended by itself"));
            }
        }
        service::stopping();
        self.connectors.cancel();
        while ending.core_left || ending.forwarder_left {
            let Some(ended) = self.tasks.join_next().await else { break };
            ending.note(ended, &self.forwarder);
        }
        self.tasks.abort_all();
        ending.outcome
    }
}

/// How far the stop has come, and whether it had to be.
struct Ending {
    outcome: anyhow::Result<()>,
    core_left: bool,
    forwarder_left: bool,
}

impl Ending {
    /// Notes that a part has ended. The forwarder's last round comes when core has committed everything.
    fn note(&mut self, ended: Result<Ended, JoinError>, forwarder: &CancellationToken) {
        let (part, result) = match ended {
            Ok((part, result)) => (Some(part), result),
            Err(e) => (None, Err(e.into())),
        };
        if self.outcome.is_ok() {
            self.outcome = result;
        }
        self.core_left &= part != Some(Part::Core);
        self.forwarder_left &= part != Some(Part::Forwarder);
        if !self.core_left {
            forwarder.cancel();
        }
    }
}

/// Looks at the rule files for as long as core listens.
pub(super) async fn watch_rules(mut book: Book, sender: Sender) {
    let mut rounds = tokio::time::interval(RULES_EVERY);
    rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        // The directory may be on a slow share.
        let Ok((back, edition)) = tokio::task::spawn_blocking(move || {
            let edition = book.scan();
            (book, edition)
        })
        .await
        else {
            return;
        };
        book = back;
        if let Some(edition) = edition
            && !sender.publish(edition).await
        {
            return;
        }
    }
}
