//! Whom to speak to in a PLC: the two TSAPs of a connection, given outright or by rack, slot and kind.
//!
//! Here: the numbers. Not here: how they are sent (`codec`).
//! Invariant: a [`Tsap`] made of rack and slot names exactly that place.

/// The local TSAP of nearly every client; a PLC looks at the other one.
const LOCAL: u16 = 0x0100;
/// The most that fits in the bits.
const RACK_MAX: u8 = 7;
const SLOT_MAX: u8 = 31;

/// Which of the PLC's connections is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// That of an engineering station. Many PLCs have one only: taking it locks the engineer out.
    Pg,
    /// That of an operator panel.
    #[default]
    Op,
    /// Any other.
    Basic,
}

/// Both ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tsap {
    /// Our end.
    pub local: u16,
    /// The PLC's end.
    pub remote: u16,
}

/// Rack and slot that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TsapError {
    /// No such rack.
    #[error("rack {0} does not exist, racks are 0 to {RACK_MAX}")]
    Rack(u8),
    /// No such slot.
    #[error("slot {0} does not exist, slots are 0 to {SLOT_MAX}")]
    Slot(u8),
}

impl Tsap {
    /// The CPU in this rack and slot: S7-1200 and S7-1500 rack 0, slot 1 (or 0); S7-300 rack 0, slot 2.
    ///
    /// # Errors
    /// When there can be no such place.
    pub fn of_slot(rack: u8, slot: u8, connection: Connection) -> Result<Self, TsapError> {
        if rack > RACK_MAX {
            return Err(TsapError::Rack(rack));
        }
        if slot > SLOT_MAX {
            return Err(TsapError::Slot(slot));
        }
        let kind = match connection {
            Connection::Pg => 1,
            Connection::Op => 2,
            Connection::Basic => 3,
        };
        Ok(Self { local: LOCAL, remote: u16::from_be_bytes([kind, rack << 5 | slot]) })
    }
}

impl Default for Tsap {
    /// An OP connection to rack 0, slot 1.
    fn default() -> Self {
        Self { local: LOCAL, remote: 0x0201 }
    }
}

impl std::fmt::Display for Tsap {
    /// As the technician configured it, whichever way that was: `rack 0, slot 1 (TSAP 0201)`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [kind, place] = self.remote.to_be_bytes();
        match kind {
            1..=3 => write!(f, "rack {}, slot {} (TSAP {:04X})", place >> 5, place & SLOT_MAX, self.remote),
            _ => write!(f, "TSAP {:04X}", self.remote),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rack_slot_and_kind_make_the_tsap_of_the_field() {
        let remote = |rack, slot, kind| Tsap::of_slot(rack, slot, kind).unwrap().remote;
        assert_eq!(remote(0, 1, Connection::Op), 0x0201);
        assert_eq!(remote(0, 2, Connection::Pg), 0x0102);
        assert_eq!(remote(1, 3, Connection::Basic), 0x0323);
        assert_eq!(Tsap::of_slot(0, 1, Connection::default()), Ok(Tsap::default()));
    }

    #[test]
    fn impossible_places_are_refused() {
        assert_eq!(Tsap::of_slot(8, 0, Connection::Op), Err(TsapError::Rack(8)));
        assert_eq!(Tsap::of_slot(0, 32, Connection::Op), Err(TsapError::Slot(32)));
    }

    #[test]
    fn it_is_shown_as_a_place_when_it_is_one() {
        let shown = Tsap::of_slot(1, 3, Connection::Op).unwrap().to_string();
        assert_eq!(shown, "rack 1, slot 3 (TSAP 0223)");
        assert_eq!(Tsap { local: 0x1000, remote: 0x1000 }.to_string(), "TSAP 1000");
    }
}
