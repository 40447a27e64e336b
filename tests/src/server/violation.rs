//! What a client must not do, and the list of what one did.
//!
//! Here: the violations of both protocols. Not here: noticing them (`session`, `read`, `opcua`).
//! Invariant: what is on the list stays there.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

/// What a client must not do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A frame that is none.
    #[error("a broken frame: {0}")]
    Frame(String),
    /// A call to another rack or slot, or of an unknown connection type.
    #[error("called TSAP {called:02X?}, but this CPU is at place {place:#04X}")]
    Tsap {
        /// What was called.
        called: Vec<u8>,
        /// Rack × 32 + slot of this CPU.
        place: u8,
    },
    /// A job before setup.
    #[error("a job before setup")]
    BeforeSetup,
    /// A request that is longer than the agreed PDU.
    #[error("a request of {bytes} bytes on a PDU of {pdu}")]
    RequestBudget {
        /// Its length.
        bytes: usize,
        /// What was agreed.
        pdu: usize,
    },
    /// A request whose answer would be longer than the agreed PDU.
    #[error("a read whose answer takes {bytes} bytes on a PDU of {pdu}")]
    AnswerBudget {
        /// Length of the answer.
        bytes: usize,
        /// What was agreed.
        pdu: usize,
    },
    /// More items than a CPU takes.
    #[error("a read of {0} items, at most 20 are allowed")]
    Items(usize),
    /// A function other than setup and read: writing, control, up- and download.
    #[error("function {0:#04X}; only setup and read are allowed")]
    Function(u8),
    /// A message that is not a job.
    #[error("a message of type {0:#04X}; only jobs are allowed")]
    Message(u8),
    /// An OPC UA service other than reading and subscribing.
    #[error("the service {0}; only reading and subscribing are allowed")]
    Service(&'static str),
}

/// The list of one server. Its clones are the same list.
#[derive(Debug, Clone, Default)]
pub(super) struct Violations {
    list: Arc<Mutex<Vec<Violation>>>,
    tell: Option<mpsc::UnboundedSender<Violation>>,
}

impl Violations {
    /// An empty list; what comes onto it also goes to `tell`, where somebody listens.
    pub(super) fn told(tell: Option<mpsc::UnboundedSender<Violation>>) -> Self {
        Self { tell, ..Self::default() }
    }

    /// Puts one onto the list.
    pub(super) fn record(&self, violation: Violation) {
        if let Some(tell) = &self.tell {
            // Whoever listened has gone; the list keeps it.
            tell.send(violation.clone()).ok();
        }
        self.list.lock().unwrap_or_else(PoisonError::into_inner).push(violation);
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Violation> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
