//! The store as `cloud-ingest` writes it, read: one JSON file for each transition.
//!
//! ```text
//! machines/<equipmentId>/transitions/<YYYY-MM-DD>/<timestamp>-<sequenceNumber>-<ruleId>.json
//! ```
//!
//! Here: finding what is new. Not here: writing anything, or the machines' current states.
//! Invariant: a transition counts once, by its id, however many files hold it.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use proto::Transition;
use serde::Deserialize;

/// A transition and when it was stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The transition.
    pub transition: Transition,
    /// When it was stored, ms since 1970 UTC.
    pub stored_at: i64,
}

/// The folder that `cloud-ingest` writes.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    read: HashSet<PathBuf>,
    ids: HashSet<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stamp {
    stored_at: i64,
}

impl Store {
    /// The store in a folder, which may not be there yet.
    #[must_use]
    pub fn new(root: PathBuf) -> Self {
        Self { root, read: HashSet::new(), ids: HashSet::new() }
    }

    /// What has come since the last look, by the time it was stored. A file that is no transition (yet) is
    /// looked at again next time.
    ///
    /// # Errors
    /// When a folder cannot be listed or a file not be read.
    pub fn fresh(&mut self) -> io::Result<Vec<Stored>> {
        let mut fresh = Vec::new();
        for machine in list(&self.root.join("machines"))? {
            for day in list(&machine.join("transitions"))? {
                for file in list(&day)? {
                    let done = file.extension().is_none_or(|e| e != "json") || self.read.contains(&file);
                    if done {
                        continue;
                    }
                    let Some(stored) = read(&file)? else { continue };
                    self.read.insert(file);
                    if self.ids.insert(stored.transition.id.clone()) {
                        fresh.push(stored);
                    }
                }
            }
        }
        fresh.sort_by_key(|s| (s.stored_at, s.transition.timestamp));
        Ok(fresh)
    }
}

fn read(file: &Path) -> io::Result<Option<Stored>> {
    let bytes = fs::read(file)?;
    let transition = serde_json::from_slice(&bytes);
    let stamp = serde_json::from_slice::<Stamp>(&bytes);
    Ok(transition
        .ok()
        .zip(stamp.ok())
        .map(|(transition, stamp)| Stored { transition, stored_at: stamp.stored_at }))
}

/// What a folder holds; nothing where there is none.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|e| e.path())).collect(),
        Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "machines/m1/transitions/2023-11-14";

    #[test]
    fn each_transition_comes_once_in_the_order_of_storing() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path().to_owned());
        assert_eq!(store.fresh().unwrap(), []);
        let day = folder.path().join(DAY);
        fs::create_dir_all(&day).unwrap();
        fs::write(day.join("2-2-r.json"), transition("b", 20)).unwrap();
        fs::write(day.join("1-1-r.json"), transition("a", 10)).unwrap();
        fs::write(folder.path().join("machines/m1/state.json"), "{}").unwrap();
        assert_eq!(ids(&mut store), ["a", "b"]);
        assert_eq!(ids(&mut store), [""; 0]);
        fs::write(day.join("1-1-again.json"), transition("a", 30)).unwrap();
        assert_eq!(ids(&mut store), [""; 0]);
    }

    #[test]
    fn a_file_that_is_not_yet_whole_is_read_when_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path().to_owned());
        let day = folder.path().join(DAY);
        fs::create_dir_all(&day).unwrap();
        let whole = transition("a", 10);
        fs::write(day.join("1-1-r.json"), &whole[..whole.len() / 2]).unwrap();
        assert_eq!(ids(&mut store), [""; 0]);
        fs::write(day.join("1-1-r.json"), &whole).unwrap();
        assert_eq!(ids(&mut store), ["a"]);
    }

    fn ids(store: &mut Store) -> Vec<String> {
        store.fresh().unwrap().into_iter().map(|s| s.transition.id).collect()
    }

    fn transition(id: &str, stored_at: i64) -> String {
        serde_json::json!({
            "kind": "transition", "version": 1, "id": id, "agentId": "a", "incarnation": "0",
            "sequenceNumber": 1, "ruleId": "r", "ruleHash": "", "equipmentId": "m1", "equipment": "filler-1",
            "timestamp": 1, "detectedAt": 0, "watermark": 0, "from": "Unknown", "to": "Normal", "since": 0,
            "severity": "info", "cause": "unknown", "group": null, "weight": 0,
            "because": { "expression": "x > 1", "for": 0, "conditionSince": 1, "inputs": [
                { "tag": "x", "value": "t", "quality": "Ok", "timestamp": 1, "sequenceNumber": 1, "sourceId": "s" }
            ] },
            "groups": [], "flags": [], "text": {}, "storedAt": stored_at,
        })
        .to_string()
    }
}
