//! Whether a source's clock is believed (§3.3).
//!
//! A source's clock is trusted until three batches in a row lie outside the bounds; from the next batch on it is
//! corrected: every timestamp becomes the processing time, until three in a row lie within half of the bounds. A
//! single timestamp too far ahead is replaced as well: it would carry the watermark away.
//!
//! Here: that judgement, pure, one value per source. Not here: steps of the agent's own clock.
//! Invariant: it happens before anything is recorded or judged, and a replaced timestamp promises nothing.

use proto::Flags;

use crate::engine::{Batch, Datapoint};
use crate::time::Millis;

/// How far a source's clock may be from the agent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Ahead, ms; none: any distance is believed.
    pub future: Option<Millis>,
    /// Behind, ms; none: any distance is believed.
    pub past: Option<Millis>,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { future: Some(5_000), past: Some(30_000) }
    }
}

impl Bounds {
    /// Nothing is ever corrected.
    pub const NONE: Self = Self { future: None, past: None };

    /// Whether a timestamp that lies `behind` the processing time (negative: ahead) is within a part of the bounds.
    fn contain(self, behind: Millis, part: Millis) -> bool {
        self.future.is_none_or(|ahead| behind >= -ahead / part)
            && self.past.is_none_or(|past| behind <= past / part)
    }
}

/// How many batches in a row change the judgement.
const IN_A_ROW: u32 = 3;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The clock is not believed from the next batch on; it was so far behind (negative: ahead), ms.
    Suspect(Millis),
    /// The clock is believed again.
    Trusted,
}

/// The judgement on one source's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trust {
    corrected: bool,
    in_a_row: u32,
    /// Whether a recorded batch has begun and not ended.
    within: bool,
    /// How far the clock was behind in the last batch, ms; negative: ahead.
    pub behind: Millis,
}

impl Trust {
    /// Corrects a batch that is delivered as a whole, where that is needed, and judges the clock by its last
    /// datapoint. The originals of replaced timestamps come back, by the datapoint's place in the batch.
    pub fn judge(
        &mut self,
        batch: &mut Batch,
        at: i64,
        bounds: Bounds,
    ) -> (Vec<(usize, i64)>, Option<Verdict>) {
        let Some(last) = batch.datapoints.last().map(|d| d.timestamp) else { return (Vec::new(), None) };
        let datapoints = batch.datapoints.iter_mut().enumerate();
        let correct = |(place, d)| Some((place, self.correct(d, at, bounds)?));
        let originals = datapoints.filter_map(correct).collect();
        (originals, self.weigh(at.saturating_sub(last), bounds))
    }

    /// The same for a recording, datapoint by datapoint: a batch is `Fst` … `Lst`, else one datapoint.
    pub fn judge_next(&mut self, datapoint: &mut Datapoint, at: i64, bounds: Bounds) -> Option<Verdict> {
        let behind = at.saturating_sub(datapoint.timestamp);
        self.correct(datapoint, at, bounds);
        self.within = (self.within || datapoint.flags.has(Flags::FST)) && !datapoint.flags.has(Flags::LST);
        if self.within { None } else { self.weigh(behind, bounds) }
    }

    /// Replaces a timestamp that is not believed; gives the original.
    fn correct(&self, datapoint: &mut Datapoint, at: i64, bounds: Bounds) -> Option<i64> {
        let original = datapoint.timestamp;
        let is_ahead = bounds.future.is_some_and(|bound| original.saturating_sub(at) > bound);
        if !self.corrected && !is_ahead {
            return None;
        }
        datapoint.timestamp = at;
        datapoint.flags = datapoint.flags.without(Flags::WMK).with(Flags::ATS);
        Some(original)
    }

    fn weigh(&mut self, behind: Millis, bounds: Bounds) -> Option<Verdict> {
        self.behind = behind;
        let speaks_for_change =
            if self.corrected { bounds.contain(behind, 2) } else { !bounds.contain(behind, 1) };
        self.in_a_row = if speaks_for_change { self.in_a_row + 1 } else { 0 };
        if self.in_a_row < IN_A_ROW {
            return None;
        }
        self.in_a_row = 0;
        self.corrected = !self.corrected;
        Some(if self.corrected { Verdict::Suspect(behind) } else { Verdict::Trusted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Subject;
    use crate::inventory::SourceId;
    use proto::Quality;

    fn batch(timestamps: &[i64]) -> Batch {
        let datapoint = |timestamp: &i64| Datapoint {
            subject: Subject::Heartbeat,
            timestamp: *timestamp,
            value: Err(crate::value::Unknown::NeverSeen),
            quality: Quality::Ok,
            flags: Flags::WMK,
            sequence: 0,
        };
        Batch { source: SourceId(0), datapoints: timestamps.iter().map(datapoint).collect() }
    }

    /// Judges a batch of one datapoint so far behind the processing time; gives the stamp it ends up with.
    fn stamp(trust: &mut Trust, at: i64, behind: i64) -> (i64, Option<Verdict>) {
        let mut batch = batch(&[at - behind]);
        let (_, verdict) = trust.judge(&mut batch, at, Bounds::default());
        (batch.datapoints[0].timestamp, verdict)
    }

    #[test]
    fn a_clock_is_corrected_from_the_batch_after_the_third_outside_the_bounds() {
        let mut trust = Trust::default();
        assert_eq!(stamp(&mut trust, 100_000, 3_600_000), (100_000 - 3_600_000, None));
        assert_eq!(stamp(&mut trust, 101_000, 3_600_000), (101_000 - 3_600_000, None));
        let third = stamp(&mut trust, 102_000, 3_600_000);
        assert_eq!(third, (102_000 - 3_600_000, Some(Verdict::Suspect(3_600_000))));
        assert_eq!(stamp(&mut trust, 103_000, 3_600_000), (103_000, None));
    }

    #[test]
    fn it_is_believed_again_after_three_within_half_of_the_bounds() {
        let mut trust = Trust { corrected: true, ..Trust::default() };
        for behind in [20_000, 14_000, 14_000] {
            assert!(stamp(&mut trust, 100_000, behind).1.is_none());
        }
        assert_eq!(stamp(&mut trust, 100_000, 14_000), (100_000, Some(Verdict::Trusted)));
        assert_eq!(stamp(&mut trust, 100_000, 14_000), (86_000, None));
    }

    #[test]
    fn the_bounds_are_inclusive_and_one_good_batch_starts_the_count_again() {
        let mut trust = Trust::default();
        for behind in [30_001, 30_001, 30_000, 30_001, 30_001, -5_000, -5_001, -5_001] {
            assert_eq!(stamp(&mut trust, 100_000, behind).1, None, "{behind}");
        }
        assert!(!trust.corrected);
    }

    #[test]
    fn half_of_the_bounds_is_inclusive_too_and_one_outside_starts_the_count_again() {
        let mut trust = Trust { corrected: true, ..Trust::default() };
        for behind in [15_000, -2_500, 15_001, 15_000, -2_500, -2_501, -2_500, 15_000] {
            assert_eq!(stamp(&mut trust, 100_000, behind), (100_000, None), "{behind}");
        }
        assert_eq!(stamp(&mut trust, 100_000, 15_000).1, Some(Verdict::Trusted));
    }

    #[test]
    fn a_single_timestamp_too_far_ahead_is_replaced_and_promises_nothing() {
        let mut trust = Trust::default();
        let mut batch = batch(&[205_001, 200_000]);
        let (originals, _) = trust.judge(&mut batch, 200_000, Bounds::default());
        assert_eq!(originals, [(0, 205_001)]);
        assert_eq!(batch.datapoints[0].timestamp, 200_000);
        assert_eq!(batch.datapoints[0].flags, Flags::ATS);
        assert_eq!(batch.datapoints[1].flags, Flags::WMK);
    }

    #[test]
    fn a_recorded_day_is_judged_as_it_was_when_it_was_delivered() {
        let day = [0, 3_600_000, 3_600_000, 3_600_000, 3_600_000, 10_000, 0, 0, -6_000, 0];
        let (mut live, mut replayed) = (Trust::default(), Trust::default());
        for (i, behind) in day.into_iter().enumerate() {
            let at = 10_000_000 + i64::try_from(i).unwrap() * 1_000;
            let mut whole = batch(&[at - behind - 5, at - behind - 1, at - behind]);
            for (place, flag) in [(0, Flags::FST), (2, Flags::LST)] {
                let datapoint = &mut whole.datapoints[place];
                datapoint.flags = datapoint.flags.with(flag);
            }
            let mut lines = whole.clone();
            let (_, verdict) = live.judge(&mut whole, at, Bounds::default());
            let verdicts: Vec<_> = lines
                .datapoints
                .iter_mut()
                .filter_map(|d| replayed.judge_next(d, at, Bounds::default()))
                .collect();
            assert_eq!((whole, verdict.into_iter().collect::<Vec<_>>()), (lines, verdicts), "batch {i}");
            assert_eq!(live, replayed, "batch {i}");
        }
        // Without flags each datapoint is a batch.
        let mut alone = Trust::default();
        let mut lines = batch(&[0, 0, 0, 0]);
        let judge = |d: &mut Datapoint| alone.judge_next(d, 100_000, Bounds::default());
        let verdicts: Vec<_> = lines.datapoints.iter_mut().map(judge).collect();
        assert_eq!(verdicts, [None, None, Some(Verdict::Suspect(100_000)), None]);
        assert_eq!(lines.datapoints[3].timestamp, 100_000);
    }

    #[test]
    fn without_bounds_everything_is_believed() {
        let mut trust = Trust::default();
        let mut far = batch(&[i64::MAX]);
        for _ in 0..5 {
            assert_eq!(trust.judge(&mut far, 0, Bounds::NONE), (Vec::new(), None));
        }
        assert_eq!(far.datapoints[0].timestamp, i64::MAX);
    }
}
