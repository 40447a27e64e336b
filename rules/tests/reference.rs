//! The engine against a second opinion: random rules and stories, judged by the engine and by a reference that was
//! written from the specification alone and looks at every millisecond.
//!
//! `PLIMSOLL_REFERENCE_CASES=20000 cargo test -p rules --release --test reference` tries more than the few hundred
//! of a usual run, `PLIMSOLL_REFERENCE_FROM=9000` others; `PLIMSOLL_REFERENCE_SEED=17` tries one seed. A disagreement is made small and printed as a
//! scenario that can be put into `scenarios/`.
//!
//! Here: the comparison. Not here: the reference (`bruteforce/`).
//! Invariant: what is compared is all that §9 says of a change: instant, number, states, cause, group, weight,
//! severity, since, flags; notifications, floods, refusals; and how many datapoints were late, applied and dropped.
#![cfg(test)]

mod bruteforce;

use bruteforce::generate::{Wanted, case, reloaded};
use bruteforce::model::Case;
use bruteforce::simulation::Sums;
use bruteforce::told::Said;
use bruteforce::{engine, scenario, shrink, simulation};

#[test]
fn engine_and_reference_agree() {
    agree(Wanted::default(), 1, 250);
}

#[test]
fn they_agree_over_long_silences() {
    agree(Wanted { long: true, ..Wanted::default() }, 2, 30);
}

#[test]
fn they_agree_over_restarts() {
    agree(Wanted { restarts: true, ..Wanted::default() }, 3, 120);
}

#[test]
fn they_agree_over_clocks_set_back() {
    agree(Wanted { epochs: true, ..Wanted::default() }, 4, 40);
}

#[test]
fn they_agree_on_clear_hold_and_latch() {
    agree(Wanted { keys: true, ..Wanted::default() }, 5, 100);
}

#[test]
fn they_agree_on_deadbands() {
    agree(Wanted { deadbands: true, ..Wanted::default() }, 11, 80);
}

#[test]
fn they_agree_on_gates() {
    agree(Wanted { gates: true, ..Wanted::default() }, 6, 80);
}

#[test]
fn they_agree_on_the_language() {
    agree(Wanted { language: true, moments: true, ..Wanted::default() }, 7, 80);
}

#[test]
fn they_agree_on_windows() {
    agree(Wanted { windows: true, ..Wanted::default() }, 8, 200);
}

#[test]
fn they_agree_on_windows_over_long_silences() {
    agree(Wanted { windows: true, long: true, ..Wanted::default() }, 9, 30);
}

#[test]
fn they_agree_on_windows_over_restarts() {
    agree(Wanted { windows: true, restarts: true, epochs: true, ..Wanted::default() }, 10, 25);
}

#[test]
fn they_agree_on_several_machines() {
    agree(Wanted { machines: true, params: true, ..Wanted::default() }, 12, 100);
}

#[test]
fn they_agree_on_reloads() {
    agree(Wanted { reloads: true, keys: true, ..Wanted::default() }, 13, 150);
}

#[test]
fn they_agree_on_what_people_do() {
    agree(Wanted { operators: true, keys: true, gates: true, restarts: true, ..Wanted::default() }, 14, 150);
}

#[test]
fn they_agree_on_notifications() {
    agree(
        Wanted { actions: true, gates: true, operators: true, restarts: true, ..Wanted::default() },
        15,
        150,
    );
}

#[test]
fn they_agree_on_hours() {
    agree(Wanted { hours: true, restarts: true, epochs: true, ..Wanted::default() }, 16, 60);
}

#[test]
fn they_agree_where_little_may_wait() {
    agree(Wanted { full: true, seen: true, ..Wanted::default() }, 17, 100);
}

#[test]
fn they_agree_on_deadbands_of_windows() {
    agree(Wanted { deadbands: true, windows: true, gates: true, ..Wanted::default() }, 18, 200);
}

#[test]
fn they_agree_on_windows_over_reloads() {
    agree(Wanted { windows: true, reloads: true, ..Wanted::default() }, 19, 60);
}

#[test]
fn they_agree_on_everything() {
    agree(Wanted { epochs: true, reloads: true, operators: true, actions: true, ..everything() }, 20, 60);
}

/// §8, I6: to the byte, whatever the rules are and whenever it happens.
#[test]
fn to_load_the_same_rules_again_changes_nothing() {
    let wanted = Wanted { windows: true, operators: true, reloads: true, actions: true, ..everything() };
    let (series, mut said) = (21, 0);
    for seed in seeds(250) {
        let case = case((series << 48) | seed, wanted);
        let differs = |case: &Case| {
            let (once, again) = (engine::forwarded(case), engine::forwarded(&reloaded(case, seed)));
            (once != again).then_some((once, again))
        };
        said += engine::forwarded(&case).map_or(0, |lines| lines.len());
        if differs(&case).is_some() {
            let small = shrink::shrunk(case, &|case| differs(case).is_some());
            let (once, again) = differs(&small).unwrap();
            let text = scenario::scenario(&reloaded(&small, seed));
            panic!("seed {seed} of series {series}\n{text}once:  {once:#?}\nagain: {again:#?}");
        }
    }
    println!("{said} lines, to the byte");
}

/// All that may be combined at random.
fn everything() -> Wanted {
    Wanted {
        restarts: true,
        keys: true,
        gates: true,
        language: true,
        moments: true,
        machines: true,
        params: true,
        ..Wanted::default()
    }
}

/// The seeds to try.
fn seeds(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    match number("PLIMSOLL_REFERENCE_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let from = number("PLIMSOLL_REFERENCE_FROM").unwrap_or(0);
            from..from + number("PLIMSOLL_REFERENCE_CASES").unwrap_or(usual)
        }
    }
}

/// Tries so many cases.
fn agree(wanted: Wanted, series: u64, usual: u64) {
    let mut told = 0;
    for seed in seeds(usual) {
        let case = case((series << 48) | seed, wanted);
        match difference(&case) {
            None => told += simulation::reference(&case).0.len(),
            Some(_) => {
                let small = shrink::shrunk(case, &|case| difference(case).is_some());
                let difference = difference(&small).unwrap();
                panic!("seed {seed} of series {series}\n{}{difference}", scenario::scenario(&small));
            }
        }
    }
    println!("{told} transitions agreed upon");
}

/// Where the two disagree.
fn difference(case: &Case) -> Option<String> {
    let (of_engine, of_reference) = (said(engine::engine(case)), said(Ok(simulation::reference(case))));
    let at = of_engine.iter().zip(&of_reference).position(|(a, b)| a != b);
    let at =
        at.or((of_engine.len() != of_reference.len()).then_some(of_engine.len().min(of_reference.len())))?;
    let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_else(|| "nothing".into());
    let agreed = of_engine[..at].iter().map(|line| format!("agreed:    {line}\n")).collect::<String>();
    Some(format!("{agreed}engine:    {}\nreference: {}\n", line(&of_engine), line(&of_reference)))
}

/// What was said, in an order that does not depend on who noticed first.
fn said(of: Result<(Vec<Said>, Sums), String>) -> Vec<String> {
    let (mut said, sums) = match of {
        Ok(of) => of,
        Err(mistakes) => return vec![mistakes],
    };
    said.sort_by(|a, b| (a.timestamp(), a.place()).cmp(&(b.timestamp(), b.place())));
    let mut lines: Vec<String> = said.iter().map(scenario::said).collect();
    lines.push(format!("{sums:?}"));
    lines
}
