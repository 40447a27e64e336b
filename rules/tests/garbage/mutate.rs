//! How a text is spoilt.
//!
//! Here: bytes and words that are changed, removed, doubled, moved, or taken from another text. Not here: the texts.
//! Invariant: what comes out is at most some 100 KB long.

use super::corpus::WORDS;
use crate::rng::Rng;

const LENGTH_MAX: usize = 100_000;

/// A text of the corpus, a little or thoroughly spoilt.
pub(crate) fn spoilt(rng: &mut Rng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = rng.pick(corpus);
    for _ in 0..rng.between(1, 12) {
        spoil(rng, &mut bytes, corpus);
    }
    bytes.truncate(LENGTH_MAX);
    bytes
}

fn spoil(rng: &mut Rng, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let (from, to) = span(rng, bytes);
    match rng.below(13) {
        0 if from < bytes.len() => bytes[from] = rng.next() as u8,
        1 => bytes.truncate(from),
        2 => drop(bytes.drain(from..to)),
        3 => {
            let copy = bytes[from..to].to_vec();
            let place = rng.below(bytes.len() + 1);
            bytes.splice(place..place, copy);
        }
        4..=6 => {
            let word = rng.pick(&WORDS);
            bytes.splice(from..from, word.bytes());
        }
        7 => {
            let word = rng.pick(&WORDS);
            bytes.splice(from..to, word.bytes());
        }
        8 => {
            let other = rng.pick(corpus);
            let (first, last) = span(rng, &other);
            bytes.splice(from..from, other[first..last].iter().copied());
        }
        9 => {
            let deep = rng.pick(&["(", "not ", "-", "[", "{ a = ", "a.", "abs(", "!"]);
            let deep = deep.repeat(rng.pick(&[3, 63, 64, 65, 66, 500, 5_000]));
            bytes.splice(from..from, deep.into_bytes());
        }
        10 => {
            let number = (rng.next() as i64).to_string();
            bytes.splice(from..to.min(from + 3), number.into_bytes());
        }
        11 => *bytes = bytes.iter().flat_map(|byte| [*byte, 0]).collect(),
        _ => swap_lines(rng, bytes),
    }
    bytes.truncate(LENGTH_MAX);
}

fn swap_lines(rng: &mut Rng, bytes: &mut Vec<u8>) {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    rng.shuffle(&mut lines);
    *bytes = lines.join(&b'\n');
}

/// Two places, near each other more often than not.
fn span(rng: &mut Rng, bytes: &[u8]) -> (usize, usize) {
    let from = rng.below(bytes.len() + 1);
    let length = if rng.once_in(4) { bytes.len() } else { 12 };
    (from, (from + rng.below(length + 1)).min(bytes.len()))
}
