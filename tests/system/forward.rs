//! The forwarder against Kinesis with the limits of a real shard (`ferrokinesis`, in-process).
//!
//! Here: throttling, a stream that goes away, that does not exist, missing credentials. Not here: the agent as
//! a process. Invariant shown: whatever happens, every entry arrives, and the first occurrences of each key's
//! entries are in order (I2).

use std::{
    collections::HashMap,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use aws_sdk_kinesis::{
    Client,
    config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider, retry::RetryConfig},
    types::ShardIteratorType,
};
use edge_agent::{
    forward::{Kinesis, KinesisTarget, Link, State, run},
    outbox::{Commit, Entry, Kind, Ledger, LedgerError, Limits},
};
use ferrokinesis::store::StoreOptions;
use tokio::{
    runtime::Runtime,
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// A test that waits longer than this has failed.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn through_a_throttled_shard_every_entry_arrives_and_each_machine_in_order() {
    let cloud = Cloud::new();
    cloud.create_stream().await;
    let line = Line::new();
    // Three times what the shard takes in a second, from three machines.
    for n in 0..300 {
        line.commit(n * 10..(n + 1) * 10, 1_100);
    }
    let running = line.forward(cloud.kinesis("line"));
    line.until(|s| s.link == Link::Throttled).await;
    line.until_empty().await;
    line.until(|s| s.link == Link::Up).await;
    line.stop(running).await;
    assert_arrived(&cloud.records().await, 3_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_goes_away_and_comes_back_loses_nothing() {
    let mut cloud = Cloud::new();
    cloud.create_stream().await;
    let line = Line::new();
    let running = line.forward(cloud.kinesis("line"));
    line.commit(0..50, 100);
    line.until_empty().await;
    cloud.go_away();
    line.commit(50..100, 100);
    line.until(|s| s.link == Link::Unreachable).await;
    line.commit(100..150, 100);
    cloud.come_back();
    line.until_empty().await;
    line.until(|s| s.link == Link::Up).await;
    line.stop(running).await;
    assert_arrived(&cloud.records().await, 150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_stream_is_named_and_used_as_soon_as_it_exists() {
    let cloud = Cloud::new();
    let line = Line::new();
    line.commit(0..3, 100);
    let running = line.forward(cloud.kinesis("line"));
    let said = line.until(|s| s.link == Link::Refused).await;
    assert!(said.starts_with("the stream line does not exist in eu-central-1"), "{said}");
    cloud.create_stream().await;
    line.until_empty().await;
    line.stop(running).await;
    assert_arrived(&cloud.records().await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn missing_credentials_are_named_quickly_and_used_as_soon_as_they_appear() {
    const FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";
    const CHILD: &str = "PLIMSOLL_TEST_CREDENTIALS";
    let Some(path) = std::env::var_os(CHILD) else {
        // The environment belongs to the process: the test runs in one of its own.
        let home = tempfile::tempdir().unwrap();
        let name = "forward::missing_credentials_are_named_quickly_and_used_as_soon_as_they_appear";
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([name, "--exact", "--nocapture"]).env("HOME", home.path());
        for (variable, _) in std::env::vars().filter(|(v, _)| v.starts_with("AWS_")) {
            command.env_remove(variable);
        }
        let path = home.path().join("credentials");
        let ended = command.env(FILE, &path).env(CHILD, &path).status().unwrap();
        assert!(ended.success());
        return;
    };
    let cloud = Cloud::new();
    cloud.create_stream().await;
    let line = Line::new();
    line.commit(0..3, 100);
    let start = Instant::now();
    let running = line.forward(Kinesis::new(cloud.target("line")));
    let said = line.until(|s| s.link == Link::NoCredentials).await;
    assert!(said.starts_with("no AWS credentials found: set AWS_ACCESS_KEY_ID"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    std::fs::write(Path::new(&path), "[default]\naws_access_key_id = a\naws_secret_access_key = b\n")
        .unwrap();
    line.until_empty().await;
    line.stop(running).await;
    assert_arrived(&cloud.records().await, 3);
}

/// Kinesis on a loopback port, with a runtime of its own so that its connections end when it goes away.
struct Cloud {
    router: axum::Router,
    address: SocketAddr,
    runtime: Option<Runtime>,
}

impl Cloud {
    fn new() -> Self {
        let options = StoreOptions { enforce_limits: true, create_stream_ms: 0, ..StoreOptions::default() };
        let (router, _) = ferrokinesis::create_app(options);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut cloud = Self { router, address, runtime: None };
        cloud.serve(listener);
        cloud
    }

    fn serve(&mut self, listener: TcpListener) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let router = self.router.clone();
        listener.set_nonblocking(true).unwrap();
        runtime.spawn(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, router).await.unwrap();
        });
        self.runtime = Some(runtime);
    }

    fn go_away(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    fn come_back(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        let listener = loop {
            match TcpListener::bind(self.address) {
                Ok(listener) => break listener,
                Err(e) => assert!(Instant::now() < deadline, "{e}"),
            }
        };
        self.serve(listener);
    }

    fn target(&self, stream: &str) -> KinesisTarget {
        let endpoint = Some(format!("http://{}", self.address));
        KinesisTarget { stream: stream.into(), region: "eu-central-1".into(), endpoint }
    }

    fn kinesis(&self, stream: &str) -> Kinesis {
        Kinesis::with_credentials(self.target(stream), SharedCredentialsProvider::new(credentials()))
    }

    fn client(&self) -> Client {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials())
            .endpoint_url(format!("http://{}", self.address))
            .retry_config(RetryConfig::standard());
        Client::from_conf(config.build())
    }

    async fn create_stream(&self) {
        self.client().create_stream().stream_name("line").shard_count(1).send().await.unwrap();
        let exists = async {
            while self.client().list_shards().stream_name("line").send().await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, exists).await.unwrap();
    }

    /// Everything in the stream, taken apart.
    async fn records(&self) -> Vec<(String, String)> {
        let client = self.client();
        let shards = client.list_shards().stream_name("line").send().await.unwrap();
        let shard = shards.shards()[0].shard_id();
        let from = ShardIteratorType::TrimHorizon;
        let start = client.get_shard_iterator().stream_name("line").shard_id(shard).shard_iterator_type(from);
        let mut next = start.send().await.unwrap().shard_iterator;
        let mut records = Vec::new();
        loop {
            let got = client.get_records().set_shard_iterator(next).send().await.unwrap();
            for record in got.records() {
                let key = record.partition_key().unwrap();
                let users = proto::aggregate::unpack(key, record.data().as_ref()).unwrap();
                records
                    .extend(users.into_iter().map(|u| (u.partition_key, String::from_utf8(u.data).unwrap())));
            }
            if got.records().is_empty() && got.millis_behind_latest() == Some(0) {
                return records;
            }
            next = got.next_shard_iterator;
        }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A ledger and whatever forwards from it.
struct Line {
    ledger: Arc<Ledger>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    state: watch::Sender<State>,
    _dir: tempfile::TempDir,
}

impl Line {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(dir.path(), Limits::default()).unwrap();
        Self {
            ledger: Arc::new(ledger),
            wake: Arc::default(),
            stop: CancellationToken::new(),
            state: watch::Sender::new(State::default()),
            _dir: dir,
        }
    }

    /// Commits numbered entries of three machines, `size` bytes each.
    fn commit(&self, numbers: std::ops::Range<usize>, size: usize) {
        let entry = |n: usize| Entry {
            kind: Kind::Transition,
            key: format!("machine-{}", n % 3),
            json: format!("{n} {}", "x".repeat(size)).into_bytes(),
        };
        self.ledger.commit(&Commit { entries: numbers.map(entry).collect(), ..Commit::default() }).unwrap();
        self.wake.notify_one();
    }

    fn forward(&self, stream: Kinesis) -> JoinHandle<Result<(), LedgerError>> {
        let (ledger, wake) = (Arc::clone(&self.ledger), Arc::clone(&self.wake));
        tokio::spawn(run(ledger, stream, wake, self.stop.clone(), self.state.clone()))
    }

    async fn until(&self, is_so: impl Fn(&State) -> bool) -> String {
        let mut state = self.state.subscribe();
        let state =
            timeout(PATIENCE, state.wait_for(|s| is_so(s))).await.expect("the state never came").unwrap();
        state.reason.clone().unwrap_or_default()
    }

    async fn until_empty(&self) {
        let empty = async {
            while self.ledger.counts().waiting.total() > 0 {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(PATIENCE, empty).await.unwrap_or_else(|_| panic!("{:?}", self.ledger.counts()));
    }

    async fn stop(&self, running: JoinHandle<Result<(), LedgerError>>) {
        self.stop.cancel();
        running.await.unwrap().unwrap();
    }
}

fn credentials() -> Credentials {
    Credentials::new("key", "secret", None, None, "test")
}

/// Each number is there under its machine, and first occurrences ascend.
fn assert_arrived(records: &[(String, String)], count: usize) {
    let mut first = HashMap::<&str, Vec<usize>>::new();
    for (key, text) in records {
        let n = text.split(' ').next().unwrap().parse::<usize>().unwrap();
        assert_eq!(*key, format!("machine-{}", n % 3));
        let seen = first.entry(key).or_default();
        if !seen.contains(&n) {
            seen.push(n);
        }
    }
    assert_eq!(first.values().map(Vec::len).sum::<usize>(), count);
    for (key, numbers) in first {
        assert!(numbers.is_sorted(), "{key}: {numbers:?}");
    }
}
