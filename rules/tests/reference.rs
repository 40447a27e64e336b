//! The engine against a second opinion: random rules and stories, judged by the engine and by a reference that was
//! written from the specification alone and looks at every millisecond.
//!
//! `PLIMSOLL_REFERENCE_CASES=20000 cargo test -p rules --release --test reference` tries more than the few hundred
//! of a usual run; `PLIMSOLL_REFERENCE_SEED=17` tries one seed. A disagreement is made small and printed as a
//! scenario that can be put into `scenarios/`.
//!
//! Here: the comparison. Not here: the reference (`bruteforce/`).
//! Invariant: what is compared is all that §9 says of a change: instant, number, states, cause, group, weight,
//! severity, since; and how many datapoints were late, applied and dropped.
#![cfg(test)]

mod bruteforce;

use bruteforce::generate::{Wanted, case};
use bruteforce::instance::Told;
use bruteforce::model::Case;
use bruteforce::simulation::Sums;
use bruteforce::{engine, print, shrink, simulation};

const SHORT: Wanted = Wanted {
    restarts: false,
    epochs: false,
    long: false,
    keys: false,
    deadbands: false,
    gates: false,
    language: false,
    windows: false,
    moments: false,
};

#[test]
fn engine_and_reference_agree() {
    agree(SHORT, 1, 250);
}

#[test]
fn they_agree_over_long_silences() {
    agree(Wanted { long: true, ..SHORT }, 2, 30);
}

#[test]
fn they_agree_over_restarts() {
    agree(Wanted { restarts: true, ..SHORT }, 3, 120);
}

#[test]
fn they_agree_over_clocks_set_back() {
    agree(Wanted { epochs: true, ..SHORT }, 4, 40);
}

#[test]
fn they_agree_on_clear_hold_and_latch() {
    agree(Wanted { keys: true, ..SHORT }, 5, 100);
}

#[test]
fn they_agree_on_deadbands() {
    agree(Wanted { deadbands: true, ..SHORT }, 11, 80);
}

#[test]
fn they_agree_on_gates() {
    agree(Wanted { gates: true, ..SHORT }, 6, 80);
}

#[test]
fn they_agree_on_the_language() {
    agree(Wanted { language: true, moments: true, ..SHORT }, 7, 80);
}

#[test]
fn they_agree_on_windows() {
    agree(Wanted { windows: true, ..SHORT }, 8, 200);
}

#[test]
fn they_agree_on_windows_over_long_silences() {
    agree(Wanted { windows: true, long: true, ..SHORT }, 9, 30);
}

#[test]
fn they_agree_on_windows_over_restarts() {
    agree(Wanted { windows: true, restarts: true, epochs: true, ..SHORT }, 10, 25);
}

/// Tries so many cases.
fn agree(wanted: Wanted, series: u64, usual: u64) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seeds = match number("PLIMSOLL_REFERENCE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PLIMSOLL_REFERENCE_CASES").unwrap_or(usual),
    };
    let mut told = 0;
    for seed in seeds {
        let case = case((series << 48) | seed, wanted);
        match difference(&case) {
            None => told += simulation::reference(&case).0.len(),
            Some(_) => {
                let small = shrink::shrunk(case, &|case| difference(case).is_some());
                let difference = difference(&small).unwrap();
                panic!("seed {seed} of series {series}\n{}{difference}", print::scenario(&small));
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
fn said(of: Result<(Vec<Told>, Sums), String>) -> Vec<String> {
    let (mut told, sums) = match of {
        Ok(of) => of,
        Err(mistakes) => return vec![mistakes],
    };
    told.sort_by(|a, b| (a.timestamp, &a.rule, a.sequence).cmp(&(b.timestamp, &b.rule, b.sequence)));
    let mut lines: Vec<String> = told.iter().map(print::told).collect();
    lines.push(format!("{sums:?}"));
    lines
}
