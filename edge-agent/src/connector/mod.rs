//! Connectors: one task per source, each speaking one protocol. They only produce readings.
//!
//! Here: what all of them have in common, the raw value and the report, and the one place that knows which protocol
//! a source speaks. Not here: the stamp, the quality, the unit and the name of a tag (`normalize`), nor any decision
//! about a value.
//! Invariant: a reading is what the peer answered for exactly that tag, or it says why there is none (I9);
//! nothing here can write to a PLC (I10).

pub mod opcua;
mod reporter;
pub mod s7;

use std::ops::AddAssign;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::config::Protocol;

/// The first pause after a fault is at most this.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

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

/// A value that its source stamped itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The tag, by its place in the source's list.
    pub tag: usize,
    /// Its value, or, in words, why there is none.
    pub value: Result<Raw, String>,
    /// Whether the source has doubts about the value.
    pub uncertain: bool,
    /// What the source remarks on the value.
    pub status: Option<String>,
    /// Event time, ms since 1970 UTC.
    pub timestamp: i64,
    /// The source's own stamp where `timestamp` is another one, ms since 1970 UTC.
    pub source_timestamp: Option<i64>,
}

/// What a subscribed source publishes at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Publication {
    /// The values, each tag's in their order.
    pub samples: Vec<Sample>,
    /// Up to when, by the source's clock, everything has been said; none: more is on its way. ms since 1970 UTC.
    pub complete: Option<i64>,
    /// What was lost before it could be read.
    pub lost: Lost,
}

/// What a source could not deliver, as far as it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Times that a queue of the source was full.
    pub overflows: u64,
    /// Answers that were sent, by their numbers, and never came.
    pub answers: u64,
}

impl Lost {
    /// Whether nothing was lost.
    #[must_use]
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl AddAssign for Lost {
    fn add_assign(&mut self, more: Self) {
        self.overflows = self.overflows.saturating_add(more.overflows);
        self.answers = self.answers.saturating_add(more.answers);
    }
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
    /// What a subscription delivered.
    Published(Publication),
    /// No connection, and why. Repeated once a second while it lasts: time goes on.
    Down(String),
}

/// Why a source cannot be read, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreachable(String);

/// Reads a source and reports what it says, until `stop`. A `tag` of a report is a place in the source's list. A
/// source that cannot be reached is reported and tried again for ever. `emit` owns what it needs (`async move`),
/// else the future cannot be spawned.
pub async fn run(protocol: &Protocol, emit: impl AsyncFnMut(Report), stop: CancellationToken) {
    match protocol {
        Protocol::Recorded => {}
        Protocol::S7(config, tags) => s7::run(config, tags, emit, stop).await,
        Protocol::Opcua(config, tags) => opcua::run(config, tags, emit, stop).await,
    }
}

/// Reads each tag of a source once, over a connection of its own; none for a source that is not read.
///
/// # Errors
/// When there is no connection, or it is lost. A tag that cannot be read is no error: the report says why.
pub async fn read_once(protocol: &Protocol) -> Result<Option<Report>, Unreachable> {
    match protocol {
        Protocol::Recorded => Ok(None),
        Protocol::S7(config, tags) => {
            let began = Instant::now();
            let readings = s7::read_once(config, tags).await.map_err(|e| Unreachable(in_words(&e)))?;
            Ok(Some(Report::Scan { readings, took: began.elapsed() }))
        }
        Protocol::Opcua(config, tags) => {
            let read = opcua::read_once(config, tags).await.map_err(|e| Unreachable(in_words(&e)))?;
            Ok(Some(Report::Published(read)))
        }
    }
}

/// An error with its causes, in one line.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        words = format!("{words}: {e}");
        cause = e.source();
    }
    words
}
