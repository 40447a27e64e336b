//! From readings to datapoints: the stamp, the quality, the flags, the sequence number.
//!
//! What has not changed is not reported, and what moves time is: "unchanged" and "dead" differ. While there is no
//! connection every tag is Bad, said once, and `$connected = false` is repeated.
//!
//! Here: what all sources share; scans stand in `polled`, publications in `subscribed`. Pure, in the connector's
//! task. Not here: names (they stand where configuration is read and JSON is written), what a value means.
//! Invariant: a wrong value is never reported as Ok (I9): what cannot be this tag's value is Bad, with its reason.

mod polled;
mod subscribed;

use std::time::Duration;

use proto::{Flags, Quality};
use rules::engine::{Batch, Datapoint, Subject};
use rules::inventory::{Inventory, SourceId, TagId};
use rules::trust::{Bounds, Trust, Verdict};
use rules::value::{Held, Type, Unknown, Value, admit};

use crate::clock::STEP;
use crate::config::Source;
use crate::connector::{Lost, Raw, Report};

/// A foreign text is cut to so many bytes.
const TEXT_MAX: usize = 1024;

/// What a connector hands to core.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// The datapoints.
    pub batch: Batch,
    /// Why datapoints of the batch are Bad, or what their source remarks on them, by their place in it.
    pub status: Vec<(usize, String)>,
    /// The source's own stamps of datapoints that carry another one, by their place in the batch.
    pub source_timestamps: Vec<(usize, i64)>,
    /// What the source could not deliver.
    pub lost: Lost,
    /// Processing time at which the connector had finished reading, ms since 1970 UTC.
    pub arrived: i64,
    /// How long reading took; none where nothing is polled.
    pub took: Option<Duration>,
}

impl Delivery {
    /// Corrects what the source's clock says, where it is not believed, before anything is recorded or judged
    /// (§3.3). What it said goes along, as far as the delivery does not have it already.
    pub fn correct(&mut self, trust: &mut Trust, at: i64, bounds: Bounds) -> Option<Verdict> {
        let (originals, verdict) = trust.judge(&mut self.batch, at, bounds);
        let own = &mut self.source_timestamps;
        own.extend(originals);
        own.sort_by_key(|(place, _)| *place);
        own.dedup_by_key(|(place, _)| *place);
        verdict
    }
}

/// Makes the batches of one source.
#[derive(Debug)]
pub struct Normalizer {
    source: SourceId,
    tags: Vec<Tag>,
    sequence: u64,
    /// The last that is not a source's own.
    stamp: i64,
    /// How far behind the agent's clock the source was when it was last heard, ms; polled sources are not.
    lag: i64,
    /// What a subscribed source holds back its promises by, ms.
    max_out_of_orderness: i64,
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
    reported: Option<Told>,
}

/// What is said of a tag.
#[derive(Debug, Clone, PartialEq)]
struct Told {
    value: Result<Value, String>,
    uncertain: bool,
    status: Option<String>,
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
        let max_out_of_orderness = inventory.source(source.id).max_out_of_orderness;
        Self {
            source: source.id,
            tags,
            sequence,
            stamp: i64::MIN,
            lag: 0,
            max_out_of_orderness,
            connected: None,
        }
    }

    /// One report, one batch; `now` is when its last answer had arrived.
    pub fn batch(&mut self, report: Report, now: i64) -> Delivery {
        let mut delivery = Delivery {
            batch: Batch { source: self.source, datapoints: Vec::new() },
            status: Vec::new(),
            source_timestamps: Vec::new(),
            lost: Lost::default(),
            arrived: now,
            took: None,
        };
        match report {
            Report::Scan { readings, took } => {
                delivery.took = Some(took);
                self.scan(readings, now, &mut delivery);
            }
            Report::Published(publication) => self.published(publication, now, &mut delivery),
            Report::Down(reason) => self.down(&reason, now, &mut delivery),
        }
        let datapoints = &mut delivery.batch.datapoints;
        if let Some(first) = datapoints.first_mut() {
            first.flags = first.flags.with(Flags::FST);
        }
        if let Some(last) = datapoints.last_mut() {
            last.flags = last.flags.with(Flags::LST);
        }
        delivery
    }

    fn down(&mut self, reason: &str, now: i64, delivery: &mut Delivery) {
        let at = self.stamp_after(now.saturating_sub(self.lag));
        if self.connected != Some(false) {
            self.connected = Some(false);
            for tag in 0..self.tags.len() {
                let told = Told { value: Err(reason.to_owned()), uncertain: false, status: None };
                self.tell(tag, told, (at, Flags::ATS), delivery);
            }
        }
        delivery.status.push((delivery.batch.datapoints.len(), reason.to_owned()));
        self.connection(false, (at, Flags::WMK), delivery);
    }

    /// A stamp later than the last.
    fn stamp_after(&mut self, at: i64) -> i64 {
        self.stamp_from(self.stamp.saturating_add(1), at)
    }

    /// A stamp not before `earliest`. A clock that was set back begins again; within one time stamps do not go back.
    fn stamp_from(&mut self, earliest: i64, at: i64) -> i64 {
        let set_back = self.stamp.saturating_sub(at) > STEP;
        self.stamp = if set_back { at } else { at.max(earliest) };
        self.stamp
    }

    /// Says something of a tag.
    fn tell(&mut self, tag: usize, told: Told, (at, flags): (i64, Flags), delivery: &mut Delivery) {
        let Some(tag) = self.tags.get_mut(tag) else { return };
        tag.reported = Some(told.clone());
        let (place, id) = (delivery.batch.datapoints.len(), tag.id);
        let (value, quality, status) = match told.value {
            Ok(value) if told.uncertain => (Ok(value), Quality::Uncertain, told.status),
            Ok(value) => (Ok(value), Quality::Ok, told.status),
            Err(reason) => (Err(Unknown::Bad), Quality::Bad, Some(reason)),
        };
        delivery.status.extend(status.map(|status| (place, status)));
        self.push(delivery, Subject::Tag(id), (value, quality), (at, flags));
    }

    /// The connection is up or down.
    fn connection(&mut self, up: bool, (at, flags): (i64, Flags), delivery: &mut Delivery) {
        let value = (Ok(Value::Bool(up)), Quality::Ok);
        self.push(delivery, Subject::Connected(up), value, (at, flags.with(Flags::ATS)));
    }

    /// Nothing at or before this time follows.
    fn heartbeat(&mut self, at: i64, flags: Flags, delivery: &mut Delivery) {
        let nothing = (Err(Unknown::NeverSeen), Quality::Ok);
        self.push(delivery, Subject::Heartbeat, nothing, (at, flags.with(Flags::WMK)));
    }

    fn push(
        &mut self,
        delivery: &mut Delivery,
        subject: Subject,
        (value, quality): (Held, Quality),
        (timestamp, flags): (i64, Flags),
    ) {
        let sequence = self.sequence;
        self.sequence += 1;
        delivery.batch.datapoints.push(Datapoint { subject, timestamp, value, quality, flags, sequence });
    }
}

impl Tag {
    /// Whether this differs from what was reported last.
    fn reports(&self, told: &Told) -> bool {
        let Some(last) = &self.reported else { return true };
        if (last.uncertain, &last.status) != (told.uncertain, &told.status) {
            return true;
        }
        match (&last.value, &told.value) {
            (Ok(Value::Float(last)), Ok(Value::Float(new))) => {
                last.to_bits() != new.to_bits() && (new - last).abs() >= self.deadband
            }
            (Ok(Value::Int(last)), Ok(Value::Int(new))) => {
                last != new && (last.abs_diff(*new) as f64) >= self.deadband
            }
            (last, new) => last != new,
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
mod tests;
