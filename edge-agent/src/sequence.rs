//! Sequence numbers of sources, which outlive the process.
//!
//! They are reserved in blocks: writing each one down would wear the disk out. A note in the ledger says which
//! number comes next and up to where they are reserved; after a crash the next block starts, and the hole is known.
//!
//! Here: the note. Not here: giving the numbers (`normalize`), writing the note (`core`).
//! Invariant: a number that left this machine is never given again: whatever leaves, leaves with a commit, and
//! each commit reserves all numbers that were seen before it.

use serde::{Deserialize, Serialize};

/// How many numbers are reserved at once.
const BLOCK: u64 = 10_000;

/// What is known of a source's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sequence {
    /// The number behind the last one seen.
    pub next: u64,
    /// The first number that is not reserved.
    pub reserved: u64,
}

impl Sequence {
    /// Name of the ledger's note for a source.
    #[must_use]
    pub fn note(source: &str) -> String {
        format!("sequence/{source}")
    }

    /// Reads the note; a source without one begins at 0.
    #[must_use]
    pub fn read(note: Option<&[u8]>) -> Self {
        note.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// The note.
    #[must_use]
    pub fn bytes(self) -> Vec<u8> {
        // Two numbers: serde_json has nothing to refuse.
        serde_json::to_vec(&self).unwrap_or_default()
    }

    /// Begins again: the first number, and the numbers that were reserved but may never have been given.
    pub fn resume(&mut self) -> (u64, Option<(u64, u64)>) {
        let hole = (self.next < self.reserved).then(|| (self.next, self.reserved - 1));
        self.next = self.reserved;
        (self.next, hole)
    }

    /// Notes a number that was seen. True: the note must be written with the next commit.
    pub fn seen(&mut self, number: u64) -> bool {
        self.next = self.next.max(number + 1);
        if self.next <= self.reserved {
            return false;
        }
        self.reserved = (self.next / BLOCK + 1) * BLOCK;
        true
    }

    /// As it stands when nothing more will be given: no number is lost.
    #[must_use]
    pub fn closed(self) -> Self {
        Self { next: self.next, reserved: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crash_skips_to_the_next_block_and_a_clean_end_does_not() {
        let mut s = Sequence::default();
        assert!(s.seen(0), "the first block is reserved with the first number");
        assert!(!s.seen(41));
        let mut crashed = Sequence::read(Some(&s.bytes()));
        assert_eq!(crashed.resume(), (10_000, Some((42, 9_999))));
        assert!(crashed.seen(10_000));
        let mut clean = Sequence::read(Some(&s.closed().bytes()));
        assert_eq!(clean.resume(), (42, None));
    }

    #[test]
    fn a_new_source_begins_at_zero() {
        assert_eq!(Sequence::read(None).resume(), (0, None));
        assert_eq!(Sequence::read(Some(b"noise")), Sequence::default());
    }
}
