//! Words of other languages, where no name can stand.
//!
//! Here: `und`, `is not`, `größer als`, `THEN` with what it leads to. Not here: signs (`habits`), functions (`call`).
//! Invariant: a word is taken for another language's only where no name can stand, so that any tag may be called so.

use crate::expr::lex::{Kind, Token};
use crate::expr::{Joint, Mistake, Operator, Relation};

/// Words between two values, with what they stand for here.
const BETWEEN: [(&[&str], &str, Kind); 15] = [
    (&["und", "sowie"], "and", Kind::Joint(Joint::And)),
    (&["oder"], "or", Kind::Joint(Joint::Or)),
    (&["unless", "außer"], "and not", Kind::Joint(Joint::And)),
    (&["sonst"], "else", Kind::Else),
    (&["bis", "to"], "..", Kind::To),
    (&["ist", "is", "gleich", "equals", "eq"], "=", Kind::Relation(Relation::Equal)),
    (&["ungleich", "ne"], "<>", Kind::Relation(Relation::NotEqual)),
    (&["größer", "groesser", "über", "greater", "above", "gt"], ">", Kind::Relation(Relation::Greater)),
    (&["kleiner", "unter", "less", "below", "lt"], "<", Kind::Relation(Relation::Less)),
    (&["mindestens", "ge", "gte"], ">=", Kind::Relation(Relation::AtLeast)),
    (&["höchstens", "hoechstens", "le", "lte"], "<=", Kind::Relation(Relation::AtMost)),
    (&["div"], "/", Kind::Operator(Operator::Divide)),
    (&["mod"], "", Kind::Wrong),
    (&["like", "contains", "matches", "enthält"], "", Kind::Wrong),
    (&["then", "dann", "do"], "", Kind::Close),
];

/// Words behind those, which belong to them, with what both stand for.
const BEHIND: [(&[&str], Relation, Relation, &str); 4] = [
    (&["als", "than"], Relation::Greater, Relation::Greater, ">"),
    (&["als", "than"], Relation::Less, Relation::Less, "<"),
    (&["gleich", "equal", "equals"], Relation::Greater, Relation::AtLeast, ">="),
    (&["gleich", "equal", "equals"], Relation::Less, Relation::AtMost, "<="),
];

/// Whether a word stands in no unit, because another language says `and` or the like with it.
pub(in crate::expr) fn keyword_of_another_language(word: &str) -> bool {
    let lower = word.to_lowercase();
    BETWEEN.iter().any(|(words, ..)| words.contains(&lower.as_str())) || lower == "nicht"
}

/// What a word, with those that belong to it, stands for.
struct Meant {
    help: String,
    /// None: it says nothing.
    kind: Option<Kind>,
    /// How many tokens it is.
    tokens: usize,
}

/// Replaces words of other languages by what they stand for, where no name can stand.
pub(in crate::expr) fn words(text: &str, tokens: &mut Vec<Token>, mistakes: &mut Vec<Mistake>) {
    spreadsheet(tokens);
    let mut at = 0;
    while at < tokens.len() {
        let Some(Meant { help, kind, tokens: taken }) = meant(tokens, at) else {
            at += 1;
            continue;
        };
        let to_the_end = kind.is_none() && taken > 1;
        let end = if to_the_end { text.trim_end().len() } else { tokens[at + taken - 1].span.end };
        let span = tokens[at].span.start..end;
        let written = &text[span.clone()];
        // What is wrong behind `THEN` is left out with it.
        mistakes.retain(|m| taken == 1 || !span.contains(&m.span.start));
        let message = match (written.contains(' '), &kind) {
            (false, _) => format!("`{written}` is not a word of this language"),
            (true, Some(_)) => format!("`{written}` are not words of this language"),
            (true, None) => "a condition has no `THEN`, and nothing behind it".into(),
        };
        mistakes.push(Mistake::new("R107", span.clone(), message).help(help));
        tokens.drain(at + 1..at + taken);
        match kind {
            Some(kind) => tokens[at] = Token { kind, span },
            None => drop(tokens.remove(at)),
        }
    }
}

/// `UND(a; b)` is read as `AND(a; b)`, of which the parser says what to write.
fn spreadsheet(tokens: &mut [Token]) {
    for at in 0..tokens.len() {
        let behind_a_value = at.checked_sub(1).is_some_and(|i| tokens[i].kind.ends_a_value());
        let joint = match lower(&tokens[at]).as_deref() {
            Some("und") => Joint::And,
            Some("oder") => Joint::Or,
            _ => continue,
        };
        if !behind_a_value && tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Open) {
            tokens[at].kind = Kind::Joint(joint);
        }
    }
}

/// What the word at this place stands for, if no name can stand there.
fn meant(tokens: &[Token], at: usize) -> Option<Meant> {
    let before = at.checked_sub(1).map(|i| &tokens[i].kind);
    let one = |help: &str, kind| Some(Meant { help: help.into(), kind, tokens: 1 });
    // `or else`, as Ada and Structured Text have it.
    if tokens[at].kind == Kind::Else && before == Some(&Kind::Joint(Joint::Or)) {
        return one("leave it out", None);
    }
    let lower = lower(&tokens[at])?;
    if before.is_some_and(Kind::ends_a_value) {
        return between(tokens, at, &lower);
    }
    let goes_on = tokens.get(at + 1).is_some_and(|t| t.kind.begins_a_value());
    match (lower.as_str(), before) {
        ("nicht", _) if goes_on => one("write `not`", Some(Kind::Not)),
        ("if" | "wenn" | "falls" | "when", _) if goes_on && !is_call(tokens, at) => one("leave it out", None),
        ("then", Some(Kind::Joint(_))) if goes_on => one("leave it out", None),
        _ => None,
    }
}

fn between(tokens: &[Token], at: usize, lower: &str) -> Option<Meant> {
    let (words, here, kind) = BETWEEN.iter().find(|(words, ..)| words.contains(&lower))?;
    let one = |help: &str, kind| Some(Meant { help: help.into(), kind, tokens: 1 });
    match (words[0], kind) {
        ("mod", _) => one("there is no remainder of a division", Some(Kind::Wrong)),
        ("like", _) => one(
            "a text is compared as a whole: write `x = 'Pils'` or `x in ['Pils', 'Helles']`",
            Some(Kind::Wrong),
        ),
        ("then", _) if at + 1 == tokens.len() => {
            one("leave it out: a rule has a condition, and states say what comes of it", None)
        }
        ("then", _) => Some(Meant {
            help: "leave it out with all that stands behind it: a rule has a condition, and states say what comes of it"
                .into(),
            kind: None,
            tokens: tokens.len() - at,
        }),
        (_, Kind::Relation(relation)) => Some(compared(tokens, at, *relation, here)),
        _ => one(&format!("write `{here}`"), Some(kind.clone())),
    }
}

/// A comparison in words: `größer als`, `greater or equal`, `is not`.
fn compared(tokens: &[Token], at: usize, relation: Relation, here: &str) -> Meant {
    let word = |at: usize| tokens.get(at).and_then(lower);
    let (mut relation, mut here, mut taken) = (relation, here, 1);
    // `is not`, and `ist größer als`
    let opposite = relation == Relation::Equal
        && (tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Not)
            || word(at + 1).is_some_and(|w| w == "nicht"));
    taken += usize::from(opposite);
    if relation == Relation::Equal
        && let Some((more, written)) = word(at + taken).and_then(|word| relation_of(&word))
    {
        (relation, here, taken) = (more, written, taken + 1);
    }
    loop {
        let or = tokens
            .get(at + taken)
            .is_some_and(|t| t.kind == Kind::Joint(Joint::Or) || lower(t).is_some_and(|word| word == "oder"));
        let next = tokens.get(at + taken + usize::from(or));
        let is_one_of =
            |words: &[&str]| next.and_then(lower).is_some_and(|word| words.contains(&word.as_str()));
        let known = BEHIND.iter().find(|(words, before, ..)| *before == relation && is_one_of(words));
        let Some((_, _, both, written)) = known else { break };
        (relation, here, taken) = (*both, written, taken + 1 + usize::from(or));
    }
    if opposite {
        (relation, here) = opposite_of(relation);
    }
    Meant { help: format!("write `{here}`"), kind: Some(Kind::Relation(relation)), tokens: taken }
}

/// The comparison that a word stands for, `ist` and `is` aside.
fn relation_of(word: &str) -> Option<(Relation, &'static str)> {
    let (_, here, kind) = BETWEEN.iter().find(|(words, ..)| words.contains(&word))?;
    match kind {
        Kind::Relation(relation) if *relation != Relation::Equal => Some((*relation, here)),
        _ => None,
    }
}

fn opposite_of(relation: Relation) -> (Relation, &'static str) {
    match relation {
        Relation::Equal => (Relation::NotEqual, "<>"),
        Relation::NotEqual => (Relation::Equal, "="),
        Relation::Less => (Relation::AtLeast, ">="),
        Relation::AtMost => (Relation::Greater, ">"),
        Relation::Greater => (Relation::AtMost, "<="),
        Relation::AtLeast => (Relation::Less, "<"),
    }
}

/// Whether a word is called with several arguments: `IF(a; b; c)`.
fn is_call(tokens: &[Token], at: usize) -> bool {
    let mut depth = 0;
    for token in tokens.get(at + 1..).unwrap_or_default() {
        match token.kind {
            Kind::Open | Kind::OpenList => depth += 1,
            Kind::Close | Kind::CloseList => depth -= 1,
            Kind::Comma if depth == 1 => return true,
            _ => {}
        }
        if depth <= 0 {
            return false;
        }
    }
    false
}

fn lower(token: &Token) -> Option<String> {
    match &token.kind {
        Kind::Name(name) => Some(name.to_lowercase()),
        _ => None,
    }
}
