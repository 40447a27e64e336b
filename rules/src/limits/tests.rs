//! Tables of limits as they are saved: what they give, and every mistake at its line and column.

use crate::diagnose::Report;
use crate::file::Rule;
use crate::inventory::{Inventory, Machine, Source, Tag};
use crate::params;
use crate::ruleset::Checked;
use crate::value::{Type, Value};

const RULE: &str = "[rule.r]\non = '*'\nwhen = 't > 1'\nparam.limit = { default = 22.0, unit = '°C' }\nparam.mode = 'Auto'\n[rule.other]\non = '*'\nwhen = 't > 1'\n";

fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    let source = Source { id: "plc".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
    let source = inventory.add_source(source);
    for name in ["filler-1", "filler-2", "washer-1"] {
        let machine =
            inventory.add_machine(Machine { name: name.into(), id: name.into(), ..Machine::default() });
        let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, ..Tag::default() };
        inventory.add_tag(tag).unwrap();
    }
    inventory
}

fn checked(table: &str) -> (Checked, Vec<String>) {
    let mut report = Report::default();
    let files = [report.add_file("r.toml", RULE), report.add_file("limits.CSV", table)];
    let checked = Checked::of(&mut report, &files, &inventory());
    (checked, report.lines().collect())
}

fn limit(rule: &Rule, machine: &str) -> (f64, String) {
    let machine = Machine { name: machine.into(), ..Machine::default() };
    let limit = params::of(rule, &machine).unwrap().remove("limit").unwrap();
    let Value::Float(value) = limit.value else { panic!("{limit:?}") };
    (value, limit.unit.unwrap_or_default())
}

#[test]
fn a_table_as_a_spreadsheet_saves_it_gives_limits() {
    let (checked, said) = checked(
        "Rule;Parameter;Machine;Value;Comment\r\nr;limit;filler-*;21,5;warm\r\nr;limit;filler-1;\"71,6 °F\";\r\n",
    );
    assert_eq!(said, [""; 0]);
    let rule = &checked.rules["r"].rule;
    assert_eq!(limit(rule, "filler-1"), (71.6, "°F".into()));
    assert_eq!(limit(rule, "filler-2"), (21.5, "°C".into()));
    assert_eq!(limit(rule, "washer-1"), (22.0, "°C".into()));
    let without = super::tests::checked("rule;parameter;machine;value\n").0;
    assert_ne!(rule.hash, without.rules["r"].rule.hash, "other limits are another rule");
}

#[test]
fn every_mistake_of_a_table_has_its_line_and_column() {
    let of = |lines: &str| {
        let (checked, said) = checked(&format!("rule;parameter;machine;value\n{lines}"));
        assert!(checked.rules.contains_key("other"), "a rule without parameters needs no table");
        (checked.rules.contains_key("r"), said.join("\n"))
    };
    for (lines, expected) in [
        ("r;limit;filler-1;21", ""),
        (
            "\n# no\nr;limt;*;21",
            "limits.CSV:4:3: rule `r` has no parameter `limt` (no such parameter; did you mean `limit`?)",
        ),
        ("r;limit;*;21\nr;limit;;22", "limits.CSV:3:9: `limit` of `r` has a limit for `*` already"),
        ("r;limit;*;", "limits.CSV:2:11: the value is missing"),
        (
            "r;limit;*;warm",
            "limits.CSV:2:11: `limit` of `r` must be a number (this is a text; write a number",
        ),
        ("r;limit;*;1.234,5", "limits.CSV:2:11: `1.234,5` is not a number"),
        ("r;limit;*", "limits.CSV:2:1: the line has 3 fields (4 are expected)"),
        (
            "r;limit;*;3 Bar",
            "limits.CSV:2:11: `limit` of `r` must be in °C (this is in Bar; write it in °C, or leave the unit out)",
        ),
        (
            "r;limit;*;21 C",
            "limits.CSV:2:11: `limit` of `r` must be in °C (this is in C; did you mean `°C`?)",
        ),
        ("r;mode;*;5", "limits.CSV:2:10: `mode` of `r` must be a text"),
    ] {
        let (in_force, said) = of(lines);
        assert_eq!(in_force, expected.is_empty(), "{lines}: {said}");
        assert!(said.starts_with(expected), "{lines}\n{said}");
    }
    for right in ["r;limit;*;70 °F", "r;limit;*;294 K", "r;limit;nobody-*;21", "r;limit;;21,5"] {
        assert_eq!(of(right), (true, String::new()), "{right}");
    }
    let (in_force, said) = of("r;limit;filer-1;21");
    let expected = "limits.CSV:2:9: rule `r` is for no machine `filer-1` (the limit never counts; did you mean `filler-1`?)";
    assert_eq!((in_force, said.as_str()), (true, expected), "a doubt only");
    let (in_force, said) = of("q;limit;*;21");
    assert!(in_force && said.contains("there is no rule `q`"), "{said}");
}

#[test]
fn a_table_that_cannot_be_read_keeps_all_rules_with_parameters_as_they_were() {
    for (table, expected) in [
        ("rule;parameter;value\nr;limit;21", "limits.CSV:1:1: the file has no column `machine`"),
        ("rule;paramter;machine;value\n", "did you mean `parameter`?"),
        ("", "no first line"),
    ] {
        let (checked, said) = checked(table);
        assert!(checked.mistaken.contains("r") && checked.rules.contains_key("other"));
        assert_eq!(checked.unread.len(), 1);
        assert!(said.join("\n").contains(expected), "{said:?}");
    }
    let (_, said) = checked("rule,parameter,machine,value\nr,limit,*,21,5\n");
    assert!(said[0].contains("the line has 5 fields") && said[0].contains("decimal point"), "{said:?}");
}
