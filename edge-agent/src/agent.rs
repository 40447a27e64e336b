//! The agent: everything put together, started, and stopped in order.
//!
//! ```text
//! connector → normalize → inbox → core → outbox → forwarder → stream
//! ```
//! Here: the wiring. Not here: anything that is wired. Invariant: every task lives in one set; one that ends by
//! itself ends the process, and systemd starts it again. Stop: connectors end, core drains and commits, the
//! forwarder has one last round.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use proto::Happening;
use rules::engine::{Engine, Identity};
use rules::ruleset::RuleSet;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::announce::Announcer;
use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::config::{Agent, Config, Protocol, Source, Target};
use crate::connector;
use crate::control::{self, server::Server};
use crate::core::Core;
use crate::forward::{self, File, FileTarget, Kinesis, KinesisTarget};
use crate::inbox::{Inbox, Sender, inbox};
use crate::normalize::Normalizer;
use crate::outbox::{Ledger, Limits};
use crate::recording::{Moment, Recorder, Snapshot};
use crate::rulebook::{self, Book, Edition};
use crate::sequence::Sequence;
use crate::service;
use crate::view::{self, Board};
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
struct Running {
    tasks: JoinSet<Ended>,
    connectors: CancellationToken,
    forwarder: CancellationToken,
}

/// Runs until `stop`, or until a part fails. What goes into the engine is recorded in the folder `record`.
///
/// # Errors
/// When the outbox cannot be opened, or a part has ended by itself.
pub async fn run(config: Config, record: Option<&Path>, stop: CancellationToken) -> anyhow::Result<()> {
    let clock = Clock::start();
    let limits =
        Limits { waiting_bytes_max: config.outbox.ledger_max, free_bytes_min: config.outbox.free_disk_min };
    let dir = config.agent.data_dir.join("ledger");
    let (ledger, opened) = tokio::task::spawn_blocking(move || Ledger::open(&dir, limits))
        .await?
        .context("cannot open the outbox in `data_dir`")?;
    for repair in &opened.repairs {
        tracing::warn!(repair, "outbox repaired");
    }
    let ledger = Arc::new(ledger);
    let identity = Identity {
        agent_id: config.agent.id.clone(),
        incarnation: format!("{:016x}", opened.incarnation),
        site: config.agent.site.clone(),
    };
    let (book, first) = open_book(&config, &ledger)?;
    let rules = book.rules();
    let mut board = Board::new(Arc::clone(&config.inventory), clock.now());
    board.set_rules(rules.rules, Vec::new());
    let (mut running, inbox, core) =
        assemble(&config, (&rules, record), identity, (clock, board), &ledger, (book, first))?;
    let handle = Handle::current();
    // A thread of its own: stepping never waits for a socket.
    running.tasks.spawn_blocking(move || (Part::Core, handle.block_on(core.run(inbox)).map_err(Into::into)));
    service::ready();
    tracing::info!(
        agent = config.agent.id,
        rules = rules.rules,
        sources = config.sources.len(),
        "agent is up"
    );
    let ended_early = tokio::select! {
        () = stop.cancelled() => None,
        ended = running.tasks.join_next() => ended,
    };
    finish(running, ended_early).await
}

/// Makes all parts and starts all but core.
fn assemble(
    config: &Config,
    (rules, record): (&RuleSet, Option<&Path>),
    identity: Identity,
    (clock, board): (Clock, Board),
    ledger: &Arc<Ledger>,
    (book, first): (Book, Option<Edition>),
) -> anyhow::Result<(Running, Inbox, Core)> {
    let stored: BTreeMap<String, Vec<u8>> = ledger.states()?.into_iter().collect();
    let inventory = Arc::clone(&config.inventory);
    let start = clock.now();
    let (engine, resumed) = Engine::new(
        Arc::clone(&inventory),
        rules,
        identity.clone(),
        config.agent.options.clone(),
        start,
        &stored,
    );
    let snapshot = record.map(|folder| (folder, Snapshot::of(start, &identity, &stored, &book.bytes())));
    let announcer = Announcer::resume(identity, ledger)?;
    let mut sequences = sequences(config, ledger)?;
    let holes: Vec<(u64, Option<(u64, u64)>)> = sequences.iter_mut().map(Sequence::resume).collect();
    let (sender, inbox) = inbox();
    let wake = Arc::new(Notify::new());
    let (looker, asked) = view::ask();
    let mut core = Core::new(
        engine,
        inventory,
        clock.clone(),
        (Arc::clone(ledger), Arc::clone(&wake)),
        (asked, board),
        announcer,
        sequences,
    );
    if let Some((folder, snapshot)) = snapshot {
        record_into(&mut core, config, folder, snapshot);
    }
    core.announce(Happening::AgentStarted { program: env!("CARGO_PKG_VERSION").into(), rules: rules.rules });
    announce_start(&mut core, config, resumed, &holes);
    if let Some(first) = first {
        core.publish_rules(Edition { rules: None, ..first });
    }
    let mut running = Running {
        tasks: JoinSet::new(),
        connectors: CancellationToken::new(),
        forwarder: CancellationToken::new(),
    };
    for (source, (first, _)) in config.sources.iter().zip(&holes) {
        let normalizer = Normalizer::new(source, &config.inventory, *first);
        connect(&mut running, source, normalizer, sender.clone(), clock.clone());
    }
    if let Some(certificates) = Certificates::of(config, ledger)? {
        let (until, watching) = (running.connectors.clone(), certificates.watch(clock, sender.clone()));
        running.tasks.spawn(async move {
            until.run_until_cancelled(watching).await;
            (Part::Connector, Ok(()))
        });
    }
    let until = running.connectors.clone();
    running.tasks.spawn(async move {
        until.run_until_cancelled(watch_rules(book, sender)).await;
        (Part::Connector, Ok(()))
    });
    control(&mut running, &mut core, &config.agent);
    let link = forward_to(&mut running, config, ledger, wake);
    if let Some(address) = config.agent.http {
        let shown =
            web::Shown { about: web::About::of(config), looker, ledger: Arc::clone(ledger), forward: link };
        running.tasks.spawn(async move { match web::serve(address, shown).await {} });
    }
    Ok((running, inbox, core))
}

/// Operators are heard; an agent that cannot hear them works all the same.
fn control(running: &mut Running, core: &mut Core, agent: &Agent) {
    let (commander, commands) = control::commands();
    let file = agent.control.display();
    match Server::bind(&agent.control) {
        Ok(server) => {
            core.listen(commands);
            let until = running.connectors.clone();
            running.tasks.spawn(async move {
                until.run_until_cancelled(server.run(commander)).await;
                (Part::Connector, Ok(()))
            });
        }
        // Started by hand, without the directory that the service has.
        Err(e) if e.kind() == ErrorKind::NotFound => {
            tracing::info!(%file, "no operator commands: there is no such directory; `control` in [agent] names another");
        }
        Err(e) => tracing::error!(%file, error = %e, "no operator commands"),
    }
}

/// A recording that cannot be made stops no agent.
fn record_into(core: &mut Core, config: &Config, folder: &Path, snapshot: Snapshot) {
    let inventory = Arc::clone(&config.inventory);
    match Recorder::start(folder, snapshot.at, inventory, config.agent.id.clone()) {
        Ok(mut recorder) => {
            recorder.moment(Moment::Snapshot(Box::new(snapshot)));
            core.record(recorder);
        }
        Err(e) => tracing::error!(folder = %folder.display(), error = %e, "nothing is recorded"),
    }
}

/// Opens the book of rules where it was kept, and takes what the directory holds.
fn open_book(config: &Config, ledger: &Ledger) -> anyhow::Result<(Book, Option<Edition>)> {
    let kept = ledger.note(rulebook::NOTE)?;
    let agent = &config.agent;
    let book = Book::open(&agent.rules_dir, Arc::clone(&config.inventory), kept.as_deref());
    let mut book = book.may_be_empty(agent.rules_dir_may_be_empty);
    let first = book.scan();
    Ok((book, first))
}

/// Looks at the rule files for as long as core listens.
async fn watch_rules(mut book: Book, sender: Sender) {
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

fn sequences(config: &Config, ledger: &Ledger) -> anyhow::Result<Vec<Sequence>> {
    let read = |(_, source): (_, &rules::inventory::Source)| {
        let note = ledger.note(&Sequence::note(&source.id))?;
        Ok(Sequence::read(note.as_deref()))
    };
    config.inventory.sources().map(read).collect()
}

/// What the start has to say about the end before it.
fn announce_start(
    core: &mut Core,
    config: &Config,
    resumed: rules::engine::Resumed,
    holes: &[(u64, Option<(u64, u64)>)],
) {
    for ((_, source), (_, hole)) in config.inventory.sources().zip(holes) {
        if let Some((first, last)) = hole {
            let reason =
                "the agent had no clean end: these numbers were reserved and may never have been given";
            let (of, last, reason) = (source.id.clone(), Some(*last), reason.into());
            core.announce(Happening::Gap { of, count: None, first: *first, last, reason });
        }
    }
    for (key, why) in resumed.unreadable {
        tracing::error!(instance = key, error = %why, "stored state cannot be read, the instance begins anew");
        let (rule_id, equipment_id) = key.split_once('@').unwrap_or((&key, ""));
        let (rule_id, equipment_id) = (rule_id.to_owned(), equipment_id.to_owned());
        core.announce(Happening::StateReset { rule_id, equipment_id, reason: why.to_string() });
    }
    if let Some(back_ms) = resumed.clock_back {
        tracing::warn!(back_ms, "the clock was set back while the agent was down");
        core.announce(Happening::ClockStep { back_ms });
    }
}

fn connect(running: &mut Running, source: &Source, mut normalizer: Normalizer, sender: Sender, clock: Clock) {
    let stop = running.connectors.clone();
    let protocol = source.protocol.clone();
    if matches!(protocol, Protocol::Recorded) {
        return;
    }
    running.tasks.spawn(async move {
        let emit = async move |report| {
            let delivery = normalizer.batch(report, clock.now());
            // Core has ended: so will this task, by its token.
            sender.send(delivery).await;
        };
        connector::run(&protocol, emit, stop).await;
        (Part::Connector, Ok(()))
    });
}

fn forward_to(
    running: &mut Running,
    config: &Config,
    ledger: &Arc<Ledger>,
    wake: Arc<Notify>,
) -> watch::Receiver<forward::State> {
    let (state, link) = watch::channel(forward::State::default());
    let (ledger, stop) = (Arc::clone(ledger), running.forwarder.clone());
    match config.target.clone() {
        Target::File { bytes_max } => {
            let stream = File::new(FileTarget { dir: config.agent.data_dir.join("forward"), bytes_max });
            running.tasks.spawn(async move {
                (Part::Forwarder, forward::run(ledger, stream, wake, stop, state).await.map_err(Into::into))
            });
        }
        Target::Kinesis { stream, region, endpoint } => {
            let stream = Kinesis::new(KinesisTarget { stream, region, endpoint });
            running.tasks.spawn(async move {
                (Part::Forwarder, forward::run(ledger, stream, wake, stop, state).await.map_err(Into::into))
            });
        }
    }
    link
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

/// Stops in order: connectors, core, forwarder.
async fn finish(mut running: Running, ended_early: Option<Result<Ended, JoinError>>) -> anyhow::Result<()> {
    let mut ending = Ending { outcome: Ok(()), core_left: true, forwarder_left: true };
    if let Some(ended) = ended_early {
        ending.note(ended, &running.forwarder);
        if ending.outcome.is_ok() {
            ending.outcome = Err(anyhow::anyhow!("a part of the agent has ended by itself"));
        }
    }
    service::stopping();
    running.connectors.cancel();
    while ending.core_left || ending.forwarder_left {
        let Some(ended) = running.tasks.join_next().await else { break };
        ending.note(ended, &running.forwarder);
    }
    running.tasks.abort_all();
    ending.outcome
}
