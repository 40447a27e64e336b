//! OPC UA: subscribes to the values of a server (a PLC's own, a line controller's, a gateway's).
//!
//! ```text
//! node, value, certificate, trust → server → reading, subscription → link        publication: what an answer means
//! ```
//!
//! `node` knows how a tag is addressed, `value` what a variant is worth, `certificate` who this agent is and `trust` whom
//! it believes; `server` opens a session on exactly the endpoint that was configured, `reading` reads in it,
//! `subscription` keeps the tags subscribed and asks for publish answers, `publication` turns these into readings
//! without any I/O, stamped by `item`; `link` begins again after a fault. `expiry` looks at the ends of certificates,
//! beside the connections. The crate `async-opcua` (MPL-2.0) carries channel, session and encoding; its own
//! reconnect and subscription keeping are not used: after a fault the session is dropped and built anew, so that
//! nothing of the old one (an item that was lost on the way, a publish loop that stopped) can go on unnoticed.
//! Not here: units, flags and quality of the datapoint (`normalize`), browsing.
//! Invariant: a server that falls silent is down after a few publishing intervals (I9); the configured security is
//! never lowered; nothing here can write (I10, `clippy.toml`).

mod certificate;
mod error;
mod expiry;
mod item;
mod link;
mod node;
mod publication;
mod reading;
mod server;
mod subscription;
mod trust;
mod value;

use std::path::PathBuf;
use std::time::Duration;

pub use error::OpcuaError;
pub use expiry::{Expiring, expiring};
pub use link::{read_once, run};
pub use node::{Namespace, NodeAddress, NodeError};
pub(crate) use server::readable_by_others;
pub use trust::{Trust, TrustError, Trusted};

/// The port of OPC UA over TCP.
pub const PORT: u16 = 4840;

/// One server, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpcuaConfig {
    /// Its URL: `opc.tcp://192.168.0.20:4840/path`.
    pub address: String,
    /// How the connection is secured. Another endpoint of the server is never used.
    pub security: Security,
    /// As whom the agent logs on; none: anonymously.
    pub user: Option<User>,
    /// Values are sampled and published that often.
    pub scan: Duration,
    /// Within this time a session stands, and within this time each answer comes.
    pub timeout: Duration,
    /// `agentId`, part of the ApplicationUri.
    pub agent_id: String,
    /// Folder of the agent's certificate and of those it trusts.
    pub certificates: PathBuf,
}

/// How a connection is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// Not at all: whoever is on the network can read and change everything.
    None,
    /// Policy Basic256Sha256, signed and encrypted.
    Basic256Sha256,
}

/// A user of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The file that holds the password. It is read at each connection, so that a new one needs no restart.
    pub password_file: PathBuf,
}

/// One tag of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpcuaTag {
    /// The node whose value it is.
    pub node: NodeAddress,
}
