//! What goes into the engine besides datapoints, as lines of a recording: where it begins, other rules, what
//! operators did, time.
//!
//! Here: their JSON; a line with a `kind` is one of these. Not here: datapoints (`recording`).
//! Invariant: with the datapoints between them they make the engine do what it did while the recording was made.

use std::collections::BTreeMap;

use rules::engine::Identity;
use rules::operator::Command;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A line that is not a datapoint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Moment {
    /// The agent began.
    Snapshot(Box<Snapshot>),
    /// Other rules are in force.
    Rules {
        /// Processing time, ms since 1970 UTC.
        at: i64,
        /// The book of rules.
        book: Value,
    },
    /// Nothing came, but a deadline of the engine did.
    Clock {
        /// Processing time, ms since 1970 UTC.
        at: i64,
    },
    /// Somebody wanted something done to a rule of a machine.
    Operator {
        /// Processing time, ms since 1970 UTC.
        at: i64,
        /// What, who and why.
        command: Command,
    },
    /// The agent's clock was set back.
    Epoch {
        /// Processing time, ms since 1970 UTC.
        at: i64,
    },
}

/// How things stood when an agent began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// See [`proto::VERSION`].
    pub version: u32,
    /// Processing time, ms since 1970 UTC.
    pub at: i64,
    /// `agentId`.
    pub agent_id: String,
    /// 16 hexadecimal digits.
    pub incarnation: String,
    /// The site.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The stored state of each instance, hexadecimal.
    states: BTreeMap<String, String>,
    /// The book of rules.
    pub book: Value,
}

impl Snapshot {
    /// What an engine is made of. `book` are the bytes of the book of rules.
    #[must_use]
    pub fn of(at: i64, identity: &Identity, states: &BTreeMap<String, Vec<u8>>, book: &[u8]) -> Self {
        Self {
            version: proto::VERSION,
            at,
            agent_id: identity.agent_id.clone(),
            incarnation: identity.incarnation.clone(),
            site: identity.site.clone(),
            states: states.iter().map(|(key, bytes)| (key.clone(), hex(bytes))).collect(),
            book: serde_json::from_slice(book).unwrap_or_default(),
        }
    }

    /// Who spoke.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            agent_id: self.agent_id.clone(),
            incarnation: self.incarnation.clone(),
            site: self.site.clone(),
        }
    }

    /// The stored states; none when one of them is not hexadecimal.
    #[must_use]
    pub fn states(&self) -> Option<BTreeMap<String, Vec<u8>>> {
        self.states.iter().map(|(key, text)| Some((key.clone(), bytes(text)?))).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |d: u8| char::from(DIGITS[usize::from(d & 15)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    };
    hex.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_written_byte_for_byte() {
        for golden in [
            r#"{"kind":"snapshot","version":1,"at":5,"agentId":"a","incarnation":"00000000000000ff","site":"n","states":{"r@m":"017b7d"},"book":{"rules":{},"texts":[]}}"#,
            r#"{"kind":"rules","at":6,"book":{"rules":{"r":0},"texts":[["a.toml","x"]]}}"#,
            r#"{"kind":"clock","at":7}"#,
            r#"{"kind":"operator","at":7,"command":{"rule":"r","machine":"m","who":"meier","why":"w","order":{"shelve":60000}}}"#,
            r#"{"kind":"epoch","at":8}"#,
        ] {
            let read: Moment = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), golden);
        }
    }

    #[test]
    fn states_come_back_as_they_were() {
        let identity = Identity { agent_id: "a".into(), incarnation: "ff".into(), site: None };
        let states = BTreeMap::from([("r@m".to_owned(), vec![0, 1, 0x7f, 0x80, 0xff])]);
        let mut snapshot = Snapshot::of(5, &identity, &states, b"{}");
        assert_eq!((snapshot.states(), snapshot.identity()), (Some(states), identity));
        for wrong in ["0", "0g", "é"] {
            snapshot.states.insert("r@m".into(), wrong.into());
            assert_eq!(snapshot.states(), None, "{wrong}");
        }
    }
}
