//! Random values of tags.
//!
//! Here: what a source says its tags are. Not here: when it says so (`generate`), what comes of it (`judge`).
//! Invariant: numbers are small and whole, but for those at which a counter wraps.

use super::generate::Wanted;
use super::model::{Kind, Raw, World};
use super::rng::Rng;

/// What was drawn last.
pub(super) struct Values {
    sequence: u64,
    /// The number of each tag.
    last: Vec<i64>,
    /// Numbers go up and down by little, so that they pass a limit and come back within a deadband.
    walk: bool,
}

impl Values {
    pub(super) fn new(rng: &mut Rng, world: &World, wanted: Wanted) -> Self {
        let walk = wanted.deadbands && rng.once_in(2);
        Self { sequence: 0, last: vec![4; world.tags.len()], walk }
    }

    /// The next sequence number.
    pub(super) fn number(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    pub(super) fn raw(&mut self, rng: &mut Rng, world: &World, tag: usize) -> Raw {
        if rng.once_in(if world.noisy { 4 } else { 10 }) {
            return odd(rng);
        }
        let last = self.last[tag];
        let number = if self.walk { (last + rng.between(-2, 2)).clamp(0, 8) } else { rng.between(0, 8) };
        self.last[tag] = number;
        match world.kind(tag) {
            Kind::Bool => Raw::Bool(number > 3),
            Kind::Int => Raw::Int(match world.name(tag).counter {
                Some(16) if rng.once_in(3) => rng.pick(&[65_530, 65_535, 40_000, 32_768, 300]),
                Some(_) if rng.once_in(3) => rng.pick(&[u32::MAX.into(), 4_294_967_290, 2_147_483_648, 300]),
                _ => number,
            }),
            Kind::Float => Raw::Float(number as f64),
        }
    }
}

fn odd(rng: &mut Rng) -> Raw {
    let odd = [
        Raw::Bad,
        Raw::Bad,
        Raw::Bad,
        Raw::Float(f64::NAN),
        Raw::Float(f64::INFINITY),
        Raw::Float(1.387e-42),
        Raw::Float(2.5),
        Raw::Int(9),
        Raw::Bool(true),
        Raw::Float(-0.0),
    ];
    rng.pick(&odd)
}
