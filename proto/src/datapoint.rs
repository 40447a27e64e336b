//! The unified JSON datapoint: one value of one tag of one machine at one instant.
//!
//! Here: its shape, exactly as the customer's systems know it, and the two readings of a number that JSON
//! does not settle: integers beyond 2^53 travel as strings, and what is not a number travels as null.
//! Not here: how a PLC's bytes become a value (`edge-agent`'s `normalize`), or what a rule makes of it.
//! Invariant: what is written is read back as the same value, bit for bit.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The largest integer that every JSON reader holds exactly (2^53, IEEE 754 binary64).
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// One value of one tag of one machine. It borrows its texts from the line it was read from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Datapoint<'a> {
    /// Version of this shape; see [`crate::VERSION`].
    pub version: u32,
    /// Event time, ms since 1970 UTC.
    pub timestamp: i64,
    /// The machine, by its id.
    #[serde(borrow)]
    pub equipment_id: Cow<'a, str>,
    /// Name of the tag, unique on its machine.
    #[serde(borrow)]
    pub tag: Cow<'a, str>,
    /// The value; null when the quality is Bad.
    #[serde(borrow)]
    pub value: Value<'a>,
    /// How far the value may be trusted.
    pub quality: Quality,
    /// Where it came from.
    #[serde(borrow)]
    pub meta: Meta<'a>,
}

/// Where a datapoint came from. Additions to the datapoint are made here and nowhere else.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta<'a> {
    /// Counts the datapoints of the source.
    pub sequence_number: u64,
    /// The five flags of the unified JSON.
    #[serde(default)]
    pub flags: Flags,
    /// Processing time of the batch, ms since 1970 UTC. Absent in recordings of other systems.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<i64>,
    /// The source (one connection) that delivered it.
    #[serde(borrow)]
    pub source_id: Cow<'a, str>,
    /// Unit of the value.
    #[serde(default, borrow, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub unit: Option<Cow<'a, str>>,
    /// Why the quality is not Ok, or the protocol's own status.
    #[serde(default, borrow, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub status: Option<Cow<'a, str>>,
    /// The source's own stamp where `timestamp` is another one, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_timestamp: Option<i64>,
    /// The agent, on what is forwarded.
    #[serde(default, borrow, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub agent_id: Option<Cow<'a, str>>,
    /// The agent's incarnation, on what is forwarded.
    #[serde(default, borrow, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<Cow<'a, str>>,
    /// The site, on what is forwarded.
    #[serde(default, borrow, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub site: Option<Cow<'a, str>>,
    /// The line, on what is forwarded.
    #[serde(default, borrow, deserialize_with = "text", skip_serializing_if = "Option::is_none")]
    pub line: Option<Cow<'a, str>>,
}

/// A text that need not be there; by itself serde would copy it.
fn text<'de: 'a, 'a, D: Deserializer<'de>>(d: D) -> Result<Option<Cow<'a, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'t>(#[serde(borrow)] Cow<'t, str>);
    Ok(Option::<Text<'a>>::deserialize(d)?.map(|text| text.0))
}

/// How far a value may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Quality {
    /// Use it.
    Ok,
    /// Use it, but say so.
    Uncertain,
    /// Do not use it; the value is null.
    Bad,
}

/// A value as JSON carries it.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// No value: the quality is Bad, or the datapoint is a heartbeat.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer, exact; written as a string beyond 2^53.
    Int(i64),
    /// A number; written as null when it is NaN or infinite.
    Float(f64),
    /// A text, or an integer beyond 2^53 whose tag is of an integer type.
    Text(Cow<'a, str>),
}

impl Value<'_> {
    /// The same value, owning its text.
    #[must_use]
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(b) => Value::Bool(b),
            Value::Int(i) => Value::Int(i),
            Value::Float(f) => Value::Float(f),
            Value::Text(t) => Value::Text(Cow::Owned(t.into_owned())),
        }
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Bool(b) => s.serialize_bool(*b),
            Value::Int(i) if i.unsigned_abs() <= EXACT_INTEGER_MAX => s.serialize_i64(*i),
            Value::Int(i) => s.collect_str(i),
            Value::Float(f) if f.is_finite() => s.serialize_f64(*f),
            Value::Text(t) => s.serialize_str(t),
            Value::Null | Value::Float(_) => s.serialize_unit(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Value<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, true, false, a text or null")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Self::Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E>(self, i: i64) -> Result<Self::Value, E> {
        Ok(Value::Int(i))
    }
    fn visit_u64<E>(self, u: u64) -> Result<Self::Value, E> {
        // Above i64 only a float holds it; an agent writes such integers as strings.
        Ok(i64::try_from(u).map_or(Value::Float(u as f64), Value::Int))
    }
    fn visit_f64<E>(self, f: f64) -> Result<Self::Value, E> {
        Ok(Value::Float(f))
    }
    fn visit_borrowed_str<E>(self, t: &'de str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Borrowed(t)))
    }
    fn visit_str<E: de::Error>(self, t: &str) -> Result<Self::Value, E> {
        Ok(Value::Text(Cow::Owned(t.to_owned())))
    }
}

/// A set of the five flags. What each of them means stands at its constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// First datapoint of a batch (scan or publish) of its source.
    pub const FST: Self = Self(1);
    /// Last datapoint of a batch of its source.
    pub const LST: Self = Self(2);
    /// Punctuated watermark: nothing older than or equal to this timestamp follows in a later batch.
    pub const WMK: Self = Self(4);
    /// The timestamp comes from a clock known to be synchronised.
    pub const SYN: Self = Self(8);
    /// The agent assigned the timestamp.
    pub const ATS: Self = Self(16);

    const NAMES: [(Self, &'static str); 5] =
        [(Self::FST, "Fst"), (Self::LST, "Lst"), (Self::WMK, "Wmk"), (Self::SYN, "Syn"), (Self::ATS, "Ats")];

    /// This set and that one together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// This set without those of the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all flags of `other` are set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let set = Self::NAMES.iter().filter(|(flag, _)| self.has(*flag));
        let mut list = s.serialize_seq(Some(set.clone().count()))?;
        for (_, name) in set {
            list.serialize_element(name)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_seq(FlagsVisitor)
    }
}

/// A flag by its name. One of a later version is not an error: readers accept what they do not know.
struct Named(Flags);

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a flag")
    }
    fn visit_str<E>(self, name: &str) -> Result<Named, E> {
        let known = Flags::NAMES.iter().find(|(_, known)| *known == name);
        Ok(Named(known.map_or(Flags::NONE, |(flag, _)| *flag)))
    }
}

struct FlagsVisitor;

impl<'de> Visitor<'de> for FlagsVisitor {
    type Value = Flags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of flags, such as [\"Fst\",\"Wmk\"]")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Flags, A::Error> {
        let mut flags = Flags::NONE;
        while let Some(Named(flag)) = seq.next_element()? {
            flags = flags.with(flag);
        }
        Ok(flags)
    }
}

#[cfg(test)]
mod tests;
