//! What people write who know another language: SCL, C, German, a word processor.
//!
//! Here: signs that mean nothing here, with what to write instead, and what they stand for, so that the rest of the
//! expression is looked at as if they had been right; words stand in `words`. Not here: numbers (`number`), names of
//! units (`units`).
//! Invariant: what a sign stands for is certain, or it is nothing: then no more is said of what is around it.

mod units;
mod words;

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

/// `Temp[3]`, `payload["pressure"]`: the name before the bracket at `at` goes with it.
pub(super) fn part_of(text: &str, at: usize, found: &mut Vec<Token>) -> Option<Found> {
    let whole = found.pop_if(|t| matches!(t.kind, Kind::Name(_) | Kind::Quoted(_)))?;
    let length = text[at..].find(']').map_or(text.len() - at, |close| close + 1);
    let written = &text[whole.span.start..at + length];
    let mistake = Mistake::new("R101", whole.span.start..at + length, "a value has no parts")
        .label("a rule reads tags")
        .help(format!(
            "write the name of a tag; one that is called so stands in backticks: `` `{written}` ``"
        ));
    Some(Found::wrong(mistake, Some(Kind::Wrong), length))
}

/// `{pressure}`, `{{pressure}}`, `${pressure}`: a place in a text.
fn place(rest: &str, at: usize, before: Option<&Token>) -> Option<Found> {
    if before.is_some_and(|t| t.kind == Kind::In) {
        return None;
    }
    let open = ["${{", "${", "{{", "{"].into_iter().find(|open| rest.starts_with(open))?;
    let inside = &rest[open.len()..];
    let name = inside[..inside.find('}')?].trim();
    if name.is_empty() || name_length(name) < name.len() {
        return None;
    }
    let behind = inside[inside.find('}')?..].strip_prefix(&"}}"[..open.matches('{').count()])?;
    let length = rest.len() - behind.len();
    let mistake = Mistake::new("R101", at..at + length, "a tag stands without brackets")
        .label("brackets mark a tag in `text` only")
        .help(format!("write {}", as_name(name)));
    Some(Found::wrong(mistake, Some(Kind::Name(name.into())), length))
}

fn is_invisible(c: char) -> bool {
    c.is_control() && !c.is_whitespace() || "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}".contains(c)
}

/// A mark over the letter before it.
fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A name with a character in it that nobody sees. Without an invisible one it is a name; what letter a mark makes is
/// not known here.
pub(super) fn hidden_in_word(rest: &str, at: usize) -> Option<Found> {
    let in_name = |c: char| c.is_alphanumeric() || "_.".contains(c) || is_invisible(c) || is_mark(c);
    let whole = &rest[..rest.find(|c| !in_name(c)).unwrap_or(rest.len())];
    let (place, first) = whole.char_indices().find(|(_, c)| is_invisible(*c) || is_mark(*c))?;
    let Found { mistake, .. } = unknown_sign(first, at + place);
    let kind = if whole.contains(is_mark) {
        Kind::Wrong
    } else {
        Kind::Name(whole.chars().filter(|c| !is_invisible(*c)).collect())
    };
    Some(Found::wrong(mistake?, Some(kind), whole.len()))
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

/// `"Motor_On"` and `"DB".tag` as TIA Portal shows tags, or a text in the quotes of other languages.
fn double_quoted(text: &str, at: usize, before: Option<&Token>) -> Found {
    let rest = &text[at + 1..];
    let Some(inside) = rest.find('"') else {
        let mistake = Mistake::new("R101", at..at + 1, "a text stands in single quotes").help("write 'text'");
        return Found::wrong(mistake, Some(Kind::Wrong), 1 + name_length(rest));
    };
    let (name, behind) = (&rest[..inside], &rest[inside + 1..]);
    let member: usize = behind.strip_prefix('.').map_or(0, |more| 1 + name_length(more));
    let length = inside + 2 + member;
    let is_text = before.is_some_and(|token| match token.kind {
        Kind::Relation(relation) => relation.is_equality(),
        Kind::OpenList | Kind::Comma => true,
        _ => false,
    });
    if is_text && member == 0 {
        let mistake = Mistake::new("R101", at..at + length, "a text stands in single quotes").help(format!(
            "write '{name}', and double quotes around the condition: when = \"tag = '{name}'\""
        ));
        return Found::wrong(mistake, Some(Kind::Text(name.into())), length);
    }
    let mistake = Mistake::new("R101", at..at + length, "a tag stands without quotes").help(if member > 1 {
        format!(
            "write the name that `{}` has in agent.toml, which names the address of each tag",
            &text[at..at + length]
        )
    } else {
        format!("write {}", as_name(name))
    });
    let kind = if member == 0 { Kind::Quoted(name.into()) } else { Kind::Wrong };
    Found::wrong(mistake, Some(kind), length)
}

/// A name as an expression has it: in backticks where it is an odd one.
pub(super) fn as_name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_.".contains(c));
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if plain && begins { format!("`{name}`") } else { format!("it in backticks: `` `{name}` ``") }
}

/// `#temp`: a variable of a block.
fn local_variable(rest: &str, at: usize) -> Found {
    let name = &rest[1..1 + name_length(&rest[1..])];
    let mistake = Mistake::new("R101", at..at + 1 + name.len(), "a variable of a block of the PLC is no tag")
        .label("`#` marks such a variable")
        .help("write the name of a tag of agent.toml, which names the address of each tag");
    Found::wrong(mistake, Some(Kind::Wrong), 1 + name.len())
}

/// `$connected`: a tag of the agent itself.
fn own_tag(rest: &str, at: usize) -> Found {
    let mistake = Mistake::new("R101", at..at + 1, "`$` is not a symbol of this language")
        .help("the agent's own tags are no part of rules; the name of any other stands without `$`");
    Found::wrong(mistake, Some(Kind::Wrong), 1 + name_length(&rest[1..]))
}

/// `%MW10`: an address.
fn address(rest: &str, at: usize) -> Found {
    let length = 1 + name_length(&rest[1..]);
    if length == 1 {
        let mistake = Mistake::new("R101", at..at + 1, "`%` stands behind a number only")
            .help("write `80 %`; there is no remainder of a division");
        return Found::wrong(mistake, Some(Kind::Wrong), 1);
    }
    let written = &rest[..length];
    let mistake = Mistake::new("R101", at..at + length, format!("`{written}` is an address of a PLC"))
        .label("a rule reads tags")
        .help("write the name that the tag has in agent.toml, under [[source.tag]] with its address");
    Found::wrong(mistake, Some(Kind::Wrong), length)
}

/// `´odd name´`: the accent is the key beside the backtick.
fn accent(rest: &str, at: usize) -> Found {
    let open = '´'.len_utf8();
    let end = rest[open..].find(['´', '`']).map(|end| open + end);
    let (kind, length) = match end {
        Some(end) => {
            let close = rest[end..].chars().next().map_or(1, char::len_utf8);
            (Kind::Quoted(rest[open..end].into()), end + close)
        }
        None => (Kind::Wrong, open),
    };
    let mistake = Mistake::new("R101", at..at + length, "`´` is an accent, not a backtick")
        .help("the backtick is typed with Shift and the key left of Backspace, then a blank");
    Found::wrong(mistake, Some(kind), length)
}

pub(super) fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).unwrap_or(text.len())
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
