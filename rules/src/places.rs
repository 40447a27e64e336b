//! Where the tags of a scope lie.
//!
//! With every datapoint this is asked once. The tags of a source mostly stand side by side in the inventory, so their
//! places do as well: one look into a short row, where a map would be searched.
//!
//! Here: from a tag to its place. Not here: what lies there (`signals`).
//! Invariant: a tag has one place, and the row is at most [`ROOM`] times as long as there are tags in it.

use rustc_hash::FxHashMap;

use crate::inventory::TagId;

/// How much longer than its tags the row may be.
const ROOM: usize = 8;
/// No tag of the scope.
const NOBODY: u32 = u32::MAX;

/// The places of tags.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The first tag of the row.
    first: u32,
    row: Vec<u32>,
    /// Those that are not in the row.
    others: FxHashMap<TagId, u32>,
}

impl Places {
    /// The place of a tag.
    #[inline]
    pub(crate) fn get(&self, tag: TagId) -> Option<usize> {
        let in_row = tag.0.checked_sub(self.first).and_then(|i| self.row.get(i as usize)).copied();
        let place = in_row.or_else(|| self.others.get(&tag).copied());
        place.filter(|place| *place != NOBODY).map(|place| place as usize)
    }

    /// The place of a tag, which is `next` if it had none.
    pub(crate) fn or_insert(&mut self, tag: TagId, next: usize) -> usize {
        self.get(tag).unwrap_or_else(|| {
            let place = u32::try_from(next).unwrap_or(NOBODY - 1);
            let in_row = tag.0.checked_sub(self.first).and_then(|i| self.row.get_mut(i as usize));
            match in_row {
                Some(own) => *own = place,
                None => drop(self.others.insert(tag, place)),
            }
            place as usize
        })
    }

    /// All tags are there: they form a row, if they lie close together.
    pub(crate) fn ready(&mut self) {
        let Some((first, last)) =
            self.others.keys().map(|t| t.0).min().zip(self.others.keys().map(|t| t.0).max())
        else {
            return;
        };
        let length = (last - first) as usize + 1;
        if !self.row.is_empty() || length > self.others.len().saturating_mul(ROOM) {
            return;
        }
        (self.first, self.row) = (first, vec![NOBODY; length]);
        for (tag, place) in std::mem::take(&mut self.others) {
            self.row[(tag.0 - first) as usize] = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(tags: &[u32]) -> Places {
        let mut places = Places::default();
        for (i, tag) in tags.iter().enumerate() {
            assert_eq!(places.or_insert(TagId(*tag), i), i);
        }
        places.ready();
        places
    }

    #[test]
    fn a_tag_is_found_whether_it_stands_in_the_row_or_not() {
        for tags in [&[7, 3, 5][..], &[7, 3_000_000, 5], &[u32::MAX, 0], &[]] {
            let mut places = places(tags);
            for (i, tag) in tags.iter().enumerate() {
                assert_eq!(places.get(TagId(*tag)), Some(i), "{tags:?}");
            }
            for (i, new) in [4, 1, 900].into_iter().enumerate() {
                assert_eq!(places.get(TagId(new)), None, "{tags:?}");
                assert_eq!(places.or_insert(TagId(new), 10 + i), 10 + i);
                assert_eq!(places.get(TagId(new)), Some(10 + i), "{tags:?}");
            }
        }
    }

    #[test]
    fn tags_that_lie_far_apart_take_no_row() {
        assert!(places(&[1, 1_000_000]).row.is_empty());
        assert_eq!(places(&[10, 12, 14]).row.len(), 5);
    }
}
