//! From readings to datapoints: the stamp, the quality, the flags, the sequence number.
//!
//! A batch has one stamp, taken when its last answer had arrived, strictly later than that of the batch before.
//! What has not changed is not reported; the last datapoint of a batch carries `Wmk`, and a batch without any is
//! a `$heartbeat`: "unchanged" and "dead" differ. While there is no connection every tag is Bad, said once, and
//! `$connected = false` is repeated.
//!
//! Here: that, for polled sources. Pure, in the connector's task. Not here: names (they stand where
//! configuration is read and JSON is written), what a value means.
//! Invariant: a wrong value is never reported as Ok (I9): what cannot be this tag's value is Bad, with its reason.

use std::time::Duration;

use proto::{Flags, Quality};
use rules::engine::{Batch, Datapoint, Subject};
use rules::inventory::{Inventory, SourceId, TagId};
use rules::value::{Held, Type, Unknown, Value, admit};

use crate::clock::STEP;
use crate::config::Source;
use crate::connector::{Raw, Reading, Report};

/// A foreign text is cut to so many bytes.
const TEXT_MAX: usize = 1024;

/// What a connector hands to core.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The datapoints.
    pub batch: Batch,
    /// Why datapoints of the batch are Bad, by their place in it.
    pub status: Vec<(usize, String)>,
    /// Processing time at which the connector had finished reading, ms since 1970 UTC.
    pub arrived: i64,
    /// How long reading took; none where nothing is polled.
    pub took: Option<Duration>,
}

/// Makes the batches of one source.
#[derive(Debug)]
pub struct Normalizer {
    source: SourceId,
    tags: Vec<Tag>,
    sequence: u64,
    stamp: i64,
    /// None: nothing was heard yet.
    connected: Option<bool>,
}

#[derive(Debug)]
struct Tag {
    id: TagId,
    kind: Type,
    range: Option<(f64, f64)>,
    deadband: f64,
    /// What was reported last; none: nothing yet.
    reported: Option<Result<Value, String>>,
}

impl Normalizer {
    /// Begins with the sequence number that comes next.
    #[must_use]
    pub fn new(source: &Source, inventory: &Inventory, sequence: u64) -> Self {
        let tag = |tag: &crate::config::Source, i: usize| {
            let (configured, known) = (&tag.tags[i], inventory.tag(tag.tags[i].id));
            Tag {
                id: configured.id,
                kind: known.kind,
                range: known.range,
                deadband: configured.deadband,
                reported: None,
            }
        };
        let tags = (0..source.tags.len()).map(|i| tag(source, i)).collect();
        Self { source: source.id, tags, sequence, stamp: i64::MIN, connected: None }
    }

    /// One report, one batch; `now` is when its last answer had arrived.
    pub fn batch(&mut self, report: Report, now: i64) -> Delivery {
        // A clock that was set back begins again; within one time stamps only grow.
        let set_back = self.stamp.saturating_sub(now) > STEP;
        self.stamp = if set_back { now } else { now.max(self.stamp.saturating_add(1)) };
        let mut delivery = Delivery {
            batch: Batch { source: self.source, datapoints: Vec::new() },
            status: Vec::new(),
            arrived: now,
            took: None,
        };
        match report {
            Report::Scan { readings, took } => {
                delivery.took = Some(took);
                self.scan(readings, &mut delivery);
            }
            Report::Down(reason) => self.down(&reason, &mut delivery),
        }
        let datapoints = &mut delivery.batch.datapoints;
        if let Some(first) = datapoints.first_mut() {
            first.flags = first.flags.with(Flags::FST);
        }
        if let Some(last) = datapoints.last_mut() {
            last.flags = last.flags.with(Flags::LST).with(Flags::WMK);
        }
        delivery
    }

    fn scan(&mut self, readings: Vec<Reading>, delivery: &mut Delivery) {
        if self.connected != Some(true) {
            self.connected = Some(true);
            self.push(delivery, Subject::Connected(true), Ok(Value::Bool(true)));
        }
        for reading in readings {
            let Some(tag) = self.tags.get_mut(reading.tag) else { continue };
            let value = match reading.value {
                Ok(raw) => admitted(tag, raw),
                Err(reason) => Err(reason),
            };
            if tag.reports(&value) {
                let id = tag.id;
                tag.reported = Some(value.clone());
                self.tell(delivery, id, value);
            }
        }
        if delivery.batch.datapoints.is_empty() {
            self.push(delivery, Subject::Heartbeat, Err(Unknown::NeverSeen));
        }
    }

    fn down(&mut self, reason: &str, delivery: &mut Delivery) {
        if self.connected != Some(false) {
            self.connected = Some(false);
            for i in 0..self.tags.len() {
                let value = Err(reason.to_owned());
                self.tags[i].reported = Some(value.clone());
                let id = self.tags[i].id;
                self.tell(delivery, id, value);
            }
        }
        delivery.status.push((delivery.batch.datapoints.len(), reason.to_owned()));
        self.push(delivery, Subject::Connected(false), Ok(Value::Bool(false)));
    }

    fn tell(&mut self, delivery: &mut Delivery, tag: TagId, value: Result<Value, String>) {
        let held = match value {
            Ok(value) => Ok(value),
            Err(reason) => {
                delivery.status.push((delivery.batch.datapoints.len(), reason));
                Err(Unknown::Bad)
            }
        };
        self.push(delivery, Subject::Tag(tag), held);
    }

    fn push(&mut self, delivery: &mut Delivery, subject: Subject, value: Held) {
        let bad = value.is_err() && subject != Subject::Heartbeat;
        delivery.batch.datapoints.push(Datapoint {
            subject,
            timestamp: self.stamp,
            value,
            quality: if bad { Quality::Bad } else { Quality::Ok },
            flags: Flags::ATS,
            sequence: self.sequence,
        });
        self.sequence += 1;
    }
}

impl Tag {
    /// Whether a value differs from what was reported last.
    fn reports(&self, value: &Result<Value, String>) -> bool {
        match (&self.reported, value) {
            (Some(Ok(Value::Float(last))), Ok(Value::Float(new))) => {
                last.to_bits() != new.to_bits() && (new - last).abs() >= self.deadband
            }
            (Some(Ok(Value::Int(last))), Ok(Value::Int(new))) => {
                last != new && (last.abs_diff(*new) as f64) >= self.deadband
            }
            (last, new) => last.as_ref() != Some(new),
        }
    }
}

/// The value, if the tag can have it.
fn admitted(tag: &Tag, raw: Raw) -> Result<Value, String> {
    let value = match raw {
        Raw::Bool(b) => proto::Value::Bool(b),
        Raw::Int(i) => proto::Value::Int(i),
        Raw::UInt(u) => {
            i64::try_from(u).map_or_else(|_| proto::Value::Text(u.to_string().into()), proto::Value::Int)
        }
        Raw::Real(f) => proto::Value::Float(widened(f)),
        Raw::LReal(f) => proto::Value::Float(f),
        Raw::Text(text) => {
            let end = text.floor_char_boundary(TEXT_MAX);
            proto::Value::Text(text[..end].to_owned().into())
        }
    };
    admit(tag.kind, tag.range, &value, Quality::Ok).map_err(|unknown| match tag.range {
        Some((low, high)) if unknown == Unknown::OutOfRange => format!("outside {low} … {high}"),
        _ => unknown.to_string(),
    })
}

/// A REAL through its shortest decimal: the PLC's 13.45 is 13.45, not 13.449999809265137.
fn widened(real: f32) -> f64 {
    real.to_string().parse().unwrap_or(f64::from(real))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const CONFIG: &str = r#"
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

    fn normalizer() -> Normalizer {
        let mut report = rules::diagnose::Report::default();
        let file = report.add_file("agent.toml", CONFIG);
        let config = Config::read(&mut report, file, std::path::Path::new("/")).unwrap();
        Normalizer::new(&config.sources[0], &config.inventory, 7)
    }

    fn scan(values: &[(usize, Raw)]) -> Report {
        let reading = |(tag, raw): &(usize, Raw)| Reading { tag: *tag, value: Ok(raw.clone()) };
        Report::Scan { readings: values.iter().map(reading).collect(), took: Duration::ZERO }
    }

    fn values(delivery: &Delivery) -> Vec<Held> {
        delivery.batch.datapoints.iter().map(|d| d.value.clone()).collect()
    }

    #[test]
    fn a_real_keeps_the_decimals_it_was_written_with() {
        let mut n = normalizer();
        let d = n.batch(scan(&[(0, Raw::Real(13.45))]), 1_000);
        assert_eq!(values(&d), [Ok(Value::Bool(true)), Ok(Value::Float(13.45))]);
    }

    #[test]
    fn a_batch_has_one_stamp_and_ends_in_a_promise() {
        let mut n = normalizer();
        let first = n.batch(scan(&[(0, Raw::Real(1.0)), (1, Raw::UInt(5))]), 1_000);
        let flags: Vec<_> = first.batch.datapoints.iter().map(|d| d.flags).collect();
        assert!(flags[0].has(Flags::FST) && !flags[0].has(Flags::WMK));
        assert!(flags[2].has(Flags::LST.with(Flags::WMK)) && !flags[2].has(Flags::FST));
        assert!(first.batch.datapoints.iter().all(|d| d.timestamp == 1_000));
        let sequences: Vec<_> = first.batch.datapoints.iter().map(|d| d.sequence).collect();
        assert_eq!(sequences, [7, 8, 9]);
        let second = n.batch(scan(&[(1, Raw::UInt(6))]), 1_000);
        assert_eq!(second.batch.datapoints[0].timestamp, 1_001, "strictly later, even within a millisecond");
    }

    #[test]
    fn what_has_not_changed_is_a_heartbeat() {
        let mut n = normalizer();
        n.batch(scan(&[(0, Raw::Real(20.0))]), 1_000);
        let quiet = n.batch(scan(&[(0, Raw::Real(20.3))]), 1_100);
        assert_eq!(quiet.batch.datapoints[0].subject, Subject::Heartbeat);
        assert!(quiet.batch.datapoints[0].flags.has(Flags::WMK));
        let moved = n.batch(scan(&[(0, Raw::Real(20.5))]), 1_200);
        assert_eq!(values(&moved), [Ok(Value::Float(20.5))]);
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
            down.batch.datapoints[..3]
                .iter()
                .all(|d| d.quality == Quality::Bad && d.value == Err(Unknown::Bad))
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
}
