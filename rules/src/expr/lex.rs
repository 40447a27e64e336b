//! From text to tokens.
//!
//! Here: the spellings, SCL's and C's. Not here: numbers (`number`), what people write who know other languages
//! (`habits`), the order of tokens (`parse`), what a name means (`check`).
//! Invariant: every byte of the text belongs to one token, to white space, or to a mistake; all mistakes are found in
//! one run.

use std::ops::Range;

use super::habits;
use super::number::number;
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
    mistake: Option<Mistake>,
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

/// Reads all tokens, and all that is no token: it is taken for what it probably stands for.
pub fn tokens(text: &str) -> (Vec<Token>, Vec<Mistake>) {
    let (mut found, mut mistakes): (Vec<Token>, Vec<Mistake>) = (Vec::new(), Vec::new());
    // Which brackets are open, and whether a comma in them parts values.
    let mut open: Vec<bool> = Vec::new();
    let mut at = 0;
    loop {
        at = text.len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else { break };
        let Found { kind, length, mistake } = match first {
            '0'..='9' => number(text, at, open.last().copied().unwrap_or(false)),
            '\'' => quoted(text, at),
            '`' => backticked(text, at),
            c if c.is_alphabetic() || c == '_' => word(text, at),
            _ => symbol(text, at, found.last()),
        };
        mistakes.extend(mistake);
        if let Some(kind) = kind {
            match kind {
                Kind::Open => open.push(matches!(found.last(), Some(Token { kind: Kind::Name(_), .. }))),
                Kind::OpenList => open.push(true),
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
    let mut length =
        rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
    length = rest[..length].find("..").unwrap_or(length);
    let word = rest[..length].trim_end_matches('.');
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
            Found::wrong(mistake, Some(kind(1)), length)
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
    Found::wrong(mistake, Some(Kind::Text(inside)), text.len() - at)
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
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        let (tokens, mistakes) = tokens(text);
        assert_eq!(mistakes, [], "{text}");
        tokens.into_iter().map(|t| t.kind).collect()
    }

    fn units(text: &str) -> Vec<Option<String>> {
        let unit = |kind| match kind {
            Kind::Number(_, unit) => Some(unit),
            _ => None,
        };
        kinds(text).into_iter().filter_map(unit).collect()
    }

    #[test]
    fn both_spellings_give_the_same_tokens() {
        assert_eq!(kinds("a = 1 AND NOT b <> 2 or c"), kinds("a == 1 && ! b != 2 || c"));
    }

    #[test]
    fn a_unit_belongs_to_its_number_and_a_word_does_not() {
        let number = |f, unit: &str| Kind::Number(Number::Float(f), Some(unit.into()));
        assert_eq!(kinds("4.5 bar"), [number(4.5, "bar")]);
        assert_eq!(kinds("0.2 K/min"), [number(0.2, "K/min")]);
        assert_eq!(kinds("90 and x").len(), 3);
        assert_eq!(kinds("1e3")[0], Kind::Number(Number::Float(1000.0), None));
        let some = |unit: &str| Some(unit.to_owned());
        assert_eq!(
            units("1400 1/min and 12 m³/h or 3 m3/h xor 80%"),
            [some("1/min"), some("m³/h"), some("m3/h"), some("%")]
        );
        assert_eq!(units("5 kg/limit and 3 Fass/Zug"), [some("kg"), some("Fass")], "a tag is divided by");
        assert_eq!(units("6 bar/2"), [some("bar"), None]);
        assert_eq!(units("90 °C in [1, 2]"), [some("°C"), None, None]);
        assert_eq!(units("3 else 4"), [None, None]);
    }

    #[test]
    fn durations_are_numbers_of_milliseconds_or_with_a_unit_of_time() {
        let millis = |n| [Kind::Number(Number::Int(n), Some("ms".into()))];
        assert_eq!(kinds("1h30m"), millis(5_400_000));
        assert_eq!(kinds("1 h 30 min"), millis(5_400_000));
        assert_eq!(kinds("T#5M"), millis(300_000));
        assert_eq!(kinds("t#1h_30m"), millis(5_400_000));
        assert_eq!(units("5 min"), [Some("min".into())]);
        assert_eq!(units("5 m"), [Some("m".into())]);
        assert_eq!(tokens("T#5X").1[0].span, 0..4);
    }

    #[test]
    fn names_are_of_any_script_and_odd_ones_stand_in_backticks() {
        assert_eq!(kinds("Kessel_Füllstand.1"), [Kind::Name("Kessel_Füllstand.1".into())]);
        assert_eq!(kinds("`odd name`"), [Kind::Quoted("odd name".into())]);
        assert_eq!(kinds("'it''s'"), [Kind::Text("it's".into())]);
        assert_eq!(kinds("a..b").len(), 3);
        assert_eq!(kinds("72..87.5").len(), 3);
    }

    #[test]
    fn a_comma_parts_values_in_lists_and_arguments_only() {
        assert_eq!(kinds("x in [1,2]").len(), 7);
        assert_eq!(kinds("round(x,1)").len(), 6);
        assert_eq!(tokens("max((p > 4,5), 1 min)").1[0].code, "R102");
    }

    #[test]
    fn what_does_not_end_or_is_empty_shows_its_fix() {
        let fix = |text: &str| tokens(text).1[0].help.clone().unwrap();
        assert_eq!(fix("a = 'x"), "add `'`");
        assert_eq!(fix("``"), "write a name between the backticks");
    }

    #[test]
    fn numbers_as_they_are_written_elsewhere_show_their_fix() {
        let fix = |text: &str| tokens(text).1.into_iter().filter_map(|m| m.help).collect::<Vec<_>>();
        for (text, expected) in [
            ("pressure > 4,5 bar", "write `4.5`"),
            ("n > 1.234,5", "write `1234.5`"),
            ("n > 1,234.5", "write `1234.5`"),
            ("n > 1.234.567", "write `1234567`"),
            ("t > 90 ° C", "write `90 °C`"),
            ("t > 90.5 Grad Celsius", "write `90.5 °C`"),
        ] {
            assert_eq!(fix(text), [expected], "{text}");
        }
        assert_eq!(fix("a > 4,5 and b > 1,5 or c := 3").len(), 3, "all in one run");
        assert_eq!(fix("a in 4.5..5.5 and b in [1,2] and c > 4 and round(d,1) > 1.5"), [""; 0]);
    }
}
