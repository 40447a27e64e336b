//! Numbers, and the units behind them.
//!
//! Here: decimals, exponents, durations of several parts (`1h30m`), as much of what follows as can be a unit; and the
//! numbers that people write with a comma, with marks for thousands, in another base. Not here: what units mean
//! (`units`).
//! Invariant: a number that is not understood is a number all the same, so that nothing else is said of it.

use super::habits::keyword_of_another_language;
use super::lex::{Found, Kind, keyword};
use super::{Mistake, Number};
use crate::time;
use crate::units::{Measure, Unit};

/// The number that begins at `at`.
pub(super) fn number(text: &str, at: usize, in_list: bool) -> Found {
    let rest = &text[at..];
    let (length, mistake) = match wrong_digits(rest, at, in_list) {
        Some((length, fixed)) => (length, Some(fixed)),
        None => (right_digits(rest), None),
    };
    let (length, number) = match mistake {
        Some((number, mistake)) => {
            let (unit, of_unit) = unit(&rest[length..]);
            return Found::wrong(mistake, Some(Kind::Number(number, unit)), length + of_unit);
        }
        None => (length, value(&rest[..length].replace('_', ""))),
    };
    let Some(value) = number else {
        let mistake = Mistake::new("R103", at..at + length, "the number is too large")
            .label("a number has at most 19 digits, or a point");
        return Found::wrong(mistake, Some(Kind::Number(Number::Int(1), None)), length);
    };
    if let Some((millis, length)) = spelled_duration(rest, length) {
        return Found::right(Kind::Number(Number::Int(millis), Some("ms".into())), length);
    }
    if let Some(of_unit) = degrees_in_words(&rest[length..]) {
        let mistake = Mistake::new("R107", at..at + length + of_unit, "this is not how degrees are written")
            .label("the unit is `°C`")
            .help(format!("write `{} °C`", &rest[..length]));
        return Found::wrong(mistake, Some(Kind::Number(value, Some("°C".into()))), length + of_unit);
    }
    let (unit, of_unit) = unit(&rest[length..]);
    Found::right(Kind::Number(value, unit), length + of_unit)
}

/// How long a number is: digits, a point with digits, an exponent.
fn right_digits(rest: &str) -> usize {
    let mut length = digits(rest);
    if rest[length..].starts_with('.') && digits(&rest[length + 1..]) > 0 {
        length += 1 + digits(&rest[length + 1..]);
    }
    length + exponent(&rest[length..])
}

/// A number as it is written elsewhere: how long it is, what it would be here, and what to say.
fn wrong_digits(rest: &str, at: usize, in_list: bool) -> Option<(usize, (Number, Mistake))> {
    based(rest, at).or_else(|| punctuated(rest, at, in_list))
}

/// `16#FF`, `2#1010`, `0xFF`.
fn based(rest: &str, at: usize) -> Option<(usize, (Number, Mistake))> {
    let whole = digits(rest);
    let (radix, begin) = match rest.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, 2),
        [b'0', b'b' | b'B', b'0' | b'1', ..] => (2, 2),
        _ if rest[whole..].starts_with('#') => (rest[..whole].parse().ok()?, whole + 1),
        _ => return None,
    };
    let length = begin
        + rest[begin..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len() - begin);
    let written = rest[begin..length].replace('_', "");
    let read = matches!(radix, 2 | 8 | 16).then(|| i64::from_str_radix(&written, radix).ok()).flatten();
    let mistake = Mistake::new("R103", at..at + length, "numbers are written with the digits 0 to 9")
        .label("a number in another base")
        .help(match read {
            Some(value) => format!("write `{value}`; to ask for one bit, write `has(tag, 3)`"),
            None => "write it as a decimal number".into(),
        });
    Some((length, (Number::Int(read.unwrap_or(1)), mistake)))
}

/// `4,5`, `1.234,5`, `1.234.567`.
fn punctuated(rest: &str, at: usize, in_list: bool) -> Option<(usize, (Number, Mistake))> {
    let run = rest.find(|c: char| !(c.is_ascii_digit() || ".,_".contains(c))).unwrap_or(rest.len());
    // What stands behind the last digit belongs to the sentence, and `..` to a range.
    let run = rest[..run].find("..").unwrap_or(run);
    let run = rest[..run].trim_end_matches(['.', ',', '_']);
    let marks: Vec<char> = run.chars().filter(|c| ".,".contains(*c)).collect();
    // In a list a comma parts values.
    if marks.is_empty() || marks == ['.'] || in_list && marks.contains(&',') {
        return None;
    }
    let (message, label) = if marks == [','] {
        ("a number has a decimal point, not a comma", "decimal comma")
    } else {
        ("a number has one decimal point, and no mark for thousands", "more than one `.` or `,`")
    };
    let plain = without_marks(run, &marks);
    let number = value(&plain.replace('_', "")).unwrap_or(Number::Int(1));
    let mistake = Mistake::new("R102", at..at + run.len(), message).label(label);
    Some((run.len(), (number, mistake.help(format!("write `{plain}`")))))
}

/// A number with marks for thousands and any mark before its decimals, as it is written here.
fn without_marks(run: &str, marks: &[char]) -> String {
    let parts: Vec<&str> = run.split(['.', ',']).collect();
    let thousands = |parts: &[&str]| parts[0].len() <= 3 && parts[1..].iter().all(|part| part.len() == 3);
    let (last, before) = (parts.len() - 1, &marks[..marks.len() - 1]);
    let same = before.iter().all(|mark| *mark == marks[0]);
    if marks.len() > 1 && same && marks[last - 1] == marks[0] && thousands(&parts) {
        parts.concat()
    } else if same && (marks.len() == 1 || marks[last - 1] != marks[0] && thousands(&parts[..last])) {
        format!("{}.{}", parts[..last].concat(), parts[last])
    } else {
        // `4,5,6`: nobody knows.
        format!("{}.{}", parts[0], parts[1])
    }
}

fn value(digits: &str) -> Option<Number> {
    /// 2^63: no i64 holds it, but the least i64 is written with it, and a binary64 holds it exactly.
    const I64_END: &str = "9223372036854775808";
    if digits.contains(['.', 'e', 'E']) || digits == I64_END {
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
        let more = rest[length..].trim_start_matches(|c: char| c.is_whitespace() || c == '_');
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
    let blanks = |c: char| if c.is_whitespace() { ' ' } else { c };
    let written: String = rest[..length].chars().map(blanks).collect();
    time::duration(&written).ok().map(|millis| (millis, length))
}

/// How long the unit of time is that a text begins with, and the white space before it.
fn time_unit(text: &str, minutes: bool) -> Option<usize> {
    let body = text.trim_start();
    let word = &body[..body.find(|c: char| !c.is_alphabetic()).unwrap_or(body.len())];
    let known = minutes && word.eq_ignore_ascii_case("m") || time::is_unit(word);
    known.then_some(text.len() - body.len() + word.len())
}

/// How long `° C` and `Grad Celsius` are behind a number, with the white space before them.
fn degrees_in_words(rest: &str) -> Option<usize> {
    let body = rest.trim_start();
    let first = body.strip_prefix('°').or_else(|| {
        let word = &body[..body.find(|c: char| !c.is_alphabetic()).unwrap_or(body.len())];
        let is_degree = |name: &&str| word.eq_ignore_ascii_case(name);
        ["grad", "deg", "degree", "degrees"].iter().any(is_degree).then(|| &body[word.len()..])
    })?;
    let second = first.trim_start();
    let word = &second[..second.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(second.len())];
    let is_celsius = ["c", "celsius"].iter().any(|name| word.eq_ignore_ascii_case(name));
    let apart = second.len() < first.len() && is_celsius;
    apart.then_some(rest.len() - second.len() + word.len())
}

/// The unit behind a number, if what stands there is one, and how many bytes it takes with its white space.
fn unit(rest: &str) -> (Option<String>, usize) {
    let space = rest.len() - rest.trim_start().len();
    let body = &rest[space..];
    let word = unit_word(body);
    if word.is_empty() {
        return (None, 0);
    }
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
    let is_word = keyword(word).is_some() || keyword_of_another_language(word);
    if is_word { (None, 0) } else { (Some(word.to_owned()), space + end) }
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
