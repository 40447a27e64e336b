//! Garbage: any bytes as rule files, any order of any inputs, any bytes as what is stored or sent, without a panic.
//!
//! `PLIMSOLL_FUZZ_SECONDS=3600 cargo test -p rules --release --test fuzz -- --nocapture` runs each of the targets for
//! an hour, from the seed `PLIMSOLL_FUZZ_SEED` on (0 where it is not given); without it each takes a second. What
//! fails is named by its seed: with `PLIMSOLL_FUZZ_SEED` set to it, it is the first thing tried.
//!
//! Here: the targets. Not here: the texts that are spoilt (`garbage/corpus.rs`), how (`garbage/mutate.rs`), and the
//! inputs (`garbage/inputs.rs`).
//! Invariant: a seed makes one attempt; nothing else decides what is tried.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "the engine knows no clock and no file, its fuzzer has both")]

#[path = "bruteforce/rng.rs"]
mod rng;

mod garbage;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use rng::Rng;

/// No attempt may take longer: a line of input that stops the agent is as bad as a panic.
const SLOW: Duration = Duration::from_secs(20);

#[test]
fn any_bytes_as_rule_files() {
    let corpus = garbage::corpus::rule_texts();
    run("rule files", |rng| {
        let bytes = garbage::mutate::spoilt(rng, &corpus);
        garbage::show(&String::from_utf8_lossy(&bytes));
        garbage::rule_files(&bytes);
    });
}

#[test]
fn any_inputs_in_any_order() {
    let texts = garbage::corpus::rule_texts();
    let plants = garbage::inputs::plants(&texts);
    assert!(plants.len() >= 20, "only {} rule files of the scenarios are taken", plants.len());
    run("inputs", |rng| garbage::inputs::play(rng, &plants));
}

#[test]
fn any_bytes_as_lines() {
    let corpus = garbage::corpus::lines();
    run("lines", |rng| {
        let bytes = garbage::mutate::spoilt(rng, &corpus);
        garbage::line(&bytes);
    });
}

#[test]
fn any_bytes_as_stored_states() {
    let plants = garbage::inputs::plants(&garbage::corpus::rule_texts());
    run("stored states", |rng| garbage::inputs::resume(rng, &plants));
}

/// Tries until the time is over; an attempt that fails is told by its seed.
fn run(what: &str, attempt: impl Fn(&mut Rng)) {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let lasts = Duration::from_secs(number("PLIMSOLL_FUZZ_SECONDS").unwrap_or(1));
    let first = number("PLIMSOLL_FUZZ_SEED").unwrap_or(0);
    let start = Instant::now();
    let mut seed = first;
    while start.elapsed() < lasts || seed == first {
        garbage::show(&format!("seed {seed}"));
        let begun = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| attempt(&mut Rng::new(seed))));
        assert!(result.is_ok(), "{what}: PLIMSOLL_FUZZ_SEED={seed} panics");
        assert!(begun.elapsed() < SLOW, "{what}: PLIMSOLL_FUZZ_SEED={seed} takes {:?}", begun.elapsed());
        seed += 1;
    }
    println!("{what}: {} attempts from seed {first} on", seed - first);
}
