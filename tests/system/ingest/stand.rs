//! The test stand of `cloud-ingest`: Kinesis in-process, the program as a process of its own, a
//! folder for both. Not here: what is expected.
//! Invariant: whatever is started here is ended here, by its process id, also when a test fails.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_kinesis::primitives::Blob;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use ferrokinesis::{create_app, store::StoreOptions};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A Kinesis that enforces the limits of a shard, on a loopback port.
#[derive(Clone)]
pub(crate) struct Kinesis {
    pub(crate) client: Client,
    endpoint: String,
    traffic: Arc<Traffic>,
}

/// What passes, and whether it may.
#[derive(Default)]
struct Traffic {
    away: AtomicBool,
    /// A text whose requests are held up, for this long.
    slow: OnceLock<(&'static str, Duration)>,
    asked: AtomicUsize,
    put: AtomicUsize,
    expired: AtomicUsize,
}

/// A folder, a configuration and a way to start the program.
pub(crate) struct Stand {
    pub(crate) kinesis: Kinesis,
    dir: tempfile::TempDir,
    destination: String,
    credentials: bool,
}

/// The program, running.
pub(crate) struct Ingest {
    child: Child,
    log: PathBuf,
    out: PathBuf,
}

/// Something to put into the stream.
pub(crate) enum Put {
    /// One record, of the machine `m-1`.
    Plain(Vec<u8>),
    /// One record of a machine.
    Of(String, Vec<u8>),
    /// Records of a machine in one.
    Aggregate(String, Vec<Vec<u8>>),
}

impl Put {
    pub(crate) fn of(self, machine: &str) -> Self {
        match self {
            Self::Plain(data) => Self::Of(machine.to_owned(), data),
            other => other,
        }
    }
}

impl Kinesis {
    /// Starts one whose iterators live for so long.
    pub(crate) async fn start(iterator_ttl_seconds: u64) -> Self {
        let (app, _) = create_app(StoreOptions {
            enforce_limits: true,
            iterator_ttl_seconds,
            create_stream_ms: 20,
            delete_stream_ms: 20,
            update_stream_ms: 20,
            ..StoreOptions::default()
        });
        let traffic = Arc::new(Traffic::default());
        let seen = Arc::clone(&traffic);
        let app = app.layer(middleware::from_fn(move |request, next| pass(Arc::clone(&seen), request, next)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&endpoint)
            .retry_config(RetryConfig::disabled())
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        Self { client: Client::from_conf(config), endpoint, traffic }
    }

    /// Has every request answered as by a gateway whose server is away, or no more.
    pub(crate) fn away(&self, away: bool) {
        self.traffic.away.store(away, Ordering::SeqCst);
    }

    /// Holds up every request in which a text stands.
    pub(crate) fn hold_up(&self, text: &'static str, by: Duration) {
        self.traffic.slow.set((text, by)).unwrap();
    }

    /// Requests so far.
    pub(crate) fn asked(&self) -> usize {
        self.traffic.asked.load(Ordering::SeqCst)
    }

    /// Requests so far that came with an expired iterator.
    pub(crate) fn expired(&self) -> usize {
        self.traffic.expired.load(Ordering::SeqCst)
    }

    /// Records that were put and accepted so far.
    pub(crate) fn put_so_far(&self) -> usize {
        self.traffic.put.load(Ordering::SeqCst)
    }

    pub(crate) async fn create(&self, stream: &str, shards: i32) {
        self.client.create_stream().stream_name(stream).shard_count(shards).send().await.unwrap();
        self.active(stream).await;
    }

    pub(crate) async fn delete(&self, stream: &str) {
        self.client.delete_stream().stream_name(stream).send().await.unwrap();
        let end = Instant::now() + PATIENCE;
        while self.client.describe_stream_summary().stream_name(stream).send().await.is_ok() {
            assert!(Instant::now() < end, "the stream stays");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn active(&self, stream: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            let said = self.client.describe_stream_summary().stream_name(stream).send().await.unwrap();
            let summary = said.stream_description_summary().unwrap();
            if summary.stream_status().as_str() == "ACTIVE" {
                return;
            }
            assert!(Instant::now() < end, "the stream never becomes active");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Puts until it is accepted: refused is what the limits and resharding do.
    pub(crate) async fn put(&self, what: &Put) {
        let (key, data) = match what {
            Put::Plain(data) => ("m-1", data.clone()),
            Put::Of(machine, data) => (machine.as_str(), data.clone()),
            Put::Aggregate(machine, records) => {
                (machine.as_str(), proto::aggregate::pack(machine, records.iter().map(Vec::as_slice)))
            }
        };
        let put = self.client.put_record().stream_name("line").partition_key(key).data(Blob::new(data));
        let end = Instant::now() + PATIENCE;
        while let Err(e) = put.clone().send().await {
            assert!(Instant::now() < end, "{e:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.traffic.put.fetch_add(1, Ordering::SeqCst);
    }

    /// Splits a shard in the middle; gives its children.
    pub(crate) async fn split(&self, stream: &str, shard: &str) -> Vec<String> {
        let range = self.shards(stream).await.into_iter().find(|s| s.shard_id() == shard).unwrap();
        let range = range.hash_key_range().unwrap();
        let [low, high]: [u128; 2] =
            [range.starting_hash_key(), range.ending_hash_key()].map(|key| key.parse().unwrap());
        let middle = (low + (high - low) / 2).to_string();
        let split = self.client.split_shard().stream_name(stream).shard_to_split(shard);
        split.new_starting_hash_key(middle).send().await.unwrap();
        self.active(stream).await;
        let children = self.shards(stream).await.into_iter().filter(|s| s.parent_shard_id() == Some(shard));
        children.map(|s| s.shard_id().to_owned()).collect()
    }

    pub(crate) async fn merge(&self, stream: &str, shards: &[String]) {
        let merge = self.client.merge_shards().stream_name(stream).shard_to_merge(&shards[0]);
        merge.adjacent_shard_to_merge(&shards[1]).send().await.unwrap();
        self.active(stream).await;
    }

    async fn shards(&self, stream: &str) -> Vec<aws_sdk_kinesis::types::Shard> {
        self.client.list_shards().stream_name(stream).send().await.unwrap().shards().to_vec()
    }
}

/// Lets requests pass, counts them, holds them up, or answers as a gateway does whose server is away.
async fn pass(traffic: Arc<Traffic>, request: Request, next: Next) -> Response {
    traffic.asked.fetch_add(1, Ordering::SeqCst);
    if traffic.away.load(Ordering::SeqCst) {
        return Response::builder().status(StatusCode::SERVICE_UNAVAILABLE).body(Body::empty()).unwrap();
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    if let Some((text, by)) = traffic.slow.get()
        && String::from_utf8_lossy(&body).contains(text)
    {
        tokio::time::sleep(*by).await;
    }
    let (head, body) = next.run(Request::from_parts(head, Body::from(body))).await.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    if head.status == StatusCode::BAD_REQUEST && body.windows(15).any(|w| w == b"ExpiredIterator") {
        traffic.expired.fetch_add(1, Ordering::SeqCst);
    }
    Response::from_parts(head, Body::from(body))
}

impl Stand {
    pub(crate) fn new(kinesis: Kinesis) -> Self {
        let destination = "[local]\ndir = \"store\"\n".into();
        let stand = Self { kinesis, dir: tempfile::tempdir().unwrap(), destination, credentials: true };
        stand.polling("200 ms")
    }

    /// Stores in the table `plimsoll` instead of files; failures and places stay where they are.
    pub(crate) fn with_table_at(self, endpoint: &str) -> Self {
        let table = "[dynamodb]\ntable = \"plimsoll\"\nregion = \"us-east-1\"\nttl = \"90 days\"\n";
        let directories = "[checkpoint]\ndir = \"store/checkpoint\"\n[failures]\ndir = \"store/failures\"\n";
        let destination = format!("{table}endpoint = \"{endpoint}\"\n{directories}");
        Self { destination, ..self }.polling("200 ms")
    }

    pub(crate) fn polling(self, poll: &str) -> Self {
        let endpoint = &self.kinesis.endpoint;
        let stream =
            format!("[stream]\nname = \"line\"\nregion = \"us-east-1\"\nendpoint = \"{endpoint}\"\n");
        let destination = &self.destination;
        fs::write(self.config(), format!("{stream}poll = \"{poll}\"\n{destination}")).unwrap();
        self
    }

    /// Nothing listens there.
    pub(crate) fn at_a_closed_port(mut self) -> Self {
        self.kinesis.endpoint = "http://127.0.0.1:1".into();
        self.polling("200 ms")
    }

    pub(crate) fn without_credentials(self) -> Self {
        Self { credentials: false, ..self }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("c.toml")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// The files of one part of the store.
    pub(crate) fn files(&self, part: &str) -> Vec<PathBuf> {
        files(&self.store().join(part))
    }

    /// The bytes of everything that was set aside; each has a note with a reason.
    pub(crate) fn failures(&self) -> BTreeSet<Vec<u8>> {
        let notes = self.files("failures").into_iter().filter(|f| f.extension().is_some_and(|e| e == "json"));
        let raw = |note: PathBuf| {
            let json: serde_json::Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
            assert!(!json["reason"].as_str().unwrap().is_empty());
            fs::read(note.with_extension("raw")).unwrap()
        };
        notes.map(raw).collect()
    }

    pub(crate) fn start(&self) -> Ingest {
        let (log, out) = (self.dir.path().join("log"), self.dir.path().join("out"));
        let append = |path: &Path| File::options().create(true).append(true).open(path).unwrap();
        let child = self
            .command(&["run", "--config", self.config().to_str().unwrap()])
            .stdout(append(&out))
            .stderr(append(&log))
            .spawn()
            .unwrap();
        Ingest { child, log, out }
    }

    /// Runs the program until it ends by itself; gives its exit code and what it said.
    pub(crate) fn end(&self, args: &[&str]) -> (i32, String) {
        let output = self.command(args).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plant"));
        command.arg("ingest").args(args).env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("HOME", self.dir.path()).stdin(Stdio::null());
        if self.credentials {
            command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        }
        command
    }
}

impl Ingest {
    /// Ends it as a power cut does, at whatever it is doing.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as systemd does: it must, without an error and without a word on stdout.
    pub(crate) fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
        assert_eq!(fs::read_to_string(&self.out).unwrap(), "");
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        // Ended already, unless a test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until something is so.
pub(crate) async fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every file below a directory, none where there is no directory. Files that vanish meanwhile are left out.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tmp~") {
            found.extend(files(&path));
        } else if path.extension().is_some() {
            found.push(path);
        }
    }
    found
}

/// A transition of the rule `hot`, as an agent of today writes it.
pub(crate) fn transition(machine: &str, sequence: u64) -> Vec<u8> {
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let incarnation = "00000000000000ff";
    let json = serde_json::json!({
        "kind": "transition", "version": 1, "id": proto::id::transition("a", incarnation, "hot", machine, sequence),
        "agentId": "a", "incarnation": incarnation, "site": "here", "sequenceNumber": sequence, "ruleId": "hot",
        "ruleHash": "ab", "equipmentId": machine, "equipment": machine, "line": "L3", "timestamp": now,
        "detectedAt": now, "watermark": now, "from": "Normal", "to": "Hot", "since": now, "severity": "alarm",
        "cause": "condition", "group": null, "weight": 0, "because": null, "groups": [], "flags": [],
        "text": {"en": "too hot"},
    });
    serde_json::to_vec(&json).unwrap()
}

/// Always the same event, of this program's first minute.
pub(crate) fn event() -> Vec<u8> {
    static START: OnceLock<u128> = OnceLock::new();
    let start = START.get_or_init(|| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis());
    format!(
        r#"{{"kind":"event","version":1,"id":"e1","agentId":"a","incarnation":"ff","timestamp":{start},"sequenceNumber":1,"event":"sourceUp","sourceId":"plc"}}"#
    )
    .into()
}

/// A value of a tag.
pub(crate) fn datapoint(machine: &str) -> Vec<u8> {
    format!(
        r#"{{"version":1,"timestamp":1,"equipmentId":"{machine}","tag":"t","value":1,"quality":"Ok","meta":{{"sequenceNumber":1,"sourceId":"s"}}}}"#
    )
    .into()
}
