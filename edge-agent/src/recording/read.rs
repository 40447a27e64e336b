//! Recorded lines as the engine takes them. A replay reads millions, so nothing is allocated for one: names are
//! borrowed from the line and looked up by their hash.
//!
//! Here: lines, names, values. Not here: the engine, and what becomes of a line that is wrong (`cli::replay`).
//! Invariant: a line is read by itself: what came before it plays no part.

use std::io::{self, BufRead};
use std::ops::Range;

use memchr::memchr;
use proto::Value;
use rules::engine::{Datapoint, Subject};
use rules::inventory::{Inventory, MachineId, SourceId, Tag, TagId};
use rules::value::{Type, Unknown, admit};
use rustc_hash::FxHashMap;

use super::line::Line;
use super::{CONNECTED, HEARTBEAT};

/// The lines of a recording, one after the other. A line is looked at where it was read; only one that does not lie
/// in the memory of the input as a whole is copied.
#[derive(Debug)]
pub struct Lines<R> {
    input: R,
    line: Vec<u8>,
    /// Of the memory of the input: what was looked at already.
    seen: usize,
    /// The number of the line that was read last, from 1.
    pub number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Over an input.
    pub fn of(input: R) -> Self {
        Self { input, line: Vec::new(), seen: 0, number: 0 }
    }

    /// The next line that is not blank; none at the end.
    ///
    /// # Errors
    /// When the input cannot be read.
    pub fn next_line(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            self.input.consume(std::mem::take(&mut self.seen));
            let held = self.input.fill_buf()?;
            let whole = memchr(b'\n', held).map(|end| end + 1);
            let line = if let Some(end) = whole {
                &held[..end]
            } else {
                self.line.clear();
                if self.input.read_until(b'\n', &mut self.line)? == 0 {
                    return Ok(None);
                }
                self.line.as_slice()
            };
            self.number += 1;
            if line.iter().all(u8::is_ascii_whitespace) {
                self.seen = whole.unwrap_or(0);
                continue;
            }
            return match whole {
                Some(end) => {
                    self.seen = end;
                    Ok(self.input.fill_buf()?.get(..end))
                }
                None => Ok(Some(&self.line)),
            };
        }
    }
}

/// Looks names up in an inventory. It is small, so that it stays near the processor: each name is there once.
#[derive(Debug)]
pub struct Names {
    sources: FxHashMap<String, SourceId>,
    source_ids: Vec<String>,
    /// Where the tags of a machine lie in `tags`, by its id.
    machines: FxHashMap<Box<str>, Range<u32>>,
    /// The names of tags; many machines have the same.
    words: FxHashMap<Box<str>, u32>,
    /// By machine, then by word.
    tags: Vec<Named>,
}

/// A tag as lines name it.
#[derive(Debug, Clone, Copy)]
struct Named {
    word: u32,
    tag: TagId,
    source: SourceId,
    kind: Type,
    has_range: bool,
}

impl Names {
    /// All names of an inventory.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        let mut names = Self {
            sources: inventory.sources().map(|(id, s)| (s.id.clone(), id)).collect(),
            source_ids: inventory.sources().map(|(_, s)| s.id.clone()).collect(),
            machines: FxHashMap::default(),
            words: FxHashMap::default(),
            tags: Vec::new(),
        };
        let mut all: Vec<(MachineId, Named)> = inventory
            .tags()
            .map(|(id, tag)| (tag.machine, Named::of(id, tag, names.word(&tag.name))))
            .collect();
        all.sort_unstable_by_key(|(machine, named)| (*machine, named.word));
        let place = |i: usize| u32::try_from(i).unwrap_or(u32::MAX);
        for of_machine in all.chunk_by(|a, b| a.0 == b.0) {
            let begin = place(names.tags.len());
            names.tags.extend(of_machine.iter().map(|(_, named)| *named));
            let id = inventory.machine(of_machine[0].0).id.as_str();
            names.machines.insert(id.into(), begin..place(names.tags.len()));
        }
        names
    }

    fn word(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        *self.words.entry(name.into()).or_insert(next)
    }

    fn find(&self, machine: &str, tag: &str) -> Option<&Named> {
        let word = self.words.get(tag)?;
        let own = self.machines.get(machine)?;
        let own = self.tags.get(own.start as usize..own.end as usize)?;
        // A few are looked through faster than halved.
        if own.len() <= 16 {
            return own.iter().find(|named| named.word == *word);
        }
        own.binary_search_by_key(word, |named| named.word).ok().map(|place| &own[place])
    }

    fn source(&self, id: &str, expected: SourceId) -> Option<SourceId> {
        let is_expected = self.source_ids.get(expected.0 as usize).is_some_and(|own| own == id);
        if is_expected { Some(expected) } else { self.sources.get(id).copied() }
    }

    /// A line as the engine takes it, if the inventory knows what it speaks of and which source delivered it.
    #[must_use]
    pub fn datapoint(&self, inventory: &Inventory, line: &Line<'_>) -> Option<(SourceId, Datapoint)> {
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

impl Named {
    fn of(id: TagId, tag: &Tag, word: u32) -> Self {
        Self { word, tag: id, source: tag.source, kind: tag.kind, has_range: tag.range.is_some() }
    }
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
            let many = (0..40).map(|i| format!("t{i}"));
            for name in ["bc", "c"].into_iter().map(str::to_owned).chain(many) {
                if machine == machines[0] && name.as_str() > "t3" {
                    continue;
                }
                let tag = Tag { machine, source, name, kind: Type::Int, ..Tag::default() };
                inventory.add_tag(tag).unwrap();
            }
        }
        let names = Names::of(&inventory);
        for (id, tag) in inventory.tags() {
            let found = names.find(&inventory.machine(tag.machine).id, &tag.name).map(|n| n.tag);
            assert_eq!(found, Some(id));
        }
        assert!(
            names.find("a", "t4").is_none()
                && names.find("b", "t4").is_some()
                && names.find("", "abc").is_none()
        );
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

    #[test]
    fn lines_are_whole_however_the_input_holds_them() {
        for room in 1..12 {
            let input = io::BufReader::with_capacity(room, "abc\n\nde\nf\n\nghijk".as_bytes());
            let (mut lines, mut read) = (Lines::of(input), Vec::new());
            while let Some(line) = lines.next_line().unwrap() {
                read.push(String::from_utf8(line.to_vec()).unwrap());
            }
            assert_eq!((read.concat().as_str(), read.len()), ("abc\nde\nf\nghijk", 4), "{room}");
        }
    }
}
