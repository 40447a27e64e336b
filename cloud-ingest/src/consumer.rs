//! The daemon: reads all shards of the stream and keeps what it reads, for ever.
//!
//! One owner and one loop: tasks list the shards and read them, one read in flight per shard; what they bring
//! is applied here, one after the other, and only then is that shard read again. So nothing queues up, no
//! lock is held, and the place of a shard moves after its records are durable. A store that is slow for one
//! machine is slow for all shards: where that matters, the function of AWS Lambda has a process per shard.
//!
//! Here: who is read when, back-off, and the log. Not here: what is done with a record ([`crate::keeper`]).
//! Invariants: any failure means "read again from the stored place", which is safe because every write is
//! idempotent; a stream, credentials or a disk that is away is a state that heals, never an end.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_kinesis::Client;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::fault::Fault;
use crate::keeper::{Keeper, Tally};
use crate::name::Name;
use crate::pause::pause;
use crate::places::Place;
use crate::reader::{Cursor, Page, Received};
use crate::shards::{self, Shard, readable};
use crate::store::StoreError;
use crate::trouble::{Change, Health, Trouble};

/// Pause between two reads of a shard in which more is waiting: five reads a second are allowed.
const GAP: Duration = Duration::from_millis(200);
/// How often new shards are looked for; the end of a shard is a reason to look at once.
const LIST_EVERY: Duration = Duration::from_secs(10);
/// First and longest pause after a failure. The longest is what a healed stream waits for us.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(10));
/// Answers held in memory at a time, of up to 10 MB each.
const READS_MAX: usize = 8;
/// Stands for the list of shards where a shard is named.
const LISTING: &str = "list of shards";
/// How often the log says what was done, when anything was.
const REPORT_EVERY: Duration = Duration::from_secs(60);

/// Reads one stream.
#[derive(Debug)]
pub struct Consumer {
    client: Client,
    stream: Name,
    poll: Duration,
    keeper: Keeper,
    /// Shards with a task.
    reading: BTreeSet<Name>,
    tasks: JoinSet<Done>,
    memory: Arc<Semaphore>,
    list: List,
    health: Health,
    tally: Tally,
}

/// What a task brings back.
#[derive(Debug)]
enum Done {
    Listed(Result<Vec<Shard>, Trouble>),
    /// The permit is given back when the answer has been kept.
    Read(Cursor, Result<Page, Trouble>, Option<OwnedSemaphorePermit>),
}

/// When the shards are listed next.
#[derive(Debug)]
struct List {
    due: Instant,
    running: bool,
    failed: u32,
}

impl Consumer {
    /// A consumer that has not begun. `poll` is the time between two reads of a shard in which nothing waits.
    #[must_use]
    pub fn new(client: Client, stream: Name, poll: Duration, keeper: Keeper) -> Self {
        Self {
            client,
            stream,
            poll,
            keeper,
            reading: BTreeSet::new(),
            tasks: JoinSet::new(),
            memory: Arc::new(Semaphore::new(READS_MAX)),
            list: List { due: Instant::now(), running: false, failed: 0 },
            health: Health::default(),
            tally: Tally::default(),
        }
    }

    /// Reads until `stop` comes. What is not kept then is read again next time.
    ///
    /// # Errors
    /// When a task died, which is a bug.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), JoinError> {
        let mut stop = pin!(stop);
        let mut report = tokio::time::interval(REPORT_EVERY);
        let mut reported = Tally::default();
        loop {
            let done = tokio::select! {
                () = &mut stop => break,
                _ = report.tick() => {
                    self.report(&mut reported);
                    continue;
                }
                () = sleep_until(self.list.due), if !self.list.running => {
                    self.start_list();
                    continue;
                }
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => done?,
            };
            // A table may let us wait for long.
            tokio::select! {
                () = &mut stop => break,
                () = self.apply(done) => (),
            }
        }
        self.report(&mut reported);
        Ok(())
    }

    fn report(&self, reported: &mut Tally) {
        if self.tally != *reported {
            let Tally { transitions, events, newer, known, datapoints, failures } = self.tally;
            tracing::info!(transitions, events, newer, known, datapoints, failures, "kept since the start");
            *reported = self.tally;
        }
    }

    fn start_list(&mut self) {
        self.list.running = true;
        let (client, stream) = (self.client.clone(), self.stream.clone());
        self.tasks.spawn(async move { Done::Listed(shards::list(&client, &stream, shards::PAGE).await) });
    }

    fn start_read(&mut self, mut cursor: Cursor) {
        let (client, stream, memory) = (self.client.clone(), self.stream.clone(), Arc::clone(&self.memory));
        self.tasks.spawn(async move {
            sleep_until(cursor.not_before).await;
            // An error would mean that it was closed, which nobody does.
            let permit = memory.acquire_owned().await.ok();
            let page = cursor.read(&client, &stream).await;
            Done::Read(cursor, page, permit)
        });
    }

    async fn apply(&mut self, done: Done) {
        match done {
            Done::Listed(listed) => self.listed(listed),
            Done::Read(cursor, page, _permit) => match page {
                Ok(page) => self.keep(cursor, page).await,
                Err(trouble) => self.retry(cursor, &trouble),
            },
        }
    }

    fn listed(&mut self, listed: Result<Vec<Shard>, Trouble>) {
        self.list.running = false;
        let begun = listed.and_then(|shards| self.begin(&shards));
        self.note(LISTING, begun.as_ref().err());
        self.list.failed = if begun.is_ok() { 0 } else { self.list.failed.saturating_add(1) };
        let wait = if begun.is_ok() { LIST_EVERY } else { pause(self.list.failed, BACK_OFF.0, BACK_OFF.1) };
        self.list.due = Instant::now() + wait;
    }

    /// Begins with every shard that may be read and is not.
    fn begin(&mut self, shards: &[Shard]) -> Result<(), Trouble> {
        self.health.forget_unless(|who| who == LISTING || shards.iter().any(|s| s.name.as_str() == who));
        let place = |s: &Shard| Ok((s.name.clone(), self.keeper.place(&s.name, &s.began)?));
        let places = shards.iter().map(place).collect::<Result<BTreeMap<Name, Place>, _>>();
        let mut places = places.map_err(|e| Trouble::Store(StoreError::Folder(e)))?;
        let finished: BTreeSet<_> = places.iter().filter(|p| p.1.finished).map(|p| p.0.clone()).collect();
        for shard in readable(shards, |name| finished.contains(name)) {
            let Some(place) = places.remove(&shard.name) else { continue };
            if self.reading.insert(shard.name.clone()) {
                tracing::info!(shard = %shard.name, after = place.sequence_number.as_deref(), "reading a shard");
                self.start_read(Cursor::new(shard.name.clone(), place));
            }
        }
        Ok(())
    }

    async fn keep(&mut self, mut cursor: Cursor, page: Page) {
        let place = Place {
            sequence_number: page
                .records
                .last()
                .map(|r| r.sequence.to_string())
                .or(cursor.place.sequence_number.clone()),
            finished: page.last,
            ..cursor.place.clone()
        };
        if let Err(e) = self.keep_and_advance(&cursor, &place, page.records).await {
            return self.retry(cursor, &Trouble::Store(e));
        }
        self.note(cursor.shard.as_str(), None);
        if page.last {
            tracing::info!(shard = %cursor.shard, "a closed shard is read to its end");
            self.reading.remove(&cursor.shard);
            self.list.due = Instant::now();
            return;
        }
        cursor.place = place;
        cursor.failed = 0;
        cursor.not_before = Instant::now() + if page.behind { GAP } else { self.poll };
        self.start_read(cursor);
    }

    async fn keep_and_advance(
        &mut self,
        cursor: &Cursor,
        place: &Place,
        records: Vec<Received>,
    ) -> Result<(), StoreError> {
        self.tally += self.keeper.keep(&cursor.shard, records, now_ms()).await?;
        if *place != cursor.place {
            self.keeper.advance(&cursor.shard, place)?;
        }
        Ok(())
    }

    fn retry(&mut self, mut cursor: Cursor, trouble: &Trouble) {
        self.note(cursor.shard.as_str(), Some(trouble));
        if matches!(trouble, Trouble::Stream(Fault::Gone(_))) {
            // Perhaps it is another stream by now: the next listing tells, and compares the place with it.
            self.reading.remove(&cursor.shard);
            return;
        }
        if !matches!(trouble, Trouble::Stream(Fault::Throttled)) {
            cursor.iterator = None;
        }
        cursor.not_before = Instant::now() + pause(cursor.failed, BACK_OFF.0, BACK_OFF.1);
        cursor.failed = cursor.failed.saturating_add(1);
        self.start_read(cursor);
    }

    fn note(&mut self, who: &str, trouble: Option<&Trouble>) {
        match (self.health.note(who, trouble), trouble) {
            (Some(Change::Began), Some(trouble)) => {
                let cause = std::error::Error::source(trouble).map(ToString::to_string);
                tracing::warn!(who, stream = %self.stream, cause, "{trouble}; trying again until it works");
            }
            (Some(Change::Over), _) => tracing::info!(stream = %self.stream, "works again"),
            _ => (),
        }
    }
}

/// This program's clock, ms since 1970 UTC.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
