//! sled, with what it does not do by itself.
//!
//! Here: opening with every guard that crashes have taught, reads and writes behind a guard against sled's
//! panics, and a flush that survives a power cut. Not here: what lies in the store (`ledger`, `repair`).
//! Invariant: whatever sled does, the caller gets a result; what [`Store::flush`] has returned from is durable.

use std::{
    fs::{self, File},
    io,
    ops::ControlFlow,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use sled::{Batch, IVec};

/// 512 KiB, sled's own choice, leaves blob files behind for ever.
const SEGMENT_BYTES: usize = 2 << 20;
/// What waits is small and read once: three stores at 32 MiB took 65 MB of memory.
const CACHE_BYTES: u64 = 8 << 20;
/// sled frees its lock some time after it was dropped or killed.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_RETRY: Duration = Duration::from_millis(20);

const CHUNK: &[u8] = b"chunk/";
const STATE: &[u8] = b"state/";
const NOTE: &[u8] = b"agent/";

/// Why the ledger does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written to.
    #[error("the ledger's folder {dir} cannot be prepared")]
    Folder {
        /// Where.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process holds the store.
    #[error("the ledger in {dir} is in use: another edge-agent runs on it")]
    Locked {
        /// Where.
        dir: PathBuf,
    },
    /// Opening failed for a reason that is not damage: no permission, a full disk.
    #[error("the ledger in {dir} does not open")]
    Store {
        /// Where.
        dir: PathBuf,
        /// What sled said.
        source: StoreError,
    },
    /// Not even opening finds room.
    #[error(
        "the disk under {dir} is full: the ledger cannot open before some space is freed; nothing is lost"
    )]
    Full {
        /// Where.
        dir: PathBuf,
    },
    /// Written by a later program.
    #[error(
        "the ledger in {dir} has format {found}, this edge-agent reads up to {known}: install the newer version again"
    )]
    Newer {
        /// Where.
        dir: PathBuf,
        /// The format found.
        found: u32,
        /// The last one known.
        known: u32,
    },
    /// The system gives no random numbers for the incarnation.
    #[error("no random number for a new incarnation: {0}")]
    Random(getrandom::Error),
}

/// What sled answered instead of doing its work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An error of sled.
    #[error("the store failed: {0}")]
    Sled(sled::Error),
    /// sled panicked; its words.
    #[error("the store broke down: {0}")]
    Panicked(String),
    /// The file could not be synced.
    #[error("the disk did not confirm the write: {0}")]
    Sync(io::Error),
}

/// An open store.
#[derive(Debug)]
pub(super) struct Store {
    db: sled::Db,
    data: PathBuf,
}

/// Where a chunk lies.
pub(super) fn chunk_key(first: u64) -> Vec<u8> {
    [CHUNK, &first.to_be_bytes()].concat()
}

pub(super) fn state_key(instance: &str) -> Vec<u8> {
    [STATE, instance.as_bytes()].concat()
}

pub(super) fn note_key(name: &str) -> Vec<u8> {
    [NOTE, name.as_bytes()].concat()
}

impl Store {
    /// Opens or makes the store in `dir/store`.
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let home = home(dir);
        let folder = |source| OpenError::Folder { dir: dir.to_owned(), source };
        fs::create_dir_all(&home).map_err(folder)?;
        let store = open_patiently(&home).map_err(|source| {
            let dir = dir.to_owned();
            match source {
                StoreError::Sled(e) if is_lock(&e) => OpenError::Locked { dir },
                StoreError::Sled(sled::Error::Io(e)) if e.kind() == io::ErrorKind::StorageFull => {
                    OpenError::Full { dir }
                }
                source => OpenError::Store { dir, source },
            }
        })?;
        // A new file is durable only when the folders that name it are.
        for made in [home.as_path(), dir] {
            File::open(made).and_then(|d| d.sync_all()).map_err(folder)?;
        }
        Ok(store)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        guarded(|| self.db.get(key))
    }

    /// Shows the chunks from position `first`, in order, until told to break.
    pub(super) fn chunks(
        &self,
        first: u64,
        mut each: impl FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        self.scan(&chunk_key(first), CHUNK, |key, value| match <[u8; 8]>::try_from(key) {
            Ok(key) => each(u64::from_be_bytes(key), value),
            Err(_) => ControlFlow::Continue(()),
        })
    }

    /// The last chunk at or before a position.
    pub(super) fn chunk_before(&self, position: u64) -> Result<Option<(u64, IVec)>, StoreError> {
        let found = guarded(|| self.db.range(chunk_key(0)..=chunk_key(position)).next_back().transpose())?;
        Ok(found.and_then(|(key, value)| {
            let first = <[u8; 8]>::try_from(key.strip_prefix(CHUNK)?).ok()?;
            Some((u64::from_be_bytes(first), value))
        }))
    }

    /// All states, by instance.
    pub(super) fn states(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let mut states = Vec::new();
        self.scan(STATE, STATE, |key, value| {
            states.push((String::from_utf8_lossy(key).into_owned(), value.to_vec()));
            ControlFlow::Continue(())
        })?;
        Ok(states)
    }

    /// Reads everything once.
    pub(super) fn walk(&self) -> Result<(), StoreError> {
        self.scan(b"", b"", |_, _| ControlFlow::Continue(()))
    }

    fn scan(
        &self,
        from: &[u8],
        prefix: &[u8],
        mut each: impl FnMut(&[u8], &[u8]) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        guarded(|| {
            for pair in self.db.range(from..) {
                let (key, value) = pair?;
                let Some(rest) = key.strip_prefix(prefix) else { break };
                if each(rest, &value).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Changes all or nothing; durable with the next flush.
    pub(super) fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        guarded(|| self.db.apply_batch(batch))
    }

    /// Makes everything applied durable. sled's own flush does not outlive a power cut: it leaves out the
    /// file's length and the disk's cache.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        guarded(|| self.db.flush())?;
        File::open(&self.data).and_then(|f| f.sync_data()).map_err(StoreError::Sync)
    }
}

fn open_patiently(home: &Path) -> Result<Store, StoreError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        let config = sled::Config::new()
            .path(home)
            .segment_size(SEGMENT_BYTES)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(None);
        match guarded(|| config.open()) {
            Err(StoreError::Sled(e)) if is_lock(&e) && Instant::now() < deadline => thread::sleep(LOCK_RETRY),
            Ok(db) => return Ok(Store { db, data: home.join("db") }),
            Err(e) => return Err(e),
        }
    }
}

/// Runs a piece of sled. Its state after a panic is of no interest: nothing but its file is used afterwards.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(StoreError::Sled),
        Err(panic) => {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(StoreError::Panicked(words.unwrap_or("without a word").to_owned()))
        }
    }
}

fn is_lock(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(e) if e.to_string().starts_with("could not acquire lock"))
}

impl OpenError {
    /// Whether the store itself is broken, rather than its surroundings.
    pub(super) const fn is_damage(&self) -> bool {
        use sled::Error::{CollectionNotFound, Corruption, ReportableBug};
        matches!(
            self,
            Self::Store {
                source: StoreError::Panicked(_)
                    | StoreError::Sled(Corruption { .. } | ReportableBug(_) | CollectionNotFound(_)),
                ..
            }
        )
    }
}

fn home(dir: &Path) -> PathBuf {
    dir.join("store")
}

/// Removes a snapshot that a crash has left half-written: with it, every opening fails. Says whether one lay
/// there.
pub(super) fn remove_leftovers(dir: &Path) -> io::Result<bool> {
    remove_snapshots(dir, ".generating")
}

/// Removes sled's snapshots whose names end so; the log alone holds everything.
pub(super) fn remove_snapshots(dir: &Path, ending: &str) -> io::Result<bool> {
    let mut removed = false;
    let home = home(dir);
    if !home.exists() {
        return Ok(removed);
    }
    for file in fs::read_dir(home)? {
        let file = file?;
        let name = file.file_name().to_string_lossy().into_owned();
        if name.starts_with("snap.") && name.ends_with(ending) {
            fs::remove_file(file.path())?;
            removed = true;
        }
    }
    Ok(removed)
}

/// Moves a broken store out of the way and keeps it, the last one, for whoever wants to look into it.
pub(super) fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let aside = dir.join("quarantine");
    if aside.exists() {
        fs::remove_dir_all(&aside)?;
    }
    fs::rename(home(dir), &aside)?;
    Ok(aside)
}
