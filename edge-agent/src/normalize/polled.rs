//! Scans of polled sources.
//!
//! A batch has one stamp, taken when its last answer had arrived, strictly later than that of the batch before. Its
//! last datapoint carries `Wmk`; a batch in which nothing is reported is a heartbeat.
//!
//! Here: that. Not here: what is said of one tag (`normalize`).
//! Invariant: the stamps of a source grow, unless the clock was set back, and each batch ends in a promise.

use proto::Flags;

use super::{Delivery, Normalizer, Told, admitted};
use crate::connector::Reading;

impl Normalizer {
    pub(super) fn scan(&mut self, readings: Vec<Reading>, now: i64, delivery: &mut Delivery) {
        let at = self.stamp_after(now);
        if self.connected != Some(true) {
            self.connected = Some(true);
            self.connection(true, (at, Flags::NONE), delivery);
        }
        for reading in readings {
            let Some(tag) = self.tags.get(reading.tag) else { continue };
            let value = reading.value.and_then(|raw| admitted(tag, raw));
            let told = Told { value, uncertain: false, status: None };
            if tag.reports(&told) {
                self.tell(reading.tag, told, (at, Flags::ATS), delivery);
            }
        }
        match delivery.batch.datapoints.last_mut() {
            Some(last) => last.flags = last.flags.with(Flags::WMK),
            None => self.heartbeat(at, Flags::ATS, delivery),
        }
    }
}

#[cfg(test)]
mod tests {
    use rules::engine::Subject;
    use rules::value::Value;

    use super::super::tests::{normalizer, scan, values};
    use super::*;
    use crate::connector::Raw;

    #[test]
    fn a_batch_has_one_stamp_and_ends_in_a_promise() {
        let mut n = normalizer();
        let first = n.batch(scan(&[(0, Raw::Real(1.0)), (1, Raw::UInt(5))]), 1_000);
        let flags: Vec<_> = first.batch.datapoints.iter().map(|d| d.flags).collect();
        assert!(flags[0].has(Flags::FST) && !flags[0].has(Flags::WMK));
        assert!(flags[2].has(Flags::LST.with(Flags::WMK)) && !flags[2].has(Flags::FST));
        assert!(first.batch.datapoints.iter().all(|d| d.timestamp == 1_000));
        let sequences: Vec<_> = first.batch.datapoints.iter().map(|d| d.sequence).collect();
        assert_eq!(sequences, [7, 8, 9]);
        let second = n.batch(scan(&[(1, Raw::UInt(6))]), 1_000);
        assert_eq!(second.batch.datapoints[0].timestamp, 1_001, "strictly later, even within a millisecond");
    }

    #[test]
    fn stamps_begin_again_when_the_clock_was_set_back() {
        let mut n = normalizer();
        let mut stamp = |now| n.batch(scan(&[]), now).batch.datapoints[0].timestamp;
        assert_eq!([stamp(10_000), stamp(9_000), stamp(8_000)], [10_000, 10_001, 8_000]);
    }

    #[test]
    fn what_has_not_changed_is_a_heartbeat() {
        let mut n = normalizer();
        n.batch(scan(&[(0, Raw::Real(20.0))]), 1_000);
        let quiet = n.batch(scan(&[(0, Raw::Real(20.3))]), 1_100);
        assert_eq!(quiet.batch.datapoints[0].subject, Subject::Heartbeat);
        assert!(quiet.batch.datapoints[0].flags.has(Flags::WMK));
        let moved = n.batch(scan(&[(0, Raw::Real(20.5))]), 1_200);
        assert_eq!(values(&moved), [Ok(Value::Float(20.5))]);
    }
}
