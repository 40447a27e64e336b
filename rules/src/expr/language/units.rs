//! Tests of units, of temperatures, of shares, of what is calculated.

use super::*;

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
