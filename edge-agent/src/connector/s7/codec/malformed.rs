//! Why a frame cannot be an answer to what was asked.
//!
//! Here: what can be wrong with its bytes, in words. Not here: refusals, which are answers (`reason`), errors of the
//! connection (`link::error`).
//! Invariant: each says what was found, and what was due where that is known.

/// Why a frame cannot be an answer to what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// No TPKT.
    #[error("a frame starts with {0:02X}, not with 03: is this the port of a PLC?")]
    Version(u8),
    /// The TPKT length cannot be.
    #[error("a frame claims to be {0} bytes long")]
    FrameLength(u16),
    /// Something else than what follows at this point of the conversation.
    #[error("COTP {found:02X} came where {expected:02X} was due")]
    Cotp {
        /// The COTP kind that came.
        found: u8,
        /// The one that was due.
        expected: u8,
    },
    /// The frame ends within a field.
    #[error("an answer ends in the middle of its {0}")]
    Short(&'static str),
    /// The lengths in the header do not add up to the frame.
    #[error("the header announces {announced} bytes, {found} came")]
    Lengths {
        /// Parameter and data length.
        announced: usize,
        /// What follows the header.
        found: usize,
    },
    /// Not an S7 answer to a job.
    #[error("an S7 message of kind {protocol:02X} {kind:02X} came instead of an answer")]
    Kind {
        /// The protocol byte, 32.
        protocol: u8,
        /// The kind: 1 job, 2 and 3 answers, 7 user data.
        kind: u8,
    },
    /// The answer to another request.
    #[error("an answer to request {found} came, but {asked} was asked")]
    Reference {
        /// The reference that was sent.
        asked: u16,
        /// The reference that came.
        found: u16,
    },
    /// The answer to another function.
    #[error("an answer to function {found:02X} came, but {asked:02X} was asked")]
    Function {
        /// The function that was asked.
        asked: u8,
        /// The one that was answered.
        found: u8,
    },
    /// Not as many items as were asked for.
    #[error("{found} items came, {asked} were asked for")]
    ItemCount {
        /// How many were asked for.
        asked: usize,
        /// How many came.
        found: usize,
    },
    /// An item of another length than was asked for.
    #[error("item {index} has {found} bytes, {asked} were asked for")]
    ItemLength {
        /// Which item, from 0.
        index: usize,
        /// How many bytes were asked for.
        asked: usize,
        /// How many came.
        found: usize,
    },
    /// A unit of length that nobody knows.
    #[error("item {index} has the transport size {unit:02X}")]
    Unit {
        /// Which item, from 0.
        index: usize,
        /// The transport size.
        unit: u8,
    },
    /// Bytes behind the last item.
    #[error("{0} bytes stand behind the last item")]
    Rest(usize),
    /// A PDU that holds nothing.
    #[error("a PDU of {0} bytes was agreed on")]
    Pdu(u16),
}
