//! What the engine must bear.
//!
//! Here: what is done with spoilt bytes. Not here: how they are spoilt.
//! Invariant: whatever is taken is used as far as it goes: a file that loads is told of, a line that is read is written.

pub(super) mod corpus;
pub(super) mod inputs;
pub(super) mod mutate;

use rules::decode;
use rules::diagnose::Report;
use rules::ruleset::RuleSet;

/// Prints what is tried next, where that was asked for.
pub(super) fn show(what: &str) {
    if std::env::var_os("PLIMSOLL_FUZZ_SHOW").is_some() {
        println!("{what}");
    }
}

/// Bytes as a rule file, among others: read, checked, and every mistake told in every form.
pub(super) fn rule_files(bytes: &[u8]) {
    let decoded = decode::decode(bytes);
    let lossy = String::from_utf8_lossy(bytes).into_owned();
    let mut report = Report::default();
    let inventory = inputs::inventory();
    let name = if bytes.len().is_multiple_of(7) { "limits.csv" } else { "spoilt.toml" };
    let files = [
        decode::add(&mut report, name, decoded.as_ref().map_err(String::as_str)),
        report.add_file("lossy.toml", lossy),
    ];
    let set = RuleSet::load(&mut report, &files, &inventory);
    let told = report.render(false).len() + report.json().len() + report.lines().count();
    assert!(set.rules <= bytes.len() * 2 && told < 100_000_000, "{} rules, {told} bytes told", set.rules);
}

/// Bytes as what is sent and kept. What is read is written, and that is read again as the same.
pub(super) fn line(bytes: &[u8]) {
    if let Ok(datapoint) = serde_json::from_slice::<proto::Datapoint<'_>>(bytes) {
        let written = serde_json::to_vec(&datapoint).unwrap();
        let again: proto::Datapoint<'_> = serde_json::from_slice(&written).unwrap();
        assert_eq!(serde_json::to_vec(&again).unwrap(), written);
    }
    if let Ok(transition) = serde_json::from_slice::<proto::Transition>(bytes) {
        let written = serde_json::to_vec(&transition).unwrap();
        let again: proto::Transition = serde_json::from_slice(&written).unwrap();
        assert_eq!(again, transition);
    }
    drop(serde_json::from_slice::<proto::Event>(bytes));
    drop(proto::Record::read(bytes));
    drop(rules::stored::Stored::read(bytes));
    if let [_, rest @ ..] = bytes {
        drop(rules::stored::Stored::read(&[&[1], rest].concat()));
    }
}
