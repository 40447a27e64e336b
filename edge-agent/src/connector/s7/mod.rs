//! S7: reads PLCs of Siemens (S7-300, 400, 1200, 1500, LOGO) and what speaks like them.
//!
//! ```text
//! notation → address → plan → scan → session → codec        link: the same over a socket, with time
//! ```
//!
//! `notation`, `address` and `value` know what a tag is, `plan` which bytes are read together, `scan` what to read
//! next and what the answers mean for the tags, `session` one connection, `codec` its bytes, `reason` the words for
//! a refusal. All of that is pure; only `link` has a socket and a clock. Not here: units, stamps and quality
//! (`normalize`), symbolic access to optimised blocks, the SZL (some small CPUs drop the connection on it).
//! Invariant: a value is reported for a tag only when the PLC answered exactly that request with exactly those
//! bytes (I9): any doubt closes the connection. Nothing here can encode a write (I10).

mod address;
mod codec;
mod link;
mod notation;
mod plan;
mod reason;
mod scan;
mod session;
mod tsap;
mod value;

use std::time::Duration;

pub use address::{Address, AddressError};
pub use codec::Malformed;
pub use link::{LinkError, read_once, run};
pub use tsap::{Connection, Tsap, TsapError};
pub use value::Type;

/// The port of ISO on TCP.
pub const PORT: u16 = 102;

/// One PLC, and how it is read.
#[derive(Debug, Clone)]
pub struct S7Config {
    /// Host name or IP address, and a port if it is not [`PORT`]: `192.168.0.10`, `plc3:1102`.
    pub address: String,
    /// Whom to speak to there.
    pub tsap: Tsap,
    /// A scan begins that often. Scans that were missed are skipped.
    pub scan: Duration,
    /// Within this time a connection stands, and within this time each answer comes.
    pub timeout: Duration,
    /// Whether tags that lie close together are read as one block. Drives (SINAMICS) do not like that.
    pub merge: bool,
}

impl S7Config {
    /// With the defaults of the field: OP connection to rack 0, slot 1, ten scans a second, 2 s for an answer.
    #[must_use]
    pub fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            tsap: Tsap::default(),
            scan: Duration::from_millis(100),
            timeout: Duration::from_secs(2),
            merge: true,
        }
    }
}

/// One tag of a PLC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct S7Tag {
    /// Where it lies, and its type.
    pub address: Address,
}
