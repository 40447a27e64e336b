//! What can go wrong on the line: machines, faults, and the tracks that faults take turns on.
//!
//! Here: the table. Not here: when anything happens (`script`), or how it shows (`line`).
//! Invariant: a fault has one track on a machine, so one episode of it at a time; a slot leaves room for the
//! longest episode with its ramps.

use super::{BEAT_MS, LEAD_MS, RAMP_MS};

/// A machine of the line. Each has a PLC of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Machine {
    /// Fills and caps.
    Filler,
    /// Washes returned bottles.
    Washer,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Stops: no bottles come.
    Lack,
    /// Stops: no bottles go.
    Tailback,
    /// Stops: the machine itself.
    EquipmentFailure,
    /// Stops: something around the machine.
    ExternalFailure,
    /// Stops: somebody hit the button.
    EmergencyStop,
    /// Runs, but slowly.
    SlowRun,
    /// Too little pressure in the filler's bowl.
    BowlPressureLow,
    /// The product is warmer than it should be.
    ProductWarm,
    /// The same, and for a while far too warm.
    ProductHot,
    /// The hopper runs out of caps.
    CapsLow,
    /// The main motor gets hot.
    DriveHot,
    /// The lubrication fails.
    LubricationLost,
    /// A recipe on trial.
    TrialRecipe,
    /// The caustic is too hot.
    CausticHot,
    /// The caustic is too cold.
    CausticCold,
    /// The jetting pump works against something blocked.
    PumpBlocked,
    /// The caustic is too weak.
    CausticWeak,
    /// Too little steam.
    SteamLow,
    /// Too much steam.
    SteamHigh,
    /// Too little fresh water.
    FreshWaterLow,
}

/// One thing that can go wrong on one machine, by the faults it takes turns with.
#[derive(Debug)]
pub struct Track {
    /// Where.
    pub machine: Machine,
    /// What it draws from.
    pub faults: &'static [Fault],
    /// Tells its draws from those of other tracks.
    pub(super) id: u64,
    pub(super) slot_ms: i64,
    /// Earliest begin within the slot, and how much later it may be.
    pub(super) first_ms: i64,
    pub(super) spread_ms: i64,
    /// Shortest length, and how much longer it may be.
    pub(super) shortest_ms: i64,
    pub(super) longer_ms: i64,
    pub(super) on_beat: bool,
}

const STOPS: &[Fault] = &[
    Fault::Lack,
    Fault::Tailback,
    Fault::EquipmentFailure,
    Fault::ExternalFailure,
    Fault::EmergencyStop,
    Fault::SlowRun,
];

/// Every track of the line.
pub static TRACKS: &[Track] = {
    use Fault::*;
    use Machine::{Filler, Washer};
    &[
        free(1, Filler, STOPS, 18_000, 5_000, [5_000, 8_000]),
        free(2, Washer, STOPS, 18_000, 5_000, [5_000, 8_000]),
        free(3, Filler, &[BowlPressureLow], 15_000, 3_000, [5_000, 8_000]),
        free(4, Filler, &[ProductWarm, ProductHot], 20_000, 4_000, [8_500, 12_000]),
        free(5, Filler, &[CapsLow], 16_000, 4_000, [4_000, 8_000]),
        beat(6, Filler, &[DriveHot], 2_000, [8_000, 16_000]),
        beat(7, Filler, &[LubricationLost], 4_000, [8_000, 12_000]),
        free(8, Filler, &[TrialRecipe], 24_000, 8_000, [6_000, 12_000]),
        beat(9, Washer, &[CausticHot, CausticCold], 2_000, [8_000, 16_000]),
        beat(10, Washer, &[PumpBlocked], 4_000, [8_000, 12_000]),
        free(11, Washer, &[CausticWeak], 17_000, 4_000, [7_000, 9_500]),
        free(12, Washer, &[SteamLow, SteamHigh], 15_000, 4_000, [4_000, 7_000]),
        free(13, Washer, &[FreshWaterLow], 19_000, 4_000, [9_000, 11_500]),
    ]
};

impl Machine {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Filler, Self::Washer];

    /// The name that rules and the agent's configuration use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Filler => "filler-1",
            Self::Washer => "washer-1",
        }
    }

    /// The id that the stream and the store use.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Filler => "3b1e1c43-52a9-4e0f-9f0e-6f1a7f0b9a10",
            Self::Washer => "84068f2f-3f39-4b9c-a995-d2a84d878689",
        }
    }
}

impl Track {
    /// The track of a fault on a machine.
    #[must_use]
    pub fn of(machine: Machine, fault: Fault) -> Option<&'static Self> {
        TRACKS.iter().find(|t| t.machine == machine && t.faults.contains(&fault))
    }

    /// Which slot an instant lies in; negative before the first.
    pub(crate) fn slot(&self, at_ms: i64) -> i64 {
        (at_ms - LEAD_MS).div_euclid(self.slot_ms)
    }

    /// When a slot begins, ms since the start.
    pub(crate) fn slot_begin(&self, slot: i64) -> i64 {
        LEAD_MS + slot * self.slot_ms
    }
}

const fn free(
    id: u64,
    machine: Machine,
    faults: &'static [Fault],
    slot_ms: i64,
    spread_ms: i64,
    [shortest_ms, longest_ms]: [i64; 2],
) -> Track {
    let longer_ms = longest_ms - shortest_ms;
    Track {
        machine,
        faults,
        id,
        slot_ms,
        first_ms: RAMP_MS,
        spread_ms,
        shortest_ms,
        longer_ms,
        on_beat: false,
    }
}

const fn beat(
    id: u64,
    machine: Machine,
    faults: &'static [Fault],
    phase_ms: i64,
    [shortest_ms, longest_ms]: [i64; 2],
) -> Track {
    let longer_ms = longest_ms - shortest_ms;
    let (slot_ms, spread_ms) = (5 * BEAT_MS, 2 * BEAT_MS);
    Track {
        machine,
        faults,
        id,
        slot_ms,
        first_ms: phase_ms,
        spread_ms,
        shortest_ms,
        longer_ms,
        on_beat: true,
    }
}
