//! The tags that a test names, and the values that it gives them.
//!
//! Here: a value as it stands, or a table with its quality; codes by their names. Not here: when it is given (`read`).
//! Invariant: a value is taken as the line would take it: what does not fit the tag is a mistake of the test.

use proto::Quality;

use super::{Place, STEP_KEYS};
use crate::diagnose::did_you_mean;
use crate::document::{Node, Placed, Reader};
use crate::inventory::TagId;
use crate::trial::Sample;
use crate::value::{Held, Type, Unknown, Value, admit};

impl Place<'_> {
    pub(super) fn tag(&mut self, key: &Placed<String>) -> Option<TagId> {
        let other = |(machine, tag): (&str, &str)| {
            let (id, _) = self.inventory.machines().find(|(_, m)| m.name == machine.trim_matches('`'))?;
            self.inventory.tag_named(id, tag)
        };
        let own = self.inventory.tag_named(self.machine, &key.value);
        let found = own.or_else(|| key.value.rsplit_once('.').and_then(other));
        if found.is_none() {
            let message = format!("unknown tag `{}`", key.value);
            let machine = &self.inventory.machine(self.machine).name;
            let near = did_you_mean(&key.value, self.inventory.tag_names(self.machine).chain(STEP_KEYS));
            let label = format!("{machine} has no such tag");
            let shown = self.report.error("T005", (self.file, key.span.clone()), message, label);
            shown.help = near.map(|near| format!("did you mean `{near}`?"));
        }
        found
    }

    /// A value as it stands in the test, or a table with its quality.
    pub(super) fn sample(&mut self, tag: TagId, node: &Placed<Node>) -> Option<Sample> {
        let Node::Table(table) = &node.value else {
            let value = self.value(tag, node)?;
            return Some(Sample { value, quality: Quality::Ok });
        };
        let (file, mut r) = (self.file, Reader::new(table, "the value", self.file, self.report));
        let quality = r.text("quality");
        let value = r.any("value").map(|(_, node)| node);
        r.finish(&[]);
        let quality = match quality.as_ref().map(|q| q.value.as_str()) {
            None | Some("Ok") => Quality::Ok,
            Some("Uncertain") => Quality::Uncertain,
            Some("Bad") => return Some(Sample { value: Err(Unknown::Bad), quality: Quality::Bad }),
            Some(other) => {
                let span = quality.as_ref().map_or(node.span.clone(), |q| q.span.clone());
                let message = format!("`{other}` is not a quality");
                self.report.error("T004", (file, span), message, "Ok, Uncertain or Bad");
                return None;
            }
        };
        let Some(value) = value else {
            self.wrong(&node.span, "a quality that is not Bad needs a value", "`value` is missing");
            return None;
        };
        Some(Sample { value: self.value(tag, value)?, quality })
    }

    fn value(&mut self, tag: TagId, node: &Placed<Node>) -> Option<Held> {
        let known = self.inventory.tag(tag);
        let json = match &node.value {
            Node::Text(name) if matches!(known.kind, Type::Enum | Type::Flags) => {
                return self.code(tag, name, node);
            }
            Node::Text(text) if text == "Bad" && known.kind != Type::Text => return Some(Err(Unknown::Bad)),
            Node::Text(text) => proto::Value::Text(text.as_str().into()),
            Node::Int(i) => proto::Value::Int(*i),
            Node::Float(f) => proto::Value::Float(*f),
            Node::Bool(b) => proto::Value::Bool(*b),
            Node::Date | Node::List(_) | Node::Table(_) => {
                self.wrong(&node.span, "a tag's value is a number, a text, true or false", "not a value");
                return None;
            }
        };
        let held = admit(known.kind, known.range, &json, Quality::Ok);
        if held == Err(Unknown::WrongType) {
            let message = format!("`{}` is of type {}", known.name, known.kind);
            self.wrong(&node.span, message, "a value of another type");
            return None;
        }
        Some(held)
    }

    fn code(&mut self, tag: TagId, name: &str, node: &Placed<Node>) -> Option<Held> {
        if name == "Bad" {
            return Some(Err(Unknown::Bad));
        }
        let known = self.inventory.tag(tag);
        if let Some(code) = known.names.as_ref().and_then(|names| names.code(name)) {
            let value = if known.kind == Type::Flags { 1 << (code & 63) } else { code };
            return Some(Ok(Value::Int(value)));
        }
        let entries = known.names.as_ref().map_or(&[][..], |names| &names.entries);
        let near = did_you_mean(name, entries.iter().map(|(n, _)| n.as_str()));
        let message = format!("`{}` has no state `{name}`", known.name);
        let shown = self.report.error("T005", (self.file, node.span.clone()), message, "not in its table");
        shown.help = near.map(|near| format!("did you mean `{near}`?"));
        None
    }
}
