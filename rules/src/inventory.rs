//! What there is: machines, sources, the tags that a source owns on a machine, and whom rules may notify.
//!
//! Here: the names and numbers by which the engine knows them. Not here: addresses, protocols and everything
//! else that only a connector needs.
//! Invariant: names exist where configuration is read and JSON is written; in between there are only numbers.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::time::Millis;
use crate::value::{Constant, Type};

/// A machine, by its place in [`Inventory::machines`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MachineId(pub u32);

/// A source, by its place in [`Inventory::sources`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SourceId(pub u32);

/// A tag, by its place in [`Inventory::tags`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TagId(pub u32);

/// A machine (equipment).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Machine {
    /// What people call it: `washer-1`.
    pub name: String,
    /// What the records call it: `equipmentId`.
    pub id: String,
    /// The line it belongs to.
    pub line: Option<String>,
    /// What kind of machine it is: `washer`.
    pub class: Option<String>,
    /// Its own values of rule parameters.
    pub params: BTreeMap<String, Constant>,
}

/// A source: one connection to one PLC, server or broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// `sourceId`.
    pub id: String,
    /// A source not heard of for longer does not hold the watermark, ms.
    pub idle_timeout: Millis,
    /// How far its datapoints may be out of order, ms.
    pub max_out_of_orderness: Millis,
    /// A source whose frontier is further behind does not hold the watermark, ms; none: it always does.
    pub max_lag: Option<Millis>,
}

/// A tag: a named value of one machine, owned by one source.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tag {
    /// The machine it belongs to.
    pub machine: MachineId,
    /// The source that delivers it.
    pub source: SourceId,
    /// Its name, unique on the machine.
    pub name: String,
    /// Its type.
    pub kind: Type,
    /// Its unit.
    pub unit: Option<String>,
    /// Least and greatest plausible value.
    pub range: Option<(f64, f64)>,
    /// The names of the codes of an `Enum`, or of the bits of `Flags`.
    pub names: Option<Arc<Names>>,
    /// It counts up and wraps at so many bits, or begins again at 0; none: it is no counter.
    pub counter: Option<u32>,
}

/// Names for the codes of a state word, or for the bits of a bit field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// What people call the table: `ws09_state`.
    pub table: String,
    /// Names with their code, or with the place of their bit.
    pub entries: Vec<(String, i64)>,
}

/// All machines, sources and tags.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    machines: Vec<Machine>,
    sources: Vec<Source>,
    tags: Vec<Tag>,
    /// The names of tags, each once: many machines have the same.
    words: FxHashMap<Box<str>, u32>,
    by_word: FxHashMap<(MachineId, u32), TagId>,
    machines_by_name: FxHashMap<String, Vec<MachineId>>,
    machines_by_id: FxHashMap<String, MachineId>,
    of_machine: FxHashMap<MachineId, Vec<TagId>>,
    /// The file it was read from: its name, and its text.
    file: Option<(String, Arc<str>)>,
    targets: Option<BTreeSet<String>>,
}

impl Inventory {
    /// Adds a machine.
    pub fn add_machine(&mut self, machine: Machine) -> MachineId {
        let id = MachineId(place(self.machines.len() + 1));
        self.machines_by_name.entry(machine.name.clone()).or_default().push(id);
        self.machines_by_id.entry(machine.id.clone()).or_insert(id);
        self.machines.push(machine);
        id
    }

    /// Adds a source.
    pub fn add_source(&mut self, source: Source) -> SourceId {
        self.sources.push(source);
        SourceId(place(self.sources.len()))
    }

    /// Adds a tag; `None` when its machine has one of that name already.
    pub fn add_tag(&mut self, tag: Tag) -> Option<TagId> {
        let id = TagId(place(self.tags.len() + 1));
        let word = self.word(&tag.name);
        match self.by_word.entry((tag.machine, word)) {
            Entry::Occupied(_) => return None,
            Entry::Vacant(free) => free.insert(id),
        };
        self.of_machine.entry(tag.machine).or_default().push(id);
        self.tags.push(tag);
        Some(id)
    }

    fn word(&mut self, name: &str) -> u32 {
        if let Some(word) = self.words.get(name) {
            return *word;
        }
        let word = place(self.words.len() + 1);
        self.words.insert(name.into(), word);
        word
    }

    /// Says which file it was read from, so that mistakes that show later have their place.
    pub fn was_read_from(&mut self, name: &str, text: &str) {
        self.file = Some((name.to_owned(), text.into()));
    }

    /// The file it was read from: its name, and its text.
    #[must_use]
    pub fn file(&self) -> Option<(&str, &str)> {
        self.file.as_ref().map(|(name, text)| (name.as_str(), &**text))
    }

    /// Says whom rules may notify, by their names.
    pub fn set_targets(&mut self, names: BTreeSet<String>) {
        self.targets = Some(names);
    }

    /// Whom rules may notify; none: nobody has said, as where a recording stands for a configuration.
    #[must_use]
    pub fn targets(&self) -> Option<&BTreeSet<String>> {
        self.targets.as_ref()
    }

    /// All machines with their ids.
    pub fn machines(&self) -> impl Iterator<Item = (MachineId, &Machine)> {
        self.machines.iter().enumerate().map(|(i, m)| (MachineId(place(i + 1)), m))
    }

    /// All sources with their ids.
    pub fn sources(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(i, s)| (SourceId(place(i + 1)), s))
    }

    /// All sources, to give them other bounds.
    pub fn sources_mut(&mut self) -> impl Iterator<Item = &mut Source> {
        self.sources.iter_mut()
    }

    /// All tags with their ids.
    pub fn tags(&self) -> impl Iterator<Item = (TagId, &Tag)> {
        self.tags.iter().enumerate().map(|(i, t)| (TagId(place(i + 1)), t))
    }

    /// The machines of that name.
    #[must_use]
    pub fn machines_named(&self, name: &str) -> &[MachineId] {
        self.machines_by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The machine that records call so.
    #[must_use]
    pub fn machine_with_id(&self, id: &str) -> Option<MachineId> {
        self.machines_by_id.get(id).copied()
    }

    /// A machine.
    #[must_use]
    pub fn machine(&self, id: MachineId) -> &Machine {
        &self.machines[id.0 as usize]
    }

    /// A source.
    #[must_use]
    pub fn source(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// A tag.
    #[must_use]
    pub fn tag(&self, id: TagId) -> &Tag {
        &self.tags[id.0 as usize]
    }

    /// A tag, if there is one of that number.
    #[must_use]
    pub(crate) fn get_tag(&self, id: TagId) -> Option<&Tag> {
        self.tags.get(id.0 as usize)
    }

    /// The tag of that name on a machine.
    #[must_use]
    pub(crate) fn tag_named(&self, machine: MachineId, name: &str) -> Option<TagId> {
        let word = self.words.get(name)?;
        self.by_word.get(&(machine, *word)).copied()
    }

    /// The names of a machine's tags.
    pub(crate) fn tag_names(&self, machine: MachineId) -> impl Iterator<Item = &str> {
        self.of_machine.get(&machine).into_iter().flatten().map(|id| self.tag(*id).name.as_str())
    }
}

/// The id of the last of `count`: ids are given by `add_…` only, and configuration is far below 2^32.
fn place(count: usize) -> u32 {
    u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_by_its_machine_and_name_and_is_there_once() {
        let mut inventory = Inventory::default();
        let machine = |name: &str| Machine { name: name.into(), id: name.into(), ..Machine::default() };
        let (a, b) = (inventory.add_machine(machine("a")), inventory.add_machine(machine("b")));
        let source = Source { id: "s".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        let tag = |machine| Tag { machine, source, name: "t".into(), kind: Type::Int, ..Tag::default() };
        let first = inventory.add_tag(tag(a));
        let second = inventory.add_tag(tag(b));
        assert_eq!(inventory.add_tag(tag(a)), None);
        assert_eq!((inventory.tag_named(a, "t"), inventory.tag_named(b, "t")), (first, second));
        assert_ne!(first, second);
        assert_eq!(inventory.tag(second.unwrap()).machine, b);
    }
}
