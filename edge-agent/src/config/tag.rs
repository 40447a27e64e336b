//! Tags: `[[source.tag]]`.
//!
//! Here: the keys that every tag has. Not here: its address (`s7`, `opcua`).
//! Invariant: a tag is on one machine and belongs to one source.

use std::ops::Range;

use rules::diagnose::{FileId, Report};
use rules::document::{Node, Reader, Table};
use rules::inventory::{self, Inventory, SourceId, TagId};
use rules::value::Type;

use super::names::{Meaning, Tables};
use super::source::Protocol;
use super::{opcua, s7};
use crate::connector::opcua::OpcuaTag;
use crate::connector::s7::S7Tag;

/// A tag, as far as only its connector and `normalize` need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// The tag, as the engine knows it.
    pub id: TagId,
    /// A change smaller than this is not reported.
    pub deadband: f64,
}

/// Reads a tag; its address goes to its source's protocol. Without one, what can be judged is judged.
pub(super) fn tag(
    report: &mut Report,
    file: FileId,
    table: &Table,
    source: SourceId,
    protocol: Option<&mut Protocol>,
    (tables, inventory): (&Tables, &mut Inventory),
) -> Option<Tag> {
    let mut r = Reader::new(table, "[[source.tag]]", file, report);
    let machine = r.required_text("machine");
    let name = r.required_text("name");
    let unit = r.text("unit").map(|u| u.value);
    let range = range(&mut r);
    let deadband = number(&mut r, "report_deadband").unwrap_or(0.0);
    let is_known = protocol.is_some();
    let (kind, place) = addressed(&mut r, protocol.as_deref());
    let bits = place.as_ref().and_then(Place::bits);
    let Meaning { kind: meant, names, counter } = tables.meaning(&mut r, bits);
    let kind = match kind {
        Some(kind) if is_known => fitting(&mut r, kind, meant, counter),
        kind => kind,
    };
    r.finish(&["scan_class"]);
    let machine = super::machine::machine_named(report, file, &machine?, inventory)?;
    let (name, kind, place) = (name?, kind?, place?);
    let tag = inventory::Tag { machine, source, name: name.value, kind, unit, range, names, counter };
    let id = add(report, (file, name.span), tag, inventory)?;
    match (protocol, place) {
        (Some(Protocol::S7(_, tags)), Place::S7(tag)) => tags.push(tag),
        (Some(Protocol::Opcua(_, tags)), Place::Opcua(tag)) => tags.push(tag),
        _ => {}
    }
    Some(Tag { id, deadband })
}

/// The type of a tag and where it is, by the keys that its source's protocol has.
fn addressed(r: &mut Reader<'_, '_>, protocol: Option<&Protocol>) -> (Option<Type>, Option<Place>) {
    match protocol {
        None => {
            ["type", "address"].into_iter().for_each(|key| drop(r.text(key)));
            (Some(Type::Float), Some(Place::Nowhere))
        }
        Some(Protocol::Recorded) => (declared(r), Some(Place::Nowhere)),
        Some(Protocol::S7(..)) => {
            let (kind, place) = s7::addressed(r);
            (kind, place.map(Place::S7))
        }
        Some(Protocol::Opcua(..)) => (declared(r), opcua::node(r).map(Place::Opcua)),
    }
}

/// Adds a tag whose name is one, and not taken on its machine; `place` is where the name stands.
fn add(
    report: &mut Report,
    place: (FileId, Range<usize>),
    tag: inventory::Tag,
    inventory: &mut Inventory,
) -> Option<TagId> {
    let (name, machine) = (tag.name.clone(), tag.machine);
    if name.starts_with('$') || name.is_empty() || name.len() > 128 {
        report.error("C206", place, "a tag's name has 1 to 128 bytes and no `$` in front", "not a name");
        return None;
    }
    let id = inventory.add_tag(tag);
    if id.is_none() {
        let message = format!("{} has a tag `{name}` already", inventory.machine(machine).name);
        report.error("C207", place, message, "each tag of a machine has a name of its own");
    }
    id
}

/// Where a tag is, in its protocol.
enum Place {
    Nowhere,
    S7(S7Tag),
    Opcua(OpcuaTag),
}

impl Place {
    /// How wide the number is that stands there, where its address says so.
    fn bits(&self) -> Option<u32> {
        match self {
            Place::S7(tag) => s7::integer_bits(tag.address.kind()),
            Place::Nowhere | Place::Opcua(_) => None,
        }
    }
}

/// The type of a tag whose number means what these keys say.
fn fitting(r: &mut Reader<'_, '_>, kind: Type, meant: Option<Type>, counter: Option<u32>) -> Option<Type> {
    let (key, wanted, fits) = match (kind, meant) {
        (Type::Enum, None) => ("type", "`enum = \"…\"`, the table of its names", false),
        (Type::Flags, None) => ("type", "`flags = \"…\"`, the table of its bits", false),
        (_, Some(Type::Enum)) => ("enum", "an integer", matches!(kind, Type::Int | Type::Enum)),
        (_, Some(_)) => ("flags", "an integer", matches!(kind, Type::Int | Type::Flags)),
        (_, None) => ("kind", "a number", counter.is_none() || matches!(kind, Type::Int | Type::Float)),
    };
    if !fits {
        let place = (r.file(), r.any(key).map_or(0..0, |(key, _)| key.span.clone()));
        r.report().error(
            "C211",
            place,
            format!("`{key}` needs {wanted}"),
            format!("this tag is {}", a(kind)),
        );
        return None;
    }
    Some(meant.unwrap_or(kind))
}

fn a(kind: Type) -> String {
    format!("{} {kind}", if matches!(kind, Type::Int | Type::Enum) { "an" } else { "a" })
}

fn declared(r: &mut Reader<'_, '_>) -> Option<Type> {
    if !r.required("type") {
        return None;
    }
    let kinds = [Type::Bool, Type::Int, Type::Float, Type::Text, Type::Enum, Type::Flags];
    let names = kinds.map(|kind| kind.to_string());
    let kinds: Vec<_> = names.iter().map(String::as_str).zip(kinds).collect();
    super::one_of(r, "type", &kinds)
}

fn range(r: &mut Reader<'_, '_>) -> Option<(f64, f64)> {
    let (_, node) = r.any("range")?;
    let span = node.span.clone();
    let ends: Vec<f64> = match &node.value {
        Node::List(list) => list.iter().filter_map(|item| as_number(&item.value)).collect(),
        _ => Vec::new(),
    };
    match ends[..] {
        [low, high] if low < high => Some((low, high)),
        _ => {
            let place = (r.file(), span);
            r.report().error("C209", place, "`range` must be two numbers", "[least, greatest] is expected");
            None
        }
    }
}

fn number(r: &mut Reader<'_, '_>, key: &'static str) -> Option<f64> {
    let (_, node) = r.any(key)?;
    let span = node.span.clone();
    let value = as_number(&node.value).filter(|n| n.is_finite() && *n >= 0.0);
    if value.is_none() {
        let place = (r.file(), span);
        r.report().error("E005", place, format!("`{key}` must be a number from 0"), "not such a number");
    }
    value
}

fn as_number(node: &Node) -> Option<f64> {
    match node {
        Node::Int(i) => Some(*i as f64),
        Node::Float(f) => Some(*f),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::mistake;

    #[test]
    fn unknown_machines_and_doubled_tags_are_named() {
        assert!(
            mistake("machine = \"washer-1\"", "machine = \"wsher-1\"").contains("did you mean `washer-1`?")
        );
        assert!(
            mistake("name = \"speed\"", "name = \"water_temperature\"")
                .contains("has a tag `water_temperature` already")
        );
    }

    #[test]
    fn a_range_goes_from_the_least_to_the_greatest() {
        assert!(mistake("range = [0, 120]", "range = [120, 0]").contains("two numbers"));
    }
}
