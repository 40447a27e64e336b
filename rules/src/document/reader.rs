//! A table that is asked for its keys.
//!
//! Here: the questions, one for each type of value, and what is said where the answer is wrong: a wrong type, a missing
//! key, a key in the wrong table, a key that nobody asked for. Not here: which key or value was meant (`meant`).
//! Invariant: a key is asked for, said to stand elsewhere, or reported; none passes in silence.

use std::ops::Range;

use super::meant::{key_meant, value_meant};
use super::{Node, Placed, Table};
use crate::diagnose::{FileId, Report, did_you_mean};
use crate::time::{self, Millis};

/// Asks a table for its keys; [`Reader::finish`] reports those nobody asked for.
#[derive(Debug)]
pub struct Reader<'t, 'r> {
    table: &'t Table,
    file: FileId,
    /// What the table is, for messages: `[[source]]`.
    name: String,
    asked: Vec<&'static str>,
    /// Keys that were asked for only to say that they stand elsewhere: nobody should be led to them.
    elsewhere: Vec<&'static str>,
    /// Unknown keys that were reported.
    told: Vec<&'t str>,
    report: &'r mut Report,
}

impl<'t, 'r> Reader<'t, 'r> {
    /// Begins to read a table; `name` is how messages call it.
    pub fn new(table: &'t Table, name: impl Into<String>, file: FileId, report: &'r mut Report) -> Self {
        Self {
            table,
            file,
            name: name.into(),
            asked: Vec::new(),
            elsewhere: Vec::new(),
            told: Vec::new(),
            report,
        }
    }

    /// Where mistakes go that the caller finds.
    pub fn report(&mut self) -> &mut Report {
        self.report
    }

    /// The file being read.
    #[must_use]
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Whatever stands behind a key, with the place of the key.
    pub fn any(&mut self, key: &'static str) -> Option<(&'t Placed<String>, &'t Placed<Node>)> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.table.entries.iter().find(|(k, _)| k.value == key).map(|(k, v)| (k, v))
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Option<Placed<String>> {
        self.read(key, "a text in quotes", |node| match node {
            Node::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// A text that must be there.
    pub fn required_text(&mut self, key: &'static str) -> Option<Placed<String>> {
        self.required(key).then(|| self.text(key))?
    }

    /// A table that must be there.
    pub fn required_table(&mut self, key: &'static str) -> Option<&'t Table> {
        self.required(key).then(|| self.table(key))?
    }

    /// Whether a key is there; if not, that is a mistake.
    pub fn required(&mut self, key: &'static str) -> bool {
        let there = self.table.entries.iter().any(|(k, _)| k.value == key);
        if !there {
            if !self.asked.contains(&key) {
                self.asked.push(key);
            }
            self.missing(key);
        }
        there
    }

    fn missing(&mut self, key: &'static str) {
        let written = self.table.entries.iter().map(|(k, _)| k);
        let near = did_you_mean(key, written.clone().map(|k| k.value.as_str()));
        if near.is_some() || written.clone().any(|k| key_meant(&k.value) == Some(key)) {
            // The key with the typing mistake is reported as unknown, with this one as its help.
            return;
        }
        let message = format!("{} has no `{key}`", self.name);
        self.report.error(
            "E003",
            (self.file, self.table.span.clone()),
            message,
            format!("`{key}` is needed here"),
        );
    }

    /// true or false.
    pub fn bool(&mut self, key: &'static str) -> Option<Placed<bool>> {
        self.read(key, "true or false", |node| match node {
            Node::Bool(b) => Some(*b),
            _ => None,
        })
    }

    /// An integer.
    pub fn int(&mut self, key: &'static str) -> Option<Placed<i64>> {
        self.read(key, "an integer", |node| match node {
            Node::Int(i) => Some(*i),
            _ => None,
        })
    }

    /// A table.
    pub fn table(&mut self, key: &'static str) -> Option<&'t Table> {
        let (_, found) = self.any(key)?;
        match &found.value {
            Node::Table(table) => Some(table),
            other => self.wrong(key, &found.span, "a table", other),
        }
    }

    /// A list of tables: `[[key]]`, or a list of inline ones. Absent is empty.
    pub fn tables(&mut self, key: &'static str) -> Vec<&'t Table> {
        let Some((_, found)) = self.any(key) else { return Vec::new() };
        let Node::List(list) = &found.value else {
            self.wrong::<()>(key, &found.span, "a list of tables", &found.value);
            let help = format!("write [[…{key}]] with two brackets, or {key} = [ {{ … }}, {{ … }} ]");
            self.report.help_last(help);
            return Vec::new();
        };
        list.iter()
            .filter_map(|item| match &item.value {
                Node::Table(table) => Some(table),
                other => self.wrong(key, &item.span, "a table", other),
            })
            .collect()
    }

    /// A duration, such as `"5 min"`.
    pub fn duration(&mut self, key: &'static str) -> Option<Placed<Millis>> {
        let text = self.read(key, "a duration in quotes, such as \"5 min\"", |node| match node {
            Node::Text(text) => Some(text.clone()),
            _ => None,
        })?;
        match time::duration(&text.value) {
            Ok(value) => Some(Placed { value, span: text.span }),
            Err(e) => {
                let message = format!("`{key}` is not a duration");
                self.report.error("E004", (self.file, text.span), message, e.to_string());
                None
            }
        }
    }

    /// A number of bytes, such as `"256 MiB"`.
    pub fn size(&mut self, key: &'static str) -> Option<Placed<u64>> {
        let text = self.text(key)?;
        let size = size_of(&text.value);
        if size.is_none() {
            let place = (self.file, text.span.clone());
            let message = format!("`{key}` is not a size");
            self.report.error("E004", place, message, "a number with KiB, MiB or GiB, such as \"256 MiB\"");
        }
        Some(Placed { value: size?, span: text.span })
    }

    fn read<T>(
        &mut self,
        key: &'static str,
        wanted: &str,
        f: impl Fn(&Node) -> Option<T>,
    ) -> Option<Placed<T>> {
        let (_, found) = self.any(key)?;
        match f(&found.value) {
            Some(value) => Some(Placed { value, span: found.span.clone() }),
            None => self.wrong(key, &found.span, wanted, &found.value),
        }
    }

    fn wrong<T>(&mut self, key: &str, span: &Range<usize>, wanted: &str, found: &Node) -> Option<T> {
        let message = format!("`{key}` must be {wanted}");
        let label = format!("this is {}", found.kind());
        self.report.error("E005", (self.file, span.clone()), message, label).help =
            value_meant(key, wanted, found);
        None
    }

    /// Reports a key that stands elsewhere: `why`, and where it belongs.
    pub(crate) fn misplaced(&mut self, key: &'static str, why: &str, help: &str) {
        let Some((found, _)) = self.table.entries.iter().find(|(k, _)| k.value == key) else { return };
        self.elsewhere.push(key);
        let message = format!("`{key}` does not belong to {}", self.name);
        self.report.error("E007", (self.file, found.span.clone()), message, why).help = Some(help.into());
    }

    /// Reports a key that is not known here, and what was meant by it.
    pub fn foreign(&mut self, key: &'t Placed<String>, why: &str, help: &str) {
        self.told.push(&key.value);
        let message = format!("unknown key `{}`", key.value);
        self.report.error("E002", (self.file, key.span.clone()), message, why).help = Some(help.into());
    }

    /// Whether a key has a value that is not a list of tables, or a list with something else in it.
    #[must_use]
    pub(crate) fn has_wrong(&self, key: &str) -> bool {
        self.table.entries.iter().any(|(k, v)| k.value == key && v.value != Node::List(Vec::new()))
    }

    /// Reports every key that nobody asked for. `later` are keys of the specification that this version does
    /// not judge: taking them silently would be worse than refusing them.
    pub fn finish(self, later: &[&str]) {
        for (key, _) in &self.table.entries {
            if self.asked.iter().chain(&self.elsewhere).chain(&self.told).any(|asked| *asked == key.value) {
                continue;
            }
            let place = (self.file, key.span.clone());
            if later.contains(&key.value.as_str()) {
                let message = format!("`{}` is not supported by this version", key.value);
                self.report.error("E006", place, message, format!("in {}", self.name));
                continue;
            }
            let near = key_meant(&key.value).filter(|near| self.asked.contains(near));
            let near = near.or_else(|| did_you_mean(&key.value, self.asked.iter().copied()));
            let message = format!("unknown key `{}`", key.value);
            let known = || format!("known here: {}", self.asked.join(", "));
            self.report.error("E002", place, message, format!("{} has no such key", self.name)).help =
                Some(near.map_or_else(known, |n| format!("did you mean `{n}`?")));
        }
    }
}

/// A number of bytes: `256 MiB`.
pub(super) fn size_of(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_at(text.trim().find(|c: char| !c.is_ascii_digit())?);
    let factor = match unit.trim() {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
