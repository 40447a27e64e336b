//! A directory in which every file is whole and durable, whenever and however the process ends.
//!
//! A commit has four steps: all files are written under `tmp~/` · they are synced · they are put in place, by
//! `link` (which fails where a file exists: a conditional put, the first one wins) or by `rename` (which
//! replaces) · the directories are synced. Only then does the caller hear of it, and only then may it forget
//! where the contents came from. A crash between two steps leaves files under `tmp~/`, which the next opening
//! removes, and perhaps files in place, which a repetition of the commit finds.
//!
//! Here: whole and durable files. Not here: what they mean, and names (callers build them from
//! [`crate::name::Name`]).
//! Invariants: one process at a time (a lock, so that nobody removes what another one is writing); a reader
//! sees a whole file or none; nothing is remembered between commits.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Where files are written before they are put in place. `~` stands in no [`crate::name::Name`], so that no
/// path of a caller leads here.
const TMP: &str = "tmp~";
/// Held by the process that works in the folder.
const LOCK: &str = "lock~";
/// Up to so many files or directories are synced one by one. Measured on ext4: 300 files take 73 to 400 ms one
/// by one and 30 ms as a whole file system, while for a few the whole file system costs more than they do.
const SYNC_SINGLY_MAX: usize = 16;

/// An open folder; the lock is held for as long as it lives.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    tmp: PathBuf,
    _lock: File,
}

/// Files that go into a folder together.
#[derive(Debug, Default)]
pub struct Batch(Vec<Put>);

#[derive(Debug)]
struct Put {
    path: PathBuf,
    content: Vec<u8>,
    replaces: bool,
}

/// What failed, and where.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The directory cannot be made or read.
    #[error("cannot use the directory {}", .0.display())]
    Open(PathBuf, #[source] io::Error),
    /// Somebody else writes there.
    #[error("another process works in {}", .0.display())]
    Locked(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] io::Error),
    /// A file cannot be written.
    #[error("cannot write {}", .0.display())]
    Write(PathBuf, #[source] io::Error),
    /// What was written cannot be made durable.
    #[error("cannot sync {}", .0.display())]
    Sync(PathBuf, #[source] io::Error),
    /// A file cannot be put in its place.
    #[error("cannot put {} in place", .0.display())]
    Place(PathBuf, #[source] io::Error),
}

impl Batch {
    /// Adds a file that is only written where there is none. `path` is relative to the folder.
    pub fn put(&mut self, path: PathBuf, content: impl Into<Vec<u8>>) {
        self.0.push(Put { path, content: content.into(), replaces: false });
    }

    /// Adds a file that replaces one that is there.
    pub fn replace(&mut self, path: PathBuf, content: impl Into<Vec<u8>>) {
        self.0.push(Put { path, content: content.into(), replaces: true });
    }
}

impl Folder {
    /// Opens the folder, made where it is missing, and removes what a crash left under `tmp~/`.
    ///
    /// # Errors
    /// When the directory cannot be used, or another process works in it.
    pub fn open(root: &Path) -> Result<Self, FolderError> {
        let tmp = root.join(TMP);
        let unusable = |e| FolderError::Open(root.to_owned(), e);
        fs::create_dir_all(root).map_err(unusable)?;
        let lock = File::create(root.join(LOCK)).map_err(unusable)?;
        lock.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => FolderError::Locked(root.to_owned()),
            TryLockError::Error(e) => unusable(e),
        })?;
        fs::create_dir_all(&tmp).and_then(|()| clear(&tmp)).map_err(unusable)?;
        Ok(Self { root: root.to_owned(), tmp, _lock: lock })
    }

    /// Reads a file; `None` where there is none.
    ///
    /// # Errors
    /// When there is one and it cannot be read.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, FolderError> {
        match fs::read(self.root.join(path)) {
            Ok(content) => Ok(Some(content)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FolderError::Read(self.root.join(path), e)),
        }
    }

    /// Writes a batch. When this returns, all of it is durable. Gives for each file of the batch, in order,
    /// whether it is in place; `false` where another one was there first.
    ///
    /// # Errors
    /// When anything failed. Some files may be in place then; doing it again is safe.
    pub fn commit(&mut self, batch: &Batch) -> Result<Vec<bool>, FolderError> {
        let staged = self.stage(&batch.0)?;
        self.sync(staged.iter().cloned().collect())?;
        let placed: Result<Vec<bool>, _> =
            batch.0.iter().zip(&staged).map(|(put, tmp)| self.place(put, tmp)).collect();
        let placed = placed?;
        self.sync(self.directories(&batch.0))?;
        Ok(placed)
    }

    /// Writes the contents under `tmp~/`, numbered. What a failed commit left there is removed first: it would
    /// take space from a full disk, and it may be linked to a file in place, which must not be written again.
    fn stage(&self, puts: &[Put]) -> Result<Vec<PathBuf>, FolderError> {
        clear(&self.tmp).map_err(|e| FolderError::Write(self.tmp.clone(), e))?;
        let write = |(n, put): (usize, &Put)| {
            let tmp = self.tmp.join(n.to_string());
            fs::write(&tmp, &put.content).map_err(|e| FolderError::Write(tmp.clone(), e))?;
            Ok(tmp)
        };
        puts.iter().enumerate().map(write).collect()
    }

    fn place(&self, put: &Put, tmp: &Path) -> Result<bool, FolderError> {
        let target = self.root.join(&put.path);
        let failed = |e| FolderError::Place(target.clone(), e);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        if put.replaces {
            return fs::rename(tmp, &target).map(|()| true).map_err(failed);
        }
        let placed = match fs::hard_link(tmp, &target) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => false,
            linked => linked.map(|()| true).map_err(failed)?,
        };
        fs::remove_file(tmp).map_err(failed)?;
        Ok(placed)
    }

    /// Every directory on the way to a file: any of them may be new, and its name stands in the one above.
    fn directories(&self, puts: &[Put]) -> BTreeSet<PathBuf> {
        let above = |put: &Put| -> Vec<PathBuf> {
            put.path.ancestors().skip(1).map(|dir| self.root.join(dir)).collect()
        };
        puts.iter().flat_map(above).collect()
    }

    fn sync(&self, paths: BTreeSet<PathBuf>) -> Result<(), FolderError> {
        if paths.len() > SYNC_SINGLY_MAX {
            let whole = File::open(&self.root).and_then(|root| Ok(rustix::fs::syncfs(root)?));
            return whole.map_err(|e| FolderError::Sync(self.root.clone(), e));
        }
        paths.into_iter().try_for_each(|path| {
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(|e| FolderError::Sync(path, e))
        })
    }
}

/// Removes every file in a directory.
fn clear(dir: &Path) -> io::Result<()> {
    fs::read_dir(dir)?.try_for_each(|entry| fs::remove_file(entry?.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(files: &[(&str, &str)]) -> Batch {
        let mut batch = Batch::default();
        files.iter().for_each(|(path, content)| batch.put(path.into(), *content));
        batch
    }

    fn leftovers(root: &Path) -> usize {
        fs::read_dir(root.join(TMP)).unwrap().count()
    }

    #[test]
    fn the_first_file_wins_and_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path()).unwrap();
        assert_eq!(folder.commit(&files(&[("a/b/1", "first"), ("a/b/1", "second")])).unwrap(), [true, false]);
        assert_eq!(folder.commit(&files(&[("a/b/1", "third")])).unwrap(), [false]);
        assert_eq!(folder.read(Path::new("a/b/1")).unwrap().unwrap(), b"first");
        assert_eq!(leftovers(dir.path()), 0);
    }

    #[test]
    fn a_replacement_replaces() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path()).unwrap();
        for content in ["one", "two"] {
            let mut batch = Batch::default();
            batch.replace("x".into(), content);
            assert_eq!(folder.commit(&batch).unwrap(), [true]);
            assert_eq!(folder.read(Path::new("x")).unwrap().unwrap(), content.as_bytes());
        }
    }

    #[test]
    fn more_files_than_are_synced_singly_are_all_there() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path()).unwrap();
        let mut batch = Batch::default();
        (0..3 * SYNC_SINGLY_MAX).for_each(|n| batch.put(format!("{n}/file").into(), n.to_string()));
        assert!(folder.commit(&batch).unwrap().iter().all(|placed| *placed));
        for n in 0..3 * SYNC_SINGLY_MAX {
            let path = format!("{n}/file");
            assert_eq!(folder.read(Path::new(&path)).unwrap().unwrap(), n.to_string().into_bytes());
        }
    }

    #[test]
    fn what_a_crash_left_is_removed_at_the_next_start_and_not_taken_for_data() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path()).unwrap();
        folder.commit(&files(&[("a/1", "whole")])).unwrap();
        // A kill between writing and placing, and one between linking and removing.
        fs::write(dir.path().join("tmp~/0"), "ha").unwrap();
        fs::hard_link(dir.path().join("a/1"), dir.path().join("tmp~/1")).unwrap();
        drop(folder);
        let mut folder = Folder::open(dir.path()).unwrap();
        assert_eq!(leftovers(dir.path()), 0);
        assert_eq!(folder.commit(&files(&[("a/1", "again"), ("a/2", "new")])).unwrap(), [false, true]);
        assert_eq!(folder.read(Path::new("a/1")).unwrap().unwrap(), b"whole");
    }

    #[test]
    fn a_failed_commit_can_be_done_again_over_what_it_left() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::open(dir.path()).unwrap();
        let batch = files(&[("a", "1"), ("blocked/b", "22"), ("c", "333")]);
        fs::write(dir.path().join("blocked"), "a file where a directory is needed").unwrap();
        assert!(matches!(folder.commit(&batch), Err(FolderError::Place(..))));
        fs::remove_file(dir.path().join("blocked")).unwrap();
        // As if "a" had been linked, and its name under tmp not removed.
        fs::hard_link(dir.path().join("a"), dir.path().join("tmp~/9")).unwrap();
        let batch = files(&[("a", "one"), ("blocked/b", "22"), ("c", "333")]);
        assert_eq!(folder.commit(&batch).unwrap(), [false, true, true]);
        let read = |path: &str| folder.read(Path::new(path)).unwrap().unwrap();
        assert_eq!((read("a"), read("blocked/b"), read("c")), (b"1".into(), b"22".into(), b"333".into()));
    }

    #[test]
    fn a_second_process_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let held = Folder::open(dir.path()).unwrap();
        assert!(matches!(Folder::open(dir.path()), Err(FolderError::Locked(_))));
        drop(held);
        assert!(Folder::open(dir.path()).is_ok());
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let said = Folder::open(&dir.path().join("file/below")).unwrap_err().to_string();
        assert!(said.contains("file/below"), "{said}");
    }
}
