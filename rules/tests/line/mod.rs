//! The machines, sources, tags and targets of an `agent.toml` with recorded sources, as the engine knows them.
//!
//! Here: the keys that the rules need. Not here: whatever else such a file may say, and its mistakes.
#![allow(clippy::unwrap_used, clippy::panic, reason = "clippy takes helpers of a test for code")]

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::diagnose::{FileId, Report};
use rules::document::{Node, Placed, Table, parse};
use rules::inventory::{Inventory, Machine, MachineId, Names, Source, Tag};
use rules::value::{Constant, Type};

/// Reads the text of a configuration.
pub(crate) fn read(text: &str) -> Inventory {
    let mut report = Report::default();
    let file = report.add_file("agent.toml", text);
    let table = parse(&mut report, file);
    assert_eq!(report.errors(), 0, "{}", report.render(false));
    let mut inventory = Inventory::default();
    for machine in tables(&table, "machine") {
        let of = |key| word(machine, key);
        let name = of("name").unwrap();
        let id = of("id").unwrap();
        inventory.add_machine(Machine {
            name,
            id,
            line: of("line"),
            class: of("class"),
            params: params(&mut report, file, machine),
        });
    }
    for source in tables(&table, "source") {
        let id = word(source, "id").unwrap();
        let known = Source { id, idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: Some(30_000) };
        let source_id = inventory.add_source(known);
        for given in tables(source, "tag") {
            let machine = inventory.machines_named(&word(given, "machine").unwrap())[0];
            let tag = Tag { source: source_id, ..tag(given, machine, &table) };
            assert!(inventory.add_tag(tag).is_some());
        }
    }
    inventory.set_targets(tables(&table, "notify").into_iter().map(|t| word(t, "name").unwrap()).collect());
    inventory
}

fn params(report: &mut Report, file: FileId, machine: &Table) -> BTreeMap<String, Constant> {
    let Some((_, Placed { value: Node::Table(given), .. })) =
        machine.entries.iter().find(|(key, _)| key.value == "param")
    else {
        return BTreeMap::new();
    };
    let constant = |(name, node): &(Placed<String>, Placed<Node>)| {
        (name.value.clone(), rules::params::constant(report, file, node).unwrap())
    };
    given.entries.iter().map(constant).collect()
}

fn tag(given: &Table, machine: MachineId, file: &Table) -> Tag {
    let codes = word(given, "enum").map(|table| rules::names::table(&table).unwrap());
    let bits = word(given, "flags").map(|table| own_names(file, table));
    let kind = match word(given, "type").as_deref() {
        Some("Int") if codes.is_some() => Type::Enum,
        Some("Int") if bits.is_some() => Type::Flags,
        Some("Int") => Type::Int,
        Some("Float") => Type::Float,
        Some("Bool") => Type::Bool,
        Some("Text") => Type::Text,
        other => panic!("{other:?}"),
    };
    let counter = word(given, "kind").map(|kind| {
        assert_eq!(kind, "counter");
        64
    });
    let range = match node(given, "range") {
        Some(Node::List(ends)) => Some((number(&ends[0].value), number(&ends[1].value))),
        _ => None,
    };
    let (name, names) = (word(given, "name").unwrap(), codes.or(bits));
    Tag { machine, name, kind, unit: word(given, "unit"), range, names, counter, ..Tag::default() }
}

/// A table of bits under `[flags]`.
fn own_names(file: &Table, table: String) -> Arc<Names> {
    let Some(Node::Table(all)) = node(file, "flags") else { panic!("{table}") };
    let Some(Node::Table(own)) = node(all, &table) else { panic!("{table}") };
    let entries =
        own.entries.iter().map(|(name, code)| (name.value.clone(), number(&code.value) as i64)).collect();
    Arc::new(Names { table, entries })
}

fn node<'t>(table: &'t Table, key: &str) -> Option<&'t Node> {
    table.entries.iter().find(|(k, _)| k.value == key).map(|(_, node)| &node.value)
}

fn word(table: &Table, key: &str) -> Option<String> {
    match node(table, key) {
        Some(Node::Text(text)) => Some(text.clone()),
        _ => None,
    }
}

fn number(node: &Node) -> f64 {
    match node {
        Node::Int(i) => *i as f64,
        Node::Float(f) => *f,
        other => panic!("{other:?}"),
    }
}

fn tables<'t>(table: &'t Table, key: &str) -> Vec<&'t Table> {
    let Some(Node::List(list)) = node(table, key) else { return Vec::new() };
    list.iter()
        .map(|item| match &item.value {
            Node::Table(table) => table,
            other => panic!("{other:?}"),
        })
        .collect()
}
