//! A bottling line that behaves like one: what each of its tags holds at any instant.
//!
//! Here: the value of a tag, from the script and its signal. Not here: which fault comes when (`script`), how
//! bytes reach a reader (`server`).
//! Invariant: a value is a pure function of the seed, the tag and the time. A value that a rule compares with a
//! limit crosses it at exactly the begin and the end of an episode; noise takes at most half of the distance
//! to the nearest limit, so it never crosses one.

mod curve;
mod filler;
mod image;
mod machine;
mod tag;
mod washer;

pub use tag::{NAMESPACE, Protocol, Signal, Tag, Trouble, Type, Value};

use crate::chance::wander;
use crate::script::{Fault, Machine, Script, Track};

/// A steady value drifts over about this time, ms.
const DRIFT_MS: i64 = 90_000;
/// The two paces of noise, ms.
const NOISE_MS: [i64; 2] = [350, 5_000];
/// Shifts the hour meter and the lot number away from zero, as on a line that has run for years.
const HOURS_BEFORE: i64 = 21_480;
const LOTS_BEFORE: i64 = 40_117;

/// The line under one script.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    script: Script,
}

impl Line {
    /// The line as the script plays it.
    #[must_use]
    pub fn new(script: Script) -> Self {
        Self { script }
    }

    /// The script it plays.
    #[must_use]
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// What a tag holds at `at_ms` after the start.
    #[must_use]
    pub fn value(&self, tag: &Tag, at_ms: i64) -> Value {
        let t = self.script.played(at_ms);
        match &tag.signal {
            Signal::State => Value::Int(machine::state(&self.script, tag.machine, t).into()),
            Signal::Speed => tag.number(self.speed(tag, t)),
            Signal::Bottles { share } => {
                tag.number((machine::bottles(&self.script, tag.machine, t) * share).floor())
            }
            Signal::Lot => Value::Int(LOTS_BEFORE + machine::lot(tag.machine, t)),
            Signal::Hours => Value::Int(HOURS_BEFORE + t / 3_600_000),
            Signal::Fixed(value) => *value,
            Signal::Running => Value::Bool(machine::speed(&self.script, tag.machine, t) > 0.0),
            Signal::Differs { usual, fault, then } => {
                if self.suffers(tag.machine, *fault, t) {
                    *then
                } else {
                    *usual
                }
            }
            Signal::Driven { idle, full, noise } => {
                let share =
                    machine::speed(&self.script, tag.machine, t) / machine::speed_nominal(tag.machine);
                tag.number(idle + (full - idle) * share + noise * share * self.noise(tag, t))
            }
            Signal::Analog { mean, drift, noise, troubles } => {
                let calm = mean + drift * wander(self.script.seed(), tag.whose(), t, DRIFT_MS);
                tag.number(self.troubled(tag, calm, *noise, troubles, t))
            }
        }
    }

    /// Whether a fault of a machine is on at an instant of the script.
    fn suffers(&self, machine: Machine, fault: Fault, t: i64) -> bool {
        let episode = Track::of(machine, fault).and_then(|track| self.script.episode(track, t));
        episode.is_some_and(|e| e.fault == fault && e.span.contains(&t))
    }

    fn speed(&self, tag: &Tag, t: i64) -> f64 {
        let speed = machine::speed(&self.script, tag.machine, t);
        let room = (speed - machine::SLOW_BELOW).abs() / 2.0;
        let noise = machine::SPEED_NOISE * speed / machine::speed_nominal(tag.machine);
        (speed + noise.min(room) * self.noise(tag, t)).round()
    }

    fn troubled(&self, tag: &Tag, calm: f64, noise: f64, troubles: &[Trouble], t: i64) -> f64 {
        let course = troubles.iter().find_map(|trouble| {
            let track = Track::of(tag.machine, trouble.fault)?;
            let episode = self.script.episode(track, t).filter(|e| e.fault == trouble.fault)?;
            curve::at(&curve::excursion(calm, trouble, &episode), t)
        });
        let value = course.unwrap_or(calm);
        let limits = troubles.iter().flat_map(|trouble| trouble.limits);
        let room = limits.map(|limit| (value - limit).abs() / 2.0).fold(noise, f64::min);
        value + room * self.noise(tag, t)
    }

    fn noise(&self, tag: &Tag, t: i64) -> f64 {
        NOISE_MS.iter().map(|pace| wander(self.script.seed(), tag.whose(), t, *pace) / 2.0).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::TRACKS;

    #[test]
    fn any_instant_has_the_same_value_in_whatever_order_it_is_asked() {
        let line = Line::new(Script::new(11, None));
        let instants: Vec<i64> = (0..400).map(|n| n * 7_919 % 200_000).collect();
        let mut sorted = instants.clone();
        sorted.sort_unstable();
        let fresh = Line::new(Script::new(11, None));
        for tag in Tag::all() {
            let forth: Vec<Value> = sorted.iter().map(|t| line.value(tag, *t)).collect();
            for t in &instants {
                assert_eq!(fresh.value(tag, *t), forth[sorted.binary_search(t).unwrap()], "{} {t}", tag.name);
            }
        }
    }

    #[test]
    fn values_stay_within_their_ranges_on_every_seed() {
        for seed in 0..40 {
            let line = Line::new(Script::new(seed, None));
            for tag in Tag::all() {
                let Some([low, high]) = tag.range else { continue };
                for t in (0..180_000).step_by(331) {
                    let value = line.value(tag, t).number().unwrap();
                    assert!((low..=high).contains(&value), "{} is {value} at {t} ms, seed {seed}", tag.name);
                }
            }
        }
    }

    #[test]
    fn a_limit_is_crossed_at_exactly_the_begin_and_the_end_of_an_episode() {
        for seed in 0..25 {
            let script = Script::new(seed, None);
            let line = Line::new(script);
            for tag in Tag::all() {
                let Signal::Analog { troubles, .. } = &tag.signal else { continue };
                for trouble in *troubles {
                    let track = Track::of(tag.machine, trouble.fault).unwrap();
                    for e in script.episodes(track, 150_000).filter(|e| e.fault == trouble.fault) {
                        let spans = [Some(e.span.clone()), e.severe.clone()];
                        for (limit, span) in trouble.limits.iter().zip(spans.into_iter().flatten()) {
                            let beyond = |t: i64| {
                                let value = line.value(tag, t).number().unwrap();
                                (value > *limit) == (trouble.peak > *limit)
                            };
                            let shown = [span.start - 1, span.start, span.end - 1, span.end].map(beyond);
                            assert_eq!(shown, [false, true, true, false], "seed {seed} {} {e:?}", tag.name);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn noise_never_comes_near_a_limit() {
        for seed in 0..25 {
            let line = Line::new(Script::new(seed, None));
            for tag in Tag::all() {
                let Signal::Analog { troubles, .. } = &tag.signal else { continue };
                for trouble in *troubles {
                    for t in (0..120_000).step_by(37) {
                        let value = line.value(tag, t).number().unwrap();
                        let gap =
                            trouble.limits.iter().map(|l| (value - l).abs()).fold(f64::INFINITY, f64::min);
                        assert!(gap >= trouble.step / 3.0, "{} is {value} at {t} ms, seed {seed}", tag.name);
                    }
                }
            }
        }
    }

    #[test]
    fn the_plant_stands_still_before_its_start_and_after_its_end() {
        let line = Line::new(Script::new(3, Some(30_000)));
        for tag in Tag::all() {
            assert_eq!(line.value(tag, -5_000), line.value(tag, 0));
            assert_eq!(line.value(tag, 30_000), line.value(tag, 99_999));
        }
        let moved = |t| Tag::all().filter(|tag| line.value(tag, t) != line.value(tag, t + 1000)).count();
        assert!(moved(20_000) > 20, "only {} tags moved within a second", moved(20_000));
    }

    #[test]
    fn a_stopped_machine_neither_turns_nor_counts_nor_draws_full_current() {
        let script = Script::new(8, None);
        let line = Line::new(script);
        for machine in Machine::ALL {
            let tag = |name: &str| Tag::all().find(|t| t.machine == machine && t.name == name).unwrap();
            let track = TRACKS.iter().find(|t| t.machine == machine).unwrap();
            for e in script.episodes(track, 300_000).filter(|e| e.fault != Fault::SlowRun) {
                let (from, to) = (e.span.start + 1_000, e.span.end - 1);
                let at = |name, t| line.value(tag(name), t).number().unwrap();
                assert_eq!(at("WS_Cur_Mach_Spd", from), 0.0);
                assert_eq!(at("WS_Tot_Bottles", from), at("WS_Tot_Bottles", to));
                assert_ne!(at("WS_Cur_State", from), 128.0);
                assert!(at("conveyor_current", from) < 2.0);
                assert_eq!(at("WS_Cur_State", e.span.end), 2.0, "starting comes after a stop");
            }
        }
    }

    #[test]
    fn flags_follow_their_fault() {
        let script = Script::new(2, None);
        let line = Line::new(script);
        let tag = Tag::all().find(|t| t.name == "lubrication_ok").unwrap();
        let track = Track::of(Machine::Filler, Fault::LubricationLost).unwrap();
        for e in script.episodes(track, 100_000) {
            let shown =
                [e.span.start - 1, e.span.start, e.span.end - 1, e.span.end].map(|t| line.value(tag, t));
            assert_eq!(shown, [true, false, false, true].map(Value::Bool));
        }
    }
}
