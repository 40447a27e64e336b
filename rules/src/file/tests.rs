//! Rules read from files: what they are with their defaults, and what is said of mistakes.

use super::*;
use crate::diagnose::Report;

fn read(text: &str) -> (Vec<Rule>, Vec<String>) {
    let mut report = Report::default();
    let file = report.add_file("r.toml", text);
    let rules = rules(&mut report, file).rules;
    let lines = report.lines().collect();
    (rules, lines)
}

fn mistakes(text: &str) -> Vec<String> {
    let (rules, lines) = read(text);
    assert!(rules.is_empty() && !lines.is_empty(), "{rules:?} {lines:?}");
    lines
}

const WASHER: &str = r#"
[rule.caustic]
on = { class = "washer", line = ["L3", "L4"] }
default = "Idle"
text.en = "Water {t:.1}"
text.de = "Wasser {t:.1}"
[rule.caustic.group.z-temperature]
weight = 20
unknown = { after = "10 s", name = "SensorFault", weight = 15 }
otherwise = "Fine"
state = [
  { name = "Overheated", when = "t > 90", for = "5 min", weight = 30, severity = "alarm" },
  { name = "TooCold", when = "t < 70" },
]
[rule.caustic.group.a-pressure]
unknown = "as-false"
state = [ { name = "High", when = "p > 4.5" } ]
"#;

#[test]
fn a_rule_with_groups_is_read_with_its_defaults() {
    let (rules, lines) = read(WASHER);
    assert!(lines.is_empty(), "{lines:?}");
    let [temperature, pressure] = &rules[0].groups[..] else { panic!("{rules:?}") };
    assert_eq!(temperature.name.as_deref(), Some("z-temperature"), "the order of the file counts");
    let weights = |g: &Group| g.states.iter().map(|s| s.named.weight).collect::<Vec<_>>();
    assert_eq!((weights(temperature), weights(pressure)), (vec![30, 20], vec![10]));
    assert_eq!(temperature.states[0].delay, 300_000);
    assert_eq!(temperature.states[1].named.severity, Severity::Warning);
    assert_eq!(temperature.unknown.after(), 10_000);
    assert_eq!(pressure.unknown, OnUnknown::AsFalse);
    assert_eq!(rules[0].on.lines, ["L3", "L4"]);
}

#[test]
fn a_rule_without_groups_is_active_or_normal() {
    let (rules, _) = read("[rule.hot]\non = 'filler-*'\nwhen = 't > 90'\nfor = '10 s'");
    let group = &rules[0].groups[0];
    assert_eq!((group.name.as_ref(), group.states[0].named.name.as_str()), (None, "Active"));
    assert_eq!(group.otherwise.as_ref().unwrap().name, "Normal");
}

#[test]
fn the_hash_is_that_of_the_meaning_not_of_the_writing() {
    let hash = |text: &str| read(text).0[0].hash.clone();
    let written = "[rule.hot]\non = 'a'\nwhen = 't > 90 and p < 1'";
    assert_eq!(hash(written), hash("# why\n[rule.hot]\nwhen = \"t>90 && p<1\"\non = \"a\"\n"));
    assert_ne!(hash(written), hash("[rule.hot]\non = 'a'\nwhen = 't > 91 and p < 1'"));
    assert_ne!(hash(written), hash("[rule.hot]\non = 'a'\nwhen = 't > 90 and p < 1'\nfor = '1 s'"));
}

#[test]
fn all_mistakes_of_a_file_come_in_one_run() {
    let lines = mistakes(
        "[rule.a]\nwhen = 't > 4,5'\non = 'x'\nseverety = 'alarm'\n[rule.b]\nwhen = 't >'\n[rule.c]\non = 'x'\nwhen = 't > 1'\nlate = 'drop'",
    );
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(lines[0].starts_with("r.toml:2:13: a number has a decimal point, not a comma"), "{}", lines[0]);
    assert!(lines[1].contains("did you mean `severity`?"), "{}", lines[1]);
    assert!(lines[2].contains("has no `on`"), "{}", lines[2]);
    assert!(lines[3].starts_with("r.toml:6:12: the condition ends too early"), "{}", lines[3]);
    assert!(lines[4].contains("`late` does not belong to [rule.c]"), "{}", lines[4]);
}

#[test]
fn names_weights_and_severities_are_checked() {
    let state = |body: &str| {
        format!("[rule.r]\non = 'x'\n[rule.r.group.g]\nstate = [ {{ when = 't > 1', {body} }} ]")
    };
    assert!(mistakes(&state("name = 'Unknown'"))[0].contains("the engine gives itself"));
    assert!(mistakes(&state("name = 'A', weight = 1001"))[0].contains("between 0 and 1000"));
    assert!(
        mistakes(&state("name = 'A', severity = 'high'"))[0].contains("info, warning, alarm or critical")
    );
    assert!(mistakes(&state("weight = 1"))[0].contains("has no `name`"));
    let unknown = "[rule.r]\non = 'x'\nwhen = 't > 1'\nunknown = { weight = 15 }";
    assert!(mistakes(unknown)[0].contains("needs the `name`"));
    assert!(mistakes("[rule.'../x']\non = 'x'\nwhen = 't > 1'")[0].contains("letters, digits"));
    assert!(
        mistakes("[rule.r]\non = 'x'\nwhen = 't > 1'\n[rule.r.group.g]\nstate = []")[0].contains("either")
    );
    assert!(mistakes("[rules.r]\non = 'x'")[0].contains("did you mean `rule`?"));
}

#[test]
fn a_file_that_is_not_toml_gives_no_rules() {
    assert!(mistakes("[rule.a]\non = 'x'\nwhen = 't > 1'\n[rule.b\n")[0].contains("is not closed"));
}
