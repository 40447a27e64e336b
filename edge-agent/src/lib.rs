//! `edge-agent`: the daemon at the line, and its command line.

pub mod connector;
pub mod forward;
pub mod outbox;
