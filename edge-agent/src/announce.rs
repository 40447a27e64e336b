//! Events, as they leave: numbered, with who says them.
//!
//! Here: from a happening to its JSON. Not here: who notices it. Invariant: numbers never come again within an
//! incarnation: the number that comes next is kept in the ledger, with the event that had the last.

use proto::event::EventKind;
use proto::{Event, Happening};
use rules::engine::Identity;

use crate::outbox::{Ledger, LedgerError};

/// Name of the ledger's note with the number that comes next.
const NOTE: &str = "events";

/// Makes events.
#[derive(Debug)]
pub struct Announcer {
    identity: Identity,
    next: u64,
}

impl Announcer {
    /// Goes on where the ledger says.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn resume(identity: Identity, ledger: &Ledger) -> Result<Self, LedgerError> {
        let note = ledger.note(NOTE)?;
        let next = note.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(0);
        Ok(Self { identity, next })
    }

    /// The key and the bytes of an event.
    pub fn entry(&mut self, happening: Happening, timestamp: i64) -> Option<(String, Vec<u8>)> {
        self.next += 1;
        let Identity { agent_id, incarnation, site } = &self.identity;
        let event = Event {
            kind: EventKind::Event,
            version: proto::VERSION,
            id: proto::id::event(agent_id, incarnation, self.next),
            agent_id: agent_id.clone(),
            incarnation: incarnation.clone(),
            site: site.clone(),
            timestamp,
            sequence_number: self.next,
            happening,
        };
        match serde_json::to_vec(&event) {
            Ok(json) => Some((agent_id.clone(), json)),
            Err(e) => {
                tracing::error!(error = %e, "event cannot be written");
                None
            }
        }
    }

    /// The note that goes with the events made so far.
    #[must_use]
    pub fn note(&self) -> (String, Vec<u8>) {
        (NOTE.into(), self.next.to_string().into_bytes())
    }
}
