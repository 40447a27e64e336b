//! Tests of the language as a whole: texts on one machine, with what they say.

mod functions;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check::Binder;
use super::eval::{Program, Seen, Truth};
use super::parse::parse;
use super::{Expr, Mistake};
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
    let expr: Expr = parse(text)?;
    match binder.condition(&expr) {
        (Some(ir), warnings) => Ok((binder.names().canonical(&ir), warnings)),
        (None, mistakes) => Err(mistakes),
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
fn units_are_converted_to_that_of_the_tag() {
    assert_eq!(canonical("water_temperature > 194 °F"), "(`water_temperature` > 90)");
    assert_eq!(canonical("water_temperature > 363.15 K"), "(`water_temperature` > 90)");
    assert_eq!(canonical("pressure > 4200 mbar"), "(`pressure` > 4.2)");
    assert_eq!(canonical("4200 mbar < pressure"), "(4.2 < `pressure`)");
    assert_eq!(canonical("p_mbar > 4.2 bar"), "(`p_mbar` > 4200)");
    assert_eq!(canonical("p_mbar > 4 bar"), "(`p_mbar` > 4000)");
    assert_eq!(canonical("flow in 100 l/min .. 12 m³/h"), "between(`flow`, 6, 12)");
    assert_eq!(canonical("water_temperature in 72 .. 87 °C"), "between(`water_temperature`, 72, 87)");
    assert_eq!(canonical("speed < 500 bottles/min"), "(`speed` < 30000)");
    assert_eq!(canonical("pressure > 4.5"), canonical("pressure > 4500 mbar"));
    holds("pressure > p_mbar", &[F(4.3), I(4200)]);
    holds("outside = water_temperature", &[F(194.0), F(90.0)]);
}

#[test]
fn temperatures_and_their_differences_are_not_the_same() {
    assert_eq!(canonical("water_temperature > limit + 6 K"), "(`water_temperature` > 28)");
    assert_eq!(canonical("water_temperature > 6 K + limit"), "(`water_temperature` > 28)");
    assert_eq!(canonical("water_temperature - setpoint > 5 K"), "((`water_temperature` - `setpoint`) > 5)");
    assert_eq!(canonical("outside - 32 °F > 5 K"), "((`outside` - 32) > 9)");
    assert_eq!(
        canonical("delta(water_temperature, 1 h) > 5 K"),
        "(delta(`water_temperature`)[3600000 ms, 0.8] > 5)"
    );
    holds("(water_temperature + setpoint) / 2 > 80 °C", &[F(79.0), F(82.0)]);
    holds("water_temperature + 6 > 80", &[F(75.0)]);
    holds("kelvin > 20 °C", &[F(300.0)]);
    let codes = |text: &str| mistakes(text).iter().map(|m| m[..4].to_owned()).collect::<Vec<_>>();
    for text in [
        "water_temperature > limit + 6 °C",
        "water_temperature - setpoint > 5 °C",
        "delta(water_temperature, 1 h) > 5 °C",
        "water_temperature / setpoint > 1.1",
        "water_temperature * 2 > 80 °C",
        "sum(water_temperature, 1 h) > 80",
    ] {
        assert_eq!(codes(text), ["R205"], "{text}");
    }
}

#[test]
fn rates_are_per_second_and_convert() {
    assert_eq!(
        canonical("rate(water_temperature, 10 min) > 0.6 K/min"),
        "(rate(`water_temperature`)[600000 ms, 0.8] > 0.01)"
    );
    assert_eq!(canonical("rate(bottles, 1 min) > 36000 bottles/h"), "(rate(`bottles`)[60000 ms, 0.8] > 10)");
    assert_eq!(canonical("rate(state, 1 min) > 600 1/min"), "(rate(`state`)[60000 ms, 0.8] > 10)");
    holds("rate(water_temperature, 10 min) > 0.5 K/min", &[]);
}

#[test]
fn mixed_dimensions_are_mistakes_with_help() {
    says(
        "water_temperature > 90 bar",
        &["R205 90 bar: °C is compared with bar (°C is expected; bar does not convert into °C)"],
    );
    says(
        "pressure > 4 Bar",
        &["R205 4 Bar: bar is compared with Bar (bar is expected; did you mean `bar`?)"],
    );
    says(
        "age(pump) > 5 m",
        &["R205 5 m: ms is compared with m (ms is expected; `m` are metres: for minutes write `min`)"],
    );
    says(
        "drive > 1400 rpm",
        &["R205 1400 rpm: Hz is compared with rpm (Hz is expected; rpm does not convert into Hz)"],
    );
    says(
        "water_temperature > pressure",
        &["R205 pressure: °C is compared with bar (°C is expected; bar does not convert into °C)"],
    );
    says(
        "pressure + 5 min > 3 bar",
        &["R205 5 min: min is added to bar (bar is expected; min does not convert into bar)"],
    );
    says(
        "state > 3 bar",
        &[
            "R205 3 bar: `state` has no unit (bar cannot be checked; give the tag its unit in agent.toml: unit = \"bar\")",
        ],
    );
}

#[test]
fn units_that_are_not_listed_equal_only_themselves() {
    says(
        "odd > 3 foo",
        &["R214 3 foo: `foo` is not a listed unit (it is compared by its text only, and never converted)"],
    );
    assert_eq!(check("odd > 3 foo").unwrap().0, "(`odd` > 3)");
    says(
        "odd > 3 bar",
        &["R205 3 bar: foo is compared with bar (foo is expected; bar does not convert into foo)"],
    );
    assert_eq!(canonical("odd > 3"), "(`odd` > 3)");
}

#[test]
fn codes_have_names() {
    assert_eq!(canonical("WS_Cur_State = Operating"), "(`WS_Cur_State` = 128)");
    assert_eq!(canonical("Operating = WS_Cur_State"), "(128 = `WS_Cur_State`)");
    assert_eq!(canonical("WS_Cur_State = 128"), "(`WS_Cur_State` = 128)");
    assert_eq!(canonical("WS_Cur_State = `Equipment Failure`"), "(`WS_Cur_State` = 1024)");
    assert_eq!(canonical("WS_Cur_State = running"), "(`WS_Cur_State` = 128)");
    assert_eq!(canonical("WS_Cur_Prog in [Clean, Maintenance]"), "(`WS_Cur_Prog` in [8, 32])");
    assert_eq!(canonical("(WS_Cur_State else Idle) = Idle"), "(first(`WS_Cur_State`, 32768) = 32768)");
    assert_eq!(canonical("prev(WS_Cur_State) = Operating"), "(prev(`WS_Cur_State`) = 128)");
    assert_eq!(canonical("weekday() in [Saturday, Sunday]"), "(weekday() in [6, 7])");
    assert_eq!(canonical("weekday() <= Friday"), "(weekday() <= 5)");
    holds("WS_Cur_State <> Operating", &[I(3)]);
    says(
        "WS_Cur_State = Operatng",
        &[
            "R215 Operatng: `Operatng` is not a name of the table ws09_state (no such name; did you mean `Operating`?)",
        ],
    );
    says(
        "WS_Cur_State = 'Operating'",
        &[
            "R204 WS_Cur_State = 'Operating': Enum cannot be compared with Text (different types; names of codes stand without quotes: `Operating`)",
        ],
    );
    says(
        "WS_Cur_State > Operating",
        &[
            "R204 WS_Cur_State > Operating: `>` compares numbers, this is Enum (use `=` or `<>`; write `x in [A, B]`: codes have no order)",
        ],
    );
    says(
        "WS_Cur_State = WS_Cur_Prog",
        &["R204 WS_Cur_State = WS_Cur_Prog: ws09_state cannot be compared with ws09_prog (different types)"],
    );
    says(
        "WS_Cur_State + 1 = 3",
        &["R204 WS_Cur_State: `+` needs numbers, this is Enum (`WS_Cur_State` is of type Enum)"],
    );
}

#[test]
fn a_code_that_is_not_listed_equals_nothing_and_is_no_code_to_compare_with() {
    says(
        "WS_Cur_Prog = 3",
        &[
            "R215 3: 3 is not a code of the table ws09_prog (a code that is not listed equals nothing; codes: Undefined 0, Production 1, StartUp 2, RunDown 4, Clean 8, Changeover 16, Maintenance 32, Break 64; a table of your own stands in agent.toml under [enum.NAME])",
        ],
    );
    holds("WS_Cur_State = prev(WS_Cur_State) or WS_Cur_State = 1", &[I(1)]);
    let same = |a: Held, b: Held| judge("WS_Cur_State = state", &[a, b]);
    assert_eq!(same(Ok(I(128)), Ok(I(128))), Truth::True);
    assert_eq!(same(Ok(I(3)), Ok(I(3))), Truth::False);
    assert_eq!(same(Ok(I(3)), Ok(I(128))), Truth::False);
    assert_eq!(same(Ok(I(3)), Err(Unknown::Bad)), Truth::Unknown);
    assert_eq!(same(Err(Unknown::Bad), Ok(I(3))), Truth::Unknown);
    let differs = |a: Held, b: Held| judge("state <> WS_Cur_State", &[a, b]);
    assert_eq!(differs(Ok(I(3)), Ok(I(3))), Truth::True);
    assert_eq!(differs(Ok(I(128)), Ok(I(128))), Truth::False);
    assert_eq!(differs(Ok(I(128)), Ok(I(1))), Truth::True);
    assert_eq!(differs(Ok(I(3)), Err(Unknown::Bad)), Truth::Unknown);
}

#[test]
fn a_quotient_of_two_numbers_without_unit_is_a_share() {
    holds("level / state > 2 %", &[F(3.0), I(100)]);
    holds("level / state = 3 %", &[F(3.0), I(100)]);
    holds("1 - level / state < 98 %", &[F(3.0), I(100)]);
    holds("(state - level) / state > 96 %", &[I(100), F(3.0)]);
    holds("level / state * (level / state) > 2 %", &[F(20.0), I(100)]);
    holds("(level / state + level / state) / 2 > 2 %", &[F(3.0), I(100)]);
    holds("level / state > 0.02", &[F(3.0), I(100)]);
    holds("level / state < 50 ‰", &[F(3.0), I(100)]);
    assert_eq!(
        canonical("delta(state, 10 min) / delta(level, 10 min) > 2 %"),
        "((delta(`state`)[600000 ms, 0.8] / delta(`level`)[600000 ms, 0.8]) > 0.02)"
    );
    let help = "whether this calculation is a share cannot be known (a percentage is compared with a quotient of two tags; write `a / b > 2 %`, without `* 100`; or leave the unit out: 0.02 for 2 %)";
    says("level / state * 100 > 2 %", &[&format!("R205 2 %: {help}")]);
    says("level / 2 > 2 %", &[&format!("R205 2 %: {help}")]);
    says("level * 2 % > 3 %", &[&format!("R205 3 %: {help}")]);
    says(
        "level / state > 3 bar",
        &[
            "R205 3 bar: a pure number is compared with bar (a pure number is expected; what this is divided by has the same unit: leave the unit out, or compare with a percentage)",
        ],
    );
}

#[test]
fn a_share_of_time_is_compared_with_a_percentage_or_a_fraction() {
    assert_eq!(canonical("avg(pump, 10 min) < 50 %"), "(avg(`pump`)[600000 ms, 0.8] < 0.5)");
    assert_eq!(canonical("avg(pump, 10 min) < 0.5"), "(avg(`pump`)[600000 ms, 0.8] < 0.5)");
    says(
        "avg(level > 3, 10 min) < 50",
        &["R205 50: a share of time lies between 0 and 1 (it is never so much; write `50 %`)"],
    );
}

#[test]
fn bits_have_names() {
    assert_eq!(canonical("has(alarms, Jam)"), "has5(`alarms`)");
    assert_eq!(canonical("has(alarms, 5) or has(state, 3)"), "(has5(`alarms`) or has3(`state`))");
    assert_eq!(canonical("alarms = 0"), "(`alarms` = 0)");
    holds("has(alarms, Jam) and not has(alarms, DoorOpen)", &[I(0b10_0000)]);
    says(
        "has(alarms, Jamm)",
        &["R215 Jamm: `Jamm` is not a name of the table alarms (no such name; did you mean `Jam`?)"],
    );
    says(
        "has(alarms, 64)",
        &[
            "R206 64: the name or the place of a bit is expected (bits are counted from 0 to 63; write `has(tag, Name)` or `has(tag, 3)`)",
        ],
    );
    says(
        "has(WS_Cur_State, Idle)",
        &[
            "R204 WS_Cur_State: `has` looks at a bit field, this is Enum (`WS_Cur_State` is of type Enum; write `WS_Cur_State = Idle`)",
        ],
    );
    assert_eq!(mistakes("alarms").len(), 1);
}

#[test]
fn a_bool_is_no_number() {
    says(
        "pump = 1",
        &[
            "R204 pump = 1: Bool cannot be compared with Int (different types; `pump` is a Bool: write `pump` or `not pump`)",
        ],
    );
    says(
        "pressure",
        &[
            "R202 pressure: a condition is expected (`pressure` is of type Float; compare it, for example `pressure > 0`)",
        ],
    );
    says("pump > door", &["R204 pump > door: `>` compares numbers, this is Bool (use `=` or `<>`)"]);
    assert_eq!(canonical("pump = true and pump <> door"), "((`pump` = true) and (`pump` <> `door`))");
    assert_eq!(canonical("(pressure > 4) = pump"), "((`pressure` > 4) = `pump`)");
}

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

#[test]
fn arithmetic_follows_the_units() {
    holds("flow * 2 h > 10 m³", &[F(6.0)]);
    holds("flow / 60 = 5 l/s", &[F(1_080.0)]);
    holds("pressure / p_mbar > 1.9", &[F(4.0), I(2_000)]);
    holds("speed * 50 % = 15000 bottles/h", &[F(30_000.0)]);
    holds("level * 2 - 1 = 4", &[F(2.5)]);
    holds("level / 2 / 2 = 1.25", &[F(5.0)]);
    holds("-level < -2", &[F(2.5)]);
    holds("level - 1 - 1 = 0.5", &[F(2.5)]);
    assert_eq!(judge("level / zero > 1", &[Ok(F(1.0))]), Truth::Unknown);
    assert_eq!(judge("1 / level > 1", &[Ok(F(0.0))]), Truth::Unknown);
    says(
        "level / (1 - 1) > 4 + 1 / 0",
        &["R209 1 / 0: this cannot be calculated (a division by zero, or a number that is too large)"],
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
