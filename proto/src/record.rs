//! One record of the stream: a transition, an event, a notification, a datapoint, or something newer than this program.
//!
//! Here: telling them apart. Not here: what to do with each (`cloud-ingest`'s `route`).
//! Invariant: whatever arrives is either understood, kept raw, or refused with its reason; nothing panics.

use serde::Deserialize;

use crate::{Datapoint, Event, Notification, Transition, VERSION};

/// A record, told apart by `kind`: one without is a datapoint.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// A rule changed state.
    Transition(Box<Transition>),
    /// The agent says something about itself.
    Event(Event),
    /// Somebody is to be told of a transition.
    Notification(Box<Notification>),
    /// A value of a tag.
    Datapoint(Datapoint<'a>),
    /// A kind or a version that this program does not know: to be kept as it is.
    Newer {
        /// Its `kind`, `datapoint` where it has none.
        kind: String,
        /// Its `version`.
        version: u32,
    },
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum NotARecord {
    /// The bytes are not JSON of the right shape; serde says where.
    #[error("not a record: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Head {
    kind: Option<String>,
    version: u32,
}

impl<'a> Record<'a> {
    /// Reads one record.
    ///
    /// # Errors
    /// When the bytes are not a JSON object with a `version`, or lack fields of their kind.
    pub fn read(bytes: &'a [u8]) -> Result<Self, NotARecord> {
        let head: Head = serde_json::from_slice(bytes)?;
        if head.version > VERSION {
            return Ok(Self::Newer { kind: head.kind.unwrap_or("datapoint".into()), version: head.version });
        }
        Ok(match head.kind.as_deref() {
            None => Self::Datapoint(serde_json::from_slice(bytes)?),
            Some("transition") => Self::Transition(Box::new(serde_json::from_slice(bytes)?)),
            Some("notification") => Self::Notification(Box::new(serde_json::from_slice(bytes)?)),
            Some("event") => Self::Event(serde_json::from_slice(bytes)?),
            Some(other) => Self::Newer { kind: other.to_owned(), version: head.version },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_kind_is_a_datapoint() {
        let json = br#"{"version":1,"timestamp":1,"equipmentId":"m","tag":"t","value":true,"quality":"Ok","meta":{"sequenceNumber":1,"sourceId":"s"}}"#;
        assert!(matches!(Record::read(json).unwrap(), Record::Datapoint(d) if d.tag == "t"));
    }

    #[test]
    fn a_higher_version_and_a_new_kind_are_kept_not_refused() {
        let newer = |json: &[u8]| match Record::read(json) {
            Ok(Record::Newer { kind, version }) => (kind, version),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            newer(br#"{"version":2,"kind":"transition","shape":"unknown"}"#),
            ("transition".into(), 2)
        );
        assert_eq!(newer(br#"{"version":1,"kind":"photograph"}"#), ("photograph".into(), 1));
    }

    #[test]
    fn noise_is_refused_with_its_place() {
        for noise in [
            &b""[..],
            b"[]",
            b"{\"version\":1}",
            b"\xff\xfe",
            b"{\"version\":-1}",
            b"{\"version\":1,\"kind\":\"event\"}",
        ] {
            let said = Record::read(noise).unwrap_err().to_string();
            assert!(said.starts_with("not a record: "), "{said}");
        }
    }
}
