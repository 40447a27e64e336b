//! One read of one shard.
//!
//! Here: iterators and `GetRecords`. Not here: when to read and what to do with the records
//! ([`crate::consumer`]).
//! Invariant: reading changes nothing but the cursor's iterator. Whatever goes wrong, the next read starts
//! behind the cursor's place, and the place is moved by nobody but the consumer.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use tokio::time::Instant;

use crate::name::Name;
use crate::places::Place;
use crate::trouble::Trouble;

/// Where reading stands in a shard, in memory.
#[derive(Debug)]
pub struct Cursor {
    /// The shard.
    pub shard: Name,
    /// What is stored of it.
    pub place: Place,
    /// Kinesis's own mark, lives for five minutes; a new one is made from the place.
    pub iterator: Option<String>,
    /// When it may be read again.
    pub not_before: Instant,
    /// How many reads failed since the last good one.
    pub failed: u32,
}

/// What one read gave.
#[derive(Debug)]
pub struct Page {
    /// The records, in order.
    pub records: Vec<Received>,
    /// Whether the shard is closed and this was its end.
    pub last: bool,
    /// Whether more was waiting in the shard.
    pub behind: bool,
}

/// A Kinesis record: an aggregate or a plain one.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its sequence number.
    pub sequence: Name,
    /// When it was put, by the clock of AWS, ms since 1970 UTC.
    pub arrived_ms: i64,
    /// The key it was put under.
    pub partition_key: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl Cursor {
    /// A cursor that reads on behind `place`, at once.
    #[must_use]
    pub fn new(shard: Name, place: Place) -> Self {
        Self { shard, place, iterator: None, not_before: Instant::now(), failed: 0 }
    }

    /// Reads once: at most 10 MB or 10,000 records, the API's own limits.
    ///
    /// # Errors
    /// When Kinesis does not answer, or not as itself.
    pub async fn read(&mut self, client: &Client, stream: &Name) -> Result<Page, Trouble> {
        let iterator = match &self.iterator {
            Some(iterator) => iterator.clone(),
            None => self.new_iterator(client, stream).await?,
        };
        let answer = client.get_records().shard_iterator(iterator).send().await?;
        self.iterator = answer.next_shard_iterator;
        Ok(Page {
            last: self.iterator.is_none(),
            behind: answer.millis_behind_latest.is_some_and(|ms| ms > 0),
            records: answer.records.into_iter().map(received).collect::<Result<_, _>>()?,
        })
    }

    async fn new_iterator(&self, client: &Client, stream: &Name) -> Result<String, Trouble> {
        let call = client.get_shard_iterator().stream_name(stream.as_str()).shard_id(self.shard.as_str());
        let call = match &self.place.sequence_number {
            None => call.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Some(stored) => call
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(stored),
        };
        let answer = call.send().await?;
        answer.shard_iterator.ok_or_else(|| Trouble::Strange("no iterator".into()))
    }
}

fn received(record: Record) -> Result<Received, Trouble> {
    let sequence = Name::of_aws(&record.sequence_number)
        .map_err(|e| Trouble::Strange(format!("sequence number of a record: {e}")))?;
    let arrived = record.approximate_arrival_timestamp.and_then(|t| t.to_millis().ok());
    Ok(Received {
        sequence,
        arrived_ms: arrived.ok_or_else(|| Trouble::Strange("a record without time of arrival".into()))?,
        partition_key: record.partition_key.unwrap_or_default(),
        data: record.data.into_inner(),
    })
}
