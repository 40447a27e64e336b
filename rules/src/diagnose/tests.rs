//! How mistakes look on a terminal, in a log and in JSON, and what is suggested.

use super::*;

fn report(text: &str, span: Range<usize>) -> Report {
    let mut report = Report::default();
    let file = report.add_file("rules/wäscher.toml", text);
    report.error("E001", (file, span), "unknown tag `presure`", "no such tag").help =
        Some("did you mean `pressure`?".into());
    report
}

#[test]
fn a_mistake_is_shown_in_its_line_with_its_help() {
    let text = "[rule.a]\nwhen = \"presure > 4\"\n";
    let shown = report(text, 17..24).render(false);
    assert_eq!(
        shown,
        "error[E001]: unknown tag `presure`\n --> rules/wäscher.toml:2:9\n  |\n2 | when = \"presure > 4\"\n  |         ^^^^^^^ no such tag\n  |\n  = help: did you mean `pressure`?"
    );
}

#[test]
fn columns_count_characters_behind_umlauts_and_crlf() {
    let text = "# Wäscher\r\nüü = presure\r\n";
    let at = text.find("presure").unwrap();
    let r = report(text, at..at + 7);
    let expected = "rules/wäscher.toml:2:6: unknown tag `presure` (no such tag; did you mean `pressure`?)";
    assert_eq!(r.lines().collect::<Vec<_>>(), [expected]);
    let place = r#""line":2,"column":6,"endLine":2,"endColumn":13,"code":"E001","severity":"error""#;
    assert!(r.json().contains(place), "{}", r.json());
    assert!(r.render(false).contains(":2:6\n") && r.render(false).contains("2 | üü = presure\n"));
}

#[test]
fn a_place_beyond_the_text_does_not_panic() {
    let r = report("a", 5..9);
    assert!(r.render(false).contains("unknown tag"));
    assert_eq!(r.lines().count(), 1);
}

#[test]
fn of_a_long_line_only_what_is_around_the_place_is_shown() {
    let text = format!("# first\nx = '{0}presure{0}'\n", "ü".repeat(2_000));
    let at = text.find("presure").unwrap();
    let shown = report(&text, at..at + 7).render(false);
    let around = "ü".repeat(30);
    assert!(shown.contains(":2:2006\n"), "{shown}");
    assert!(shown.contains(&format!("2 | …{around}presure{around}…\n")), "{shown}");
    let below = format!("{}^^^^^^^ no such tag", " ".repeat(31));
    assert!(shown.contains(&below), "{shown}");
}

#[test]
fn a_suggestion_is_made_only_for_what_is_alike() {
    let tags = ["pressure", "water_temperature", "pump_running"];
    assert_eq!(did_you_mean("presure", tags), Some("pressure"));
    assert_eq!(did_you_mean("Water_Temperatur", tags), Some("water_temperature"));
    assert_eq!(did_you_mean("speed", tags), None);
}
