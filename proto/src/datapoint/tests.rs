//! Datapoints as JSON, there and back: the golden ones, numbers at their limits, wrong shapes.

use super::*;

const GOLDEN: &str = r#"{"version":1,"timestamp":1234,"equipmentId":"84068f2f-3f39-4b9c-a995-d2a84d878689","tag":"water_temperature","value":13.45,"quality":"Ok","meta":{"sequenceNumber":123,"flags":["Fst","Lst","Wmk","Syn","Ats"],"createdAt":12345690,"sourceId":"filling_machine"}}"#;

const GOLDEN_FORWARDED: &str = r#"{"version":1,"timestamp":1234,"equipmentId":"m","tag":"t","value":null,"quality":"Bad","meta":{"sequenceNumber":1,"flags":[],"createdAt":1235,"sourceId":"s","unit":"°C","status":"not connected","sourceTimestamp":1200,"agentId":"a","incarnation":"00000000000000ff","site":"n","line":"L3"}}"#;

fn there_and_back(json: &str) -> Datapoint<'_> {
    let read: Datapoint<'_> = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), json);
    read
}

#[test]
fn the_customers_example_is_read_and_written_byte_for_byte() {
    let d = there_and_back(GOLDEN);
    assert_eq!(d.value, Value::Float(13.45));
    assert_eq!(d.meta.created_at, Some(12_345_690));
    assert!(d.meta.flags.has(Flags::WMK.with(Flags::ATS)));
    assert!(matches!(d.tag, Cow::Borrowed(_)), "a plain name is borrowed from the line");
}

#[test]
fn additions_stand_in_meta_and_survive() {
    let d = there_and_back(GOLDEN_FORWARDED);
    assert_eq!((d.quality, d.value), (Quality::Bad, Value::Null));
    assert_eq!(d.meta.incarnation.as_deref(), Some("00000000000000ff"));
    let texts = [d.meta.unit, d.meta.agent_id, d.meta.line];
    assert!(texts.iter().all(|text| matches!(text, Some(Cow::Borrowed(_)))), "{texts:?}");
    let escaped = GOLDEN_FORWARDED.replace("°C", "\\u00b0C");
    let d: Datapoint<'_> = serde_json::from_str(&escaped).unwrap();
    assert_eq!(d.meta.unit.as_deref(), Some("°C"));
}

fn written(value: &Value<'_>) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn integers_are_numbers_up_to_two_to_the_53_and_strings_beyond() {
    assert_eq!(written(&Value::Int(9_007_199_254_740_992)), "9007199254740992");
    assert_eq!(written(&Value::Int(9_007_199_254_740_993)), "\"9007199254740993\"");
    assert_eq!(written(&Value::Int(i64::MIN)), "\"-9223372036854775808\"");
}

#[test]
fn what_is_not_a_number_is_null() {
    for f in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(written(&Value::Float(f)), "null");
    }
}

#[test]
fn a_float_keeps_every_bit() {
    for f in [13.45_f64, 0.1 + 0.2, 1e-310, f64::MAX, -0.0, 5e-324] {
        let text = written(&Value::Float(f));
        let Value::Float(back) = serde_json::from_str(&text).unwrap() else {
            panic!("{text} is not a float")
        };
        assert_eq!(back.to_bits(), f.to_bits(), "{text}");
    }
}

#[test]
fn texts_that_look_like_numbers_stay_texts() {
    let v: Value<'_> = serde_json::from_str("\"0012\"").unwrap();
    assert_eq!(v, Value::Text("0012".into()));
    assert_eq!(written(&v), "\"0012\"");
}

#[test]
fn unknown_fields_and_unknown_flags_are_accepted() {
    let json = GOLDEN.replace("\"Fst\"", "\"New\",\"Fst\"").replace("\"tag\"", "\"added\":[1],\"tag\"");
    let d: Datapoint<'_> = serde_json::from_str(&json).unwrap();
    assert!(d.meta.flags.has(Flags::FST));
}

#[test]
fn a_wrong_shape_is_an_error_with_its_place() {
    let e = serde_json::from_str::<Datapoint<'_>>(&GOLDEN.replace("13.45", "[1]")).unwrap_err();
    assert!(e.to_string().contains("expected a number, true, false, a text or null at line 1"), "{e}");
}
