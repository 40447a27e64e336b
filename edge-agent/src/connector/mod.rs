//! Connectors: one task per source, each speaking one protocol. They only produce readings.
//!
//! Here: what all of them have in common, the raw value and the report. Not here: the stamp, the quality, the
//! unit and the name of a tag (`normalize`), nor any decision about a value.
//! Invariant: a reading is what the peer answered for exactly that tag, or it says why there is none (I9);
//! nothing here can write to a PLC (I10).

pub mod s7;

use std::time::Duration;

/// A value as a protocol carries it, before it is normalised.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// A bit.
    Bool(bool),
    /// A signed integer of any width.
    Int(i64),
    /// An unsigned integer of any width.
    UInt(u64),
    /// IEEE 754 binary32.
    Real(f32),
    /// IEEE 754 binary64.
    LReal(f64),
    /// A text.
    Text(String),
}

/// What a source said of one tag.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The tag, by its place in the source's list.
    pub tag: usize,
    /// Its value, or, in words, why there is none.
    pub value: Result<Raw, String>,
}

/// What a connector has to say. One report is one batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// A scan: everything that was due and answered, when the last answer had arrived.
    Scan {
        /// What was read.
        readings: Vec<Reading>,
        /// From the first request to the last answer; for people.
        took: Duration,
    },
    /// No connection, and why. Repeated once a second while it lasts: time goes on.
    Down(String),
}
