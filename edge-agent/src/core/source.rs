//! What core keeps of a source: its numbers, its link, its clock, and what is to be told of it.
//!
//! Here: what becomes an event or a line of the log, and how often at most. Not here: when it is looked at (`core`).
//! Invariant: every loss is told, summed, at most once a minute (I8); of an outage each reason is logged once, and
//! once an hour that it lasts, however often the source is tried.

use proto::Happening;
use rules::trust::Trust;

use crate::connector::Lost;
use crate::normalize::Delivery;
use crate::sequence::Sequence;

/// What goes on is told once in this time, ms.
const EVERY_MS: i64 = 60_000;
/// That a source is still down is logged again after so long, ms.
const STILL_DOWN_EVERY_MS: i64 = 3_600_000;
/// So many reasons of one outage are logged at once; reasons with a number in them may be new each time.
const REASONS_MAX: usize = 8;

/// The book of one source.
#[derive(Debug)]
pub(super) struct SourceBook {
    pub(super) id: String,
    pub(super) sequence: Sequence,
    pub(super) trust: Trust,
    up: Option<bool>,
    outage: Outage,
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
    pub(super) fn new(id: String, sequence: Sequence, now: i64) -> Self {
        Self {
            id,
            sequence,
            trust: Trust::default(),
            up: None,
            outage: Outage::default(),
            late: 0,
            late_most_ms: 0,
            late_told_at: now,
            lost: Lost::default(),
            lost_first: 0,
            lost_told_at: i64::MIN,
        }
    }

    /// The clock was set back to this time.
    pub(super) fn begin_again(&mut self, at: i64) {
        (self.late_told_at, self.lost_told_at) = (at, self.lost_told_at.min(at));
        (self.outage.since, self.outage.logged_at) =
            (self.outage.since.min(at), self.outage.logged_at.min(at));
    }

    /// Notes what the source lost before it could deliver it.
    pub(super) fn lose(&mut self, delivery: &Delivery) {
        if self.lost.is_nothing() {
            self.lost_first = delivery.batch.datapoints.first().map_or(0, |d| d.sequence);
        }
        self.lost += delivery.lost;
    }

    /// A datapoint came so much too late.
    pub(super) fn note_late(&mut self, behind_ms: i64) {
        self.late += 1;
        self.late_most_ms = self.late_most_ms.max(behind_ms);
    }

    /// Late datapoints, summed.
    pub(super) fn tell_late(&mut self, at: i64) -> Option<Happening> {
        if self.late == 0 || self.late_told_at > at - EVERY_MS {
            return None;
        }
        self.late_told_at = at;
        let (count, most_ms) = (std::mem::take(&mut self.late), std::mem::take(&mut self.late_most_ms));
        Some(Happening::Late { source_id: self.id.clone(), count, most_ms })
    }

    /// What the source could not deliver (I8).
    pub(super) fn tell_lost(&mut self, at: i64) -> Option<Happening> {
        if self.lost.is_nothing() || self.lost_told_at > at.saturating_sub(EVERY_MS) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::engine::Batch;
    use rules::inventory::SourceId;

    fn book() -> SourceBook {
        SourceBook::new("plc".into(), Sequence::read(None), 0)
    }

    fn delivery(lost: Lost) -> Delivery {
        let batch = Batch { source: SourceId(0), datapoints: Vec::new() };
        let (status, source_timestamps) = (Vec::new(), Vec::new());
        Delivery { batch, status, source_timestamps, lost, arrived: 0, took: None }
    }

    #[test]
    fn losses_are_summed_and_told_once_a_minute_with_what_they_were() {
        let mut book = book();
        let told = |book: &mut SourceBook, at| match book.tell_lost(at) {
            Some(Happening::Gap { of, reason, .. }) => Some((of, reason)),
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(&mut book, 1), None);
        book.lose(&delivery(Lost { overflows: 2, answers: 0 }));
        let (of, reason) = told(&mut book, 1).unwrap();
        assert!(of == "plc" && reason.starts_with("its queues were full 2 times: "), "{reason}");
        book.lose(&delivery(Lost { overflows: 0, answers: 3 }));
        assert_eq!(told(&mut book, EVERY_MS), None, "not yet");
        book.lose(&delivery(Lost { overflows: 1, answers: 1 }));
        let (_, reason) = told(&mut book, EVERY_MS + 1).unwrap();
        assert!(reason.starts_with("its queues were full once, 4 of its answers never came: "), "{reason}");
        assert_eq!(told(&mut book, 10 * EVERY_MS), None, "nothing more was lost");
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
}
