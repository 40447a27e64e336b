//! The stand of the tests with asyncua's server: the peer, and the connector as the agent runs it.
//!
//! Here: starting both, and what is known of each tag. Not here: what is expected.
//! Invariant: whoever waits for a report waits a bounded time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use edge_agent::connector::opcua::{self, NodeAddress, OpcuaConfig, OpcuaTag, Security};
use edge_agent::connector::{Lost, Raw, Report};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::peer::Peer;

/// The whole way back from an outage must be shorter.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const TAGS: usize = 50;

pub(crate) fn server(dir: &TempDir, args: &[&str]) -> Peer {
    let dir = dir.path().to_str().unwrap().to_owned();
    Peer::start_on_free_port("opcua_asyncua.py", &[&[dir.as_str()], args].concat())
}

/// Starts a server again where one was.
pub(super) fn again(port: u16, dir: &TempDir, args: &[&str]) -> Peer {
    let (port, dir) = (port.to_string(), dir.path().to_str().unwrap().to_owned());
    Peer::start("opcua_asyncua.py", &[&[port.as_str(), dir.as_str()], args].concat())
}

pub(crate) fn config(peer: &Peer, dir: &TempDir) -> OpcuaConfig {
    OpcuaConfig {
        address: format!("opc.tcp://{}", peer.address()),
        security: Security::None,
        user: None,
        scan: Duration::from_millis(100),
        timeout: Duration::from_secs(4),
        agent_id: "ipc-l3".into(),
        certificates: dir.path().join("certificates"),
    }
}

pub(crate) fn tag(identifier: &str) -> OpcuaTag {
    OpcuaTag { node: NodeAddress::parse(&format!("nsu=urn:line:demo;s={identifier}")).unwrap() }
}

pub(crate) fn counters() -> Vec<OpcuaTag> {
    (0..TAGS).map(|i| tag(&format!("v{i}"))).collect()
}

/// The connector as the agent runs it, and what is known of each tag by its reports.
pub(crate) struct Running {
    reports: mpsc::Receiver<Report>,
    pub(crate) known: BTreeMap<usize, Result<Raw, String>>,
    tags: usize,
    pub(crate) down: Option<String>,
    pub(crate) lost: Lost,
    /// Reports that it was down.
    pub(crate) outages: usize,
    /// So long something may take.
    pub(crate) patience: Duration,
    /// Values of the longest report.
    pub(crate) longest: usize,
    _stop: DropGuard,
}

impl Running {
    pub(crate) fn start(config: OpcuaConfig, tags: Vec<OpcuaTag>) -> Self {
        let (sender, reports) = mpsc::channel(1);
        let (stop, count) = (CancellationToken::new(), tags.len());
        let stopped = stop.clone();
        tokio::spawn(async move {
            let emit = async move |report| sender.send(report).await.unwrap_or_default();
            opcua::run(&config, &tags, emit, stopped).await;
        });
        Self {
            reports,
            known: BTreeMap::new(),
            tags: count,
            down: None,
            lost: Lost::default(),
            outages: 0,
            patience: PATIENCE,
            longest: 0,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) async fn report(&mut self) -> Report {
        let report =
            timeout(self.patience, self.reports.recv()).await.expect("no report in time").expect("it ended");
        match &report {
            Report::Down(reason) => {
                self.outages += 1;
                self.down = Some(reason.clone());
                self.known.clear();
            }
            Report::Published(publication) => {
                self.down = None;
                self.lost += publication.lost;
                self.longest = self.longest.max(publication.samples.len());
                let told = publication.samples.iter().map(|s| (s.tag, s.value.clone()));
                self.known.extend(told);
            }
            Report::Scan { .. } => panic!("nothing is scanned here"),
        }
        report
    }

    pub(crate) async fn until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) -> Duration {
        let started = Instant::now();
        while !reached(self) {
            assert!(
                started.elapsed() < self.patience,
                "{what}: never; down {:?}, known {:?}",
                self.down,
                self.known
            );
            self.report().await;
        }
        started.elapsed()
    }

    /// All counters show at least this.
    pub(crate) fn all_from(&self, least: i64) -> bool {
        let counts = self.known.values().filter(|v| matches!(v, Ok(Raw::Int(i)) if *i >= least)).count();
        self.down.is_none() && counts == self.tags
    }
}

/// The number that the peer has written last.
pub(crate) fn count(peer: &Peer) -> i64 {
    let lines = peer.lines();
    let last = lines.iter().rev().find_map(|line| line.strip_prefix("value "));
    last.map_or(0, |n| n.parse().unwrap())
}

pub(crate) fn signal(peer: &Peer, signal: Signal) {
    kill_process(Pid::from_raw(peer.pid().try_into().unwrap()).unwrap(), signal).unwrap();
}

/// A healthy line with all tags read.
pub(super) async fn healthy() -> (TempDir, Peer, Running) {
    let dir = tempfile::tempdir().unwrap();
    let peer = server(&dir, &[]);
    let mut running = Running::start(config(&peer, &dir), counters());
    running.until("all tags", |r| r.all_from(1)).await;
    (dir, peer, running)
}
