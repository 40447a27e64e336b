//! From text to tokens.
//!
//! Here: the spellings, SCL's and C's, and the mistakes that show in a single token: a decimal comma, `:=`,
//! typographic quotes. Not here: the order of tokens (`parse`), what a name means (`check`).
//! Invariant: every byte of the text belongs to one token, to white space, or to a mistake.

use std::ops::Range;

use super::{Joint, Mistake, Number, Operator, Relation};
use crate::time;
use crate::units::{Measure, Unit};

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

/// Symbols that people use and that mean something else here, with what to write instead.
const WRONG: [(&str, &str, &str); 10] = [
    (":=", "`:=` assigns, a condition compares", "write `=`"),
    ("=>", "`=>` is no comparison", "for \"greater or equal\" write `>=`"),
    ("=<", "`=<` is no comparison", "for \"less or equal\" write `<=`"),
    ("≥", "`≥` is not a symbol of this language", "write `>=`"),
    ("≤", "`≤` is not a symbol of this language", "write `<=`"),
    ("≠", "`≠` is not a symbol of this language", "write `<>`"),
    ("&", "`&` is not a symbol of this language", "write `and`"),
    ("|", "`|` is not a symbol of this language", "write `or`"),
    ("\"", "a text stands in single quotes", "write 'text'"),
    ("%", "`%` stands behind a number only", "a tag is named without `%`"),
];

/// Reads all tokens.
///
/// # Errors
/// The first place that is no token.
pub fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut found: Vec<Token> = Vec::new();
    // Which brackets are open, and whether a comma in them parts values.
    let mut open: Vec<bool> = Vec::new();
    let mut at = 0;
    loop {
        at = text.len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else { return Ok(found) };
        let (kind, length) = match first {
            '0'..='9' => number(text, at, open.last().copied().unwrap_or(false))?,
            '\'' => quoted(text, at)?,
            '`' => backticked(text, at)?,
            c if c.is_alphabetic() || c == '_' => word(text, at)?,
            _ => symbol(text, at)?,
        };
        match kind {
            Kind::Open => open.push(matches!(found.last(), Some(Token { kind: Kind::Name(_), .. }))),
            Kind::OpenList => open.push(true),
            Kind::Close | Kind::CloseList => drop(open.pop()),
            _ => {}
        }
        found.push(Token { kind, span: at..at + length });
        at += length;
    }
}

fn symbol(text: &str, at: usize) -> Result<(Kind, usize), Mistake> {
    let rest = &text[at..];
    if let Some((wrong, message, help)) = WRONG.iter().find(|(w, ..)| rest.starts_with(w) && !c_joint(rest)) {
        return Err(Mistake::new("R101", at..at + wrong.len(), *message).help(*help));
    }
    if let Some((symbol, kind)) = SYMBOLS.iter().find(|(s, _)| rest.starts_with(s)) {
        return Ok((kind.clone(), symbol.len()));
    }
    let c = rest.chars().next().unwrap_or(' ');
    let mistake =
        Mistake::new("R101", at..at + c.len_utf8(), format!("`{c}` is not a symbol of this language"));
    Err(match c {
        '‘' | '’' | '‚' | '“' | '”' | '„' => mistake.help("use straight single quotes: 'text'"),
        '{' | '}' => mistake.help("a list stands in square brackets: [A, B]"),
        _ => mistake,
    })
}

/// `&&` and `||` are right, `&` and `|` alone are not.
fn c_joint(rest: &str) -> bool {
    rest.starts_with("&&") || rest.starts_with("||")
}

fn number(text: &str, at: usize, in_list: bool) -> Result<(Kind, usize), Mistake> {
    let rest = &text[at..];
    let mut length = digits(rest);
    let mut float = false;
    if rest[length..].starts_with('.') && digits(&rest[length + 1..]) > 0 {
        length += 1 + digits(&rest[length + 1..]);
        float = true;
    }
    if let Some(comma) = rest[length..].strip_prefix(',').map(digits).filter(|n| *n > 0 && !in_list) {
        let end = length + 1 + comma;
        return Err(Mistake::new("R102", at..at + end, "a number has a decimal point, not a comma")
            .label("decimal comma")
            .help(format!("write `{}`", rest[..end].replace(',', "."))));
    }
    let exponent = exponent(&rest[length..]);
    float |= exponent > 0;
    length += exponent;
    let value = value(&rest[..length].replace('_', ""), float)
        .ok_or_else(|| Mistake::new("R103", at..at + length, "the number is too large"))?;
    if let Some((millis, length)) = spelled_duration(rest, length) {
        return Ok((Kind::Number(Number::Int(millis), Some("ms".into())), length));
    }
    let (unit, unit_length) = unit(&rest[length..]);
    Ok((Kind::Number(value, unit), length + unit_length))
}

fn value(digits: &str, float: bool) -> Option<Number> {
    /// 2^63: no i64 holds it, but the least i64 is written with it, and a binary64 holds it exactly.
    const I64_END: &str = "9223372036854775808";
    if float || digits == I64_END {
        return digits.parse().ok().filter(|f: &f64| f.is_finite()).map(Number::Float);
    }
    digits.parse().ok().map(Number::Int)
}

fn digits(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len())
}

fn exponent(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let sign = usize::from(rest.starts_with(['+', '-']));
    match digits(&rest[sign..]) {
        0 => 0,
        n => 1 + sign + n,
    }
}

/// A duration of several parts, `1h30m` or `1 h 30 min`, whose first number is `first` bytes long.
fn spelled_duration(rest: &str, first: usize) -> Option<(i64, usize)> {
    let mut length = first + time_unit(&rest[first..], false)?;
    let mut parts = 1;
    loop {
        let more = rest[length..].trim_start_matches([' ', '_']);
        let number = rest.len() - more.len() + digits(more);
        if digits(more) == 0 {
            break;
        }
        let Some(unit) = time_unit(&rest[number..], true) else { break };
        (length, parts) = (number + unit, parts + 1);
    }
    if parts == 1 {
        return None;
    }
    time::duration(&rest[..length]).ok().map(|millis| (millis, length))
}

/// How long the unit of time is that a text begins with, and the white space before it.
fn time_unit(text: &str, minutes: bool) -> Option<usize> {
    let body = text.trim_start_matches(' ');
    let word = &body[..body.find(|c: char| !c.is_alphabetic()).unwrap_or(body.len())];
    let known = minutes && word.eq_ignore_ascii_case("m") || time::duration(&format!("1 {word}")).is_ok();
    known.then_some(text.len() - body.len() + word.len())
}

/// The unit behind a number, if what stands there is one, and how many bytes it takes with its white space.
fn unit(rest: &str) -> (Option<String>, usize) {
    let space = rest.len() - rest.trim_start().len();
    let body = &rest[space..];
    let word = unit_word(body);
    // `5 kg/limit` divides by a tag: what stands behind a slash belongs to the unit only if it is one.
    let mut end = word.len();
    while Unit::read(&word[..end]).measure == Measure::Unlisted {
        match word[..end].rfind('/') {
            Some(slash) if slash > 0 => end = slash,
            _ => {
                end = word.find('/').filter(|slash| *slash > 0).unwrap_or(word.len());
                break;
            }
        }
    }
    let word = &word[..end];
    if word.is_empty() || keyword(word).is_some() { (None, 0) } else { (Some(word.to_owned()), space + end) }
}

/// As much of a text as can be a unit: letters and signs, digits and slashes between them.
fn unit_word(text: &str) -> &str {
    let letter = |c: char| c.is_alphabetic() || "°%‰µμΩ²³⁻¹".contains(c);
    let per_one = text.strip_prefix("1/").is_some_and(|per| per.starts_with(letter));
    let mut end = if per_one { 2 } else { 0 };
    let mut follows = per_one;
    for (i, c) in text.char_indices().skip(end) {
        let next = text[i + c.len_utf8()..].chars().next();
        let inside = letter(c)
            || follows && c.is_ascii_digit() && i > end.saturating_sub(1)
            || end > 0
                && "/·^".contains(c)
                && next.is_some_and(|n| letter(n) || c == '^' && n.is_ascii_digit());
        if !inside {
            break;
        }
        end = i + c.len_utf8();
        follows = true;
    }
    &text[..end]
}

fn keyword(word: &str) -> Option<Kind> {
    Some(match word.to_lowercase().as_str() {
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

fn word(text: &str, at: usize) -> Result<(Kind, usize), Mistake> {
    let rest = &text[at..];
    let mut length =
        rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
    length = rest[..length].find("..").unwrap_or(length);
    let word = rest[..length].trim_end_matches('.');
    if let Some(kind) = keyword(word) {
        return Ok((kind, word.len()));
    }
    if rest[word.len()..].starts_with('#') {
        return iec_duration(rest, at);
    }
    Ok((Kind::Name(word.to_owned()), word.len()))
}

/// `T#5M`, as IEC 61131-3 writes it.
fn iec_duration(rest: &str, at: usize) -> Result<(Kind, usize), Mistake> {
    let length = rest.find(|c: char| !(c.is_alphanumeric() || "_#.".contains(c))).unwrap_or(rest.len());
    match time::duration(&rest[..length]) {
        Ok(millis) => Ok((Kind::Number(Number::Int(millis), Some("ms".into())), length)),
        Err(error) => Err(Mistake::new("R103", at..at + length, error.to_string())
            .label("not a duration")
            .help("write `T#1h30m`, `T#5M` or `5 min`")),
    }
}

fn quoted(text: &str, at: usize) -> Result<(Kind, usize), Mistake> {
    let mut inside = String::new();
    let mut rest = text[at + 1..].char_indices().peekable();
    while let Some((i, c)) = rest.next() {
        match c {
            '\'' if rest.next_if(|(_, next)| *next == '\'').is_some() => inside.push('\''),
            '\'' => return Ok((Kind::Text(inside), i + 2)),
            c => inside.push(c),
        }
    }
    Err(Mistake::new("R105", at..text.len(), "the text has no closing quote").help("add `'`"))
}

fn backticked(text: &str, at: usize) -> Result<(Kind, usize), Mistake> {
    match text[at + 1..].find('`') {
        Some(0) => {
            Err(Mistake::new("R105", at..at + 2, "an empty name").help("write a name between the backticks"))
        }
        Some(length) => Ok((Kind::Quoted(text[at + 1..=at + length].to_owned()), length + 2)),
        None => {
            Err(Mistake::new("R105", at..text.len(), "the name has no closing backtick")
                .help("add a backtick"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokens(text).unwrap().into_iter().map(|t| t.kind).collect()
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
        assert_eq!(tokens("T#5X").unwrap_err().span, 0..4);
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
        assert_eq!(tokens("max((p > 4,5), 1 min)").unwrap_err().code, "R102");
    }

    #[test]
    fn everyday_mistakes_show_their_fix() {
        let fix = |text: &str| tokens(text).unwrap_err().help.unwrap();
        assert_eq!(fix("pressure > 4,5 bar"), "write `4.5`");
        assert_eq!(fix("a := 1"), "write `=`");
        assert_eq!(fix("a => 1"), "for \"greater or equal\" write `>=`");
        assert_eq!(fix("a = „x“"), "use straight single quotes: 'text'");
        assert_eq!(fix("a & b"), "write `and`");
        assert_eq!(fix("a = 'x"), "add `'`");
        assert_eq!(fix("``"), "write a name between the backticks");
    }
}
