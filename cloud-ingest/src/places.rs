//! Where reading stands in each shard: `<checkpoint>/<stream>/<shard>.json`.
//!
//! Here: the place and its file. Not here: when it moves ([`crate::consumer`]: after everything before it is
//! durable).
//! Invariants: a place is replaced whole and durably; one that belongs to an earlier stream of the same name
//! (its shard began at another sequence number) or that cannot be read counts as absent. The shard is then
//! read from its oldest record, which costs time and loses nothing, for every write is idempotent.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::folder::{Batch, Folder, FolderError};
use crate::name::Name;

/// The directory of one stream's places.
#[derive(Debug)]
pub struct Places {
    folder: Folder,
}

/// How far a shard has been read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The sequence number at which the shard began: tells a re-created stream from the old one.
    pub shard_began: String,
    /// Everything up to this sequence number is stored; absent while nothing was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence_number: Option<String>,
    /// The shard is closed and has been read to its end.
    pub finished: bool,
}

impl Place {
    /// The beginning of a shard.
    #[must_use]
    pub fn start(shard_began: &str) -> Self {
        Self { shard_began: shard_began.to_owned(), sequence_number: None, finished: false }
    }
}

impl Places {
    /// Opens the directory, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be used, or another process works in it.
    pub fn open(dir: &Path) -> Result<Self, FolderError> {
        Ok(Self { folder: Folder::open(dir)? })
    }

    /// The stored place of a shard that began at `shard_began`; its beginning where none is stored.
    ///
    /// # Errors
    /// When there is a file and it cannot be read.
    pub fn of(&self, shard: &Name, shard_began: &str) -> Result<Place, FolderError> {
        let Some(content) = self.folder.read(Path::new(&file(shard)))? else {
            return Ok(Place::start(shard_began));
        };
        match serde_json::from_slice::<Place>(&content) {
            Ok(place) if place.shard_began == shard_began => return Ok(place),
            Ok(_) => {
                tracing::warn!(%shard, "the stored place is of an earlier stream, reading from the oldest")
            }
            Err(e) => tracing::warn!(%shard, error = %e, "damaged place, reading from the oldest"),
        }
        Ok(Place::start(shard_began))
    }

    /// Stores a place; when this returns it is durable.
    ///
    /// # Errors
    /// When it could not be written; the old place stands then.
    pub fn set(&mut self, shard: &Name, place: &Place) -> Result<(), FolderError> {
        let mut batch = Batch::default();
        // Strings and a bool always become JSON.
        batch.replace(file(shard).into(), serde_json::to_vec(place).unwrap_or_default());
        self.folder.commit(&batch).map(drop)
    }
}

fn file(shard: &Name) -> String {
    format!("{shard}.json")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn shard() -> Name {
        Name::of_aws("shardId-000000000000").unwrap()
    }

    #[test]
    fn a_place_is_read_back_by_the_next_process() {
        let dir = tempfile::tempdir().unwrap();
        let mut places = Places::open(dir.path()).unwrap();
        assert_eq!(places.of(&shard(), "49").unwrap(), Place::start("49"));
        let place = Place { sequence_number: Some("4957".into()), finished: true, ..Place::start("49") };
        places.set(&shard(), &place).unwrap();
        drop(places);
        assert_eq!(Places::open(dir.path()).unwrap().of(&shard(), "49").unwrap(), place);
    }

    #[test]
    fn a_place_of_an_earlier_stream_and_a_damaged_one_count_as_absent() {
        let dir = tempfile::tempdir().unwrap();
        let mut places = Places::open(dir.path()).unwrap();
        places.set(&shard(), &Place { finished: true, ..Place::start("49") }).unwrap();
        assert_eq!(places.of(&shard(), "50").unwrap(), Place::start("50"));
        fs::write(dir.path().join("shardId-000000000000.json"), "").unwrap();
        assert_eq!(places.of(&shard(), "49").unwrap(), Place::start("49"));
    }
}
