//! Tests of the language as a whole: texts on one machine, with what they say.

mod codes;
mod functions;
mod units;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Mistake;
use super::check::Binder;
use super::eval::{Program, Seen, Truth};
use super::parse::{Parsed, parse, read};
use crate::inventory::{Inventory, Machine, MachineId, Names, Source, Tag};
use crate::names;
use crate::value::{Constant, Held, Type, Unknown, Value};

fn tag(name: &str, kind: Type, unit: Option<&str>) -> Tag {
    Tag { name: name.into(), kind, unit: unit.map(str::to_owned), ..Tag::default() }
}

fn inventory() -> (Inventory, MachineId) {
    let mut inventory = Inventory::default();
    let machine = |name: &str| Machine { name: name.into(), id: name.into(), ..Machine::default() };
    let washer = inventory.add_machine(machine("washer-1"));
    let filler = inventory.add_machine(machine("filler-1"));
    let source = Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let source = inventory.add_source(source);
    let alarms = Names { table: "alarms".into(), entries: vec![("DoorOpen".into(), 0), ("Jam".into(), 5)] };
    let tags = [
        tag("water_temperature", Type::Float, Some("°C")),
        tag("setpoint", Type::Float, Some("°C")),
        tag("outside", Type::Float, Some("°F")),
        tag("kelvin", Type::Float, Some("K")),
        tag("pressure", Type::Float, Some("bar")),
        tag("p_mbar", Type::Int, Some("mbar")),
        tag("state", Type::Int, None),
        tag("level", Type::Float, None),
        tag("drive", Type::Float, Some("Hz")),
        tag("speed", Type::Float, Some("bottles/h")),
        tag("odd", Type::Float, Some("foo")),
        tag("pump", Type::Bool, None),
        tag("door", Type::Bool, None),
        tag("recipe", Type::Text, None),
        Tag { names: names::table("ws09_state"), ..tag("WS_Cur_State", Type::Enum, None) },
        Tag { names: names::table("ws09_prog"), ..tag("WS_Cur_Prog", Type::Enum, None) },
        Tag { names: Some(Arc::new(alarms)), ..tag("alarms", Type::Flags, None) },
        Tag { counter: Some(32), ..tag("bottles", Type::Int, Some("bottles")) },
        Tag { range: Some((0.0, 120.0)), ..tag("flow", Type::Float, Some("m³/h")) },
    ];
    for tag in tags {
        inventory.add_tag(Tag { machine: washer, source, ..tag }).unwrap();
    }
    inventory.add_tag(Tag { machine: filler, source, ..tag("pressure", Type::Float, Some("bar")) }).unwrap();
    (inventory, washer)
}

fn params() -> BTreeMap<String, Constant> {
    let constant = |value, unit: Option<&str>| Constant { value, unit: unit.map(str::to_owned) };
    [
        ("limit", constant(Value::Float(22.0), Some("°C"))),
        ("running", constant(Value::Text("Operating".into()), None)),
        ("long", constant(Value::Int(5), Some("min"))),
        ("enabled", constant(Value::Bool(true), None)),
        ("zero", constant(Value::Int(0), None)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The canonical typed form, or all mistakes.
fn check(text: &str) -> Result<(String, Vec<Mistake>), Vec<Mistake>> {
    let (inventory, machine) = inventory();
    let params = params();
    let mut binder = Binder::new(&inventory, machine, &params, 0.8);
    let Parsed { expr, mut mistakes } = read(text);
    let (ir, more) = binder.condition(&expr);
    mistakes.extend(more);
    mistakes.sort_by_key(|m| m.span.start);
    match ir.filter(|_| mistakes.iter().all(|m| m.warning)) {
        Some(ir) => Ok((binder.names().canonical(&ir), mistakes)),
        None => Err(mistakes),
    }
}

fn canonical(text: &str) -> String {
    match check(text) {
        Ok((canonical, warnings)) if warnings.is_empty() => canonical,
        other => panic!("{text}: {other:?}"),
    }
}

/// Each mistake as `code at span: message (label; help)`.
fn mistakes(text: &str) -> Vec<String> {
    let found = match check(text) {
        Ok((_, warnings)) => warnings,
        Err(mistakes) => mistakes,
    };
    let line = |m: Mistake| {
        let help = m.help.map(|h| format!("; {h}")).unwrap_or_default();
        format!("{} {}: {} ({}{help})", m.code, &text[m.span], m.message, m.label)
    };
    found.into_iter().map(line).collect()
}

#[track_caller]
fn says(text: &str, expected: &[&str]) {
    assert_eq!(mistakes(text), expected, "{text}");
}

struct Values(Vec<Held>);

impl Seen for Values {
    fn held(&self, slot: usize) -> &Held {
        &self.0[slot]
    }
    fn window(&self, _: usize) -> Held {
        Ok(Value::Float(0.01))
    }
    fn previous(&self, _: usize) -> Held {
        Ok(Value::Float(1.0))
    }
    fn sampled_at(&self, _: usize) -> Option<i64> {
        Some(0)
    }
    fn now(&self) -> i64 {
        300_000
    }
    fn hour(&self) -> i64 {
        22
    }
    fn weekday(&self) -> i64 {
        6
    }
}

/// What a condition says of these values, in the order in which it names its tags.
fn judge(text: &str, held: &[Held]) -> Truth {
    let (inventory, machine) = inventory();
    let params = params();
    let mut binder = Binder::new(&inventory, machine, &params, 0.8);
    let (ir, mistakes) = binder.condition(&parse(text).unwrap());
    let ir = ir.unwrap_or_else(|| panic!("{text}: {mistakes:?}"));
    binder.program(&ir).judge(&Values(held.to_vec()))
}

#[track_caller]
fn holds(text: &str, values: &[Value]) {
    let held: Vec<Held> = values.iter().cloned().map(Ok).collect();
    assert_eq!(judge(text, &held), Truth::True, "{text} {values:?}");
    assert_eq!(judge(&format!("not ({text})"), &held), Truth::False, "{text} {values:?}");
}

use Value::{Float as F, Int as I};

#[test]
fn names_are_found_or_suggested_all_in_one_run() {
    says(
        "water_temprature > 90 and presure > 4 and foo(pump) and pump = 1",
        &[
            "R201 water_temprature: unknown tag `water_temprature` (washer-1 has no such tag; did you mean `water_temperature`?)",
            "R201 presure: unknown tag `presure` (washer-1 has no such tag; did you mean `pressure`?)",
            "R206 foo: unknown function `foo` (no such function; functions: avg, min, max, sum, count, edges, rate, delta, stddev, changes, prev, age, good, abs, round, has, hour, weekday)",
            "R204 pump = 1: Bool cannot be compared with Int (different types; `pump` is a Bool: write `pump` or `not pump`)",
        ],
    );
    says(
        "limt < water_temperature",
        &["R201 limt: unknown tag `limt` (washer-1 has no such tag; did you mean `limit`?)"],
    );
    says(
        "ärger > 1 or größe > 2",
        &[
            "R201 ärger: unknown tag `ärger` (washer-1 has no such tag; tags are declared in agent.toml under [[source.tag]])",
            "R201 größe: unknown tag `größe` (washer-1 has no such tag; tags are declared in agent.toml under [[source.tag]])",
        ],
    );
    says(
        "(wrong else falsch) and has(nothing, 99) and avg(presure) > 3 and round(levle, 77) > 1 and foo(bottels, x, 1)",
        &[
            "R201 wrong: unknown tag `wrong` (washer-1 has no such tag; tags are declared in agent.toml under [[source.tag]])",
            "R201 nothing: unknown tag `nothing` (washer-1 has no such tag; tags are declared in agent.toml under [[source.tag]])",
            "R206 avg(presure): `avg` needs an expression and a duration (1 given; write `avg(tag, 5 min)`)",
            "R201 presure: unknown tag `presure` (washer-1 has no such tag; did you mean `pressure`?)",
            "R201 levle: unknown tag `levle` (washer-1 has no such tag; did you mean `level`?)",
            "R206 77: a number of decimals from 0 to 9 is expected (here; write `round(x, 1)`)",
            "R206 foo: unknown function `foo` (no such function; functions: avg, min, max, sum, count, edges, rate, delta, stddev, changes, prev, age, good, abs, round, has, hour, weekday)",
            "R201 bottels: unknown tag `bottels` (washer-1 has no such tag; did you mean `bottles`?)",
        ],
    );
    assert_eq!(mistakes("nowhere = pump + x").len(), 2);
    assert_eq!(mistakes("nowhere = Operating").len(), 1);
    assert_eq!(
        mistakes("avrage(pressure, 1 min) > 4"),
        ["R206 avrage: unknown function `avrage` (no such function; did you mean `avg`?)"]
    );
}

/// The codes of all mistakes, in the order of their places.
fn codes(text: &str) -> Vec<String> {
    mistakes(text).iter().map(|m| m[..4].to_owned()).collect()
}

#[test]
fn mistakes_of_words_and_of_their_meaning_come_in_one_run() {
    for (text, expected) in [
        ("pump > > 4 and presure > 4", &["R107", "R201"][..]),
        ("pressure > 4,5 °C", &["R102", "R205"]),
        ("WS_Cur_State := Operatng", &["R101", "R215"]),
        ("(pump = 1 and pressure > 4", &["R204", "R108"]),
        ("1 bar < presure < 4 °C", &["R201", "R107"]),
        ("pressure > 4 bar pmup", &["R107", "R201"]),
        ("WS_Cur_State in [Operatng, Idle and pump = 1", &["R215", "R204", "R108"]),
        ("avg(presure, 1 min > 4 and pump = 1", &["R201", "R204", "R108"]),
        ("level > 5) and pump = 1", &["R107", "R204"]),
        ("\"pump\" = 1 or #x > 4", &["R101", "R204", "R101"]),
    ] {
        let mut found = codes(text);
        let mut expected = expected.to_vec();
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{text}: {:?}", mistakes(text));
    }
}

#[test]
fn what_is_beside_a_mistake_of_words_is_not_told_for_that_reason() {
    for text in [
        "Operating § WS_Cur_State",
        "WS_Cur_State > > Operating",
        "nowhere = Operating",
        "Temp Zone 3 > 80",
        "washer-1.pressure > 4",
        "level mod 2 = 0",
        "level > 10 000",
        "WS_Cur_State in [Idle, Held and pump",
        "avg(pressure, 1 min > 4 bar",
        "(pressure > 4 bar",
        "pressure > 5 or pressure <= 5) and pump",
        "pump ? true : false",
        "level > 99999999999999999999",
        "recipe = 'x and level > 4",
    ] {
        assert_eq!(codes(text).len(), 1, "{text}: {:?}", mistakes(text));
    }
}

#[test]
fn tags_of_other_machines_have_their_machine_before_them() {
    assert_eq!(canonical("`filler-1`.pressure > pressure"), "(`filler-1`.`pressure` > `pressure`)");
    assert_eq!(canonical("`washer-1`.pressure > 400 kPa"), "(`pressure` > 4)");
    says(
        "`filer-1`.pressure > 4",
        &[
            "R201 `filer-1`: unknown machine `filer-1` (agent.toml has no such machine; did you mean `filler-1`?)",
        ],
    );
    says(
        "`filler-1`.presure > 4",
        &["R201 presure: unknown tag `presure` (filler-1 has no such tag; did you mean `pressure`?)"],
    );
}

proptest::proptest! {
    #[test]
    fn no_expression_makes_it_panic(text in "(water_temperature|pressure|p_mbar|pump|recipe|WS_Cur_State|alarms|bottles|level|limit|zero|Idle|1|2.5|9223372036854775807|0|5 bar|3 °C|6 K|5 min|1/min|'x'|not|and|or|xor|in|else|avg|prev|age|good|abs|round|has|rate|hour\\(\\)|\\(|\\)|\\(|\\)|\\[|\\]|,|\\.\\.|-|\\+|\\*|/|<|=|>| ){1,24}") {
        check(&text).ok();
    }

    #[test]
    fn no_value_makes_a_program_panic(text in "(level|state|p_mbar)( (\\+|-|\\*|/) (level|state|p_mbar|2|0|9223372036854775807|1e308)){0,5} (>|=|<=) -?(level|state|0|9223372036854775807)", x: f64, i: i64) {
        let (inventory, machine) = inventory();
        let params = BTreeMap::new();
        let mut binder = Binder::new(&inventory, machine, &params, 0.8);
        if let (Some(ir), _) = binder.condition(&parse(&text).unwrap()) {
            let program: Program = binder.program(&ir);
            for held in [vec![Ok(F(x)); 3], vec![Ok(I(i)); 3], vec![Ok(F(x)), Ok(I(i)), Err(Unknown::Bad)]] {
                program.judge(&Values(held));
            }
        }
    }
}
