//! Which machines rules are bound to, in which order, and which rules are in force.

use super::*;
use crate::inventory::{Machine, Source, Tag};
use crate::value::Type;

fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    let source = Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let source = inventory.add_source(source);
    for (name, class) in [("washer-1", "washer"), ("washer-2", "washer"), ("filler-1", "filler")] {
        let machine = Machine {
            name: name.into(),
            id: format!("id-{name}"),
            line: Some("L3".into()),
            class: Some(class.into()),
            ..Machine::default()
        };
        let machine = inventory.add_machine(machine);
        let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, ..Tag::default() };
        inventory.add_tag(tag).unwrap();
    }
    inventory
}

fn load(files: &[&str]) -> (RuleSet, Vec<String>) {
    let mut report = Report::default();
    let ids: Vec<FileId> =
        files.iter().enumerate().map(|(i, text)| report.add_file(format!("{i}.toml"), *text)).collect();
    let set = RuleSet::load(&mut report, &ids, &inventory());
    let lines = report.lines().collect();
    (set, lines)
}

fn keys(set: &RuleSet) -> Vec<String> {
    set.plans.iter().map(|p| p.key(&inventory())).collect()
}

#[test]
fn selectors_choose_by_name_line_and_class() {
    let of = |on: &str| keys(&load(&[&format!("[rule.r]\non = {on}\nwhen = 't > 1'")]).0);
    assert_eq!(of("'washer-*'"), ["r@id-washer-1", "r@id-washer-2"]);
    assert_eq!(of("'*-1'"), ["r@id-washer-1", "r@id-filler-1"]);
    assert_eq!(of("['filler-?']"), ["r@id-filler-1"]);
    assert_eq!(of("{ line = 'L3', class = ['filler'] }"), ["r@id-filler-1"]);
    assert_eq!(of("{ line = 'L4' }"), [""; 0]);
}

#[test]
fn plans_do_not_depend_on_the_order_of_files() {
    let (a, b) = ("[rule.a]\non = '*'\nwhen = 't > 1'", "[rule.b]\non = '*'\nwhen = 't > 2'");
    assert_eq!(keys(&load(&[a, b]).0), keys(&load(&[b, a]).0));
}

#[test]
fn a_rule_with_a_mistake_on_one_machine_is_in_force_on_none() {
    let (set, lines) =
        load(&["[rule.r]\non = '*'\nwhen = 't > 1 and tt > 2'\n[rule.ok]\non = '*'\nwhen = 't > 1'"]);
    assert_eq!((set.rules, set.plans.len()), (1, 3));
    assert_eq!(lines, ["0.toml:3:19: unknown tag `tt` (washer-1 has no such tag; did you mean `t`?)"]);
}

#[test]
fn a_rule_that_reads_nothing_would_never_speak() {
    let (set, lines) = load(&["[rule.r]\non = '*'\nwhen = 'true'"]);
    assert_eq!(set.plans.len(), 0);
    assert_eq!(lines, ["0.toml:1:7: rule `r` reads no tag (nothing here can change)"]);
    assert_eq!(load(&["[rule.r]\non = '*'\nwhen = 'true'\ntext = '{t}'"]).0.plans.len(), 3);
}

#[test]
fn a_name_defined_twice_belongs_to_neither() {
    let (set, lines) = load(&["[rule.r]\non = '*'\nwhen = 't > 1'", "[rule.r]\non = '*'\nwhen = 't > 2'"]);
    assert_eq!(set.rules, 0);
    assert!(lines[0].starts_with("1.toml:1:7: rule `r` is defined twice"), "{lines:?}");
}

#[test]
fn a_selector_without_machine_and_equal_weights_are_warnings() {
    let (set, lines) = load(&["[rule.r]\non = 'washr-*'\nwhen = 't > 1'"]);
    assert_eq!((set.rules, set.plans.len()), (1, 0));
    assert!(lines[0].contains("machines in agent.toml: filler-1, washer-1"), "{lines:?}");
    let state = |g: &str| format!("[rule.r.group.{g}]\nstate = [ {{ name = '{g}', when = 't > 1' }} ]\n");
    let (_, lines) = load(&[&format!("[rule.r]\non = '*'\n{}{}", state("a"), state("b"))]);
    assert!(lines[0].contains("on a tie `a` wins"), "{lines:?}");
}
