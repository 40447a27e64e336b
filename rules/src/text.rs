//! The text of a rule, with places for what is only known when it speaks.
//!
//! Here: `{water_temperature:.1}`, `{state}`, `{since:time}`, `{machine}`, parameters, checked when the file is
//! loaded. How values are written (German has a decimal comma) stands in `shown`. Not here: any other difference
//! between languages.
//! Invariant: a text that was accepted can always be filled in; what is unknown says so.

mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::expr::Mistake;
use crate::inventory::Names;
use crate::value::{Constant, Held, Type};

use self::shown::{shown, shown_moment};

pub use shown::bit_names;

/// A text as the file has it, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Plain(String),
    /// The value of a tag or a parameter.
    Tag(Place),
    /// The state entered.
    State,
    /// The machine's name.
    Machine,
    /// When the state was entered.
    Since(Moment),
}

/// A place for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The machine; none: the rule's own.
    pub machine: Option<String>,
    /// The tag's name.
    pub name: String,
    /// Decimals; all there are when none is given.
    pub decimals: Option<usize>,
    /// Where the name stands in the text.
    pub at: usize,
    /// The names of its codes.
    pub names: Option<Arc<Names>>,
    /// Its value is a bit field, shown by the names of its bits.
    pub is_flags: bool,
}

/// How an instant is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Day and time.
    Both,
    /// The time of day.
    Time,
    /// The day.
    Date,
}

/// What a text is filled with beside the values of tags.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filling<'a> {
    /// The state entered.
    pub state: &'a str,
    /// The machine's name.
    pub machine: &'a str,
    /// When the state was entered, ms since 1970 by the clock on the wall of the agent's time zone; none: nobody
    /// knows.
    pub since: Option<i64>,
}

/// What stands in brackets and is no tag.
pub(crate) const WORDS: [&str; 3] = ["state", "machine", "since"];

/// More decimals than a binary64 has.
const DECIMALS_MAX: usize = 17;

impl Template {
    /// Takes a text apart; `{{` and `}}` stand for the brackets themselves.
    ///
    /// # Errors
    /// All brackets that are none of ours.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        let (mut pieces, mut mistakes) = (Vec::new(), Vec::new());
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
            let Some(length) = text[bracket..].find('}').filter(|_| doubled == "{") else {
                mistakes.push(
                    Mistake::new("R301", bracket..bracket + 1, "a curly bracket without its partner")
                        .help("to show a curly bracket, write it twice"),
                );
                at = bracket + 1;
                continue;
            };
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            match piece(&text[bracket + 1..bracket + length], bracket + 1) {
                Ok(piece) => pieces.push(piece),
                Err(mistake) => mistakes.push(mistake),
            }
            at = bracket + length + 1;
        }
        plain.push_str(&text[at..]);
        pieces.push(Piece::Plain(plain));
        pieces.retain(|p| !matches!(p, Piece::Plain(t) if t.is_empty()));
        if mistakes.is_empty() { Ok(Self(pieces)) } else { Err(mistakes) }
    }

    /// What it takes of memory, beside itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |piece: &Piece| match piece {
            Piece::Plain(text) => text.len(),
            Piece::Tag(place) => place.length(),
            Piece::State | Piece::Machine | Piece::Since(_) => 0,
        };
        // A list and a text that grow may have as much room again.
        self.0.iter().map(|piece| 2 * (size_of::<Piece>() + of(piece))).sum()
    }

    /// The tags and parameters it names.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Tag(place) => Some(place),
            _ => None,
        })
    }

    /// The same, its places to be given what is known of them.
    pub(crate) fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.0.iter_mut().filter_map(|piece| match piece {
            Piece::Tag(place) => Some(place),
            _ => None,
        })
    }

    /// The text with the parameters written in that a machine has.
    #[must_use]
    pub fn with(&self, params: &BTreeMap<String, Constant>, language: &str) -> Self {
        let piece = |piece: &Piece| match piece {
            Piece::Tag(place) if place.machine.is_none() => match params.get(&place.name) {
                Some(param) => Piece::Plain(shown(&param.value, place, language)),
                None => piece.clone(),
            },
            other => other.clone(),
        };
        Self(self.0.iter().map(piece).collect())
    }

    /// Fills the text in; `held` gives the values of the tags in the order of [`Template::places`].
    #[must_use]
    pub fn fill<'v>(
        &self,
        language: &str,
        filling: Filling<'_>,
        held: impl IntoIterator<Item = &'v Held>,
    ) -> String {
        let mut held = held.into_iter();
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::State => out.push_str(filling.state),
                Piece::Machine => out.push_str(filling.machine),
                Piece::Since(moment) => match filling.since {
                    Some(since) => out.push_str(&shown_moment(since, *moment, language)),
                    None => out.push('?'),
                },
                Piece::Tag(place) => match held.next() {
                    Some(Ok(value)) => out.push_str(&shown(value, place, language)),
                    Some(Err(_)) | None => out.push('?'),
                },
            }
        }
        out
    }
}

fn piece(inside: &str, at: usize) -> Result<Piece, Mistake> {
    // A colon in backticks is part of the name.
    let colon = inside.rfind('`').map_or(0, |quote| quote + 1);
    let (name, format) = match inside[colon..].find(':') {
        Some(found) => (&inside[..colon + found], &inside[colon + found + 1..]),
        None => (inside, ""),
    };
    let bad_format = |what: &str, like: &str| {
        let from = at + name.len() + 1;
        Mistake::new("R302", from..from + format.len(), format!("`{format}` is not a format"))
            .help(format!("{what}, for example `{{{}:{like}}}`", name.trim()))
    };
    let unformatted = |piece: Piece| match format {
        "" => Ok(piece),
        _ => Err(bad_format("this has no format", "").help(format!("write `{{{}}}`", name.trim()))),
    };
    match name.trim() {
        "" => Err(Mistake::new("R301", at..at + inside.len(), "empty brackets")
            .help("write the name of a tag, `state`, `since` or `machine`")),
        "state" => unformatted(Piece::State),
        "machine" => unformatted(Piece::Machine),
        "since" => match format.trim() {
            "" => Ok(Piece::Since(Moment::Both)),
            "time" => Ok(Piece::Since(Moment::Time)),
            "date" => Ok(Piece::Since(Moment::Date)),
            _ => Err(bad_format("`time` or `date` is expected", "time")),
        },
        trimmed => {
            let decimals = match format.trim() {
                "" => None,
                given => {
                    let known = decimals(given);
                    Some(known.ok_or_else(|| bad_format("a number of decimals is expected", ".1"))?)
                }
            };
            let at = at + (name.len() - name.trim_start().len());
            Ok(Piece::Tag(Place::of(trimmed, decimals, at)))
        }
    }
}

/// `.1` is one decimal.
fn decimals(format: &str) -> Option<usize> {
    let digits = format.strip_prefix('.')?.parse().ok()?;
    (digits <= DECIMALS_MAX).then_some(digits)
}

impl Place {
    /// A tag, behind its machine if that is another than the rule's own: `` `washer-1`.pressure ``.
    fn of(text: &str, decimals: Option<usize>, at: usize) -> Self {
        let (machine, name) = match text.strip_prefix('`').and_then(|rest| rest.split_once("`.")) {
            Some((machine, tag)) => (Some(machine.to_owned()), tag),
            None => (None, text),
        };
        let name = name.trim_matches('`').to_owned();
        Self { machine, name, decimals, at, names: None, is_flags: false }
    }

    /// The length of what stands in the text for the name.
    #[must_use]
    pub fn length(&self) -> usize {
        self.machine.as_ref().map_or(0, |machine| machine.len() + 3) + self.name.len()
    }

    /// Takes over what is known of the tag.
    pub(crate) fn is_of(&mut self, kind: Type, names: Option<&Arc<Names>>) {
        self.is_flags = kind == Type::Flags;
        self.names = names.filter(|_| matches!(kind, Type::Enum | Type::Flags)).cloned();
    }
}

#[cfg(test)]
mod tests;
