//! Machines, tags and sources as a recording shows them, where no configuration says.
//!
//! Each `equipmentId` is a machine of that name, each `sourceId` a source; a tag belongs to the source that brought it
//! first, and is of the narrowest type that holds all its values.
//!
//! Here: one look at all lines. Not here: judging them (`cli::replay`).
//! Invariant: what is inferred does not depend on the order of a tag's values; it is bounded by the names in the
//! recording, not by its length.

use proto::Value;
use rules::inventory::{Inventory, Machine, MachineId, Source, SourceId, Tag};
use rules::time::Millis;
use rules::value::Type;
use rustc_hash::FxHashMap;

/// A recording with more tags than any line has is not what it seems to be.
const TAGS_MAX: usize = 1_000_000;
/// A source not heard of for longer does not hold the watermark (§3.5), ms.
const IDLE_TIMEOUT: Millis = 30_000;

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    machines: FxHashMap<String, FxHashMap<String, usize>>,
    sources: FxHashMap<String, usize>,
    /// In the order in which they were seen first.
    tags: Vec<SeenTag>,
    machine_names: Vec<String>,
    source_names: Vec<String>,
}

#[derive(Debug)]
struct SeenTag {
    machine: usize,
    name: String,
    source: usize,
    unit: Option<String>,
    kinds: Kinds,
}

/// Which values a tag had.
#[derive(Debug, Clone, Copy, Default)]
struct Kinds {
    bools: bool,
    /// 0 and 1.
    digits: bool,
    ints: bool,
    floats: bool,
    /// Integers beyond 2^53 are written as texts.
    long_ints: bool,
    texts: bool,
}

/// More names than a recording of a line can have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("it holds more than {TAGS_MAX} tags: is it a recording?")]
pub struct TooMany;

impl Seen {
    /// Looks at a line.
    ///
    /// # Errors
    /// When there are too many tags.
    pub fn line(&mut self, line: &proto::Datapoint<'_>) -> Result<(), TooMany> {
        let source = self.source(&line.meta.source_id);
        if line.tag.starts_with('$') {
            return Ok(());
        }
        let tag = match self.machines.get(line.equipment_id.as_ref()).and_then(|m| m.get(line.tag.as_ref())) {
            Some(place) => *place,
            None => self.add(line, source)?,
        };
        let seen = &mut self.tags[tag];
        seen.kinds.see(&line.value);
        if seen.unit.is_none() {
            seen.unit = line.meta.unit.as_deref().map(ToOwned::to_owned);
        }
        Ok(())
    }

    fn source(&mut self, id: &str) -> usize {
        if let Some(place) = self.sources.get(id) {
            return *place;
        }
        let place = self.source_names.len();
        self.source_names.push(id.to_owned());
        self.sources.insert(id.to_owned(), place);
        place
    }

    fn add(&mut self, line: &proto::Datapoint<'_>, source: usize) -> Result<usize, TooMany> {
        if self.tags.len() >= TAGS_MAX || self.source_names.len() > TAGS_MAX {
            return Err(TooMany);
        }
        let id = line.equipment_id.as_ref();
        if !self.machines.contains_key(id) {
            self.machine_names.push(id.to_owned());
        }
        let of_machine = self.machines.entry(id.to_owned()).or_default();
        // Its place is that of any of its tags, or behind all others.
        let machine = of_machine.values().next().map(|tag| self.tags[*tag].machine);
        let machine = machine.unwrap_or(self.machine_names.len() - 1);
        let place = self.tags.len();
        of_machine.insert(line.tag.to_string(), place);
        let (name, kinds) = (line.tag.to_string(), Kinds::default());
        self.tags.push(SeenTag { machine, name, source, unit: None, kinds });
        Ok(place)
    }

    /// What it amounts to.
    #[must_use]
    pub fn inventory(self) -> Inventory {
        let mut inventory = Inventory::default();
        let machine = |name: String| Machine { id: name.clone(), name, ..Machine::default() };
        let machines: Vec<MachineId> =
            self.machine_names.into_iter().map(|name| inventory.add_machine(machine(name))).collect();
        let source = |id| Source { id, idle_timeout: IDLE_TIMEOUT, max_out_of_orderness: 0, max_lag: None };
        let sources: Vec<SourceId> =
            self.source_names.into_iter().map(|id| inventory.add_source(source(id))).collect();
        for SeenTag { machine, name, source, unit, kinds } in self.tags {
            let (machine, source, kind) = (machines[machine], sources[source], kinds.kind());
            inventory.add_tag(Tag { machine, source, name, kind, unit, ..Tag::default() });
        }
        inventory
    }
}

impl Kinds {
    fn see(&mut self, value: &Value<'_>) {
        match value {
            Value::Null => {}
            Value::Bool(_) => self.bools = true,
            Value::Int(0 | 1) => self.digits = true,
            Value::Int(_) => self.ints = true,
            Value::Float(_) => self.floats = true,
            Value::Text(text) if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() => {
                self.long_ints = true;
            }
            Value::Text(_) => self.texts = true,
        }
    }

    fn kind(self) -> Type {
        let Self { bools, digits, ints, floats, long_ints, texts } = self;
        let is_number = digits || ints || floats;
        if texts || (long_ints && !is_number) {
            Type::Text
        } else if bools && !ints && !floats && !long_ints {
            Type::Bool
        } else if is_number && !floats {
            Type::Int
        } else {
            // Nothing but nulls: any type will do.
            Type::Float
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(machine: &str, tag: &str, value: &str, source: &str) -> String {
        format!(
            r#"{{"version":1,"timestamp":1,"equipmentId":"{machine}","tag":"{tag}","value":{value},"quality":"Ok","meta":{{"sequenceNumber":1,"flags":[],"sourceId":"{source}","unit":"bar"}}}}"#
        )
    }

    fn seen(lines: &[String]) -> Inventory {
        let mut seen = Seen::default();
        for line in lines {
            seen.line(&serde_json::from_str(line).unwrap()).unwrap();
        }
        seen.inventory()
    }

    fn kind(values: &[&str]) -> Type {
        let of = |values: Vec<&&str>| {
            let lines: Vec<String> = values.into_iter().map(|v| line("m", "t", v, "s")).collect();
            seen(&lines).tags().next().unwrap().1.kind
        };
        let kind = of(values.iter().collect());
        assert_eq!(of(values.iter().rev().collect()), kind, "{values:?}: the order plays no part");
        kind
    }

    #[test]
    fn machines_sources_and_tags_are_those_of_the_lines() {
        let lines = [
            ("a", "p", "s1"),
            ("b", "p", "s2"),
            ("a", "q", "s2"),
            ("a", "p", "s2"),
            ("s3", "$heartbeat", "s3"),
        ];
        let inventory = seen(&lines.map(|(machine, tag, source)| line(machine, tag, "1.5", source)));
        let machines: Vec<_> = inventory.machines().map(|(_, m)| (m.name.as_str(), m.id.as_str())).collect();
        assert_eq!(machines, [("a", "a"), ("b", "b")]);
        let sources: Vec<_> = inventory.sources().map(|(_, s)| s.id.as_str()).collect();
        assert_eq!(sources, ["s1", "s2", "s3"]);
        let tags: Vec<_> = inventory
            .tags()
            .map(|(_, t)| {
                let (machine, source) = (inventory.machine(t.machine), inventory.source(t.source));
                (machine.name.as_str(), t.name.as_str(), source.id.as_str(), t.unit.as_deref())
            })
            .collect();
        assert_eq!(
            tags,
            [("a", "p", "s1", Some("bar")), ("b", "p", "s2", Some("bar")), ("a", "q", "s2", Some("bar"))]
        );
    }

    #[test]
    fn a_tag_is_of_the_narrowest_type_that_holds_its_values() {
        assert_eq!(kind(&["true", "0", "null"]), Type::Bool);
        assert_eq!(kind(&["0", "1"]), Type::Int);
        assert_eq!(kind(&["true", "7"]), Type::Int);
        assert_eq!(kind(&["3", "9.5"]), Type::Float);
        assert_eq!(kind(&["3", "\"9007199254740993\""]), Type::Int);
        assert_eq!(kind(&["\"0815\""]), Type::Text);
        assert_eq!(kind(&["\"a\"", "1"]), Type::Text);
        assert_eq!(kind(&["null"]), Type::Float);
    }
}
