//! Units against numbers that are known: conversions, differences, products and quotients.

use super::*;

fn convert(value: f64, from: &str, to: &str) -> f64 {
    let (from, to) = (Unit::read(from), Unit::read(to));
    assert!(from.fits(&to), "{from:?} {to:?}");
    from.scale_to(&to, 1.0).apply(value)
}

#[test]
fn conversions_are_exact_where_the_numbers_are() {
    assert_eq!(convert(4200.0, "mbar", "bar"), 4.2);
    assert_eq!(convert(4.2, "bar", "mbar"), 4200.0);
    assert_eq!(convert(600.0, "kPa", "bar"), 6.0);
    assert_eq!(convert(0.6, "MPa", "bar"), 6.0);
    assert_eq!(convert(12.0, "m³/h", "l/h"), 12_000.0);
    assert_eq!(convert(120.0, "hl/h", "m3/h"), 12.0);
    assert_eq!(convert(30_000.0, "bottles/h", "Fl/min"), 500.0);
    assert_eq!(convert(1_400.0, "1/min", "rpm"), 1_400.0);
    assert_eq!(convert(1_400.0, "min⁻¹", "U/min"), 1_400.0);
    assert_eq!(convert(36.0, "km/h", "m/s"), 10.0);
    assert_eq!(convert(1.0, "kWh", "MJ"), 3.6);
    assert_eq!(convert(95.0, "%", "1"), 0.95);
    assert_eq!(convert(1.5, "h", "min"), 90.0);
    assert_eq!(convert(0.2, "K/min", "°C/h"), 12.0);
    assert_eq!(convert(1.0, "kWh/hl", "Wh/l"), 10.0);
    assert_eq!(convert(1.0, "mS/cm", "µS/cm"), 1_000.0);
    assert_eq!(convert(10.0, "inch", "mm"), 254.0);
    assert!((convert(100.0, "psi", "bar") - 6.894_757_293).abs() < 1e-9);
}

#[test]
fn temperatures_have_offsets_and_their_differences_have_none() {
    assert_eq!(convert(90.0, "°C", "°F"), 194.0);
    assert_eq!(convert(194.0, "°F", "°C"), 90.0);
    assert_eq!(convert(20.0, "°C", "K"), 293.15);
    let difference = |value, from, to| Unit::read(from).scale_to(&Unit::read(to), 0.0).apply(value);
    assert_eq!(difference(9.0, "°F", "°C"), 5.0);
    assert_eq!(difference(6.0, "K", "°C"), 6.0);
    assert_eq!(Unit::read("°C").difference().text, "K");
}

#[test]
fn what_measures_something_else_does_not_fit() {
    let fits = |a: &str, b: &str| Unit::read(a).fits(&Unit::read(b));
    for (a, b) in [
        ("bar", "°C"),
        ("Hz", "rpm"),
        ("bottles/h", "cans/h"),
        ("W", "VA"),
        ("bar", "barg"),
        ("m", "min"),
        ("%", "bar"),
        ("foo", "bar"),
        ("foo", "Foo"),
    ] {
        assert!(!fits(a, b), "{a} {b}");
    }
    assert!(fits("foo", "foo") && fits("mbarg", "psig") && fits("Nm", "Nm"));
    for listed in names() {
        assert_ne!(Unit::read(listed).measure, Measure::Unlisted, "{listed}");
    }
    for unlisted in ["foo", "", "bar/", "/h", "xbar", "kmin", "bar//h"] {
        assert_eq!(Unit::read(unlisted).measure, Measure::Unlisted, "{unlisted}");
    }
}

#[test]
fn products_and_quotients_are_units_again() {
    let of = |a: &str, b: &str, power| Unit::read(a).times(&Unit::read(b), power).unwrap();
    assert!(of("m³/h", "h", 1).fits(&Unit::read("l")));
    assert!(of("K", "min", -1).fits(&Unit::read("K/min")));
    assert!(of("bar", "mbar", -1).is_pure());
    assert!(of("K/min", "h", 1).is_temperature());
    assert_eq!(of("bar", "s", -1).text, "bar/s");
    assert!(Unit::read("foo").times(&Unit::read("s"), -1).is_none());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,20}") {
        let unit = Unit::read(&text);
        proptest::prop_assert!(unit.fits(&unit));
    }
}
