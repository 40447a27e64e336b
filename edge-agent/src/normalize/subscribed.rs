//! Publications of subscribed sources.
//!
//! Values carry the stamps of their source. What was published at once is told in the order of these stamps: a
//! server sends one tag after the other, and in an answer that was long in coming the last value of the first tag is
//! far newer than the first value of the last one, which would be late behind it.
//!
//! When everything up to some time has been said, a heartbeat at the end of the batch promises it, held back by
//! `max_out_of_orderness`. The lag of that time behind the agent's clock is kept: while the source is down, time goes
//! on as far behind. Promises do not go back, unless time begins again.
//!
//! Here: that. Not here: what is said of one tag (`normalize`), what a stamp is (the connector).
//! Invariant: no `Wmk` while more is on its way; a value that was said again after a lost connection is told again.

use proto::Flags;

use super::{Delivery, Normalizer, Told, admitted};
use crate::connector::Publication;

impl Normalizer {
    pub(super) fn published(&mut self, mut publication: Publication, now: i64, delivery: &mut Delivery) {
        if let Some(complete) = publication.complete {
            self.lag = now.saturating_sub(complete);
        }
        let promised = now.saturating_sub(self.lag).saturating_sub(self.max_out_of_orderness);
        // Not later than the last, as a scan's is: that would promise what nobody said.
        let promised = self.stamp_from(self.stamp, promised);
        if self.connected != Some(true) {
            self.connected = Some(true);
            self.connection(true, (promised, Flags::WMK), delivery);
        }
        delivery.lost = publication.lost;
        publication.samples.sort_by_key(|sample| sample.timestamp);
        for sample in publication.samples {
            let Some(tag) = self.tags.get(sample.tag) else { continue };
            let value = sample.value.and_then(|raw| admitted(tag, raw));
            let told = Told { value, uncertain: sample.uncertain, status: sample.status };
            if !tag.reports(&told) {
                continue;
            }
            let place = delivery.batch.datapoints.len();
            delivery.source_timestamps.extend(sample.source_timestamp.map(|own| (place, own)));
            // Another stamp than the source's own is the agent's.
            let flags = if sample.source_timestamp.is_some() { Flags::ATS } else { Flags::NONE };
            self.tell(sample.tag, told, (sample.timestamp, flags), delivery);
        }
        if publication.complete.is_some() {
            self.heartbeat(promised, Flags::NONE, delivery);
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::Quality;
    use rules::engine::Subject;
    use rules::value::{Unknown, Value};

    use super::super::tests::{CONFIG, configured, values};
    use super::*;
    use crate::connector::{Lost, Raw, Report, Sample};

    fn normalizer() -> Normalizer {
        let text = CONFIG
            .replace("address = \"127.0.0.1\"", "address = \"127.0.0.1\"\nmax_out_of_orderness = \"500 ms\"");
        configured(&text)
    }

    fn sample(tag: usize, raw: Raw, timestamp: i64) -> Sample {
        Sample { tag, value: Ok(raw), uncertain: false, status: None, timestamp, source_timestamp: None }
    }

    fn published(complete: Option<i64>, samples: Vec<Sample>) -> Report {
        Report::Published(Publication { samples, complete, lost: Lost::default() })
    }

    #[test]
    fn values_keep_their_stamps_and_a_heartbeat_promises_what_is_complete() {
        let mut n = normalizer();
        let reals = vec![sample(0, Raw::Real(1.5), 9_900), sample(0, Raw::Real(2.5), 9_950)];
        let d = n.batch(published(Some(10_000), reals), 10_040);
        let stamps: Vec<_> =
            d.batch.datapoints.iter().map(|d| (d.timestamp, d.flags.has(Flags::WMK))).collect();
        assert_eq!(stamps, [(9_500, true), (9_900, false), (9_950, false), (9_500, true)]);
        assert!(!d.batch.datapoints[1].flags.has(Flags::ATS), "the source stamped it");
        let last = &d.batch.datapoints[3];
        assert!(last.subject == Subject::Heartbeat && last.flags.has(Flags::LST));
        let more = n.batch(published(None, vec![sample(0, Raw::Real(3.5), 9_980)]), 10_050);
        assert!(more.batch.datapoints.iter().all(|d| !d.flags.has(Flags::WMK)), "more is on its way");
    }

    #[test]
    fn what_was_published_at_once_is_told_in_the_order_of_its_stamps() {
        let mut n = normalizer();
        let of_real = |value, at| sample(0, Raw::Real(value), at);
        let of_int = |value, at| sample(1, Raw::UInt(value), at);
        // An answer that was ten seconds in coming.
        let samples = vec![of_real(1.5, 1_000), of_real(2.5, 11_000), of_int(7, 1_000), of_int(8, 6_000)];
        let d = n.batch(published(Some(11_050), samples), 11_060);
        let told: Vec<_> = d.batch.datapoints[1..5].iter().map(|d| (d.timestamp, d.value.clone())).collect();
        let wanted = [
            (1_000, Ok(Value::Float(1.5))),
            (1_000, Ok(Value::Int(7))),
            (6_000, Ok(Value::Int(8))),
            (11_000, Ok(Value::Float(2.5))),
        ];
        assert_eq!(told, wanted);
        assert!(d.batch.datapoints.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
    }

    #[test]
    fn doubts_remarks_and_own_stamps_come_along() {
        let mut n = normalizer();
        let mut first = sample(0, Raw::Real(1.5), 10_000);
        (first.uncertain, first.status) = (true, Some("UncertainLastUsableValue".into()));
        first.source_timestamp = Some(1_000);
        let d = n.batch(published(Some(10_000), vec![first]), 10_000);
        let datapoint = &d.batch.datapoints[1];
        assert_eq!((datapoint.quality, &datapoint.value), (Quality::Uncertain, &Ok(Value::Float(1.5))));
        assert!(datapoint.flags.has(Flags::ATS), "the stamp is not the source's");
        assert_eq!(d.status, [(1, "UncertainLastUsableValue".to_owned())]);
        assert_eq!(d.source_timestamps, [(1, 1_000)]);
        let sure = n.batch(published(Some(10_100), vec![sample(0, Raw::Real(1.5), 10_100)]), 10_100);
        assert_eq!(sure.batch.datapoints[0].quality, Quality::Ok, "the same value without doubts is news");
    }

    #[test]
    fn a_value_that_comes_again_is_told_only_if_the_tag_was_bad_meanwhile() {
        let mut n = normalizer();
        let again = || published(Some(10_000), vec![sample(0, Raw::Real(1.5), 9_900)]);
        n.batch(again(), 10_000);
        assert_eq!(n.batch(again(), 10_100).batch.datapoints.len(), 1, "only the heartbeat");
        n.batch(Report::Down("no answer".into()), 11_000);
        let back = n.batch(again(), 12_000);
        assert_eq!(values(&back)[..2], [Ok(Value::Bool(true)), Ok(Value::Float(1.5))]);
    }

    #[test]
    fn while_it_is_down_time_goes_on_as_far_behind_as_the_source_was() {
        let mut n = normalizer();
        let hour = 3_600_000;
        n.batch(published(Some(10_000_000 - hour), vec![]), 10_000_000);
        let down = n.batch(Report::Down("no answer".into()), 10_001_000);
        let stamps: Vec<_> = down.batch.datapoints.iter().map(|d| d.timestamp).collect();
        assert_eq!(stamps, [10_001_000 - hour; 4]);
        assert!(down.batch.datapoints.last().is_some_and(|d| d.flags.has(Flags::WMK)));
    }

    #[test]
    fn promises_do_not_go_back_unless_the_clock_was_set_back() {
        let mut n = normalizer();
        n.batch(published(Some(10_000), vec![]), 10_000);
        let mut stamp = |report, now| n.batch(report, now).batch.datapoints.last().map(|d| d.timestamp);
        assert_eq!(stamp(Report::Down("no answer".into()), 11_000), Some(11_000));
        assert_eq!(
            stamp(published(Some(11_100), vec![]), 11_100),
            Some(11_000),
            "held back, but said already"
        );
        assert_eq!(stamp(published(Some(11_700), vec![]), 11_700), Some(11_200));
        assert_eq!(stamp(Report::Down("no answer".into()), 5_000), Some(5_000));
        assert_eq!(stamp(published(Some(6_000), vec![]), 6_000), Some(5_500));
    }

    #[test]
    fn a_tag_that_the_server_does_not_have_is_bad_alone() {
        let mut n = normalizer();
        let mut missing = sample(0, Raw::Bool(true), 10_000);
        missing.value = Err("BadNodeIdUnknown".into());
        let d = n.batch(published(Some(9_999), vec![missing, sample(1, Raw::UInt(7), 10_000)]), 10_000);
        assert_eq!(values(&d)[1..3], [Err(Unknown::Bad), Ok(Value::Int(7))]);
        assert_eq!(d.status, [(1, "BadNodeIdUnknown".to_owned())]);
    }
}
