//! Words of other languages, where no name can stand.
//!
//! Here: `und`, `is`, `größer als`, `THEN`. Not here: signs (`habits`).
//! Invariant: a word is taken for another language's only where no name can stand, so that any tag may be called so.

use crate::expr::lex::{Kind, Token};
use crate::expr::{Joint, Mistake, Relation};

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

/// Whether a word stands in no unit, because another language says `and` or the like with it.
pub(in crate::expr) fn keyword_of_another_language(word: &str) -> bool {
    let lower = word.to_lowercase();
    BETWEEN.iter().any(|(words, ..)| words.contains(&lower.as_str()))
}

/// Replaces words of other languages by what they stand for, where no name can stand.
pub(in crate::expr) fn words(text: &str, tokens: &mut Vec<Token>, mistakes: &mut Vec<Mistake>) {
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
