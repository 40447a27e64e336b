//! The table of `condition`, row for row, and the law that it follows, against a count of milliseconds.
//!
//! Invariant: the law knows no phases.

use super::*;
use Truth::{False, True, Unknown};

const TEN: Delays = Delays { delay: 10, hold: 0, latch: false, unknown_after: 50 };
const HELD: Delays = Delays { delay: 0, hold: 10, latch: false, unknown_after: 50 };

fn when(when: Truth) -> Says {
    Says { when, clear: None }
}

/// Runs through instants and gives the phase after the last.
fn run(story: &[(i64, Truth)]) -> Phase {
    story.iter().fold(Phase::Off, |phase, (now, truth)| phase.judged(when(*truth), TEN, *now))
}

const ON: Phase = Phase::On { since: 0, entered: 0 };

fn counting(counted: Millis, from: i64, since: i64) -> Count {
    Count { counted, counting_from: Some(from), unknown_from: None, since }
}

fn halted(counted: Millis, from: i64, since: i64) -> Count {
    Count { counted, counting_from: None, unknown_from: Some(from), since }
}

fn clearing(count: Count) -> Phase {
    Phase::Clearing { count, since: 0, entered: 0 }
}

/// A row: where it stands, what `when` and `clear` say at 20, and where it stands then.
type Row = (Phase, Truth, Option<Truth>, Phase);

fn assert_rows(rows: &[Row], delays: Delays) {
    for (before, when, clear, after) in rows {
        let says = Says { when: *when, clear: *clear };
        let judged = before.judged(says, delays, 20);
        assert_eq!(judged, *after, "{before:?} when {when:?} clear {clear:?}");
        assert_eq!(judged.judged(says, delays, 20), judged, "judged again: {before:?} {says:?}");
        if before.doubt(says, delays.latch).is_some() {
            assert_eq!(before.is_on(), judged.is_on(), "in doubt it moves nowhere");
        }
    }
}

#[test]
fn every_row_of_the_way_in() {
    let delays = Delays { hold: 10, ..TEN };
    let pending = Phase::Pending(counting(4, 15, 3));
    let waits = Phase::Pending(halted(4, 15, 3));
    let on = Phase::On { since: 3, entered: 20 };
    let rows: Vec<Row> = vec![
        (Phase::Off, True, None, Phase::Pending(counting(0, 20, 20))),
        (Phase::Off, False, None, Phase::Off),
        (Phase::Off, Unknown, None, Phase::Off),
        (Phase::Off, True, Some(True), Phase::Pending(counting(0, 20, 20))),
        (Phase::Off, Unknown, Some(False), Phase::Off),
        (pending, True, None, pending),
        (pending, False, None, Phase::Off),
        (pending, False, Some(False), Phase::Off),
        (pending, Unknown, None, Phase::Pending(halted(9, 20, 3))),
        (pending, Unknown, Some(True), Phase::Pending(halted(9, 20, 3))),
        (Phase::Pending(counting(5, 15, 3)), True, None, on),
        (Phase::Pending(counting(5, 15, 3)), True, Some(True), on),
        (Phase::Pending(counting(5, 15, 3)), False, None, Phase::Off),
        (Phase::Pending(counting(5, 15, 3)), Unknown, None, Phase::Pending(halted(10, 20, 3))),
        (Phase::Pending(halted(10, 15, 3)), True, None, on),
        (waits, True, None, Phase::Pending(counting(4, 20, 3))),
        (waits, Unknown, None, waits),
        (waits, False, None, Phase::Off),
    ];
    assert_rows(&rows, delays);
    let long_unknown = Phase::Pending(halted(9, -31, -40));
    assert_rows(&[(long_unknown, Unknown, None, Phase::Off)], delays);
    assert_rows(&[(long_unknown, True, None, Phase::Pending(counting(0, 20, 20)))], delays);
}

#[test]
fn every_row_of_the_way_out() {
    let leaving = clearing(counting(4, 15, 3));
    let waits = clearing(halted(4, 15, 3));
    let rows: Vec<Row> = vec![
        (ON, True, None, ON),
        (ON, False, None, clearing(counting(0, 20, 20))),
        (ON, Unknown, None, ON),
        (ON, True, Some(True), ON),
        (ON, False, Some(True), clearing(counting(0, 20, 20))),
        (ON, False, Some(False), ON),
        (ON, False, Some(Unknown), ON),
        (ON, Unknown, Some(True), ON),
        (ON, Unknown, Some(False), ON),
        (leaving, False, None, leaving),
        (leaving, False, Some(True), leaving),
        (leaving, True, None, ON),
        (leaving, True, Some(True), ON),
        (leaving, False, Some(False), ON),
        (leaving, Unknown, Some(False), ON),
        (leaving, Unknown, None, clearing(halted(9, 20, 3))),
        (leaving, False, Some(Unknown), clearing(halted(9, 20, 3))),
        (leaving, Unknown, Some(True), clearing(halted(9, 20, 3))),
        (clearing(counting(5, 15, 3)), False, None, Phase::Off),
        (clearing(counting(5, 15, 3)), True, None, ON),
        (clearing(counting(5, 15, 3)), Unknown, None, clearing(halted(10, 20, 3))),
        (clearing(halted(10, 15, 3)), False, None, Phase::Off),
        (waits, False, None, clearing(counting(4, 20, 3))),
        (waits, Unknown, None, waits),
        (waits, True, None, ON),
    ];
    assert_rows(&rows, HELD);
    let long_unknown = clearing(halted(9, -31, -40));
    assert_rows(&[(long_unknown, Unknown, None, ON)], HELD);
    assert_rows(&[(long_unknown, False, None, clearing(counting(0, 20, 20)))], HELD);
    assert_rows(&[(ON, False, None, Phase::Off), (ON, False, Some(True), Phase::Off)], TEN);
}

#[test]
fn a_latched_state_has_no_way_out() {
    let latched = Delays { latch: true, ..HELD };
    for truth in [True, False, Unknown] {
        for clear in [None, Some(True), Some(False), Some(Unknown)] {
            let rows = [(ON, truth, clear, ON), (clearing(counting(5, 15, 3)), truth, clear, ON)];
            assert_rows(&rows, latched);
            assert!(ON.doubt(Says { when: truth, clear }, true).is_none(), "it has no guard");
        }
    }
}

#[test]
fn the_guard_is_three_valued() {
    let doubt = |phase: Phase, when, clear| phase.doubt(Says { when, clear }, false).is_some();
    for before in [Phase::Off, Phase::Pending(counting(0, 0, 0))] {
        assert!(doubt(before, Unknown, Some(True)) && doubt(before, Unknown, None));
        assert!(!doubt(before, False, Some(Unknown)) && !doubt(before, True, Some(Unknown)));
    }
    for on in [ON, clearing(counting(0, 0, 0))] {
        assert!(doubt(on, Unknown, None) && doubt(on, Unknown, Some(True)));
        assert!(doubt(on, False, Some(Unknown)) && doubt(on, Unknown, Some(Unknown)));
        assert!(!doubt(on, True, Some(Unknown)), "`when` is true: it is not left, whatever `clear` says");
        assert!(!doubt(on, Unknown, Some(False)), "`clear` is false: it is not left, whatever `when` says");
    }
}

#[test]
fn it_is_due_when_a_delay_or_the_patience_is_over() {
    assert_eq!(clearing(counting(4, 15, 3)).due(HELD), Some(21));
    assert_eq!(clearing(halted(4, 15, 3)).due(HELD), Some(66));
    assert_eq!((ON.due(HELD), Phase::Off.due(HELD)), (None, None));
}

#[test]
fn without_a_delay_it_is_on_at_once() {
    let at_once = Delays { delay: 0, ..TEN };
    assert_eq!(Phase::Off.judged(when(True), at_once, 7), Phase::On { since: 7, entered: 7 });
}

#[test]
fn on_is_entered_exactly_when_the_delay_is_over() {
    let pending = run(&[(0, True), (9, True)]);
    assert_eq!((pending.is_on(), pending.due(TEN)), (false, Some(10)));
    assert_eq!(run(&[(0, True), (10, True)]), Phase::On { since: 0, entered: 10 });
}

#[test]
fn false_at_the_due_instant_prevents_it() {
    assert_eq!(run(&[(0, True), (10, False)]), Phase::Off);
    assert_eq!(run(&[(0, True), (5, False), (6, True), (10, True)]).due(TEN), Some(16));
}

#[test]
fn unknown_time_neither_counts_nor_resets() {
    let resumed = run(&[(0, True), (4, Unknown), (30, True)]);
    assert_eq!(resumed.due(TEN), Some(36));
    assert_eq!(run(&[(0, True), (10, Unknown), (31, True)]), Phase::On { since: 0, entered: 31 });
}

#[test]
fn unknown_for_too_long_ends_the_delay() {
    assert_eq!(run(&[(0, True), (4, Unknown)]).due(TEN), Some(55));
    assert!(matches!(run(&[(0, True), (4, Unknown), (54, Unknown)]), Phase::Pending(_)));
    assert_eq!(run(&[(0, True), (4, Unknown), (55, Unknown)]), Phase::Off);
}

#[test]
fn unknown_never_leaves_a_state() {
    assert!(run(&[(0, True), (10, True), (11, Unknown), (999, Unknown)]).is_on());
    assert_eq!(run(&[(0, True), (10, True), (11, Unknown), (12, False)]), Phase::Off);
}

#[test]
fn a_break_counts_for_nothing() {
    let before = run(&[(0, True)]);
    let after = before.paused(4).judged(when(True), TEN, 40);
    assert_eq!(after.due(TEN), Some(46));
    let too_long = before.paused(4).judged(when(True), TEN, 55);
    assert_eq!(too_long.due(TEN), Some(65), "the delay begins anew");
    let nobody_knows = before.paused(4).without_break().judged(when(True), TEN, -900);
    assert_eq!(nobody_knows.due(TEN), Some(-894));
}

#[test]
fn what_no_engine_has_written_is_noticed() {
    let pending = |counted, since| Phase::Pending(counting(counted, 0, since));
    assert!(pending(3, 0).is_plausible());
    assert!(!pending(-1, 0).is_plausible() && !pending(i64::MAX, 0).is_plausible());
    assert!(!pending(0, i64::MIN).is_plausible());
    assert!(!Phase::On { since: 0, entered: i64::MAX }.is_plausible());
}

/// What is true each millisecond, to tell when the state is entered without any phase: the known true time since
/// it was last false, or unknown for too long.
fn naive_entry(held: &[Truth], delays: Delays) -> Option<usize> {
    let (mut known, mut unknown) = (0, 0);
    for (now, truth) in held.iter().enumerate() {
        match truth {
            True => {
                // It was Unknown up to now for longer than that.
                known = if unknown > delays.unknown_after { 0 } else { known };
                if known >= delays.delay {
                    return Some(now);
                }
                (known, unknown) = (known + 1, 0);
            }
            False => (known, unknown) = (0, 0),
            Unknown | Truth::Filling => unknown += 1,
        }
    }
    None
}

/// The same with the engine's economy: it is judged when something changes, and when it says that it is due.
fn entry(held: &[Truth], delays: Delays) -> Option<usize> {
    let (mut phase, mut due) = (Phase::Off, None);
    for now in 0..held.len() {
        if now == 0 || held[now] != held[now - 1] || due == Some(now as i64) {
            phase = phase.judged(when(held[now]), delays, now as i64);
            due = phase.due(delays);
        }
        if phase.is_on() {
            return Some(now);
        }
    }
    None
}

proptest::proptest! {
    #[test]
    fn it_is_entered_at_the_earliest_instant_by_which_it_was_true_for_long_enough(
        parts in proptest::collection::vec((0_usize..3, 1_usize..12), 1..40), delay in 0_i64..15, after in 0_i64..12
    ) {
        let held: Vec<Truth> = parts.iter().flat_map(|(t, n)| std::iter::repeat_n([True, False, Unknown][*t], *n)).collect();
        let delays = Delays { delay, unknown_after: after, ..TEN };
        proptest::prop_assert_eq!(entry(&held, delays), naive_entry(&held, delays));
    }

    /// The way out is the way in of the opposite: what a hold counts is known time of `clear and not when`.
    #[test]
    fn it_is_left_as_it_is_entered(
        parts in proptest::collection::vec((0_usize..3, 1_usize..12), 1..40), hold in 0_i64..15, after in 0_i64..12
    ) {
        let held: Vec<Truth> = parts.iter().flat_map(|(t, n)| std::iter::repeat_n([True, False, Unknown][*t], *n)).collect();
        let delays = Delays { delay: hold, hold, latch: false, unknown_after: after };
        let (mut phase, mut due, mut left) = (ON, None, None);
        for (now, leaves) in held.iter().enumerate() {
            if now == 0 || held[now - 1] != *leaves || due == Some(now as i64) {
                phase = phase.judged(Says { when: False, clear: Some(*leaves) }, delays, now as i64);
                due = phase.due(delays);
            }
            left = left.or((!phase.is_on()).then_some(now));
        }
        proptest::prop_assert_eq!(left, naive_entry(&held, delays));
    }
}
