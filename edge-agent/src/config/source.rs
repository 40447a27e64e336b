//! Sources and their tags: `[[source]]`, `[[source.tag]]`.
//!
//! Here: their keys, checked as far as a file can be. Not here: whether the PLC has what they name.
//! Invariant: the tags of a source stand in the order in which its connector knows them; a tag is on one machine
//! and belongs to one source.

use std::time::Duration;

use rules::diagnose::{FileId, Report};
use rules::document::{Node, Placed, Reader, Table};
use rules::inventory::{self, Inventory, SourceId, TagId};
use rules::value::Type;

use super::opcua::{self, Surroundings};
use crate::connector::opcua::{OpcuaConfig, OpcuaTag};
use crate::connector::s7::{self, Address, AddressError, Connection, S7Config, S7Tag, Tsap};

/// A source, and how it is read.
#[derive(Debug, Clone)]
pub struct Source {
    /// The source, as the engine knows it.
    pub id: SourceId,
    /// Its tags, in the order in which its connector knows them.
    pub tags: Vec<Tag>,
    /// How it is read.
    pub protocol: Protocol,
}

/// A tag, as far as only its connector and `normalize` need it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tag {
    /// The tag, as the engine knows it.
    pub id: TagId,
    /// A change smaller than this is not reported.
    pub deadband: f64,
}

/// How a source is read.
#[derive(Debug, Clone)]
pub enum Protocol {
    /// It is not: its datapoints come from a recording.
    Recorded,
    /// S7 over TCP.
    S7(S7Config, Vec<S7Tag>),
    /// OPC UA over TCP.
    Opcua(OpcuaConfig, Vec<OpcuaTag>),
}

/// Protocols of this version.
const PROTOCOLS: [&str; 3] = ["s7", "opcua", "recorded"];
/// A source not heard of for longer does not hold the watermark (§3.5).
const IDLE_TIMEOUT: i64 = 30_000;
/// A server's clock and its sources' are seldom in step (§3.4), ms.
const OUT_OF_ORDERNESS_OPCUA: i64 = 500;
/// A source further behind does not hold it, unless its idle timeout is longer (§3.5).
const LAG_MAX: i64 = 30_000;
/// Keys of the specification that this version does not read.
const LATER: [&str; 5] = ["tags", "scan_class", "client_id", "unit_id", "serial"];

pub(super) fn sources(
    report: &mut Report,
    file: FileId,
    tables: &[&Table],
    around: &Surroundings<'_>,
    inventory: &mut Inventory,
) -> Vec<Source> {
    tables.iter().filter_map(|table| source(report, file, table, around, inventory)).collect()
}

fn source(
    report: &mut Report,
    file: FileId,
    table: &Table,
    around: &Surroundings<'_>,
    inventory: &mut Inventory,
) -> Option<Source> {
    let mut r = Reader::new(table, "[[source]]", file, report);
    let id = r.required_text("id").and_then(|id| super::key_part(&mut r, "id", id.clone()).map(|_| id));
    let protocol = r.required_text("protocol");
    let idle_timeout = r.duration("idle_timeout").map_or(IDLE_TIMEOUT, |d| d.value);
    let max_out_of_orderness = r.duration("max_out_of_orderness").map(|d| d.value);
    let max_lag = max_lag(&mut r, idle_timeout);
    let tags = r.tables("tag");
    let known = protocol.as_ref().is_none_or(|p| PROTOCOLS.contains(&p.value.as_str()));
    let protocol = protocol.and_then(|p| protocol_of(&mut r, &p, around));
    // Which keys belong to a protocol that is not known, nobody can say.
    if known {
        r.finish(&LATER);
    }
    let (id, mut protocol) = (id?, protocol?);
    let max_out_of_orderness = max_out_of_orderness.unwrap_or(match protocol {
        Protocol::Opcua(..) => OUT_OF_ORDERNESS_OPCUA,
        Protocol::Recorded | Protocol::S7(..) => 0,
    });
    if inventory.sources().any(|(_, s)| s.id == id.value) {
        let message = format!("there is a source `{}` already", id.value);
        report.error("C201", (file, id.span), message, "each source has an id of its own");
        return None;
    }
    let source = inventory::Source { id: id.value, idle_timeout, max_out_of_orderness, max_lag };
    let source = inventory.add_source(source);
    let known =
        tags.into_iter().filter_map(|table| tag(report, file, table, source, &mut protocol, inventory));
    Some(Source { id: source, tags: known.collect(), protocol })
}

/// `"none"`, a duration, or the default.
fn max_lag(r: &mut Reader<'_, '_>, idle_timeout: i64) -> Option<i64> {
    match r.any("max_lag") {
        None => Some(LAG_MAX.max(idle_timeout)),
        Some((_, node)) if node.value == Node::Text("none".into()) => None,
        Some(_) => r.duration("max_lag").map(|d| d.value),
    }
}

/// The protocol with its settings, its tags still to come.
fn protocol_of(
    r: &mut Reader<'_, '_>,
    protocol: &Placed<String>,
    around: &Surroundings<'_>,
) -> Option<Protocol> {
    match protocol.value.as_str() {
        "recorded" => Some(Protocol::Recorded),
        "s7" => Some(Protocol::S7(s7_config(r)?, Vec::new())),
        "opcua" => Some(Protocol::Opcua(opcua::config(r, around)?, Vec::new())),
        other => {
            let place = (r.file(), protocol.span.clone());
            let later = ["modbus", "mqtt"].contains(&other);
            let label =
                if later { "not supported by this version" } else { "s7, opcua or recorded is expected" };
            r.report().error("C202", place, format!("`{other}` is not a protocol of this version"), label);
            None
        }
    }
}

fn s7_config(r: &mut Reader<'_, '_>) -> Option<S7Config> {
    let address = r.required_text("address");
    let tsap = tsap(r);
    let (scan, timeout) = (scan(r), timeout(r));
    let merge = r.bool("merge");
    let mut config = S7Config::new(&address?.value);
    config.scan = scan.unwrap_or(config.scan);
    config.timeout = timeout.unwrap_or(config.timeout);
    config.merge = merge.is_none_or(|m| m.value);
    config.tsap = tsap.unwrap_or(config.tsap);
    Some(config)
}

/// How often values are read.
pub(super) fn scan(r: &mut Reader<'_, '_>) -> Option<Duration> {
    let scan = r.duration("scan")?;
    if scan.value < 10 {
        let place = (r.file(), scan.span.clone());
        r.report().error("C203", place, "`scan` must be at least 10 ms", "no PLC answers faster");
    }
    Some(Duration::from_millis(scan.value.unsigned_abs()))
}

/// How long an answer may take.
pub(super) fn timeout(r: &mut Reader<'_, '_>) -> Option<Duration> {
    r.duration("timeout").map(|timeout| Duration::from_millis(timeout.value.unsigned_abs()))
}

/// `tsap`, or `rack`, `slot` and `connection`.
fn tsap(r: &mut Reader<'_, '_>) -> Option<Tsap> {
    let (rack, slot) = (r.int("rack"), r.int("slot"));
    let kinds = [("op", Connection::Op), ("pg", Connection::Pg), ("basic", Connection::Basic)];
    let connection = super::one_of(r, "connection", &kinds);
    if let Some(given) = r.text("tsap") {
        return remote_tsap(r, &given);
    }
    if rack.is_none() && slot.is_none() && connection.is_none() {
        return None;
    }
    let small = |number: &Option<Placed<i64>>, default| {
        number.as_ref().map_or(Ok(default), |n| u8::try_from(n.value))
    };
    let span = rack.as_ref().or(slot.as_ref()).map_or(0..0, |n| n.span.clone());
    let (Ok(rack), Ok(slot)) = (small(&rack, 0), small(&slot, 1)) else {
        let place = (r.file(), span);
        r.report().error("C204", place, "there is no such rack or slot", "racks are 0 to 7, slots 0 to 31");
        return None;
    };
    let tsap = Tsap::of_slot(rack, slot, connection.unwrap_or_default());
    if let Err(e) = &tsap {
        let place = (r.file(), span);
        r.report().error("C204", place, e.to_string(), "no such place in a PLC");
    }
    tsap.ok()
}

/// The PLC's TSAP as TIA Portal shows it: `03.01` or `0301`.
fn remote_tsap(r: &mut Reader<'_, '_>, given: &Placed<String>) -> Option<Tsap> {
    let digits = given.value.replace('.', "");
    let remote = (digits.len() == 4).then(|| u16::from_str_radix(&digits, 16).ok()).flatten();
    if remote.is_none() {
        let place = (r.file(), given.span.clone());
        r.report().error("C205", place, "`tsap` is not a TSAP", "four hexadecimal digits, such as \"03.01\"");
    }
    Some(Tsap { remote: remote?, ..Tsap::default() })
}

fn tag(
    report: &mut Report,
    file: FileId,
    table: &Table,
    source: SourceId,
    protocol: &mut Protocol,
    inventory: &mut Inventory,
) -> Option<Tag> {
    let mut r = Reader::new(table, "[[source.tag]]", file, report);
    let machine = r.required_text("machine");
    let name = r.required_text("name");
    let unit = r.text("unit").map(|u| u.value);
    let range = range(&mut r);
    let deadband = number(&mut r, "report_deadband").unwrap_or(0.0);
    let (kind, place) = match protocol {
        Protocol::Recorded => (declared(&mut r), Some(Place::Nowhere)),
        Protocol::S7(..) => addressed(&mut r),
        Protocol::Opcua(..) => (declared(&mut r), opcua::node(&mut r).map(Place::Opcua)),
    };
    r.finish(&["kind", "enum", "flags", "scan_class"]);
    let machine = super::machine_named(report, file, &machine?, inventory)?;
    let (name, kind, place) = (name?, kind?, place?);
    let tag = inventory::Tag {
        machine,
        source,
        name: name.value.clone(),
        kind,
        unit,
        range,
        ..inventory::Tag::default()
    };
    if name.value.starts_with('$') || name.value.is_empty() || name.value.len() > 128 {
        report.error(
            "C206",
            (file, name.span),
            "a tag's name has 1 to 128 bytes and no `$` in front",
            "not a name",
        );
        return None;
    }
    let Some(id) = inventory.add_tag(tag) else {
        let machine = &inventory.machine(machine).name;
        let message = format!("{machine} has a tag `{}` already", name.value);
        report.error("C207", (file, name.span), message, "each tag of a machine has a name of its own");
        return None;
    };
    match (protocol, place) {
        (Protocol::S7(_, tags), Place::S7(tag)) => tags.push(tag),
        (Protocol::Opcua(_, tags), Place::Opcua(tag)) => tags.push(tag),
        _ => {}
    }
    Some(Tag { id, deadband })
}

/// Where a tag is, in its protocol.
enum Place {
    Nowhere,
    S7(S7Tag),
    Opcua(OpcuaTag),
}

/// The address of an S7 tag and the type that follows from it.
fn addressed(r: &mut Reader<'_, '_>) -> (Option<Type>, Option<Place>) {
    let kind = r.text("type");
    let Some(address) = r.required_text("address") else { return (None, None) };
    let declared = match kind.map(|k| (s7::Type::parse(&k.value), k)) {
        Some((Err(e), k)) => {
            address_mistake(r, &k, &e, "`type` is not a type that is read");
            return (None, None);
        }
        Some((Ok(kind), _)) => Some(kind),
        None => None,
    };
    match Address::parse(&address.value, declared) {
        Ok(address) => (Some(type_of(address.kind())), Some(Place::S7(S7Tag { address }))),
        Err(e) => {
            address_mistake(r, &address, &e, &format!("`{}` is not an S7 address", address.value));
            (None, None)
        }
    }
}

fn address_mistake(r: &mut Reader<'_, '_>, text: &Placed<String>, e: &AddressError, message: &str) {
    let file = r.file();
    let inner = e.at..(e.at + 1).max(text.value.len().min(e.at + e.found.len()));
    let span = rules::place::in_file(r.report().text(file), &text.span, &inner);
    r.report().error("C208", (file, span), message, format!("{} is expected", e.expected)).help =
        Some("for example DB10.DBX0.0, DB10.DBW2:INT, DB10.DBD4:REAL, M0.1".into());
}

fn type_of(kind: s7::Type) -> Type {
    match kind {
        s7::Type::Bool => Type::Bool,
        s7::Type::Real | s7::Type::LReal => Type::Float,
        s7::Type::Char | s7::Type::String(_) => Type::Text,
        _ => Type::Int,
    }
}

fn declared(r: &mut Reader<'_, '_>) -> Option<Type> {
    if !r.required("type") {
        return None;
    }
    let kinds = [("Bool", Type::Bool), ("Int", Type::Int), ("Float", Type::Float), ("Text", Type::Text)];
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
    use super::super::tests::{GOOD, read};
    use super::*;

    fn mistake(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let (config, lines) = read(&GOOD.replacen(from, to, 1));
        assert!(config.is_none(), "{to}");
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines[0].clone()
    }

    #[test]
    fn sources_and_tags_come_out_in_the_order_of_the_file() {
        let (config, lines) = read(GOOD);
        let config = config.unwrap_or_else(|| panic!("{lines:#?}"));
        let Protocol::S7(s7, tags) = &config.sources[0].protocol else { panic!() };
        assert_eq!(
            (s7.address.as_str(), s7.scan, tags.len()),
            ("192.168.0.10", Duration::from_millis(200), 1)
        );
        assert_eq!(config.sources[0].tags[0].deadband, 0.1);
        let kinds: Vec<_> = config.inventory.tags().map(|(_, t)| (t.kind, t.range)).collect();
        assert_eq!(kinds, [(Type::Float, Some((0.0, 120.0))), (Type::Int, None)]);
    }

    #[test]
    fn a_wrong_address_shows_where_it_goes_wrong() {
        let said = mistake("DB10.DBD4:REAL", "DB10.DBD4");
        assert!(said.starts_with("agent.toml:23:21: `DB10.DBD4` is not an S7 address"), "{said}");
        assert!(mistake("DB10.DBD4:REAL", "DB10,5").contains("is not an S7 address"));
    }

    #[test]
    fn a_key_that_is_missing_or_misspelt_is_named() {
        assert!(mistake("address = \"192.168.0.10\"\n", "").contains("[[source]] has no `address`"));
        assert!(mistake("address = \"192", "adress = \"192").contains("did you mean `address`?"));
        let (config, lines) = read(&GOOD.replacen("protocol = \"s7\"", "protcol = \"s7\"", 1));
        assert!(config.is_none() && lines[0].contains("did you mean `protocol`?"), "{lines:#?}");
    }

    #[test]
    fn unknown_machines_and_doubled_tags_and_sources_are_named() {
        assert!(
            mistake("machine = \"washer-1\"", "machine = \"wsher-1\"").contains("did you mean `washer-1`?")
        );
        assert!(
            mistake("name = \"speed\"", "name = \"water_temperature\"")
                .contains("has a tag `water_temperature` already")
        );
        assert!(
            mistake("id = \"old\"", "id = \"washer_plc\"").contains("there is a source `washer_plc` already")
        );
    }

    #[test]
    fn protocols_and_connections_of_later_versions_are_refused_in_words() {
        assert!(
            mistake("protocol = \"s7\"", "protocol = \"modbus\"").contains("not supported by this version")
        );
        assert!(mistake("scan = \"200 ms\"", "scan = \"200\"").contains("has no unit"));
        assert!(mistake("scan = \"200 ms\"", "rack = 9").contains("rack 9 does not exist"));
        assert!(mistake("scan = \"200 ms\"", "tsap = \"3.1\"").contains("four hexadecimal digits"));
        assert!(mistake("range = [0, 120]", "range = [120, 0]").contains("two numbers"));
    }
}
