//! The manual keeps its word: every example in `README.md` runs, and nothing that there is is left out.
//!
//! A block marked `toml` is a rule file: it is loaded, and its tests run; a block marked `csv` behind it holds limits
//! for it. A row of the table of conditions is run with the values that it gives. Blocks marked `toml agent.toml`,
//! `console` and `text` are the only ones that are not rules.
//!
//! Here: that. Not here: what the rules lead to in every corner (`scenarios.rs`).
//! Invariant: an example that gives as much as a warning fails, and so does one that tests nothing.
#![cfg(test)]
#![expect(
    clippy::disallowed_methods,
    reason = "the engine opens no files, its tests read the line of the examples"
)]

mod line;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use rules::codes::CODES;
use rules::diagnose::Report;
use rules::inventory::Inventory;
use rules::names;
use rules::ruleset::Checked;
use rules::trial::{Tally, run};
use serde_json::Value;

const MANUAL: &str = include_str!("../README.md");
const SHORT: &str = include_str!("../README.de.md");
/// Marks of blocks that are no rules.
const OTHERS: [&str; 3] = ["toml agent.toml", "console", "text"];

fn line_of_examples() -> Arc<Inventory> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/line/agent.toml");
    Arc::new(line::read(&std::fs::read_to_string(file).unwrap()))
}

/// Blocks with their marks, in order.
fn blocks(text: &str) -> Vec<(&str, &str)> {
    let inside = text.split("```").skip(1).step_by(2);
    inside.map(|block| block.split_once('\n').unwrap_or((block, ""))).collect()
}

fn tried(files: &[(&str, &str)], line: &Arc<Inventory>) -> (Tally, Vec<String>) {
    let mut report = Report::default();
    let ids: Vec<_> = files.iter().map(|(name, text)| report.add_file(*name, *text)).collect();
    let checked = Checked::of(&mut report, &ids, line);
    let tally = run(&mut report, line, checked.rules.values());
    (tally, report.lines().collect())
}

fn every_block_runs(text: &str, least: usize) {
    let line = line_of_examples();
    let blocks = blocks(text);
    let mut rules = 0;
    for (i, (mark, block)) in blocks.iter().enumerate() {
        let mut files = vec![("example.toml", *block)];
        match *mark {
            "toml" => {}
            "csv" => {
                assert!(i > 0 && blocks[i - 1].0 == "toml", "limits without rules:\n{block}");
                continue;
            }
            other if OTHERS.contains(&other) => continue,
            other => panic!("a block marked `{other}` is not run:\n{block}"),
        }
        if let Some(("csv", limits)) = blocks.get(i + 1) {
            files.push(("limits.csv", limits));
        }
        let (tally, said) = tried(&files, &line);
        assert_eq!(said, [""; 0], "{block}\n{}", said.join("\n"));
        assert!(tally.tests > 0 && tally.untested == 0, "an example that tests nothing:\n{block}");
        rules += tally.rules;
    }
    assert!(rules >= least, "{rules}");
}

#[test]
fn every_rule_of_the_manual_is_in_force_and_its_tests_pass() {
    every_block_runs(MANUAL, 12);
    every_block_runs(SHORT, 1);
}

/// The rows of the tables whose last column is `then`.
fn rows() -> Vec<Vec<&'static str>> {
    let tables = MANUAL.split("| values | then |\n").skip(1).filter_map(|t| t.split("\n\n").next());
    tables
        .flat_map(|table| table.lines().skip(1))
        .map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

fn code(cell: &str) -> &str {
    cell.strip_prefix("`` ").and_then(|c| c.strip_suffix(" ``")).unwrap_or_else(|| cell.trim_matches('`'))
}

/// A rule and its test, made of a row: `0 s: pressure = 4.0; 10 s: pressure = 5.0`, `true at 10 s`.
fn rule_of(row: &[&str]) -> String {
    let [.., condition, values, then] = row else { panic!("{row:?}") };
    let step = |step: &str| {
        let (at, values) = step.split_once(": ").unwrap_or_else(|| panic!("{row:?}"));
        format!("{{ at = \"{at}\", {} }}", code(values))
    };
    let given: Vec<String> = values.split("; ").map(step).collect();
    let state = |told: &str| {
        let (what, at) = told.split_once(" at ").unwrap_or_else(|| panic!("{row:?}"));
        let state = match what {
            "true" => "Active",
            "false" => "Normal",
            "Unknown" => "Unknown",
            other => panic!("{other}"),
        };
        format!("{{ at = \"{at}\", state = \"{state}\" }}")
    };
    let expect: Vec<String> = then.split(", ").map(state).collect();
    let head =
        format!("[rule.example]\non = 'washer-1'\nwhen = \"{}\"\n[[rule.example.test]]", code(condition));
    format!("{head}\ngiven = [{}]\nexpect = [{}]\n", given.join(", "), expect.join(", "))
}

#[test]
fn every_condition_of_the_manual_does_what_it_says() {
    let line = line_of_examples();
    let mut wrong = Vec::new();
    for row in rows() {
        let rule = rule_of(&row);
        let said = tried(&[("row", &rule)], &line).1;
        if !said.is_empty() {
            wrong.push(format!("{rule}{}", said.join("\n")));
        }
    }
    assert!(rows().len() >= 35);
    assert_eq!(wrong, [""; 0], "{}", wrong.join("\n\n"));
}

#[test]
fn every_function_has_an_example_that_is_run() {
    let rows = rows();
    for name in rules::expr::function_names() {
        let call = format!("{name}(");
        assert!(rows.iter().any(|row| row[row.len() - 3].contains(&call)), "no example of {name}");
    }
}

#[test]
fn every_key_that_is_read_is_explained_and_has_an_example_that_is_run() {
    let schema: Value = serde_json::from_str(&rules::schema::schema()).unwrap();
    let mut keys = BTreeSet::new();
    keys_of(&schema["$defs"], &mut keys);
    assert!(keys.len() >= 35, "{keys:?}");
    let examples = blocks(MANUAL).into_iter().filter(|(mark, _)| *mark == "toml").map(|(_, block)| block);
    let examples: Vec<&str> =
        examples.flat_map(|block| block.split([' ', '[', ']', '.', '{', ',', '\n'])).collect();
    for key in keys.iter().chain(&["at", "state", "silent", "restart", "quality", "value"].map(String::from))
    {
        assert!(MANUAL.contains(&format!("| `{key}` |")), "no row for the key {key}");
        assert!(examples.contains(&key.as_str()), "no example of the key {key}");
    }
}

fn keys_of(node: &Value, keys: &mut BTreeSet<String>) {
    match node {
        Value::Object(map) => {
            let own = map.get("properties").and_then(Value::as_object);
            keys.extend(own.into_iter().flat_map(|own| own.keys().cloned()));
            map.values().for_each(|value| keys_of(value, keys));
        }
        Value::Array(list) => list.iter().for_each(|value| keys_of(value, keys)),
        _ => {}
    }
}

#[test]
fn every_code_unit_and_name_is_listed() {
    for (code, about) in CODES {
        assert!(MANUAL.contains(&format!("| {code} | {about} |")), "no row: | {code} | {about} |");
    }
    for unit in rules::units::names() {
        assert!(MANUAL.contains(&format!("`{unit}`")), "no unit {unit}");
    }
    for table in names::tables() {
        assert!(MANUAL.contains(&format!("`{table}`")), "no table {table}");
        for (name, code) in &names::table(table).unwrap().entries {
            assert!(MANUAL.contains(&format!("{name} {code}")), "{table} has no {name} {code}");
        }
    }
}
