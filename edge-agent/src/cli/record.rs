//! `record`: datapoints as NDJSON, for `rules replay`.
//!
//! Here: connecting by itself and writing what comes. Not here: recording inside a running agent.
//! Invariant: every line that was written is complete, and is there a moment after its scan; Ctrl-C, SIGTERM and
//! `--seconds` end it cleanly.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rules::trust::{Bounds, Trust};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{CONFIG, Failure, configuration, runtime, say};
use crate::clock::Clock;
use crate::config::Config;
use crate::connector;
use crate::inbox::{Item, Sender, inbox};
use crate::normalize::{Delivery, Normalizer};
use crate::recording::Writer;

/// Options of `record`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The file to write; `-` is standard output
    out: PathBuf,
    /// How long; until Ctrl-C when not given
    #[arg(long)]
    seconds: Option<u64>,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, _) = configuration(&arguments.config)?;
    let out: Box<dyn Write> = if arguments.out.as_os_str() == "-" {
        Box::new(std::io::stdout())
    } else {
        let cannot = |e| Failure::Because(format!("cannot write {}: {e}", arguments.out.display()));
        Box::new(File::create_new(&arguments.out).map_err(cannot)?)
    };
    say::note("this takes a connection of each PLC for as long as it runs; Ctrl-C ends it");
    runtime()?.block_on(record(&config, BufWriter::new(out), arguments.seconds))
}

async fn record(config: &Config, mut out: impl Write, seconds: Option<u64>) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    let (sender, mut inbox) = inbox();
    let mut connectors = connect(config, &sender, &stop);
    drop(sender);
    let over = async {
        match seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let mut over = std::pin::pin!(over);
    let cannot_listen = |e: std::io::Error| Failure::Because(format!("cannot listen to signals: {e}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot_listen)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot_listen)?;
    let mut trust: Vec<Trust> = config.inventory.sources().map(|_| Trust::default()).collect();
    let mut at = i64::MIN;
    let writer = Writer { inventory: &config.inventory, agent_id: &config.agent.id };
    let mut lines = 0;
    loop {
        let delivery = tokio::select! {
            delivery = inbox.next() => delivery,
            () = &mut over, if !stop.is_cancelled() => { stop.cancel(); continue }
            _ = interrupt.recv(), if !stop.is_cancelled() => { stop.cancel(); continue }
            _ = terminate.recv(), if !stop.is_cancelled() => { stop.cancel(); continue }
        };
        let Some(Item::Delivery(mut delivery)) = delivery else { break };
        at = at.max(delivery.arrived);
        if let Some(trust) = trust.get_mut(delivery.batch.source.0 as usize) {
            delivery.correct(trust, at, Bounds::default());
        }
        lines += write(&mut out, &writer, &delivery)?;
    }
    while connectors.join_next().await.is_some() {}
    say::note(format_args!("{lines} datapoints"));
    Ok(())
}

/// Writes what was delivered, to the last byte; how many lines.
fn write(out: &mut impl Write, writer: &Writer<'_>, delivery: &Delivery) -> Result<u64, Failure> {
    let mut lines = 0;
    for line in writer.lines(delivery) {
        let line = line.map_err(|e| Failure::Because(format!("cannot write a datapoint: {e}")))?;
        writeln!(out, "{line}").map_err(say::cannot_write)?;
        lines += 1;
    }
    out.flush().map_err(say::cannot_write)?;
    Ok(lines)
}

fn connect(config: &Config, sender: &Sender, stop: &CancellationToken) -> JoinSet<()> {
    let clock = Clock::start();
    let mut connectors = JoinSet::new();
    for source in &config.sources {
        let protocol = source.protocol.clone();
        let mut normalizer = Normalizer::new(source, &config.inventory, 0);
        let (sender, stop, clock) = (sender.clone(), stop.clone(), clock.clone());
        connectors.spawn(async move {
            let emit = async move |report| {
                sender.send(normalizer.batch(report, clock.now())).await;
            };
            connector::run(&protocol, emit, stop).await;
        });
    }
    connectors
}
