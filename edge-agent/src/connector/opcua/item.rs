//! What is known of a monitored item, and how its values are stamped.
//!
//! The first value of an item is the value it already had when it was subscribed: it is stamped with the server's
//! time of that, for what last changed yesterday is news now; its own time goes along. A value after it that is
//! stamped a little earlier, because the clock of its source is, is put behind it: else the older one would stand.
//! One that is stamped long before the tag's last value was, while the server's own clock says otherwise, comes from a
//! device whose clock is wrong: it is news now, too.
//!
//! Here: that. Not here: answers and their holes (`publication`, whose tests are those of the stamps).
//! Invariant: the stamps of an item grow as long as its clock is in step.

use opcua::types::{DataValue, DateTime};

use super::value::millis;
use crate::connector::Sample;

/// Clocks of a source and of its server that differ by more than this are not in step: nothing is put behind.
const SKEW_MAX_MS: i64 = 5_000;

/// What is known of an item.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    pub(super) subscription: u32,
    /// So many values of it wait with the server at most.
    pub(super) queue: u32,
    /// When it was subscribed, while its first value has not come.
    awaited: Option<i64>,
    /// The stamp of its first value, or of the one that was read last.
    first: Option<i64>,
    /// The stamp of its last value.
    last: Option<i64>,
    /// Whether its values are stamped by a clock that is behind the server's.
    is_slow: bool,
}

impl Item {
    /// One whose first value is to come: subscribed at this time of the server, with a queue of this size.
    pub(super) fn awaited(subscription: u32, (at, queue): (i64, u32)) -> Self {
        Self { subscription, queue, awaited: Some(at), ..Self::default() }
    }

    /// Whether its values are stamped by a clock that is behind the server's.
    pub(super) fn is_slow(&self) -> bool {
        self.is_slow
    }

    /// A value of it was read beside its subscription: it stands behind what came before.
    pub(super) fn read(&mut self, sample: &mut Sample) {
        let ahead = self.last.filter(|last| (0..SKEW_MAX_MS).contains(&(last - sample.timestamp)));
        sample.timestamp = ahead.map_or(sample.timestamp, |last| last + 1);
        sample.source_timestamp = sample.source_timestamp.filter(|own| *own != sample.timestamp);
        (self.awaited, self.first, self.last) = (None, Some(sample.timestamp), Some(sample.timestamp));
    }

    /// The stamp of a value, and its own where that is another.
    pub(super) fn stamp(&mut self, data: &DataValue, published: Option<i64>) -> (i64, Option<i64>) {
        let time = |time: &Option<DateTime>| time.as_ref().and_then(millis);
        let own = time(&data.source_timestamp).or_else(|| time(&data.server_timestamp));
        let stamp = if let Some(at) = self.awaited.take() {
            self.first = Some(at);
            (at, own.filter(|own| *own != at))
        } else {
            let live = own.or(published).unwrap_or_default();
            // Out of step with the server and with the tag's last value, or known to be.
            self.is_slow = is_behind(live, published) && (self.is_slow || is_behind(live, self.last));
            match (self.first, published) {
                (Some(first), _) if live <= first && first - live < SKEW_MAX_MS => (first + 1, Some(live)),
                (_, Some(published)) if self.is_slow => (published, Some(live)),
                _ => (live, None),
            }
        };
        self.last = Some(stamp.0);
        stamp
    }
}

/// Whether a stamp lies further before another than clocks in step do.
fn is_behind(stamp: i64, other: Option<i64>) -> bool {
    other.is_some_and(|other| other.saturating_sub(stamp) >= SKEW_MAX_MS)
}
