//! The agent: everything put together, started, and stopped in order.
//!
//! ```text
//! connector → normalize → inbox → core → outbox → forwarder → stream
//! ```
//! Here: the wiring. The tasks, and how they stop, stand in `tasks`. Not here: anything that is wired.
//! Invariant: every task lives in one set; one that ends by itself ends the process, and systemd starts it again.

mod tasks;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use proto::Happening;
use rules::engine::{Engine, Identity, Resumed};
use rules::ruleset::RuleSet;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::announce::Announcer;
use crate::certificates::Certificates;
use crate::clock::Clock;
use crate::config::Config;
use crate::core::Core;
use crate::inbox::{Inbox, inbox};
use crate::normalize::Normalizer;
use crate::outbox::{Ledger, Limits};
use crate::recording::{Moment, Recorder, Snapshot};
use crate::rulebook::{self, Book, Edition};
use crate::sequence::Sequence;
use crate::service;
use crate::view::{self, Asked, Board};
use crate::web;

use self::tasks::{Running, watch_rules};

/// Where the numbers of a source go on, and which were reserved and may never have been given.
type Numbers = (u64, Option<(u64, u64)>);

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
    running.core(core, inbox);
    service::ready();
    tracing::info!(
        agent = config.agent.id,
        rules = rules.rules,
        sources = config.sources.len(),
        "agent is up"
    );
    running.end_at(stop).await
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
    let wake = Arc::new(Notify::new());
    let (looker, asked) = view::ask();
    let (mut core, numbers) =
        make_core(config, (rules, record), identity, clock.clone(), (ledger, &wake), (asked, board), &book)?;
    if let Some(first) = first {
        core.publish_rules(Edition { rules: None, ..first });
    }
    let (sender, inbox) = inbox();
    let mut running = Running::default();
    for (source, (first, _)) in config.sources.iter().zip(&numbers) {
        let normalizer = Normalizer::new(source, &config.inventory, *first);
        running.connect(source, normalizer, sender.clone(), clock.clone());
    }
    if let Some(certificates) = Certificates::of(config, ledger)? {
        running.feed(certificates.watch(clock, sender.clone()));
    }
    running.feed(watch_rules(book, sender));
    running.control(&mut core, &config.agent);
    let link = running.forward(config, ledger, wake);
    if let Some(address) = config.agent.http {
        let ledger = Arc::clone(ledger);
        running.show(address, web::Shown { about: web::About::of(config), looker, ledger, forward: link });
    }
    Ok((running, inbox, core))
}

/// Core with its engine, as the last run left it, and all that the start has to say.
fn make_core(
    config: &Config,
    (rules, record): (&RuleSet, Option<&Path>),
    identity: Identity,
    clock: Clock,
    (ledger, wake): (&Arc<Ledger>, &Arc<Notify>),
    shown: (Asked, Board),
    book: &Book,
) -> anyhow::Result<(Core, Vec<Numbers>)> {
    let stored: BTreeMap<String, Vec<u8>> = ledger.states()?.into_iter().collect();
    let (inventory, options) = (Arc::clone(&config.inventory), config.agent.options.clone());
    let start = clock.now();
    let (engine, resumed) =
        Engine::new(Arc::clone(&inventory), rules, identity.clone(), options, start, &stored);
    let snapshot = record.map(|folder| (folder, Snapshot::of(start, &identity, &stored, &book.bytes())));
    let announcer = Announcer::resume(identity, ledger)?;
    let mut sequences = sequences(config, ledger)?;
    let numbers: Vec<Numbers> = sequences.iter_mut().map(Sequence::resume).collect();
    let outbox = (Arc::clone(ledger), Arc::clone(wake));
    let mut core = Core::new(engine, inventory, clock, outbox, shown, announcer, sequences);
    if let Some((folder, snapshot)) = snapshot {
        record_into(&mut core, config, folder, snapshot);
    }
    core.announce(Happening::AgentStarted { program: env!("CARGO_PKG_VERSION").into(), rules: rules.rules });
    announce_start(&mut core, config, resumed, &numbers);
    Ok((core, numbers))
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

fn sequences(config: &Config, ledger: &Ledger) -> anyhow::Result<Vec<Sequence>> {
    let read = |(_, source): (_, &rules::inventory::Source)| {
        let note = ledger.note(&Sequence::note(&source.id))?;
        Ok(Sequence::read(note.as_deref()))
    };
    config.inventory.sources().map(read).collect()
}

/// What the start has to say about the end before it.
fn announce_start(core: &mut Core, config: &Config, resumed: Resumed, numbers: &[Numbers]) {
    for ((_, source), (_, hole)) in config.inventory.sources().zip(numbers) {
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
    for (sources, why) in resumed.marks_unreadable {
        tracing::error!(sources, error = %why, "the stored watermark cannot be read, its rules go on from their own");
    }
    if let Some(back_ms) = resumed.clock_back {
        tracing::warn!(back_ms, "the clock was set back while the agent was down");
        core.announce(Happening::ClockStep { back_ms });
    }
}
