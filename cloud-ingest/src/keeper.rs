//! Keeps what was read: records in, everything durable out. The part that a daemon and a function share.
//!
//! Here: the order of the steps. Not here: the stream, and retrying.
//! Invariant: when [`Keeper::keep`] returns, every record is stored, known, kept as a failure with its reason,
//! or counted as a datapoint; none is anywhere else. The place moves only after that.

use std::ops::AddAssign;

use proto::aggregate;

use crate::config::Config;
use crate::failures::{Failure, Failures};
use crate::folder::FolderError;
use crate::name::Name;
use crate::places::{Place, Places};
use crate::reader::Received;
use crate::route::{Poison, route};
use crate::store::{Outcome, Store, StoreError};
use crate::write::{Origin, Write};

/// The destination, the failure destination and the places.
#[derive(Debug)]
pub struct Keeper {
    store: Store,
    failures: Failures,
    places: Places,
}

/// What became of records, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Transitions stored for the first time.
    pub transitions: usize,
    /// Events and notifications stored for the first time.
    pub events: usize,
    /// Newer records stored for the first time.
    pub newer: usize,
    /// What had been stored before.
    pub known: usize,
    /// Values of tags, of which nothing is kept.
    pub datapoints: usize,
    /// What was kept as a failure for the first time.
    pub failures: usize,
}

impl Keeper {
    /// Opens the directories of failures and places, made where they are missing.
    ///
    /// # Errors
    /// When one cannot be used, or another process works in it.
    pub fn open(config: &Config, store: Store) -> Result<Self, FolderError> {
        Ok(Self {
            store,
            failures: Failures::open(&config.failure_dir)?,
            places: Places::open(&config.checkpoint_dir.join(config.stream.as_str()))?,
        })
    }

    /// Keeps Kinesis records of one shard, at `now_ms` (ms since 1970 UTC). Days are judged by the time at
    /// which a record arrived in the stream: so a record fares the same whenever it is read, and a wrong clock
    /// here poisons nothing.
    ///
    /// # Errors
    /// When anything could not be written; doing it again is safe.
    pub async fn keep(
        &mut self,
        shard: &Name,
        records: Vec<Received>,
        now_ms: i64,
    ) -> Result<Tally, StoreError> {
        let mut batch = Batch::default();
        for record in records {
            batch.take_apart(shard, record);
        }
        let Batch { writes, keys, mut failures } = batch;
        let outcomes = self.store.apply(&writes, now_ms).await?;
        let mut tally = Tally::default();
        for (((origin, write), key), outcome) in writes.iter().zip(keys).zip(outcomes) {
            tally.count(write, outcome);
            if let Some(reason) = refusal(outcome) {
                failures.push(Failure {
                    origin: origin.clone(),
                    partition_key: key,
                    reason,
                    raw: write.raw(),
                });
            }
        }
        tally.failures = self.failures.keep(&failures, now_ms)?;
        if let Some(first) = failures.first().filter(|_| tally.failures > 0) {
            let count = tally.failures;
            tracing::warn!(%shard, count, sequence_number = %first.origin.sequence, reason = first.reason, "poison set aside");
        }
        Ok(tally)
    }

    /// The stored place of a shard that began at `shard_began`.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn place(&self, shard: &Name, shard_began: &str) -> Result<Place, FolderError> {
        self.places.of(shard, shard_began)
    }

    /// Moves the place of a shard, after everything before it has been kept.
    ///
    /// # Errors
    /// When it could not be written; the old place stands then.
    pub fn advance(&mut self, shard: &Name, place: &Place) -> Result<(), FolderError> {
        self.places.set(shard, place)
    }
}

/// What records come to, before anything is stored.
#[derive(Debug, Default)]
struct Batch {
    writes: Vec<(Origin, Write)>,
    /// The partition key of each write.
    keys: Vec<String>,
    failures: Vec<Failure>,
}

impl Batch {
    fn take_apart(&mut self, shard: &Name, record: Received) {
        let origin = |index| Origin { shard: shard.clone(), sequence: record.sequence.clone(), index };
        let users = match aggregate::unpack(&record.partition_key, &record.data) {
            Ok(users) => users,
            Err(bad) => {
                let reason = Poison::from(bad).to_string();
                let (partition_key, raw) = (record.partition_key.clone(), record.data);
                return self.failures.push(Failure { origin: origin(0), partition_key, reason, raw });
            }
        };
        for (index, user) in users.into_iter().enumerate() {
            let (origin, partition_key) = (origin(index), user.partition_key);
            match route(&user.data, record.arrived_ms) {
                Ok(write) => {
                    self.writes.push((origin, write));
                    self.keys.push(partition_key);
                }
                Err(poison) => {
                    let (reason, raw) = (poison.to_string(), user.data);
                    self.failures.push(Failure { origin, partition_key, reason, raw });
                }
            }
        }
    }
}

fn refusal(outcome: Outcome) -> Option<String> {
    match outcome {
        Outcome::Taken => Some(Poison::Taken.to_string()),
        Outcome::Unfit(unfit) => Some(unfit.to_string()),
        Outcome::Stored | Outcome::Known | Outcome::Nothing => None,
    }
}

impl Tally {
    fn count(&mut self, write: &Write, outcome: Outcome) {
        match (write, outcome) {
            (Write::Datapoint, _) => self.datapoints += 1,
            (_, Outcome::Known) => self.known += 1,
            // Counted as a failure.
            (_, Outcome::Taken | Outcome::Unfit(_) | Outcome::Nothing) => (),
            (Write::Transition(_), Outcome::Stored) => self.transitions += 1,
            (Write::Event(_), Outcome::Stored) => self.events += 1,
            (Write::Newer(_), Outcome::Stored) => self.newer += 1,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.transitions += other.transitions;
        self.events += other.events;
        self.newer += other.newer;
        self.known += other.known;
        self.datapoints += other.datapoints;
        self.failures += other.failures;
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::local::Local;

    const NOW: i64 = 1_800_000_000_000;

    fn keeper(dir: &Path) -> Keeper {
        let text = "[stream]\nname = \"s\"\nregion = \"r\"\n[local]\ndir = \"store\"\n";
        let config = Config::parse(&dir.join("c.toml"), text).unwrap();
        Keeper::open(&config, Store::Local(Local::open(&dir.join("store")).unwrap())).unwrap()
    }

    fn keep(keeper: &mut Keeper, records: Vec<Received>, now_ms: i64) -> Tally {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(keeper.keep(&shard(), records, now_ms)).unwrap()
    }

    fn shard() -> Name {
        Name::of_aws("shardId-000000000000").unwrap()
    }

    fn received(sequence: u32, data: &[u8]) -> Received {
        let sequence = Name::of_aws(&sequence.to_string()).unwrap();
        Received { sequence, arrived_ms: NOW, partition_key: "k".into(), data: data.to_vec() }
    }

    fn event(id: &str) -> Vec<u8> {
        format!(r#"{{"kind":"event","version":1,"id":"{id}","agentId":"a","incarnation":"ff","timestamp":{NOW},"sequenceNumber":3,"event":"agentStopping"}}"#).into()
    }

    /// Every file below a directory that is data: with `.json` or `.raw` at its end.
    fn files(dir: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path));
            } else if path.extension().is_some() {
                found.push(path.display().to_string());
            }
        }
        found.sort();
        found
    }

    #[test]
    fn poison_in_an_aggregate_is_set_aside_alone_and_what_comes_again_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = keeper(dir.path());
        let (one, two) = (event("e1"), event("e2"));
        let packed = aggregate::pack("k", [one.as_slice(), b"poison", two.as_slice()].into_iter());
        let records = vec![received(1, &packed), received(2, b"\xff"), received(3, &event("e3"))];
        let first = keep(&mut keeper, records.clone(), NOW);
        assert_eq!(first, Tally { events: 3, failures: 2, ..Tally::default() });
        let stored = files(dir.path());
        let again = keep(&mut keeper, records, NOW + 5);
        assert_eq!(again, Tally { known: 3, ..Tally::default() });
        assert_eq!(files(dir.path()), stored);
        let failures = dir.path().join("store/failures/shardId-000000000000");
        assert_eq!(std::fs::read(failures.join("1-1.raw")).unwrap(), b"poison");
        assert_eq!(std::fs::read(failures.join("2-0.raw")).unwrap(), b"\xff");
    }

    #[test]
    fn hostile_ids_leave_no_file_outside_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let mut keeper = keeper(dir.path());
        let hostile = ["../../../x", "..", "", "/x", "a\\u0000b", &"x".repeat(65)];
        let records = hostile.iter().zip(1..).map(|(id, n)| received(n, &event(id))).collect();
        let tally = keep(&mut keeper, records, NOW);
        assert_eq!(tally, Tally { failures: hostile.len(), ..Tally::default() });
        let failures = dir.path().join("store/failures/shardId-000000000000").display().to_string();
        assert!(files(dir.path()).iter().all(|file| file.starts_with(&failures)));
    }

    #[test]
    fn the_place_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { sequence_number: Some("7".into()), ..Place::start("1") };
        keeper(dir.path()).advance(&shard(), &place).unwrap();
        assert_eq!(keeper(dir.path()).place(&shard(), "1").unwrap(), place);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_bytes_are_kept_somewhere_and_never_panic(data: Vec<u8>, key: String) {
            let dir = tempfile::tempdir().unwrap();
            let record = Received { partition_key: key, ..received(1, &data) };
            let tally = keep(&mut keeper(dir.path()), vec![record], NOW);
            let Tally { transitions, events, newer, known, datapoints, failures } = tally;
            prop_assert_eq!(transitions + events + newer + known + datapoints + failures, 1);
        }
    }
}
