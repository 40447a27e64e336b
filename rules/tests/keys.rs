//! Every key of a rule file, read as it is written.

use rules::diagnose::Report;
use rules::file::{OnUnknown, Rule, StaleAfter, rules};
use rules::inventory::{Inventory, Machine, Source, Tag};
use rules::ruleset::RuleSet;
use rules::value::{Type, Value};

fn read(text: &str) -> (Vec<Rule>, Vec<String>) {
    let mut report = Report::default();
    let file = report.add_file("r.toml", text);
    let found = rules(&mut report, file).rules;
    let lines = report.lines().collect();
    (found, lines)
}

fn one(text: &str) -> Rule {
    let (mut rules, lines) = read(text);
    assert!(lines.is_empty() && rules.len() == 1, "{lines:#?}");
    rules.remove(0)
}

/// What is said about a rule with these keys beside `on` and `when`.
fn said(keys: &str) -> String {
    read(&format!("[rule.r]\non = 'x'\nwhen = 't > 1'\n{keys}")).1.join("\n")
}

const ALL: &str = r#"
[rule.bowl]
on = "filler-*"
active_if = "running"
suppress_if = "cleaning"
default = "Idle"
stale_after = "10 s"
coverage = "75 %"
renamed_from = "bowl-pressure"
deadband = { p = "0.2 bar", q = 5 }
define.low = "p < limit"
param.limit = { default = 2.0, unit = "bar" }
text.de = "Druck {p:.2}"
[rule.bowl.group.pressure]
deadband = { p = "0.1 bar" }
state = [
  { name = "Low", when = "p < 2", clear = "p > 3", for = "15 s", hold = "30 s" },
  { name = "Failed", when = "q > 2", latch = true },
]
[[rule.bowl.action]]
to = ["Low", "Failed"]
notify = "shift-lead"
repeat = "30 min"
[[rule.bowl.action]]
notify = "maintenance"
[[rule.bowl.test]]
given = [ { at = "0 s", p = 4.0 } ]
expect = [ { at = "0 s", state = "Idle" } ]
"#;

#[test]
fn every_key_is_read() {
    let rule = one(ALL);
    assert!(rule.active_if.is_some() && rule.suppress_if.is_some());
    assert_eq!((rule.default.as_str(), rule.stale_after), ("Idle", StaleAfter::After(10_000)));
    assert!((rule.coverage - 0.75).abs() < 1e-12);
    assert_eq!(rule.renamed_from.as_ref().unwrap().value, "bowl-pressure");
    assert_eq!(rule.defines[0].name.value, "low");
    assert_eq!(rule.params["limit"].default.as_ref().unwrap().unit.as_deref(), Some("bar"));
    assert_eq!(rule.tests.len(), 1);
    let group = &rule.groups[0];
    assert_eq!(group.deadband["p"].value.value, Value::Float(0.1), "the group's own counts");
    assert_eq!(group.deadband["q"].value.value, Value::Int(5), "the rule's is for all groups");
    let [low, failed] = &group.states[..] else { panic!() };
    assert_eq!((low.delay, low.hold, low.latch, low.clear.is_some()), (15_000, 30_000, false, true));
    assert!(failed.latch);
    let to: Vec<_> = rule.actions[0].to.iter().map(|state| state.value.as_str()).collect();
    assert_eq!((to, rule.actions[0].repeat), (vec!["Low", "Failed"], Some(1_800_000)));
    assert!(rule.actions[1].to.is_empty() && rule.actions[1].notify.value == "maintenance");
}

#[test]
fn the_keys_of_a_state_stand_at_the_rule_where_there_are_no_groups() {
    let rule = one(
        "[rule.r]\non = 'x'\nwhen = 't > 1'\nclear = 't < 0'\nfor = '1 s'\nhold = '2 s'\nweight = 30\nunknown = 'abstain'\ndeadband = { u = 1 }",
    );
    let (group, state) = (&rule.groups[0], &rule.groups[0].states[0]);
    assert_eq!(
        (state.delay, state.hold, state.named.weight, state.clear.is_some()),
        (1_000, 2_000, 30, true)
    );
    assert!(group.deadband.contains_key("u") && matches!(group.unknown, OnUnknown::Abstain(_)));
}

#[test]
fn every_form_of_on() {
    let on = |on: &str| one(&format!("[rule.r]\non = {on}\nwhen = 't > 1'")).on;
    assert_eq!(on("'filler-*'").names, ["filler-*"]);
    assert_eq!(on("['a', 'b']").names, ["a", "b"]);
    let table = on("{ machine = 'f-?', line = 'L3', class = ['filler', 'washer'] }");
    assert_eq!((table.names, table.lines), (vec!["f-?".to_owned()], vec!["L3".to_owned()]));
    assert_eq!(table.classes, ["filler", "washer"]);
    assert!(read("[rule.r]\non = {}\nwhen = 't > 1'").1[0].contains("names no machine"));
    assert!(read("[rule.r]\non = 3\nwhen = 't > 1'").1[0].contains("must be a machine's name"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (keys, expected) in [
        ("latch = true\nclear = 't < 1'", "`clear` has no effect in a state with `latch`"),
        ("coverage = 80", "the share of a window"),
        ("deadband = { t = -1 }", "a number above 0"),
        ("deadband = '1 K'", "must be a table"),
        ("renamed_from = 'r'", "renamed from itself"),
        ("stale_after = '0 s'", "no value would ever count"),
        ("text.german = 'x'", "is not a language"),
        ("param.a = '2,5 bar'", "decimal point"),
        ("param.'a b' = 1", "is not a name for a parameter"),
        ("define.x = 't > 1'\nparam.x = 1", "is a parameter already"),
        ("unknown = 'asfalse'", "did you mean \"as-false\"?"),
        ("watermark = 'global'", "under [agent]"),
        ("[[rule.r.action]]\nto = 'Activ'\nnotify = 'x'", "did you mean `Active`?"),
        ("[[rule.r.action]]\nto = 'Active'", "has no `notify`"),
        ("[[rule.r.action]]\nnotify = 'x'\nrepeat = '1 ms'", "at least 1 s"),
        ("test = 1", "must be a list of tables"),
    ] {
        let said = said(keys);
        assert!(said.contains(expected), "{keys}\n{said}");
    }
}

#[test]
fn keys_at_the_wrong_place_say_where_they_belong() {
    let group = |rule: &str, group: &str| {
        let text = format!(
            "[rule.r]\non = 'x'\n{rule}\n[rule.r.group.g]\n{group}\nstate = [ {{ name = 'A', when = 't > 1' }} ]"
        );
        read(&text).1.join("\n")
    };
    assert_eq!(group("", ""), "");
    assert!(group("for = '5 s'", "").contains("in a rule with groups it belongs to a state"));
    assert!(group("", "latch = true").contains("it belongs to a state of the group"));
    assert!(group("", "severty = 'alarm'").contains("no such key"));
}

#[test]
fn states_that_can_never_be_reached_are_pointed_out() {
    let mut line = Inventory::default();
    let machine = line.add_machine(Machine { name: "x".into(), id: "x".into(), ..Machine::default() });
    let source = Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let source = line.add_source(source);
    let unit = Some("°C".to_owned());
    let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, unit, ..Tag::default() };
    line.add_tag(tag).unwrap();
    let states = |states: &str| {
        let mut report = Report::default();
        let text = format!("[rule.r]\non = 'x'\n[rule.r.group.g]\nstate = [ {states} ]");
        let file = report.add_file("r.toml", text);
        RuleSet::load(&mut report, &[file], &line);
        report.lines().collect::<Vec<_>>().join("\n")
    };
    let high = "{ name = 'High', when = 't > 22 °C' }";
    let never = states(&format!("{high}, {{ name = 'Critical', when = 't > 28 °C' }}"));
    assert!(never.contains("`Critical` can never be reached (`High` stands before it"), "{never}");
    for reachable in [
        "{ name = 'Critical', when = 't > 28 °C' }, { name = 'High', when = 't > 22 °C' }",
        "{ name = 'High', when = 't > 22', for = '1 min' }, { name = 'Critical', when = 't > 28' }",
        "{ name = 'High', when = 't > 22' }, { name = 'Latched', when = 't > 28', latch = true }",
        "{ name = 'High', when = 't > 22' }, { name = 'Low', when = 't < 28' }",
        "{ name = 'High', when = 't > 22' }, { name = 'AtLeast', when = 't >= 22' }",
    ] {
        assert_eq!(states(reachable), "", "{reachable}");
    }
    assert!(states(&format!("{high}, {high}")).contains("stands twice in its group"));
    assert!(states("{ name = 'A', when = 't > 1' }, { name = 'B', when = 'false' }").contains("never true"));
}

#[test]
fn every_key_changes_the_hash_but_tests_do_not() {
    let hash = one(ALL).hash;
    for (from, to) in [
        ("running", "not running"),
        ("suppress_if = \"cleaning\"", ""),
        ("75 %", "76 %"),
        ("0.1 bar", "0.3 bar"),
        ("q = 5", "q = 6"),
        ("p < limit", "p > limit"),
        ("default = 2.0", "default = 2.1"),
        ("renamed_from = \"bowl-pressure\"", ""),
        ("p > 3", "p > 4"),
        ("30 s", "31 s"),
        ("latch = true", "latch = false"),
        ("shift-lead", "other"),
        ("30 min", "31 min"),
        ("stale_after = \"10 s\"", "stale_after = \"never\""),
    ] {
        assert!(ALL.contains(from), "{from}");
        assert_ne!(one(&ALL.replace(from, to)).hash, hash, "{from} -> {to}");
    }
    assert_eq!(one(&ALL.replace("p = 4.0", "p = 5.0")).hash, hash);
}
