//! Room on the disk: a floor that the ledger keeps away from, and a ballast to let go of.
//!
//! sled does not survive a full disk: a write that fails half-way ends the store, and without room it does not
//! open again. So a commit asks here first. Below the floor the ballast goes, which gives the ledger 8 MB more
//! for the time in which somebody finds out what fills the disk; after that commits are refused, in words, and
//! succeed again once there is room. The ballast comes back by itself.
//!
//! Here: asking, and the ballast. Not here: what is shed (`shed`), nor what a refused commit means (`core`).
//! Invariant: nothing is written to the store while less than the floor is free.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Enough for some ten thousand transitions.
const BALLAST_BYTES: u64 = 8 << 20;

/// Watches the free space of one directory.
#[derive(Debug)]
pub(super) struct Space {
    ballast: PathBuf,
    pub(super) free_bytes_min: u64,
    /// How many bytes are free where a path lies; a field so that tests can fill a disk.
    free: fn(&Path) -> io::Result<u64>,
}

/// Too little is free.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) free_bytes: u64,
    pub(super) needed_bytes: u64,
}

impl Space {
    pub(super) fn new(dir: &Path, free_bytes_min: u64) -> Self {
        Self { ballast: dir.join("ballast"), free_bytes_min, free: free_bytes }
    }

    /// Lets the ballast go if sled could not open without.
    pub(super) fn before_open(&self) -> io::Result<()> {
        if (self.free)(&self.ballast)? < self.free_bytes_min {
            self.drop_ballast()?;
        }
        Ok(())
    }

    /// Whether a commit of so many bytes may be written.
    pub(super) fn before_commit(&self, bytes: u64) -> io::Result<Result<(), Full>> {
        // sled writes a changed page anew: twice the bytes is the least that can happen.
        let needed_bytes = self.free_bytes_min.saturating_add(bytes.saturating_mul(2));
        let mut free_bytes = (self.free)(&self.ballast)?;
        if free_bytes < needed_bytes && self.drop_ballast()? {
            free_bytes = (self.free)(&self.ballast)?;
        }
        if free_bytes < needed_bytes {
            return Ok(Err(Full { free_bytes, needed_bytes }));
        }
        if free_bytes >= needed_bytes.saturating_add(2 * BALLAST_BYTES) && !self.ballast.exists() {
            self.take_ballast()?;
        }
        Ok(Ok(()))
    }

    /// Whether there is room for a small change, without touching the ballast.
    pub(super) fn is_enough(&self) -> io::Result<bool> {
        Ok((self.free)(&self.ballast)? >= self.free_bytes_min)
    }

    fn drop_ballast(&self) -> io::Result<bool> {
        match fs::remove_file(&self.ballast) {
            Ok(()) => {
                tracing::warn!(ballast = %self.ballast.display(), "the disk is nearly full: ballast released");
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    fn take_ballast(&self) -> io::Result<()> {
        let file = File::create(&self.ballast)?;
        let taken = rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, BALLAST_BYTES);
        // A file system that cannot reserve has no ballast; the floor stands all the same.
        taken.or_else(|e| if e == rustix::io::Errno::OPNOTSUPP { Ok(()) } else { Err(e.into()) })
    }
}

/// Bytes that an ordinary process may still write where `path` lies (or would lie).
fn free_bytes(path: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(path.parent().unwrap_or(path))?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ballast_goes_when_the_disk_fills_and_comes_back_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let mut space = Space::new(dir.path(), 4 << 20);
        let ballast = dir.path().join("ballast");
        assert_eq!(space.before_commit(100).unwrap(), Ok(()));
        assert!(fs::metadata(&ballast).unwrap().len() == BALLAST_BYTES);

        space.free = nearly_full;
        assert_eq!(space.before_commit(100).unwrap(), Ok(()), "the ballast makes room");
        assert!(!ballast.exists());
        space.free = |_| Ok(3 << 20);
        let full = Full { free_bytes: 3 << 20, needed_bytes: (4 << 20) + 200 };
        assert_eq!(space.before_commit(100).unwrap(), Err(full));

        space.free = |_| Ok(100 << 20);
        assert_eq!(space.before_commit(100).unwrap(), Ok(()));
        assert!(ballast.exists());
    }

    fn nearly_full(ballast: &Path) -> io::Result<u64> {
        Ok(if ballast.exists() { 3 << 20 } else { 11 << 20 })
    }
}
