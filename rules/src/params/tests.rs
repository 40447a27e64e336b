//! Which value of a parameter counts, what a text is worth as a value, and which values are told never to count.

use super::*;
use crate::inventory::{Inventory, Source, Tag};
use crate::ruleset::RuleSet;
use crate::value::Type;

fn machine(name: &str, line: &str, class: &str) -> Machine {
    Machine { name: name.into(), line: Some(line.into()), class: Some(class.into()), ..Machine::default() }
}

fn rule(params: &str) -> Rule {
    let mut report = Report::default();
    let text = format!("[rule.r]\non = '*'\nwhen = 't > 1'\n{params}\n");
    let file = report.add_file("r.toml", text);
    let rules = crate::file::rules(&mut report, file).rules;
    rules.into_iter().next().unwrap_or_else(|| panic!("{}", report.render(false)))
}

fn shown(c: &Constant) -> String {
    let value = match &c.value {
        Value::Text(t) => t.to_string(),
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Float(f) => format!("{f:?}"),
    };
    format!("{value}|{}", c.unit.as_deref().unwrap_or(""))
}

#[test]
fn the_more_special_value_counts() {
    let mut rule = rule(
        "param.limit = { default = 22.0, unit = '°C', class.filler = 20.0, line.L3 = 21, machine.'filler-1' = '68 °F' }",
    );
    let of = |rule: &Rule, m: &Machine| shown(&super::of(rule, m).unwrap()["limit"]);
    assert_eq!(of(&rule, &machine("w", "L1", "washer")), "22.0|°C");
    assert_eq!(of(&rule, &machine("f", "L1", "filler")), "20.0|°C");
    assert_eq!(of(&rule, &machine("f", "L3", "filler")), "21|°C");
    let mut own = machine("f", "L3", "filler");
    own.params.insert("limit".into(), Constant { value: Value::Int(19), unit: None });
    assert_eq!(of(&rule, &own), "19|°C");
    own.name = "filler-1".into();
    assert_eq!(of(&rule, &own), "68|°F");
    let limit = |p: &str, i| (p.to_owned(), Constant { value: Value::Int(i), unit: None });
    let param = rule.params.get_mut("limit").unwrap();
    param.limits = vec![limit("*", 1), limit("filler-*", 2), limit("filler-1", 3)];
    param.sort_limits();
    assert_eq!(of(&rule, &own), "3|");
    assert_eq!(of(&rule, &machine("filler-2", "L3", "filler")), "2|");
    assert_eq!(of(&rule, &machine("washer-2", "L3", "washer")), "1|");
}

#[test]
fn a_parameter_without_a_value_on_a_machine_is_named() {
    let rule = rule("param.limit = { unit = 'bar', class.filler = 2.0 }");
    assert!(super::of(&rule, &machine("f", "L1", "filler")).is_ok());
    assert_eq!(super::of(&rule, &machine("w", "L1", "washer")), Err("limit"));
}

#[test]
fn a_text_is_a_quantity_where_it_can_be_one() {
    let of = |text: &str| constant_of(text).map_or_else(|fix| format!("write {fix}"), |c| shown(&c));
    for (text, constant) in [
        ("22 °C", "22|°C"),
        ("-4.5bar", "-4.5|bar"),
        ("1e3 l/h", "1000.0|l/h"),
        ("5 min", "5|min"),
        ("1h30m", "5400000|ms"),
        ("80 %", "80|%"),
        ("Auto", "Auto|"),
        ("0815-A", "0815-A|"),
        ("2,5 bar", "write 2.5 bar"),
        ("", "|"),
    ] {
        assert_eq!(of(text), constant, "{text}");
    }
}

/// A line of two machines, of which the first has parameters of its own in its file.
fn line(given: &str) -> (Inventory, Report) {
    let text = format!("[[machine]]\nname = 'f'\nparam = {{ {given} }}\n[[machine]]\nname = 'w'\n");
    let mut report = Report::default();
    let file = report.add_file("agent.toml", text.as_str());
    let table = crate::document::parse(&mut report, file);
    let machines = Reader::new(&table, "agent.toml", file, &mut report).tables("machine");
    let mut inventory = Inventory::default();
    inventory.was_read_from("agent.toml", &text);
    let source = Source { id: "plc".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
    let source = inventory.add_source(source);
    for table in machines {
        let mut r = Reader::new(table, "[[machine]]", file, &mut report);
        let name = r.text("name").unwrap().value;
        let entries = r.table("param").map_or(&[][..], |params| &params.entries);
        let params = entries
            .iter()
            .filter_map(|(key, node)| Some((key.value.clone(), constant(r.report(), file, node)?)));
        let params = params.collect();
        let id = name.clone();
        let machine = inventory.add_machine(Machine { name, id, params, ..Machine::default() });
        let unit = Some("°C".to_owned());
        let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, unit, ..Tag::default() };
        inventory.add_tag(tag).unwrap();
    }
    (inventory, Report::default())
}

const LIMITED: &str = "[rule.r]\non = 'f'\nwhen = 't > limit'\nparam.limit = { default = 22.0, unit = '°C' }\n[rule.other]\non = 'w'\nwhen = 't > limt'\nparam.limt = 3\n";

fn checked(given: &str) -> Vec<String> {
    let (inventory, mut report) = line(given);
    let file = report.add_file("r.toml", LIMITED);
    let rules = RuleSet::load(&mut report, &[file], &inventory);
    if report.errors() == 0 {
        of_no_rule(&mut report, &rules, &inventory);
    }
    report.lines().collect()
}

#[test]
fn a_parameter_of_a_machine_that_none_of_its_rules_has_is_shown_in_its_file() {
    assert_eq!(checked("limit = 21.0"), [""; 0]);
    let said =
        "agent.toml:3:28: no rule for f has a parameter `limt` (it never counts; did you mean `limit`?)";
    assert_eq!(checked("limit = '70 °F', limt = 21.0"), [said], "a rule of another machine has it");
}

#[test]
fn a_value_of_a_machine_that_cannot_be_meant_is_told_at_the_parameter() {
    let bar = "r.toml:4:7: the value of `limit` that agent.toml gives to f is in bar (in °C is expected; change param.limit under [[machine]] f in agent.toml)";
    assert_eq!(checked("limit = '3 bar'"), [bar]);
    assert!(checked("limit = 'warm'")[0].contains("gives to f is a text (a number is expected"));
}
