//! Texts filled in, in German and in English, and what is said of brackets that are none of ours.

use super::shown::date;
use super::*;
use crate::names;
use crate::value::{Unknown, Value};

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
    let places: Vec<_> = template.places().map(|p| (p.machine.as_deref(), p.name.as_str(), p.at)).collect();
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
