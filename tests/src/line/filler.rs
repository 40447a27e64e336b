//! The tags of the filler.
//!
//! Here: what it has, where, and how each value moves. Not here: when anything goes wrong.
//! Invariant: a limit here is a limit in a rule file; `expected`'s tests hold the two together.

use super::Signal::{Bottles, Differs, Fixed, Hours, Lot, Running, Speed, State};
use super::Type::{Bool, Dint, Int, Real, String, Udint};
use super::Value;
use super::tag::{Signal, Tag, Trouble, analog, driven, flag, tag};
use crate::script::Fault;
use crate::script::Machine::Filler;

pub(super) static TAGS: &[Tag] = &[
    tag(Filler, "WS_Cur_State", 0, Udint, State),
    tag(Filler, "WS_Cur_Prog", 4, Udint, Fixed(Value::Int(1))),
    tag(Filler, "WS_Cur_Mach_Spd", 8, Dint, Speed).within("1/h", [0.0, 60_000.0]),
    tag(Filler, "WS_Set_Mach_Spd", 12, Dint, Fixed(Value::Int(36_000))).within("1/h", [0.0, 60_000.0]),
    tag(Filler, "WS_Tot_Bottles", 16, Udint, Bottles { share: 1.0 }),
    tag(Filler, "WS_Bad_Bottles", 20, Udint, Bottles { share: 0.0025 }),
    flag(Filler, "infeed_lack", (24, 0), Fault::Lack, true),
    flag(Filler, "discharge_tailback", (24, 1), Fault::Tailback, true),
    flag(Filler, "guard_closed", (24, 2), Fault::EmergencyStop, false),
    flag(Filler, "main_drive_tripped", (24, 3), Fault::EquipmentFailure, true),
    flag(Filler, "lubrication_ok", (24, 4), Fault::LubricationLost, false),
    tag(Filler, "product_valve_open", 24, Bool(5), Running),
    tag(Filler, "co2_valve_open", 24, Bool(6), Fixed(Value::Bool(true))),
    tag(Filler, "rinser_running", 24, Bool(7), Running),
    tag(Filler, "capper_running", 25, Bool(0), Running),
    tag(
        Filler,
        "cap_hopper_level",
        26,
        Int,
        Signal::Analog {
            mean: 62.0,
            drift: 12.0,
            noise: 2.0,
            troubles: &[Trouble { fault: Fault::CapsLow, limits: &[15.0], peak: 6.0, step: 2.0 }],
        },
    )
    .within("%", [0.0, 100.0]),
    tag(Filler, "oil_level", 28, Int, Signal::Analog { mean: 71.0, drift: 3.0, noise: 0.5, troubles: &[] })
        .within("%", [0.0, 100.0]),
    analog(
        Filler,
        "WS_Press_Bottling",
        30,
        ("bar", [0.0, 10.0]),
        [3.2, 0.2, 0.08],
        &[Trouble { fault: Fault::BowlPressureLow, limits: &[2.0], peak: 1.3, step: 0.05 }],
    ),
    analog(
        Filler,
        "WS_Temp_Product",
        34,
        ("°C", [0.0, 60.0]),
        [17.0, 1.0, 0.3],
        &[
            Trouble { fault: Fault::ProductWarm, limits: &[22.0, 26.0], peak: 24.2, step: 0.15 },
            Trouble { fault: Fault::ProductHot, limits: &[22.0, 26.0], peak: 28.5, step: 0.15 },
        ],
    ),
    analog(Filler, "bowl_level", 38, ("%", [0.0, 100.0]), [54.0, 4.0, 1.5], &[]),
    driven(Filler, "product_flow", 42, ("m³/h", [0.0, 40.0]), [0.0, 18.0, 0.4]),
    analog(Filler, "co2_pressure", 46, ("bar", [0.0, 16.0]), [5.6, 0.3, 0.1], &[]),
    analog(Filler, "rinse_water_temperature", 50, ("°C", [0.0, 120.0]), [42.0, 2.0, 0.5], &[]),
    driven(Filler, "rinse_water_pressure", 54, ("bar", [0.0, 10.0]), [0.4, 3.1, 0.1]),
    analog(Filler, "vacuum_pressure", 58, ("bar", [-1.0, 0.0]), [-0.86, 0.03, 0.01], &[]),
    driven(Filler, "main_motor_current", 62, ("A", [0.0, 80.0]), [1.8, 31.0, 1.2]),
    analog(
        Filler,
        "main_motor_temperature",
        66,
        ("°C", [0.0, 160.0]),
        [61.0, 4.0, 0.6],
        &[Trouble { fault: Fault::DriveHot, limits: &[85.0], peak: 94.0, step: 0.4 }],
    ),
    driven(Filler, "capper_torque", 70, ("Nm", [0.0, 5.0]), [0.0, 1.9, 0.15]),
    driven(Filler, "conveyor_current", 74, ("A", [0.0, 40.0]), [0.9, 11.5, 0.6]),
    tag(Filler, "lot_number", 78, Dint, Lot),
    tag(Filler, "operating_hours", 82, Udint, Hours),
    tag(
        Filler,
        "recipe",
        86,
        String(24),
        Differs {
            usual: Value::Text("Pils 0.5 l"),
            fault: Fault::TrialRecipe,
            then: Value::Text("Pils 0.33 l trial"),
        },
    ),
    tag(Filler, "filling_valves_active", 112, Int, Fixed(Value::Int(112))),
    tag(
        Filler,
        "ambient_temperature",
        114,
        Real,
        Signal::Analog { mean: 24.0, drift: 2.0, noise: 0.1, troubles: &[] },
    )
    .within("°C", [-20.0, 60.0]),
];
