//! The items of a read job, and its answer.
//!
//! ```text
//! read   04 n, then n times 12 0A 10 size count(2) block(2) area address(3)
//! answer 04 n, then n times code size length(2) bytes, each but the last padded to even
//! ```
//!
//! Here: that. Not here: whether a read is let through (`session`, whose tests drive this), what a block means.
//! Invariant: an item that cannot be read says why in its own place and spoils no other; an answer that would
//! not fit into the agreed PDU is no answer.

use super::Violation;

/// The function code of a read.
pub(super) const READ: u8 = 0x04;
/// A CPU takes no more items in one request.
const ITEMS_MAX: usize = 20;
/// Bytes of the S7 header of an answer.
const ANSWER_HEAD: usize = 12;
/// Area of the data blocks, the only memory this PLC has.
const DATA_BLOCKS: u8 = 0x84;

struct Item {
    size: u8,
    block: u16,
    area: u8,
    first_bit: usize,
    count: usize,
}

/// Reads every item of a request into the data of its answer.
pub(super) fn read(
    parameters: &[u8],
    pdu: usize,
    memory: &dyn Fn(u16) -> Option<Vec<u8>>,
) -> Result<(u8, Vec<u8>), Violation> {
    let [READ, count, list @ ..] = parameters else {
        return Err(Violation::Frame("a read of nothing".into()));
    };
    if usize::from(*count) > ITEMS_MAX {
        return Err(Violation::Items((*count).into()));
    }
    let items: Option<Vec<Item>> = list.chunks(12).map(item).collect();
    let items = items
        .filter(|items| items.len() == usize::from(*count) && !items.is_empty())
        .ok_or_else(|| Violation::Frame("items that are none".into()))?;
    let mut data = Vec::new();
    for item in &items {
        if data.len() % 2 == 1 {
            data.push(0);
        }
        data.extend(fetch(item, memory));
    }
    let bytes = ANSWER_HEAD + 2 + data.len();
    if bytes > pdu { Err(Violation::AnswerBudget { bytes, pdu }) } else { Ok((*count, data)) }
}

fn item(bytes: &[u8]) -> Option<Item> {
    let [0x12, 0x0A, 0x10, size, c_high, c_low, b_high, b_low, area, a_high, a_mid, a_low] = bytes else {
        return None;
    };
    Some(Item {
        size: *size,
        block: u16::from_be_bytes([*b_high, *b_low]),
        area: *area,
        first_bit: u32::from_be_bytes([0, *a_high, *a_mid, *a_low]) as usize,
        count: u16::from_be_bytes([*c_high, *c_low]).into(),
    })
}

/// The answer to one item: a bit counts in bits, REAL and CHAR in bytes, everything else in bits of its bytes.
fn fetch(item: &Item, memory: &dyn Fn(u16) -> Option<Vec<u8>>) -> Vec<u8> {
    let (width, size, unit) = match item.size {
        1 => (1, 3, 1),
        2 => (1, 4, 8),
        3 => (1, 9, 1),
        4 => (2, 4, 8),
        5 => (2, 5, 8),
        6 => (4, 4, 8),
        7 => (4, 5, 8),
        8 => (4, 7, 1),
        _ => return missing(0x06),
    };
    let Some(block) = memory(item.block).filter(|_| item.area == DATA_BLOCKS) else { return missing(0x0A) };
    if item.size == 1 {
        let byte = block.get(item.first_bit / 8).filter(|_| item.count == 1);
        return byte.map_or(missing(0x05), |b| vec![0xFF, size, 0, 1, b >> (item.first_bit % 8) & 1]);
    }
    let (first, length) = (item.first_bit / 8, item.count * width);
    let Some(bytes) =
        block.get(first..first + length).filter(|_| item.first_bit.is_multiple_of(8) && length > 0)
    else {
        return missing(0x05);
    };
    let [high, low] = u16::try_from(length * unit).unwrap_or(u16::MAX).to_be_bytes();
    [&[0xFF, size, high, low], bytes].concat()
}

/// An item without a value: 0x05 out of range, 0x06 no such type, 0x0A no such block.
fn missing(code: u8) -> Vec<u8> {
    vec![code, 0, 0, 0]
}
