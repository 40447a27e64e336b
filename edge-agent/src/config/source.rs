//! Sources: `[[source]]`.
//!
//! Here: the keys that every source has. Not here: what only one protocol needs (`s7`, `opcua`), its tags (`tag`),
//! whether anything answers at its address.
//! Invariant: the tags of a source stand in the order in which its connector knows them.

use std::ops::Range;
use std::time::Duration;

use rules::diagnose::{FileId, Report, did_you_mean};
use rules::document::{Node, Placed, Reader, Table};
use rules::inventory::{self, Inventory, SourceId};

use super::opcua::{self, Surroundings};
use super::s7;
use super::tag::{Tag, tag};
use crate::connector::opcua::{OpcuaConfig, OpcuaTag};
use crate::connector::s7::{S7Config, S7Tag};

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
/// Protocols of the specification that this version does not speak.
const PROTOCOLS_LATER: [&str; 2] = ["modbus", "mqtt"];
/// Keys that only some of them have.
const OF_PROTOCOLS: [&str; 12] = [
    "address",
    "scan",
    "timeout",
    "merge",
    "rack",
    "slot",
    "connection",
    "tsap",
    "security",
    "mode",
    "user",
    "password_file",
];
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
    let is_later = protocol.as_ref().is_some_and(|p| PROTOCOLS_LATER.contains(&p.value.as_str()));
    let is_known = protocol.as_ref().is_some_and(|p| PROTOCOLS.contains(&p.value.as_str()));
    let mut protocol = protocol.and_then(|p| protocol_of(&mut r, &p, around));
    if !is_known {
        // Which of them it should have, nobody can say; a key that none has is wrong all the same.
        for key in OF_PROTOCOLS {
            r.any(key);
        }
    }
    if !is_later {
        r.finish(&LATER);
    }
    let id = id?;
    let max_out_of_orderness = max_out_of_orderness.unwrap_or(match protocol {
        Some(Protocol::Opcua(..)) => OUT_OF_ORDERNESS_OPCUA,
        Some(Protocol::Recorded | Protocol::S7(..)) | None => 0,
    });
    let source = inventory::Source { id: id.value, idle_timeout, max_out_of_orderness, max_lag };
    let source = add(report, (file, id.span), source, inventory)?;
    // Without its protocol its tags may still have mistakes of their own.
    let mut read =
        |table| tag(report, file, table, source, protocol.as_mut(), (around.tables, &mut *inventory));
    let tags = tags.into_iter().filter_map(&mut read).collect();
    Some(Source { id: source, tags, protocol: protocol? })
}

/// Adds a source whose id is not taken; `place` is where the id stands.
fn add(
    report: &mut Report,
    place: (FileId, Range<usize>),
    source: inventory::Source,
    inventory: &mut Inventory,
) -> Option<SourceId> {
    if inventory.sources().any(|(_, other)| other.id == source.id) {
        let message = format!("there is a source `{}` already", source.id);
        report.error("C201", place, message, "each source has an id of its own");
        return None;
    }
    Some(inventory.add_source(source))
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
        "s7" => Some(Protocol::S7(s7::config(r)?, Vec::new())),
        "opcua" => Some(Protocol::Opcua(opcua::config(r, around)?, Vec::new())),
        other => {
            let place = (r.file(), protocol.span.clone());
            let label = if PROTOCOLS_LATER.contains(&other) {
                "not supported by this version"
            } else {
                "s7, opcua or recorded is expected"
            };
            let near = did_you_mean(other, PROTOCOLS).map(|near| format!("did you mean \"{near}\"?"));
            let message = format!("`{other}` is not a protocol of this version");
            r.report().error("C202", place, message, label).help = near;
            None
        }
    }
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

#[cfg(test)]
pub(super) mod tests {
    use rules::value::Type;

    use super::super::tests::{GOOD, read};
    use super::*;

    pub(in crate::config) fn mistake(from: &str, to: &str) -> String {
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
    fn a_key_that_is_missing_or_misspelt_is_named() {
        assert!(mistake("address = \"192.168.0.10\"\n", "").contains("[[source]] has no `address`"));
        assert!(mistake("address = \"192", "adress = \"192").contains("did you mean `address`?"));
        let (config, lines) = read(&GOOD.replacen("protocol = \"s7\"", "protcol = \"s7\"", 1));
        assert!(config.is_none() && lines[0].contains("did you mean `protocol`?"), "{lines:#?}");
    }

    #[test]
    fn a_doubled_source_is_named() {
        assert!(
            mistake("id = \"old\"", "id = \"washer_plc\"").contains("there is a source `washer_plc` already")
        );
    }

    #[test]
    fn a_protocol_that_is_not_known_hides_no_other_mistake_of_its_source() {
        let text = GOOD
            .replacen("protocol = \"s7\"", "protocol = \"S7\"", 1)
            .replacen("scan =", "sacn =", 1)
            .replacen("range = [0, 120]", "range = [120, 0]", 1)
            .replacen("address = \"192.168.0.10\"", "rack = 0\naddress = \"192.168.0.10\"", 1)
            .replacen("machine = \"washer-1\"", "machine = \"wsher-1\"", 1);
        let (config, said) = read(&text);
        assert!(config.is_none() && said.len() == 4, "{said:#?}");
        for wanted in
            ["did you mean \"s7\"?", "did you mean `scan`?", "two numbers", "did you mean `washer-1`?"]
        {
            assert!(said.iter().any(|line| line.contains(wanted)), "{wanted}: {said:#?}");
        }
        let (_, said) = read(&GOOD.replacen("protocol = \"s7\"\n", "", 1));
        assert!(said.len() == 1 && said[0].contains("has no `protocol`"), "{said:#?}");
    }

    #[test]
    fn protocols_of_later_versions_are_refused_in_words() {
        assert!(
            mistake("protocol = \"s7\"", "protocol = \"modbus\"").contains("not supported by this version")
        );
        assert!(mistake("scan = \"200 ms\"", "scan = \"200\"").contains("a number without a unit"));
    }
}
