//! The schema for editors, against the reader that it describes.
#![cfg(test)]

use rules::diagnose::Report;
use rules::file::rules;
use serde_json::Value;

fn schema() -> Value {
    serde_json::from_str(&rules::schema::schema()).unwrap()
}

fn keys(table: &Value) -> Vec<String> {
    let mut keys: Vec<String> = table["properties"].as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

/// The keys that the reader names where a table has one that it does not know.
fn known(text: &str) -> Vec<String> {
    let mut report = Report::default();
    let file = report.add_file("r.toml", text);
    rules(&mut report, file);
    let help =
        report.diagnostics().iter().find(|d| d.message.contains("`qqqqqq`")).and_then(|d| d.help.clone());
    let help = help.unwrap_or_else(|| panic!("{text}: {}", report.render(false)));
    let mut keys: Vec<String> =
        help.trim_start_matches("known here: ").split(", ").map(str::to_owned).collect();
    keys.sort();
    keys
}

#[test]
fn the_schema_has_the_keys_that_the_reader_takes() {
    let schema = schema();
    let of = |name: &str| schema["$defs"][name].clone();
    let inside = |name: &str| of(name)["anyOf"].as_array().unwrap().last().unwrap().clone();
    let rule = |keys: &str| format!("[rule.r]\non = 'x'\nwhen = 't > 1'\n{keys}");
    let groups = |group: &str| format!("[rule.r]\non = 'x'\n[rule.r.group.g]\n{group}");
    assert_eq!(keys(&of("rule")), known(&rule("qqqqqq = 1")));
    assert_eq!(keys(&of("group")), known(&groups("qqqqqq = 1\nstate = [ { name = 'A', when = 't > 1' } ]")));
    assert_eq!(keys(&of("state")), known(&groups("state = [ { qqqqqq = 1, name = 'A', when = 't > 1' } ]")));
    assert_eq!(keys(&of("action")), known(&rule("[[rule.r.action]]\nnotify = 'x'\nqqqqqq = 1")));
    assert_eq!(keys(&of("note")), known(&rule("note.qqqqqq = 1")));
    assert_eq!(keys(&inside("param")), known(&rule("param.a.qqqqqq = 1")));
    assert_eq!(keys(&inside("unknown")), known(&rule("unknown.qqqqqq = 1")));
    assert_eq!(keys(&inside("weighed")), known(&rule("default = { name = 'N', qqqqqq = 1 }")));
    assert_eq!(keys(&inside("on")), known("[rule.r]\nwhen = 't > 1'\non.qqqqqq = 1"));
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let text = rules::schema::schema();
    let schema = schema();
    let references: Vec<&str> =
        text.split("\"#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(references.len() > 40);
    assert!(references.iter().all(|name| schema["$defs"][name].is_object()), "{references:?}");
}
