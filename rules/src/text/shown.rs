//! How values and instants are shown in a text.
//!
//! Here: decimals, decimal commas, names of codes and bits, dates. Not here: where they stand in the text (`text`), the
//! hour of the agent's place (`calendar`).
//! Invariant: what is shown of a value depends on nothing but its place in the text and the language.

use std::fmt::Write as _;

use super::{Moment, Place};
use crate::inventory::Names;
use crate::value::Value;

/// A value, with the decimals and names of its place.
pub(super) fn shown(value: &Value, place: &Place, language: &str) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    match (value, place.decimals, &place.names) {
        (Value::Int(bits), _, Some(names)) if place.is_flags => return bit_names(*bits, names),
        (Value::Int(code), _, Some(names)) => match names.name(*code) {
            Some(name) => return name.to_owned(),
            None => write!(out, "{code}"),
        },
        (Value::Bool(b), ..) => write!(out, "{b}"),
        (Value::Int(i), Some(decimals), None) if decimals > 0 => write!(out, "{i}.{}", "0".repeat(decimals)),
        (Value::Int(i), ..) => write!(out, "{i}"),
        (Value::Float(f), Some(decimals), _) => write!(out, "{f:.decimals$}"),
        (Value::Float(f), None, _) => write!(out, "{f}"),
        (Value::Text(t), ..) => return t.to_string(),
    }
    .ok();
    // "-0.0" frightens people.
    if out.starts_with('-') && out.trim_matches(['-', '0', '.']).is_empty() {
        out.remove(0);
    }
    if language.starts_with("de") { out.replace('.', ",") } else { out }
}

/// The names of the bits that are set; a bit without a name by its place.
#[must_use]
pub fn bit_names(bits: i64, names: &Names) -> String {
    let set = (0..64).filter(|bit| bits >> bit & 1 == 1);
    let shown: Vec<String> =
        set.map(|bit| names.name(bit).map_or_else(|| bit.to_string(), str::to_owned)).collect();
    shown.join(", ")
}

/// An instant by the clock on the wall, ms since 1970.
pub(super) fn shown_moment(local: i64, moment: Moment, language: &str) -> String {
    const DAY: i64 = 86_400_000;
    let (day, rest) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    let time = format!("{:02}:{:02}:{:02}", rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    let (year, month, day) = date(day);
    let date = if language.starts_with("de") {
        format!("{day:02}.{month:02}.{year:04}")
    } else {
        format!("{year:04}-{month:02}-{day:02}")
    };
    match moment {
        Moment::Both => format!("{date} {time}"),
        Moment::Time => time,
        Moment::Date => date,
    }
}

/// Year, month and day of a day since 1970, in the Gregorian calendar: 400 years have 146,097 days, and a year that
/// begins in March has its leap day at its end.
pub(super) fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
