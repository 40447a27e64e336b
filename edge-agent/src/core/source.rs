//! What core keeps of a source: its numbers, its link, its clock, and what of it came late or not at all.
//!
//! Here: noticing, and when it is told. Not here: the connector, and what telling looks like (`announce`).
//! Invariant: a link is told when it changes; what is late or lost is counted at once, and told at most once in
//! [`TOLD_EVERY_MS`], with nothing left out (I8); of an outage each reason is logged once, and once an hour that it
//! lasts, however often the source is tried.

use proto::Happening;
use rules::trust::{Bounds, Trust, Verdict};

use crate::connector::Lost;
use crate::normalize::Delivery;
use crate::sequence::Sequence;

/// Late and lost datapoints are told once in this time and source, ms.
const TOLD_EVERY_MS: i64 = 60_000;
/// That a source is still down is logged again after so long, ms.
const STILL_DOWN_EVERY_MS: i64 = 3_600_000;
/// So many reasons of one outage are logged at once; reasons with a number in them may be new each time.
const REASONS_MAX: usize = 8;

/// The book of one source.
#[derive(Debug)]
pub(super) struct SourceBook {
    id: String,
    sequence: Sequence,
    up: Option<bool>,
    outage: Outage,
    trust: Trust,
    late: u64,
    late_most_ms: i64,
    late_told_at: i64,
    lost: Lost,
    lost_first: u64,
    lost_told_at: i64,
}

/// What was said of a source that is down.
#[derive(Debug, Default)]
struct Outage {
    /// In the order in which they were logged.
    reasons: Vec<String>,
    since: i64,
    logged_at: i64,
}

impl SourceBook {
    /// Begins at `now`.
    pub(super) fn new(id: String, sequence: Sequence, now: i64) -> Self {
        Self {
            id,
            sequence,
            up: None,
            outage: Outage::default(),
            trust: Trust::default(),
            late: 0,
            late_most_ms: 0,
            late_told_at: now,
            lost: Lost::default(),
            lost_first: 0,
            lost_told_at: i64::MIN,
        }
    }

    /// Notes a number that was seen; gives the note to write when more are reserved.
    pub(super) fn number(&mut self, number: u64) -> Option<(String, Vec<u8>)> {
        self.sequence.seen(number).then(|| (Sequence::note(&self.id), self.sequence.bytes()))
    }

    /// The note of a source that gives no number any more.
    pub(super) fn closing_note(&self) -> (String, Vec<u8>) {
        (Sequence::note(&self.id), self.sequence.closed().bytes())
    }

    /// A clock that is not believed is corrected before anything is recorded or judged (§3.3); what it said goes
    /// along, as far as the delivery does not have it already. Gives what is to be told.
    pub(super) fn judge_clock(&mut self, delivery: &mut Delivery, at: i64) -> Option<Happening> {
        let verdict = delivery.correct(&mut self.trust, at, Bounds::default());
        let (corrected, behind_ms) = match verdict? {
            Verdict::Suspect(behind_ms) => (true, behind_ms),
            Verdict::Trusted => (false, self.trust.behind),
        };
        let source_id = self.id.clone();
        tracing::warn!(
            source = source_id,
            behind_ms,
            corrected,
            "the source's clock is too far off, or right again"
        );
        Some(Happening::ClockSuspect { source_id, behind_ms, corrected })
    }

    /// The link is up or down: told when it changed. Another reason, and that it lasts, is only logged.
    pub(super) fn link(&mut self, up: bool, reason: String, at: i64) -> Option<Happening> {
        let has_changed = self.up.replace(up) != Some(up);
        if up {
            return has_changed.then(|| self.is_up(at));
        }
        if has_changed {
            tracing::warn!(source = self.id, reason, "source is down, its tags are bad");
            self.outage = Outage { reasons: vec![reason.clone()], since: at, logged_at: at };
            return Some(Happening::SourceDown { source_id: self.id.clone(), reason });
        }
        let is_new = self.outage.reasons.len() < REASONS_MAX && !self.outage.reasons.contains(&reason);
        if is_new || at.saturating_sub(self.outage.logged_at) >= STILL_DOWN_EVERY_MS {
            let seconds = at.saturating_sub(self.outage.since) / 1_000;
            tracing::warn!(source = self.id, reason, seconds, "source is still down");
            self.outage.logged_at = at;
            self.outage.reasons.extend(is_new.then_some(reason));
        }
        None
    }

    fn is_up(&mut self, at: i64) -> Happening {
        let seconds = (self.outage.since > 0).then(|| at.saturating_sub(self.outage.since) / 1_000);
        tracing::info!(source = self.id, down_seconds = seconds, "source is up");
        self.outage = Outage::default();
        Happening::SourceUp { source_id: self.id.clone() }
    }

    /// A datapoint came too late to be judged.
    pub(super) fn late(&mut self, behind_ms: i64) {
        self.late += 1;
        self.late_most_ms = self.late_most_ms.max(behind_ms);
    }

    /// Notes what the source lost before it could deliver it.
    pub(super) fn lose(&mut self, delivery: &Delivery) {
        if self.lost.is_nothing() {
            self.lost_first = delivery.batch.datapoints.first().map_or(0, |d| d.sequence);
        }
        self.lost += delivery.lost;
    }

    /// What is to be told of late datapoints.
    pub(super) fn tell_late(&mut self, at: i64) -> Option<Happening> {
        if self.late == 0 || self.late_told_at > at - TOLD_EVERY_MS {
            return None;
        }
        self.late_told_at = at;
        let (count, most_ms) = (std::mem::take(&mut self.late), std::mem::take(&mut self.late_most_ms));
        Some(Happening::Late { source_id: self.id.clone(), count, most_ms })
    }

    /// What is to be told of what the source could not deliver: its gap event (I8).
    pub(super) fn tell_lost(&mut self, at: i64) -> Option<Happening> {
        if self.lost.is_nothing() || self.lost_told_at > at.saturating_sub(TOLD_EVERY_MS) {
            return None;
        }
        self.lost_told_at = at;
        let lost = std::mem::take(&mut self.lost);
        let times = if lost.overflows == 1 { "once".into() } else { format!("{} times", lost.overflows) };
        let what = match lost {
            Lost { answers: 0, .. } => format!("its queues were full {times}"),
            Lost { overflows: 0, answers } => format!("{answers} of its answers never came"),
            Lost { answers, .. } => {
                format!("its queues were full {times}, {answers} of its answers never came")
            }
        };
        let reason = format!("{what}: values in between may be missing, the last ones were read again");
        tracing::warn!(source = self.id, reason, "the source lost values");
        Some(Happening::Gap { of: self.id.clone(), count: None, first: self.lost_first, last: None, reason })
    }

    /// Time begins again at an earlier `at` (§3.2): what is waited for must not wait for the old time.
    pub(super) fn begin_epoch(&mut self, at: i64) {
        (self.late_told_at, self.lost_told_at) = (at, self.lost_told_at.min(at));
        let outage = &mut self.outage;
        (outage.since, outage.logged_at) = (outage.since.min(at), outage.logged_at.min(at));
    }
}

#[cfg(test)]
mod tests {
    use proto::{Flags, Quality};
    use rules::engine::{Batch, Datapoint, Subject};
    use rules::inventory::SourceId;
    use rules::value::Unknown;

    use super::*;

    const MINUTE: i64 = TOLD_EVERY_MS;

    #[test]
    fn a_link_is_told_when_it_changes_and_not_when_only_its_reason_does() {
        let mut book = book();
        let down = |reason: &str| Happening::SourceDown { source_id: "plc".into(), reason: reason.into() };
        assert_eq!(book.link(false, "refused".into(), 1), Some(down("refused")));
        assert_eq!(book.link(false, "no answer".into(), 2), None);
        assert_eq!(book.link(true, String::new(), 3), Some(Happening::SourceUp { source_id: "plc".into() }));
        assert_eq!(book.link(true, String::new(), 3), None);
        assert_eq!(book.link(false, "no answer".into(), 2), Some(down("no answer")));
    }

    #[test]
    fn late_datapoints_are_counted_at_once_and_told_once_a_minute() {
        let mut book = book();
        [5, 90, 7].into_iter().for_each(|behind_ms| book.late(behind_ms));
        assert_eq!(book.tell_late(MINUTE - 1), None);
        let late = |count, most_ms| Some(Happening::Late { source_id: "plc".into(), count, most_ms });
        assert_eq!(book.tell_late(MINUTE), late(3, 90));
        assert_eq!(book.tell_late(3 * MINUTE), None, "there were no more");
        book.late(4);
        assert_eq!(book.tell_late(2 * MINUTE), late(1, 4));
    }

    #[test]
    fn what_a_source_lost_is_told_at_once_and_then_once_a_minute() {
        let mut book = book();
        assert_eq!(book.tell_lost(10), None);
        book.lose(&delivery(40, 2));
        book.lose(&delivery(50, 1));
        let told = |said: Option<Happening>| match said {
            Some(Happening::Gap { of, first, reason, .. }) => {
                assert_eq!(of, "plc");
                Some((first, reason.contains("3 times"), reason.contains("once")))
            }
            _ => None,
        };
        assert_eq!(told(book.tell_lost(10)), Some((40, true, false)));
        book.lose(&delivery(60, 1));
        assert_eq!(book.tell_lost(9 + MINUTE), None);
        assert_eq!(told(book.tell_lost(10 + MINUTE)), Some((60, false, true)));
    }

    #[test]
    fn after_the_clock_was_set_back_nothing_waits_for_the_old_time() {
        let mut book = book();
        book.lose(&delivery(1, 1));
        assert!(book.tell_lost(90 * MINUTE).is_some());
        book.begin_epoch(2 * MINUTE);
        book.lose(&delivery(2, 1));
        book.late(1);
        assert!(book.tell_lost(3 * MINUTE).is_some() && book.tell_late(3 * MINUTE).is_some());
    }

    #[test]
    fn of_an_outage_each_reason_is_kept_once_and_a_number_in_it_does_not_fill_the_memory() {
        let mut book = book();
        let mut down = |reason: String, at| book.link(false, reason, at);
        assert!(matches!(down("cable".into(), 1), Some(Happening::SourceDown { .. })));
        for i in 0..100 {
            assert_eq!(down(["cable".to_owned(), format!("port {i}")][i % 2].clone(), 2), None);
        }
        assert_eq!(book.outage.reasons.len(), REASONS_MAX);
        assert_eq!(book.outage.logged_at, 2);
        assert_eq!(book.link(false, "cable".into(), 3), None);
        assert_eq!(book.outage.logged_at, 2, "it was said");
        book.link(false, "cable".into(), 2 + STILL_DOWN_EVERY_MS);
        assert_eq!(book.outage.logged_at, 2 + STILL_DOWN_EVERY_MS, "it still lasts");
        assert!(matches!(book.link(true, String::new(), 9), Some(Happening::SourceUp { .. })));
        assert_eq!(book.link(true, String::new(), 10), None);
        assert!(book.outage.reasons.is_empty());
    }

    fn book() -> SourceBook {
        SourceBook::new("plc".into(), Sequence::default(), 0)
    }

    fn delivery(sequence: u64, overflows: u64) -> Delivery {
        let datapoint = Datapoint {
            subject: Subject::Heartbeat,
            timestamp: 0,
            value: Err(Unknown::NeverSeen),
            quality: Quality::Ok,
            flags: Flags::NONE,
            sequence,
        };
        let batch = Batch { source: SourceId(0), datapoints: vec![datapoint] };
        let (status, source_timestamps) = (Vec::new(), Vec::new());
        let lost = Lost { overflows, answers: 0 };
        Delivery { batch, status, source_timestamps, lost, arrived: 0, took: None }
    }
}
