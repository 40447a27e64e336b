//! Durations as people write them, and the milliseconds that the engine counts in.
//!
//! Here: `5 min`, `1h30m`, `100 ms`, `T#5M`, and how far an instant may lie from 1970. Not here: any clock; an
//! instant is ms since 1970 UTC and is given.
//! Invariant: a number without a unit is never a duration, and neither is `5 m` (metres, or a month?).

use std::fmt;

use crate::units::{self, Measure, Unit};

/// A span of time, ms.
pub type Millis = i64;

/// Longer than any delay in a plant, short enough that sums of it never overflow: 1,000 years.
pub(crate) const MILLIS_MAX: Millis = 1000 * 366 * 24 * 3_600_000;

const UNITS: [(&str, Millis); 12] = [
    ("ms", 1),
    ("s", 1_000),
    ("sec", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("hour", 3_600_000),
    ("hours", 3_600_000),
    ("d", 86_400_000),
    ("day", 86_400_000),
    ("days", 86_400_000),
    ("week", 604_800_000),
    ("weeks", 604_800_000),
];

/// What stands before the `#` of a duration in IEC 61131-3, and in STEP 7.
const IEC: [&str; 6] = ["t", "time", "lt", "ltime", "s5t", "s5time"];

/// Before any instant that the engine reckons with: 35,000 years before 1970.
pub(crate) const LONG_AGO: i64 = -(1 << 50);

/// The instant itself, or the nearest one that the engine reckons with. Every instant from outside passes here
/// once, so that no garbage makes a sum of instants and durations overflow.
#[must_use]
pub fn bounded(instant: i64) -> i64 {
    instant.clamp(LONG_AGO + 1, -LONG_AGO)
}

/// Whether the engine can have come to all of these instants: those of late datapoints lie a little beyond the
/// bound, each by a millisecond more.
#[must_use]
pub(crate) fn are_bounded(instants: impl IntoIterator<Item = i64>) -> bool {
    instants.into_iter().all(|i| (LONG_AGO..=-2 * LONG_AGO).contains(&i))
}

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotADuration {
    /// No number where one must stand.
    #[error("a number with a unit is expected, such as `5 min`")]
    NoNumber,
    /// A number without a unit.
    #[error("`{0}` has no unit: write `{0} s`, `{0} ms` or `{0} min`")]
    NoUnit(String),
    /// `m` alone.
    #[error("`{0} m` is {0} metres: for minutes write `{0} min`")]
    Metres(String),
    /// A unit that is none.
    #[error("`{0}` is not a unit of time: use ms, s, min, h or d")]
    Unit(String),
    /// A comma in a number.
    #[error("`{0}` has a decimal comma: write `{1}`")]
    Comma(String, String),
    /// Too long, or smaller than a millisecond.
    #[error("a duration lies between 0 ms and 1,000 years, in whole milliseconds")]
    Range,
}

impl NotADuration {
    /// What stands beside the place; `known`: how it is written is said below.
    pub(crate) fn label(&self, known: bool) -> String {
        match self {
            NotADuration::NoUnit(_) | NotADuration::NoNumber if known => {
                "not written as a duration is here".into()
            }
            NotADuration::NoUnit(_) => "a number without a unit".into(),
            NotADuration::Metres(number) if known => format!("`{number} m` is {number} metres"),
            NotADuration::Comma(number, _) if known => format!("`{number}` has a decimal comma"),
            other => other.to_string(),
        }
    }
}

/// Reads a duration: numbers with units, one after the other, or the IEC form `T#…`.
///
/// # Errors
/// When the text is anything else; the error says what to write.
pub fn duration(text: &str) -> Result<Millis, NotADuration> {
    let text = text.trim();
    let (body, iec) = match text.split_once('#') {
        Some((prefix, rest)) if IEC.contains(&prefix.to_ascii_lowercase().as_str()) => (rest, true),
        _ => (text, false),
    };
    let mut rest = body.trim();
    if rest.is_empty() {
        return Err(NotADuration::NoNumber);
    }
    let mut sum: Millis = 0;
    let several = rest.matches(|c: char| c.is_ascii_alphabetic()).count() > 1 && !rest.contains(' ');
    while !rest.is_empty() {
        let (number, after) =
            split_where(rest, |c| !(c.is_ascii_digit() || c == '.' || c == ',' || c == '_'));
        let (unit, after) = split_where(after.trim_start(), |c| !c.is_alphabetic());
        // Inside `1h30m`, and in the IEC form, the m can only be minutes.
        let minutes_allowed = iec || (several && sum > 0);
        sum = sum.checked_add(part(number, unit, minutes_allowed)?).ok_or(NotADuration::Range)?;
        rest = after.trim_start_matches(['_', ' ']);
    }
    if sum > MILLIS_MAX { Err(NotADuration::Range) } else { Ok(sum) }
}

/// A duration in words, or with points behind its units, at the front of a text: how long it is, and how it is written
/// here. What is right already comes back as well.
pub(crate) fn meant(text: &str) -> Option<(usize, String)> {
    let (mut at, mut parts) = (0, Vec::new());
    while let Some((length, number, unit)) = part_meant(&text[at..], at == 0) {
        at += length;
        parts.push(format!("{number} {unit}"));
    }
    (at > 0).then(|| (at, parts.join(" ")))
}

/// A number with a word for a unit of time, and the unit that is meant.
fn part_meant(text: &str, is_first: bool) -> Option<(usize, String, &'static str)> {
    let body = text.trim_start_matches(|c: char| c.is_whitespace() || c == '_');
    let (number, rest) = split_where(body, |c| !(c.is_ascii_digit() || c == '.' || c == ','));
    let (word, rest) = split_where(rest.trim_start(), |c| !c.is_alphabetic());
    let is_number = number.starts_with(|c: char| c.is_ascii_digit()) && !number.ends_with(['.', ',']);
    if !is_number || word.is_empty() {
        return None;
    }
    let lower = word.to_lowercase();
    let unit = match UNITS.iter().find(|(name, _)| *name == lower) {
        // `5 S` are siemens.
        Some(_) if !matches!(Unit::read(word).measure, Measure::Unlisted) && !Unit::read(word).is_time() => {
            return None;
        }
        Some((_, millis)) => UNITS.iter().find(|(_, same)| same == millis)?.0,
        None if lower == "m" && !is_first => "min",
        None => units::meant(word).filter(|unit| Unit::read(unit).is_time())?,
    };
    let point =
        rest.strip_prefix('.').filter(|r| !r.starts_with(|c: char| c.is_alphanumeric() || "._".contains(c)));
    let length = text.len() - point.unwrap_or(rest).len();
    Some((length, number.replace(',', "."), unit))
}

/// How a text is written that is not a duration, but meant as one; none: nobody knows.
pub(crate) fn spelled(text: &str) -> Option<String> {
    let text = text.trim();
    let in_words = || meant(text).filter(|(length, _)| *length == text.len()).map(|(_, written)| written);
    let metres = || text.strip_suffix('m').map(|number| format!("{} min", number.trim().replace(',', ".")));
    let clock = || {
        let parts: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let [h, m, s] = parts[..] else { return None };
        let fits = (0..1000).contains(&h) && (0..60).contains(&m) && (0..60).contains(&s);
        fits.then(|| Shown(((h * 60 + m) * 60 + s) * 1_000).to_string())
    };
    let known = in_words().or_else(metres).or_else(clock);
    known.filter(|written| duration(written).is_ok())
}

/// Whether the word is a unit of time.
pub(crate) fn is_unit(word: &str) -> bool {
    factor(word).is_some()
}

fn factor(unit: &str) -> Option<Millis> {
    UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, factor)| *factor)
}

fn split_where(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

fn part(number: &str, unit: &str, minutes_allowed: bool) -> Result<Millis, NotADuration> {
    if number.is_empty() {
        return Err(NotADuration::NoNumber);
    }
    if number.contains(',') {
        return Err(NotADuration::Comma(number.into(), number.replace(',', ".")));
    }
    let factor = match unit {
        "" => return Err(NotADuration::NoUnit(number.into())),
        "m" | "M" if minutes_allowed => 60_000,
        "m" | "M" => return Err(NotADuration::Metres(number.into())),
        unit => factor(unit).ok_or_else(|| NotADuration::Unit(unit.into()))?,
    };
    let number: f64 = number.replace('_', "").parse().map_err(|_| NotADuration::NoNumber)?;
    let millis = number * factor as f64;
    let whole = (0.0..=MILLIS_MAX as f64).contains(&millis) && (millis - millis.round()).abs() < 1e-6;
    if whole { Ok(millis.round() as Millis) } else { Err(NotADuration::Range) }
}

/// A duration as people read it: the largest units first, none that is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown(pub Millis);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0 s");
        }
        let mut rest = self.0;
        let mut gap = "";
        for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)]
        {
            if rest / millis > 0 {
                write!(f, "{gap}{} {unit}", rest / millis)?;
                rest %= millis;
                gap = " ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let cases = [
            ("0 s", 0),
            ("100 ms", 100),
            ("5 min", 300_000),
            ("5min", 300_000),
            ("1.5 s", 1_500),
            ("1h30m", 5_400_000),
            ("1 h 30 min", 5_400_000),
            ("T#5M", 300_000),
            ("T#1H_30M", 5_400_000),
            ("2 d", 172_800_000),
            ("20000 ms", 20_000),
        ];
        for (text, millis) in cases {
            assert_eq!(duration(text), Ok(millis), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_what_to_write() {
        let said = |text: &str| duration(text).unwrap_err().to_string();
        assert_eq!(said("5 m"), "`5 m` is 5 metres: for minutes write `5 min`");
        assert_eq!(said("30"), "`30` has no unit: write `30 s`, `30 ms` or `30 min`");
        assert_eq!(said("1,5 s"), "`1,5` has a decimal comma: write `1.5`");
        assert_eq!(said("5 Minuten"), "`Minuten` is not a unit of time: use ms, s, min, h or d");
        for text in ["", "s", "-1 s", "T#", "0.1 ms", "99999999999999 d", "1 s x", "5 min 3"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_as_people_spell_them_show_how_they_are_written_here() {
        for (text, right) in [
            ("5 Minuten", "5 min"),
            ("10 Sekunden", "10 s"),
            ("2 Stunden", "2 h"),
            ("5 minutes", "5 min"),
            ("1 Min", "1 min"),
            ("5min.", "5 min"),
            ("30s.", "30 s"),
            ("1,5 Minuten", "1.5 min"),
            ("1 Stunde 30 Minuten", "1 h 30 min"),
            ("2 Std", "2 h"),
            ("5 m", "5 min"),
            ("00:05:00", "5 min"),
        ] {
            assert_eq!(spelled(text).as_deref(), Some(right), "{text}");
        }
        for text in
            ["Minuten", "5 Monate", "10 Flaschen", "5", "x", "", "5 min or so", "0:99:00", "-5 Minuten"]
        {
            assert_eq!(spelled(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_shown_in_the_units_people_use() {
        assert_eq!(Shown(5_400_000).to_string(), "1 h 30 min");
        assert_eq!(Shown(1_500).to_string(), "1 s 500 ms");
        assert_eq!(Shown(0).to_string(), "0 s");
    }
}
