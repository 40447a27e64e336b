//! The vocabulary that crosses a boundary: what the agent writes and everybody else reads.
//!
//! Here: the unified JSON [`Datapoint`], the [`Transition`], the [`Event`], the [`Notification`], the [`Record`] that is
//! one of them, and the [`aggregate`] that carries several records in one Kinesis record.
//! Not here: how any of them comes about, units of rules, anything that opens a file or a socket.
//!
//! Invariant: fields are only ever added. Readers accept fields they do not know, and every released version
//! of a record has a golden text in the tests of its file that is read and written byte for byte.

pub mod aggregate;
pub mod datapoint;
pub mod event;
pub mod id;
pub mod notification;
pub mod record;
pub mod transition;

pub use datapoint::{Datapoint, Flags, Meta, Quality, Value};
pub use event::{Event, Happening};
pub use notification::Notification;
pub use record::Record;
pub use transition::{Because, Cause, GroupVote, InputValue, Operator, Severity, Transition};

/// The `version` that this crate writes. A reader keeps the raw text of a record with a higher one.
pub const VERSION: u32 = 1;
