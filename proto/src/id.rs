//! Ids by which a resent record is recognised.
//!
//! Here: how they are made. Invariant: the same record has the same id for ever, and two records never share
//! one: the parts are hashed with their lengths, and the incarnation tells reinstalled agents apart.

use sha2::{Digest as _, Sha256};

/// The id of a transition: one per agent, incarnation, rule, machine and sequence number.
#[must_use]
pub fn transition(agent: &str, incarnation: &str, rule: &str, equipment: &str, sequence: u64) -> String {
    of(&["transition", agent, incarnation, rule, equipment, &sequence.to_string()])
}

/// The id of an event: one per agent, incarnation and sequence number.
#[must_use]
pub fn event(agent: &str, incarnation: &str, sequence: u64) -> String {
    of(&["event", agent, incarnation, &sequence.to_string()])
}

/// The id of a notification: one per transition, target and number.
#[must_use]
pub fn notification(transition: &str, target: &str, n: u32) -> String {
    of(&["notification", transition, target, &n.to_string()])
}

fn of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize())
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_never_changes() {
        let id = transition("ipc-l3", "00000000000000ff", "caustic", "84068f2f", 41);
        assert_eq!(id, "63ee8c58f24b925b4307b97a1dfc695b922bba53b64b87f05c3e7dfa553fbfe7");
    }

    #[test]
    fn every_byte_has_its_two_digits() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let written: String = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex(&all), written);
    }

    #[test]
    fn parts_do_not_run_into_each_other() {
        assert_ne!(transition("a", "b", "cd", "e", 1), transition("a", "b", "c", "de", 1));
        assert_ne!(event("a", "b", 1), event("a", "b1", 1));
    }
}
