//! Names for codes: `[enum.NAME]` and `[flags.NAME]`, and what a tag says of its own: `enum`, `flags`, `kind`.
//!
//! ```toml
//! [enum.valve]
//! Closed = 0
//! Open = 3
//! [flags.alarm_word]      # the place of each bit, from 0
//! Door = 0
//! EmergencyStop = 9
//! ```
//! Here: the plant's own tables, and which table a tag means. Not here: the tables that ship (`rules::names`), what a
//! rule makes of them (`rules`).
//! Invariant: in a table each name and each code stands once, so that a code has one name at most.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::diagnose::{FileId, Report, did_you_mean};
use rules::document::{Node, Placed, Reader, Table};
use rules::inventory::Names;
use rules::names;
use rules::value::Type;

/// More than any state word or word of alarms has.
const ENTRIES_MAX: usize = 4_096;
/// The last bit of the widest word.
const BIT_MAX: i64 = 63;
/// A counter whose width nobody knows: falls of it are resets.
const WIDEST: u32 = 64;

/// The tables of the file, each with where its name stands.
#[derive(Debug, Default)]
pub(super) struct Tables {
    enums: BTreeMap<String, Arc<Names>>,
    flags: BTreeMap<String, Arc<Names>>,
}

/// What a tag says of the meaning of its number.
#[derive(Debug, Default)]
pub(super) struct Meaning {
    /// The type that follows from it.
    pub(super) kind: Option<Type>,
    pub(super) names: Option<Arc<Names>>,
    pub(super) counter: Option<u32>,
}

impl Tables {
    /// Reads `[enum.…]` and `[flags.…]`.
    pub(super) fn read(
        report: &mut Report,
        file: FileId,
        enums: Option<&Table>,
        flags: Option<&Table>,
    ) -> Self {
        let enums = tables(report, file, "enum", enums);
        Self { enums, flags: tables(report, file, "flags", flags) }
    }

    /// The table that a tag names behind `enum` or `flags`.
    fn named(&self, r: &mut Reader<'_, '_>, key: &'static str) -> Option<Arc<Names>> {
        let given = r.text(key)?;
        let (own, other, other_key) = if key == "enum" {
            (&self.enums, &self.flags, "flags")
        } else {
            (&self.flags, &self.enums, "enum")
        };
        let shipped = || if key == "enum" { names::table(&given.value) } else { None };
        if let Some(found) = own.get(&given.value).cloned().or_else(shipped) {
            return Some(found);
        }
        let ship: Vec<&str> = if key == "enum" { names::tables().collect() } else { Vec::new() };
        let help =
            match did_you_mean(&given.value, own.keys().map(String::as_str).chain(ship.iter().copied())) {
                _ if other.contains_key(&given.value) => {
                    format!("[{other_key}.{}] is there: write {other_key} = \"{}\"", given.value, given.value)
                }
                Some(near) => format!("did you mean `{near}`?"),
                None if key == "enum" => {
                    let ship = ship.join(", ");
                    format!("these ship: {ship}; a table of your own stands under [enum.{}]", given.value)
                }
                None => format!("give the place of each bit under [flags.{}]", given.value),
            };
        let place = (r.file(), given.span);
        let message = format!("there is no table `{}` for `{key}`", given.value);
        r.report().error("C210", place, message, "not known").help = Some(help);
        None
    }

    /// Reads what a tag says of itself. `bits`: how wide its number is, where that is known.
    pub(super) fn meaning(&self, r: &mut Reader<'_, '_>, bits: Option<u32>) -> Meaning {
        let span = |r: &mut Reader<'_, '_>, key| r.any(key).map(|(key, _)| key.span.clone());
        let (code, word) = (span(r, "enum"), span(r, "flags"));
        let counts = super::one_of(r, "kind", &[("counter", true)]);
        let counter = counter(r, counts.is_some(), bits);
        let contradicts = word.as_ref().filter(|_| code.is_some());
        let contradicts =
            contradicts.or_else(|| code.as_ref().or(word.as_ref()).filter(|_| counts.is_some()));
        if let Some(span) = contradicts {
            let place = (r.file(), span.clone());
            let message = "a tag has one of `enum`, `flags` and `kind = \"counter\"`";
            r.report().error("C211", place, message, "another one stands beside it");
        }
        let (enums, flags) = (self.named(r, "enum"), self.named(r, "flags"));
        let kind = code.map(|_| Type::Enum).or_else(|| word.map(|_| Type::Flags));
        Meaning { kind, names: enums.or(flags), counter }
    }
}

/// At how many bits a tag that counts begins again.
fn counter(r: &mut Reader<'_, '_>, counts: bool, known: Option<u32>) -> Option<u32> {
    let bits = r.int("bits");
    let place = bits.as_ref().map(|b| (r.file(), b.span.clone()));
    let width = bits.as_ref().map(|b| u32::try_from(b.value).ok().filter(|b| [8, 16, 32, 64].contains(b)));
    match (place, width) {
        (Some(place), Some(None)) => {
            r.report().error(
                "C212",
                place,
                "`bits` is the width of a counter",
                "8, 16, 32 or 64 is expected",
            );
        }
        (Some(place), Some(Some(_))) if !counts => {
            let message = "`bits` belongs to a counter";
            r.report().error("C212", place, message, "this tag is none").help =
                Some("write kind = \"counter\" beside it".into());
        }
        _ => {}
    }
    counts.then(|| width.flatten().or(known.filter(|bits| [16, 32].contains(bits))).unwrap_or(WIDEST))
}

fn tables(
    report: &mut Report,
    file: FileId,
    key: &'static str,
    all: Option<&Table>,
) -> BTreeMap<String, Arc<Names>> {
    let mut read = BTreeMap::new();
    for (name, node) in all.map_or(&[][..], |t| &t.entries) {
        let place = (file, name.span.clone());
        if key == "enum" && names::table(&name.value).is_some() {
            let message = format!("the table `{}` ships with the agent", name.value);
            report.error("C213", place, message, "give your own table another name");
            continue;
        }
        let Node::Table(table) = &node.value else {
            let label = format!("this is {}", node.value.kind());
            report.error("E005", place, format!("`{key}.{}` must be a table", name.value), label).help =
                Some(format!("write [{key}.NAME], and below it lines such as Operating = 3"));
            continue;
        };
        let entries = entries(report, file, key, table);
        read.insert(name.value.clone(), Arc::new(Names { table: name.value.clone(), entries }));
    }
    read
}

fn entries(report: &mut Report, file: FileId, key: &str, table: &Table) -> Vec<(String, i64)> {
    if table.entries.len() > ENTRIES_MAX || table.entries.is_empty() {
        let message = format!("a table of names has 1 to {ENTRIES_MAX} of them");
        let label = if table.entries.is_empty() { "this one is empty" } else { "this one has more" };
        report.error("C213", (file, table.span.clone()), message, label);
        return Vec::new();
    }
    let mut read = Names::default();
    let mut names_of: BTreeMap<i64, &str> = BTreeMap::new();
    for (name, node) in &table.entries {
        let Some(code) = code(report, file, key, (name, node)) else { continue };
        if let Some(first) = names_of.insert(code, &name.value) {
            let label = format!("`{first}` has this one already");
            report.error(
                "C213",
                (file, node.span.clone()),
                format!("{code} stands twice in the table"),
                label,
            );
        }
        if read.code(&name.value).is_some() {
            let message = format!("`{}` stands twice in the table", name.value);
            let label = "upper and lower case, `_` and `-` do not tell names apart";
            report.error("C213", (file, name.span.clone()), message, label);
        }
        read.entries.push((name.value.clone(), code));
    }
    read.entries
}

fn code(
    report: &mut Report,
    file: FileId,
    key: &str,
    (name, node): (&Placed<String>, &Placed<Node>),
) -> Option<i64> {
    let is_bit = |code: &i64| key == "enum" || (0..=BIT_MAX).contains(code);
    let code = match &node.value {
        Node::Int(code) => Some(*code).filter(is_bit),
        _ => None,
    };
    if code.is_none() {
        let wanted = if key == "enum" { "a code: an integer" } else { "the place of a bit: 0 to 63" };
        let label = match &node.value {
            Node::Int(_) => "there is no such bit".to_owned(),
            other => format!("this is {}", other.kind()),
        };
        let message = format!("`{}` must be {wanted}", name.value);
        report.error("E005", (file, node.span.clone()), message, label);
    }
    code
}

#[cfg(test)]
mod tests;
