//! How a machine runs: its state by the Weihenstephan codes, its speed, what it has made.
//!
//! Here: all that follows from the episodes of a machine's stops. Not here: the other tags.
//! Invariant: bottles are the area below the speed, so counter, speed and state never contradict each other.

use super::Trouble;
use super::curve::{self, Knot};
use crate::script::{Fault, Machine, RAMP_MS, Script, Track};

/// Weihenstephan `WS_Cur_State`: starting.
const STARTING: u32 = 2;
/// Weihenstephan `WS_Cur_State`: operating.
const OPERATING: u32 = 128;
/// A machine that turns slower than this runs slowly, bottles an hour.
pub(super) const SLOW_BELOW: f64 = 30_000.0;
/// How a slow run shows in the speed.
const SLOW: Trouble =
    Trouble { fault: Fault::SlowRun, limits: &[SLOW_BELOW], peak: SLOW_BELOW - 6_000.0, step: 300.0 };
/// How far the speed strays, bottles an hour.
pub(super) const SPEED_NOISE: f64 = 90.0;
/// How long a machine takes to come to a stop, ms.
const HALT_MS: i64 = 800;
/// A lot is this many slots of a machine's stops; counters begin anew with it, so that none has to be added up
/// from the first day on.
const LOT_SLOTS: i64 = 20;

/// The speed at which a machine is meant to run, bottles an hour.
#[must_use]
pub(super) fn speed_nominal(machine: Machine) -> f64 {
    match machine {
        Machine::Filler => 36_000.0,
        Machine::Washer => 38_000.0,
    }
}

/// `WS_Cur_State` of a machine.
#[must_use]
pub(super) fn state(script: &Script, machine: Machine, t: i64) -> u32 {
    let episode = stops(machine).and_then(|track| script.episode(track, t));
    match episode.filter(|e| e.fault != Fault::SlowRun) {
        Some(e) if e.span.contains(&t) => code(e.fault),
        Some(e) if (e.span.end..e.span.end + RAMP_MS).contains(&t) => STARTING,
        _ => OPERATING,
    }
}

/// Speed of a machine without noise, bottles an hour.
#[must_use]
pub(super) fn speed(script: &Script, machine: Machine, t: i64) -> f64 {
    curve::at(&course(script, machine, t), t).unwrap_or_default()
}

/// Bottles made since the lot began.
#[must_use]
pub(super) fn bottles(script: &Script, machine: Machine, t: i64) -> f64 {
    let Some(track) = stops(machine) else { return 0.0 };
    let first = lot(machine, t) * LOT_SLOTS;
    let before = if first == 0 { 0..t.min(track.slot_begin(0)) } else { 0..0 };
    let lead = curve::area(&course(script, machine, 0), before);
    let made: f64 = (first..=track.slot(t))
        .map(|slot| {
            let begin = track.slot_begin(slot);
            curve::area(&course(script, machine, begin), begin..t.min(track.slot_begin(slot + 1)))
        })
        .sum();
    (lead + made) / 3_600_000.0
}

/// Which lot a machine works on, from 0.
#[must_use]
pub(super) fn lot(machine: Machine, t: i64) -> i64 {
    stops(machine).map_or(0, |track| track.slot(t).max(0) / LOT_SLOTS)
}

/// The speed over the slot of stops that an instant lies in.
fn course(script: &Script, machine: Machine, t: i64) -> Vec<Knot> {
    let nominal = speed_nominal(machine);
    let episode = stops(machine).and_then(|track| script.episode(track, t));
    match episode {
        None => vec![Knot { at_ms: 0, value: nominal }],
        Some(e) if e.fault == Fault::SlowRun => curve::excursion(nominal, &SLOW, &e),
        Some(e) => [
            (e.span.start, nominal),
            (e.span.start + HALT_MS, 0.0),
            (e.span.end, 0.0),
            (e.span.end + RAMP_MS, nominal),
        ]
        .map(|(at_ms, value)| Knot { at_ms, value })
        .to_vec(),
    }
}

fn stops(machine: Machine) -> Option<&'static Track> {
    Track::of(machine, Fault::EmergencyStop)
}

fn code(fault: Fault) -> u32 {
    match fault {
        Fault::Lack => 8,
        Fault::Tailback => 16,
        Fault::EquipmentFailure => 1024,
        Fault::ExternalFailure => 2048,
        Fault::EmergencyStop => 4096,
        _ => OPERATING,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_grows_by_the_speed_and_begins_anew_with_a_lot() {
        let script = Script::new(4, None);
        let mut lots = 0;
        for t in (0..800_000).step_by(100) {
            let (now, next) =
                (bottles(&script, Machine::Filler, t), bottles(&script, Machine::Filler, t + 100));
            if lot(Machine::Filler, t) != lot(Machine::Filler, t + 100) {
                lots += 1;
                assert!(next < 2.0 && now > 1_000.0);
            } else {
                let mean =
                    (speed(&script, Machine::Filler, t) + speed(&script, Machine::Filler, t + 100)) / 2.0;
                assert!((next - now - mean * 100.0 / 3_600_000.0).abs() < 0.05, "{t}: {now} {next}");
                assert!(next >= now);
            }
        }
        assert!(lots >= 2);
    }

    #[test]
    fn a_slow_machine_still_operates() {
        let script = Script::new(9, None);
        let track = stops(Machine::Washer).unwrap();
        let slow = script.episodes(track, 600_000).find(|e| e.fault == Fault::SlowRun).unwrap();
        let t = slow.span.start + 2_000;
        assert_eq!(state(&script, Machine::Washer, t), OPERATING);
        assert!((20_000.0..SLOW_BELOW).contains(&speed(&script, Machine::Washer, t)));
    }
}
