//! Events: what the agent has to say about itself, apart from the rules.
//!
//! Here: each kind of event with the facts it carries. Not here: who notices them.
//! Invariant: every loss of data anywhere leaves a `gap` that says what was lost (I8).

use serde::{Deserialize, Serialize};

/// Something happened to the agent or to one of its sources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Always `event`.
    pub kind: EventKind,
    /// Version of this shape; see [`crate::VERSION`].
    pub version: u32,
    /// Recognises a resend; see [`crate::id::event`].
    pub id: String,
    /// The agent that speaks.
    pub agent_id: String,
    /// Its incarnation: 16 hexadecimal digits.
    pub incarnation: String,
    /// Where the agent stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Processing time, ms since 1970 UTC.
    pub timestamp: i64,
    /// Counts the agent's events.
    pub sequence_number: u64,
    /// What happened.
    #[serde(flatten)]
    pub happening: Happening,
}

/// Says in JSON that a record is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EventKind {
    /// The only one.
    Event,
}

/// What happened; its name stands in the field `event`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Happening {
    /// The agent began to read.
    AgentStarted {
        /// Version of the program.
        program: String,
        /// Number of rules in force.
        rules: usize,
    },
    /// The agent was asked to stop and is about to.
    AgentStopping {},
    /// A source answers.
    SourceUp {
        /// The source.
        source_id: String,
    },
    /// A source does not answer any more; its tags are Bad.
    SourceDown {
        /// The source.
        source_id: String,
        /// What a technician would want to know.
        reason: String,
    },
    /// Datapoints came after the watermark had passed them, summed per source and minute.
    Late {
        /// The source.
        source_id: String,
        /// How many.
        count: u64,
        /// The greatest distance behind the watermark, ms.
        most_ms: i64,
    },
    /// Something was lost.
    Gap {
        /// What it is missing from: a source's id, or a lane of the outbox.
        of: String,
        /// How many, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        count: Option<u64>,
        /// The first number missing.
        first: u64,
        /// The last number missing, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<u64>,
        /// Why.
        reason: String,
    },
    /// The stored state of an instance could not be read: it began anew.
    StateReset {
        /// The rule.
        rule_id: String,
        /// The machine.
        equipment_id: String,
        /// Why.
        reason: String,
    },
    /// Other rules are in force.
    RulesChanged {
        /// SHA-256 over all rules before, hexadecimal.
        before: String,
        /// SHA-256 over all rules after, hexadecimal.
        after: String,
        /// Rules that are new.
        added: Vec<String>,
        /// Rules that are another version.
        changed: Vec<String>,
        /// Rules that are gone.
        removed: Vec<String>,
        /// Who owns the file that was written last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<String>,
        /// When it was written, ms since 1970 UTC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written_at: Option<i64>,
    },
    /// A source's clock is too far from the agent's to be believed, or is believed again.
    ClockSuspect {
        /// The source.
        source_id: String,
        /// How far it is behind, ms; negative: ahead.
        behind_ms: i64,
        /// Whether its timestamps are replaced from here on.
        corrected: bool,
    },
    /// A certificate ends within 30 days, or has ended; told at most once a day.
    CertificateExpiring {
        /// Whose it is.
        owner: CertificateOwner,
        /// Whom it was made for, as it says itself.
        subject: String,
        /// SHA-1, hexadecimal.
        thumbprint: String,
        /// When it ends, ms since 1970 UTC.
        expires_at: i64,
    },
    /// The agent's clock stands before a time it has already judged.
    ClockStep {
        /// How far it went back, ms.
        back_ms: i64,
    },
    /// An instance goes in and out of trouble: three activations within a minute.
    Chattering {
        /// The rule.
        rule_id: String,
        /// The machine.
        equipment_id: String,
        /// Event time of the third activation, ms since 1970 UTC.
        since: i64,
    },
    /// More than ten activations within ten minutes on a line.
    Flood {
        /// The line.
        line: String,
        /// The rule that was activated first.
        rule_id: String,
        /// The machine on which it was.
        equipment_id: String,
        /// Event time of that first activation, ms since 1970 UTC.
        first: i64,
        /// Event time of the activation that made it a flood, ms since 1970 UTC.
        since: i64,
    },
    /// Somebody acted on a rule of a machine, or what somebody had set ended.
    Operator {
        /// What was done.
        action: OperatorAction,
        /// The rule.
        rule_id: String,
        /// The machine.
        equipment_id: String,
        /// Who did it; who had done it, where it ended by itself.
        who: String,
        /// Why.
        why: String,
        /// Event time at which it ends, ms since 1970 UTC.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<i64>,
    },
}

/// What somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OperatorAction {
    /// Nobody is told of the rule for a time.
    Shelve,
    /// Nobody is told of the rule until it is normal again.
    ShelveOnce,
    /// Shelving was ended.
    Unshelve,
    /// Shelving ended by itself.
    Unshelved,
    /// A latched state was let go of.
    Reset,
    /// The machine is worked on: nobody is told until it is given back.
    OutOfService,
    /// It was given back.
    InService,
}

/// Whose a certificate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CertificateOwner {
    /// The agent's own: servers must trust its successor.
    Agent,
    /// One that the agent trusts: its server's.
    Server,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One line for each kind of event, as released.
    const GOLDENS: [&str; 14] = [
        r#"{"kind":"event","version":1,"id":"e1","agentId":"a","incarnation":"00000000000000ff","site":"n","timestamp":5,"sequenceNumber":1,"event":"agentStarted","program":"0.1.0","rules":8}"#,
        r#"{"kind":"event","version":1,"id":"e2","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":2,"event":"agentStopping"}"#,
        r#"{"kind":"event","version":1,"id":"e3","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":3,"event":"sourceUp","sourceId":"plc"}"#,
        r#"{"kind":"event","version":1,"id":"e4","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":4,"event":"sourceDown","sourceId":"plc","reason":"no answer"}"#,
        r#"{"kind":"event","version":1,"id":"e5","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":5,"event":"late","sourceId":"plc","count":3,"mostMs":40}"#,
        r#"{"kind":"event","version":1,"id":"e6","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":6,"event":"gap","of":"plc","count":2,"first":7,"last":8,"reason":"restart"}"#,
        r#"{"kind":"event","version":1,"id":"e7","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":7,"event":"stateReset","ruleId":"r","equipmentId":"m","reason":"format 9"}"#,
        r#"{"kind":"event","version":1,"id":"e8","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":8,"event":"clockStep","backMs":3600000}"#,
        r#"{"kind":"event","version":1,"id":"e9","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":9,"event":"rulesChanged","before":"aa","after":"bb","added":["x"],"changed":[],"removed":["y"],"owner":"meier","writtenAt":4}"#,
        r#"{"kind":"event","version":1,"id":"ea","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":10,"event":"clockSuspect","sourceId":"plc","behindMs":3600000,"corrected":true}"#,
        r#"{"kind":"event","version":1,"id":"eb","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":11,"event":"chattering","ruleId":"r","equipmentId":"m","since":4}"#,
        r#"{"kind":"event","version":1,"id":"ec","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":12,"event":"flood","line":"L3","ruleId":"r","equipmentId":"m","first":3,"since":4}"#,
        r#"{"kind":"event","version":1,"id":"ed","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":13,"event":"operator","action":"shelveOnce","ruleId":"r","equipmentId":"m","who":"meier","why":"pump is being changed","until":9}"#,
        r#"{"kind":"event","version":1,"id":"ee","agentId":"a","incarnation":"00000000000000ff","timestamp":5,"sequenceNumber":14,"event":"certificateExpiring","owner":"agent","subject":"CN=Plimsoll a","thumbprint":"0f","expiresAt":864000005}"#,
    ];

    #[test]
    fn every_event_is_read_and_written_byte_for_byte() {
        for golden in GOLDENS {
            let read: Event = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), golden);
        }
    }
}
