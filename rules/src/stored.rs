//! The state of an instance as it outlives the process (§8).
//!
//! Here: its bytes, and what of them still fits an edited rule. Not here: where the bytes are kept.
//! Invariant: the first byte is the format; bytes of another format are refused, never guessed at. What was
//! reached under another condition is not carried over.

use proto::Severity;
use serde::{Deserialize, Serialize};

use crate::condition::Phase;
use crate::group::{By, Vote};
use crate::instance::{Instance, REMOVED, State};

/// The format that is written.
const FORMAT: u8 = 1;

/// Why stored bytes are not the state of an instance.
#[derive(Debug, thiserror::Error)]
pub enum NotAState {
    /// Another format, or no bytes at all.
    #[error("format {0:?}, this version reads {FORMAT}")]
    Format(Option<u8>),
    /// The right format, but damaged.
    #[error("damaged: {0}")]
    Damaged(#[from] serde_json::Error),
}

/// The state of an instance at a watermark.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// How far the instance had been judged, ms since 1970 UTC.
    pub watermark: i64,
    sequence: u64,
    since: Option<i64>,
    state: String,
    severity: Severity,
    weight: u32,
    winner: Option<(String, By)>,
    groups: Vec<StoredGroup>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredGroup {
    name: Option<String>,
    vote: Option<Vote>,
    ever_decided: bool,
    conditions: Vec<StoredCondition>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredCondition {
    name: String,
    identity: String,
    phase: Phase,
}

impl Stored {
    /// Reads what [`bytes`] wrote.
    ///
    /// # Errors
    /// When the bytes are of another format or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAState> {
        match bytes.split_first() {
            Some((&FORMAT, json)) => Ok(serde_json::from_slice(json)?),
            other => Err(NotAState::Format(other.map(|(format, _)| *format))),
        }
    }

    /// Puts the stored state into a new instance of the same rule and machine. Of a rule that was removed in
    /// between only the counter goes on.
    pub(crate) fn resume(self, instance: &mut Instance) {
        instance.sequence = self.sequence;
        if self.state == REMOVED {
            return;
        }
        let rule = std::sync::Arc::clone(&instance.plan.rule);
        let place = |name: &Option<String>| rule.groups.iter().position(|g| g.name == *name);
        for stored in self.groups {
            let Some(group) = place(&stored.name) else { continue };
            let standing = &mut instance.groups[group];
            for (i, state) in rule.groups[group].states.iter().enumerate() {
                let identity = &instance.plan.conditions[group][i].identity;
                let same_name = stored.conditions.iter().find(|c| c.name == state.named.name);
                standing.phases[i] =
                    same_name.map_or(Phase::Off, |c| c.phase.carried(c.identity == *identity));
            }
            (standing.vote, standing.ever_decided) = (stored.vote, stored.ever_decided);
            standing.pause(self.watermark);
        }
        let winner =
            self.winner.and_then(|(name, by)| Some((place(&Some(name).filter(|n| !n.is_empty()))?, by)));
        instance.state = State { name: self.state, severity: self.severity, weight: self.weight, winner };
        instance.since = self.since;
    }
}

/// The bytes that keep an instance's state, as it stands at this watermark.
pub(crate) fn bytes(instance: &Instance, watermark: i64) -> Vec<u8> {
    let rule = &instance.plan.rule;
    let group = |(i, standing): (usize, &crate::group::Standing)| StoredGroup {
        name: rule.groups[i].name.clone(),
        vote: standing.vote.clone(),
        ever_decided: standing.ever_decided,
        conditions: (0..standing.phases.len())
            .map(|s| StoredCondition {
                name: rule.groups[i].states[s].named.name.clone(),
                identity: instance.plan.conditions[i][s].identity.clone(),
                phase: standing.phases[s],
            })
            .collect(),
    };
    let winner = instance.state.winner;
    let stored = Stored {
        watermark,
        sequence: instance.sequence,
        since: instance.since,
        state: instance.state.name.clone(),
        severity: instance.state.severity,
        weight: instance.state.weight,
        winner: winner.map(|(i, by)| (rule.groups[i].name.clone().unwrap_or_default(), by)),
        groups: instance.groups.iter().enumerate().map(group).collect(),
    };
    let mut bytes = vec![FORMAT];
    // Names, numbers and flags only: serde_json has nothing to refuse.
    serde_json::to_writer(&mut bytes, &stored).ok();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_is_refused_and_damage_is_noticed() {
        assert_eq!(Stored::read(&[]).unwrap_err().to_string(), "format None, this version reads 1");
        assert_eq!(Stored::read(&[9, b'{']).unwrap_err().to_string(), "format Some(9), this version reads 1");
        assert!(Stored::read(b"\x01{\"watermark\":1").unwrap_err().to_string().starts_with("damaged: "));
    }
}
