//! The script: what goes wrong on the line, from when to when.
//!
//! A *track* is one thing that can go wrong on one machine (it stops, the caustic's temperature leaves its band).
//! Time is cut into the track's slots, and each slot holds one episode of one of the track's faults, drawn from
//! the seed, the track and the slot alone. So there is no state: any instant of a run of any length can be asked
//! for at once. Tracks that compete in one rule keep to a beat of 4 s, each with its own phase, so that whatever
//! begins, ends or falls due on one of them is at least 1.5 s away from the same on the other: the order of
//! transitions never hangs on the moment of a scan.
//!
//! Here: when. Not here: what the values do meanwhile (`line`), which transitions follow (`expected`).
//! Invariant: with a given length, whatever begins is over, with its ramps, [`TAIL_MS`] before the end.

mod track;

use std::ops::Range;

pub use track::{Fault, Machine, TRACKS, Track};

use crate::chance::{below, draw};

/// Nothing goes wrong before this, ms: whoever watches has heard every tag in its normal state by then.
pub const LEAD_MS: i64 = 4_000;
/// A value leaves its normal course this long before an episode and is back this long after it, ms.
pub const RAMP_MS: i64 = 1_500;
/// Between the last ramp and the end of a run, ms: what followed is judged, sent and stored before all stands still.
pub const TAIL_MS: i64 = 3_000;
/// Tracks that compete in one rule begin, end and fall due on this beat, each at its own phase, ms.
const BEAT_MS: i64 = 4_000;
/// How far an instant on the beat may lie behind it, ms.
const OFF_BEAT_MS: i64 = 500;
/// The severe part of an episode lies this far inside it, ms.
const SEVERE_MARGIN_MS: i64 = 2_500;

/// One fault from begin to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Episode {
    /// Where.
    pub machine: Machine,
    /// What.
    pub fault: Fault,
    /// From when to when, ms since the start; the condition holds at the begin and no more at the end.
    pub span: Range<i64>,
    /// The part of it that is worse, ms since the start.
    pub severe: Option<Range<i64>>,
}

/// What goes wrong on the line when, by a seed, for a given time or for ever.
#[derive(Debug, Clone, Copy)]
pub struct Script {
    seed: u64,
    length_ms: Option<i64>,
}

impl Script {
    /// The script of a seed. With a length, ms, the line stands still from then on.
    #[must_use]
    pub fn new(seed: u64, length_ms: Option<i64>) -> Self {
        Self { seed, length_ms }
    }

    /// The instant that the line shows at `at_ms`: it stands still before its start and after its length.
    #[must_use]
    pub fn played(&self, at_ms: i64) -> i64 {
        at_ms.max(0).min(self.length_ms.unwrap_or(i64::MAX))
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The episode of a track in whose slot an instant lies. Its ramps never leave the slot.
    #[must_use]
    pub fn episode(&self, track: &Track, at_ms: i64) -> Option<Episode> {
        let slot = track.slot(at_ms);
        let roll = |what: u64| draw(self.seed, &[track.id, slot.cast_unsigned(), what]);
        let pick = |limit: i64, what: u64| below(limit, self.seed, &[track.id, slot.cast_unsigned(), what]);
        if slot < 0 {
            return None;
        }
        let (mut late, mut longer) = (pick(track.spread_ms, 1), pick(track.longer_ms, 2));
        let mut length = track.shortest_ms + longer;
        if track.on_beat {
            let (begins, ends) = (pick(OFF_BEAT_MS, 3), pick(OFF_BEAT_MS, 4));
            longer -= longer % BEAT_MS;
            late += begins - late % BEAT_MS;
            length = track.shortest_ms + longer + ends - begins;
        }
        let begin = track.slot_begin(slot) + track.first_ms + late;
        let span = begin..begin + length;
        let faults = u64::try_from(track.faults.len()).unwrap_or(1).max(1);
        let fault = *track.faults.get(usize::try_from(roll(5) % faults).unwrap_or(0))?;
        let severe =
            (fault == Fault::ProductHot).then(|| span.start + SEVERE_MARGIN_MS..span.end - SEVERE_MARGIN_MS);
        let fits = self.length_ms.is_none_or(|length| span.end + RAMP_MS + TAIL_MS <= length);
        fits.then_some(Episode { machine: track.machine, fault, span, severe })
    }

    /// The episodes of a track that begin before `until_ms`, in order.
    pub fn episodes<'a>(&'a self, track: &'a Track, until_ms: i64) -> impl Iterator<Item = Episode> + 'a {
        (0..=track.slot(until_ms))
            .filter_map(|slot| self.episode(track, track.slot_begin(slot)))
            .filter(move |e| e.span.start < until_ms)
    }

    /// The instants within a stretch of time at which anything begins or ends on a machine, in order.
    #[must_use]
    pub fn edges(&self, machine: Machine, within: Range<i64>) -> Vec<i64> {
        let of_track = |track: &'static Track| {
            // Whatever lies within the stretch lies in a slot that does.
            let slots = track.slot(within.start)..=track.slot(within.end);
            slots.filter_map(move |slot| self.episode(track, track.slot_begin(slot)))
        };
        let episodes = TRACKS.iter().filter(|track| track.machine == machine).flat_map(of_track);
        let spans = episodes.flat_map(|e| [Some(e.span), e.severe]).flatten();
        let mut edges: Vec<i64> =
            spans.flat_map(|span| [span.start, span.end]).filter(|edge| within.contains(edge)).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_are_the_ends_of_all_episodes_and_of_their_severe_parts() {
        let script = Script::new(3, Some(120_000));
        for machine in Machine::ALL {
            let tracks = TRACKS.iter().filter(|t| t.machine == machine);
            let spans =
                tracks.flat_map(|t| script.episodes(t, 120_000)).flat_map(|e| [Some(e.span), e.severe]);
            let mut ends: Vec<i64> = spans.flatten().flat_map(|s| [s.start, s.end]).collect();
            ends.sort_unstable();
            ends.dedup();
            assert_eq!(script.edges(machine, 0..120_000), ends);
            let cut: Vec<i64> =
                (0..120_000).step_by(777).flat_map(|t| script.edges(machine, t..t + 777)).collect();
            assert_eq!(cut, ends, "piece by piece");
        }
    }

    #[test]
    fn episodes_keep_to_their_slot_with_their_ramps() {
        for seed in 0..300 {
            let script = Script::new(seed, None);
            for track in TRACKS {
                for (slot, e) in script.episodes(track, 200_000).enumerate() {
                    let begin = track.slot_begin(i64::try_from(slot).unwrap());
                    assert!(e.span.start - RAMP_MS >= begin, "seed {seed}: {e:?}");
                    assert!(e.span.end + RAMP_MS <= begin + track.slot_ms, "seed {seed}: {e:?}");
                    assert!(e.severe.is_none_or(|s| s.end - s.start >= 3_000), "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn tracks_on_the_beat_never_come_near_each_other() {
        for seed in 0..300 {
            let script = Script::new(seed, None);
            for (a, b) in [(&TRACKS[5], &TRACKS[6]), (&TRACKS[8], &TRACKS[9])] {
                assert!(a.on_beat && b.on_beat && a.machine == b.machine);
                let instants = |track| -> Vec<i64> {
                    script
                        .episodes(track, 100_000)
                        .flat_map(|e| [e.span.start, e.span.start + BEAT_MS, e.span.end])
                        .collect()
                };
                for x in instants(a) {
                    for y in instants(b) {
                        assert!((x - y).abs() >= 1_500, "seed {seed}: {x} and {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn all_is_over_well_before_the_given_end() {
        for seconds in [1, 10, 30, 60, 600] {
            let script = Script::new(seconds, Some(seconds.cast_signed() * 1000));
            for track in TRACKS {
                for e in script.episodes(track, 700_000) {
                    assert!(e.span.end + 4_500 <= seconds.cast_signed() * 1000, "{e:?}");
                }
            }
        }
    }

    #[test]
    fn every_fault_happens() {
        let script = Script::new(5, None);
        for track in TRACKS {
            for fault in track.faults {
                assert!(script.episodes(track, 3_600_000).any(|e| e.fault == *fault), "{fault:?}");
            }
        }
    }
}
