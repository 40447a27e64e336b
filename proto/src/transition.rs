//! The transition: an instance of a rule changed state, the product of the whole system.
//!
//! Here: its shape and the words it uses. Not here: when one is made (the `rules` crate).
//! Invariant: a transition explains itself; whoever reads it needs neither the rule file nor the PLC.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::datapoint::{Quality, Value};

/// One change of state of one rule on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Always `transition`.
    pub kind: TransitionKind,
    /// Version of this shape; see [`crate::VERSION`].
    pub version: u32,
    /// Recognises a resend; see [`crate::id::transition`].
    pub id: String,
    /// The agent that judged.
    pub agent_id: String,
    /// Its incarnation: 16 hexadecimal digits.
    pub incarnation: String,
    /// Where the agent stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
    /// Grows by one per instance.
    pub sequence_number: u64,
    /// Name of the rule.
    pub rule_id: String,
    /// SHA-256 of the rule's canonical form, hexadecimal.
    pub rule_hash: String,
    /// The machine, by its id.
    pub equipment_id: String,
    /// The machine, by its name.
    pub equipment: String,
    /// The line the machine belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// Event time of the change, ms since 1970 UTC: the exact instant.
    pub timestamp: i64,
    /// Processing time at which it was detected, ms since 1970 UTC.
    pub detected_at: i64,
    /// Watermark of the instance's scope when it was detected, ms since 1970 UTC.
    pub watermark: i64,
    /// The state left.
    pub from: String,
    /// The state entered.
    pub to: String,
    /// Event time at which `from` had been entered.
    pub since: i64,
    /// Severity of `to`.
    pub severity: Severity,
    /// What kind of thing changed.
    pub cause: Cause,
    /// The group that won; null when no group decided, or the rule has none.
    pub group: Option<String>,
    /// The weight it won with.
    pub weight: u32,
    /// The condition that decided, and what it saw; null when no condition did.
    pub because: Option<Because>,
    /// What each group said, abstaining groups left out.
    pub groups: Vec<GroupVote>,
    /// `late`, `uncertain`, `suppressed`, `shelved`, `chattering`.
    pub flags: Vec<String>,
    /// The person behind it, with the causes `shelve` and `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// The rule's text, by language.
    pub text: BTreeMap<String, String>,
}

/// Says in JSON that a record is a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TransitionKind {
    /// The only one.
    Transition,
}

/// The condition that decided a transition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Because {
    /// The condition as the rule file has it.
    pub expression: String,
    /// For how long it had to be so, ms: the on-delay, or `unknown.after`.
    #[serde(rename = "for")]
    pub delay: i64,
    /// Event time since which the condition had been so.
    pub condition_since: i64,
    /// The values it saw, in the order in which the condition names them.
    pub inputs: Vec<InputValue>,
}

/// A person, and the reason that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operator {
    /// Who did it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// A value that a condition saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InputValue {
    /// Name of the tag; with its machine in front where that is another one.
    pub tag: String,
    /// The value, null when it was not usable.
    #[serde(deserialize_with = "owned")]
    pub value: Value<'static>,
    /// Unit of the value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Its quality when it was judged.
    pub quality: Quality,
    /// Event time of the datapoint; null when the tag had never been heard.
    pub timestamp: Option<i64>,
    /// Sequence number of the datapoint; null when the tag had never been heard.
    pub sequence_number: Option<u64>,
    /// The source that owns the tag.
    pub source_id: String,
    /// Why it was not usable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

fn owned<'de, D: Deserializer<'de>>(d: D) -> Result<Value<'static>, D::Error> {
    Value::deserialize(d).map(Value::into_owned)
}

/// What one group said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GroupVote {
    /// The group; null where the rule has no groups.
    pub name: Option<String>,
    /// The state it voted for.
    pub state: String,
    /// The weight of its vote.
    pub weight: u32,
}

/// How much a state matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    #[default]
    Info,
    /// Worth looking at.
    Warning,
    /// Somebody must act.
    Alarm,
    /// Somebody must act at once.
    Critical,
}

/// What kind of thing changed the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// A state was entered.
    Condition,
    /// A state was left.
    Clear,
    /// Unknown began or ended.
    Unknown,
    /// A gate opened or closed.
    Gate,
    /// Somebody shelved or unshelved the rule.
    Shelve,
    /// Suppression ended while the state lasted.
    Unsuppressed,
    /// Another severity under the same name.
    Severity,
    /// The rule was edited.
    RuleChanged,
    /// The rule was removed.
    RuleRemoved,
    /// Somebody reset a latched state.
    Reset,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLDEN: &str = r#"{"kind":"transition","version":1,"id":"5c","agentId":"ipc-l3","incarnation":"00000000000000ff","site":"neutraubling","sequenceNumber":41,"ruleId":"bottle-washer-caustic","ruleHash":"ab","equipmentId":"84068f2f","equipment":"washer-1","line":"L3","timestamp":1700000400000,"detectedAt":1700000400120,"watermark":1700000400000,"from":"HighPressure","to":"Overheated","since":1700000174000,"severity":"alarm","cause":"condition","group":"temperature","weight":30,"because":{"expression":"water_temperature > 90 °C","for":300000,"conditionSince":1700000100000,"inputs":[{"tag":"water_temperature","value":92.0,"unit":"°C","quality":"Ok","timestamp":1700000100000,"sequenceNumber":1234,"sourceId":"washer_plc"}]},"groups":[{"name":"temperature","state":"Overheated","weight":30},{"name":"pressure","state":"HighPressure","weight":10}],"flags":["late"],"text":{"de":"zu heiß","en":"too hot"}}"#;

    const GOLDEN_SHELVED: &str = r#"{"kind":"transition","version":1,"id":"5e","agentId":"a","incarnation":"00000000000000ff","sequenceNumber":2,"ruleId":"r","ruleHash":"ab","equipmentId":"m","equipment":"m-1","timestamp":1,"detectedAt":2,"watermark":1,"from":"Hot","to":"Hot","since":0,"severity":"alarm","cause":"shelve","group":null,"weight":10,"because":null,"groups":[],"flags":["shelved"],"operator":{"who":"meier","why":"pump is being changed"},"text":{}}"#;

    const GOLDEN_WITHOUT_REASON: &str = r#"{"kind":"transition","version":1,"id":"5d","agentId":"a","incarnation":"00000000000000ff","sequenceNumber":1,"ruleId":"r","ruleHash":"ab","equipmentId":"m","equipment":"m-1","timestamp":1,"detectedAt":2,"watermark":1,"from":"Unknown","to":"Normal","since":0,"severity":"info","cause":"unknown","group":null,"weight":0,"because":null,"groups":[],"flags":[],"text":{}}"#;

    #[test]
    fn a_transition_is_read_and_written_byte_for_byte() {
        for golden in [GOLDEN, GOLDEN_SHELVED, GOLDEN_WITHOUT_REASON] {
            let read: Transition = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), golden);
        }
    }

    #[test]
    fn severities_are_ordered_by_how_much_they_matter() {
        assert!(Severity::Info < Severity::Warning && Severity::Warning < Severity::Alarm);
        assert!(Severity::Alarm < Severity::Critical);
    }

    #[test]
    fn another_kind_of_record_is_not_a_transition() {
        let event = GOLDEN.replace("\"kind\":\"transition\"", "\"kind\":\"event\"");
        assert!(serde_json::from_str::<Transition>(&event).is_err());
    }
}
