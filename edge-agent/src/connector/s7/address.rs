//! Where a tag lies in an S7 PLC.
//!
//! Here: the place and the mistakes in writing it. Not here: how it is written (`notation`), what the bytes mean
//! (`value`), how they are fetched (`plan`).
//! Invariant: an [`Address`] lies in its area's range and has a type of the width that was written.

use super::value::Type;

/// A part of the PLC's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Area {
    /// A data block, by its number.
    Db(u16),
    /// The process image of the inputs.
    Input,
    /// The process image of the outputs.
    Output,
    /// Markers (bit memory).
    Marker,
    /// S5 timers.
    Timer,
    /// S5 counters.
    Counter,
}

/// Where a value lies, and of which type it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    pub(super) area: Area,
    /// The first byte; a timer or counter counts as two.
    pub(super) start: u32,
    pub(super) bit: u8,
    pub(super) kind: Type,
}

/// A mistake in an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("found {found}, expected {expected}")]
pub struct AddressError {
    /// The byte of the text at which it shows.
    pub at: usize,
    /// What stands there.
    pub found: String,
    /// What would be right.
    pub expected: String,
}

impl Address {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Type {
        self.kind
    }

    /// The byte behind its last.
    pub(super) fn end(&self) -> u32 {
        self.start + u32::from(self.kind.len_bytes())
    }
}

impl std::fmt::Display for Area {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Db(number) => write!(f, "DB{number}"),
            Self::Input => f.write_str("the input area (I)"),
            Self::Output => f.write_str("the output area (Q)"),
            Self::Marker => f.write_str("the marker area (M)"),
            Self::Timer => f.write_str("the timer area (T)"),
            Self::Counter => f.write_str("the counter area (C)"),
        }
    }
}
