//! What becomes of single values, and of a lost connection. The source that the tests of `polled` and `subscribed`
//! speak to stands here as well.

use super::*;
use crate::config::Config;
use crate::connector::Reading;

pub(super) const CONFIG: &str = r#"
[agent]
id = "a"
[[machine]]
name = "m"
id = "m"
[[source]]
id = "plc"
protocol = "s7"
address = "127.0.0.1"
[[source.tag]]
machine = "m"
name = "t"
address = "DB1.DBD0:REAL"
range = [0, 120]
report_deadband = 0.5
[[source.tag]]
machine = "m"
name = "n"
address = "DB1.DBD4:UDINT"
[[source.tag]]
machine = "m"
name = "s"
address = "DB1.DBB10:STRING[20]"
"#;

pub(super) fn normalizer() -> Normalizer {
    configured(CONFIG)
}

pub(super) fn configured(text: &str) -> Normalizer {
    let mut report = rules::diagnose::Report::default();
    let file = report.add_file("agent.toml", text);
    let config = Config::read(&mut report, file, std::path::Path::new("/")).unwrap();
    Normalizer::new(&config.sources[0], &config.inventory, 7)
}

pub(super) fn scan(values: &[(usize, Raw)]) -> Report {
    let reading = |(tag, raw): &(usize, Raw)| Reading { tag: *tag, value: Ok(raw.clone()) };
    Report::Scan { readings: values.iter().map(reading).collect(), took: Duration::ZERO }
}

pub(super) fn values(delivery: &Delivery) -> Vec<Held> {
    delivery.batch.datapoints.iter().map(|d| d.value.clone()).collect()
}

#[test]
fn a_real_keeps_the_decimals_it_was_written_with() {
    let mut n = normalizer();
    let d = n.batch(scan(&[(0, Raw::Real(13.45))]), 1_000);
    assert_eq!(values(&d), [Ok(Value::Bool(true)), Ok(Value::Float(13.45))]);
}

#[test]
fn what_cannot_be_the_tags_value_is_bad_with_its_reason() {
    let mut n = normalizer();
    let bad = |n: &mut Normalizer, tag, raw| n.batch(scan(&[(tag, raw)]), 0).status.pop().map(|(_, s)| s);
    assert_eq!(bad(&mut n, 0, Raw::Real(150.0)).as_deref(), Some("outside 0 … 120"));
    assert_eq!(
        bad(&mut n, 0, Raw::Real(f32::from_bits(990))).as_deref(),
        Some("denormal: is a DINT read as REAL?")
    );
    assert_eq!(bad(&mut n, 0, Raw::Real(f32::NAN)).as_deref(), Some("not a number"));
    assert_eq!(bad(&mut n, 1, Raw::UInt(u64::MAX)).as_deref(), Some("larger than 2^63 - 1"));
    assert_eq!(bad(&mut n, 2, Raw::Int(4)).as_deref(), Some("wrong type"));
}

#[test]
fn a_lost_connection_makes_every_tag_bad_once_and_then_only_says_so() {
    let mut n = normalizer();
    n.batch(scan(&[(0, Raw::Real(20.0))]), 1_000);
    let down = n.batch(Report::Down("no answer".into()), 2_000);
    assert_eq!(down.batch.datapoints.len(), 4);
    assert!(
        down.batch.datapoints[..3].iter().all(|d| d.quality == Quality::Bad && d.value == Err(Unknown::Bad))
    );
    assert_eq!(down.batch.datapoints[3].subject, Subject::Connected(false));
    let still = n.batch(Report::Down("no answer".into()), 3_000);
    assert_eq!(still.batch.datapoints.len(), 1);
    let back = n.batch(scan(&[(0, Raw::Real(20.0))]), 4_000);
    assert_eq!(
        values(&back),
        [Ok(Value::Bool(true)), Ok(Value::Float(20.0))],
        "told again, though it is the same"
    );
}

#[test]
fn a_foreign_text_is_cut_between_characters() {
    let mut n = normalizer();
    let d = n.batch(scan(&[(2, Raw::Text("ä".repeat(600)))]), 0);
    assert_eq!(d.batch.datapoints[1].value, Ok(Value::Text("ä".repeat(512).into())));
}
