//! What people write for a unit, in German and in a hurry.
//!
//! Here: the listed unit that is meant. Not here: reading units, which stays strict: a unit that is guessed would be a
//! wrong limit one day.
//! Invariant: what is meant is listed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Measure, Unit, names};
use crate::diagnose::did_you_mean;

/// What people write, and the unit that it is.
const WORDS: &[(&[&str], &str)] = &[
    (
        &[
            "c",
            "°",
            "grad",
            "gradc",
            "grad c",
            "deg",
            "degree",
            "degrees",
            "celsius",
            "°celsius",
            "ºc",
            "c°",
            "˚c",
            "º",
            "˚",
        ],
        "°C",
    ),
    (&["f", "fahrenheit", "ºf", "˚f"], "°F"),
    (&["kelvin", "°k"], "K"),
    (&["prozent", "percent", "pct", "proz", "v.h."], "%"),
    (&["promille"], "‰"),
    (&["sek", "sek.", "sekunde", "sekunden", "second", "seconds", "secs"], "s"),
    (&["minute", "minuten", "minutes", "mins", "min."], "min"),
    (&["stunde", "stunden", "std", "std.", "hr", "hrs"], "h"),
    (&["tag", "tage", "tagen"], "d"),
    (&["woche", "wochen"], "week"),
    (&["millisekunde", "millisekunden", "msec", "msek"], "ms"),
    (&["millibar"], "mbar"),
    (&["liter/h", "l/std", "lph"], "l/h"),
    (&["lpm", "l/minute"], "l/min"),
    (&["hektoliter", "hectoliter"], "hl"),
    (&["hl/std", "hlph"], "hl/h"),
    (&["cbm", "qm3", "kubikmeter"], "m³"),
    (&["cbm/h"], "m³/h"),
    (&["umdr/min", "umdrehungen/min", "upm", "u/min", "u/min.", "r/min"], "1/min"),
    (&["fl/std", "fl./h", "flaschen/std", "flaschen/stunde", "bottles/hour", "bottle/hour"], "bottles/h"),
    (&["fl/min.", "flaschen/minute"], "bottles/min"),
    (&["stueck", "stücke", "stk.", "st."], "Stk"),
    (&["stk/std", "stück/h", "stueck/h"], "Stk/h"),
    (&["mikrometer", "my", "um"], "µm"),
    (&["grad plato", "plato"], "°P"),
    (&["ampere"], "A"),
    (&["volt"], "V"),
    (&["watt"], "W"),
    (&["hertz"], "Hz"),
    (&["pascal"], "Pa"),
    (&["gramm", "gram"], "g"),
    (&["kilo", "kilogramm"], "kg"),
    (&["meter"], "m"),
];

/// All of them in small letters, the words before the listed units: every number of every rule is looked at.
static MEANT: LazyLock<BTreeMap<String, &'static str>> = LazyLock::new(|| {
    let listed = names().map(|name| (name.to_lowercase(), name));
    let words = WORDS.iter().flat_map(|(words, unit)| words.iter().map(|word| ((*word).to_owned(), *unit)));
    let mut meant = BTreeMap::new();
    for (word, unit) in words.chain(listed) {
        meant.entry(word).or_insert(unit);
    }
    meant
});

/// The listed unit that is meant by a word; none: nothing is like it.
#[must_use]
pub fn meant(text: &str) -> Option<&'static str> {
    MEANT.get(text.trim().to_lowercase().as_str()).copied()
}

/// The listed unit that is meant by a word beside another unit, into which it must convert.
#[must_use]
pub(crate) fn meant_beside(text: &str, unit: &Unit) -> Option<&'static str> {
    let fits = |name: &&str| Unit::read(name).fits(unit) && unit.measure != Measure::Unlisted;
    // `5 m` is five metres, but beside a time who writes it means minutes.
    let minutes = || Some("min").filter(|name| text == "m" && fits(name));
    meant(text).filter(fits).or_else(minutes).or_else(|| did_you_mean(text, names().filter(fits)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_listed_and_what_was_written_is_not_or_is_something_else() {
        for (words, unit) in WORDS {
            assert_ne!(Unit::read(unit).measure, Measure::Unlisted, "{unit}");
            for word in *words {
                assert_ne!(Unit::read(word), Unit::read(unit), "{word}");
                assert_eq!(word.to_lowercase(), **word, "{word}");
            }
        }
    }

    #[test]
    fn a_unit_is_suggested_only_where_it_converts() {
        let beside = |text: &str, unit: &str| meant_beside(text, &Unit::read(unit));
        assert_eq!(beside("C", "°C"), Some("°C"));
        assert_eq!(beside("m", "s"), Some("min"));
        assert_eq!(beside("Grad", "°F"), Some("°C"));
        assert_eq!(beside("Bar", "mbar"), Some("bar"));
        assert_eq!(beside("Minuten", "h"), Some("min"));
        assert_eq!(beside("Flaschen/Std", "bottles/min"), Some("bottles/h"));
        assert_eq!(beside("C", "bar"), None);
        assert_eq!(beside("foo", "foo"), None);
    }
}
