//! `cloud-ingest`: reads all shards of a Kinesis stream and keeps what the agents sent.
//!
//! The way of a record: [`consumer`] (which shard, when) → [`reader`] (one read) → [`keeper`] (the order of the
//! steps) → `proto::aggregate::unpack` → [`route`] (pure: record in, write out) → [`store`], which is [`local`]
//! or [`table`] (with the keys of [`item`]), [`failures`] → [`places`] (the place moves last). [`folder`] makes
//! files whole and durable, [`name`] is the only text that becomes part of a path, [`shards`] keeps the order
//! of parents and children, [`fault`] sorts what AWS answers, [`trouble`] says once what is wrong.
//!
//! What to know before running it:
//! - Every write is idempotent and a shard's place moves only after them, so a kill at any moment, a redelivery
//!   and a producer's resend end in the same store: each transition once, the current state the newest.
//! - A shard takes 1,000 records or 1 MB a second from all producers and gives 2 MB and five reads a second to
//!   all readers. One `cloud-ingest` asks four times a second when idle (`poll`), so one other reader of the
//!   same kind already meets throttling, which is backed off. An idle shard costs at most `poll` of latency.
//! - One process per directory (a lock says so to the second), reading all shards; at most 8 answers of 10 MB
//!   are in memory. With `[local]`, each answer costs a few rounds of fsync, whatever it holds: measured on
//!   ext4 (development build), an answer of 300 transitions is durable after 25 ms, one of 5,000 after 0.3 s.
//! - With `[dynamodb]`, a transition costs two writes, of which a machine's partition takes 1,000 units a
//!   second: 250 transitions a second of one machine, see [`table`]. A record of more than 400 KiB is
//!   set aside. Places and failures stay files: a host that loses them reads the stream again from its oldest
//!   record, which costs writes and changes nothing, but a failure that was lost with them is lost.
//! - Records that wait in the stream longer than its retention (24 h unless changed) are gone: that, and not
//!   this program, is the longest it may stand still.
//! - Events and notifications are kept once each, by their ids. Datapoints are counted and not kept. Records of a newer
//!   version or an unknown kind are kept raw.
//! - A record is refused when an id in it does not match `[A-Za-z0-9_.-]{1,64}` or is `.` or `..`, when its day
//!   lies outside −400…+1 days of its arrival in the stream, or when it is no record at all; it is kept in the
//!   failure destination with the reason and delays nothing.
//! - Nothing is printed on stdout; the log goes to stderr. Exit codes: 0 stopped by SIGTERM or SIGINT, 1 the
//!   configuration is wrong, 2 wrong usage, 3 a directory cannot be used. A stream, credentials or an endpoint
//!   that is away ends nothing: it is logged once, and heals.
//!
//! Not here: S3, EventBridge and the Lambda function, which are further destinations and another caller of
//! [`keeper`]; making the table; and everything about rules. Linux only (`syncfs`).
//!
//! Invariant: nothing of ours but `proto` is used here.

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use clap::{Parser, Subcommand, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::prelude::*;

use crate::config::{Config, ConfigError, Destination, Dynamodb};
use crate::consumer::Consumer;
use crate::folder::FolderError;
use crate::keeper::Keeper;
use crate::local::Local;
use crate::store::Store;
use crate::table::Table;

pub mod config;
pub mod consumer;
pub mod failures;
pub mod fault;
pub mod folder;
pub mod item;
pub mod keeper;
pub mod local;
pub mod name;
pub mod pause;
pub mod places;
pub mod rank;
pub mod reader;
pub mod route;
pub mod shards;
pub mod store;
pub mod table;
pub mod trouble;
pub mod write;

#[derive(Parser)]
#[command(
    name = "cloud-ingest",
    version,
    about = "Keeps what the agents sent: reads a Kinesis stream, writes a store"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Reads the stream until it is stopped (the service)
    Run {
        /// The configuration
        #[arg(long, value_name = "FILE", default_value = "/etc/plimsoll/cloud-ingest.toml")]
        config: PathBuf,
        /// How the log on stderr looks
        #[arg(long, value_enum, default_value_t = Log::Text)]
        log: Log,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Log {
    /// For people
    Text,
    /// One JSON object a line
    Json,
}

/// Why the program ends by itself.
#[derive(Debug, thiserror::Error)]
enum Fatal {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("cannot begin to listen for signals and sockets")]
    Runtime(#[source] io::Error),
    #[error("a task died")]
    Task(#[from] tokio::task::JoinError),
}

/// The program. `args` begins with the program's name; the exit code is as in the documentation above.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let Command::Run { config, log } = match Arguments::try_parse_from(args) {
        Ok(arguments) => arguments.command,
        Err(e) => {
            // Help goes to stdout; where that is closed there is nobody to tell.
            e.print().ok();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    start_log(log);
    match run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            let cause = e.source().map(ToString::to_string);
            tracing::error!(cause, "{e}");
            ExitCode::from(if matches!(e, Fatal::Folder(_)) { 3 } else { 1 })
        }
    }
}

fn run(file: &Path) -> Result<(), Fatal> {
    let config = Config::read(file)?;
    // The main thread keeps what was read and may block on a disk; the workers see to the sockets meanwhile.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.map_err(Fatal::Runtime)?.block_on(async {
        let keeper = Keeper::open(&config, store(&config.destination).await?)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(Fatal::Runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Fatal::Runtime)?;
        let stop = async {
            tokio::select! { _ = terminate.recv() => (), _ = interrupt.recv() => () }
        };
        tracing::info!(stream = %config.stream, destination = %config.destination, "started");
        // Ten megabytes over a slow line.
        let stream = sdk(&config.region, config.endpoint.as_deref(), Duration::from_secs(30)).await;
        let client = aws_sdk_kinesis::Client::new(&stream);
        Consumer::new(client, config.stream, config.poll, keeper).run(stop).await?;
        tracing::info!("stopped");
        Ok(())
    })
}

async fn store(destination: &Destination) -> Result<Store, FolderError> {
    Ok(match destination {
        Destination::Local(dir) => Store::Local(Local::open(dir)?),
        Destination::Dynamodb(Dynamodb { table, region, endpoint, ttl }) => {
            // One item of at most 400 KiB.
            let sdk = sdk(region, endpoint.as_deref(), Duration::from_secs(5)).await;
            Store::Table(Table::new(aws_sdk_dynamodb::Client::new(&sdk), table.clone(), *ttl))
        }
    })
}

async fn sdk(region: &str, endpoint: Option<&str>, longest: Duration) -> SdkConfig {
    if endpoint.is_some_and(|url| url.starts_with("http://")) {
        tracing::warn!(endpoint, "spoken to without encryption");
    }
    let limits =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(5)).operation_timeout(longest).build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new(region.to_owned()))
        .timeout_config(limits)
        // What is tried again is decided here.
        .retry_config(RetryConfig::disabled());
    let loader = match endpoint {
        Some(url) => loader.endpoint_url(url),
        None => loader,
    };
    loader.load().await
}

/// Our own lines and nobody else's: the SDK would log each of its failures again and again.
fn start_log(log: Log) {
    let ours = Targets::new().with_target("cloud_ingest", LevelFilter::INFO);
    let registry = tracing_subscriber::registry().with(ours);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let set = match log {
        Log::Text => registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init(),
        Log::Json => registry.with(lines.json()).try_init(),
    };
    // An error means that somebody else has set one in this process, which then serves us too.
    set.ok();
}
