//! What the numbers of a tag mean: a counter (`kind`), codes with names (`enum`), bits with names (`flags`).
//!
//! Here: these keys, and a plant's own tables (`[names.NAME]`). Not here: the tables that ship (`rules::names`).
//! Invariant: only whole numbers have names, and a tag has one table at most.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::diagnose::{FileId, Report, did_you_mean};
use rules::document::{Node, Placed, Reader, Table};
use rules::inventory::{self, Names};
use rules::names;
use rules::value::Type;

use super::tag::Place;

/// Bits of a counter whose address does not say how many it has.
const COUNTER_BITS: u32 = 32;
/// Bits that a bit field may have.
const BITS: i64 = 64;

/// Tables of names that the file gives, by their own name.
pub(super) type Tables = BTreeMap<String, Arc<Names>>;

/// Reads `[names.NAME]`: names with their code, or with the place of their bit.
pub(super) fn tables(report: &mut Report, file: FileId, given: Option<&Table>) -> Tables {
    let entries = given.map_or(&[][..], |table| &table.entries);
    entries.iter().filter_map(|(name, node)| table(report, file, name, node)).collect()
}

fn table(
    report: &mut Report,
    file: FileId,
    name: &Placed<String>,
    node: &Placed<Node>,
) -> Option<(String, Arc<Names>)> {
    let before = report.diagnostics().len();
    let Node::Table(table) = &node.value else {
        let message = format!("`names.{}` must be a table of names", name.value);
        report.error("E005", (file, node.span.clone()), message, "write `Name = code`");
        return None;
    };
    if names::table(&name.value).is_some() {
        let message = format!("a table `{}` ships already", name.value);
        report.error("C008", (file, name.span.clone()), message, "choose another name");
    }
    let mut entries: Vec<(String, i64)> = Vec::new();
    for (name, code) in &table.entries {
        let Node::Int(number) = code.value else {
            let label = format!("this is {}", code.value.kind());
            report.error("E005", (file, code.span.clone()), "a whole number is expected", label);
            continue;
        };
        if let Some((other, _)) = entries.iter().find(|(_, known)| *known == number) {
            let message = format!("`{other}` has the code {number} already");
            report.error("C008", (file, code.span.clone()), message, "each code has one name");
        }
        entries.push((name.value.clone(), number));
    }
    let names = Names { table: name.value.clone(), entries };
    (report.errors_since(before) == 0).then(|| (name.value.clone(), Arc::new(names)))
}

/// Reads the keys of a tag and gives it their meaning.
pub(super) fn meaning(r: &mut Reader<'_, '_>, tag: &mut inventory::Tag, place: &Place, tables: &Tables) {
    let counter = super::one_of(r, "kind", &[("counter", true), ("gauge", false)]);
    let (codes, bits) = (r.text("enum"), r.text("flags"));
    if counter == Some(true) {
        count(r, tag, place);
    }
    let (given, kind) = match (codes, bits) {
        (Some(given), None) => (given, Type::Enum),
        (None, Some(given)) => (given, Type::Flags),
        (None, None) => return,
        (Some(_), Some(bits)) => {
            let place = (r.file(), bits.span);
            r.report().error("C210", place, "a tag has either `enum` or `flags`", "`enum` stands beside it");
            return;
        }
    };
    if tag.kind != Type::Int || tag.counter.is_some() {
        let what =
            if tag.counter.is_some() { "a counter".to_owned() } else { format!("of type {}", tag.kind) };
        let place = (r.file(), given.span);
        let message = "only whole numbers that are no counters have names";
        r.report().error("C210", place, message, format!("this tag is {what}"));
        return;
    }
    tag.names = named(r, &given, kind, tables);
    tag.kind = kind;
}

fn count(r: &mut Reader<'_, '_>, tag: &mut inventory::Tag, place: &Place) {
    if matches!(tag.kind, Type::Int | Type::Float) {
        tag.counter = Some(place.bits().unwrap_or(COUNTER_BITS));
        return;
    }
    let span = r.any("kind").map_or(0..0, |(_, node)| node.span.clone());
    let (place, label) = ((r.file(), span), format!("this tag is of type {}", tag.kind));
    r.report().error("C211", place, "only a number can count", label);
}

/// The table of that name: the file's own, or one that ships.
fn named(r: &mut Reader<'_, '_>, given: &Placed<String>, kind: Type, tables: &Tables) -> Option<Arc<Names>> {
    let found = tables.get(&given.value).cloned().or_else(|| names::table(&given.value));
    let place = (r.file(), given.span.clone());
    let Some(table) = found else {
        let known: Vec<&str> = tables.keys().map(String::as_str).chain(names::tables()).collect();
        let near = did_you_mean(&given.value, known.iter().copied());
        let help =
            near.map_or_else(|| format!("known: {}", known.join(", ")), |n| format!("did you mean `{n}`?"));
        let message = format!("there is no table of names `{}`", given.value);
        r.report()
            .error("C212", place, message, "neither in this file under [names] nor among those that ship")
            .help = Some(help);
        return None;
    };
    if kind == Type::Flags && table.entries.iter().any(|(_, bit)| !(0..BITS).contains(bit)) {
        let message = format!("`{}` is no table of bits", given.value);
        r.report().error("C212", place, message, "a bit has a place from 0 to 63");
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::super::source::tests::mistake;
    use super::super::tests::{GOOD, read};
    use super::*;

    const OWN: &str = "\n[names.brand]\nPils = 1\nRadler = 2\n";

    fn tag(lines: &str) -> inventory::Tag {
        let text = GOOD.replace("type = \"Int\"", &format!("type = \"Int\"\n{lines}")) + OWN;
        let (config, said) = read(&text);
        let inventory = config.unwrap_or_else(|| panic!("{said:#?}")).inventory;
        inventory.tags().last().map(|(_, tag)| tag.clone()).unwrap()
    }

    #[test]
    fn a_tag_has_names_or_counts() {
        let state = tag("enum = \"ws09_state\"");
        assert_eq!((state.kind, state.names.unwrap().code("Operating")), (Type::Enum, Some(128)));
        assert_eq!(tag("enum = \"brand\"").names.unwrap().name(2), Some("Radler"));
        assert_eq!((tag("flags = \"brand\"").kind, tag("").kind), (Type::Flags, Type::Int));
        assert_eq!((tag("kind = \"counter\"").counter, tag("kind = \"gauge\"").counter), (Some(32), None));
    }

    #[test]
    fn the_address_says_how_many_bits_a_counter_has() {
        let text = GOOD.replace("DB10.DBD4:REAL\"", "DB10.DBW4:INT\"\nkind = \"counter\"");
        let inventory = read(&text).0.unwrap().inventory;
        assert_eq!(inventory.tags().next().unwrap().1.counter, Some(16));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let said = |keys: &str| mistake("type = \"Int\"", &format!("type = \"Int\"\n{keys}"));
        assert!(said("enum = \"ws09_stat\"").contains("did you mean `ws09_state`?"));
        assert!(said("flags = \"ws09_state\"").contains("a bit has a place from 0 to 63"));
        assert!(said("enum = \"ws09_state\"\nflags = \"ws09_state\"").contains("either `enum` or `flags`"));
        assert!(said("enum = \"ws09_state\"\nkind = \"counter\"").contains("this tag is a counter"));
        let text = |keys: &str| mistake("type = \"Int\"", &format!("type = \"Text\"\n{keys}"));
        assert!(text("enum = \"ws09_state\"").contains("this tag is of type Text"));
        assert!(text("kind = \"counter\"").contains("only a number can count"));
        let table = |lines: &str| mistake("[[machine]]", &format!("[names.x]\n{lines}\n[[machine]]"));
        assert!(table("A = 1\nB = 1").contains("`A` has the code 1 already"));
        assert!(table("A = \"1\"").contains("a whole number is expected"));
    }
}
