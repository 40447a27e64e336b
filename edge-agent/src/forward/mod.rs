//! Forwarding: from the outbox to a stream.
//!
//! ```text
//! peek → pack → put → settle → remove what was accepted
//! ```
//! Here: the one trait of this crate, [`Stream`], and what every stream has to say. The round itself is in
//! `forwarder`, its two pure steps in `pack`, the streams in `kinesis` and `file`. Not here: rules, sources,
//! what a record means (I7).
//! Invariant: an entry leaves the outbox only after the stream has accepted that very entry (I2), and entries
//! of one partition key leave in order, because a request holds at most one parcel of each key and the next
//! one of that key waits for its answer.

mod file;
mod forwarder;
mod kinesis;
mod pack;

use std::future::Future;

pub use file::{File, FileTarget};
pub use forwarder::run;
pub use kinesis::{Kinesis, KinesisTarget};
pub use pack::{Parcel, Settled, pack, settle};

/// Where entries go.
pub trait Stream: Send {
    /// Puts some parcels and answers for each of them, in their order.
    ///
    /// # Errors
    /// When nothing is known to be accepted; some of it may be all the same.
    fn put(&mut self, parcels: &[Parcel]) -> impl Future<Output = Result<Vec<Answer>, Failure>> + Send;
}

/// What a stream says of one parcel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is there.
    Accepted,
    /// Not this time, and why.
    Refused(String),
}

/// A request that failed as a whole. It is tried again whatever the trouble is: people put things right
/// without telling the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of trouble it is.
    pub link: Link,
    /// Why, in words that say what to do.
    pub reason: String,
}

/// How things stand between the agent and the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Nothing has been sent yet.
    Untried,
    /// The last request was accepted.
    Up,
    /// The stream takes less than comes.
    Throttled,
    /// No answer, or none that makes sense; heals by itself.
    Unreachable,
    /// This machine has no credentials.
    NoCredentials,
    /// The stream answers that something is wrong that a person has to put right.
    Refused,
}

/// [`Link`] with its reason, for the status page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// How things stand.
    pub link: Link,
    /// Why, where something is wrong.
    pub reason: Option<String>,
}

impl Default for State {
    fn default() -> Self {
        Self { link: Link::Untried, reason: None }
    }
}
