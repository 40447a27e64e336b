//! The works: a whole line for a test. PLCs and Kinesis live in the test itself, so that it can cut, hold and
//! count; edge-agent and cloud-ingest are the processes that they are in the field.
//!
//! Here: building it, starting its programs, reading what came of it. Not here: what is expected.
//! Invariant: whatever is started here ends with its value, by its process id.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_kinesis::{Client, types::ShardIteratorType};
use axum::Router;
pub(crate) use plant::clock::now_ms;
use plant::folder::{Addresses, Folder, REGION, STREAM};
use plant::gate::Gate;
use plant::kinesis::Kinesis;
use plant::line::{Line, Tag};
use plant::process::{Output, Process};
use plant::script::{Machine, Script};
use plant::server::opcua::Station;
use plant::server::{Cpu, Memory, Plc};
use plant::store::{Store, Stored};
use plant::view;
use proto::{Event, Notification, Record};
use tokio::time::{Instant, sleep};

/// How long a process may take to stop.
const STOPPING: Duration = Duration::from_secs(20);

/// What the store holds beside transitions.
enum Kept {
    Event(Box<Event>),
    Notification(Box<Notification>),
}

/// A line with all that belongs to it.
pub(crate) struct Works {
    pub(crate) folder: Folder,
    pub(crate) kinesis: Kinesis,
    pub(crate) script: Script,
    /// When the script began, ms since 1970.
    pub(crate) start_ms: i64,
    pub(crate) http: SocketAddr,
    filler: Plc,
    washer: Station,
}

impl Works {
    /// Builds it; the script begins `lead_ms` from now.
    pub(crate) async fn build(script: Script, lead_ms: i64) -> Self {
        Self::build_behind(script, lead_ms, |app| app).await
    }

    /// Builds it with something in front of Kinesis.
    pub(crate) async fn build_behind(
        script: Script,
        lead_ms: i64,
        wrap: impl FnOnce(Router) -> Router,
    ) -> Self {
        let start_ms = now_ms() + lead_ms;
        let (filler, washer) = plcs(script, start_ms).await;
        let kinesis = Kinesis::start_behind(STREAM, REGION, wrap).await.unwrap();
        let (folder, http) = (Folder::new(None).unwrap(), free_address());
        let addresses = Addresses {
            filler: filler.address(),
            washer: washer.address(),
            kinesis: kinesis.address(),
            http,
        };
        folder.write(&addresses).unwrap();
        Self { folder, kinesis, script, start_ms, http, filler, washer }
    }

    /// What stands between the agent and a machine's PLC.
    pub(crate) fn gate(&self, machine: Machine) -> &Gate {
        match machine {
            Machine::Filler => self.filler.gate(),
            Machine::Washer => self.washer.gate(),
        }
    }

    pub(crate) fn agent(&self) -> Process {
        self.start("agent", &self.folder.agent_config())
    }

    pub(crate) fn ingest(&self) -> Process {
        self.start("ingest", &self.folder.ingest_config())
    }

    /// The agent as another program starts it, which becomes it.
    pub(crate) fn agent_behind(&self, program: &str, mut args: Vec<OsString>) -> Process {
        args.push(env!("CARGO_BIN_EXE_plant").into());
        args.extend(run("agent", &self.folder.agent_config()));
        let log = self.folder.log("agent");
        Process::start("agent", Path::new(program), &args, log, Output::Log).unwrap()
    }

    fn start(&self, name: &'static str, config: &Path) -> Process {
        let program = Path::new(env!("CARGO_BIN_EXE_plant"));
        Process::start(name, program, &run(name, config), self.folder.log(name), Output::Log).unwrap()
    }

    /// Whether the running agent has heard every tag of both PLCs.
    pub(crate) async fn is_read(&self) -> bool {
        view::get(self.http).await.is_ok_and(|view| view.is_read(Tag::all().count()))
    }

    /// What is stored, each id in one file.
    pub(crate) fn stored(&self) -> Vec<Stored> {
        // Counted first: what is written meanwhile must not look like a doubling.
        let is_history = |f: &&PathBuf| f.components().any(|c| c.as_os_str() == "transitions");
        let there = files(&self.folder.store().join("machines")).iter().filter(is_history).count();
        let stored = Store::new(self.folder.store()).fresh().unwrap();
        assert!(there <= stored.len(), "an id is stored twice");
        stored
    }

    /// The events in the store, by number.
    pub(crate) fn events(&self) -> Vec<Event> {
        let of = |record| match record {
            Kept::Event(event) => Some(*event),
            Kept::Notification(_) => None,
        };
        let mut events: Vec<Event> = self.kept().into_iter().filter_map(of).collect();
        events.sort_by_key(|e| e.sequence_number);
        events
    }

    /// The notifications in the store, by time.
    pub(crate) fn notifications(&self) -> Vec<Notification> {
        let of = |record| match record {
            Kept::Event(_) => None,
            Kept::Notification(notification) => Some(*notification),
        };
        let mut all: Vec<Notification> = self.kept().into_iter().filter_map(of).collect();
        all.sort_by_key(|n| (n.timestamp, n.n));
        all
    }

    /// What the store holds beside transitions.
    fn kept(&self) -> Vec<Kept> {
        let read = |file: PathBuf| {
            let bytes = fs::read(file).unwrap();
            match Record::read(&bytes).unwrap() {
                Record::Event(event) => Kept::Event(Box::new(event)),
                Record::Notification(notification) => Kept::Notification(notification),
                other => panic!("{other:?}"),
            }
        };
        files(&self.folder.store().join("events")).into_iter().map(read).collect()
    }

    /// Everything in the stream, taken apart, each shard in its order.
    pub(crate) async fn records(&self) -> Vec<Vec<u8>> {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(format!("http://{}", self.kinesis.address()))
            .retry_config(RetryConfig::standard().with_max_attempts(20));
        let client = Client::from_conf(config.build());
        let shards = client.list_shards().stream_name(STREAM).send().await.unwrap();
        let mut records = Vec::new();
        for shard in shards.shards() {
            let from = ShardIteratorType::TrimHorizon;
            let start = client.get_shard_iterator().stream_name(STREAM).shard_id(shard.shard_id());
            let mut next = start.shard_iterator_type(from).send().await.unwrap().shard_iterator;
            loop {
                let got = client.get_records().set_shard_iterator(next).send().await.unwrap();
                for record in got.records() {
                    let key = record.partition_key().unwrap();
                    let users = proto::aggregate::unpack(key, record.data().as_ref()).unwrap();
                    records.extend(users.into_iter().map(|user| user.data));
                }
                if got.records().is_empty() && got.millis_behind_latest() == Some(0) {
                    break;
                }
                next = got.next_shard_iterator;
            }
        }
        records
    }

    /// Stops the agent as systemd does, then waits until the store holds all that is in the stream.
    pub(crate) async fn settle(&self, agent: &mut Process, ingest: &mut Process) {
        let ended = agent.stop(STOPPING).await.unwrap();
        assert!(ended.success(), "{ended}: {}", agent.last_words());
        let ids =
            |record: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(record).unwrap()["id"].to_string();
        let wanted: HashSet<String> = self.records().await.iter().map(ids).collect();
        until("the store holds all that is in the stream", Duration::from_secs(60), async || {
            self.stored().len() + self.kept().len() >= wanted.len()
        })
        .await;
        let ended = ingest.stop(STOPPING).await.unwrap();
        assert!(ended.success(), "{ended}: {}", ingest.last_words());
    }

    /// What must be so after any run: no PLC was asked for what it must not do (I10), nothing panicked, nothing
    /// was refused by the store.
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.filler.violations(), [], "the filler's PLC");
        assert_eq!(self.washer.violations(), [], "the washer's PLC");
        for name in ["agent", "ingest"] {
            let log = fs::read_to_string(self.folder.log(name)).unwrap_or_default();
            assert!(!log.contains("panicked"), "{name} panicked:\n{log}");
        }
        let failures = files(&self.folder.store().join("failures"));
        assert!(failures.is_empty(), "{failures:?}");
    }
}

/// What makes of the plant's program one of the two.
fn run(name: &str, config: &Path) -> [OsString; 5] {
    ["leashed".into(), name.into(), "run".into(), "--config".into(), config.into()]
}

/// An address that is free now. Whoever asks takes it a moment later.
pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// Waits for something, and says in vain for what.
pub(crate) async fn until(what: &str, limit: Duration, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !is_so().await {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        sleep(Duration::from_millis(50)).await;
    }
}

/// The PLCs of a line whose script begins at `start_ms`, ms since 1970: the filler's speaks S7, the washer's OPC UA.
pub(crate) async fn plcs(script: Script, start_ms: i64) -> (Plc, Station) {
    let line = Line::new(script);
    let of_filler = Machine::Filler.block();
    let memory: Memory =
        Arc::new(move |block| (block == of_filler).then(|| line.image(Machine::Filler, now_ms() - start_ms)));
    let filler = Plc::start(Cpu::default(), memory, None).await.unwrap();
    let washer = Station::start(line, Machine::Washer, Arc::new(start_ms.into()), None).unwrap();
    (filler, washer)
}

/// Every JSON file below a directory; none where there is none.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "json") {
            found.push(path);
        }
    }
    found
}
