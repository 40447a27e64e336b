//! The numbers at which a program can change its mind.
//!
//! Here: finding them. Not here: who is judged when a value passes one (`signals`).
//! Invariant: while a value stays on the same side of each, the program says the same.

use super::eval::Program;
use super::op::{Op, TextSource};

/// Up to here every integer has a Float of its own.
const EXACT_MAX: f64 = 4_503_599_627_370_496.0;

impl Program {
    /// The slot whose value it gives as it is, if that is all.
    #[must_use]
    pub fn plain_slot(&self) -> Option<usize> {
        match *self.code {
            [Op::Slot(slot)] if !self.is_text => Some(slot as usize),
            _ => None,
        }
    }

    /// The numbers with which a slot is compared, if that is all that is done with it. None: any change may matter.
    #[must_use]
    pub fn cuts(&self, slot: usize) -> Option<Vec<f64>> {
        let is_slot = |read: u32| read as usize == slot;
        let reads_text = self.texts.iter().any(|source| match source {
            TextSource::Slot(read) | TextSource::Previous(read) => is_slot(*read),
            TextSource::Const(_) => false,
        });
        let mut cuts = Vec::new();
        for op in &self.code {
            let cut = match *op {
                Op::SlotFloat(_, read, limit) if is_slot(read) => limit,
                Op::SlotInt(_, read, limit) if is_slot(read) => limit as f64,
                Op::Slot(read) | Op::Previous(read) | Op::Age(read) | Op::GoodSlot(read) if is_slot(read) => {
                    return None;
                }
                _ => continue,
            };
            if cut.is_nan() || cut.abs() > EXACT_MAX {
                return None;
            }
            cuts.push(cut);
        }
        (!reads_text).then_some(cuts)
    }
}
