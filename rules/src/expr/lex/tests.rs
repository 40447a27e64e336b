//! Spellings, units behind numbers, durations, and what does not end.

use super::*;

fn kinds(text: &str) -> Vec<Kind> {
    let (tokens, mistakes) = tokens(text);
    assert_eq!(mistakes, [], "{text}");
    tokens.into_iter().map(|t| t.kind).collect()
}

fn units(text: &str) -> Vec<Option<String>> {
    let unit = |kind| match kind {
        Kind::Number(_, unit) => Some(unit),
        _ => None,
    };
    kinds(text).into_iter().filter_map(unit).collect()
}

#[test]
fn both_spellings_give_the_same_tokens() {
    assert_eq!(kinds("a = 1 AND NOT b <> 2 or c"), kinds("a == 1 && ! b != 2 || c"));
}

#[test]
fn a_unit_belongs_to_its_number_and_a_word_does_not() {
    let number = |f, unit: &str| Kind::Number(Number::Float(f), Some(unit.into()));
    assert_eq!(kinds("4.5 bar"), [number(4.5, "bar")]);
    assert_eq!(kinds("0.2 K/min"), [number(0.2, "K/min")]);
    assert_eq!(kinds("90 and x").len(), 3);
    assert_eq!(kinds("1e3")[0], Kind::Number(Number::Float(1000.0), None));
    let some = |unit: &str| Some(unit.to_owned());
    assert_eq!(
        units("1400 1/min and 12 m³/h or 3 m3/h xor 80%"),
        [some("1/min"), some("m³/h"), some("m3/h"), some("%")]
    );
    assert_eq!(units("5 kg/limit and 3 Fass/Zug"), [some("kg"), some("Fass")], "a tag is divided by");
    assert_eq!(units("6 bar/2"), [some("bar"), None]);
    assert_eq!(units("90 °C in [1, 2]"), [some("°C"), None, None]);
    assert_eq!(units("3 else 4"), [None, None]);
}

#[test]
fn durations_are_numbers_of_milliseconds_or_with_a_unit_of_time() {
    let millis = |n| [Kind::Number(Number::Int(n), Some("ms".into()))];
    assert_eq!(kinds("1h30m"), millis(5_400_000));
    assert_eq!(kinds("1 h 30 min"), millis(5_400_000));
    assert_eq!(kinds("T#5M"), millis(300_000));
    assert_eq!(kinds("t#1h_30m"), millis(5_400_000));
    assert_eq!(units("5 min"), [Some("min".into())]);
    assert_eq!(units("5 m"), [Some("m".into())]);
    assert_eq!(tokens("T#5X").1[0].span, 0..4);
}

#[test]
fn names_are_of_any_script_and_odd_ones_stand_in_backticks() {
    assert_eq!(kinds("Kessel_Füllstand.1"), [Kind::Name("Kessel_Füllstand.1".into())]);
    assert_eq!(kinds("`odd name`"), [Kind::Quoted("odd name".into())]);
    assert_eq!(kinds("'it''s'"), [Kind::Text("it's".into())]);
    assert_eq!(kinds("a..b").len(), 3);
    assert_eq!(kinds("72..87.5").len(), 3);
}

#[test]
fn a_comma_parts_values_in_lists_and_arguments_only() {
    assert_eq!(kinds("x in [1,2]").len(), 7);
    assert_eq!(kinds("round(x,1)").len(), 6);
    assert_eq!(tokens("max((p > 4,5), 1 min)").1[0].code, "R102");
}

#[test]
fn what_does_not_end_or_is_empty_shows_its_fix() {
    let fix = |text: &str| tokens(text).1[0].help.clone().unwrap();
    assert_eq!(fix("a = 'x"), "add `'`");
    assert_eq!(fix("``"), "write a name between the backticks");
}

#[test]
fn numbers_as_they_are_written_elsewhere_show_their_fix() {
    let fix = |text: &str| tokens(text).1.into_iter().filter_map(|m| m.help).collect::<Vec<_>>();
    for (text, expected) in [
        ("pressure > 4,5 bar", "write `4.5`"),
        ("n > 1.234,5", "write `1234.5`"),
        ("n > 1,234.5", "write `1234.5`"),
        ("n > 1.234.567", "write `1234567`"),
        ("t > 90 ° C", "write `90 °C`"),
        ("t > 90.5 Grad Celsius", "write `90.5 °C`"),
    ] {
        assert_eq!(fix(text), [expected], "{text}");
    }
    assert_eq!(fix("a > 4,5 and b > 1,5 or c := 3").len(), 3, "all in one run");
    assert_eq!(fix("a in 4.5..5.5 and b in [1,2] and c > 4 and round(d,1) > 1.5"), [""; 0]);
}
