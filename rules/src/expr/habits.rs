//! What people write who know another language: SCL, C, German, a word processor.
//!
//! Here: signs and words that mean nothing here, with what to write instead, and what they stand for, so that the
//! rest of the expression is looked at as if they had been right. Not here: numbers (`number`), names of units (`units`).
//! Invariant: a word is taken for another language's only where no name can stand, so that any tag may be called so.

use super::lex::{Found, Kind, Token};
use super::{Joint, Mistake, Operator, Relation};

/// A sign, what is wrong with it, what to write, and what it stands for.
type Sign = (&'static str, &'static str, &'static str, Option<Kind>);

/// Signs that mean something elsewhere, the longer before the shorter that begins like it.
const SIGNS: [Sign; 24] = [
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
    (
        "**",
        "`**` is not a symbol of this language",
        "write `x * x`",
        Some(Kind::Operator(Operator::Multiply)),
    ),
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
        "?",
        "`?` is not a symbol of this language",
        "write `(x else 0)`, or two states with a condition each",
        Some(Kind::Wrong),
    ),
    ("$", "`$` is not a symbol of this language", "the agent's own tags are no part of rules", None),
    ("^", "`^` is not a symbol of this language", "write `x * x`", Some(Kind::Operator(Operator::Multiply))),
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
const TYPES: [&str; 17] = [
    "bool", "byte", "word", "dword", "lword", "sint", "int", "dint", "lint", "usint", "uint", "udint",
    "ulint", "real", "lreal", "b", "w",
];

/// Words between two values, with what they stand for here.
const BETWEEN: [(&[&str], &str, Kind); 10] = [
    (&["und"], "and", Kind::Joint(Joint::And)),
    (&["oder"], "or", Kind::Joint(Joint::Or)),
    (&["sonst"], "else", Kind::Else),
    (&["bis", "to"], "..", Kind::To),
    (&["ist", "is", "gleich", "equals", "eq"], "=", Kind::Relation(Relation::Equal)),
    (&["ungleich", "ne"], "<>", Kind::Relation(Relation::NotEqual)),
    (&["größer", "groesser", "über", "greater", "above", "gt"], ">", Kind::Relation(Relation::Greater)),
    (&["kleiner", "unter", "less", "below", "lt"], "<", Kind::Relation(Relation::Less)),
    (&["mod"], "", Kind::Wrong),
    (&["then", "dann", "do"], "", Kind::Close),
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
        '#' => return Some(local_variable(rest, at)),
        '%' => return Some(address(rest, at)),
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

/// A character that nothing is known of.
pub(super) fn unknown_sign(c: char, at: usize) -> Found {
    let invisible = c.is_control() || "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}".contains(c);
    let mark = ('\u{300}'..='\u{36f}').contains(&c);
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
        return Found::wrong(mistake, Some(Kind::Wrong), 1);
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
    Found::wrong(mistake, Some(Kind::Wrong), length)
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

fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).unwrap_or(text.len())
}

/// A text in the quotes of a word processor.
fn typographic(rest: &str, at: usize, closing: &[char]) -> Found {
    let open = rest.chars().next().map_or(1, char::len_utf8);
    let Some(end) = rest[open..].find(closing).map(|end| open + end) else {
        let mistake =
            Mistake::new("R101", at..at + open, format!("`{}` is not a straight quote", &rest[..open]))
                .help("use straight single quotes: 'text'");
        return Found::wrong(mistake, Some(Kind::Wrong), open);
    };
    let (inside, close) = (&rest[open..end], rest[end..].chars().next().map_or(1, char::len_utf8));
    let mistake = Mistake::new("R101", at..at + end + close, "these quotes are not straight")
        .label("a word processor's quotes")
        .help(format!("write '{inside}'"));
    Found::wrong(mistake, Some(Kind::Text(inside.into())), end + close)
}

/// `DINT#5`: what stands before the `#` says nothing here.
pub(super) fn typed_constant(rest: &str, at: usize, word: &str) -> Option<Found> {
    let is_type = TYPES.contains(&word.to_lowercase().as_str());
    let behind = &rest[word.len() + 1..];
    let constant =
        &behind[..behind.find(|c: char| !(c.is_alphanumeric() || "_.#".contains(c))).unwrap_or(behind.len())];
    let mistake = Mistake::new("R101", at..at + word.len() + 1, format!("`{word}#` says nothing here"))
        .label("a constant of a PLC's program")
        .help(if constant.contains('#') || constant.is_empty() {
            "leave it out".into()
        } else {
            format!("write `{constant}`")
        });
    is_type.then(|| Found::wrong(mistake, None, word.len() + 1))
}

/// Whether a word stands in no unit, because another language says `and` or the like with it.
pub(super) fn keyword_of_another_language(word: &str) -> bool {
    let lower = word.to_lowercase();
    BETWEEN.iter().any(|(words, ..)| words.contains(&lower.as_str()))
}

/// Replaces words of other languages by what they stand for, where no name can stand.
pub(super) fn words(text: &str, tokens: &mut Vec<Token>, mistakes: &mut Vec<Mistake>) {
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map(|i| &tokens[i]);
        match word_of(&tokens[at], before, tokens.get(at + 1)) {
            Some((help, kind)) => {
                let span = tokens[at].span.clone();
                let message = format!("`{}` is not a word of this language", &text[span.clone()]);
                mistakes.push(Mistake::new("R107", span, message).help(help));
                match kind {
                    Some(kind) => tokens[at].kind = kind,
                    None => drop(tokens.remove(at)),
                }
                let than = tokens.get(at + 1).is_some_and(|t| is_one_of(t, &["als", "than"]));
                let compares = tokens.get(at).is_some_and(|t| matches!(t.kind, Kind::Relation(_)));
                if than && compares {
                    tokens.remove(at + 1);
                }
            }
            None => at += 1,
        }
    }
}

/// What to write for a word, and what it stands for; none of the latter: it says nothing.
fn word_of(token: &Token, before: Option<&Token>, behind: Option<&Token>) -> Option<(String, Option<Kind>)> {
    let Kind::Name(name) = &token.kind else { return None };
    let lower = name.to_lowercase();
    if before.is_some_and(|t| t.kind.ends_a_value()) {
        let (words, here, kind) = BETWEEN.iter().find(|(words, ..)| words.contains(&lower.as_str()))?;
        let help = match (*here, words[0]) {
            ("", "mod") => "there is no remainder of a division".into(),
            ("", _) => "leave it out: a rule has a condition, and states say what comes of it".into(),
            (here, _) => format!("write `{here}`"),
        };
        return Some((help, (*kind != Kind::Close).then(|| kind.clone())));
    }
    let goes_on = behind.is_some_and(|t| t.kind.begins_a_value());
    match lower.as_str() {
        "nicht" if goes_on => Some(("write `not`".into(), Some(Kind::Not))),
        "if" | "wenn" | "falls" | "when" if goes_on => Some(("leave it out".into(), None)),
        _ => None,
    }
}

fn is_one_of(token: &Token, words: &[&str]) -> bool {
    matches!(&token.kind, Kind::Name(name) if words.contains(&name.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::super::lex::tokens;

    /// The help of each mistake of a text.
    fn fixes(text: &str) -> Vec<String> {
        tokens(text).1.into_iter().map(|m| m.help.unwrap_or(m.message)).collect()
    }

    #[track_caller]
    fn fix(text: &str, expected: &str) {
        assert_eq!(fixes(text), [expected], "{text}");
    }

    #[test]
    fn signs_of_other_languages_show_their_fix() {
        fix("a := 1", "write `=`");
        fix("a => 1", "for \"greater or equal\" write `>=`");
        fix("a =< 1", "for \"less or equal\" write `<=`");
        fix("a ≥ 1", "write `>=`");
        fix("a & b", "write `and`");
        fix("a > –5", "write `-`");
        fix("a > 5;", "leave it out");
        fix("a > 5 // why", "put it behind the closing quote: when = \"…\"  # comment");
        fix("a > 5 (* why *) and b", "put it behind the closing quote: when = \"…\"  # comment");
        fix("a in {1, 2]", "a list stands in square brackets: [A, B]");
        assert_eq!(fixes("a && b || c"), [""; 0]);
    }

    #[test]
    fn names_and_constants_of_a_plc_show_their_fix() {
        fix(
            "%MW10 > 5",
            "write the name that the tag has in agent.toml, under [[source.tag]] with its address",
        );
        fix("\"Motor_On\" and b", "write `Motor_On`");
        fix("\"Motor On\" and b", "write it in backticks: `` `Motor On` ``");
        fix(
            "\"DB_Filler\".Speed > 5",
            "write the name that `\"DB_Filler\".Speed` has in agent.toml, which names the address of each tag",
        );
        fix("#temp > 5", "write the name of a tag of agent.toml, which names the address of each tag");
        fix("a = 16#FF", "write `255`; to ask for one bit, write `has(tag, 3)`");
        fix("a = 0x1F", "write `31`; to ask for one bit, write `has(tag, 3)`");
        fix("a = 2#1010_0001", "write `161`; to ask for one bit, write `has(tag, 3)`");
        fix("a = 7#66", "write it as a decimal number");
        fix("a = DINT#5", "write `5`");
        assert_eq!(fixes("a = WORD#16#FF").len(), 2);
        assert_eq!(fixes("age(a) > S5T#1M30S or age(a) > LTIME#5s"), [""; 0]);
    }

    #[test]
    fn texts_in_other_quotes_show_their_fix() {
        fix("a = „x“", "write 'x'");
        fix("a = ‘x y’", "write 'x y'");
        fix("a = \"x\"", "write 'x', and double quotes around the condition: when = \"tag = 'x'\"");
        fix("a in [\"x\", 'y']", "write 'x', and double quotes around the condition: when = \"tag = 'x'\"");
        fix("a = „x", "use straight single quotes: 'text'");
    }

    #[test]
    fn words_of_other_languages_are_known_where_no_name_can_stand() {
        fix("a > 4 und b", "write `and`");
        fix("a > 4 bar ODER b", "write `or`");
        fix("nicht a > 4", "write `not`");
        fix("a größer als 4", "write `>`");
        fix("a ist 4", "write `=`");
        fix("a in 4 bis 5", "write `..`");
        assert_eq!(fixes("wenn a > 4 dann").len(), 2);
        assert_eq!(fixes("und > 4 and oder and nicht and wenn"), [""; 0], "they may be tags");
    }

    #[test]
    fn what_nobody_sees_is_named() {
        assert_eq!(tokens("a\u{200b} > 4").1[0].message, "an invisible character (U+200B)");
        assert!(tokens("Fu\u{308}ller > 4").1[0].message.contains("U+0308"));
        assert_eq!(fixes("a\u{a0}>\u{202f}4\u{a0}bar"), [""; 0], "blanks of any width are blanks");
    }
}
