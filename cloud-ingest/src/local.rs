//! The `local` destination: one file per item, as the table has one item, and the same conditions.
//!
//! ```text
//! machines/<equipmentId>/transitions/<YYYY-MM-DD>/<timestamp, 13 digits>-<sequenceNumber>-<ruleId>.json
//! machines/<equipmentId>/current/<ruleId>.json      replaced only by what supersedes it (rank::Rank)
//! events/<YYYY-MM-DD>/<timestamp, 13 digits>-<id>.json      events and notifications
//! newer/<shard>/<sequence number>-<index>.json      as it came
//! ```
//!
//! Each file is one line: the record with `storedAt`, which stays that of the first time it was stored.
//! Here: paths, and which current states change. Not here: durability ([`crate::folder`]), checks
//! ([`crate::route`]).
//! Invariants: no memory, what is on disk decides, so that any batch may come again at any time; a transition
//! under a taken key is reported and neither lost nor written over the first.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::folder::{Batch, Folder, FolderError};
use crate::name::Name;
use crate::rank::Rank;
use crate::store::Outcome;
use crate::write::{Instant, Origin, Transition, Write};

/// The directory, open for writing.
#[derive(Debug)]
pub struct Local {
    folder: Folder,
}

/// The current state of an instance while a batch is looked at.
enum Current<'w> {
    OnDisk(Option<Rank>),
    New(&'w Transition),
}

impl Local {
    /// Opens the directory, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be used, or another process works in it.
    pub fn open(dir: &Path) -> Result<Self, FolderError> {
        Ok(Self { folder: Folder::open(dir)? })
    }

    /// Stores a batch; when this returns it is durable. Gives the outcome of each write, in order.
    ///
    /// # Errors
    /// When anything could not be written; doing it again is safe.
    pub fn apply(&mut self, writes: &[(Origin, Write)], now_ms: i64) -> Result<Vec<Outcome>, FolderError> {
        let mut batch = Batch::default();
        for (origin, write) in writes {
            match write {
                Write::Transition(t) => batch.put(history_path(t), t.json(now_ms)),
                Write::Event(e) => batch.put(event_path(&e.id, e.instant), e.json(now_ms)),
                Write::Newer(raw) => batch.put(newer_path(origin), raw.as_slice()),
                Write::Datapoint => (),
            }
        }
        // History stands before the state in the batch, so that a reader of a state finds its transition.
        for (path, transition) in self.superseding(writes)? {
            batch.replace(path, transition.json(now_ms));
        }
        let mut placed = self.folder.commit(&batch)?.into_iter();
        writes.iter().map(|(_, write)| self.outcome(write, &mut placed)).collect()
    }

    /// The newest state of each instance of which the batch holds one newer than the disk.
    fn superseding<'w>(
        &self,
        writes: &'w [(Origin, Write)],
    ) -> Result<Vec<(PathBuf, &'w Transition)>, FolderError> {
        let mut states: BTreeMap<PathBuf, Current<'w>> = BTreeMap::new();
        for (_, write) in writes {
            let Write::Transition(transition) = write else { continue };
            let state = match states.entry(current_path(transition)) {
                Entry::Occupied(seen) => seen.into_mut(),
                Entry::Vacant(unseen) => {
                    let rank = self.rank_on_disk(unseen.key())?;
                    unseen.insert(Current::OnDisk(rank))
                }
            };
            let current = match state {
                Current::OnDisk(rank) => rank.as_ref(),
                Current::New(transition) => Some(&transition.rank),
            };
            if transition.rank.supersedes(current) {
                *state = Current::New(transition);
            }
        }
        let changed = |(path, state)| match state {
            Current::New(transition) => Some((path, transition)),
            Current::OnDisk(_) => None,
        };
        Ok(states.into_iter().filter_map(changed).collect())
    }

    /// A state that somebody has damaged counts as absent: the next one heals it.
    fn rank_on_disk(&self, path: &Path) -> Result<Option<Rank>, FolderError> {
        let Some(content) = self.folder.read(path)? else { return Ok(None) };
        let rank = serde_json::from_slice(&content);
        Ok(rank
            .inspect_err(|e| tracing::warn!(path = %path.display(), error = %e, "damaged state replaced"))
            .ok())
    }

    fn outcome(
        &self,
        write: &Write,
        placed: &mut impl Iterator<Item = bool>,
    ) -> Result<Outcome, FolderError> {
        match write {
            Write::Datapoint => Ok(Outcome::Nothing),
            _ if placed.next() == Some(true) => Ok(Outcome::Stored),
            Write::Transition(transition) if !self.holds(transition)? => Ok(Outcome::Taken),
            _ => Ok(Outcome::Known),
        }
    }

    /// Whether what stands under the key of a transition is that transition.
    fn holds(&self, transition: &Transition) -> Result<bool, FolderError> {
        #[derive(Deserialize)]
        struct Head {
            id: String,
        }
        let content = self.folder.read(&history_path(transition))?.unwrap_or_default();
        Ok(serde_json::from_slice::<Head>(&content).is_ok_and(|head| head.id == transition.id))
    }
}

fn history_path(t: &Transition) -> PathBuf {
    let Instant { ms, day } = t.instant;
    let sequence = t.rank.sequence_number;
    format!("machines/{}/transitions/{day}/{ms:013}-{sequence}-{}.json", t.equipment, t.rule).into()
}

fn current_path(t: &Transition) -> PathBuf {
    format!("machines/{}/current/{}.json", t.equipment, t.rule).into()
}

fn event_path(id: &Name, Instant { ms, day }: Instant) -> PathBuf {
    format!("events/{day}/{ms:013}-{id}.json").into()
}

fn newer_path(Origin { shard, sequence, index }: &Origin) -> PathBuf {
    format!("newer/{shard}/{sequence}-{index}.json").into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::route::route;

    const NOW: i64 = 1_800_000_000_000;
    const HISTORY: &str = "machines/m-1/transitions/2027-01-15";

    fn transition(incarnation: &str, sequence: u64, detected_at: i64, id: &str) -> (Origin, Write) {
        let json = serde_json::json!({
            "kind": "transition", "version": 1, "id": id, "agentId": "a", "incarnation": incarnation,
            "sequenceNumber": sequence, "ruleId": "hot", "ruleHash": "ab", "equipmentId": "m-1",
            "equipment": "washer-1", "timestamp": NOW, "detectedAt": detected_at, "watermark": NOW,
            "from": "Normal", "to": id, "since": NOW, "severity": "info", "cause": "condition",
            "group": null, "weight": 0, "because": null, "groups": [], "flags": [], "text": {},
        });
        from(&serde_json::to_vec(&json).unwrap())
    }

    fn from(bytes: &[u8]) -> (Origin, Write) {
        let name = |text| Name::of_aws(text).unwrap();
        let origin = Origin { shard: name("shardId-000000000000"), sequence: name("495"), index: 0 };
        (origin, route(bytes, NOW).unwrap())
    }

    fn field(dir: &Path, path: &str, field: &str) -> serde_json::Value {
        let text = fs::read(dir.join(path)).unwrap();
        serde_json::from_slice::<serde_json::Value>(&text).unwrap()[field].clone()
    }

    fn current(dir: &Path) -> serde_json::Value {
        field(dir, "machines/m-1/current/hot.json", "id")
    }

    #[test]
    fn a_transition_comes_to_its_place_and_the_first_stored_at_stays() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path()).unwrap();
        let writes = [transition("a", 1, NOW, "t1")];
        assert_eq!(local.apply(&writes, NOW + 1).unwrap(), [Outcome::Stored]);
        assert_eq!(local.apply(&writes, NOW + 2).unwrap(), [Outcome::Known]);
        let path = format!("{HISTORY}/1800000000000-1-hot.json");
        assert_eq!(field(dir.path(), &path, "storedAt"), NOW + 1);
        assert_eq!(field(dir.path(), "machines/m-1/current/hot.json", "storedAt"), NOW + 1);
    }

    #[test]
    fn an_older_transition_joins_the_history_and_leaves_the_state_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path()).unwrap();
        local.apply(&[transition("a", 2, NOW, "t2")], NOW).unwrap();
        assert_eq!(local.apply(&[transition("a", 1, NOW, "t1")], NOW).unwrap(), [Outcome::Stored]);
        assert_eq!(current(dir.path()), "t2");
        assert_eq!(fs::read_dir(dir.path().join(HISTORY)).unwrap().count(), 2);
    }

    #[test]
    fn the_newest_of_a_batch_becomes_the_state_whatever_its_place_in_it() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path()).unwrap();
        let batch = [1, 3, 2].map(|n| transition("a", n, NOW, &format!("t{n}")));
        local.apply(&batch, NOW).unwrap();
        assert_eq!(current(dir.path()), "t3");
    }

    #[test]
    fn a_reinstalled_agent_takes_over_and_a_redelivery_of_the_old_one_does_not_take_back() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path()).unwrap();
        let old = transition("a", 900, NOW, "old");
        for (write, then) in [
            (&old, "old"),
            (&transition("b", 1, NOW + 5, "new"), "new"),
            (&old, "new"),
            (&transition("b", 2, NOW + 4, "newer, the clock was set back"), "newer, the clock was set back"),
        ] {
            local.apply(std::slice::from_ref(write), NOW).unwrap();
            assert_eq!(current(dir.path()), then);
        }
    }

    #[test]
    fn another_transition_under_a_taken_key_is_reported_and_does_not_overwrite() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path()).unwrap();
        let batch = [transition("a", 1, NOW, "first"), transition("b", 1, NOW, "second")];
        assert_eq!(local.apply(&batch, NOW).unwrap(), [Outcome::Stored, Outcome::Taken]);
        assert_eq!(field(dir.path(), &format!("{HISTORY}/1800000000000-1-hot.json"), "id"), "first");
    }

    #[test]
    fn a_damaged_state_is_healed_by_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path()).unwrap();
        local.apply(&[transition("a", 1, NOW, "t1")], NOW).unwrap();
        fs::write(dir.path().join("machines/m-1/current/hot.json"), "{").unwrap();
        local.apply(&[transition("a", 2, NOW, "t2")], NOW).unwrap();
        assert_eq!(current(dir.path()), "t2");
    }

    #[test]
    fn events_and_newer_records_are_kept_once_and_datapoints_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut local = Local::open(dir.path()).unwrap();
        let event = format!(
            r#"{{"kind":"event","version":1,"id":"e1","agentId":"a","incarnation":"ff","timestamp":{NOW},"sequenceNumber":3,"event":"agentStopping"}}"#
        );
        let newer = r#"{"kind":"photograph","version":9}"#;
        let value = r#"{"version":1,"timestamp":1,"equipmentId":"m","tag":"t","value":1,"quality":"Ok","meta":{"sequenceNumber":1,"sourceId":"s"}}"#;
        let writes = [from(event.as_bytes()), from(newer.as_bytes()), from(value.as_bytes())];
        let (stored, known, nothing) = (Outcome::Stored, Outcome::Known, Outcome::Nothing);
        assert_eq!(local.apply(&writes, NOW).unwrap(), [stored, stored, nothing]);
        assert_eq!(local.apply(&writes, NOW).unwrap(), [known, known, nothing]);
        assert_eq!(field(dir.path(), "events/2027-01-15/1800000000000-e1.json", "storedAt"), NOW);
        let raw = fs::read_to_string(dir.path().join("newer/shardId-000000000000/495-0.json")).unwrap();
        assert_eq!(raw, newer);
    }
}
