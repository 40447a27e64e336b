//! The catalogue of rules: every rule is in force on the line of `catalogue/agent.toml`, its tests pass, and each of
//! its numbers matters to one of them. The examples of the manual (`examples/line`) pass theirs.
//!
//! Here: that, without the agent. Not here: the agent's own reading of that file (`tests/system/catalogue.rs`).
//! Invariant: a number that could be mistyped without a test noticing is a mistake of the catalogue.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "the engine opens no files, its tests read the catalogue")]

mod line;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::diagnose::Report;
use rules::inventory::Inventory;
use rules::ruleset::Checked;
use rules::trial::{Tally, run};

/// Keys whose numbers decide when a state is entered and left.
const DECISIVE: [&str; 5] = ["when", "clear", "for", "hold", "default"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn inventory(name: &str) -> Arc<Inventory> {
    Arc::new(line::read(&std::fs::read_to_string(folder(name).join("agent.toml")).unwrap()))
}

/// All rule files of a folder with their texts, by name.
fn files(name: &str) -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(folder(name).join("rules"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().display().to_string(), std::fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn tried(files: &[(String, String)], inventory: &Arc<Inventory>) -> (Tally, Vec<String>) {
    let mut report = Report::default();
    let ids: Vec<_> = files.iter().map(|(name, text)| report.add_file(name, text.as_str())).collect();
    let checked = Checked::of(&mut report, &ids, inventory);
    let tally = run(&mut report, inventory, checked.rules.values());
    (tally, report.lines().collect())
}

#[test]
fn every_rule_is_in_force_and_its_tests_pass() {
    for (folder, least, tests) in [("catalogue", 13, 26), ("examples/line", 4, 8)] {
        let files = files(folder);
        let (tally, said) = tried(&files, &inventory(folder));
        assert_eq!(said, [""; 0], "{}", said.join("\n"));
        assert_eq!((tally.rules, tally.untested, tally.failed), (files.len(), 0, 0));
        assert!(files.len() >= least && tally.tests >= tests, "{tally:?}");
    }
}

#[test]
fn every_rule_has_a_note_and_texts_in_both_languages() {
    for (name, text) in files("catalogue") {
        let mut report = Report::default();
        let file = report.add_file(&name, text);
        for rule in rules::file::rules(&mut report, file).rules {
            for texts in [&rule.note.cause, &rule.note.consequence, &rule.note.action] {
                assert!(texts.keys().eq(["de", "en"]), "{name}: {texts:?}");
            }
            assert!(rule.text.keys().eq(["de", "en"]), "{name}");
        }
    }
}

#[test]
fn the_readme_names_what_each_rule_needs() {
    let readme = std::fs::read_to_string(folder("catalogue").join("README.md")).unwrap();
    let inventory = inventory("catalogue");
    let files = files("catalogue");
    assert_eq!(readme.matches("](rules/").count(), files.len(), "one line for each rule");
    for (name, text) in files {
        let mut report = Report::default();
        let id = report.add_file(&name, text.as_str());
        let checked = Checked::of(&mut report, &[id], &inventory);
        let (rule, bound) = checked.rules.first_key_value().unwrap();
        let begin = format!("| [{rule}](rules/{name}) |");
        let line = readme.lines().find(|line| line.starts_with(&begin)).unwrap_or_else(|| panic!("{begin}"));
        let cells: Vec<&str> = line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect();
        let mut tags: Vec<String> = bound
            .plans
            .iter()
            .flat_map(|p| &p.slots)
            .map(|s| format!("`{}`", inventory.tag(*s).name))
            .collect();
        tags.sort();
        tags.dedup();
        let mut told: Vec<&str> = cells[3].split(", ").collect();
        told.sort_unstable();
        assert_eq!(told, tags, "{rule}");
        assert_eq!(cells[2], bound.rule.on.classes.join(", "), "{rule}");
        let mut params: Vec<String> =
            bound.rule.params.iter().map(|(name, param)| param_told(name, param)).collect();
        let mut told: Vec<&str> = cells[4].split(", ").collect();
        params.sort();
        told.sort_unstable();
        assert_eq!(told, params, "{rule}");
        assert!(!params.is_empty(), "{rule} has nothing that can be set");
    }
}

fn param_told(name: &str, param: &rules::file::Param) -> String {
    use rules::value::Value;
    let default = param.default.as_ref().unwrap();
    let value = match &default.value {
        Value::Float(number) => format!("{number:?}"),
        Value::Int(number) => number.to_string(),
        Value::Bool(given) => given.to_string(),
        Value::Text(text) => text.to_string(),
    };
    let unit = default.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    format!("`{name}` {value}{unit}")
}

#[test]
fn each_number_of_a_rule_matters_to_one_of_its_tests() {
    let inventory = inventory("catalogue");
    let mut survivors = Vec::new();
    for (name, text) in files("catalogue") {
        for place in numbers(&text) {
            let mut other = text.clone();
            let number = &text[place.clone()];
            other.replace_range(place.clone(), &changed(number));
            if tried(&[(name.clone(), other)], &inventory).1.is_empty() {
                let line = text[..place.start].matches('\n').count() + 1;
                survivors.push(format!("{name}:{line}: {number}"));
            }
        }
    }
    assert_eq!(survivors, [""; 0], "{}", survivors.join("\n"));
}

/// Half as much again.
fn changed(number: &str) -> String {
    match number.parse::<i64>() {
        Ok(whole) => (whole + whole / 2 + 1).to_string(),
        Err(_) => format!("{:.2}", number.parse::<f64>().unwrap() * 1.5),
    }
}

/// Where the numbers of decisive keys stand, those of tests and notes not among them.
fn numbers(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut is_rule) = (0, true);
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            is_rule = !line.contains(".test]") && !line.contains(".note]");
        }
        if is_rule && !line.starts_with('#') {
            found.extend(
                values(line)
                    .into_iter()
                    .flat_map(|value| digits(line, value))
                    .map(|r| at + r.start..at + r.end),
            );
        }
        at += line.len();
    }
    found
}

/// The values of decisive keys in a line.
fn values(line: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    for key in DECISIVE {
        for (at, _) in line.match_indices(key) {
            let alone = line[..at].chars().last().is_none_or(|c| " {".contains(c));
            let Some(value) = line[at + key.len()..].trim_start().strip_prefix('=').filter(|_| alone) else {
                continue;
            };
            let start = line.len() - value.trim_start().len();
            let end = match line[start..].strip_prefix('"') {
                Some(text) => start + 1 + text.find('"').unwrap(),
                None => start + line[start..].find([',', ' ', '}', '\n']).unwrap(),
            };
            found.push(start..end);
        }
    }
    found
}

/// The numbers in a part of a line, names with digits in them not among them.
fn digits(line: &str, part: std::ops::Range<usize>) -> Vec<std::ops::Range<usize>> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let (mut found, mut at) = (Vec::new(), part.start);
    while let Some(next) = line[at..part.end].find(|c: char| c.is_ascii_digit()) {
        let start = at + next;
        let rest = &line[start..part.end];
        // `1 .. 3` are two numbers.
        let end = start + rest.find(|c: char| !is_number(c)).unwrap_or(rest.len());
        let in_a_name = line[..start].chars().last().is_some_and(|c| c.is_alphanumeric() || c == '_');
        if !in_a_name {
            found.push(start..end);
        }
        at = end;
    }
    found
}
