//! Names of tags as other systems write them, and names with something in them that nobody sees.
//!
//! Here: `"Motor_On"`, `#temp`, `%MW10`, `Temp[3]`, `${pressure}`, `´odd´`. Not here: what is a name here (`lex`).
//! Invariant: the name is taken where it is certain which one is meant, else nothing.

use super::unknown_sign;
use crate::expr::Mistake;
use crate::expr::lex::{Found, Kind, Token};
use crate::time;

/// `Temp[3]`, `payload["pressure"]`: the name before the bracket at `at` goes with it.
pub(in crate::expr) fn part_of(text: &str, at: usize, found: &mut Vec<Token>) -> Option<Found> {
    let rest = &text[at..];
    let length = match rest.chars().next()? {
        '[' => rest.find(']').map_or(rest.len(), |close| close + 1),
        '{' => rest.find('}').map_or(rest.len(), |close| close + 1),
        _ => 2 + name_length(rest.strip_prefix(".%")?),
    };
    let whole = found.pop_if(|t| matches!(t.kind, Kind::Name(_) | Kind::Quoted(_)))?;
    let written = &text[whole.span.start..at + length];
    let inside = text[at + 1..at + length].trim_end_matches(']');
    // `rate(bottles[5m])`
    if let Some(right) = time::spelled(inside) {
        let mistake =
            Mistake::new("R101", at..at + length, "how far a function looks back stands behind a comma")
                .help(format!("write `avg(tag, {right})`"));
        return Some(Found::wrong(mistake, Some(Kind::Wrong), length));
    }
    let name = &text[whole.span.clone()];
    if rest.starts_with('{') {
        let mistake = Mistake::new("R101", at..at + length, "a tag has no labels")
            .help(format!("a tag of another machine is written `` `filler-1`.{name} ``"));
        return Some(Found::wrong(mistake, Some(Kind::Wrong), length));
    }
    if let Some(bit) = rest.strip_prefix(".%X").map(|bit| &bit[..name_length(bit)]) {
        let mistake = Mistake::new("R101", whole.span.start..at + length, "a bit is asked for with `has`")
            .help(format!("write `has({name}, {bit})`"));
        return Some(Found::wrong(mistake, Some(Kind::Wrong), length));
    }
    let mistake = Mistake::new("R101", whole.span.start..at + length, "a value has no parts")
        .label("a rule reads tags")
        .help(format!(
            "write the name of a tag; one that is called so stands in backticks: `` `{written}` ``"
        ));
    Some(Found::wrong(mistake, Some(Kind::Wrong), length))
}

/// `{pressure}`, `{{pressure}}`, `${pressure}`: a place in a text.
pub(in crate::expr) fn place(rest: &str, at: usize, before: Option<&Token>) -> Option<Found> {
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

pub(in crate::expr) fn is_invisible(c: char) -> bool {
    c.is_control() && !c.is_whitespace() || "\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}".contains(c)
}

/// A mark over the letter before it.
pub(in crate::expr) fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// A name with a character in it that nobody sees. Without an invisible one it is a name; what letter a mark makes is
/// not known here.
pub(in crate::expr) fn hidden_in_word(rest: &str, at: usize) -> Option<Found> {
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

/// `"Motor_On"` and `"DB".tag` as TIA Portal shows tags, or a text in the quotes of other languages.
pub(in crate::expr) fn double_quoted(text: &str, at: usize, before: Option<&Token>) -> Found {
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
pub(in crate::expr) fn as_name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_.".contains(c));
    let begins = name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if plain && begins { format!("`{name}`") } else { format!("it in backticks: `` `{name}` ``") }
}

/// `#temp`: a variable of a block.
pub(in crate::expr) fn local_variable(rest: &str, at: usize) -> Found {
    let name = &rest[1..1 + name_length(&rest[1..])];
    let mistake = Mistake::new("R101", at..at + 1 + name.len(), "a variable of a block of the PLC is no tag")
        .label("`#` marks such a variable")
        .help("write the name of a tag of agent.toml, which names the address of each tag");
    Found::wrong(mistake, Some(Kind::Wrong), 1 + name.len())
}

/// `$connected`: a tag of the agent itself.
pub(in crate::expr) fn own_tag(rest: &str, at: usize) -> Found {
    let mistake = Mistake::new("R101", at..at + 1, "`$` is not a symbol of this language")
        .help("the agent's own tags are no part of rules; the name of any other stands without `$`");
    Found::wrong(mistake, Some(Kind::Wrong), 1 + name_length(&rest[1..]))
}

/// `%MW10`: an address.
pub(in crate::expr) fn address(rest: &str, at: usize) -> Found {
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
pub(in crate::expr) fn accent(rest: &str, at: usize) -> Found {
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

pub(in crate::expr) fn name_length(text: &str) -> usize {
    text.find(|c: char| !(c.is_alphanumeric() || "_.".contains(c))).unwrap_or(text.len())
}
