//! Recorded lines as the engine takes them. A replay reads millions, so nothing is allocated for one: names are
//! borrowed from the line and looked up by their hash.
//!
//! Here: lines, names, values. Not here: the engine, and what becomes of a line that is wrong (`cli::replay`).
//! Invariant: a line is read by itself: what came before it plays no part.

use std::io::{self, BufRead};

use proto::Value;
use rules::engine::{Datapoint, Subject};
use rules::inventory::{Inventory, SourceId, TagId};
use rules::value::{Unknown, admit};
use rustc_hash::FxHashMap;

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
    machines: FxHashMap<String, FxHashMap<String, TagId>>,
    sources: FxHashMap<String, SourceId>,
}

impl Names {
    /// All names of an inventory.
    #[must_use]
    pub fn of(inventory: &Inventory) -> Self {
        let mut machines: FxHashMap<String, FxHashMap<_, _>> = FxHashMap::default();
        for (id, tag) in inventory.tags() {
            machines
                .entry(inventory.machine(tag.machine).id.clone())
                .or_default()
                .insert(tag.name.clone(), id);
        }
        Self { machines, sources: inventory.sources().map(|(id, s)| (s.id.clone(), id)).collect() }
    }

    /// What a line speaks of and which source delivered it, if the inventory knows both.
    #[must_use]
    pub fn known(&self, line: &proto::Datapoint<'_>) -> Option<(SourceId, Subject)> {
        let source = *self.sources.get(line.meta.source_id.as_ref())?;
        let subject = match line.tag.as_ref() {
            HEARTBEAT => Subject::Heartbeat,
            CONNECTED => Subject::Connected(line.value == Value::Bool(true)),
            // The agent's own tags are never those of a machine.
            tag if tag.starts_with('$') => return None,
            tag => Subject::Tag(*self.machines.get(line.equipment_id.as_ref())?.get(tag)?),
        };
        Some((source, subject))
    }
}

/// A line of a recording as the engine takes it.
#[must_use]
pub fn datapoint(inventory: &Inventory, subject: Subject, line: &proto::Datapoint<'_>) -> Datapoint {
    let value = match subject {
        Subject::Tag(id) => {
            let tag = inventory.tag(id);
            admit(tag.kind, tag.range, &line.value, line.quality)
        }
        Subject::Connected(connected) => Ok(rules::value::Value::Bool(connected)),
        Subject::Heartbeat => Err(Unknown::NeverSeen),
    };
    Datapoint {
        subject,
        timestamp: line.timestamp,
        value,
        quality: line.quality,
        flags: line.meta.flags,
        sequence: line.meta.sequence_number,
    }
}
