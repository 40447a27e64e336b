//! What becomes of one record: record in, write out. Pure: no clock, no file, no socket.
//!
//! | record | becomes |
//! |---|---|
//! | transition | a [`Transition`]: put once into the history of its machine, and judged as its current state |
//! | event, notification | an [`Event`], put once: who is told of it reads the stream |
//! | a newer version, an unknown kind | kept raw |
//! | datapoint | nothing: this program keeps no history of values; it is counted |
//! | anything else | a [`Poison`] with its reason |
//!
//! Here: reading and checking. Not here: which of two states is the current one (`rank`), keys and paths (each
//! destination has its own), and whether something was stored before (the destination knows).
//! Invariants: the same bytes at the same time give the same write; no bytes panic; whatever comes out has
//! been checked (names, days), so that a destination may trust it.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::Offset};
use proto::Record;
use serde::de::{self, IgnoredAny};

use crate::name::{BadName, Name};
use crate::rank::Rank;
use crate::write::{Event, Instant, Transition, Write};

/// One day, ms.
const DAY_MS: i64 = 86_400_000;
/// A record older than this is poison: retention and backlog end long before (days).
const DAYS_BACK_MAX: i64 = 400;
/// A record further ahead than this is poison: clocks at the line may be ahead, but not by more (days).
const DAYS_AHEAD_MAX: i64 = 1;

/// Why a record cannot be stored. Ends up beside the record in the failure destination.
#[derive(Debug, thiserror::Error)]
pub enum Poison {
    /// An aggregate that says impossible things.
    #[error(transparent)]
    Aggregate(#[from] proto::aggregate::BadAggregate),
    /// The bytes are not a record.
    #[error(transparent)]
    Shape(#[from] proto::record::NotARecord),
    /// An id that must not be part of a key.
    #[error("{field} is not usable: {reason}")]
    Id {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        reason: BadName,
    },
    /// A time that no working clock gives.
    #[error("{field} {ms} lies {days} days from now; accepted are -{DAYS_BACK_MAX} to +{DAYS_AHEAD_MAX}")]
    Day {
        /// The field.
        field: &'static str,
        /// What it says, ms since 1970 UTC.
        ms: i64,
        /// Its distance from this program's clock.
        days: i64,
    },
    /// The field that only the store may add is there already.
    #[error("storedAt is there already: this was in a store before")]
    Stored,
    /// Another transition holds the key.
    #[error("its place in the history of its machine is taken by another transition")]
    Taken,
}

/// Decides what becomes of one record. `now_ms` is this program's clock, ms since 1970 UTC.
///
/// # Errors
/// When the record cannot be stored under any key.
pub fn route(bytes: &[u8], now_ms: i64) -> Result<Write, Poison> {
    Ok(match Record::read(bytes)? {
        Record::Transition(read) => Write::Transition(Transition {
            equipment: id("equipmentId", &read.equipment_id)?,
            rule: id("ruleId", &read.rule_id)?,
            instant: instant("timestamp", read.timestamp, now_ms)?,
            rank: Rank {
                incarnation: read.incarnation,
                sequence_number: read.sequence_number,
                // It decides between incarnations: one from the far future would stay current for ever.
                detected_at: instant("detectedAt", read.detected_at, now_ms)?.ms,
            },
            id: read.id,
            site: read.site,
            line: read.line,
            from: read.from,
            to: read.to,
            severity: read.severity,
            open: storable(bytes)?,
        }),
        Record::Event(read) => event(&read.id, read.timestamp, bytes, now_ms)?,
        Record::Notification(read) => event(&read.id, read.timestamp, bytes, now_ms)?,
        Record::Newer { .. } => Write::Newer(bytes.to_vec()),
        Record::Datapoint(_) => Write::Datapoint,
    })
}

fn event(event_id: &str, timestamp: i64, bytes: &[u8], now_ms: i64) -> Result<Write, Poison> {
    Ok(Write::Event(Event {
        id: id("id", event_id)?,
        instant: instant("timestamp", timestamp, now_ms)?,
        open: storable(bytes)?,
    }))
}

fn id(field: &'static str, text: &str) -> Result<Name, Poison> {
    Name::id(text).map_err(|reason| Poison::Id { field, reason })
}

fn instant(field: &'static str, ms: i64, now_ms: i64) -> Result<Instant, Poison> {
    let ahead = ms.saturating_sub(now_ms);
    let possible = (-DAYS_BACK_MAX * DAY_MS..=DAYS_AHEAD_MAX * DAY_MS).contains(&ahead) && ms >= 0;
    let day = Timestamp::from_millisecond(ms).ok().filter(|_| possible);
    let day = day.ok_or(Poison::Day { field, ms, days: ahead / DAY_MS })?;
    Ok(Instant { ms, day: Offset::UTC.to_datetime(day).date() })
}

/// The text of an object without its closing brace. Fields this program does not know stay as they came.
fn storable(bytes: &[u8]) -> Result<String, Poison> {
    let not_json = |e: serde_json::Error| Poison::Shape(e.into());
    let fields: BTreeMap<String, IgnoredAny> = serde_json::from_slice(bytes).map_err(not_json)?;
    if fields.contains_key("storedAt") {
        return Err(Poison::Stored);
    }
    let text = str::from_utf8(bytes).map_err(|e| not_json(de::Error::custom(e)))?.trim_ascii();
    let open = text.strip_suffix('}').ok_or_else(|| not_json(de::Error::custom("not an object")))?;
    Ok(open.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A day in the middle of the life of this program.
    const NOW: i64 = 1_800_000_000_000;

    fn transition(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let mut json = serde_json::json!({
            "kind": "transition", "version": 1, "id": "5c", "agentId": "ipc-l3", "incarnation": "00000000000000ff",
            "sequenceNumber": 41, "ruleId": "caustic", "ruleHash": "ab", "equipmentId": "84068f2f",
            "equipment": "washer-1", "timestamp": NOW, "detectedAt": NOW + 120, "watermark": NOW,
            "from": "Normal", "to": "Hot", "since": NOW - 5, "severity": "alarm", "cause": "condition",
            "group": null, "weight": 0, "because": null, "groups": [], "flags": [], "text": {},
        });
        change(&mut json);
        serde_json::to_vec(&json).unwrap()
    }

    fn event(id: &str) -> Vec<u8> {
        format!(
            r#"{{"kind":"event","version":1,"id":"{id}","agentId":"a","incarnation":"ff","timestamp":{NOW},"sequenceNumber":3,"event":"sourceUp","sourceId":"plc"}}"#
        )
        .into_bytes()
    }

    fn notification(id: &str) -> Vec<u8> {
        format!(
            r#"{{"kind":"notification","version":1,"id":"{id}","agentId":"a","incarnation":"ff","transitionId":"5c","target":"shift-lead","n":2,"timestamp":{NOW},"ruleId":"hot","equipmentId":"m","equipment":"washer-1","state":"Hot","severity":"alarm","text":{{}}}}"#
        )
        .into_bytes()
    }

    fn refused(bytes: &[u8]) -> String {
        route(bytes, NOW).unwrap_err().to_string()
    }

    #[test]
    fn a_transition_is_routed_by_machine_rule_and_day() {
        let Write::Transition(t) = route(&transition(|_| ()), NOW).unwrap() else { panic!() };
        assert_eq!((t.equipment.as_str(), t.rule.as_str()), ("84068f2f", "caustic"));
        assert_eq!((t.instant.ms, t.instant.day.to_string().as_str()), (NOW, "2027-01-15"));
        assert_eq!((t.rank.sequence_number, t.rank.detected_at), (41, NOW + 120));
    }

    #[test]
    fn what_is_stored_is_the_record_with_one_more_field() {
        let bytes = transition(|t| t["laterAddition"] = 7.into());
        let Write::Transition(t) = route(&bytes, NOW).unwrap() else { panic!() };
        let mut stored: serde_json::Value = serde_json::from_str(&t.json(99)).unwrap();
        assert_eq!(stored.as_object_mut().unwrap().remove("storedAt"), Some(99.into()));
        assert_eq!(stored, serde_json::from_slice::<serde_json::Value>(&bytes).unwrap());
    }

    #[test]
    fn a_notification_is_kept_like_an_event_under_its_own_id() {
        let Write::Event(kept) = route(&notification("9f"), NOW).unwrap() else { panic!() };
        assert_eq!((kept.id.as_str(), kept.instant.ms), ("9f", NOW));
        assert_eq!(kept.raw().into_bytes(), notification("9f"));
        assert!(refused(&notification("../x")).starts_with("id is not usable"));
    }

    #[test]
    fn the_same_record_twice_gives_the_same_write() {
        for bytes in [transition(|_| ()), event("e1"), notification("9f")] {
            assert_eq!(route(&bytes, NOW).unwrap(), route(&bytes, NOW).unwrap());
        }
    }

    #[test]
    fn white_space_around_a_record_does_not_matter() {
        let padded = [b" \n", transition(|_| ()).as_slice(), b"\r\n\t"].concat();
        assert_eq!(route(&padded, NOW).unwrap(), route(&transition(|_| ()), NOW).unwrap());
    }

    #[test]
    fn hostile_ids_are_poison_in_every_field_that_becomes_a_key() {
        let long = "x".repeat(65);
        for hostile in ["../../etc/x", "..", ".", "", &long, "a\0b", "a/b", "a\\b", "ä"] {
            for field in ["equipmentId", "ruleId"] {
                let said = refused(&transition(|t| t[field] = hostile.into()));
                assert!(said.starts_with(&format!("{field} is not usable: ")), "{said}");
            }
        }
        assert_eq!(
            refused(&event("..%2f")),
            "id is not usable: '%' stands in it; accepted are letters, digits and _ . -"
        );
    }

    #[test]
    fn impossible_days_are_poison_and_possible_ones_are_not() {
        for ms in [i64::MIN, -1, 0, NOW - 401 * DAY_MS, NOW + DAY_MS + 1, i64::MAX] {
            for field in ["timestamp", "detectedAt"] {
                let said = refused(&transition(|t| t[field] = ms.into()));
                assert!(said.starts_with(&format!("{field} {ms} lies ")), "{said}");
            }
        }
        for ms in [NOW - 400 * DAY_MS, NOW + DAY_MS] {
            assert!(route(&transition(|t| t["timestamp"] = ms.into()), NOW).is_ok(), "{ms}");
        }
    }

    #[test]
    fn a_clock_before_1970_stores_nothing_of_negative_time() {
        assert!(route(&transition(|t| t["timestamp"] = (-5).into()), 0).is_err());
        assert!(route(&transition(|_| ()), i64::MIN).is_err());
    }

    #[test]
    fn a_record_that_was_in_a_store_before_is_poison() {
        assert!(refused(&transition(|t| t["storedAt"] = 5.into())).starts_with("storedAt is there already"));
        assert!(refused(&transition(|t| t["storedAt"] = serde_json::Value::Null)).contains("storedAt"));
    }

    #[test]
    fn newer_records_are_kept_raw_and_datapoints_are_only_counted() {
        let newer = br#"{"version":2,"kind":"transition","equipmentId":"../x"}"#;
        assert_eq!(route(newer, NOW).unwrap(), Write::Newer(newer.to_vec()));
        let value = br#"{"version":1,"timestamp":1,"equipmentId":"m","tag":"t","value":1,"quality":"Ok","meta":{"sequenceNumber":1,"sourceId":"s"}}"#;
        assert_eq!(route(value, NOW).unwrap(), Write::Datapoint);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, now: i64) {
            drop(proto::aggregate::unpack("k", &bytes).map(|all| {
                all.iter().map(|r| route(&r.data, now)).filter(Result::is_ok).count()
            }));
        }

        #[test]
        fn no_text_in_an_id_and_no_time_panics_or_leaves_the_alphabet(text: String, ms: i64, now: i64) {
            let bytes = transition(|t| {
                t["equipmentId"] = text.clone().into();
                t["timestamp"] = ms.into();
                t["detectedAt"] = ms.into();
            });
            if let Ok(Write::Transition(t)) = route(&bytes, now) {
                prop_assert!(Name::id(t.equipment.as_str()).is_ok());
                prop_assert!(serde_json::from_str::<serde_json::Value>(&t.json(now)).is_ok());
            }
        }

        #[test]
        fn a_record_damaged_anywhere_never_panics(at in 0usize..500, byte: u8) {
            let mut bytes = transition(|_| ());
            let at = at % bytes.len();
            bytes[at] = byte;
            drop(route(&bytes, NOW));
        }
    }
}
