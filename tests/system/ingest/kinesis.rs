//! A Kinesis in-process, whose requests can be counted, held up and refused.
//!
//! Here: the server, and what tests do to its streams. Not here: who reads them (`stand`).
//! Invariant: it enforces the limits of a shard.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_kinesis::primitives::Blob;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use ferrokinesis::{create_app, store::StoreOptions};

use super::stand::PATIENCE;

/// A Kinesis that enforces the limits of a shard, on a loopback port.
#[derive(Clone)]
pub(crate) struct Kinesis {
    pub(crate) client: Client,
    pub(super) endpoint: String,
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
