//! The tests of the whole system, in one binary: real servers that nobody here wrote, real processes, real time.
#![cfg(test)]

// Clippy excuses a test function from these, but not the helpers beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ingest;
mod peer;
mod s7;
