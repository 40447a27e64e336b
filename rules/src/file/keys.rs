//! The keys that a rule, a group and a state share, and those whose values have a form of their own.
//!
//! Here: `severity`, names of states, `stale_after`, `text`, `weight`, `unknown`, `coverage`, `deadband`, delays. Not
//! here: `on` (`selector`), conditions (`condition`), which key stands where (`read`, `group`).
//! Invariant: a value that is not understood is reported at its place, with what may stand there.

use std::collections::BTreeMap;
use std::ops::Range;

use proto::Severity;

use super::condition::report_mistake;
use super::{COVERAGE, Named, OnUnknown, StaleAfter, UNKNOWN_AFTER};
use crate::diagnose::did_you_mean;
use crate::document::{Node, Placed, Reader, Table};
use crate::expr::TEXT_MAX;
use crate::params;
use crate::severities;
use crate::text::Template;
use crate::time::{self, Millis};
use crate::value::{Constant, Value};

/// Weight of a state that gives none, and whose group gives none (§7.3).
pub(super) const WEIGHT_DEFAULT: u32 = 10;
/// Greatest weight (§7.3).
const WEIGHT_MAX: i64 = 1000;
/// Names that the engine gives itself (§7.5).
pub(super) const RESERVED: [&str; 3] = ["Unknown", "Inactive", "Removed"];
/// A text or a list of texts.
pub(super) fn one_or_more(r: &mut Reader<'_, '_>, key: &'static str) -> Option<Vec<String>> {
    let texts = placed_texts(r, key)?;
    Some(texts.into_iter().map(|t| t.value).collect())
}

/// A text or a list of texts, each with its place.
pub(super) fn placed_texts(r: &mut Reader<'_, '_>, key: &'static str) -> Option<Vec<Placed<String>>> {
    let (_, node) = r.any(key)?;
    let Node::List(list) = &node.value else { return r.text(key).map(|t| vec![t]) };
    let mut texts = Vec::new();
    for item in list {
        if let Node::Text(text) = &item.value {
            texts.push(Placed { value: text.clone(), span: item.span.clone() });
        } else {
            let (place, message) =
                ((r.file(), item.span.clone()), format!("`{key}` must be a text or a list of texts"));
            r.report().error("E005", place, message, format!("this is {}", item.value.kind()));
        }
    }
    (texts.len() == list.len()).then_some(texts)
}

pub(super) fn severity(r: &mut Reader<'_, '_>) -> Option<Severity> {
    let given = r.text("severity")?;
    let known = severities::named(&given.value);
    if known.is_none() {
        let place = (r.file(), given.span);
        let message = format!("`{}` is not a severity", given.value);
        let near = severities::meant(&given.value);
        r.report().error("R002", place, message, "info, warning, alarm or critical").help =
            near.map(|n| format!("did you mean `{n}`?"));
    }
    known
}

/// A name that a rule may give to a state.
pub(super) fn state_name(r: &mut Reader<'_, '_>, key: &'static str) -> Option<String> {
    let given = r.text(key)?;
    let place = (r.file(), given.span);
    if RESERVED.contains(&given.value.as_str()) {
        let message = format!("`{}` is a name that the engine gives itself", given.value);
        r.report().error("R003", place, message, "choose another name");
    } else if given.value.trim().is_empty()
        || given.value.len() > 64
        || given.value.chars().any(char::is_control)
    {
        r.report().error("R003", place, "a state's name has 1 to 64 bytes", "not a name");
    }
    Some(given.value)
}

/// A state's name, and its weight if it has one: `"Normal"`, or `{ name = "Normal", weight = 5 }`.
pub(super) fn weighed_name(r: &mut Reader<'_, '_>, key: &'static str) -> Option<(String, u32)> {
    let file = r.file();
    match r.any(key) {
        Some((_, Placed { value: Node::Table(table), .. })) => {
            let mut t = Reader::new(table, format!("`{key}`"), file, r.report());
            let name = t.required("name").then(|| state_name(&mut t, "name")).flatten();
            let weight = weight(&mut t).unwrap_or(0);
            t.misplaced("severity", "it is `info`", "a state that matters is one of the group's `state`");
            t.finish(&[]);
            Some((name?, weight))
        }
        _ => Some((state_name(r, key)?, 0)),
    }
}

pub(super) fn stale_after(r: &mut Reader<'_, '_>) -> StaleAfter {
    match r.any("stale_after") {
        None => StaleAfter::IdleTimeout,
        Some((_, node)) if node.value == Node::Text("never".into()) => StaleAfter::Never,
        Some(_) => match r.duration("stale_after") {
            Some(zero) if zero.value == 0 => {
                let place = (r.file(), zero.span);
                let message = "with `stale_after` 0 no value would ever count";
                r.report().error("R010", place, message, "give a time, or \"never\"");
                StaleAfter::Never
            }
            Some(given) => StaleAfter::After(given.value),
            None => {
                r.report().add_to_help_last("or write \"never\": then a value holds for ever");
                StaleAfter::Never
            }
        },
    }
}

pub(super) fn texts(r: &mut Reader<'_, '_>) -> BTreeMap<String, (Template, Range<usize>)> {
    let file = r.file();
    let Some((_, node)) = r.any("text") else { return BTreeMap::new() };
    let by_language: Vec<(Placed<String>, &Placed<Node>)> = match &node.value {
        Node::Table(table) => table.entries.iter().map(|(k, v)| (k.clone(), v)).collect(),
        _ => vec![(Placed { value: "en".into(), span: node.span.clone() }, node)],
    };
    let mut texts = BTreeMap::new();
    for (language, node) in by_language {
        let place = (file, node.span.clone());
        let Node::Text(text) = &node.value else {
            let label = format!("this is {}", node.value.kind());
            r.report().error("E005", place, "`text` must be a text in quotes", label);
            continue;
        };
        if !is_language(&language.value) {
            let message = format!("`{}` is not a language", language.value);
            r.report().error("R011", (file, language.span), message, "its code is expected").help =
                Some(language_meant(&language.value).map_or_else(
                    || "write text.de, text.en or text.fr".into(),
                    |meant| format!("write text.{meant}"),
                ));
        } else if text.len() > TEXT_MAX {
            let message = format!("a text has at most {TEXT_MAX} bytes");
            r.report().error("R106", place, message, format!("this one has {}", text.len()));
        } else {
            let (template, mistakes) = Template::with_mistakes(text);
            mistakes.into_iter().for_each(|m| report_mistake(r.report(), file, &node.span, m));
            texts.insert(language.value, (template, node.span.clone()));
        }
    }
    texts
}

/// The code that is meant by a language's name.
fn language_meant(name: &str) -> Option<String> {
    let lower = name.to_lowercase();
    match lower.as_str() {
        "deutsch" | "german" | "ger" | "deu" => Some("de".into()),
        "english" | "englisch" | "eng" => Some("en".into()),
        _ => is_language(&lower).then_some(lower),
    }
}

/// `de`, `de-AT`: a code of two or three letters, and what may follow it.
pub(super) fn is_language(code: &str) -> bool {
    let mut parts = code.split('-');
    let main = parts.next().unwrap_or_default();
    (2..=3).contains(&main.len())
        && main.chars().all(|c| c.is_ascii_lowercase())
        && parts.all(|p| (2..=8).contains(&p.len()) && p.chars().all(|c| c.is_ascii_alphanumeric()))
}

/// A delay in ms, or the parameter that gives it.
pub(super) fn delay(r: &mut Reader<'_, '_>, key: &'static str) -> (Millis, Option<Placed<String>>) {
    let by = match r.any(key) {
        Some((_, Placed { value: Node::Text(text), span })) => {
            let is_name = time::duration(text).is_err() && is_word(text.trim());
            is_name.then(|| Placed { value: text.trim().to_owned(), span: span.clone() })
        }
        _ => None,
    };
    match by {
        Some(by) => (0, Some(by)),
        None => (r.duration(key).map_or(0, |d| d.value), None),
    }
}

/// Whether it can be the name of a parameter or a definition.
pub(super) fn is_word(text: &str) -> bool {
    let begins = text.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_');
    begins && text.len() <= 64 && text.chars().all(|c| c.is_alphanumeric() || "_.".contains(c))
}

pub(super) fn weight(r: &mut Reader<'_, '_>) -> Option<u32> {
    let given = r.int("weight")?;
    if (0..=WEIGHT_MAX).contains(&given.value) {
        return u32::try_from(given.value).ok();
    }
    let place = (r.file(), given.span);
    r.report().error("R006", place, format!("a weight lies between 0 and {WEIGHT_MAX}"), "out of range");
    None
}

pub(super) fn on_unknown(r: &mut Reader<'_, '_>) -> Option<OnUnknown> {
    let file = r.file();
    let (_, node) = r.any("unknown")?;
    match &node.value {
        Node::Text(t) if t == "as-false" => Some(OnUnknown::AsFalse),
        Node::Text(t) if t == "abstain" => Some(OnUnknown::Abstain(UNKNOWN_AFTER)),
        Node::Table(table) => Some(unknown_state(r, table, &node.span)),
        other => {
            let label = match other {
                Node::Text(text) => {
                    let near = did_you_mean(text, ["as-false", "abstain"]);
                    near.map_or_else(|| "not one of them".into(), |n| format!("did you mean \"{n}\"?"))
                }
                _ => format!("this is {}", other.kind()),
            };
            let message = "`unknown` must be \"as-false\", \"abstain\" or a table";
            r.report().error("E005", (file, node.span.clone()), message, label).help =
                Some("for example unknown = { after = \"1 min\", name = \"SensorFault\" }".into());
            None
        }
    }
}

/// `{ after = "1 min", name = "SensorFault" }`: when it cannot be known, and which state that is.
fn unknown_state(r: &mut Reader<'_, '_>, table: &Table, span: &Range<usize>) -> OnUnknown {
    let file = r.file();
    let mut t = Reader::new(table, "`unknown`", file, r.report());
    let after = t.duration("after").map_or(UNKNOWN_AFTER, |d| d.value);
    let name = state_name(&mut t, "name");
    let (weight, severity) = (weight(&mut t), severity(&mut t));
    if name.is_none() && (weight.is_some() || severity.is_some()) {
        let message = "a weight or severity in `unknown` needs the `name` of the state it is for";
        t.report().error("R007", (file, span.clone()), message, "without a name");
    }
    t.finish(&[]);
    let weight = weight.unwrap_or(WEIGHT_DEFAULT);
    let severity = severity.unwrap_or(Severity::Warning);
    match name {
        Some(name) => OnUnknown::State(after, Named { name, weight, severity }),
        None => OnUnknown::Vote(after),
    }
}

/// The share of a window that must be known: `0.8` or `"80 %"`.
pub(super) fn coverage(r: &mut Reader<'_, '_>) -> f64 {
    let Some((_, node)) = r.any("coverage") else { return COVERAGE };
    let share = match &node.value {
        Node::Float(f) => Some(*f),
        Node::Int(i) => Some(*i as f64),
        Node::Text(text) => {
            let percent = text.trim().strip_suffix('%').and_then(|p| p.trim().parse::<f64>().ok());
            percent.map(|p| p / 100.0)
        }
        _ => None,
    };
    match share {
        Some(share) if share > 0.0 && share <= 1.0 => share,
        _ => {
            let place = (r.file(), node.span.clone());
            let message = "`coverage` is the share of a window that must be known";
            r.report().error("R012", place, message, "more than 0, at most 1").help =
                Some("write 0.8 or \"80 %\"".into());
            COVERAGE
        }
    }
}

/// How far tags must go back before a state is left.
pub(super) fn deadband(r: &mut Reader<'_, '_>) -> BTreeMap<String, Placed<Constant>> {
    let file = r.file();
    let Some((_, node)) = r.any("deadband") else { return BTreeMap::new() };
    let Node::Table(table) = &node.value else {
        let message = "`deadband` must be a table: the tag, and how far it must go back";
        let label = format!("this is {}", node.value.kind());
        r.report().error("E005", (file, node.span.clone()), message, label).help =
            Some("for example deadband = { water_temperature = \"0.5 K\" }".into());
        return BTreeMap::new();
    };
    let mut bands = BTreeMap::new();
    for (tag, node) in &table.entries {
        let Some(constant) = params::constant(r.report(), file, node) else { continue };
        let number = match constant.value {
            Value::Int(i) => i as f64,
            Value::Float(f) => f,
            Value::Bool(_) | Value::Text(_) => f64::NAN,
        };
        if number > 0.0 {
            bands.insert(tag.value.clone(), Placed { value: constant, span: node.span.clone() });
        } else {
            let message = "a deadband is a number above 0, with the unit of a difference";
            r.report().error("R013", (file, node.span.clone()), message, "not such a number").help =
                Some(format!("for example {} = \"0.5 K\"", tag.value));
        }
    }
    bands
}
