//! The tags of the bottle washer.
//!
//! Here: what it has, where, and how each value moves. Not here: when anything goes wrong.
//! Invariant: a limit here is a limit in a rule file; `expected`'s tests hold the two together.

use super::Signal::{Analog, Bottles, Fixed, Hours, Lot, Running, Speed, State};
use super::Type::{Bool, Dint, Int, String, Udint};
use super::Value;
use super::tag::{Tag, Trouble, analog, driven, flag, tag};
use crate::script::Fault;
use crate::script::Machine::Washer;

pub(super) static TAGS: &[Tag] = &[
    tag(Washer, "WS_Cur_State", 0, Udint, State),
    tag(Washer, "WS_Cur_Prog", 4, Udint, Fixed(Value::Int(1))),
    tag(Washer, "WS_Cur_Mach_Spd", 8, Dint, Speed).within("1/h", [0.0, 60_000.0]),
    tag(Washer, "WS_Set_Mach_Spd", 12, Dint, Fixed(Value::Int(38_000))).within("1/h", [0.0, 60_000.0]),
    tag(Washer, "WS_Tot_Bottles", 16, Udint, Bottles { share: 1.0 }),
    tag(Washer, "WS_Bad_Bottles", 20, Udint, Bottles { share: 0.004 }),
    flag(Washer, "infeed_lack", (24, 0), Fault::Lack, true),
    flag(Washer, "discharge_tailback", (24, 1), Fault::Tailback, true),
    flag(Washer, "guard_closed", (24, 2), Fault::EmergencyStop, false),
    flag(Washer, "main_drive_tripped", (24, 3), Fault::EquipmentFailure, true),
    tag(Washer, "pump_running", 24, Bool(4), Fixed(Value::Bool(true))),
    tag(Washer, "label_press_running", 24, Bool(5), Running),
    tag(Washer, "exhaust_fan_running", 24, Bool(6), Fixed(Value::Bool(true))),
    flag(Washer, "dosing_valve_open", (24, 7), Fault::CausticWeak, true),
    flag(Washer, "steam_valve_open", (25, 0), Fault::CausticHot, false),
    tag(Washer, "service_mode", 25, Bool(1), Fixed(Value::Bool(false))),
    tag(
        Washer,
        "steam_valve_position",
        26,
        Int,
        Analog { mean: 48.0, drift: 9.0, noise: 2.0, troubles: &[] },
    )
    .within("%", [0.0, 100.0]),
    tag(Washer, "caustic_level", 28, Int, Analog { mean: 83.0, drift: 4.0, noise: 1.0, troubles: &[] })
        .within("%", [0.0, 100.0]),
    analog(
        Washer,
        "water_temperature",
        30,
        ("°C", [0.0, 120.0]),
        [80.0, 1.5, 0.4],
        &[
            Trouble { fault: Fault::CausticHot, limits: &[90.0], peak: 94.0, step: 0.3 },
            Trouble { fault: Fault::CausticCold, limits: &[70.0], peak: 65.0, step: 0.3 },
        ],
    ),
    analog(Washer, "caustic_2_temperature", 34, ("°C", [0.0, 120.0]), [71.0, 1.5, 0.4], &[]),
    analog(Washer, "rinse_temperature", 38, ("°C", [0.0, 120.0]), [34.0, 2.0, 0.5], &[]),
    analog(
        Washer,
        "pressure",
        42,
        ("bar", [0.0, 16.0]),
        [3.4, 0.2, 0.1],
        &[Trouble { fault: Fault::PumpBlocked, limits: &[6.0], peak: 7.2, step: 0.08 }],
    ),
    analog(
        Washer,
        "caustic_concentration",
        46,
        ("%", [0.0, 10.0]),
        [2.1, 0.1, 0.05],
        &[Trouble { fault: Fault::CausticWeak, limits: &[1.5], peak: 1.2, step: 0.05 }],
    ),
    analog(Washer, "conductivity", 50, ("mS/cm", [0.0, 200.0]), [92.0, 4.0, 1.0], &[]),
    analog(
        Washer,
        "fresh_water_pressure",
        54,
        ("bar", [0.0, 10.0]),
        [3.6, 0.2, 0.08],
        &[Trouble { fault: Fault::FreshWaterLow, limits: &[1.8], peak: 1.1, step: 0.06 }],
    ),
    driven(Washer, "fresh_water_flow", 58, ("m³/h", [0.0, 40.0]), [0.5, 11.0, 0.4]),
    analog(
        Washer,
        "steam_pressure",
        62,
        ("bar", [0.0, 16.0]),
        [6.0, 0.4, 0.1],
        &[
            Trouble { fault: Fault::SteamLow, limits: &[3.0], peak: 2.2, step: 0.1 },
            Trouble { fault: Fault::SteamHigh, limits: &[9.0], peak: 10.0, step: 0.1 },
        ],
    ),
    driven(Washer, "main_drive_current", 66, ("A", [0.0, 80.0]), [1.5, 27.0, 1.0]),
    analog(Washer, "pump_current", 70, ("A", [0.0, 60.0]), [21.0, 0.8, 0.5], &[]),
    driven(Washer, "conveyor_current", 74, ("A", [0.0, 40.0]), [0.8, 9.5, 0.5]),
    tag(Washer, "lot_number", 78, Dint, Lot),
    tag(Washer, "operating_hours", 82, Udint, Hours),
    tag(Washer, "recipe", 86, String(24), Fixed(Value::Text("NRW 0.5 l brown"))),
    tag(Washer, "soaking_time", 112, Int, Fixed(Value::Int(420))).within("s", [0.0, 1_800.0]),
];
