//! The wall clock.
//!
//! Here: reading it. Not here: when a script began. Invariant: none; it may be set back.

use std::time::{SystemTime, UNIX_EPOCH};

/// ms since 1970 UTC.
#[must_use]
pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
