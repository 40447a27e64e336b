//! Tests of the tests: what passes, what fails and how it is said, what is refused.

use std::sync::Arc;

use crate::diagnose::Report;
use crate::file::Test;
use crate::inventory::{Inventory, Machine, Source, Tag};
use crate::ruleset::Checked;
use crate::value::Type;

use super::{Tally, run};

const LOW: &str = "[rule.low]\non = 'filler-*'\nwhen = 'pressure < 2.0'\nfor = '15 s'\n";

fn inventory() -> Arc<Inventory> {
    let mut inventory = Inventory::default();
    let source = Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let source = inventory.add_source(source);
    for name in ["filler-1", "filler-2"] {
        let machine = Machine { name: name.into(), id: name.into(), ..Machine::default() };
        let machine = inventory.add_machine(machine);
        let tag = Tag { machine, source, name: "pressure".into(), kind: Type::Float, ..Tag::default() };
        inventory.add_tag(tag).unwrap();
    }
    Arc::new(inventory)
}

/// Runs one test of the rule `low`.
fn tried(test: &str) -> (Tally, Vec<String>) {
    let inventory = inventory();
    let mut report = Report::default();
    let file = report.add_file("r.toml", format!("{LOW}[[rule.low.test]]\n{test}"));
    let checked = Checked::of(&mut report, &[file], &inventory);
    let tally = run(&mut report, &inventory, checked.rules.values());
    (tally, report.lines().collect())
}

fn passes(test: &str) {
    let (tally, lines) = tried(test);
    assert_eq!((tally.tests, tally.failed), (1, 0), "{lines:#?}");
}

#[test]
fn a_test_that_holds_says_nothing() {
    passes(
        "given = [ { at = '0 s', pressure = 4.0 }, { at = '10 s', pressure = 1.8 }, { at = '20 s', pressure = 4.0 }, { at = '60 s', pressure = 1.8 } ]
expect = [ { at = '0 s', state = 'Normal' }, { at = '74999 ms', state = 'Normal' }, { at = '75 s', state = 'Active', severity = 'warning' } ]",
    );
}

#[test]
fn a_value_holds_between_the_given_ones_while_the_sources_live() {
    passes("given = [ { at = '0 s', pressure = 4.0 } ]\nexpect = [ { at = '2 h', state = 'Normal' } ]");
    passes(
        "given = [ { at = '0 s', pressure = 4.0 }, { at = '10 s', silent = true } ]\nexpect = [ { at = '99 s', state = 'Normal' }, { at = '100 s', state = 'Unknown' } ]",
    );
}

#[test]
fn another_state_is_shown_with_what_it_was_and_how_it_went() {
    let (tally, lines) = tried(
        "name = 'late'\ngiven = [ { at = '0 s', pressure = 1.0 } ]\nexpect = [ { at = '10 s', state = 'Active' }, { at = '15 s', state = 'Active' } ]",
    );
    assert_eq!(tally.failed, 1);
    assert_eq!(
        lines,
        [
            "r.toml:8:12: test `late` of `low`: at 10 s the state is `Normal` (`Active` is expected; it went: 0 s Normal, 15 s Active)"
        ]
    );
}

#[test]
fn a_state_that_nobody_expected_fails_the_test() {
    let (tally, lines) = tried(
        "given = [ { at = '0 s', pressure = 4.0 }, { at = '5 s', pressure = 1.0 } ]\nexpect = [ { at = '30 s', state = 'Active' } ]",
    );
    assert_eq!(tally.failed, 1);
    assert!(
        lines[0].contains("at 20 s the rule goes to `Active`, which the test does not expect"),
        "{lines:?}"
    );
}

#[test]
fn bad_quality_and_a_restart_can_be_given() {
    passes(
        "given = [ { at = '0 s', pressure = 1.0 }, { at = '5 s', pressure = 'Bad' }, { at = '25 s', pressure = { value = 1.0, quality = 'Uncertain' } } ]
expect = [ { at = '35 s', state = 'Active' } ]",
    );
    passes(
        "given = [ { at = '0 s', pressure = 4.0 }, { at = '10 s', pressure = 1.0 }, { at = '20 s', restart = '30 s' } ]
expect = [ { at = '0 s', state = 'Normal' }, { at = '55 s', state = 'Active' } ]",
    );
}

#[test]
fn a_test_may_name_its_machine() {
    passes(
        "machine = 'filler-2'\ngiven = [ { at = '0 s', pressure = 4.0 } ]\nexpect = [ { at = '1 s', state = 'Normal' } ]",
    );
    let (_, lines) = tried("machine = 'filler-3'\ngiven = []\nexpect = []");
    assert!(lines[0].contains("the rule is not for a machine `filler-3`"), "{lines:?}");
}

#[test]
fn mistakes_in_a_test_are_shown_at_their_place() {
    let said = |given: &str, expect: &str| {
        let (tally, lines) = tried(&format!("given = [ {given} ]\nexpect = [ {expect} ]"));
        assert_eq!(tally.failed, 1);
        lines.join("\n")
    };
    let right = "{ at = '1 s', state = 'Normal' }";
    assert!(said("{ at = '0 s', presure = 4 }", right).contains("6:25: unknown tag `presure`"));
    assert!(said("{ at = '0 s', pressure = true }", right).contains("`pressure` is of type Float"));
    assert!(said("{ pressure = 4 }", right).contains("`at` is missing"));
    assert!(said("{ at = '5 m', pressure = 4 }", right).contains("write at = \"5 min\""));
    assert!(
        said("{ at = '0 s', pressure = 4 }", "{ at = '1 s', stat = 'x' }").contains("did you mean `state`?")
    );
    assert!(
        said("{ at = '9 s', pressure = 4 }, { at = '1 s', pressure = 4 }", right).contains("order of time")
    );
    assert!(said("", right).contains("a test needs `given` and `expect`"));
}

#[test]
fn rules_without_a_test_are_counted() {
    let inventory = inventory();
    let mut report = Report::default();
    let file = report.add_file("r.toml", LOW);
    let checked = Checked::of(&mut report, &[file], &inventory);
    let tally = run(&mut report, &inventory, checked.rules.values());
    assert_eq!(tally, Tally { rules: 0, tests: 0, failed: 0, untested: 1 });
    let _: &[Test] = &checked.rules["low"].rule.tests;
}
