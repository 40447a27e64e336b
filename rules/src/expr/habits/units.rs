//! Units as people write them behind a number: in words, in brackets, with a point.
//!
//! Here: `5 Minuten`, `90 ° C`, `90 [°C]`, `4 bar(g)`, `30s.`, with the right spelling. Not here: words that stand in the
//! place of a unit and nothing else (`units::words`): what they are compared with shows whether they are meant.
//! Invariant: what is told here is a unit that is listed, whatever it is compared with.

use crate::expr::lex::{Found, Kind};
use crate::expr::{Mistake, Number};
use crate::time;
use crate::units::{self, Measure, Unit};

/// A unit written so: how long it is behind its number, the unit that is meant, what is wrong.
type Written = (usize, String, &'static str, &'static str);

/// What is wrong with the unit behind a number; `rest` begins with the number, which takes `digits` bytes.
pub(in crate::expr) fn unit(rest: &str, at: usize, digits: usize, value: Number) -> Option<Found> {
    if let Some(found) = duration(rest, at) {
        return Some(found);
    }
    let (number, behind) = rest.split_at(digits);
    let known = [degrees, in_brackets, over_pressure, with_a_point, per];
    let (length, unit, message, label) = known.iter().find_map(|habit| habit(behind))?;
    let mistake = Mistake::new("R107", at..at + digits + length, message)
        .label(label)
        .help(format!("write `{number} {unit}`"));
    Some(Found::wrong(mistake, Some(Kind::Number(value, Some(unit))), digits + length))
}

/// `5 Minuten`, `1 Std 30 min`, `30s.`
fn duration(rest: &str, at: usize) -> Option<Found> {
    let (length, written) = time::meant(rest)?;
    let is_right = rest[..length].find(char::is_alphabetic).is_some_and(|unit| {
        Unit::read(&rest[unit..length]).is_time()
            || !rest[..unit].trim().chars().all(|c| c.is_ascii_digit() || c == '.')
    });
    if is_right {
        return None;
    }
    let mistake = Mistake::new("R107", at..at + length, "this is not how durations are written")
        .label("the units are ms, s, min, h, d")
        .help(format!("write `{written}`"));
    let kind =
        time::duration(&written).map_or(Kind::Wrong, |ms| Kind::Number(Number::Int(ms), Some("ms".into())));
    Some(Found::wrong(mistake, Some(kind), length))
}

/// `° C`, `Grad Celsius`.
fn degrees(behind: &str) -> Option<Written> {
    let body = behind.trim_start();
    let first = body.strip_prefix('°').or_else(|| {
        let word = &body[..letters(body)];
        ["grad", "deg", "degree", "degrees"]
            .contains(&word.to_lowercase().as_str())
            .then(|| &body[word.len()..])
    })?;
    let second = first.trim_start();
    let word = &second[..second.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(second.len())];
    let apart = second.len() < first.len() && ["c", "celsius"].contains(&word.to_lowercase().as_str());
    let length = behind.len() - second.len() + word.len();
    apart.then(|| (length, "°C".into(), "this is not how degrees are written", "the unit is `°C`"))
}

/// `[°C]`, `(bar)`.
fn in_brackets(behind: &str) -> Option<Written> {
    let body = behind.trim_start();
    let close = [('[', ']'), ('(', ')')].into_iter().find(|(open, _)| body.starts_with(*open))?.1;
    let end = body.find(close)?;
    let unit = listed(&body[1..end])?;
    let length = behind.len() - body.len() + end + 1;
    Some((length, unit, "a unit stands in no brackets", "it stands right behind its number"))
}

/// `bar(g)`, `bar ü`, `psi (a)`.
fn over_pressure(behind: &str) -> Option<Written> {
    const ABOVE: [&str; 4] = ["g", "ü", "e", "gauge"];
    const ABSOLUTE: [&str; 3] = ["a", "abs", "absolut"];
    let body = behind.trim_start();
    let unit = ["bar", "psi"].into_iter().find(|unit| body[..letters(body)] == **unit)?;
    let rest = body[unit.len()..].trim_start();
    let inside = rest.strip_prefix('(').unwrap_or(rest);
    let word = &inside[..letters(inside)];
    let lower = word.to_lowercase();
    let suffix = if ABOVE.contains(&lower.as_str()) {
        "g"
    } else {
        ABSOLUTE.contains(&lower.as_str()).then_some("a")?
    };
    let bracket = inside.len() < rest.len();
    let end = &inside[word.len()..];
    let end = if bracket { end.trim_start().strip_prefix(')')? } else { end };
    let meant = listed(&format!("{unit}{suffix}"))?;
    let length = behind.len() - end.len();
    let label = "`barg` is above the pressure of the air, `bara` absolute";
    Some((length, meant, "this is not how pressures are written", label))
}

/// `bar.`, `Std.`
fn with_a_point(behind: &str) -> Option<Written> {
    let body = behind.trim_start();
    let end = body.find(|c: char| !(c.is_alphabetic() || "°%µ/³²".contains(c)))?;
    let point = body[end..].strip_prefix('.')?;
    if point.starts_with(|c: char| c.is_alphanumeric() || "._/".contains(c)) {
        return None;
    }
    let unit = listed(&body[..end]).or_else(|| listed(&body[..=end]))?;
    Some((behind.len() - point.len(), unit, "a unit has no point behind it", "the unit ends before it"))
}

/// `Flaschen pro Stunde`
fn per(behind: &str) -> Option<Written> {
    let body = behind.trim_start();
    let unit = &body[..letters(body)];
    let (word, rest) = body[unit.len()..].trim_start().split_once(char::is_whitespace)?;
    if !["pro", "per", "je"].contains(&word.to_lowercase().as_str()) {
        return None;
    }
    let by = &rest.trim_start()[..letters(rest.trim_start())];
    let meant = format!("{}/{}", listed(unit)?, listed(by)?);
    let length = behind.len() - rest.trim_start().len() + by.len();
    Some((length, meant, "a unit is divided with `/`", "this is one unit"))
}

/// The listed unit that a text is, or is meant to be.
fn listed(text: &str) -> Option<String> {
    let text = text.trim();
    let is_listed = !text.is_empty() && Unit::read(text).measure != Measure::Unlisted;
    if is_listed { Some(text.to_owned()) } else { units::meant(text).map(str::to_owned) }
}

fn letters(text: &str) -> usize {
    text.find(|c: char| !c.is_alphabetic()).unwrap_or(text.len())
}
