//! Tests of functions, of what never changes, and of definitions.

use std::collections::BTreeMap;

use super::*;
use crate::ruleset::WindowFunction;

#[test]
fn windows_check_their_arguments() {
    assert_eq!(canonical("avg(pressure, 1 min) > 4.5 bar"), "(avg(`pressure`)[60000 ms, 0.8] > 4.5)");
    assert_eq!(canonical("count(pump, 1 h) > 3"), canonical("edges(pump, 60 min) > 3"));
    assert_eq!(canonical("count(pressure, 1h30m) > 3"), "(count(`pressure`)[5400000 ms, 0.8] > 3)");
    assert_eq!(canonical("edges(pressure > 4, T#1M) > 3"), "(edges((`pressure` > 4))[60000 ms, 0.8] > 3)");
    assert_eq!(canonical("changes(recipe, 1 d) > 3"), "(changes(first(`recipe`))[86400000 ms, 0.8] > 3)");
    assert_eq!(canonical("AVG(pressure, long) > 4"), "(avg(`pressure`)[300000 ms, 0.8] > 4)");
    assert_eq!(canonical("max(p_mbar - 1 bar, 5 s) > 3"), "(max((`p_mbar` - 1000))[5000 ms, 0.8] > 3)");
    says(
        "avg(pressure) > 4",
        &["R206 avg(pressure): `avg` needs an expression and a duration (1 given; write `avg(tag, 5 min)`)"],
    );
    says(
        "avg(pressure, 5 m) > 4",
        &["R208 5 m: `5 m` is 5 metres (a duration is expected; for minutes write `5 min`)"],
    );
    says(
        "avg(pressure, 60) > 4",
        &["R208 60: `60` has no unit (a duration is expected; write `60 s` or `60 min`)"],
    );
    says("avg(pressure, 25 h) > 4", &["R208 25 h: a window is between 1 ms and 24 h long (1 d 1 h here)"]);
    says(
        "avg(pressure, pump) > 4",
        &[
            "R208 pump: a duration is expected (how long the window is; `avg` looks back over a time: write `avg(tag, 5 min)`)",
        ],
    );
    says(
        "avg(max(pressure, 1 min), 5 min) > 4",
        &[
            "R206 max: `max` has no place in a window (a window is over tags and what is calculated from them; compare two windows instead, or give each its own condition)",
        ],
    );
    says(
        "edges(pressure, 1 min) > 4",
        &[
            "R204 pressure: `edges` needs a condition, this is Float (`pressure` is of type Float; write `edges(tag > 5, 1 h)`, or `changes(tag, 1 h)`)",
        ],
    );
    assert_eq!(canonical("avg(pump, 1 min) > 15 %"), "(avg(`pump`)[60000 ms, 0.8] > 0.15)");
    assert_eq!(canonical("avg(pressure > 4, 1 min) > 0.5"), "(avg((`pressure` > 4))[60000 ms, 0.8] > 0.5)");
    says(
        "max(pump, 1 min) > 4",
        &[
            "R204 pump: `max` needs a number, this is Bool (`pump` is of type Bool; `max` of a condition is not defined: write `edges` for how often it became true, `avg` for the share of time)",
        ],
    );
    says("avg(3, 1 min) > 4", &["R203 3: nothing here can change (no tag is looked at)"]);
}

#[test]
fn identical_windows_are_shared_and_there_are_at_most_256() {
    let (inventory, machine) = inventory();
    let params = BTreeMap::new();
    let mut binder = Binder::new(&inventory, machine, &params, 0.8);
    let text = "avg(pressure, 1 min) > 4 and avg(pressure, 60 s) < 9 and min(pressure, 1 min) > 1 and rate(bottles, 1 min) > 1";
    assert!(binder.condition(&parse(text).unwrap()).0.is_some());
    let (slots, windows) = binder.into_parts();
    assert_eq!((slots.len(), windows.len()), (2, 3));
    assert_eq!((windows[2].function, windows[2].counter), (WindowFunction::Rate, Some(32)));
    let mut binder = Binder::new(&inventory, machine, &params, 0.8);
    for i in 1..=257 {
        let (ir, mistakes) = binder.condition(&parse(&format!("avg(pressure, {i} s) > 4")).unwrap());
        assert_eq!(ir.is_some(), i <= 256, "{mistakes:?}");
    }
}

#[test]
fn other_functions_check_their_arguments_too() {
    assert_eq!(canonical("age(pump) > long"), "(age(`pump`) > 300000)");
    assert_eq!(
        canonical("not good(recipe) or good(pressure + 1)"),
        "(not (good(first(`recipe`))) or good((`pressure` + 1)))"
    );
    assert_eq!(canonical("abs(pressure - 4 bar) > 200 mbar"), "(abs((`pressure` - 4)) > 0.2)");
    assert_eq!(canonical("round(pressure, 1) = 4.2"), "(round1(`pressure`) = 4.2)");
    assert_eq!(canonical("(pressure else 0) > 4"), "(first(`pressure`, 0) > 4)");
    assert_eq!(canonical("(pressure else 500 mbar) > 4"), "(first(`pressure`, 0.5) > 4)");
    assert_eq!(canonical("recipe <> prev(recipe)"), "(first(`recipe`) <> first(prev(`recipe`)))");
    assert_eq!(
        canonical("(recipe else 'none') in ['none', 'Pils']"),
        "((first(first(first(`recipe`), 'none')) = 'none') or (first(first(first(`recipe`), 'none')) = 'Pils'))"
    );
    says(
        "age(pressure + 1) > 5 min",
        &["R206 pressure + 1: `age` needs a tag (this is calculated, or does not change; write `age(tag)`)"],
    );
    says(
        "age(pump) > age(door)",
        &[
            "R206 age(pump) > age(door): `age` is compared with something that changes (`age(x)` is compared with a constant only; write `age(x) > 5 min`)",
        ],
    );
    says(
        "hour(3) > 4",
        &["R206 hour(3): `hour` is called with other arguments (wrong number of arguments; write `hour()`)"],
    );
    says(
        "round(pressure, 10) > 4",
        &["R206 10: a number of decimals from 0 to 9 is expected (here; write `round(x, 1)`)"],
    );
    says(
        "(pressure else 'x') > 4",
        &["R204 pressure else 'x': Float cannot be compared with Text (different types)"],
    );
    holds("age(pump) >= 5 min and age(pump) <= 5 min", &[Value::Bool(true)]);
    holds("hour() in 22 .. 23 and weekday() = Saturday", &[]);
    holds("(recipe else 'none') = 'Pils'", &[Value::Text("Pils".into())]);
    assert_eq!(judge("(recipe else 'none') = 'none'", &[Err(Unknown::Stale)]), Truth::True);
    assert_eq!(judge("(pump else true)", &[Err(Unknown::Stale)]), Truth::True);
}

#[test]
fn what_can_never_change_is_a_mistake_and_what_never_holds_a_warning() {
    says("3 > 2", &["R203 3 > 2: nothing here can change (no tag is compared)"]);
    says("pressure > 3 and 'a' = 'b'", &["R203 'a' = 'b': nothing here can change (no tag is compared)"]);
    says("'x'", &["R202 'x': a condition is expected (this is only a value)"]);
    says(
        "pressure > 5 and pressure < 3",
        &[
            "R210 pressure > 5 and pressure < 3: this can never be true (both cannot hold at once; was `or` meant?)",
        ],
    );
    says(
        "pressure >= 3 or pressure < 3",
        &[
            "R211 pressure >= 3 or pressure < 3: this is always true (one of them always holds; was `and` meant?)",
        ],
    );
    says(
        "pump and pressure > 3 and not pump",
        &[
            "R210 pump and pressure > 3 and not pump: this can never be true (both cannot hold at once; was `or` meant?)",
        ],
    );
    says(
        "flow > 200 m³/h",
        &[
            "R210 flow > 200 m³/h: this can never be true: `flow` has the range 0 to 120 (values outside the range are Unknown)",
        ],
    );
    says(
        "pressure in 5 .. 3",
        &[
            "R210 5 .. 3: the range is empty (its start is greater than its end; write the smaller value first)",
        ],
    );
    says(
        "WS_Cur_State = Idle and WS_Cur_State = Operating",
        &[
            "R210 WS_Cur_State = Idle and WS_Cur_State = Operating: this can never be true (both cannot hold at once; was `or` meant?)",
        ],
    );
    assert_eq!(canonical("enabled and pressure > 3"), "(true and (`pressure` > 3))");
    assert_eq!(canonical("pressure > 3 and pressure < 5"), "((`pressure` > 3) and (`pressure` < 5))");
    assert_eq!(canonical("pressure > 5 or pressure < 3"), "((`pressure` > 5) or (`pressure` < 3))");
}

#[test]
fn definitions_stand_for_what_they_are() {
    let (inventory, machine) = inventory();
    let params = params();
    let mut binder = Binder::new(&inventory, machine, &params, 0.8);
    binder.announce(["hot", "margin", "late"]);
    binder.define("margin", &parse("water_temperature - setpoint").unwrap()).unwrap();
    binder.define("hot", &parse("margin > 5 K").unwrap()).unwrap();
    let (ir, mistakes) = binder.condition(&parse("hot and margin < 60 K").unwrap());
    assert_eq!(mistakes, []);
    assert_eq!(
        binder.names().canonical(&ir.unwrap()),
        "(((`water_temperature` - `setpoint`) > 5) and ((`water_temperature` - `setpoint`) < 60))"
    );
    assert!(binder.define("wrong", &parse("pump + 1").unwrap()).is_err());
    let (ir, mistakes) = binder.condition(&parse("wrong > 3").unwrap());
    assert!(ir.is_none() && mistakes.is_empty(), "the definition has said it: {mistakes:?}");
}

#[test]
fn definitions_written_out_are_bounded() {
    let (inventory, machine) = inventory();
    let params = BTreeMap::new();
    let mut binder = Binder::new(&inventory, machine, &params, 0.8);
    binder.define("d0", &parse("pump").unwrap()).unwrap();
    let failed = (1..40).find_map(|i| {
        let text = format!("d{0} or (d{0} and d{0})", i - 1);
        binder.define(&format!("d{i}"), &parse(&text).unwrap()).err()
    });
    assert_eq!(failed.unwrap()[0].code, "R106");
}
