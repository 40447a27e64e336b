//! The text of a rule, with places for what is only known when it speaks.
//!
//! Here: `{water_temperature:.1}`, `{state}`, `{since:time}`, `{machine}`, parameters, checked when the file is
//! loaded. Not here: languages beyond how numbers and dates are written (German has a decimal comma).
//! Invariant: a text that was accepted can always be filled in; what is unknown says so.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::expr::Mistake;
use crate::inventory::Names;
use crate::value::{Constant, Held, Type, Value};

/// A text as the file has it, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Plain(String),
    /// The value of a tag or a parameter.
    Tag(Place),
    /// The state entered.
    State,
    /// The machine's name.
    Machine,
    /// When the state was entered.
    Since(Moment),
}

/// A place for a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The machine; none: the rule's own.
    pub machine: Option<String>,
    /// The tag's name.
    pub name: String,
    /// Decimals; all there are when none is given.
    pub decimals: Option<usize>,
    /// Where the name stands in the text.
    pub at: usize,
    /// The names of its codes.
    pub names: Option<Arc<Names>>,
    /// Its value is a bit field, shown by the names of its bits.
    pub is_flags: bool,
}

/// How an instant is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Day and time.
    Both,
    /// The time of day.
    Time,
    /// The day.
    Date,
}

/// What a text is filled with beside the values of tags.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filling<'a> {
    /// The state entered.
    pub state: &'a str,
    /// The machine's name.
    pub machine: &'a str,
    /// When the state was entered, ms since 1970 by the clock on the wall of the agent's time zone; none: nobody
    /// knows.
    pub since: Option<i64>,
}

/// What stands in brackets and is no tag.
pub(crate) const WORDS: [&str; 3] = ["state", "machine", "since"];

/// More decimals than a binary64 has.
const DECIMALS_MAX: usize = 17;

impl Template {
    /// Takes a text apart; `{{` and `}}` stand for the brackets themselves.
    ///
    /// # Errors
    /// All brackets that are none of ours.
    pub fn read(text: &str) -> Result<Self, Vec<Mistake>> {
        let (template, mistakes) = Self::with_mistakes(text);
        if mistakes.is_empty() { Ok(template) } else { Err(mistakes) }
    }

    /// Takes a text apart as far as that can be done, with all that is wrong with it.
    #[must_use]
    pub fn with_mistakes(text: &str) -> (Self, Vec<Mistake>) {
        let (mut pieces, mut mistakes) = (Vec::new(), Vec::new());
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(['{', '}']) {
            let bracket = at + found;
            plain.push_str(&text[at..bracket]);
            let doubled = &text[bracket..=bracket];
            if text[bracket + 1..].starts_with(doubled) {
                plain.push_str(doubled);
                at = bracket + 2;
                continue;
            }
            let Some(length) = text[bracket..].find('}').filter(|_| doubled == "{") else {
                mistakes.push(
                    Mistake::new("R301", bracket..bracket + 1, "a curly bracket without its partner")
                        .help("close it with `}`, or write it twice to show it"),
                );
                at = bracket + 1;
                continue;
            };
            pieces.push(Piece::Plain(std::mem::take(&mut plain)));
            let inside = &text[bracket + 1..bracket + length];
            match piece(inside, bracket + 1) {
                Ok(piece) => pieces.push(piece),
                Err(mistake) => {
                    mistakes.push(mistake);
                    // A name is looked at whatever format stands behind it.
                    let named = inside.rsplit_once(':').map(|(name, _)| piece(name, bracket + 1));
                    pieces.extend(named.and_then(Result::ok));
                }
            }
            at = bracket + length + 1;
        }
        plain.push_str(&text[at..]);
        pieces.push(Piece::Plain(plain));
        pieces.retain(|p| !matches!(p, Piece::Plain(t) if t.is_empty()));
        (Self(pieces), mistakes)
    }

    /// What it takes of memory, beside itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let of = |piece: &Piece| match piece {
            Piece::Plain(text) => text.len(),
            Piece::Tag(place) => place.length(),
            Piece::State | Piece::Machine | Piece::Since(_) => 0,
        };
        // A list and a text that grow may have as much room again.
        self.0.iter().map(|piece| 2 * (size_of::<Piece>() + of(piece))).sum()
    }

    /// The tags and parameters it names.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Tag(place) => Some(place),
            _ => None,
        })
    }

    /// The same, its places to be given what is known of them.
    pub fn places_mut(&mut self) -> impl Iterator<Item = &mut Place> {
        self.0.iter_mut().filter_map(|piece| match piece {
            Piece::Tag(place) => Some(place),
            _ => None,
        })
    }

    /// The text with the parameters written in that a machine has.
    #[must_use]
    pub fn with(&self, params: &BTreeMap<String, Constant>, language: &str) -> Self {
        let piece = |piece: &Piece| match piece {
            Piece::Tag(place) if place.machine.is_none() => match params.get(&place.name) {
                Some(param) => Piece::Plain(shown(&param.value, place, language)),
                None => piece.clone(),
            },
            other => other.clone(),
        };
        Self(self.0.iter().map(piece).collect())
    }

    /// Fills the text in; `held` gives the values of the tags in the order of [`Template::places`].
    #[must_use]
    pub fn fill<'v>(
        &self,
        language: &str,
        filling: Filling<'_>,
        held: impl IntoIterator<Item = &'v Held>,
    ) -> String {
        let mut held = held.into_iter();
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::State => out.push_str(filling.state),
                Piece::Machine => out.push_str(filling.machine),
                Piece::Since(moment) => match filling.since {
                    Some(since) => out.push_str(&shown_moment(since, *moment, language)),
                    None => out.push('?'),
                },
                Piece::Tag(place) => match held.next() {
                    Some(Ok(value)) => out.push_str(&shown(value, place, language)),
                    Some(Err(_)) | None => out.push('?'),
                },
            }
        }
        out
    }
}

fn piece(inside: &str, at: usize) -> Result<Piece, Mistake> {
    // A colon in backticks is part of the name.
    let colon = inside.rfind('`').map_or(0, |quote| quote + 1);
    let (name, format) = match inside[colon..].find(':') {
        Some(found) => (&inside[..colon + found], &inside[colon + found + 1..]),
        None => (inside, ""),
    };
    let bad_format = |what: &str, like: &str| {
        let from = at + name.len() + 1;
        Mistake::new("R302", from..from + format.len(), format!("`{format}` is not a format"))
            .help(format!("{what}, for example `{{{}:{like}}}`", name.trim()))
    };
    let unformatted = |piece: Piece| match format {
        "" => Ok(piece),
        _ => Err(bad_format("this has no format", "").help(format!("write `{{{}}}`", name.trim()))),
    };
    match name.trim() {
        "" => Err(Mistake::new("R301", at..at + inside.len(), "empty brackets")
            .help("write the name of a tag, `state`, `since` or `machine`")),
        "state" => unformatted(Piece::State),
        "machine" => unformatted(Piece::Machine),
        "since" => match format.trim() {
            "" => Ok(Piece::Since(Moment::Both)),
            "time" => Ok(Piece::Since(Moment::Time)),
            "date" => Ok(Piece::Since(Moment::Date)),
            _ => Err(bad_format("`time` or `date` is expected", "time")),
        },
        trimmed => {
            let decimals = match format.trim() {
                "" => None,
                given => {
                    let digits = given.strip_prefix('.').and_then(|d| d.parse().ok());
                    let digits = digits.filter(|d| *d <= DECIMALS_MAX);
                    Some(digits.ok_or_else(|| bad_format("a number of decimals is expected", ".1"))?)
                }
            };
            let at = at + (name.len() - name.trim_start().len());
            let (machine, name) = match trimmed.strip_prefix('`').and_then(|rest| rest.split_once("`.")) {
                Some((machine, tag)) => (Some(machine.to_owned()), tag),
                None => (None, trimmed),
            };
            let name = name.trim_matches('`').to_owned();
            Ok(Piece::Tag(Place { machine, name, decimals, at, names: None, is_flags: false }))
        }
    }
}

impl Place {
    /// The length of what stands in the text for the name.
    #[must_use]
    pub fn length(&self) -> usize {
        self.machine.as_ref().map_or(0, |machine| machine.len() + 3) + self.name.len()
    }

    /// Takes over what is known of the tag.
    pub fn is_of(&mut self, kind: Type, names: Option<&Arc<Names>>) {
        self.is_flags = kind == Type::Flags;
        self.names = names.filter(|_| matches!(kind, Type::Enum | Type::Flags)).cloned();
    }
}

fn shown(value: &Value, place: &Place, language: &str) -> String {
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

fn shown_moment(local: i64, moment: Moment, language: &str) -> String {
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
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names;
    use crate::value::Unknown;

    fn filled(text: &str, language: &str, held: &[Held]) -> String {
        // 2026-03-01 14:05:09 on the wall.
        let filling = Filling { state: "Low", machine: "filler-1", since: Some(1_772_373_909_000) };
        Template::read(text).unwrap().fill(language, filling, held)
    }

    #[test]
    fn a_text_is_filled_in_per_language() {
        let text = "{machine}: {p:.2} bar, {state} {{n}}";
        let held = [Ok(Value::Float(1.875))];
        assert_eq!(filled(text, "de", &held), "filler-1: 1,88 bar, Low {n}");
        assert_eq!(filled(text, "en", &held), "filler-1: 1.88 bar, Low {n}");
        assert_eq!(filled(text, "en", &[Err(Unknown::Stale)]), "filler-1: ? bar, Low {n}");
        assert_eq!(filled("{p:.1} {p}", "de", &[Ok(Value::Float(-0.04)), Ok(Value::Int(7))]), "0,0 7");
        assert_eq!(filled("{p:.1}", "en", &[Ok(Value::Int(7))]), "7.0");
    }

    #[test]
    fn since_is_shown_by_the_clock_on_the_wall() {
        assert_eq!(filled("{since:time}", "en", &[]), "14:05:09");
        assert_eq!(filled("{since}", "en", &[]), "2026-03-01 14:05:09");
        assert_eq!(filled("{since:date}", "de", &[]), "01.03.2026");
        let unknown = Template::read("{since:time}").unwrap().fill("en", Filling::default(), []);
        assert_eq!(unknown, "?");
        assert_eq!((date(0), date(59), date(-1)), ((1970, 1, 1), (1970, 3, 1), (1969, 12, 31)));
        assert_eq!(date(11_016), (2000, 2, 29));
    }

    #[test]
    fn codes_and_bits_show_their_names_and_parameters_their_values() {
        let mut template = Template::read("{s} {s} {f}").unwrap();
        let kinds = [Type::Enum, Type::Enum, Type::Flags];
        for (place, kind) in template.places_mut().zip(kinds) {
            place.is_of(kind, names::table("packml_mode").as_ref());
        }
        let held = [Ok(Value::Int(1)), Ok(Value::Int(99)), Ok(Value::Int(0b1_0110))];
        let shown = template.fill("en", Filling::default(), &held);
        assert_eq!(shown, "Production 99 Production, Maintenance, 4");
        let params = BTreeMap::from([(
            "limit".to_owned(),
            Constant { value: Value::Float(22.5), unit: Some("°C".into()) },
        )]);
        let with = Template::read("over {limit:.1} °C").unwrap().with(&params, "de");
        assert_eq!(with.fill("de", Filling::default(), []), "over 22,5 °C");
    }

    #[test]
    fn tags_of_other_machines_and_odd_names_are_found() {
        let template = Template::read("ä {`washer-1`.pressure:.1} {`a: b`}").unwrap();
        let places: Vec<_> =
            template.places().map(|p| (p.machine.as_deref(), p.name.as_str(), p.at)).collect();
        assert_eq!(places, [(Some("washer-1"), "pressure", 4), (None, "a: b", 29)]);
    }

    #[test]
    fn mistakes_are_found_at_their_place() {
        let at = |text: &str| Template::read(text).unwrap_err()[0].span.clone();
        assert_eq!(at("a {b"), 2..3);
        assert_eq!(at("a } b"), 2..3);
        assert_eq!(at("{}"), 1..1);
        assert_eq!(at("{p:1}"), 3..4);
        assert_eq!(at("{p:.99}"), 3..6);
        assert_eq!(at("{since:hour}"), 7..11);
        assert_eq!(at("{state:.1}"), 7..9);
        assert_eq!(Template::read("{} } {p:x} {state:y}").unwrap_err().len(), 4, "all in one run");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            if let Ok(template) = Template::read(&text) {
                proptest::prop_assert!(template.fill("de", Filling::default(), &[]).len() <= text.len() + 1);
            }
        }
    }
}
