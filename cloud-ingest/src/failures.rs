//! The failure destination: what could not be stored, with its reason, for a person to look at.
//!
//! ```text
//! <shard>/<sequence number>-<index>.raw     the bytes, exactly as they came
//! <shard>/<sequence number>-<index>.json    {"reason":…,"shardId":…,"sequenceNumber":…,"index":…,"partitionKey":…,"bytes":…,"keptAt":…}
//! ```
//!
//! Here: keeping. Not here: deciding what is poison ([`crate::route`]), retrying, sending anywhere.
//! Invariant: named by its origin, a record that comes again is kept once; nothing kept is ever overwritten.

use std::path::Path;

use serde::Serialize;

use crate::folder::{Batch, Folder, FolderError};
use crate::write::Origin;

/// The directory, open for writing.
#[derive(Debug)]
pub struct Failures {
    folder: Folder,
}

/// A record that could not be stored.
#[derive(Debug)]
pub struct Failure {
    /// Where it stood in the stream.
    pub origin: Origin,
    /// The key it was put under, as it came.
    pub partition_key: String,
    /// Why it could not be stored.
    pub reason: String,
    /// Its bytes.
    pub raw: Vec<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Note<'f> {
    reason: &'f str,
    shard_id: &'f str,
    sequence_number: &'f str,
    index: usize,
    partition_key: &'f str,
    bytes: usize,
    kept_at: i64,
}

impl Failures {
    /// Opens the directory, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be used, or another process works in it.
    pub fn open(dir: &Path) -> Result<Self, FolderError> {
        Ok(Self { folder: Folder::open(dir)? })
    }

    /// Keeps failures; when this returns they are durable. Gives how many were not there before.
    ///
    /// # Errors
    /// When anything could not be written; doing it again is safe.
    pub fn keep(&mut self, failures: &[Failure], now_ms: i64) -> Result<usize, FolderError> {
        if failures.is_empty() {
            return Ok(0);
        }
        let mut batch = Batch::default();
        for failure in failures {
            let Origin { shard, sequence, index } = &failure.origin;
            let place = format!("{shard}/{sequence}-{index}");
            batch.put(format!("{place}.raw").into(), failure.raw.as_slice());
            batch.put(format!("{place}.json").into(), note(failure, now_ms));
        }
        let placed = self.folder.commit(&batch)?;
        // The note comes after the bytes: a failure is whole once its note is there.
        Ok(placed.iter().skip(1).step_by(2).filter(|new| **new).count())
    }
}

fn note(failure: &Failure, now_ms: i64) -> Vec<u8> {
    let note = Note {
        reason: &failure.reason,
        shard_id: failure.origin.shard.as_str(),
        sequence_number: failure.origin.sequence.as_str(),
        index: failure.origin.index,
        partition_key: &failure.partition_key,
        bytes: failure.raw.len(),
        kept_at: now_ms,
    };
    // Strings and numbers always become JSON.
    let mut json = serde_json::to_vec(&note).unwrap_or_default();
    json.push(b'\n');
    json
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::name::Name;

    #[test]
    fn a_failure_is_kept_once_with_its_reason_and_exactly_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let mut failures = Failures::open(dir.path()).unwrap();
        let name = |text| Name::of_aws(text).unwrap();
        let failure = Failure {
            origin: Origin { shard: name("shardId-000000000001"), sequence: name("496"), index: 3 },
            partition_key: "../\n\0".into(),
            reason: "not a record".into(),
            raw: b"\xff\0{".to_vec(),
        };
        assert_eq!(failures.keep(std::slice::from_ref(&failure), 5).unwrap(), 1);
        assert_eq!(failures.keep(&[failure], 6).unwrap(), 0);
        let read = |file: &str| fs::read(dir.path().join("shardId-000000000001").join(file)).unwrap();
        assert_eq!(read("496-3.raw"), b"\xff\0{");
        let note: serde_json::Value = serde_json::from_slice(&read("496-3.json")).unwrap();
        assert_eq!(
            note,
            serde_json::json!({"reason":"not a record","shardId":"shardId-000000000001","sequenceNumber":"496",
                "index":3,"partitionKey":"../\n\0","bytes":3,"keptAt":5})
        );
    }
}
