//! The bytes of S7 communication over ISO on TCP:
//!
//! ```text
//! TPKT   03 00 length(2, of the whole frame)
//! COTP   len E0 … connect request | len D0 … confirm | len 80 … refusal | 02 F0 80 data, last fragment
//! S7     32 kind 00 00 reference(2) parameter-length(2) data-length(2) [error class, error code: kinds 2 and 3]
//! setup  F0 00 jobs(2) jobs(2) PDU(2)
//! read   04 n { 12 0A 10 unit count(2) DB(2) area address(3) }  →  04 n | { code unit length(2) bytes [pad] }
//! ```
//!
//! Here: three requests (connect, setup, read) and their answers; nothing that can write exists (I10). What can be wrong
//! with an answer stands in `malformed`. Not here: order, time and sockets (`session`, `link`).
//! Invariant: every length is checked against what is there and what was asked; an answer is taken apart wholly
//! or not at all (I9); no input panics.

mod malformed;

use super::address::Area;

pub use malformed::Malformed;

/// The largest PDU that is offered; no CPU has more.
pub(super) const PDU_MAX: u16 = 960;
/// With less, hardly a value fits: what claims it is not a CPU.
const PDU_MIN: u16 = 64;
/// TPKT 4 and COTP 3 bytes stand before the PDU.
const ENVELOPE_LEN: usize = 7;
/// A frame that claims to be longer than the largest PDU is noise.
const FRAME_MAX: usize = ENVELOPE_LEN + PDU_MAX as usize;
/// The shortest frame: a TPKT with a COTP of length, kind and one byte.
const FRAME_MIN: usize = ENVELOPE_LEN;

const KIND_JOB: u8 = 1;
const KIND_ACK: u8 = 2;
const KIND_ACK_DATA: u8 = 3;
const SETUP: u8 = 0xF0;
const READ: u8 = 0x04;
/// The code of an item that was read.
const ITEM_OK: u8 = 0xFF;

/// Bytes to read: of one area, without a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) area: Area,
    pub(super) start: u32,
    pub(super) len: u16,
}

/// Both ends of a connection, as ISO on TCP names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Selectors {
    pub(super) local: u16,
    pub(super) remote: u16,
}

/// What a PLC says to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// What was asked for.
    Given(T),
    /// A well-formed refusal of the whole request.
    Refused {
        /// The error class of the header.
        class: u8,
        /// The error code of the header.
        code: u8,
    },
}

/// The bytes of a span that was asked for, or the code that came instead.
pub(super) type Item = Result<Vec<u8>, u8>;
/// One for each span that was asked for.
pub(super) type Items = Vec<Item>;

/// The first frame of a connection.
pub(super) fn connect_request(ends: Selectors) -> Vec<u8> {
    // Destination reference 0, source reference 1, class 0; then TPDU size 1024 (C0), both TSAPs (C1, C2).
    let [l0, l1] = ends.local.to_be_bytes();
    let [r0, r1] = ends.remote.to_be_bytes();
    let cotp = [0x11, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 0x0A, 0xC1, 2, l0, l1, 0xC2, 2, r0, r1];
    frame(&cotp)
}

/// The second: one job at a time, and a PDU as large as the PLC has.
pub(super) fn setup_request(reference: u16) -> Vec<u8> {
    let [p0, p1] = PDU_MAX.to_be_bytes();
    job(reference, &[SETUP, 0, 0, 1, 0, 1, p0, p1])
}

/// Every other. The caller keeps to 20 spans and to the PDU.
pub(super) fn read_request(reference: u16, spans: &[Span]) -> Vec<u8> {
    let mut parameter = vec![READ, u8::try_from(spans.len()).unwrap_or(u8::MAX)];
    for span in spans {
        let (code, unit, count, address, block) = match span.area {
            Area::Db(number) => (0x84, 0x02, span.len, span.start << 3, number),
            Area::Input => (0x81, 0x02, span.len, span.start << 3, 0),
            Area::Output => (0x82, 0x02, span.len, span.start << 3, 0),
            Area::Marker => (0x83, 0x02, span.len, span.start << 3, 0),
            // Timers and counters are counted, and their addresses are not shifted.
            Area::Timer => (0x1D, 0x1D, span.len / 2, span.start / 2, 0),
            Area::Counter => (0x1C, 0x1C, span.len / 2, span.start / 2, 0),
        };
        parameter.extend([0x12, 0x0A, 0x10, unit]);
        parameter.extend(count.to_be_bytes());
        parameter.extend(block.to_be_bytes());
        parameter.push(code);
        parameter.extend(address.to_be_bytes().iter().skip(1));
    }
    job(reference, &parameter)
}

/// The length of the frame at the start of `bytes`; `None` until its head is there.
pub(super) fn frame_len(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    match bytes {
        [] => Ok(None),
        [3, _, high, low, ..] => {
            let len = u16::from_be_bytes([*high, *low]);
            let fits = (FRAME_MIN..=FRAME_MAX).contains(&usize::from(len));
            if fits { Ok(Some(len.into())) } else { Err(Malformed::FrameLength(len)) }
        }
        [3, ..] => Ok(None),
        [version, ..] => Err(Malformed::Version(*version)),
    }
}

/// The answer to the connect request: refused with COTP's reason as the code, or given.
pub(super) fn connect_confirm(frame: &[u8]) -> Result<Answer<()>, Malformed> {
    match frame.get(4..).unwrap_or_default() {
        // Disconnect request: length, kind, both references, reason.
        [_, 0x80, _, _, _, _, reason, ..] => Ok(Answer::Refused { class: 0, code: *reason }),
        [len, 0xD0, rest @ ..] if usize::from(*len) == rest.len() + 1 && rest.len() >= 5 => {
            Ok(Answer::Given(()))
        }
        [_, 0xD0, ..] => Err(Malformed::Short("connect confirm")),
        [_, found, ..] => Err(Malformed::Cotp { found: *found, expected: 0xD0 }),
        _ => Err(Malformed::Short("COTP header")),
    }
}

/// The answer to the setup: the PDU that is agreed on.
pub(super) fn setup_answer(frame: &[u8], reference: u16) -> Result<Answer<u16>, Malformed> {
    let (parameter, data) = match job_answer(frame, reference, SETUP)? {
        Answer::Given(parts) => parts,
        Answer::Refused { class, code } => return Ok(Answer::Refused { class, code }),
    };
    match (parameter, data) {
        ([_, _, _, _, _, _, high, low], []) => match u16::from_be_bytes([*high, *low]) {
            pdu @ PDU_MIN.. => Ok(Answer::Given(pdu.min(PDU_MAX))),
            pdu => Err(Malformed::Pdu(pdu)),
        },
        _ => Err(Malformed::Short("setup")),
    }
}

/// The answer to a read of `lens` bytes.
pub(super) fn read_answer(frame: &[u8], reference: u16, lens: &[u16]) -> Result<Answer<Items>, Malformed> {
    let (parameter, mut data) = match job_answer(frame, reference, READ)? {
        Answer::Given(parts) => parts,
        Answer::Refused { class, code } => return Ok(Answer::Refused { class, code }),
    };
    let [_, count] = parameter else { return Err(Malformed::Short("read parameter")) };
    if usize::from(*count) != lens.len() {
        return Err(Malformed::ItemCount { asked: lens.len(), found: (*count).into() });
    }
    let mut items = Items::with_capacity(lens.len());
    for (index, len) in lens.iter().enumerate() {
        let (item, rest) = item(data, index, (*len).into())?;
        items.push(item);
        data = rest;
    }
    if data.is_empty() { Ok(Answer::Given(items)) } else { Err(Malformed::Rest(data.len())) }
}

/// The first item of `data`, and what follows it.
fn item(data: &[u8], index: usize, asked: usize) -> Result<(Item, &[u8]), Malformed> {
    let ([code, unit, high, low], rest) =
        data.split_first_chunk().ok_or(Malformed::Short("list of items"))?;
    if *code != ITEM_OK {
        // The length of an item with an error means nothing: some send 4 and no data.
        return Ok((Err(*code), rest));
    }
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    let found = match unit {
        3..=5 => length.div_ceil(8),
        6 | 7 | 9 => length,
        _ => return Err(Malformed::Unit { index, unit: *unit }),
    };
    if found != asked {
        return Err(Malformed::ItemLength { index, asked, found });
    }
    let (bytes, rest) = rest.split_at_checked(found).ok_or(Malformed::Short("item"))?;
    // An item of odd length is padded, but need not be when it is the last.
    let rest = if found % 2 == 1 { rest.get(1..).unwrap_or_default() } else { rest };
    Ok((Ok(bytes.to_vec()), rest))
}

/// Parameter and data of an answer.
type Parts<'f> = (&'f [u8], &'f [u8]);

fn job_answer(frame: &[u8], reference: u16, function: u8) -> Result<Answer<Parts<'_>>, Malformed> {
    let pdu = match frame.get(4..).unwrap_or_default() {
        [2, 0xF0, 0x80, pdu @ ..] => pdu,
        [_, found, ..] => return Err(Malformed::Cotp { found: *found, expected: 0xF0 }),
        _ => return Err(Malformed::Short("COTP header")),
    };
    let ([protocol, kind, _, _, r0, r1, p0, p1, d0, d1, class, code], body) =
        pdu.split_first_chunk().ok_or(Malformed::Short("S7 header"))?;
    if *protocol != 0x32 || !matches!(*kind, KIND_ACK | KIND_ACK_DATA) {
        return Err(Malformed::Kind { protocol: *protocol, kind: *kind });
    }
    // Before the reference: a CPU that refuses every read answers with reference 0.
    if (*class, *code) != (0, 0) {
        return Ok(Answer::Refused { class: *class, code: *code });
    }
    let found = u16::from_be_bytes([*r0, *r1]);
    if found != reference {
        return Err(Malformed::Reference { asked: reference, found });
    }
    let parameter_len = usize::from(u16::from_be_bytes([*p0, *p1]));
    let announced = parameter_len + usize::from(u16::from_be_bytes([*d0, *d1]));
    let lengths = Malformed::Lengths { announced, found: body.len() };
    if announced != body.len() {
        return Err(lengths);
    }
    let (parameter, data) = body.split_at_checked(parameter_len).ok_or(lengths)?;
    match parameter.first() {
        Some(found) if *found == function => Ok(Answer::Given((parameter, data))),
        Some(found) => Err(Malformed::Function { asked: function, found: *found }),
        None => Err(Malformed::Short("parameter")),
    }
}

fn job(reference: u16, parameter: &[u8]) -> Vec<u8> {
    let [r0, r1] = reference.to_be_bytes();
    let [l0, l1] = length(parameter.len());
    let mut cotp = vec![2, 0xF0, 0x80, 0x32, KIND_JOB, 0, 0, r0, r1, l0, l1, 0, 0];
    cotp.extend(parameter);
    frame(&cotp)
}

fn frame(cotp: &[u8]) -> Vec<u8> {
    let [l0, l1] = length(cotp.len() + 4);
    let mut bytes = vec![3, 0, l0, l1];
    bytes.extend(cotp);
    bytes
}

/// Requests stay far below 64 KiB: 20 spans take 252 bytes.
fn length(len: usize) -> [u8; 2] {
    u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests;
