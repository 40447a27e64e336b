//! What may wait on the disk: `[outbox]`.
//!
//! Here: its keys. Not here: what happens at the limits (`crate::outbox`).
//! Invariant: there is room for a bad day, and sled never meets a disk without room.

use rules::diagnose::{FileId, Report};
use rules::document::{Placed, Reader, Table};

use crate::outbox::Limits;

/// Less would not hold the transitions of a bad day.
const LEDGER_MIN: u64 = 1 << 20;
/// Less is no room for sled, which extends its file by segments.
const FREE_MIN: u64 = 4 << 20;

/// What may wait on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outbox {
    /// Bytes that the ledger may hold.
    pub ledger_max: u64,
    /// Bytes that stay free on its disk, whoever fills it: below, nothing more is kept.
    pub free_disk_min: u64,
}

impl Default for Outbox {
    fn default() -> Self {
        // Of a disk that fills up, transitions get the last that is safe: a greater floor would only end them sooner.
        let limits = Limits::default();
        Self { ledger_max: limits.waiting_bytes_max, free_disk_min: limits.free_bytes_min }
    }
}

pub(super) fn outbox(report: &mut Report, file: FileId, table: &Table) -> Outbox {
    let default = Outbox::default();
    let mut r = Reader::new(table, "[outbox]", file, report);
    let ledger_max = at_least(&mut r, "ledger_max", LEDGER_MIN).unwrap_or(default.ledger_max);
    let free_disk_min = at_least(&mut r, "free_disk_min", FREE_MIN).unwrap_or(default.free_disk_min);
    r.finish(&["bulk_max"]);
    Outbox { ledger_max, free_disk_min }
}

fn at_least(r: &mut Reader<'_, '_>, key: &'static str, least: u64) -> Option<u64> {
    let Placed { value, span } = r.size(key)?;
    if value < least {
        let place = (r.file(), span);
        let message = format!("`{key}` must be at least {} MiB", least >> 20);
        r.report().error("C007", place, message, "too small");
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, mistake, read};
    use super::*;

    #[test]
    fn both_limits_are_read_and_have_a_least() {
        let given = "[outbox]\nledger_max = \"1 GiB\"\nfree_disk_min = \"500 MiB\"\n";
        let (config, said) = read(&format!("{GOOD}{given}"));
        let expected = Outbox { ledger_max: 1 << 30, free_disk_min: 500 << 20 };
        assert_eq!((config.map(|c| c.outbox), said), (Some(expected), Vec::new()));
        let wrong = |line: &str| mistake("[agent]", &format!("[outbox]\n{line}\n[agent]"));
        assert!(wrong("ledger_max = \"1 KiB\"").contains("at least 1 MiB"));
        assert!(wrong("free_disk_min = \"1 MiB\"").contains("`free_disk_min` must be at least 4 MiB"));
        assert!(wrong("free_disk_mni = \"8 MiB\"").contains("did you mean `free_disk_min`?"));
        assert!(wrong("bulk_max = \"2 GiB\"").contains("not supported by this version"));
    }
}
