//! The items of the table. Pure: write in, item out.
//!
//! | `pk` | `sk` | what | `ttl` |
//! |---|---|---|---|
//! | `EQ#<equipmentId>` | `T#<timestamp, 13 digits>#<sequenceNumber>#<ruleId>` | a transition | yes |
//! | `EQ#<equipmentId>` | `C#<ruleId>` | the current state of a rule on a machine: its last transition | no |
//! | `EV#<YYYY-MM-DD>` | `<timestamp, 13 digits>#<id>` | an event or a notification | yes |
//! | `NEW#<shard>` | `<sequence number>#<index>` | what only a later version understands | no |
//!
//! `record` holds the record as it came (bytes in a `NEW#` item), for DynamoDB has no number that holds every
//! float; beside it stand `id`, `from`, `to`, `severity`, `timestamp`, `detectedAt`, `incarnation`, `seq` and
//! `storedAt`. A current state of severity warning or above is also in two sparse indexes, and leaves them when
//! it is replaced by one that is not:
//!
//! | index, its partition attribute | its value | its sort attribute |
//! |---|---|---|
//! | `byState` | `STATE#<site>#<line>#<state>` | `timestamp` |
//! | `byLine` | `LINE#<site>#<line>` | `timestamp` |
//!
//! In them a byte outside `A-Z a-z 0-9 _ . -` stands as `%XX`, and a missing site or line as nothing: a state's
//! name is any text. So each question has one query:
//! - the state of a machine now: `pk = EQ#m AND begins_with(sk, "C#")`
//! - its transitions from t1 to t2: `pk = EQ#m AND sk BETWEEN "T#<t1>" AND "T#<t2 + 1>"`, 13 digits each
//! - what is wrong on a line now: `byLine = LINE#site#line`, the oldest first; one state of it: `byState = …`
//!
//! Here: keys, attributes and their sizes. Not here: conditions and calls ([`crate::table`]).
//! Invariant: an item that comes out is one that the table can hold: the size and every key are checked here,
//! so that what a table refuses is never a single record that would block its shard.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use proto::Severity;

use crate::write::{Event, Origin, Transition};

/// An item as DynamoDB takes it.
pub type Item = HashMap<String, AttributeValue>;

/// Largest item (bytes of names and values), DynamoDB's own limit.
const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Largest number, with its sign (bytes). DynamoDB's own count is smaller.
const NUMBER_BYTES: usize = 21;
/// Longest part of an index key (bytes): an agent gives no longer name to a site, a line or a state.
const PART_BYTES_MAX: usize = 64;

/// Why a record can never be an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// More bytes than an item may have.
    #[error("{0} bytes, an item of the table has at most {ITEM_BYTES_MAX}")]
    TooLarge(usize),
    /// A field that becomes part of an index key is too long.
    #[error("{0} has more than {PART_BYTES_MAX} bytes and would be part of a key")]
    Part(&'static str),
}

/// A transition as the history has it; it may vanish when `ttl` has passed since it happened.
///
/// # Errors
/// When it is too large.
pub fn history(t: &Transition, ttl: Duration, now_ms: i64) -> Result<Item, Unfit> {
    let mut item = transition(t, now_ms);
    let sequence = t.rank.sequence_number;
    item.insert("sk".into(), text(format!("T#{:013}#{sequence}#{}", t.instant.ms, t.rule)));
    item.insert("ttl".into(), expiry(t.instant.ms, ttl));
    fit(item)
}

/// A transition as the current state of its instance.
///
/// # Errors
/// When it is too large, or site, line or state are too long for the key of an index.
pub fn current(t: &Transition, now_ms: i64) -> Result<Item, Unfit> {
    let mut item = transition(t, now_ms);
    item.insert("sk".into(), text(format!("C#{}", t.rule)));
    if t.severity >= Severity::Warning {
        let site = part("site", t.site.as_deref().unwrap_or_default())?;
        let line = part("line", t.line.as_deref().unwrap_or_default())?;
        let state = part("to", &t.to)?;
        item.insert("byState".into(), text(format!("STATE#{site}#{line}#{state}")));
        item.insert("byLine".into(), text(format!("LINE#{site}#{line}")));
    }
    fit(item)
}

/// An event or a notification; it may vanish when `ttl` has passed since it happened.
///
/// # Errors
/// When it is too large.
pub fn event(e: &Event, ttl: Duration, now_ms: i64) -> Result<Item, Unfit> {
    fit(Item::from([
        ("pk".into(), text(format!("EV#{}", e.instant.day))),
        ("sk".into(), text(format!("{:013}#{}", e.instant.ms, e.id))),
        ("id".into(), text(e.id.to_string())),
        ("timestamp".into(), number(e.instant.ms)),
        ("storedAt".into(), number(now_ms)),
        ("ttl".into(), expiry(e.instant.ms, ttl)),
        ("record".into(), text(e.raw())),
    ]))
}

/// A record of a newer version, by its place in the stream.
///
/// # Errors
/// When it is too large.
pub fn newer(origin: &Origin, raw: &[u8], now_ms: i64) -> Result<Item, Unfit> {
    let Origin { shard, sequence, index } = origin;
    fit(Item::from([
        ("pk".into(), text(format!("NEW#{shard}"))),
        ("sk".into(), text(format!("{sequence}#{index}"))),
        ("storedAt".into(), number(now_ms)),
        ("record".into(), AttributeValue::B(Blob::new(raw))),
    ]))
}

/// What history and current state have in common.
fn transition(t: &Transition, now_ms: i64) -> Item {
    Item::from([
        ("pk".into(), text(format!("EQ#{}", t.equipment))),
        ("id".into(), text(t.id.clone())),
        ("from".into(), text(t.from.clone())),
        ("to".into(), text(t.to.clone())),
        ("severity".into(), text(severity(t.severity).into())),
        ("timestamp".into(), number(t.instant.ms)),
        ("detectedAt".into(), number(t.rank.detected_at)),
        ("incarnation".into(), text(t.rank.incarnation.clone())),
        ("seq".into(), number(t.rank.sequence_number)),
        ("storedAt".into(), number(now_ms)),
        ("record".into(), text(t.raw())),
    ])
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Alarm => "alarm",
        Severity::Critical => "critical",
    }
}

/// DynamoDB counts `ttl` in seconds since 1970 UTC.
fn expiry(event_ms: i64, ttl: Duration) -> AttributeValue {
    let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
    number(seconds.saturating_add(event_ms / 1000))
}

fn part(field: &'static str, value: &str) -> Result<String, Unfit> {
    if value.len() > PART_BYTES_MAX {
        return Err(Unfit::Part(field));
    }
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing into a string never fails.
            write!(escaped, "%{byte:02X}").ok();
        }
    }
    Ok(escaped)
}

fn fit(item: Item) -> Result<Item, Unfit> {
    let bytes = item.iter().map(|(name, value)| name.len() + bytes(value)).sum();
    if bytes > ITEM_BYTES_MAX { Err(Unfit::TooLarge(bytes)) } else { Ok(item) }
}

fn bytes(value: &AttributeValue) -> usize {
    match value {
        AttributeValue::S(text) => text.len(),
        AttributeValue::B(blob) => blob.as_ref().len(),
        _ => NUMBER_BYTES,
    }
}

pub(crate) fn text(text: String) -> AttributeValue {
    AttributeValue::S(text)
}

pub(crate) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use crate::route::route;
    use crate::write::Write;

    const NOW: i64 = 1_800_000_000_000;
    const TTL: Duration = Duration::from_secs(90 * 86_400);

    fn a_transition(change: impl FnOnce(&mut serde_json::Value)) -> Transition {
        let mut json = serde_json::json!({
            "kind": "transition", "version": 1, "id": "5c", "agentId": "a", "incarnation": "ff", "site": "nt",
            "sequenceNumber": 41, "ruleId": "hot", "ruleHash": "ab", "equipmentId": "m-1", "line": "L3",
            "equipment": "washer-1", "timestamp": NOW, "detectedAt": NOW + 120, "watermark": NOW,
            "from": "Normal", "to": "Hot", "since": NOW, "severity": "alarm", "cause": "condition",
            "group": null, "weight": 0, "because": null, "groups": [], "flags": [], "text": {},
        });
        change(&mut json);
        match route(&serde_json::to_vec(&json).unwrap(), NOW).unwrap() {
            Write::Transition(t) => t,
            other => panic!("{other:?}"),
        }
    }

    fn said<'i>(item: &'i Item, name: &str) -> &'i str {
        match item.get(name) {
            Some(AttributeValue::S(text) | AttributeValue::N(text)) => text,
            other => panic!("{name}: {other:?}"),
        }
    }

    #[test]
    fn history_and_state_have_their_keys_and_only_history_ends() {
        let t = a_transition(|_| ());
        let (history, current) = (history(&t, TTL, NOW).unwrap(), current(&t, NOW).unwrap());
        assert_eq!((said(&history, "pk"), said(&history, "sk")), ("EQ#m-1", "T#1800000000000#41#hot"));
        assert_eq!((said(&current, "pk"), said(&current, "sk")), ("EQ#m-1", "C#hot"));
        assert_eq!(said(&history, "ttl"), "1807776000", "seconds, 90 days after it happened");
        assert_eq!(current.get("ttl"), None);
        assert_eq!(said(&history, "record"), t.raw());
    }

    #[test]
    fn a_state_is_indexed_from_warning_on_and_history_never() {
        for (severity, indexed) in [("info", false), ("warning", true), ("alarm", true), ("critical", true)] {
            let t = a_transition(|t| t["severity"] = severity.into());
            let current = current(&t, NOW).unwrap();
            assert_eq!(current.contains_key("byState") && current.contains_key("byLine"), indexed);
            assert!(!history(&t, TTL, NOW).unwrap().contains_key("byState"));
        }
    }

    #[test]
    fn no_name_in_an_index_key_can_be_taken_for_another() {
        let of = |site: serde_json::Value, state: &str| {
            let item = current(
                &a_transition(|t| {
                    t["site"] = site;
                    t["to"] = state.into();
                }),
                NOW,
            );
            said(&item.unwrap(), "byState").to_owned()
        };
        assert_eq!(of("nt".into(), "Hot"), "STATE#nt#L3#Hot");
        assert_eq!(of(serde_json::Value::Null, "Hot"), "STATE##L3#Hot");
        assert_eq!(of("a#b".into(), "Über % 90"), "STATE#a%23b#L3#%C3%9Cber%20%25%2090");
    }

    #[test]
    fn what_the_table_cannot_hold_is_told_before_it_is_tried() {
        let long = a_transition(|t| t["to"] = "x".repeat(65).into());
        assert_eq!(current(&long, NOW), Err(Unfit::Part("to")));
        let large = a_transition(|t| t["text"] = serde_json::json!({ "en": "x".repeat(ITEM_BYTES_MAX) }));
        assert!(matches!(history(&large, TTL, NOW), Err(Unfit::TooLarge(_))));
        let name = |text| Name::of_aws(text).unwrap();
        let origin = Origin { shard: name("s"), sequence: name("1"), index: 0 };
        assert!(newer(&origin, &vec![0; ITEM_BYTES_MAX - 100], NOW).is_ok());
        assert!(newer(&origin, &vec![0; ITEM_BYTES_MAX], NOW).is_err());
    }
}
