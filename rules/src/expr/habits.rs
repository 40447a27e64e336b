//! What people write who know another language: SCL, C, German, a word processor.
//!
//! Here: signs that mean nothing here, with what to write instead, and what they stand for, so that the rest of the
//! expression is looked at as if they had been right; names stand in `names`, words in `words`, units in `units`. Not
//! here: numbers (`number`).
//! Invariant: what a sign stands for is certain, or it is nothing: then no more is said of what is around it.

mod names;
mod units;
mod words;

use names::{accent, address, double_quoted, is_invisible, is_mark, local_variable, own_tag, place};
pub(super) use names::{hidden_in_word, name_length, part_of};
pub(super) use units::unit;
pub(super) use words::{keyword_of_another_language, words};

use super::lex::{Found, Kind, Token};
use super::{Joint, Mistake, Operator, Relation};

/// A sign, what is wrong with it, what to write, and what it stands for.
type Sign = (&'static str, &'static str, &'static str, Option<Kind>);

/// Signs that mean something elsewhere, the longer before the shorter that begins like it.
const SIGNS: [Sign; 27] = [
    (
        "=~",
        "`=~` is no comparison",
        "a text is compared as a whole: write `x = 'Pils'` or `x in ['Pils', 'Helles']`",
        Some(Kind::Relation(Relation::Equal)),
    ),
    (
        "!~",
        "`!~` is no comparison",
        "a text is compared as a whole: write `x <> 'Pils'` or `not x in ['Pils', 'Helles']`",
        Some(Kind::Relation(Relation::NotEqual)),
    ),
    ("~=", "`~=` is no comparison", "write `<>`", Some(Kind::Relation(Relation::NotEqual))),
    (":=", "`:=` assigns, a condition compares", "write `=`", Some(Kind::Relation(Relation::Equal))),
    ("===", "`===` is not a symbol of this language", "write `=`", Some(Kind::Relation(Relation::Equal))),
    ("!==", "`!==` is not a symbol of this language", "write `<>`", Some(Kind::Relation(Relation::NotEqual))),
    (
        "=>",
        "`=>` is no comparison",
        "for \"greater or equal\" write `>=`",
        Some(Kind::Relation(Relation::AtLeast)),
    ),
    (
        "=<",
        "`=<` is no comparison",
        "for \"less or equal\" write `<=`",
        Some(Kind::Relation(Relation::AtMost)),
    ),
    ("><", "`><` is no comparison", "write `<>`", Some(Kind::Relation(Relation::NotEqual))),
    ("≥", "`≥` is not a symbol of this language", "write `>=`", Some(Kind::Relation(Relation::AtLeast))),
    ("≤", "`≤` is not a symbol of this language", "write `<=`", Some(Kind::Relation(Relation::AtMost))),
    ("≠", "`≠` is not a symbol of this language", "write `<>`", Some(Kind::Relation(Relation::NotEqual))),
    ("&", "`&` is not a symbol of this language", "write `and`", Some(Kind::Joint(Joint::And))),
    ("|", "`|` is not a symbol of this language", "write `or`", Some(Kind::Joint(Joint::Or))),
    ("~", "`~` is not a symbol of this language", "write `not`", Some(Kind::Not)),
    ("**", "`**` is not a symbol of this language", "write `x * x`", Some(Kind::Wrong)),
    ("×", "`×` is not a symbol of this language", "write `*`", Some(Kind::Operator(Operator::Multiply))),
    ("÷", "`÷` is not a symbol of this language", "write `/`", Some(Kind::Operator(Operator::Divide))),
    ("–", "this dash is no minus sign", "write `-`", Some(Kind::Operator(Operator::Subtract))),
    ("—", "this dash is no minus sign", "write `-`", Some(Kind::Operator(Operator::Subtract))),
    ("…", "`…` is not a symbol of this language", "write two points: `72 .. 87`", Some(Kind::To)),
    (
        "{",
        "`{` is not a symbol of this language",
        "a list stands in square brackets: [A, B]",
        Some(Kind::OpenList),
    ),
    (
        "}",
        "`}` is not a symbol of this language",
        "a list stands in square brackets: [A, B]",
        Some(Kind::CloseList),
    ),
    (";", "a condition has no `;`", "leave it out", None),
    (
        ":",
        "`:` is not a symbol of this language",
        "leave it out: a rule has a condition, and states say what comes of it",
        Some(Kind::Wrong),
    ),
    (
        "?",
        "`?` is not a symbol of this language",
        "write `(x else 0)`, or two states with a condition each",
        Some(Kind::Wrong),
    ),
    ("^", "`^` is not a symbol of this language", "write `x * x`", Some(Kind::Wrong)),
];

/// The quotes of word processors, with what closes them.
const QUOTES: [(char, &[char]); 6] = [
    ('‘', &['’', '‘', '\'']),
    ('’', &['’', '\'']),
    ('‚', &['‘', '’', '\'']),
    ('“', &['”', '“', '"']),
    ('”', &['”', '"']),
    ('„', &['“', '”', '"']),
];

/// Types that stand before constants in a PLC's program: `DINT#5`.
const TYPES: [&str; 19] = [
    "bool", "byte", "word", "dword", "lword", "sint", "int", "dint", "lint", "usint", "uint", "udint",
    "ulint", "real", "lreal", "b", "w", "dw", "l",
];

/// What is wrong with the sign at `at`; none: nothing that is known here.
pub(super) fn sign(text: &str, at: usize, before: Option<&Token>) -> Option<Found> {
    let rest = &text[at..];
    let first = rest.chars().next()?;
    if let Some(length) = comment(rest) {
        let mistake = Mistake::new("R101", at..at + length, "a comment has no place in a condition")
            .help("put it behind the closing quote: when = \"…\"  # comment");
        return Some(Found::wrong(mistake, None, length));
    }
    match first {
        '"' => return Some(double_quoted(text, at, before)),
        '{' | '$' if place(rest, at, before).is_some() => return place(rest, at, before),
        // What goes with a `?` is told there.
        ':' if text[..at].contains('?') && !rest.starts_with(":=") => {
            return Some(Found::right(Kind::Wrong, 1));
        }
        '#' => return Some(local_variable(rest, at)),
        '%' => return Some(address(rest, at)),
        '$' => return Some(own_tag(rest, at)),
        '´' => return Some(accent(rest, at)),
        _ => {}
    }
    if let Some((_, closing)) = QUOTES.iter().find(|(open, _)| *open == first) {
        return Some(typographic(rest, at, closing));
    }
    // `&&` and `||` are right, `&` and `|` alone are not.
    let is_right = rest.starts_with("&&") || rest.starts_with("||");
    let (wrong, message, help, kind) = SIGNS.iter().find(|(s, ..)| rest.starts_with(s) && !is_right)?;
    let mistake = Mistake::new("R101", at..at + wrong.len(), *message).help(*help);
    Some(Found::wrong(mistake, kind.clone(), wrong.len()))
}

/// `;` between arguments, as a German spreadsheet has it; `told`: nothing else is wrong with the call.
pub(super) fn semicolon(at: usize, told: bool) -> Found {
    let mistake = Mistake::new("R101", at..at + 1, "`;` parts no arguments").help("write `,`");
    if told { Found::wrong(mistake, Some(Kind::Comma), 1) } else { Found::right(Kind::Comma, 1) }
}

/// A character that nothing is known of.
pub(super) fn unknown_sign(c: char, at: usize) -> Found {
    let (invisible, mark) = (is_invisible(c), is_mark(c));
    let mistake = if invisible {
        let message = format!("an invisible character (U+{:04X})", u32::from(c));
        Mistake::new("R101", at..at + c.len_utf8(), message)
            .help("delete it and what stands beside it, and type that anew")
    } else if mark {
        let message = format!("a mark over a letter that is a character of its own (U+{:04X})", u32::from(c));
        Mistake::new("R101", at..at + c.len_utf8(), message)
            .help("type the letter anew: ü, not u and two dots")
    } else {
        Mistake::new("R101", at..at + c.len_utf8(), format!("`{c}` is not a symbol of this language"))
    };
    let kind = (!invisible && !mark).then_some(Kind::Wrong);
    Found::wrong(mistake, kind, c.len_utf8())
}

/// How long the comment is that begins here.
fn comment(rest: &str) -> Option<usize> {
    let to_line_end = || rest.find('\n').unwrap_or(rest.len());
    let blank = |text: &str| text.chars().next().is_none_or(char::is_whitespace);
    if rest.starts_with("//") || rest.strip_prefix('#').is_some_and(blank) {
        return Some(to_line_end());
    }
    let close = [("(*", "*)"), ("/*", "*/")].into_iter().find(|(open, _)| rest.starts_with(open))?.1;
    Some(rest.find(close).map_or(rest.len(), |at| at + close.len()))
}

/// A text in the quotes of a word processor.
fn typographic(rest: &str, at: usize, closing: &[char]) -> Found {
    let open = rest.chars().next().map_or(1, char::len_utf8);
    let Some(end) = rest[open..].find(closing).map(|end| open + end) else {
        let mistake =
            Mistake::new("R101", at..at + open, format!("`{}` is not a straight quote", &rest[..open]))
                .help("use straight single quotes: 'text'");
        return Found::wrong(mistake, Some(Kind::Wrong), open + name_length(&rest[open..]));
    };
    let (inside, close) = (&rest[open..end], rest[end..].chars().next().map_or(1, char::len_utf8));
    let mistake = Mistake::new("R101", at..at + end + close, "these quotes are not straight")
        .label("a word processor's quotes")
        .help(format!("write '{inside}'"));
    Found::wrong(mistake, Some(Kind::Text(inside.into())), end + close)
}

/// `DINT#5`: what stands before the `#` says nothing here.
pub(super) fn typed_constant(rest: &str, at: usize, word: &str) -> Option<Found> {
    const OF_THE_CLOCK: [&str; 8] = ["tod", "time_of_day", "ltod", "d", "date", "dt", "date_and_time", "dtl"];
    let lower = word.to_lowercase();
    let is_type = TYPES.contains(&lower.as_str());
    let behind = &rest[word.len() + 1..];
    let constant =
        &behind[..behind.find(|c: char| !(c.is_alphanumeric() || "_.#".contains(c))).unwrap_or(behind.len())];
    if OF_THE_CLOCK.contains(&lower.as_str()) {
        let length = rest.find(|c: char| !(c.is_alphanumeric() || "_.#:-".contains(c))).unwrap_or(rest.len());
        let mistake = Mistake::new("R101", at..at + length, "there is no value for a time of day or a date")
            .help("write `hour() in 6 .. 21`, or `weekday() = Monday`");
        return Some(Found::wrong(mistake, Some(Kind::Wrong), length));
    }
    if let ("bool", "0" | "1") = (lower.as_str(), constant) {
        let (length, truth) = (word.len() + 2, constant == "1");
        let mistake = Mistake::new("R101", at..at + length, format!("`{word}#` says nothing here"))
            .label("a constant of a PLC's program")
            .help(format!("write `{truth}`"));
        return Some(Found::wrong(mistake, Some(Kind::Bool(truth)), length));
    }
    let mistake = Mistake::new("R101", at..at + word.len() + 1, format!("`{word}#` says nothing here"))
        .label("a constant of a PLC's program")
        .help(if constant.contains('#') || constant.is_empty() {
            "leave it out".into()
        } else {
            format!("write `{constant}`")
        });
    is_type.then(|| Found::wrong(mistake, None, word.len() + 1))
}

#[cfg(test)]
mod tests;
