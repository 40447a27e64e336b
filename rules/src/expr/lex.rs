//! From text to tokens.
//!
//! Here: the spellings, SCL's and C's, and the mistakes that show in a single token: a decimal comma, `:=`,
//! typographic quotes. Not here: the order of tokens (`parse`).
//! Invariant: every byte of the text belongs to one token, to white space, or to a mistake.

use std::ops::Range;

use super::{Joint, Mistake, Number, Relation};

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
    /// A name of a tag.
    Name(String),
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
    /// `-`: a sign in front of a number.
    Minus,
    /// `(`
    Open,
    /// `)`
    Close,
}

/// Symbols, the longer before the shorter that begins like it.
const SYMBOLS: [(&str, Kind); 15] = [
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
    ("-", Kind::Minus),
    ("(", Kind::Open),
    (")", Kind::Close),
    ("\u{2212}", Kind::Minus),
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

/// Words of the language that this version does not judge.
const LATER: [&str; 2] = ["in", "else"];

/// Reads all tokens.
///
/// # Errors
/// The first place that is no token.
pub fn tokens(text: &str) -> Result<Vec<Token>, Mistake> {
    let mut found = Vec::new();
    let mut at = 0;
    loop {
        at = text.len() - text[at..].trim_start().len();
        let Some(first) = text[at..].chars().next() else { return Ok(found) };
        let (kind, length) = match first {
            '0'..='9' => number(text, at)?,
            '\'' => quoted(text, at)?,
            '`' => backticked(text, at)?,
            c if c.is_alphabetic() || c == '_' => word(text, at)?,
            _ => symbol(text, at)?,
        };
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
        '+' | '*' | '/' => mistake.help("this version compares, it does not calculate"),
        _ => mistake,
    })
}

/// `&&` and `||` are right, `&` and `|` alone are not.
fn c_joint(rest: &str) -> bool {
    rest.starts_with("&&") || rest.starts_with("||")
}

fn number(text: &str, at: usize) -> Result<(Kind, usize), Mistake> {
    let rest = &text[at..];
    let mut length = digits(rest);
    let mut float = false;
    if rest[length..].starts_with('.') && digits(&rest[length + 1..]) > 0 {
        length += 1 + digits(&rest[length + 1..]);
        float = true;
    }
    if let Some(comma) = rest[length..].strip_prefix(',').map(digits).filter(|n| *n > 0) {
        let end = length + 1 + comma;
        return Err(Mistake::new("R102", at..at + end, "a number has a decimal point, not a comma")
            .label("decimal comma")
            .help(format!("write `{}`", rest[..end].replace(',', "."))));
    }
    let exponent = exponent(&rest[length..]);
    float |= exponent > 0;
    length += exponent;
    let digits = rest[..length].replace('_', "");
    let value =
        if float { digits.parse().ok().map(Number::Float) } else { digits.parse().ok().map(Number::Int) };
    let too_large = || Mistake::new("R103", at..at + length, "the number is too large");
    let value = value.filter(|v| !matches!(v, Number::Float(f) if !f.is_finite())).ok_or_else(too_large)?;
    let (unit, unit_length) = unit(&rest[length..]);
    Ok((Kind::Number(value, unit), length + unit_length))
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

/// The unit behind a number, if what stands there is one, and how many bytes it takes with its white space.
fn unit(rest: &str) -> (Option<String>, usize) {
    let space = rest.len() - rest.trim_start().len();
    let body = &rest[space..];
    let part = |c: char| c.is_alphabetic() || "°%µ²³/".contains(c);
    let length = body.find(|c| !part(c)).unwrap_or(body.len());
    let word = &body[..length];
    let is_word = keyword(word).is_some() || LATER.contains(&word.to_lowercase().as_str());
    if word.is_empty() || is_word { (None, 0) } else { (Some(word.to_owned()), space + length) }
}

fn keyword(word: &str) -> Option<Kind> {
    Some(match word.to_lowercase().as_str() {
        "and" => Kind::Joint(Joint::And),
        "or" => Kind::Joint(Joint::Or),
        "xor" => Kind::Joint(Joint::Xor),
        "not" => Kind::Not,
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => return None,
    })
}

fn word(text: &str, at: usize) -> Result<(Kind, usize), Mistake> {
    let rest = &text[at..];
    let length = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
    let word = &rest[..length];
    if let Some(kind) = keyword(word) {
        return Ok((kind, length));
    }
    let called = rest[length..].trim_start().starts_with('(');
    if called || LATER.contains(&word.to_lowercase().as_str()) {
        let what = if called { "the function " } else { "" };
        let message = format!("{what}`{word}` is not supported by this version");
        return Err(Mistake::new("R104", at..at + length, message));
    }
    Ok((Kind::Name(word.to_owned()), length))
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
        Some(length) if text[at + length + 2..].starts_with('.') => {
            let message = "tags of other machines are not supported by this version";
            Err(Mistake::new("R104", at..at + length + 2, message))
        }
        Some(length) => Ok((Kind::Name(text[at + 1..=at + length].to_owned()), length + 2)),
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
    }

    #[test]
    fn names_are_of_any_script_and_odd_ones_stand_in_backticks() {
        assert_eq!(kinds("Kessel_Füllstand.1"), [Kind::Name("Kessel_Füllstand.1".into())]);
        assert_eq!(kinds("`odd name`"), [Kind::Name("odd name".into())]);
        assert_eq!(kinds("'it''s'"), [Kind::Text("it's".into())]);
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
    }

    #[test]
    fn what_comes_later_is_refused_not_misread() {
        assert!(tokens("avg(pressure, 1 min) > 4").unwrap_err().message.contains("function `avg`"));
        assert!(tokens("x in [1, 2]").unwrap_err().message.contains("`in`"));
    }
}
