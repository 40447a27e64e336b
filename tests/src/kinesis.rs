//! Kinesis on this machine, with the limits of real shards.
//!
//! Here: `ferrokinesis` on a port of its own behind a [`Gate`], and one stream in it. Not here: producers and
//! consumers. Invariant: what is cut off while the gate is shut is the network; the stream keeps its records.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, anyhow};
use axum::Router;
use ferrokinesis::actions::{Operation, dispatch};
use ferrokinesis::store::StoreOptions;
use ferrokinesis::{create_app, types::StreamStatus};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::gate::Gate;

/// Shards of the stream: more than one, so that order per machine is not order of everything by accident.
const SHARDS: u32 = 2;

/// Kinesis with one stream. It is gone, with its records, when it is dropped.
#[derive(Debug)]
pub struct Kinesis {
    gate: Gate,
    server: JoinHandle<()>,
}

impl Kinesis {
    /// Starts it, and returns when the stream is ready.
    ///
    /// # Errors
    /// When no port can be had, or the stream cannot be made.
    pub async fn start(stream: &str, region: &str) -> anyhow::Result<Self> {
        Self::start_behind(stream, region, |app| app).await
    }

    /// Starts it behind something of one's own that sees each request and each answer.
    ///
    /// # Errors
    /// As [`Kinesis::start`].
    pub async fn start_behind(
        stream: &str,
        region: &str,
        wrap: impl FnOnce(Router) -> Router,
    ) -> anyhow::Result<Self> {
        let options = StoreOptions {
            create_stream_ms: 0,
            enforce_limits: true,
            aws_region: region.into(),
            ..StoreOptions::default()
        };
        let (app, store) = create_app(options);
        let app = wrap(app);
        let order = json!({ "StreamName": stream, "ShardCount": SHARDS });
        dispatch(&store, Operation::CreateStream, order)
            .await
            .map_err(|error| anyhow!("Kinesis does not make the stream {stream}: {error:?}"))?;
        while !matches!(store.get_stream(stream).await, Ok(s) if s.stream_status == StreamStatus::Active) {
            tokio::task::yield_now().await;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for Kinesis")?;
        let gate = Gate::before(listener.local_addr()?).context("no port for Kinesis")?;
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "kinesis ended");
            }
        });
        Ok(Self { gate, server })
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.gate.address()
    }

    /// The network in front of it.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }
}

impl Drop for Kinesis {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_config::{BehaviorVersion, Region, retry::RetryConfig};
    use aws_sdk_kinesis::config::Credentials;
    use aws_sdk_kinesis::primitives::Blob;
    use aws_sdk_kinesis::types::ShardIteratorType;
    use aws_sdk_kinesis::{Client, Config};
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpStream;

    use super::*;
    use crate::gate::Passage;

    #[tokio::test]
    async fn the_stream_has_two_shards_and_keeps_its_records_over_an_outage() {
        let kinesis = Kinesis::start("plimsoll", "eu-central-1").await.unwrap();
        let client = client(&kinesis);
        let shards = client.list_shards().stream_name("plimsoll").send().await.unwrap();
        assert_eq!(shards.shards().len(), 2);
        let shard = put(&client, "before").await.unwrap();
        let mut idle = TcpStream::connect(kinesis.address()).await.unwrap();
        kinesis.gate().set(Passage::Shut).await;
        let broken = tokio::time::timeout(Duration::from_secs(5), idle.read(&mut [0])).await.unwrap();
        assert!(matches!(broken, Ok(0) | Err(_)), "the connection outlived the outage");
        assert!(put(&client, "during").await.is_none());
        kinesis.gate().set(Passage::Open).await;
        assert_eq!(put(&client, "after").await.unwrap(), shard, "one key, one shard");
        assert_eq!(records(&client, &shard).await, ["before", "after"]);
    }

    #[tokio::test]
    async fn a_shard_takes_no_more_than_its_megabyte_a_second() {
        let kinesis = Kinesis::start("plimsoll", "eu-central-1").await.unwrap();
        let client = client(&kinesis);
        let half = "x".repeat(600_000);
        let accepted = [put(&client, &half).await, put(&client, &half).await, put(&client, &half).await];
        assert!(accepted[0].is_some() && accepted[2].is_none(), "the shard's limit is not enforced");
    }

    fn client(kinesis: &Kinesis) -> Client {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(Credentials::for_tests())
            .endpoint_url(format!("http://{}", kinesis.address()))
            .retry_config(RetryConfig::disabled());
        Client::from_conf(config.build())
    }

    /// Puts a record under one key; the shard it went to, `None` when it was not accepted.
    async fn put(client: &Client, text: &str) -> Option<String> {
        let blob = Blob::new(text.as_bytes());
        let put = client.put_record().stream_name("plimsoll").partition_key("washer-1").data(blob);
        put.send().await.ok().map(|accepted| accepted.shard_id)
    }

    async fn records(client: &Client, shard: &str) -> Vec<String> {
        let from = ShardIteratorType::TrimHorizon;
        let iterator =
            client.get_shard_iterator().stream_name("plimsoll").shard_id(shard).shard_iterator_type(from);
        let iterator = iterator.send().await.unwrap().shard_iterator;
        let got = client.get_records().set_shard_iterator(iterator).send().await.unwrap();
        got.records.into_iter().map(|r| String::from_utf8(r.data.into_inner()).unwrap()).collect()
    }
}
