//! What is said where an expression cannot be understood.
//!
//! Here: the words for each kind of mistake in the order of tokens. Not here: finding them (`parse`), what single tokens
//! are wrong (`lex`).
//! Invariant: each names what is expected, and shows the corrected text where one can know it.

use std::ops::Range;

use super::lex::{Kind, Token};
use super::{DEPTH_MAX, Mistake, Operator};

/// What others call `in` before a range.
pub(super) const BETWEEN: [&str; 2] = ["between", "zwischen"];

pub(super) fn too_deep(at: Range<usize>) -> Mistake {
    Mistake::new("R106", at, format!("a condition is nested at most {DEPTH_MAX} deep"))
        .label("too deep")
        .help("give the inner part a name with `define`")
}

pub(super) fn ends_early(end: usize) -> Mistake {
    Mistake::new("R107", end..end, "the condition ends too early")
        .label("a tag, a number or a text is expected")
        .help("for example `pressure > 4.5 bar`")
}

/// A token where a value should begin; `like_a_function`: in front of a bracket.
pub(super) fn no_value(token: &Token, like_a_function: bool) -> Mistake {
    if let (Kind::Joint(joint), true) = (&token.kind, like_a_function) {
        return Mistake::new("R107", token.span.clone(), format!("`{joint}` stands between two conditions"))
            .label("it is no function")
            .help(format!("write `a {joint} b`"));
    }
    let message = match token.kind {
        Kind::Operator(Operator::Add) => "a plus sign stands between two values only",
        Kind::OpenList => "a list stands behind `in` only",
        _ => "a value is missing",
    };
    let mistake =
        Mistake::new("R107", token.span.clone(), message).label("a tag, a number or a text is expected here");
    match token.kind {
        Kind::Operator(Operator::Add) => mistake.help("leave it out"),
        Kind::OpenList => mistake.help("write `x in [A, B]`"),
        Kind::Not => mistake.help("`not` stands in front of a whole condition: `not a > b`"),
        _ => mistake,
    }
}

pub(super) fn begins_as_a_formula(at: Range<usize>) -> Mistake {
    Mistake::new("R107", at, "a condition does not begin with `=`").help("leave it out")
}

pub(super) fn chained(at: Range<usize>) -> Mistake {
    Mistake::new("R107", at, "comparisons cannot be chained").help("write `a < b and b < c`")
}

pub(super) fn not_in(at: Range<usize>) -> Mistake {
    Mistake::new("R107", at, "`not` stands in front of what it negates").help("write `not x in [A, B]`")
}

pub(super) fn no_range(at: Range<usize>) -> Mistake {
    Mistake::new("R107", at, "behind `in` stands a list or a range")
        .label("`..` is expected here")
        .help("write `x in [A, B]` or `x in 72 °C .. 87 °C`")
}

pub(super) fn no_far_tag(at: Range<usize>) -> Mistake {
    Mistake::new("R107", at, "a tag of that machine is missing")
        .label("the name of a tag is expected here")
        .help("write `` `washer-1`.pressure ``")
}

/// Something else, or the end, where a bracket should be closed.
pub(super) fn unclosed(close: &Kind, behind: Option<&Token>, end: usize) -> Mistake {
    let (what, sign) = if *close == Kind::CloseList { ("`]`", "`,` or `]`") } else { ("`)`", "`)`") };
    let span = behind.map_or(end..end, |t| t.span.clone());
    let mistake =
        Mistake::new("R108", span, "a bracket is not closed").label(format!("{sign} is expected here"));
    match behind.map(|t| &t.kind) {
        Some(Kind::Else) => mistake.help("`else` stands in brackets of its own: `(x else 0)`"),
        None => mistake.help(format!("add {what}")),
        _ => mistake,
    }
}

pub(super) fn empty_list(at: Range<usize>) -> Mistake {
    Mistake::new("R107", at, "the list is empty").help("write `x in [A, B]`")
}

pub(super) fn list_in_brackets(at: Range<usize>) -> Mistake {
    Mistake::new("R107", at, "a list stands in square brackets").help("write `x in [A, B]`")
}

/// A token, at its place among all, behind what was a whole condition.
pub(super) fn goes_on(text: &str, tokens: &[Token], at: usize) -> Mistake {
    let (token, before) = (&tokens[at], at.checked_sub(1).map(|i| &tokens[i]));
    let mistake = Mistake::new("R107", token.span.clone(), "the condition goes on after its end");
    let expected = mistake.clone().label("`and`, `or` or the end is expected here");
    match (&token.kind, before.map(|t| &t.kind)) {
        (Kind::Close | Kind::CloseList, _) => {
            mistake.label("no bracket is open here").help("leave it out, or open a bracket before")
        }
        (Kind::Else, _) => mistake
            .label("`else` needs brackets")
            .help("write `(x else 0)`: the value of `x`, or 0 while it is Unknown"),
        (Kind::To, _) => mistake.label("a range stands behind `in` only").help("write `x in 72 .. 87`"),
        (Kind::Of, _) => expected
            .help("a machine stands in backticks, then a point and its tag: `` `washer-1`.pressure ``"),
        (Kind::Name(name), _) if BETWEEN.contains(&name.to_lowercase().as_str()) => {
            mistake.label("`in` is expected here").help("write `x in 72 .. 87`")
        }
        (Kind::Name(_), Some(Kind::Name(_))) => {
            let name = &text[tokens[at - 1].span.start..odd_name_end(tokens, at)];
            expected.help(format!("a name with a blank stands in backticks: `` `{name}` ``"))
        }
        (Kind::Number(..), Some(Kind::Number(_, None))) => {
            expected.help("a number has no blanks: write 10000, or 10_000")
        }
        (Kind::Name(_) | Kind::Number(..) | Kind::Text(_) | Kind::Quoted(_) | Kind::Comma, _) => {
            expected.help("write `and` or `or` between two conditions")
        }
        _ => expected,
    }
}

/// Where a name with blanks ends that goes on at this token.
fn odd_name_end(tokens: &[Token], at: usize) -> usize {
    let is_part = |t: &&Token| matches!(t.kind, Kind::Name(_) | Kind::Number(_, None));
    tokens[at..].iter().take_while(is_part).last().map_or(tokens[at].span.end, |t| t.span.end)
}
