//! A window through what a signal does: what its functions make of it, and how little it keeps.
//!
//! Invariant: what is expected is worked out by hand, on cells of 1 s.

use super::*;
use WindowFunction::{Avg, Changes, Count, Delta, Edges, Max, Min, Rate, Stddev, Sum};

/// 10 s of 1 s cells, after samples.
fn history(counter: Option<u32>, samples: &[(i64, f64)]) -> History {
    let mut history = History::new(10_000, counter);
    for (at, value) in samples {
        history.take(*at, &Ok(Value::Float(*value)), true);
    }
    history
}

fn float(history: &mut History, function: WindowFunction, now: i64) -> Option<f64> {
    history.pass(now);
    match history.result(function, 0.8) {
        Ok(Value::Float(f)) => Some(f),
        Ok(Value::Int(i)) => Some(i as f64),
        _ => None,
    }
}

#[test]
fn cells_are_a_sixtieth_and_at_least_a_second() {
    let of = |length| (History::new(length, None).cell, History::new(length, None).count);
    assert_eq!(of(500), (1_000, 1));
    assert_eq!(of(60_000), (1_000, 60));
    assert_eq!(of(61_000), (1_017, 60));
    assert_eq!(of(86_400_000), (1_440_000, 60));
}

#[test]
fn a_mean_is_weighted_by_time_and_so_is_a_deviation() {
    let mut history = history(None, &[(0, 2.0), (7_500, 6.0)]);
    assert_eq!(float(&mut history, Avg, 10_000), Some(3.0));
    let deviation = float(&mut history, Stddev, 10_000).unwrap();
    assert!((deviation - 3.0_f64.sqrt()).abs() < 1e-12, "{deviation}");
}

#[test]
fn a_mean_meets_a_limit_that_it_reaches_exactly() {
    for value in [0.1, 13.45, 90.0, 1e-9, 7e22] {
        let mut constant = history(None, &[(0, value), (1_234, value), (7_777, value), (9_999, value)]);
        for now in [10_000, 12_345, 20_000, 33_333] {
            assert_eq!(float(&mut constant, Avg, now), Some(value), "{value} at {now}");
        }
        constant.take(34_000, &Ok(Value::Float(2.0 * value)), true);
        assert_eq!(float(&mut constant, Avg, 34_000), Some(value), "another value at the very instant");
    }
    let mut share = History::new(600_000, None);
    for i in 0..5 {
        share.take(i * 600_000, &Ok(Value::Bool(true)), true);
        share.take(i * 600_000 + 480_000, &Ok(Value::Bool(false)), true);
        for now in (1..=12).map(|cell| i * 600_000 + 480_000 + cell * 10_000).filter(|now| *now >= 600_000) {
            assert_eq!(float(&mut share, Avg, now), Some(0.8), "at {now}");
        }
    }
}

#[test]
fn the_start_is_exclusive_and_the_value_held_there_counts() {
    let mut history = history(None, &[(0, 9.0), (10_000, 1.0), (15_000, 2.0)]);
    assert_eq!(float(&mut history, Max, 19_999), Some(9.0), "from 9 s on");
    assert_eq!(float(&mut history, Max, 20_000), Some(2.0), "from 10 s on, where 1 was held");
    assert_eq!(float(&mut history, Min, 24_999), Some(1.0));
    assert_eq!(
        (float(&mut history, Count, 24_999), float(&mut history, Sum, 24_999)),
        (Some(1.0), Some(2.0))
    );
    assert_eq!(float(&mut history, Count, 25_000), Some(0.0), "the sample at 15 s is not in it");
}

#[test]
fn too_little_known_time_is_unknown() {
    let mut history = history(None, &[(2_000, 1.0)]);
    assert_eq!(float(&mut history, Avg, 9_999), None);
    assert_eq!(float(&mut history, Avg, 10_000), Some(1.0), "8 of 10 s");
    history.take(12_000, &Err(Unknown::Bad), true);
    assert_eq!(float(&mut history, Avg, 14_000), Some(1.0), "8 of 10 s");
    assert_eq!(float(&mut history, Avg, 14_001), None);
    assert_eq!(float(&mut history, Delta, 12_000), None, "the value now is not known");
}

#[test]
fn delta_and_rate_are_from_the_start_to_now() {
    let mut history = history(None, &[(0, 5.0), (12_000, 11.0)]);
    assert_eq!(float(&mut history, Delta, 15_000), Some(6.0));
    assert_eq!(float(&mut history, Rate, 15_000), Some(0.6));
    assert_eq!(float(&mut history, Rate, 15_500), Some(6.0 / 10.5), "per time covered");
    assert_eq!(float(&mut history, Delta, 22_000), Some(0.0), "11 was held at 12 s");
}

#[test]
fn changes_of_a_text_are_counted() {
    let mut history = History::new(10_000, None);
    for (at, text) in [(1_000, "A"), (2_000, "A"), (3_000, "B"), (4_000, "A")] {
        history.take(at, &Ok(Value::Text(text.into())), true);
    }
    history.pass(9_500);
    assert_eq!(history.result(Changes, 0.8), Ok(Value::Int(2)));
}

#[test]
fn a_counter_survives_a_wrap_and_a_reset() {
    let mut wrapped = history(Some(16), &[(0, 65_000.0), (5_000, 64.0)]);
    assert_eq!(float(&mut wrapped, Delta, 9_000), None, "less than 80 % is known");
    assert_eq!(float(&mut wrapped, Delta, 10_000), Some(600.0));
    let mut reset = history(Some(32), &[(0, 65_000.0), (5_000, 64.0), (6_000, 70.0)]);
    assert_eq!(float(&mut reset, Delta, 10_000), Some(70.0));
}

#[test]
fn edges_are_those_of_a_condition_and_changes_those_of_a_value() {
    let mut history = History::new(10_000, None);
    for (at, held) in [(0, Ok(false)), (1_000, Ok(true)), (2_000, Err(Unknown::Bad)), (2_500, Ok(true))] {
        history.take(at, &held.map(Value::Bool), true);
    }
    for (at, b) in [(3_000, false), (4_000, true), (5_000, true)] {
        history.take(at, &Ok(Value::Bool(b)), true);
    }
    assert_eq!(float(&mut history, Edges, 10_000), Some(2.0));
    assert_eq!(float(&mut history, Count, 10_000), Some(2.0));
    assert_eq!(float(&mut history, Changes, 10_000), Some(3.0));
}

#[test]
fn it_never_holds_more_than_62_cells_and_forgets_what_is_long_ago() {
    let mut history = History::new(61_000, None);
    for i in 0..10_000 {
        history.take(i * 333, &Ok(Value::Float(i as f64)), true);
        assert!(history.cells.len() <= 62);
    }
    history.pass(1_000_000_000_000);
    assert!(history.cells.len() <= 62);
    assert_eq!(float(&mut history, Stddev, 1_000_000_000_000), Some(0.0));
}

#[test]
fn time_changes_nothing_in_a_window_that_is_still_or_empty() {
    let mut history = history(None, &[(0, 5.0)]);
    history.pass(5_000);
    assert!(history.changes_by_time(), "its coverage grows");
    history.pass(12_000);
    assert!(!history.changes_by_time(), "5 was held all along");
    history.take(12_500, &Err(Unknown::Stale), false);
    assert!(history.changes_by_time(), "its coverage falls");
    history.pass(40_000);
    assert!(!history.changes_by_time(), "nothing is known in it");
}

#[test]
fn it_fills_while_it_reaches_back_to_before_the_first_value_and_no_longer() {
    let fills = |history: &mut History, now: i64| {
        history.pass(now);
        history.is_filling(0.8)
    };
    let mut history = history(None, &[(500, 1.0)]);
    assert!(fills(&mut history, 500) && fills(&mut history, 10_999));
    assert!(!fills(&mut history, 11_000), "it begins at 1 s, where a value was held");
    let mut unheard = History::new(10_000, None);
    unheard.take(0, &Err(Unknown::NeverSeen), false);
    assert!(!fills(&mut unheard, 5_000), "nothing was known yet");
    unheard.take(6_000, &Ok(Value::Float(1.0)), true);
    assert!(fills(&mut unheard, 6_000) && fills(&mut unheard, 15_999));
    unheard.take(16_000, &Err(Unknown::Bad), true);
    assert!(!fills(&mut unheard, 16_000));
}

#[test]
fn what_is_unknown_or_was_for_too_long_does_not_fill() {
    let mut history = history(None, &[(0, 1.0)]);
    history.take(4_000, &Err(Unknown::Bad), true);
    assert!(!history.is_filling(0.8), "it is Unknown");
    history.take(5_000, &Ok(Value::Float(1.0)), true);
    assert!(history.is_filling(0.8), "4 of 5 s are known");
    history.take(5_000, &Err(Unknown::Bad), true);
    history.take(6_000, &Ok(Value::Float(1.0)), true);
    assert!(!history.is_filling(0.8), "4 of 6 s");
    history.pass(9_999);
    assert!(!history.is_filling(0.8));
    history.pass(10_000);
    assert!(!history.is_filling(0.8), "8 of 10 s, but it begins at 0 s");
}
