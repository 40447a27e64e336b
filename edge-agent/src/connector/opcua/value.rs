//! What a variant, a status code and a time of OPC UA are worth.
//!
//! Here: our own mapping; the crate's would wrap, truncate and write NaN as a text. Not here: ranges and types of
//! the tag (`normalize`).
//! Invariant: a variant that is not one plain value is no value, and the reason says what it is (I9).

use opcua::types::{DataValue, DateTime, StatusCode, Variant};

use crate::connector::Raw;

/// A value of the server, its quality and what the server says of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    /// The value, or, in words, why there is none.
    pub(super) value: Result<Raw, String>,
    /// Whether the server has doubts.
    pub(super) uncertain: bool,
    /// The name of the status, if it is another than Good.
    pub(super) status: Option<String>,
}

/// Takes a value with its status.
pub(super) fn said(data: &DataValue) -> Said {
    let status = data.status.unwrap_or(StatusCode::Good);
    if status.is_bad() {
        return Said { value: Err(in_words(status)), uncertain: false, status: None };
    }
    let value = data.value.as_ref().map_or_else(|| Err("the server sent no value".into()), plain);
    let status_name = (status != StatusCode::Good).then(|| status.to_string());
    Said { value, uncertain: status.is_uncertain(), status: status_name }
}

/// The name of a status, with its meaning.
pub(super) fn in_words(status: StatusCode) -> String {
    format!("{status}: {}", status.sub_code().description().trim())
}

/// ms since 1970 UTC; none for the null time.
pub(super) fn millis(time: &DateTime) -> Option<i64> {
    (!time.is_null()).then(|| time.as_chrono().timestamp_millis())
}

fn plain(variant: &Variant) -> Result<Raw, String> {
    Ok(match variant {
        Variant::Boolean(b) => Raw::Bool(*b),
        Variant::SByte(i) => Raw::Int(i64::from(*i)),
        Variant::Int16(i) => Raw::Int(i64::from(*i)),
        Variant::Int32(i) => Raw::Int(i64::from(*i)),
        Variant::Int64(i) => Raw::Int(*i),
        Variant::Byte(u) => Raw::UInt(u64::from(*u)),
        Variant::UInt16(u) => Raw::UInt(u64::from(*u)),
        Variant::UInt32(u) => Raw::UInt(u64::from(*u)),
        Variant::UInt64(u) => Raw::UInt(*u),
        Variant::Float(f) => Raw::Real(*f),
        Variant::Double(f) => Raw::LReal(*f),
        Variant::String(text) => Raw::Text(text.to_string()),
        Variant::LocalizedText(text) => Raw::Text(text.text.to_string()),
        Variant::DateTime(time) => Raw::Text(time.to_rfc3339()),
        Variant::Guid(guid) => Raw::Text(guid.to_string()),
        Variant::Variant(inner) if !matches!(**inner, Variant::Variant(_)) => return plain(inner),
        other => return Err(format!("{} is not one plain value", kind(other))),
    })
}

fn kind(variant: &Variant) -> &'static str {
    match variant {
        Variant::Empty => "an empty variant",
        Variant::Array(_) => "an array",
        Variant::ExtensionObject(_) => "a structure",
        Variant::ByteString(_) => "a byte string",
        _ => "a value of this type",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua::types::{ByteString, LocalizedText, StatusCodeLimit};

    fn value(variant: impl Into<Variant>) -> Result<Raw, String> {
        said(&DataValue { value: Some(variant.into()), ..DataValue::null() }).value
    }

    #[test]
    fn every_plain_type_is_itself() {
        assert_eq!(value(true), Ok(Raw::Bool(true)));
        assert_eq!(
            (value(-5_i8), value(-3_i16), value(-7_i32)),
            (Ok(Raw::Int(-5)), Ok(Raw::Int(-3)), Ok(Raw::Int(-7)))
        );
        assert_eq!(value(i64::MIN), Ok(Raw::Int(i64::MIN)));
        assert_eq!((value(250_u8), value(65_535_u16)), (Ok(Raw::UInt(250)), Ok(Raw::UInt(65_535))));
        assert_eq!(
            (value(u32::MAX), value(u64::MAX)),
            (Ok(Raw::UInt(u64::from(u32::MAX))), Ok(Raw::UInt(u64::MAX)))
        );
        assert_eq!((value(1.1_f32), value(2.2_f64)), (Ok(Raw::Real(1.1)), Ok(Raw::LReal(2.2))));
        assert_eq!(value("Füller 1"), Ok(Raw::Text("Füller 1".into())));
        assert_eq!(value(LocalizedText::new("de", "Störung")), Ok(Raw::Text("Störung".into())));
        let time = value(DateTime::ymd_hms(2024, 2, 29, 12, 0, 0));
        assert!(matches!(&time, Ok(Raw::Text(t)) if t.starts_with("2024-02-29T12:00:00")), "{time:?}");
    }

    #[test]
    fn what_is_not_one_plain_value_says_what_it_is() {
        assert_eq!(value(vec![1_i32, 2]), Err("an array is not one plain value".into()));
        assert_eq!(value(ByteString::from(vec![0, 255])), Err("a byte string is not one plain value".into()));
        assert_eq!(value(Variant::Empty), Err("an empty variant is not one plain value".into()));
        assert_eq!(said(&DataValue::null()).value, Err("the server sent no value".into()));
    }

    #[test]
    fn a_bad_status_is_no_value_whatever_stands_beside_it() {
        let status = Some(StatusCode::BadSensorFailure);
        let said = said(&DataValue { value: Some(1.0.into()), status, ..DataValue::null() });
        assert!(said.value.unwrap_err().starts_with("BadSensorFailure: "));
    }

    #[test]
    fn doubts_and_remarks_of_the_server_are_kept() {
        let with =
            |status| said(&DataValue { value: Some(1.0.into()), status: Some(status), ..DataValue::null() });
        let last = with(StatusCode::UncertainLastUsableValue);
        assert!(last.uncertain && last.value.is_ok());
        assert_eq!(last.status.as_deref(), Some("UncertainLastUsableValue"));
        let clamped = with(StatusCode::GoodClamped);
        assert!(!clamped.uncertain && clamped.status.as_deref() == Some("GoodClamped"));
        let limited = with(StatusCode::Good.set_limit(StatusCodeLimit::High));
        assert!(limited.status.is_some() && !limited.uncertain);
        assert_eq!(with(StatusCode::Good).status, None);
    }
}
