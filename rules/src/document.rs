//! A TOML document as people edit it: keys in the order of the file, each with its place.
//!
//! Here: the document, and reading it from a text. How a table is asked for its keys stands in `reader`, what was meant
//! by one that is not known in `meant`. Not here: what is wrong with a text that is not TOML (`syntax`), what the keys
//! mean.
//! Invariant: every mistake of a document is reported in one run, each once, at its place.

mod meant;
mod reader;

use std::ops::Range;

use toml::de::{DeTable, DeValue};

use crate::diagnose::{FileId, Report};
use crate::syntax;

pub use reader::Reader;

/// A value with its place in the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it stands, in bytes of its file.
    pub span: Range<usize>,
}

/// What can stand behind a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A string.
    Text(String),
    /// An integer.
    Int(i64),
    /// A number with a point or an exponent.
    Float(f64),
    /// true or false.
    Bool(bool),
    /// A date or a time; nothing here uses one.
    Date,
    /// An array.
    List(Vec<Placed<Node>>),
    /// A table, inline or not.
    Table(Table),
}

impl Node {
    /// Whether two values say the same, wherever they stand.
    #[must_use]
    pub fn means(&self, other: &Node) -> bool {
        match (self, other) {
            (Node::List(a), Node::List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.value.means(&b.value))
            }
            (Node::Table(a), Node::Table(b)) => {
                let mut pairs = a.entries.iter().zip(&b.entries);
                a.entries.len() == b.entries.len()
                    && pairs.all(|(a, b)| a.0.value == b.0.value && a.1.value.means(&b.1.value))
            }
            (a, b) => a == b,
        }
    }

    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Node::Text(_) => "a text",
            Node::Int(_) => "an integer",
            Node::Float(_) => "a number",
            Node::Bool(_) => "true or false",
            Node::Date => "a date",
            Node::List(_) => "a list",
            Node::Table(_) => "a table",
        }
    }
}

/// A table: keys in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// Keys and values.
    pub entries: Vec<(Placed<String>, Placed<Node>)>,
    /// Where the table stands.
    pub span: Range<usize>,
}

/// Parses a file that was added to the report; every syntax error goes there, and what could be read comes back.
pub fn parse(report: &mut Report, file: FileId) -> Table {
    let text = report.text(file).to_owned();
    let (table, found) = DeTable::parse_recoverable(&text);
    let errors = if found.is_empty() { Vec::new() } else { syntax::errors(&text) };
    syntax::report(report, file, &text, &errors);
    let span = table.span();
    table_of(table.into_inner(), span)
}

fn table_of(table: DeTable<'_>, span: Range<usize>) -> Table {
    let mut entries: Vec<_> = table
        .into_iter()
        .map(|(key, value)| {
            let key = Placed { span: key.span(), value: key.into_inner().into_owned() };
            (key, placed(value))
        })
        .collect();
    entries.sort_by_key(|(key, _)| key.span.start);
    Table { entries, span }
}

fn placed(value: toml::Spanned<DeValue<'_>>) -> Placed<Node> {
    let span = value.span();
    let node = match value.into_inner() {
        DeValue::String(text) => Node::Text(text.into_owned()),
        DeValue::Integer(i) => {
            let digits = i.as_str().replace('_', "");
            i64::from_str_radix(&digits, i.radix()).map_or(Node::Float(f64::NAN), Node::Int)
        }
        DeValue::Float(f) => Node::Float(f.as_str().replace('_', "").parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(b) => Node::Bool(b),
        DeValue::Datetime(_) => Node::Date,
        DeValue::Array(list) => Node::List(list.into_iter().map(placed).collect()),
        DeValue::Table(table) => Node::Table(table_of(table, span.clone())),
    };
    Placed { value: node, span }
}

#[cfg(test)]
mod tests;
