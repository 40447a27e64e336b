//! The planner: which bytes are read together, so that a scan takes few requests.
//!
//! The tags are sorted by address and laid one after the other into requests: a tag joins the block before it
//! when the hole between them is at most [`HOLE_MAX`] bytes and the answer still fits the PDU; else it opens a
//! block in the same request; else in the next one. A request takes 12 + 12n bytes and its answer
//! 14 + Σ(4 + length + pad); both stay within the PDU. A block ends where a tag ends, unless one tag alone is
//! larger than an answer: only such a tag is split.
//!
//! Here: a pure function. Not here: bytes (`codec`), order in time and failures (`scan`).
//! Invariant: every chosen tag is covered exactly once, and no request or answer exceeds the PDU or 20 items.

use std::collections::BTreeSet;

use super::{address::Address, codec::Span};

/// The most that a CPU reads in one request.
const ITEMS_MAX: usize = 20;
/// A hole costs its bytes, another block costs 4 in the answer and 12 in the request.
const HOLE_MAX: u32 = 4;
/// What a request and each of its items take.
const REQUEST_HEAD: usize = 12;
const REQUEST_ITEM: usize = 12;
/// What an answer and each of its items take besides the bytes.
const ANSWER_HEAD: usize = 14;
const ANSWER_ITEM: usize = 4;

/// What is read at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) blocks: Vec<Block>,
}

/// Bytes without a hole, and what of them is whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) span: Span,
    /// In ascending order of `from`.
    pub(super) parts: Vec<Part>,
}

/// A tag's bytes in a block: all of them, unless the tag is larger than an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) tag: usize,
    /// Where in the block.
    pub(super) from: usize,
    /// Where in the tag.
    pub(super) at: usize,
    pub(super) len: usize,
}

/// What the plan depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planner<'a> {
    pub(super) tags: &'a [Address],
    /// Tags that never join the block before them.
    pub(super) cuts: &'a BTreeSet<usize>,
    /// The PDU, in bytes, as negotiated.
    pub(super) pdu: u16,
    /// Whether different tags may share a block at all.
    pub(super) merge: bool,
}

impl Planner<'_> {
    /// The requests that read the chosen tags.
    pub(super) fn requests(&self, mut chosen: Vec<usize>) -> Vec<Request> {
        let place = |tag: &usize| self.tags.get(*tag).map(|a| (a.area, a.start, a.end()));
        chosen.sort_by_key(|tag| (place(tag), *tag));
        let mut packer = Packer { requests: Vec::new(), room: 0, room_max: self.room() };
        for tag in chosen {
            let Some(address) = self.tags.get(tag) else { continue };
            self.lay(&mut packer, tag, address);
        }
        packer.requests
    }

    /// Bytes of an answer for its items. Even, so that a padded item and a timer never end in the middle.
    fn room(&self) -> usize {
        usize::from(self.pdu).saturating_sub(ANSWER_HEAD) & !1
    }

    fn items_max(&self) -> usize {
        (usize::from(self.pdu).saturating_sub(REQUEST_HEAD) / REQUEST_ITEM).clamp(1, ITEMS_MAX)
    }

    fn lay(&self, packer: &mut Packer, tag: usize, address: &Address) {
        let piece_max = self.room().saturating_sub(ANSWER_ITEM).max(2);
        let whole = usize::from(address.kind.len_bytes());
        for at in (0..whole).step_by(piece_max) {
            let len = piece_max.min(whole - at);
            let span = Span {
                area: address.area,
                // Both fit: a tag has at most 256 bytes.
                start: address.start.saturating_add(u32::try_from(at).unwrap_or(0)),
                len: u16::try_from(len).unwrap_or(0),
            };
            let part = Part { tag, from: 0, at, len };
            let may_join = at > 0 || !self.cuts.contains(&tag);
            if !(may_join && packer.join(span, part, self.merge)) {
                packer.open(span, part, self.items_max());
            }
        }
    }
}

impl Request {
    pub(super) fn spans(&self) -> Vec<Span> {
        self.blocks.iter().map(|block| block.span).collect()
    }
}

impl Block {
    /// Where to cut a block in two: the first tag of its second half. `None` when all its tags start together.
    pub(super) fn middle(&self) -> Option<usize> {
        let half = self.parts.len() / 2;
        let starts_anew = |(index, pair): (usize, &[Part])| match pair {
            [before, after] if after.from > before.from => Some((half.abs_diff(index + 1), after.tag)),
            _ => None,
        };
        self.parts.windows(2).enumerate().filter_map(starts_anew).min().map(|(_, tag)| tag)
    }
}

/// The requests so far, and what is left of the last one's answer.
struct Packer {
    requests: Vec<Request>,
    room: usize,
    room_max: usize,
}

impl Packer {
    /// Lets the block at the end grow over the span, if that is allowed and fits.
    fn join(&mut self, span: Span, part: Part, merge: bool) -> bool {
        let Some(block) = self.requests.last_mut().and_then(|request| request.blocks.last_mut()) else {
            return false;
        };
        let before = block.span;
        let end_before = before.start + u32::from(before.len);
        let near = span.area == before.area && span.start.saturating_sub(end_before) <= HOLE_MAX;
        // The rest of a split tag may lie behind the tag that follows it in the order.
        if !near || span.start < before.start || !(merge || span == before) {
            return false;
        }
        let end = end_before.max(span.start + u32::from(span.len));
        let Ok(len) = u16::try_from(end - before.start) else { return false };
        let growth = padded(len) - padded(before.len);
        let Some(room) = self.room.checked_sub(growth) else { return false };
        self.room = room;
        block.span.len = len;
        let from = usize::try_from(span.start - before.start).unwrap_or(0);
        block.parts.push(Part { from, ..part });
        true
    }

    /// Opens a block: in the last request if it fits, else in another.
    fn open(&mut self, span: Span, part: Part, items_max: usize) {
        let block = Block { span, parts: vec![part] };
        let cost = ANSWER_ITEM + padded(span.len);
        match (self.requests.last_mut(), self.room.checked_sub(cost)) {
            (Some(request), Some(room)) if request.blocks.len() < items_max => {
                self.room = room;
                request.blocks.push(block);
            }
            _ => {
                self.room = self.room_max.saturating_sub(cost);
                self.requests.push(Request { blocks: vec![block] });
            }
        }
    }
}

fn padded(len: u16) -> usize {
    usize::from(len).next_multiple_of(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<Address> {
        texts.iter().map(|text| Address::parse(text, None).unwrap()).collect()
    }

    fn plan(tags: &[Address], pdu: u16, merge: bool) -> Vec<Request> {
        let cuts = BTreeSet::new();
        Planner { tags, cuts: &cuts, pdu, merge }.requests((0..tags.len()).collect())
    }

    fn lens(requests: &[Request]) -> Vec<Vec<u16>> {
        requests.iter().map(|r| r.blocks.iter().map(|b| b.span.len).collect()).collect()
    }

    /// 250 tags in each of 4 DBs, mixed as in a real one: a REAL, then three INTs.
    fn thousand_tags() -> Vec<Address> {
        let tag = |n: usize| {
            let (db, n) = (n / 250 + 1, n % 250);
            let (group, place) = (n / 4 * 10, n % 4);
            match place {
                0 => format!("DB{db}.DBD{group}:REAL"),
                _ => format!("DB{db}.DBW{}:INT", group + 2 + place * 2),
            }
        };
        (0..1000).map(|n| Address::parse(&tag(n), None).unwrap()).collect()
    }

    #[test]
    fn a_thousand_tags_over_four_blocks_take_few_requests() {
        let tags = thousand_tags();
        assert_eq!(plan(&tags, 240, true).len(), 12);
        assert_eq!(plan(&tags, 480, true).len(), 6);
        assert_eq!(plan(&tags, 960, true).len(), 3);
        assert_eq!(plan(&tags, 960, false).len(), 50, "unmerged, 20 in a request");
    }

    #[test]
    fn a_hole_of_four_bytes_is_read_over_and_one_of_five_is_not() {
        let near = addresses(&["DB1.DBB0:BYTE", "DB1.DBB5:BYTE"]);
        assert_eq!(lens(&plan(&near, 240, true)), [[6]]);
        let far = addresses(&["DB1.DBB0:BYTE", "DB1.DBB6:BYTE"]);
        assert_eq!(lens(&plan(&far, 240, true)), [[1, 1]]);
        let other = addresses(&["DB1.DBB0:BYTE", "DB2.DBB1:BYTE", "M2.0"]);
        assert_eq!(lens(&plan(&other, 240, true)), [[1, 1, 1]]);
    }

    #[test]
    fn unmerged_tags_share_bytes_only_when_they_are_the_same() {
        let tags = addresses(&["M0.0", "M0.1", "M1.0", "MW0:INT"]);
        assert_eq!(lens(&plan(&tags, 240, false)), [[1, 2, 1]]);
        assert_eq!(lens(&plan(&tags, 240, true)), [[2]]);
    }

    #[test]
    fn a_cut_keeps_a_tag_from_joining_the_block_before_it() {
        let tags = addresses(&["MW0:INT", "MW2:INT", "MW4:INT"]);
        let cuts = BTreeSet::from([1]);
        let requests = Planner { tags: &tags, cuts: &cuts, pdu: 240, merge: true }.requests(vec![2, 1, 0]);
        assert_eq!(lens(&requests), [[2, 4]]);
    }

    #[test]
    fn a_block_is_cut_in_its_middle_but_never_inside_a_byte() {
        let middle = |texts: &[&str]| plan(&addresses(texts), 240, true)[0].blocks[0].middle();
        assert_eq!(middle(&["MW0:INT", "MW2:INT", "MW4:INT", "MW6:INT"]), Some(2));
        assert_eq!(middle(&["M0.0", "M0.1", "M0.2", "M1.0"]), Some(3));
        assert_eq!(middle(&["M0.0", "M0.1", "M0.2"]), None);
    }

    #[test]
    fn a_tag_larger_than_an_answer_is_split() {
        let tags = addresses(&["DB1.DBB0:STRING[254]", "DB1.DBB256:BYTE"]);
        let requests = plan(&tags, 240, true);
        assert_eq!(lens(&requests), [[222], [35]]);
        let pieces: Vec<_> = requests.iter().map(|r| r.blocks[0].parts[0]).collect();
        assert_eq!(pieces[0], Part { tag: 0, from: 0, at: 0, len: 222 });
        assert_eq!(pieces[1], Part { tag: 0, from: 0, at: 222, len: 34 });
    }

    fn tag() -> impl Strategy<Value = Address> {
        let area = prop::sample::select(vec!["DB1.DB", "DB2.DB", "M", "I"]);
        let kind = prop::sample::select(vec!["B#:BYTE", "W#:INT", "D#:REAL", "B#:LREAL", "B#:STRING[254]"]);
        (area, kind, 0..600_u32).prop_map(|(area, kind, at)| {
            Address::parse(&format!("{area}{}", kind.replace('#', &at.to_string())), None).unwrap()
        })
    }

    proptest! {
        #[test]
        fn every_tag_is_covered_once_and_everything_fits(
            tags in prop::collection::vec(tag(), 0..200),
            pdu in 64..=960_u16,
            merge: bool,
        ) {
            let mut covered: Vec<Vec<bool>> = tags.iter().map(|t| vec![false; t.kind.len_bytes().into()]).collect();
            for request in plan(&tags, pdu, merge) {
                let count = request.blocks.len();
                let data: usize = request.blocks.iter().map(|b| 4 + usize::from(b.span.len.next_multiple_of(2))).sum();
                prop_assert!(count <= 20 && 12 + 12 * count <= pdu.into() && 14 + data <= usize::from(pdu));
                for (block, part) in request.blocks.iter().flat_map(|b| b.parts.iter().map(move |p| (b, p))) {
                    prop_assert!(part.from + part.len <= block.span.len.into());
                    prop_assert_eq!(tags[part.tag].area, block.span.area);
                    prop_assert_eq!(tags[part.tag].start as usize + part.at, block.span.start as usize + part.from);
                    for byte in &mut covered[part.tag][part.at..part.at + part.len] {
                        prop_assert!(!std::mem::replace(byte, true));
                    }
                }
            }
            prop_assert!(covered.iter().flatten().all(|byte| *byte));
        }
    }
}
