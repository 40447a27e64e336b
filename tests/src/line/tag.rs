//! A tag of the line: its name, its place in the controller, and what makes its value move.
//!
//! Here: the shapes. Not here: the tags themselves (`filler`, `washer`), nor how a signal is played (`line`).
//! Invariant: a tag's place never changes; the agent's configuration names it too, and a test compares them.

use super::{filler, washer};
use crate::chance::draw;
use crate::script::{Fault, Machine};

/// The namespace of the tags that are read over OPC UA.
pub const NAMESPACE: &str = "urn:plimsoll:plant";

/// How a machine's controller is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Polled; whoever reads puts the stamp on a value.
    S7,
    /// Subscribed; the controller puts the stamp on a value.
    Opcua,
}

/// One tag.
#[derive(Debug, Clone, Copy)]
pub struct Tag {
    /// The machine it belongs to.
    pub machine: Machine,
    /// Its name, unique on its machine.
    pub name: &'static str,
    /// Its first byte in the machine's data block.
    pub at: u16,
    /// How it is encoded.
    pub ty: Type,
    /// Its unit, where it has one.
    pub unit: Option<&'static str>,
    /// Lowest and highest plausible value.
    pub range: Option<[f64; 2]>,
    /// What moves it.
    pub signal: Signal,
}

/// How the controller holds a tag, big-endian in a data block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// A bit of its byte, counted from the lowest.
    Bool(u8),
    /// 16 bits, signed.
    Int,
    /// 32 bits, signed.
    Dint,
    /// 32 bits, unsigned.
    Udint,
    /// IEEE 754 binary32.
    Real,
    /// Two bytes of lengths, then this many of text.
    String(u8),
}

/// What a tag holds at an instant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A bit.
    Bool(bool),
    /// An integer of any width.
    Int(i64),
    /// A real number, rounded to 0.01.
    Real(f32),
    /// A text, ASCII.
    Text(&'static str),
}

/// What makes a tag's value.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    /// The machine's Weihenstephan state.
    State,
    /// The machine's speed.
    Speed,
    /// A share of the bottles made since the lot began.
    Bottles {
        /// 1 counts all of them.
        share: f64,
    },
    /// The number of the lot.
    Lot,
    /// The hour meter.
    Hours,
    /// Always the same.
    Fixed(Value),
    /// Whether the machine turns.
    Running,
    /// One value, and another while a fault lasts.
    Differs {
        /// Without the fault.
        usual: Value,
        /// The fault.
        fault: Fault,
        /// With it.
        then: Value,
    },
    /// Follows the machine's speed.
    Driven {
        /// At standstill.
        idle: f64,
        /// At full speed.
        full: f64,
        /// How far it strays at full speed.
        noise: f64,
    },
    /// Wanders about its mean, and leaves it while a fault lasts.
    Analog {
        /// What it wanders about.
        mean: f64,
        /// How far, slowly.
        drift: f64,
        /// How far, quickly.
        noise: f64,
        /// The faults that show in it.
        troubles: &'static [Trouble],
    },
}

/// How a fault shows in a value.
#[derive(Debug, Clone, Copy)]
pub struct Trouble {
    /// The fault.
    pub fault: Fault,
    /// The limits that rules compare with: crossed by the episode, and by its severe part.
    pub limits: &'static [f64],
    /// How far it goes.
    pub peak: f64,
    /// How far on either side of a limit it stands at the crossing.
    pub step: f64,
}

impl Tag {
    /// Every tag of the line, machine by machine, by address.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        Machine::ALL.into_iter().flat_map(Self::on)
    }

    /// The tags of one machine, by address.
    pub fn on(machine: Machine) -> std::slice::Iter<'static, Self> {
        match machine {
            Machine::Filler => filler::TAGS.iter(),
            Machine::Washer => washer::TAGS.iter(),
        }
    }

    /// Where the agent finds it, in its own notation: `DB10.DBD30:REAL`,
    /// `nsu=urn:plimsoll:plant;s=washer-1.pressure`.
    #[must_use]
    pub fn address(&self) -> String {
        match self.machine.protocol() {
            Protocol::S7 => self.place(),
            Protocol::Opcua => format!("nsu={NAMESPACE};s={}", self.node()),
        }
    }

    /// The identifier of its node.
    #[must_use]
    pub fn node(&self) -> String {
        format!("{}.{}", self.machine.name(), self.name)
    }

    fn place(&self) -> String {
        let (block, at) = (self.machine.block(), self.at);
        match self.ty {
            Type::Bool(bit) => format!("DB{block}.DBX{at}.{bit}"),
            Type::Int => format!("DB{block}.DBW{at}:INT"),
            Type::Dint => format!("DB{block}.DBD{at}:DINT"),
            Type::Udint => format!("DB{block}.DBD{at}:UDINT"),
            Type::Real => format!("DB{block}.DBD{at}:REAL"),
            Type::String(length) => format!("DB{block}.DBB{at}:STRING[{length}]"),
        }
    }

    /// A number as this tag holds it.
    pub(super) fn number(&self, number: f64) -> Value {
        match self.ty {
            // Two decimals, as a PLC's scaling gives them; a binary32 holds more than the line ever needs.
            Type::Real => Value::Real(((number * 100.0).round() / 100.0) as f32),
            _ => Value::Int(number.round() as i64),
        }
    }

    /// Tells this tag's noise from that of others.
    pub(super) fn whose(&self) -> u64 {
        draw(self.machine.block().into(), &[self.at.into()])
    }
}

impl Machine {
    /// How its controller is read.
    #[must_use]
    pub fn protocol(self) -> Protocol {
        match self {
            Self::Filler => Protocol::S7,
            Self::Washer => Protocol::Opcua,
        }
    }

    /// The number of its data block.
    #[must_use]
    pub fn block(self) -> u16 {
        match self {
            Self::Filler => 10,
            Self::Washer => 20,
        }
    }
}

impl Value {
    /// The value as a number, where it is one.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Int(int) => Some(int as f64),
            Self::Real(real) => Some(real.into()),
            Self::Bool(_) | Self::Text(_) => None,
        }
    }
}

/// A tag without unit or range.
pub(super) const fn tag(machine: Machine, name: &'static str, at: u16, ty: Type, signal: Signal) -> Tag {
    Tag { machine, name, at, ty, unit: None, range: None, signal }
}

/// A REAL that follows the speed: what it holds at standstill and at full speed.
pub(super) const fn driven(
    machine: Machine,
    name: &'static str,
    at: u16,
    (unit, range): (&'static str, [f64; 2]),
    [idle, full, noise]: [f64; 3],
) -> Tag {
    tag(machine, name, at, Type::Real, Signal::Driven { idle, full, noise }).within(unit, range)
}

/// A REAL that wanders: mean, drift, noise, and the faults that show in it.
pub(super) const fn analog(
    machine: Machine,
    name: &'static str,
    at: u16,
    (unit, range): (&'static str, [f64; 2]),
    [mean, drift, noise]: [f64; 3],
    troubles: &'static [Trouble],
) -> Tag {
    let signal = Signal::Analog { mean, drift, noise, troubles };
    tag(machine, name, at, Type::Real, signal).within(unit, range)
}

impl Tag {
    /// The same tag with a unit and a range.
    pub(super) const fn within(mut self, unit: &'static str, range: [f64; 2]) -> Self {
        (self.unit, self.range) = (Some(unit), Some(range));
        self
    }
}

/// A bit that a fault sets or clears.
pub(super) const fn flag(
    machine: Machine,
    name: &'static str,
    (at, bit): (u16, u8),
    fault: Fault,
    then: bool,
) -> Tag {
    let signal = Signal::Differs { usual: Value::Bool(!then), fault, then: Value::Bool(then) };
    tag(machine, name, at, Type::Bool(bit), signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_neither_overlap_nor_share_a_name() {
        for machine in Machine::ALL {
            let mut bits = std::collections::HashSet::new();
            let mut names = std::collections::HashSet::new();
            for tag in Tag::on(machine) {
                assert_eq!(tag.machine, machine, "{}", tag.name);
                assert!(names.insert(tag.name), "{} is there twice", tag.name);
                let first = u32::from(tag.at) * 8;
                let taken = match tag.ty {
                    Type::Bool(bit) => first + u32::from(bit)..first + u32::from(bit) + 1,
                    Type::Int => first..first + 16,
                    Type::String(length) => first..first + 16 + u32::from(length) * 8,
                    _ => first..first + 32,
                };
                assert!(taken.into_iter().all(|bit| bits.insert(bit)), "{} overlaps", tag.name);
            }
        }
        assert!((55..=75).contains(&Tag::all().count()));
    }

    #[test]
    fn addresses_read_as_the_agent_writes_them() {
        let address = |name| Tag::all().find(|t| t.name == name).unwrap().address();
        assert_eq!(address("caustic_level"), "nsu=urn:plimsoll:plant;s=washer-1.caustic_level");
        assert_eq!(address("WS_Press_Bottling"), "DB10.DBD30:REAL");
        assert_eq!(address("lubrication_ok"), "DB10.DBX24.4");
        assert_eq!(address("recipe"), "DB10.DBB86:STRING[24]");
    }
}
