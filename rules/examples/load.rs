//! How long it takes to load many rules: `cargo run --release -p rules --example load`.
//!
//! Here: 10,000 rules on a machine each; 1,000 rules on 100 machines; 10,000 rules with a mistake each. Not here: how
//! fast they are judged.
//! Invariant: every rule is another one, as an editor would have written it.

#![expect(clippy::disallowed_methods, reason = "what is measured here is time")]

use std::fmt::Write as _;
use std::time::Instant;

use rules::diagnose::Report;
use rules::inventory::{Inventory, Machine, Source, Tag};
use rules::ruleset::RuleSet;
use rules::value::Type;

fn inventory(machines: usize) -> Inventory {
    let mut inventory = Inventory::default();
    for i in 0..machines {
        let source = Source {
            id: format!("plc-{i}"),
            idle_timeout: 30_000,
            max_out_of_orderness: 0,
            max_lag: Some(30_000),
        };
        let source = inventory.add_source(source);
        let name = format!("filler-{i}");
        let machine = Machine { id: format!("id-{name}"), name, ..Machine::default() };
        let machine = inventory.add_machine(machine);
        for j in 0..100 {
            let name = format!("tag_{j}");
            let tag = Tag { machine, source, name, kind: Type::Float, ..Tag::default() };
            inventory.add_tag(tag);
        }
    }
    inventory
}

fn files(rules: usize, machines: usize, on_all: bool, tag: &str) -> Vec<String> {
    let mut files = vec![String::new()];
    for i in 0..rules {
        if files.last().is_none_or(|text| text.len() > 900_000) {
            files.push(String::new());
        }
        let on = if on_all { "*".to_owned() } else { format!("filler-{}", i % machines) };
        let (limit, tag) = (i as f64 / 10.0, format!("{tag}_{}", i % 100));
        let rule = format!(
            "[rule.rule-{i}]\non = \"{on}\"\nwhen = \"{tag} > {limit:?} and tag_7 < 5\"\nfor = \"10 s\"\ntext = \"Too high: {{{tag}:.1}}\"\n\n"
        );
        if let Some(file) = files.last_mut() {
            // Writing into a String cannot fail.
            write!(file, "{rule}").ok();
        }
    }
    files
}

fn load(what: &str, inventory: &Inventory, texts: Vec<String>) {
    let started = Instant::now();
    let mut report = Report::default();
    let files: Vec<_> =
        texts.into_iter().enumerate().map(|(i, text)| report.add_file(format!("{i}.toml"), text)).collect();
    let set = RuleSet::load(&mut report, &files, inventory);
    let loaded = started.elapsed().as_secs_f64();
    let shown = report.render(false).len() + report.json().len();
    let all = started.elapsed().as_secs_f64();
    let (rules, instances, errors) = (set.rules, set.plans.len(), report.errors());
    println!(
        "{what}: {rules} rules, {instances} instances, {errors} errors ({shown} bytes): {loaded:.2} s, shown {all:.2} s"
    );
}

fn main() {
    let (one, many) = (inventory(100), inventory(1000));
    load("10,000 rules", &one, files(10_000, 100, false, "tag"));
    load("10,000 rules, 1,000 machines", &many, files(10_000, 1000, false, "tag"));
    load("100,000 instances", &one, files(1_000, 100, true, "tag"));
    load("10,000 mistakes", &many, files(10_000, 1000, false, "tga"));
}
