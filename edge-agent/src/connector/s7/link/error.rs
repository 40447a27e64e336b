//! Why there is no connection to a PLC, in words that a technician can act on.
//!
//! Here: what goes wrong with a connection. Not here: refusals that leave it standing (`reason`).
//! Invariant: every sentence names the PLC.

use std::{io, time::Duration};

use crate::connector::s7::{Malformed, Tsap};

/// Why there is no connection, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No TCP connection.
    #[error("PLC {plc} cannot be reached: check the address, the cable and the power")]
    Unreachable {
        /// The configured address.
        plc: String,
        /// What the system says.
        source: io::Error,
    },
    /// A machine is there, but no S7 server.
    #[error(
        "{plc} is no PLC: it refuses connections on the S7 port; check the address, or the CPU just starts"
    )]
    NotListening {
        /// The configured address.
        plc: String,
        /// What the system says.
        source: io::Error,
    },
    /// No connection within the time.
    #[error(
        "PLC {plc} did not accept a connection within {after:?}: check the address, the cable and the power"
    )]
    ConnectTimeout {
        /// The configured address.
        plc: String,
        /// The time.
        after: Duration,
    },
    /// The PLC does not know the TSAP, or has no connection left.
    #[error(
        "PLC {plc} refused {tsap}: check rack and slot (S7-1200 and S7-1500: slot 1, S7-300: slot 2), or all its \
         connections of this kind are taken"
    )]
    Tsap {
        /// The configured address.
        plc: String,
        /// What was asked for.
        tsap: Tsap,
    },
    /// The PLC refused to speak S7.
    #[error("PLC {plc} refused the S7 setup (error {class:02X} {code:02X}): it may have no connections left")]
    Setup {
        /// The configured address.
        plc: String,
        /// The error class.
        class: u8,
        /// The error code.
        code: u8,
    },
    /// A connection stood, but an answer did not come in time.
    #[error("PLC {plc} did not answer within {after:?}")]
    AnswerTimeout {
        /// The configured address.
        plc: String,
        /// The time.
        after: Duration,
    },
    /// The PLC closed the connection.
    #[error("PLC {plc} closed the connection")]
    Closed {
        /// The configured address.
        plc: String,
    },
    /// The connection broke.
    #[error("the connection to PLC {plc} broke")]
    Broken {
        /// The configured address.
        plc: String,
        /// What the system says.
        source: io::Error,
    },
    /// What came is no answer to what was asked.
    #[error("PLC {plc} sent a wrong answer, the connection was closed")]
    Malformed {
        /// The configured address.
        plc: String,
        /// What is wrong with it.
        source: Malformed,
    },
    /// Something came that nobody asked for.
    #[error("PLC {plc} sent an answer that nobody asked for, the connection was closed")]
    Unasked {
        /// The configured address.
        plc: String,
    },
}

impl LinkError {
    /// The error and what caused it, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
}
