//! What every PLC of the plant shows to the outside, whatever it speaks.
//!
//! Here: where it is found, the gate before it, what clients did wrong. Not here: any protocol.

use std::io;
use std::net::SocketAddr;

use super::Violation;
use super::violation::Violations;
use crate::gate::Gate;

/// A server behind its gate.
#[derive(Debug)]
pub struct Front {
    gate: Gate,
    violations: Violations,
}

impl Front {
    /// Before a server at an address.
    ///
    /// # Errors
    /// When no port can be had.
    pub(super) fn before(server: SocketAddr, violations: Violations) -> io::Result<Self> {
        Ok(Self { gate: Gate::before(server)?, violations })
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.gate.address()
    }

    /// Through it the server falls silent, goes away and comes back.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Everything that a client did and must not do.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.violations.all()
    }
}
