//! `plant`: a bottling line to test against, and the command that shows Plimsoll at work on it.
//!
//! Here: the [`script`] of what goes wrong when, the [`mod@line`] that behaves by it, the PLCs ([`server`])
//! that serve it, one over S7 and one over OPC UA, a [`kinesis`] with real limits, the transitions that must come
//! of it ([`expected`]), and the demo that starts all of it as processes of their own. Not here: the tests of the
//! whole system.
//!
//! Invariant: what is expected follows from the script alone; nothing here judges a rule or reads the agent's
//! mind, so agent and expectation can only agree by both being right.

mod chance;
pub mod clock;
pub mod demo;
pub mod expected;
pub mod folder;
pub mod gate;
pub mod kinesis;
pub mod line;
pub mod process;
pub mod script;
pub mod server;
pub mod store;
pub mod verdict;
pub mod view;
