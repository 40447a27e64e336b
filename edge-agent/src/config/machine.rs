//! Machines: `[[machine]]`.
//!
//! Here: their keys, and finding one by its name. Not here: their tags (`tag`), what their parameters mean (`rules`).
//! Invariant: each machine has a name and an id of its own.

use std::collections::BTreeMap;

use rules::diagnose::{FileId, Report, did_you_mean};
use rules::document::{Placed, Reader, Table};
use rules::inventory::{Inventory, Machine, MachineId};
use rules::value::Constant;

use super::key_part;

pub(super) fn machine(report: &mut Report, file: FileId, table: &Table, inventory: &mut Inventory) {
    let mut r = Reader::new(table, "[[machine]]", file, report);
    let name = r.required_text("name").inspect(|n| drop(key_part(&mut r, "name", n.clone())));
    let id = r.required_text("id").inspect(|i| drop(key_part(&mut r, "id", i.clone())));
    let line = r.text("line").and_then(|l| key_part(&mut r, "line", l));
    let class = r.text("class").map(|c| c.value);
    let params = params(&mut r);
    r.finish(&[]);
    let (Some(name), Some(id)) = (name, id) else { return };
    let doubled = if !inventory.machines_named(&name.value).is_empty() {
        Some(("name", &name))
    } else {
        inventory.machine_with_id(&id.value).map(|_| ("id", &id))
    };
    if let Some((key, text)) = doubled {
        let message = format!("there is a machine with the {key} `{}` already", text.value);
        report.error(
            "C005",
            (file, text.span.clone()),
            message,
            format!("each machine has a {key} of its own"),
        );
        return;
    }
    inventory.add_machine(Machine { name: name.value, id: id.value, line, class, params });
}

/// The machine's own values of rule parameters: `param.limit = "20 °C"`.
fn params(r: &mut Reader<'_, '_>) -> BTreeMap<String, Constant> {
    let file = r.file();
    let entries = r.table("param").map_or(&[][..], |table| &table.entries);
    let read = |(name, node): &(Placed<String>, _)| {
        Some((name.value.clone(), rules::params::constant(r.report(), file, node)?))
    };
    entries.iter().filter_map(read).collect()
}

/// The machine of that name.
pub(super) fn machine_named(
    report: &mut Report,
    file: FileId,
    name: &Placed<String>,
    inventory: &Inventory,
) -> Option<MachineId> {
    let found = inventory.machines_named(&name.value).first().copied();
    if found.is_none() {
        let near = did_you_mean(&name.value, inventory.machines().map(|(_, m)| m.name.as_str()));
        let help = near.map_or_else(
            || "machines are declared under [[machine]]".into(),
            |n| format!("did you mean `{n}`?"),
        );
        let message = format!("unknown machine `{}`", name.value);
        report.error("C006", (file, name.span.clone()), message, "not declared").help = Some(help);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::mistake;

    #[test]
    fn a_duplicate_machine_is_named() {
        let second = "[[machine]]\nname = \"washer-1\"\nid = \"x\"\n[[source]]\nid = \"washer_plc\"";
        let said = mistake("[[source]]\nid = \"washer_plc\"", second);
        assert!(
            said.starts_with("agent.toml:15:8: there is a machine with the name `washer-1` already"),
            "{said}"
        );
    }
}
