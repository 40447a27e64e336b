//! Values as the engine holds them: typed, or Unknown with its reason.
//!
//! Here: the types of a tag, the reasons of Unknown, and how a value is admitted to a tag (types, range, numbers
//! that betray a wrong address). Not here: units, staleness (a matter of time: `signals`), JSON.
//! Invariant: a value that is admitted is of its tag's type and within its range; a REAL is never a NaN.

use std::fmt;
use std::sync::Arc;

use proto::Quality;

/// Type of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Type {
    /// True or false; 0 and 1 are taken for them.
    #[default]
    Bool,
    /// An integer of up to 64 bits.
    Int,
    /// A number.
    Float,
    /// A text.
    Text,
    /// A code with a name; its value is an Int.
    Enum,
    /// A bit field with names; its value is an Int.
    Flags,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Type::Bool => "Bool",
            Type::Int => "Int",
            Type::Float => "Float",
            Type::Text => "Text",
            Type::Enum => "Enum",
            Type::Flags => "Flags",
        })
    }
}

/// A value of one of the types.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// True or false.
    Bool(bool),
    /// An integer, exact.
    Int(i64),
    /// A number, finite.
    Float(f64),
    /// A text.
    Text(Arc<str>),
}

impl From<&Value> for proto::Value<'static> {
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(b) => proto::Value::Bool(*b),
            Value::Int(i) => proto::Value::Int(*i),
            Value::Float(f) => proto::Value::Float(*f),
            Value::Text(t) => proto::Value::Text(t.to_string().into()),
        }
    }
}

/// A value that a file gives: of a parameter, a deadband.
#[derive(Debug, Clone, PartialEq)]
pub struct Constant {
    /// The value.
    pub value: Value,
    /// The unit behind it.
    pub unit: Option<String>,
}

/// Why a value is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Nothing was heard of the tag since the start.
    NeverSeen,
    /// The source says so, or it is not connected.
    Bad,
    /// NaN or infinite.
    NotANumber,
    /// A REAL so small that it is no measurement: a DINT read as REAL looks like this.
    Denormal,
    /// Outside the range that the configuration gives for the tag.
    OutOfRange,
    /// Another type than the tag's.
    WrongType,
    /// An unsigned integer above 2^63 − 1.
    TooLarge,
    /// Not heard of for longer than the rule allows.
    Stale,
    /// Too little of a window's time is known.
    Uncovered,
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Unknown::NeverSeen => "never seen",
            Unknown::Bad => "quality Bad",
            Unknown::NotANumber => "not a number",
            Unknown::Denormal => "denormal: is a DINT read as REAL?",
            Unknown::OutOfRange => "outside its range",
            Unknown::WrongType => "wrong type",
            Unknown::TooLarge => "larger than 2^63 - 1",
            Unknown::Stale => "stale",
            Unknown::Uncovered => "too little of the window is known",
        })
    }
}

/// A value, or why there is none.
pub type Held = Result<Value, Unknown>;

/// Takes a value of the outside world for a tag of this type and range.
///
/// # Errors
/// The reason for which the tag's value is Unknown.
pub fn admit(kind: Type, range: Option<(f64, f64)>, value: &proto::Value<'_>, quality: Quality) -> Held {
    if quality == Quality::Bad {
        return Err(Unknown::Bad);
    }
    let value = typed(kind, value)?;
    let number = match value {
        Value::Int(i) => i as f64,
        Value::Float(f) => f,
        Value::Bool(_) | Value::Text(_) => return Ok(value),
    };
    match range {
        Some((low, high)) if !(low..=high).contains(&number) => Err(Unknown::OutOfRange),
        _ => Ok(value),
    }
}

fn typed(kind: Type, value: &proto::Value<'_>) -> Held {
    use proto::Value as Json;
    match (kind, value) {
        (_, Json::Null) => Err(Unknown::Bad),
        (Type::Bool, Json::Bool(b)) => Ok(Value::Bool(*b)),
        (Type::Bool, Json::Int(i @ (0 | 1))) => Ok(Value::Bool(*i == 1)),
        (Type::Bool, Json::Float(f)) if *f == 0.0 || *f == 1.0 => Ok(Value::Bool(*f == 1.0)),
        (Type::Int | Type::Enum | Type::Flags, Json::Int(i)) => Ok(Value::Int(*i)),
        (Type::Int | Type::Enum | Type::Flags, Json::Float(f)) => whole(*f),
        (Type::Int | Type::Enum | Type::Flags, Json::Text(digits)) => {
            let too_large = digits.parse::<u64>().map_or(Unknown::WrongType, |_| Unknown::TooLarge);
            digits.parse().map(Value::Int).map_err(|_| too_large)
        }
        (Type::Float, Json::Int(i)) => Ok(Value::Float(*i as f64)),
        (Type::Float, Json::Float(f)) => finite(*f),
        (Type::Text, Json::Text(t)) => Ok(Value::Text(t.as_ref().into())),
        _ => Err(Unknown::WrongType),
    }
}

/// An integer that came as a number with a point.
fn whole(f: f64) -> Held {
    /// 2^63: the first number that an i64 does not hold.
    const I64_END: f64 = 9_223_372_036_854_775_808.0;
    match f {
        f if !f.is_finite() => Err(Unknown::NotANumber),
        f if f >= I64_END => Err(Unknown::TooLarge),
        f if f.fract() == 0.0 && f >= -I64_END => Ok(Value::Int(f as i64)),
        _ => Err(Unknown::WrongType),
    }
}

fn finite(f: f64) -> Held {
    /// The smallest normal binary32, 1.18e-38: below it, a non-zero number is bits of something else.
    const NORMAL_MIN: f64 = f32::MIN_POSITIVE as f64;
    match f {
        f if !f.is_finite() => Err(Unknown::NotANumber),
        f if f != 0.0 && f.abs() < NORMAL_MIN => Err(Unknown::Denormal),
        f => Ok(Value::Float(f)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(kind: Type, value: proto::Value<'_>) -> Held {
        admit(kind, None, &value, Quality::Ok)
    }

    #[test]
    fn a_bool_takes_zero_and_one_and_nothing_else() {
        assert_eq!(ok(Type::Bool, proto::Value::Int(1)), Ok(Value::Bool(true)));
        assert_eq!(ok(Type::Bool, proto::Value::Float(0.0)), Ok(Value::Bool(false)));
        assert_eq!(ok(Type::Bool, proto::Value::Int(2)), Err(Unknown::WrongType));
    }

    #[test]
    fn integers_beyond_two_to_the_53_are_read_back_from_their_text() {
        assert_eq!(
            ok(Type::Int, proto::Value::Text("9007199254740993".into())),
            Ok(Value::Int(9_007_199_254_740_993))
        );
        assert_eq!(ok(Type::Int, proto::Value::Text("18446744073709551615".into())), Err(Unknown::TooLarge));
        assert_eq!(ok(Type::Int, proto::Value::Text("x".into())), Err(Unknown::WrongType));
        assert_eq!(ok(Type::Int, proto::Value::Float(3.5)), Err(Unknown::WrongType));
        assert_eq!(ok(Type::Int, proto::Value::Float(-2.0)), Ok(Value::Int(-2)));
    }

    #[test]
    fn a_dint_read_as_real_is_unknown_and_zero_is_not() {
        let dint_990 = f64::from(f32::from_bits(990));
        assert_eq!(ok(Type::Float, proto::Value::Float(dint_990)), Err(Unknown::Denormal));
        assert_eq!(ok(Type::Float, proto::Value::Float(0.0)), Ok(Value::Float(0.0)));
        assert_eq!(ok(Type::Float, proto::Value::Float(f64::NAN)), Err(Unknown::NotANumber));
    }

    #[test]
    fn the_range_includes_its_ends() {
        let within = |f| admit(Type::Float, Some((0.0, 120.0)), &proto::Value::Float(f), Quality::Ok);
        assert_eq!(within(120.0), Ok(Value::Float(120.0)));
        assert_eq!(within(120.1), Err(Unknown::OutOfRange));
        assert_eq!(within(-0.1), Err(Unknown::OutOfRange));
    }

    #[test]
    fn quality_bad_is_unknown_and_uncertain_is_usable() {
        let value = proto::Value::Int(4);
        assert_eq!(admit(Type::Int, None, &value, Quality::Bad), Err(Unknown::Bad));
        assert_eq!(admit(Type::Int, None, &value, Quality::Uncertain), Ok(Value::Int(4)));
    }
}
