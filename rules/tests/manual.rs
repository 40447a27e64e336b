//! The manual keeps its word: everything in `README.md` that can be loaded is loaded.
//!
//! Here: its rules, the examples of its table of conditions, and what it says is not there yet. Not here: what the
//! rules lead to (`scenarios.rs`).
//! Invariant: an example that gives as much as a warning fails.
#![cfg(test)]

use rules::diagnose::Report;
use rules::inventory::{Inventory, Machine, Source, Tag};
use rules::ruleset::RuleSet;
use rules::value::Type;

const MANUAL: &str = include_str!("../README.md");

#[test]
fn every_rule_of_the_manual_is_in_force() {
    let blocks: Vec<&str> = MANUAL.split("```toml\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert!(blocks.len() >= 5, "{}", blocks.len());
    for block in blocks {
        let (set, said) = load(block);
        assert_eq!(said, [""; 0], "{block}");
        assert_eq!(set.rules, block.matches("\non ").count(), "{block}");
        assert!(set.plans.len() >= set.rules, "{block}");
    }
}

#[test]
fn every_condition_of_the_manual_is_understood() {
    let conditions = MANUAL.split("| you write |").nth(1).and_then(|t| t.split("\n\n").next()).unwrap();
    let rows = conditions.lines().skip(2);
    let examples: Vec<&str> = rows.filter_map(|row| row.trim_end_matches('|').rsplit("| ").next()).collect();
    assert!(examples.len() >= 11, "{examples:?}");
    for example in examples {
        let example = example.trim();
        let code = example.strip_prefix("`` ").and_then(|e| e.strip_suffix(" ``"));
        let code = code.unwrap_or_else(|| example.trim_matches('`'));
        let (set, said) = load(&format!("[rule.example]\non = 'washer-1'\nwhen = \"{code}\""));
        assert_eq!((set.rules, said), (1, Vec::new()), "{code}");
    }
}

fn load(text: &str) -> (RuleSet, Vec<String>) {
    let mut report = Report::default();
    let file = report.add_file("README.md", text);
    let set = RuleSet::load(&mut report, &[file], &line());
    (set, report.lines().collect())
}

/// The line of the examples: a filler and a bottle washer.
fn line() -> Inventory {
    let mut inventory = Inventory::default();
    let plc =
        Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: Some(30_000) };
    let source = inventory.add_source(plc);
    for class in ["filler", "washer"] {
        let name = format!("{class}-1");
        let (line, class) = (Some("L3".to_owned()), Some(class.to_owned()));
        let machine = inventory.add_machine(Machine {
            id: format!("id-{name}"),
            name,
            line,
            class,
            ..Machine::default()
        });
        for (name, kind, unit) in [
            ("water_temperature", Type::Float, Some("°C")),
            ("setpoint", Type::Float, Some("°C")),
            ("WS_Temp_Product", Type::Float, Some("°C")),
            ("WS_Press_Bottling", Type::Float, Some("bar")),
            ("pressure", Type::Float, Some("bar")),
            ("WS_Cur_State", Type::Int, None),
            ("pump_running", Type::Bool, None),
            ("recipe", Type::Text, None),
            ("Temp. Zone 3", Type::Float, None),
        ] {
            let unit = unit.map(str::to_owned);
            inventory
                .add_tag(Tag {
                    machine,
                    source,
                    name: name.into(),
                    kind,
                    unit,
                    range: None,
                    ..Tag::default()
                })
                .unwrap();
        }
    }
    inventory
}
