//! The notification: somebody is to be told of a transition, now or again.
//!
//! Here: its shape. Not here: who hears of it and by which way; the target is a name of the agent's configuration, and
//! whoever reads the stream knows the people behind it.
//! Invariant: it can be shown as it is; the transition it belongs to is on the same stream.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::transition::Severity;

/// Somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// Always `notification`.
    pub kind: NotificationKind,
    /// Version of this shape; see [`crate::VERSION`].
    pub version: u32,
    /// Recognises a resend; see [`crate::id::notification`].
    pub id: String,
    /// The agent that judged.
    pub agent_id: String,
    /// Its incarnation: 16 hexadecimal digits.
    pub incarnation: String,
    /// Where the agent stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// The transition that it tells of.
    pub transition_id: String,
    /// Who is to be told, by the name in the agent's configuration.
    pub target: String,
    /// 1 at the transition, one more each time it is repeated.
    pub n: u32,
    /// Event time, ms since 1970 UTC.
    pub timestamp: i64,
    /// Name of the rule.
    pub rule_id: String,
    /// The machine, by its id.
    pub equipment_id: String,
    /// The machine, by its name.
    pub equipment: String,
    /// The state.
    pub state: String,
    /// How much it matters.
    pub severity: Severity,
    /// The rule's text, by language.
    pub text: BTreeMap<String, String>,
}

/// Says in JSON that a record is a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NotificationKind {
    /// The only one.
    Notification,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{"kind":"notification","version":1,"id":"9f","agentId":"ipc-l3","incarnation":"00000000000000ff","site":"neutraubling","transitionId":"5c","target":"shift-lead","n":2,"timestamp":1700002200000,"ruleId":"bottle-washer-caustic","equipmentId":"84068f2f","equipment":"washer-1","state":"Overheated","severity":"alarm","text":{"de":"zu heiß","en":"too hot"}}"#;

    #[test]
    fn a_notification_is_read_and_written_byte_for_byte() {
        let read: Notification = serde_json::from_str(GOLDEN).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), GOLDEN);
    }
}
