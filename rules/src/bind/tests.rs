//! Rules bound to machines: what is judged, when, and what is said of it.

use std::sync::Arc;

use crate::diagnose::Report;
use crate::expr::eval::{Seen, Truth};
use crate::inventory::{Inventory, Machine, Source, Tag};
use crate::names;
use crate::ruleset::{Plan, RuleSet};
use crate::text::Filling;
use crate::value::{Held, Type, Unknown, Value};

fn line() -> Inventory {
    let mut line = Inventory::default();
    let source =
        |id: &str| Source { id: id.into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let (plc, other) = (line.add_source(source("plc")), line.add_source(source("other")));
    for name in ["washer-1", "washer-2"] {
        let machine = line.add_machine(Machine { name: name.into(), id: name.into(), ..Machine::default() });
        let tag = |name: &str, kind, unit: Option<&str>| Tag {
            machine,
            source: plc,
            name: name.into(),
            kind,
            unit: unit.map(str::to_owned),
            ..Tag::default()
        };
        line.add_tag(tag("t", Type::Float, Some("°C"))).unwrap();
        line.add_tag(tag("p", Type::Float, Some("bar"))).unwrap();
        line.add_tag(tag("n", Type::Int, None)).unwrap();
        line.add_tag(tag("run", Type::Bool, None)).unwrap();
        line.add_tag(Tag { names: names::table("ws09_state"), ..tag("state", Type::Enum, None) }).unwrap();
        line.add_tag(Tag { source: other, ..tag("far", Type::Float, Some("°C")) }).unwrap();
    }
    line
}

fn load(text: &str) -> (RuleSet, Vec<String>) {
    let mut report = Report::default();
    let file = report.add_file("r.toml", text);
    let set = RuleSet::load(&mut report, &[file], &line());
    (set, report.lines().collect())
}

/// The plan on the first machine of a rule with these keys.
fn plan(keys: &str) -> Arc<Plan> {
    let (set, said) = load(&format!("[rule.r]\non = 'washer-1'\n{keys}"));
    assert_eq!(said, [""; 0], "{keys}");
    Arc::clone(&set.plans[0])
}

fn said(keys: &str) -> Vec<String> {
    load(&format!("[rule.r]\non = '*'\n{keys}")).1
}

struct Values(Vec<Held>);

impl Seen for Values {
    fn held(&self, slot: usize) -> &Held {
        &self.0[slot]
    }
    fn window(&self, _: usize) -> Held {
        self.0[0].clone()
    }
    fn previous(&self, _: usize) -> Held {
        Err(Unknown::NeverSeen)
    }
    fn sampled_at(&self, _: usize) -> Option<i64> {
        None
    }
    fn now(&self) -> i64 {
        0
    }
    fn hour(&self) -> i64 {
        0
    }
    fn weekday(&self) -> i64 {
        1
    }
}

/// Whether the only state is left at a value of the first slot.
fn left(keys: &str, at: f64) -> bool {
    let plan = plan(keys);
    let clear = plan.conditions[0][0].clear.expect("a clear of its own");
    plan.programs[clear].program.judge(&Values(vec![Ok(Value::Float(at)); 3])) == Truth::True
}

#[test]
fn a_deadband_moves_the_limit_away_from_what_was_reached() {
    let with = |when: &str| format!("when = '{when}'\ndeadband = {{ t = '2 K' }}");
    for (when, stays, leaves) in [
        ("t > 90", 88.1, 88.0),
        ("t >= 90 °C", 88.0, 87.9),
        ("t < 70", 71.9, 72.0),
        ("70 > t", 71.9, 72.0),
        ("t in 72 .. 87", 89.0, 89.1),
        ("t in 72 .. 87", 70.0, 69.9),
        ("not t > 90", 92.0, 92.1),
        ("not (t < 70)", 68.0, 67.9),
        ("not t in 72 .. 87", 73.9, 74.0),
        ("t > 90 and t > 50", 88.1, 88.0),
        ("avg(t, 1 min) > 90", 88.1, 88.0),
        ("max(t, 1 min) > 90 or rate(t, 1 min) > 1000", 88.1, 88.0),
        ("t > 194 °F", 88.1, 88.0),
    ] {
        assert!(!left(&with(when), stays), "{when} at {stays}");
        assert!(left(&with(when), leaves), "{when} at {leaves}");
    }
}

#[test]
fn a_deadband_that_moves_nothing_or_cannot_is_said() {
    let with =
        |when: &str, width: &str| said(&format!("when = '{when}'\ndeadband = {{ t = {width} }}")).join("\n");
    for when in ["t = 90", "t <> 90", "t > 90 xor run"] {
        assert!(with(when, "'2 K'").contains("has no limit to move"), "{when}: {}", with(when, "'2 K'"));
    }
    assert!(with("t in [1, 2]", "2").contains("has no limit to move"));
    let idle = with("p > 3", "'2 K'");
    assert!(idle.contains("no state reads `t`, so its deadband does nothing"), "{idle}");
    assert!(with("t > far", "'2 K'").contains("changes nothing"), "the other side has a tag");
    assert!(with("rate(t, 1 min) > 3", "'2 K'").contains("changes nothing"));
    assert!(with("not t in 72 .. 87", "'8 K'").contains("would never be left"));
    assert!(with("t > 90", "'2 bar'").contains("in bar, the tag in °C"));
    assert!(with("t > 90", "-1").contains("above 0"), "{}", with("t > 90", "-1"));
    let both = said("when = 't > 90'\nclear = 't < 80'\ndeadband = { t = '2 K' }").join("\n");
    assert!(both.contains("has both a `clear` and a deadband of `t`"), "{both}");
    let nowhere = said("when = 't > 90'\ndeadband = { tt = '2 K' }").join("\n");
    assert!(nowhere.contains("unknown tag `tt`"), "{nowhere}");
}

#[test]
fn a_deadband_of_the_rule_is_for_the_groups_that_read_its_tag_and_its_source_joins_no_scope() {
    let groups = |deadband: &str, a: &str, b: &str| {
        said(&format!(
            "deadband = {{ {deadband} = 1 }}\n[rule.r.group.a]\nstate = [ {{ name = 'A', when = '{a}' }} ]\n[rule.r.group.b]\nstate = [ {{ name = 'B', weight = 20, when = '{b}' }} ]"
        ))
        .join("\n")
    };
    assert_eq!(groups("t", "t > 90", "p > 3"), "");
    assert!(groups("t", "run", "p > 3").contains("no state reads `t`"));
    let broken = groups("t", "run", "q > 3");
    assert!(!broken.contains("no state reads"), "what a wrong state reads nobody knows: {broken}");
}

#[test]
fn identity_is_that_of_what_is_meant() {
    let identity = |keys: &str| plan(keys).conditions[0][0].identity.clone();
    let plain = identity("when = 't > 90 and p < 4.2'");
    assert_eq!(
        plain,
        identity("when = 't>194 °F && 4200 mbar > p'".replace("4200 mbar > p", "p < 4200 mbar").as_str())
    );
    assert_eq!(plain, identity("when = 't > limit and p < 4.2 bar'\nparam.limit = '90 °C'"));
    assert_eq!(plain, identity("when = 'hot and p < 4.2'\ndefine.hot = 't > 90'"));
    assert_eq!(plain, identity("when = '`washer-1`.t > 90.0 and p < 4.2'\nfor = '5 s'"));
    assert_ne!(plain, identity("when = 't > 91 and p < 4.2'"));
    assert_ne!(plain, identity("when = 't > 90 and p < 4.2'\nclear = 't < 80'"));
    assert_ne!(plain, identity("when = 't > 90 and p < 4.2'\ndeadband = { t = 2 }"));
    let (a, b) = ("avg(t, 1 min) > 90", "avg(t, 2 min) > 90");
    assert_ne!(identity(&format!("when = '{a}'")), identity(&format!("when = '{b}'")));
    assert_eq!(identity("when = 'state = Idle'"), identity("when = 'state = 32768'"));
}

#[test]
fn a_program_says_what_makes_it_worth_judging_again() {
    let plan =
        plan("when = 'n > 3 and avg(t, 1 min) > 1 and p > 1 and max(far, 5 min) > 1 and avg(t, 60 s) < 99'");
    let program = &plan.programs[0];
    assert_eq!((plan.slots.len(), plan.windows.len(), plan.sources.len()), (4, 2, 2));
    let slot = |name: &str| plan.slots.iter().position(|t| line().tag(*t).name == name).unwrap();
    assert_eq!(program.slots, [slot("n"), slot("t"), slot("p"), slot("far")]);
    assert_eq!(program.outside, [slot("n"), slot("p")]);
    assert_eq!(program.windows, [0, 1]);
    assert_eq!(plan.windows[0].length, 60_000);
    assert!(!program.reads_calendar && program.ages.is_empty());
    let plan = super::tests::plan("when = 'run and (age(t) > 5 min or age(p) <= 1.5 s or hour() = 6)'");
    assert!(plan.programs[0].reads_calendar);
    assert_eq!(plan.programs[0].ages, [(1, 300_001), (2, 1_501)]);
    let plan = super::tests::plan("when = 'age(t) in 1 min .. 2 min or age(t) >= 4 min or 3 min > age(t)'");
    assert_eq!(plan.programs[0].ages, [(0, 60_000), (0, 120_001), (0, 180_000), (0, 240_000)]);
}

#[test]
fn gates_and_clears_are_programs_and_the_same_is_judged_once() {
    let plan =
        plan("when = 't > 90'\nclear = 't < 80'\nactive_if = 'state = Operating'\nsuppress_if = 't > 90'");
    assert_eq!(plan.programs.len(), 3);
    assert_eq!((plan.conditions[0][0].when, plan.conditions[0][0].clear), (0, Some(1)));
    assert_eq!((plan.active_if, plan.suppress_if), (Some(2), Some(0)));
}

#[test]
fn names_of_parameters_and_definitions_are_their_own() {
    let lines = said("when = 't > n'\nparam.n = 3\ndefine.p = 't > 3'");
    assert!(lines[0].contains("`n` is the name of a parameter and of a tag of washer-1"), "{lines:#?}");
    assert!(lines[1].contains("`p` is the name of a definition and of a tag of washer-1"), "{lines:#?}");
    let lines = said("when = 'a'\n[rule.r.define]\na = 'b and run'\nb = 't > 3'");
    assert!(lines[0].contains("`b` is used before it is defined"), "{lines:#?}");
    let lines = said("when = 'a'\ndefine.a = 'not a'");
    assert!(lines[0].contains("`a` is defined by itself"), "{lines:#?}");
    let lines = said("when = 'a and a'\ndefine.a = 'tt > 3'");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("r.toml:4:13: unknown tag `tt`"), "{lines:#?}");
    let lines = said("when = 't > limit'\nparam.limit = { unit = '°C' }");
    assert!(lines[0].contains("parameter `limit` has no value on washer-1"), "{lines:#?}");
}

#[test]
fn mistakes_stand_at_their_columns_behind_umlauts_and_are_said_once() {
    let lines = said("when = \"'ä' = 'ö' or tt > 3 or p > 3 °C\"");
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let columns: Vec<&str> = lines.iter().map(|l| l.split(": ").next().unwrap()).collect();
    assert_eq!(columns, ["r.toml:3:9", "r.toml:3:22", "r.toml:3:36"]);
    let warned = said("when = 't > 5 and t < 3'");
    assert_eq!(warned.len(), 1, "two machines say the same: {warned:#?}");
}

#[test]
fn hidden_states_are_found_by_what_is_meant() {
    let states = |list: &str| said(&format!("[rule.r.group.g]\nstate = [ {list} ]")).join("\n");
    let state = |name: &str, when: &str, more: &str| format!("{{ name = '{name}', when = '{when}'{more} }}");
    for (first, second) in [
        ("t > 90", "t > 95"),
        ("t > 90", "t > 203 °F"),
        ("t > 90 or run", "run and p > 3"),
        ("state in [Idle, Held]", "state = Held"),
        ("p in 1 .. 5", "p in 2 .. 3"),
    ] {
        let found = states(&[state("A", first, ""), state("B", second, "")].join(", "));
        assert!(found.contains("`B` can never be reached"), "{first} / {second}: {found}");
    }
    for (first, second, more) in [
        ("t > 95", "t > 90", ""),
        ("t > 90", "t > 95", ", clear = 't < 50'"),
        ("t > 90", "t > 95", ", hold = '5 s'"),
        ("t > 90 and run", "t > 95", ""),
    ] {
        let found = states(&[state("A", first, ""), state("B", second, more)].join(", "));
        assert_eq!(found, "", "{first} / {second}");
    }
}

#[test]
fn texts_show_names_parameters_and_tags_of_other_machines() {
    let plan = plan(
        "when = 't > limit'\nparam.limit = '22.5 °C'\ntext.de = '{state}: {t:.1} über {limit:.1}, {`washer-2`.t}'",
    );
    let held = [Ok(Value::Int(128)), Ok(Value::Float(23.04)), Err(Unknown::Stale)];
    let text = plan.texts["de"].fill("de", Filling { state: "Hot", ..Filling::default() }, &held[1..]);
    assert_eq!(text, "Hot: 23,0 über 22,5, ?");
    assert_eq!(plan.text_slots["de"].len(), 2);
    let plan = super::tests::plan("when = 'state = Lack'\ntext = 'now {state} {`state`}'");
    assert_eq!(plan.text_slots["en"].len(), 1, "in backticks it is the tag");
    let lines = said("when = 't > 1'\ntext = 'ä {tt}'");
    assert!(lines[0].starts_with("r.toml:4:12: unknown tag `tt`"), "{lines:#?}");
}
