//! From text to tokens.
//!
//! Here: the spellings, SCL's and C's. Not here: numbers (`number`), what people write who know other languages
//! (`habits`), the order of tokens (`parse`), what a name means (`check`).
//! Invariant: every byte of the text belongs to one token, to white space, or to a mistake; all mistakes are found in
//! one run.

use std::ops::Range;

use super::call::function_names;
use super::habits;
use super::number::{fraction, number};
use super::{Joint, Mistake, Number, Operator, Relation};
use crate::time;

/// A token with its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Range<usize>,
}

/// Kinds of tokens.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A name.
    Name(String),
    /// A name in backticks.
    Quoted(String),
    /// A number with the unit that stands behind it.
    Number(Number, Option<String>),
    /// A text in single quotes.
    Text(String),
    /// `true`, `false`.
    Bool(bool),
    /// A comparison.
    Relation(Relation),
    /// `and`, `or`, `xor`.
    Joint(Joint),
    /// `not`, `!`.
    Not,
    /// `+`, `-`, `*`, `/`.
    Operator(Operator),
    /// `in`
    In,
    /// `else`
    Else,
    /// `..`
    To,
    /// `,`
    Comma,
    /// `.` behind a name in backticks: a tag of that machine follows.
    Of,
    /// `[`
    OpenList,
    /// `]`
    CloseList,
    /// `(`
    Open,
    /// `)`
    Close,
    /// Something wrong in the place of a value.
    Wrong,
}

/// Symbols, the longer before the shorter that begins like it.
const SYMBOLS: [(&str, Kind); 24] = [
    ("&&", Kind::Joint(Joint::And)),
    ("||", Kind::Joint(Joint::Or)),
    ("<>", Kind::Relation(Relation::NotEqual)),
    ("!=", Kind::Relation(Relation::NotEqual)),
    ("==", Kind::Relation(Relation::Equal)),
    ("<=", Kind::Relation(Relation::AtMost)),
    (">=", Kind::Relation(Relation::AtLeast)),
    ("=", Kind::Relation(Relation::Equal)),
    ("<", Kind::Relation(Relation::Less)),
    (">", Kind::Relation(Relation::Greater)),
    ("!", Kind::Not),
    ("..", Kind::To),
    (".", Kind::Of),
    (",", Kind::Comma),
    ("[", Kind::OpenList),
    ("]", Kind::CloseList),
    ("+", Kind::Operator(Operator::Add)),
    ("-", Kind::Operator(Operator::Subtract)),
    ("*", Kind::Operator(Operator::Multiply)),
    ("/", Kind::Operator(Operator::Divide)),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("\u{2212}", Kind::Operator(Operator::Subtract)),
    ("\u{b7}", Kind::Operator(Operator::Multiply)),
];

/// What was found at a place: a token or none, how long it is, and what is wrong with it.
pub(super) struct Found {
    kind: Option<Kind>,
    length: usize,
    pub(super) mistake: Option<Mistake>,
}

impl Found {
    pub(super) fn right(kind: Kind, length: usize) -> Self {
        Self { kind: Some(kind), length, mistake: None }
    }

    /// Something wrong, and what it probably stands for.
    pub(super) fn wrong(mistake: Mistake, kind: Option<Kind>, length: usize) -> Self {
        Self { kind, length, mistake: Some(mistake) }
    }
}

impl Kind {
    /// Whether a value may end with it.
    pub(super) fn ends_a_value(&self) -> bool {
        use Kind::{Bool, Close, CloseList, Name, Number, Quoted, Text, Wrong};
        matches!(self, Name(_) | Quoted(_) | Number(..) | Text(_) | Bool(_) | Close | CloseList | Wrong)
    }

    /// Whether a value may begin with it.
    pub(super) fn begins_a_value(&self) -> bool {
        use Kind::{Bool, Name, Not, Number, Open, Quoted, Text, Wrong};
        matches!(self, Name(_) | Quoted(_) | Number(..) | Text(_) | Bool(_) | Open | Not | Wrong)
    }
}

/// How a bracket that is open parts what stands in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parts {
    /// Not at all.
    None,
    /// By a comma.
    ByComma,
    /// By a comma, as arguments of a function that there is not.
    Arguments,
    /// It may be `AND(a; b)`, as a spreadsheet has it, or a bracket behind `and`.
    Perhaps,
}

impl Parts {
    fn of_bracket_behind(token: Option<&Token>) -> Self {
        match token.map(|token| &token.kind) {
            // Of what is no function something else is said than which sign parts its arguments.
            Some(Kind::Name(name)) => match function_names().any(|f| f == name.to_lowercase()) {
                true => Parts::ByComma,
                false => Parts::Arguments,
            },
            Some(Kind::Joint(_)) => Parts::Perhaps,
            _ => Parts::None,
        }
    }
}

/// Reads all tokens, and all that is no token: it is taken for what it probably stands for.
pub fn tokens(text: &str) -> (Vec<Token>, Vec<Mistake>) {
    let (mut found, mut mistakes): (Vec<Token>, Vec<Mistake>) = (Vec::new(), Vec::new());
    let mut open: Vec<Parts> = Vec::new();
    let mut at = 0;
    loop {
        at = text.len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else { break };
        let Found { kind, length, mistake } = match first {
            '0'..='9' => number(
                text,
                at,
                open.last().is_some_and(|parts| *parts == Parts::ByComma || *parts == Parts::Arguments),
            ),
            '\'' => quoted(text, at),
            '`' => backticked(text, at),
            ';' if open.last().is_some_and(|parts| *parts != Parts::None) => {
                habits::semicolon(at, open.last() == Some(&Parts::ByComma))
            }
            '.' if begins_a_fraction(text, at, found.last()) => fraction(&text[at..], at),
            '[' | '{' | '.' if found.last().is_some_and(|last| last.span.end == at) => {
                match habits::part_of(text, at, &mut found) {
                    Some(found) => found,
                    None => symbol(text, at, found.last()),
                }
            }
            c if c.is_alphabetic() || c == '_' => word(text, at),
            _ => symbol(text, at, found.last()),
        };
        mistakes.extend(mistake);
        if let Some(kind) = kind {
            match kind {
                Kind::Open => open.push(Parts::of_bracket_behind(found.last())),
                Kind::OpenList => open.push(Parts::ByComma),
                Kind::Close | Kind::CloseList => drop(open.pop()),
                _ => {}
            }
            found.push(Token { kind, span: at..at + length });
        }
        at += length;
    }
    habits::words(text, &mut found, &mut mistakes);
    (found, mistakes)
}

/// `.5`, where a number begins.
fn begins_a_fraction(text: &str, at: usize, before: Option<&Token>) -> bool {
    text[at + 1..].starts_with(|c: char| c.is_ascii_digit()) && before.is_none_or(|t| !t.kind.ends_a_value())
}

fn symbol(text: &str, at: usize, before: Option<&Token>) -> Found {
    if let Some(found) = habits::sign(text, at, before) {
        return found;
    }
    let rest = &text[at..];
    match SYMBOLS.iter().find(|(s, _)| rest.starts_with(s)) {
        Some((symbol, kind)) => Found::right(kind.clone(), symbol.len()),
        None => habits::unknown_sign(rest.chars().next().unwrap_or(' '), at),
    }
}

pub(super) fn keyword(word: &str) -> Option<Kind> {
    /// Of `false`; most words are longer, and are names.
    const LONGEST: usize = 5;
    if word.len() > LONGEST {
        return None;
    }
    Some(match word.to_ascii_lowercase().as_str() {
        "and" => Kind::Joint(Joint::And),
        "or" => Kind::Joint(Joint::Or),
        "xor" => Kind::Joint(Joint::Xor),
        "not" => Kind::Not,
        "in" => Kind::In,
        "else" => Kind::Else,
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => return None,
    })
}

fn word(text: &str, at: usize) -> Found {
    let rest = &text[at..];
    let mut length = habits::name_length(rest);
    length = rest[..length].find("..").unwrap_or(length);
    let word = rest[..length].trim_end_matches('.');
    if let Some(found) = habits::hidden_in_word(rest, at) {
        return found;
    }
    if let Some(kind) = keyword(word) {
        return Found::right(kind, word.len());
    }
    if rest[word.len()..].starts_with('#') {
        return habits::typed_constant(rest, at, word).unwrap_or_else(|| iec_duration(rest, at));
    }
    Found::right(Kind::Name(word.to_owned()), word.len())
}

/// `T#5M`, as IEC 61131-3 writes it.
fn iec_duration(rest: &str, at: usize) -> Found {
    let length = rest.find(|c: char| !(c.is_alphanumeric() || "_#.".contains(c))).unwrap_or(rest.len());
    let kind = |millis| Kind::Number(Number::Int(millis), Some("ms".into()));
    match time::duration(&rest[..length]) {
        Ok(millis) => Found::right(kind(millis), length),
        Err(error) => {
            let mistake = Mistake::new("R103", at..at + length, error.to_string())
                .label("not a duration")
                .help("write `T#1h30m`, `T#5M` or `5 min`");
            Found::wrong(mistake, Some(Kind::Wrong), length)
        }
    }
}

fn quoted(text: &str, at: usize) -> Found {
    let mut inside = String::new();
    let mut rest = text[at + 1..].char_indices().peekable();
    while let Some((i, c)) = rest.next() {
        match c {
            '\'' if rest.next_if(|(_, next)| *next == '\'').is_some() => inside.push('\''),
            '\'' => return Found::right(Kind::Text(inside), i + 2),
            c => inside.push(c),
        }
    }
    let mistake = Mistake::new("R105", at..text.len(), "the text has no closing quote").help("add `'`");
    Found::wrong(mistake, Some(Kind::Wrong), text.len() - at)
}

fn backticked(text: &str, at: usize) -> Found {
    let wrong = |length, message: &str, help: &str| {
        let mistake = Mistake::new("R105", at..at + length, message).help(help);
        Found::wrong(mistake, Some(Kind::Wrong), length)
    };
    match text[at + 1..].find('`') {
        Some(0) => wrong(2, "an empty name", "write a name between the backticks"),
        Some(length) => Found::right(Kind::Quoted(text[at + 1..=at + length].to_owned()), length + 2),
        None => wrong(text.len() - at, "the name has no closing backtick", "add a backtick"),
    }
}

#[cfg(test)]
mod tests;
