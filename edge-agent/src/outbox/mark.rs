//! The mark: the ends of the ledger, written beside the store after each commit.
//!
//! sled answers a damaged log by going back, silently, to the time before the damage. Nothing inside the store
//! can tell; this file can. It is not synced (a mark that is older than the store says nothing), so it costs
//! one page of the disk when the kernel happens to write it.
//!
//! Here: `low | next | crc32 of both`, big-endian, 20 bytes. Not here: what follows from it (`repair`).
//! Invariant: a mark is never ahead of what was durable when it was written.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
    path::Path,
};

/// The file.
#[derive(Debug)]
pub(super) struct Mark {
    file: File,
}

/// The positions of the first entry that had not left, and of the next to come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) low: u64,
    pub(super) next: u64,
}

impl Mark {
    /// Opens or makes the file and reads what it says; `None` when it says nothing that can be trusted.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Option<Ends>)> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok((Self { file }, decode(&bytes)))
    }

    /// Overwrites it.
    pub(super) fn write(&self, ends: Ends) -> io::Result<()> {
        self.file.write_all_at(&encode(ends), 0)
    }
}

fn encode(ends: Ends) -> Vec<u8> {
    let body = [ends.low.to_be_bytes(), ends.next.to_be_bytes()].concat();
    [&body[..], &crc32fast::hash(&body).to_be_bytes()].concat()
}

fn decode(bytes: &[u8]) -> Option<Ends> {
    let (low, rest) = bytes.split_first_chunk::<8>()?;
    let (next, sum) = rest.split_first_chunk::<8>()?;
    let ends = Ends { low: u64::from_be_bytes(*low), next: u64::from_be_bytes(*next) };
    (sum.len() == 4 && encode(ends) == bytes && ends.low <= ends.next).then_some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_mark_is_read_and_a_damaged_one_says_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mark");
        let (mark, before) = Mark::open(&path).unwrap();
        assert_eq!(before, None);
        mark.write(Ends { low: 1, next: 300 }).unwrap();
        mark.write(Ends { low: 7, next: 301 }).unwrap();
        assert_eq!(Mark::open(&path).unwrap().1, Some(Ends { low: 7, next: 301 }));

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[9] ^= 4;
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(Mark::open(&path).unwrap().1, None);
    }
}
