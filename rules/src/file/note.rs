//! What a person should know who meets a state of the rule: cause, consequence, first action, by language.
//!
//! ```toml
//! [rule.bowl-pressure.note]
//! cause.en = "Pressure control or gas supply."
//! cause.de = "Druckregelung oder Gasversorgung."
//! ```
//! Here: its keys. Not here: `text`, which stands in every transition and has places for values.
//! Invariant: a note changes nothing that the rule does, so the rule's hash does not know of it.

use std::collections::BTreeMap;

use super::keys::is_language;
use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed, Reader, Table};
use crate::expr::TEXT_MAX;

/// Texts by language.
type Texts = BTreeMap<String, String>;

/// What a person should know who meets a state of the rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Note {
    /// Why it happens.
    pub cause: Texts,
    /// What comes of it.
    pub consequence: Texts,
    /// What to do first.
    pub action: Texts,
}

/// Reads the note of a rule.
pub(super) fn note(r: &mut Reader<'_, '_>) -> Note {
    let file = r.file();
    let Some(table) = r.table("note") else { return Note::default() };
    of(r.report(), file, table)
}

fn of(report: &mut Report, file: FileId, table: &Table) -> Note {
    let mut r = Reader::new(table, "the note", file, report);
    let note = Note {
        cause: texts(&mut r, "cause"),
        consequence: texts(&mut r, "consequence"),
        action: texts(&mut r, "action"),
    };
    r.finish(&[]);
    note
}

/// A text, which is English, or texts by language.
fn texts(r: &mut Reader<'_, '_>, key: &'static str) -> Texts {
    let Some((_, node)) = r.any(key) else { return Texts::new() };
    let Node::Table(table) = &node.value else {
        return text(r, key, node).map(|text| ("en".to_owned(), text)).into_iter().collect();
    };
    let by_language = |(language, node): &(Placed<String>, Placed<Node>)| {
        if is_language(&language.value) {
            return Some((language.value.clone(), text(r, key, node)?));
        }
        let (place, message) =
            ((r.file(), language.span.clone()), format!("`{}` is not a language", language.value));
        r.report().error("R011", place, message, "its code is expected").help =
            Some(format!("write {key}.de, {key}.en or {key}.fr"));
        None
    };
    table.entries.iter().filter_map(by_language).collect()
}

fn text(r: &mut Reader<'_, '_>, key: &str, node: &Placed<Node>) -> Option<String> {
    let place = (r.file(), node.span.clone());
    match &node.value {
        Node::Text(text) if text.len() <= TEXT_MAX => Some(text.clone()),
        Node::Text(text) => {
            let message = format!("a text has at most {TEXT_MAX} bytes");
            r.report().error("R106", place, message, format!("this one has {}", text.len()));
            None
        }
        other => {
            let label = format!("this is {}", other.kind());
            r.report().error("E005", place, format!("`{key}` must be a text in quotes"), label);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::{Rule, rules};

    fn read(note: &str) -> (Option<Rule>, Vec<String>) {
        let mut report = Report::default();
        let text = format!("[rule.r]\non = 'x'\nwhen = 't > 1'\n[rule.r.note]\n{note}\n");
        let file = report.add_file("r.toml", text);
        let rule = rules(&mut report, file).rules.pop();
        (rule, report.lines().collect())
    }

    #[test]
    fn a_note_is_read_by_language_and_is_not_in_the_hash() {
        let (rule, said) = read("cause = 'Steam'\nconsequence.de = 'Unsteril'\naction.en = 'Stop {it}'");
        let rule = rule.unwrap_or_else(|| panic!("{said:?}"));
        assert_eq!((&*rule.note.cause["en"], &*rule.note.consequence["de"]), ("Steam", "Unsteril"));
        assert_eq!(rule.note.action["en"], "Stop {it}", "no places for values");
        assert_eq!(rule.hash, read("").0.unwrap().hash);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (note, expected) in [
            ("cuase.en = 'x'", "did you mean `cause`?"),
            ("cause.german = 'x'", "5:7: `german` is not a language"),
            ("action.de = 3", "`action` must be a text in quotes"),
            ("cause = ['x']", "`cause` must be a text in quotes"),
        ] {
            let (rule, said) = read(note);
            assert!(rule.is_none() && said.len() == 1 && said[0].contains(expected), "{note}: {said:?}");
        }
    }
}
