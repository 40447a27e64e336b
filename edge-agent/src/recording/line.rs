//! A recorded line, as far as the engine takes it.
//!
//! Millions of them are read, and the unified datapoint is large: what the engine does not take is checked where it
//! stands and not kept.
//!
//! Here: which fields those are. Not here: the datapoint (`proto`), names (`read`).
//! Invariant: a line is one exactly when it is a datapoint, and then says the same.

use std::borrow::Cow;
use std::fmt;

use proto::{Flags, Quality, Value};
use serde::de::{Deserialize, Deserializer, Visitor};

/// What the engine takes of a datapoint.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Line<'a> {
    #[serde(rename = "version")]
    _version: u32,
    /// Event time, ms since 1970 UTC.
    pub timestamp: i64,
    /// The machine, by its id.
    #[serde(borrow)]
    pub equipment_id: Cow<'a, str>,
    /// Name of the tag.
    #[serde(borrow)]
    pub tag: Cow<'a, str>,
    /// The value.
    #[serde(borrow)]
    pub value: Value<'a>,
    /// How far it may be trusted.
    pub quality: Quality,
    /// Where it came from.
    #[serde(borrow)]
    pub meta: Meta<'a>,
}

/// Where it came from.
#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta<'a> {
    /// Counts the datapoints of the source.
    pub sequence_number: u64,
    /// The flags of the unified JSON.
    #[serde(default)]
    pub flags: Flags,
    /// Processing time, ms since 1970 UTC.
    #[serde(default)]
    pub created_at: Option<i64>,
    /// The source.
    #[serde(borrow)]
    pub source_id: Cow<'a, str>,
    #[serde(default, rename = "unit")]
    _unit: Option<Text>,
    #[serde(default, rename = "status")]
    _status: Option<Text>,
    #[serde(default, rename = "sourceTimestamp")]
    _source_timestamp: Option<i64>,
    #[serde(default, rename = "agentId")]
    _agent_id: Option<Text>,
    #[serde(default, rename = "incarnation")]
    _incarnation: Option<Text>,
    #[serde(default, rename = "site")]
    _site: Option<Text>,
    #[serde(default, rename = "line")]
    _line: Option<Text>,
}

impl<'a> Line<'a> {
    /// Reads one; none: it is no datapoint.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        // Whether it is UTF-8 is seen at a glance of the whole faster than at each of its texts.
        match std::str::from_utf8(bytes) {
            Ok(text) => serde_json::from_str(text).ok(),
            Err(_) => serde_json::from_slice(bytes).ok(),
        }
    }
}

/// Some text.
#[derive(Debug)]
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_str<E>(self, _: &str) -> Result<Text, E> {
        Ok(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"{"version":1,"timestamp":1234,"equipmentId":"m","tag":"t","value":-3.5,"quality":"Uncertain","meta":{"sequenceNumber":9,"flags":["Fst","Wmk"],"createdAt":1235,"sourceId":"s","unit":"°C","status":"x","sourceTimestamp":1200,"agentId":"a","incarnation":"ff","site":"n","line":"L3"}}"#;

    #[test]
    fn a_line_is_one_exactly_when_it_is_a_datapoint() {
        let pieces: Vec<&str> = WHOLE.split_inclusive([',', '{', '}']).collect();
        let others = ["", "null", "1", "-1", "1.5", "\"1\"", "[]", "{}", "\"a\\u00e4\"", "[\"x\"]"];
        let mut counts = [0, 0];
        let mut same = |text: &str| {
            let (line, datapoint) =
                (Line::read(text.as_bytes()), serde_json::from_str::<proto::Datapoint<'_>>(text));
            assert_eq!(line.is_some(), datapoint.is_ok(), "{text}");
            counts[usize::from(line.is_some())] += 1;
            let Some((line, datapoint)) = line.zip(datapoint.ok()) else { return };
            let meta = datapoint.meta;
            assert_eq!(
                (line.timestamp, line.equipment_id, line.tag),
                (datapoint.timestamp, datapoint.equipment_id, datapoint.tag)
            );
            assert_eq!((line.value, line.quality), (datapoint.value, datapoint.quality));
            assert_eq!((line.meta.sequence_number, line.meta.flags), (meta.sequence_number, meta.flags));
            assert_eq!((line.meta.created_at, line.meta.source_id), (meta.created_at, meta.source_id));
        };
        same(WHOLE);
        for (i, piece) in pieces.iter().enumerate() {
            let with = |new: &str| [&pieces[..i], &[new], &pieces[i + 1..]].concat().concat();
            same(&with(""));
            same(&with(&piece.repeat(2)));
            let Some((key, _)) = piece.split_once(':') else { continue };
            for other in others {
                same(&with(&format!("{key}:{other},")));
                same(&with(&format!("{key}:{other}}}")));
            }
        }
        assert!(counts[0] > 100 && counts[1] > 50, "{counts:?}");
        let [inside, aside] = [r#""tag":"t"#, r#""version":1"#].map(|at| {
            let bytes = WHOLE.replacen(at, &format!("{at}\u{1},\"new\":\"\u{1}\""), 1).into_bytes();
            bytes.into_iter().map(|b| if b == 1 { 0xff } else { b }).collect::<Vec<u8>>()
        });
        for bytes in [inside, aside] {
            let datapoint = serde_json::from_slice::<proto::Datapoint<'_>>(&bytes).ok();
            assert_eq!(Line::read(&bytes).is_some(), datapoint.is_some());
        }
    }
}
