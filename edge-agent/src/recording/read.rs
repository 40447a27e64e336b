//! Recorded lines as the engine takes them. A replay reads millions, so nothing is allocated for one: names are
//! borrowed from the line and looked up by their hash.
//!
//! Here: lines, names, values. Not here: the engine, and what becomes of a line that is wrong (`cli::replay`).
//! Invariant: a line is read by itself: what came before it plays no part.

use std::hash::Hasher as _;
use std::io::{self, BufRead};

use proto::Value;
use rules::engine::{Datapoint, Subject};
use rules::inventory::{Inventory, SourceId, Tag, TagId};
use rules::value::{Type, Unknown, admit};
use rustc_hash::{FxHashMap, FxHasher};

use super::{CONNECTED, HEARTBEAT};

/// The lines of a recording, one after the other in the same memory.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    /// The number of the line that was read last, from 1.
    pub number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Over an input.
    pub fn of(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The next line that is not blank; none at the end.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            self.line.clear();
            if self.input.read_until(b'\n', &mut self.line)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(Some(&self.line));
            }
        }
    }
}

/// Looks names up in an inventory.
#[derive(Debug)]
pub struct Names {
    sources: FxHashMap<String, SourceId>,
    source_ids: Vec<String>,
    /// A table of open places, twice as many as tags at least: what a line needs lies together.
    places: Vec<Option<Named>>,
    /// Machine and tag of each, one after the other.
    texts: String,
}

/// A tag as lines name it, small: with many tags the time goes into fetching it from memory.
#[derive(Debug, Clone, Copy)]
struct Named {
    /// The lower half of the hash.
    hash: u32,
    tag: TagId,
    source: SourceId,
    /// Where its names begin, and how long they are.
    text: u32,
    lengths: (u16, u16),
    kind: Type,
    has_range: bool,
}

impl Names {
    /// All names of an inventory.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        let places = (inventory.tags().count() * 2).next_power_of_two();
        let mut names = Self {
            sources: inventory.sources().map(|(id, s)| (s.id.clone(), id)).collect(),
            source_ids: inventory.sources().map(|(_, s)| s.id.clone()).collect(),
            places: vec![None; places],
            texts: String::new(),
        };
        for (id, tag) in inventory.tags() {
            names.add(id, tag, &inventory.machine(tag.machine).id);
        }
        names
    }

    /// A name longer than 65,535 bytes is not found again; no protocol has one.
    fn add(&mut self, id: TagId, tag: &Tag, machine: &str) {
        let length = |text: &str| u16::try_from(text.len()).unwrap_or(u16::MAX);
        let text = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push_str(machine);
        self.texts.push_str(&tag.name);
        let hash = hash(machine, &tag.name);
        let mut place = self.first_place(hash);
        while self.places[place].is_some() {
            place = self.next_place(place);
        }
        self.places[place] = Some(Named {
            hash: hash as u32,
            tag: id,
            source: tag.source,
            text,
            lengths: (length(machine), length(&tag.name)),
            kind: tag.kind,
            has_range: tag.range.is_some(),
        });
    }

    fn first_place(&self, hash: u64) -> usize {
        // The upper bits of the hash are its best.
        (hash >> 32) as usize & (self.places.len() - 1)
    }

    fn next_place(&self, place: usize) -> usize {
        (place + 1) & (self.places.len() - 1)
    }

    fn find(&self, machine: &str, tag: &str) -> Option<&Named> {
        let hash = hash(machine, tag);
        let mut place = self.first_place(hash);
        loop {
            let named = self.places[place].as_ref()?;
            if named.hash == hash as u32 && self.is(named, machine, tag) {
                return Some(named);
            }
            place = self.next_place(place);
        }
    }

    fn is(&self, named: &Named, machine: &str, tag: &str) -> bool {
        let begin = named.text as usize;
        let middle = begin + usize::from(named.lengths.0);
        let end = middle + usize::from(named.lengths.1);
        self.texts.get(begin..middle) == Some(machine) && self.texts.get(middle..end) == Some(tag)
    }

    fn source(&self, id: &str, expected: SourceId) -> Option<SourceId> {
        let is_expected = self.source_ids.get(expected.0 as usize).is_some_and(|own| own == id);
        if is_expected { Some(expected) } else { self.sources.get(id).copied() }
    }

    /// A line as the engine takes it, if the inventory knows what it speaks of and which source delivered it.
    #[must_use]
    pub fn datapoint(
        &self,
        inventory: &Inventory,
        line: &proto::Datapoint<'_>,
    ) -> Option<(SourceId, Datapoint)> {
        let source_id = line.meta.source_id.as_ref();
        let (source, subject, value) = match line.tag.as_ref() {
            HEARTBEAT => (*self.sources.get(source_id)?, Subject::Heartbeat, Err(Unknown::NeverSeen)),
            CONNECTED => {
                let connected = line.value == Value::Bool(true);
                let value = Ok(rules::value::Value::Bool(connected));
                (*self.sources.get(source_id)?, Subject::Connected(connected), value)
            }
            // The agent's own tags are never those of a machine.
            tag if tag.starts_with('$') => return None,
            tag => {
                let named = self.find(&line.equipment_id, tag)?;
                let source = self.source(source_id, named.source)?;
                let range = if named.has_range { inventory.tag(named.tag).range } else { None };
                let value = admit(named.kind, range, &line.value, line.quality);
                (source, Subject::Tag(named.tag), value)
            }
        };
        let (timestamp, quality) = (line.timestamp, line.quality);
        let (flags, sequence) = (line.meta.flags, line.meta.sequence_number);
        Some((source, Datapoint { subject, timestamp, value, quality, flags, sequence }))
    }
}

fn hash(machine: &str, tag: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(machine.as_bytes());
    hasher.write(tag.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::inventory::{Machine, Source};

    #[test]
    fn every_tag_is_found_by_both_its_names_and_nothing_else_is() {
        let mut inventory = Inventory::default();
        let source = Source { id: "s".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        let machines = ["a", "ab", "b"].map(|id| {
            inventory.add_machine(Machine { name: id.into(), id: id.into(), ..Machine::default() })
        });
        for machine in machines {
            for name in ["bc", "c", "t1", "t2", "t3"] {
                let tag = Tag { machine, source, name: name.into(), kind: Type::Int, ..Tag::default() };
                inventory.add_tag(tag).unwrap();
            }
        }
        let names = Names::of(&inventory);
        for (id, tag) in inventory.tags() {
            let found = names.find(&inventory.machine(tag.machine).id, &tag.name).map(|n| n.tag);
            assert_eq!(found, Some(id));
        }
        assert!(names.find("a", "t4").is_none() && names.find("", "abc").is_none());
        assert!(Names::of(&Inventory::default()).find("a", "t1").is_none());
    }

    #[test]
    fn blank_lines_are_passed_over_and_counted() {
        let mut lines = Lines::of("a\n\r\n  \nb".as_bytes());
        assert_eq!(lines.next_line().unwrap(), Some(&b"a\n"[..]));
        assert_eq!(lines.next_line().unwrap(), Some(&b"b"[..]));
        assert_eq!(lines.number, 4);
        assert_eq!(lines.next_line().unwrap(), None);
    }
}
