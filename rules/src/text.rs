//! The text of a rule, with places for what is only known when it speaks.
//!
//! Here: `{water_temperature:.1}`, `{state}`, `{machine}`, checked when the file is loaded. Not here: languages
//! beyond how a number is written (German has a decimal comma).
//! Invariant: a text that was accepted can always be filled in; what is unknown says so.

use std::fmt::Write as _;

use crate::expr::Mistake;
use crate::value::{Held, Value};

/// A text as the file has it, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Plain(String),
    /// The value of a tag, with that many decimals.
    Tag {
        /// Its name.
        name: String,
        /// Decimals; all there are when none is given.
        decimals: Option<usize>,
        /// Where the name stands in the text.
        at: usize,
    },
    /// The state entered.
    State,
    /// The machine's name.
    Machine,
}

/// More decimals than a binary64 has.
const DECIMALS_MAX: usize = 17;

impl Template {
    /// Takes a text apart; `{{` and `}}` stand for the brackets themselves.
    ///
    /// # Errors
    /// At the first bracket that is none of ours.
    pub fn read(text: &str) -> Result<Self, Mistake> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            let bracket = at + found;
            plain.push_str(&text[at..bracket]);
            let doubled = &text[bracket..=bracket];
            if text[bracket + 1..].starts_with(doubled) {
                plain.push_str(doubled);
                at = bracket + 2;
                continue;
            }
            let length = text[bracket..].find('}').filter(|_| doubled == "{").ok_or_else(|| {
                Mistake::new("R301", bracket..bracket + 1, "a curly bracket without its partner")
                    .help("to show a curly bracket, write it twice")
            })?;
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            pieces.push(piece(&text[bracket + 1..bracket + length], bracket + 1)?);
            at = bracket + length + 1;
        }
        plain.push_str(&text[at..]);
        pieces.push(Piece::Plain(plain));
        pieces.retain(|p| !matches!(p, Piece::Plain(t) if t.is_empty()));
        Ok(Self(pieces))
    }

    /// The tags it names, with where they stand.
    pub fn tags(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Tag { name, at, .. } => Some((name.as_str(), *at)),
            _ => None,
        })
    }

    /// Fills the text in; `held` gives the values of the tags in the order of [`Template::tags`].
    #[must_use]
    pub fn fill<'v>(
        &self,
        language: &str,
        state: &str,
        machine: &str,
        held: impl IntoIterator<Item = &'v Held>,
    ) -> String {
        let mut held = held.into_iter();
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::State => out.push_str(state),
                Piece::Machine => out.push_str(machine),
                Piece::Tag { decimals, .. } => match held.next() {
                    Some(Ok(value)) => out.push_str(&shown(value, *decimals, language)),
                    Some(Err(_)) | None => out.push('?'),
                },
            }
        }
        out
    }
}

fn piece(inside: &str, at: usize) -> Result<Piece, Mistake> {
    let (name, format) = inside.split_once(':').unwrap_or((inside, ""));
    let bad_format = |what: &str| {
        let from = at + name.len() + 1;
        Mistake::new("R302", from..from + format.len(), format!("`{format}` is not a format"))
            .help(format!("{what}, for example `{{{name}:.1}}`"))
    };
    let decimals = match format {
        "" => None,
        given => {
            let digits = given.strip_prefix('.').and_then(|d| d.parse().ok()).filter(|d| *d <= DECIMALS_MAX);
            Some(digits.ok_or_else(|| bad_format("a number of decimals is expected"))?)
        }
    };
    match name.trim() {
        "" => Err(Mistake::new("R301", at..at + inside.len(), "empty brackets")
            .help("write the name of a tag, `state` or `machine`")),
        "state" => Ok(Piece::State),
        "machine" => Ok(Piece::Machine),
        "since" => {
            Err(Mistake::new("R104", at..at + inside.len(), "`since` is not supported by this version"))
        }
        name => Ok(Piece::Tag { name: name.trim_matches('`').to_owned(), decimals, at }),
    }
}

fn shown(value: &Value, decimals: Option<usize>, language: &str) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    match (value, decimals) {
        (Value::Bool(b), _) => write!(out, "{b}"),
        (Value::Int(i), _) => write!(out, "{i}"),
        (Value::Float(f), Some(decimals)) => write!(out, "{f:.decimals$}"),
        (Value::Float(f), None) => write!(out, "{f}"),
        (Value::Text(t), _) => return t.to_string(),
    }
    .ok();
    if language == "de" { out.replace('.', ",") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Unknown;

    #[test]
    fn a_text_is_filled_in_per_language() {
        let template = Template::read("{machine}: {p:.2} bar, {state} {{n}}").unwrap();
        assert_eq!(template.tags().collect::<Vec<_>>(), [("p", 12)]);
        let held = [Ok(Value::Float(1.875))];
        assert_eq!(template.fill("de", "Low", "filler-1", &held), "filler-1: 1,88 bar, Low {n}");
        assert_eq!(template.fill("en", "Low", "filler-1", &held), "filler-1: 1.88 bar, Low {n}");
        assert_eq!(template.fill("en", "Low", "f", &[Err(Unknown::Stale)]), "f: ? bar, Low {n}");
    }

    #[test]
    fn mistakes_are_found_at_their_place() {
        let at = |text: &str| Template::read(text).unwrap_err().span;
        assert_eq!(at("a {b"), 2..3);
        assert_eq!(at("a } b"), 2..3);
        assert_eq!(at("{}"), 1..1);
        assert_eq!(at("{p:1}"), 3..4);
        assert_eq!(at("{p:.99}"), 3..6);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            if let Ok(template) = Template::read(&text) {
                proptest::prop_assert!(template.fill("de", "s", "m", &[]).len() <= text.len() + 1);
            }
        }
    }
}
