//! Random stories: what the sources of the plant deliver, and when.
//!
//! Here: strategies. Not here: what a story must lead to.
//! Invariant: sequence numbers follow the timestamps of a source, except in garbage.

use proptest::prelude::*;
use proto::{Flags, Quality};
use rules::engine::{Batch, Datapoint, Input, Subject};
use rules::inventory::{SourceId, TagId};
use rules::operator::{Command, Order};
use rules::value::{Held, Unknown, Value};

use super::plant::{DISORDER, TAGS, tag};

/// Where stories begin, ms since 1970.
pub(crate) const ZERO: i64 = 1_700_000_000_000;

/// Something happens at a processing time.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: i64,
    pub(crate) input: Input,
}

/// All tags of both sources, of one instant.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    pub(crate) at: i64,
    values: [Held; 4],
}

/// What a line of a story speaks of: a tag with a value, or nothing but that the source lives.
#[derive(Debug, Clone)]
enum What {
    Tag(usize, Held, Quality),
    Heartbeat(usize),
    Connected(usize, bool),
}

impl What {
    fn source(&self) -> usize {
        match self {
            What::Tag(place, ..) => TAGS[*place].2,
            What::Heartbeat(source) | What::Connected(source, _) => *source,
        }
    }

    fn datapoint(&self, timestamp: i64, sequence: u64, wmk: bool) -> Datapoint {
        let (subject, value, quality) = match self.clone() {
            What::Tag(place, value, quality) => (Subject::Tag(tag(place)), value, quality),
            What::Heartbeat(_) => (Subject::Heartbeat, Err(Unknown::NeverSeen), Quality::Ok),
            What::Connected(_, up) => (Subject::Connected(up), Err(Unknown::NeverSeen), Quality::Ok),
        };
        let flags = if wmk { Flags::WMK } else { Flags::NONE };
        Datapoint { subject, timestamp, value, quality, flags, sequence }
    }
}

impl Scan {
    pub(crate) fn bad(at: i64) -> Self {
        Self { at, values: [const { Err(Unknown::Bad) }; 4] }
    }

    /// Both sources deliver it, one after the other; its last datapoint carries `Wmk`.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let batch = |source: usize| {
            let places = (0..TAGS.len()).filter(|place| TAGS[*place].2 == source);
            let mut datapoints: Vec<Datapoint> = places.map(|place| self.datapoint(place)).collect();
            if let Some(last) = datapoints.last_mut() {
                last.flags = Flags::WMK;
            }
            Step {
                at: self.at,
                input: Input::Datapoints(Batch { source: SourceId(source as u32), datapoints }),
            }
        };
        vec![batch(0), batch(1)]
    }

    fn datapoint(&self, place: usize) -> Datapoint {
        let quality = if self.values[place].is_ok() { Quality::Ok } else { Quality::Bad };
        What::Tag(place, self.values[place].clone(), quality).datapoint(self.at, self.at as u64, false)
    }
}

/// Both sources say that they live.
pub(crate) fn heartbeats(at: i64) -> Vec<Step> {
    (0..2).map(|source| delivered(&What::Heartbeat(source), at, at as u64, true, at)).collect()
}

/// Full scans, one every 2 s at most.
pub(crate) fn scans() -> impl Strategy<Value = Vec<Scan>> {
    let scan = (2_i64..2_000, (0_i64..9, any::<bool>(), 0_i64..9, 0_i64..9));
    prop::collection::vec(scan, 1..30).prop_map(|scans| {
        let mut at = ZERO;
        let scan = |(gap, (x, on, y, n)): (i64, (i64, bool, i64, i64))| {
            at += gap;
            let float = |v: i64| Ok(Value::Float(v as f64));
            Scan { at, values: [float(x), Ok(Value::Bool(on)), float(y), Ok(Value::Int(n))] }
        };
        scans.into_iter().map(scan).collect()
    })
}

/// The same datapoints twice: in order, and displaced by less than the bound. A heartbeat is displaced so far that
/// its `Wmk` keeps its promise.
pub(crate) fn shuffled() -> impl Strategy<Value = (Vec<Step>, Vec<Step>)> {
    let line = (1_i64..400, prop_oneof![6 => a_tag(), 1 => heartbeat()], 0..DISORDER);
    prop::collection::vec(line, 1..150).prop_map(|lines| {
        let mut timestamp = ZERO;
        let (mut in_order, mut displaced) = (Vec::new(), Vec::new());
        for (i, (gap, what, delay)) in lines.into_iter().enumerate() {
            timestamp += gap;
            let wmk = !matches!(what, What::Tag(..));
            let at = timestamp + if wmk { DISORDER - 1 } else { delay };
            in_order.push(delivered(&what, timestamp, i as u64, wmk, timestamp));
            displaced.push(((at, wmk), delivered(&what, timestamp, i as u64, wmk, at)));
        }
        displaced.sort_by_key(|(key, _)| *key);
        (in_order, displaced.into_iter().map(|(_, step)| step).collect())
    })
}

/// Idle and lagging sources, late and bad values, lost connections; `at` goes forward, timestamps lie about it.
pub(crate) fn lively() -> impl Strategy<Value = Vec<Step>> {
    let gap = prop_oneof![8 => 1_i64..3_000, 1 => 15_000_i64..60_000];
    let lag = prop_oneof![6 => 0_i64..600, 1 => 0_i64..40_000];
    let what = prop_oneof![6 => a_tag(), 1 => bad_tag(), 2 => heartbeat(), 1 => connected()];
    prop::collection::vec((gap, lag, what, any::<bool>()), 1..80).prop_map(|lines| {
        let mut at = ZERO;
        let step = |(i, (gap, lag, what, wmk)): (usize, (i64, i64, What, bool))| {
            at += gap;
            let wmk = wmk || !matches!(what, What::Tag(..));
            delivered(&what, at - lag, i as u64, wmk, at)
        };
        lines.into_iter().enumerate().map(step).collect()
    })
}

/// Nothing but time.
pub(crate) fn clocks() -> impl Strategy<Value = Vec<Step>> {
    let clock = (0_i64..200_000).prop_map(|after| Step { at: ZERO + after, input: Input::Clock });
    prop::collection::vec(clock, 0..40)
}

/// A lively story, or garbage.
pub(crate) fn anything() -> impl Strategy<Value = Vec<Step>> {
    prop_oneof![lively(), garbage()]
}

/// Whatever the types allow.
pub(crate) fn garbage() -> impl Strategy<Value = Vec<Step>> {
    let subject = prop_oneof![
        8 => (0..TAGS.len()).prop_map(|place| Subject::Tag(tag(place))),
        1 => any::<u32>().prop_map(|id| Subject::Tag(TagId(id))),
        2 => Just(Subject::Heartbeat),
        1 => any::<bool>().prop_map(Subject::Connected),
    ];
    let datapoint = (subject, instant(), a_value(), quality(), flags(), sequence());
    let datapoint = datapoint.prop_map(|(subject, timestamp, value, quality, flags, sequence)| Datapoint {
        subject,
        timestamp,
        value,
        quality,
        flags,
        sequence,
    });
    let batch = (0_u32..2, prop::collection::vec(datapoint, 0..6));
    let batch = batch
        .prop_map(|(source, datapoints)| Input::Datapoints(Batch { source: SourceId(source), datapoints }));
    let step = (instant(), prop_oneof![6 => batch, 1 => Just(Input::Clock), 1 => operator()]);
    prop::collection::vec(step.prop_map(|(at, input)| Step { at, input }), 1..40)
}

/// Somebody does something to a rule that has gates and latches, or has none.
fn operator() -> impl Strategy<Value = Input> {
    let order = prop_oneof![
        any::<i64>().prop_map(Order::Shelve),
        (1_i64..5_000).prop_map(Order::Shelve),
        prop::sample::select(vec![Order::ShelveOnce, Order::Unshelve, Order::Reset]),
        prop::sample::select(vec![Order::OutOfService, Order::InService]),
    ];
    let rule = prop::sample::select(vec!["gated", "one", "none"]);
    (rule, order).prop_map(|(rule, order)| {
        let (rule, machine) = (rule.to_owned(), "m".to_owned());
        Input::Operator(Command { rule, machine, who: "meier".into(), why: "known".into(), order })
    })
}

/// Places in stored bytes, and what stands there then.
pub(crate) fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![b'0'..=b'9', any::<u8>()]), 0..8)
}

fn delivered(what: &What, timestamp: i64, sequence: u64, wmk: bool, at: i64) -> Step {
    let source = SourceId(what.source() as u32);
    let datapoints = vec![what.datapoint(timestamp, sequence, wmk)];
    Step { at, input: Input::Datapoints(Batch { source, datapoints }) }
}

fn a_tag() -> impl Strategy<Value = What> {
    (0..TAGS.len(), 0_i64..9, prop_oneof![9 => Just(Quality::Ok), 1 => Just(Quality::Uncertain)]).prop_map(
        |(place, number, quality)| {
            let value = match TAGS[place].1 {
                rules::value::Type::Bool => Value::Bool(number % 2 == 1),
                rules::value::Type::Int => Value::Int(number),
                _ => Value::Float(number as f64),
            };
            What::Tag(place, Ok(value), quality)
        },
    )
}

fn bad_tag() -> impl Strategy<Value = What> {
    (0..TAGS.len()).prop_map(|place| What::Tag(place, Err(Unknown::Bad), Quality::Bad))
}

fn heartbeat() -> impl Strategy<Value = What> {
    (0_usize..2).prop_map(What::Heartbeat)
}

fn connected() -> impl Strategy<Value = What> {
    (0_usize..2, any::<bool>()).prop_map(|(source, up)| What::Connected(source, up))
}

fn instant() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => ZERO..ZERO + 120_000,
        1 => any::<i64>(),
        1 => prop::sample::select(vec![i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX]),
    ]
}

fn a_value() -> impl Strategy<Value = Held> {
    prop_oneof![
        any::<f64>().prop_map(|f| Ok(Value::Float(f))),
        Just(Ok(Value::Float(f64::NAN))),
        any::<i64>().prop_map(|i| Ok(Value::Int(i))),
        any::<bool>().prop_map(|b| Ok(Value::Bool(b))),
        ".{0,3}".prop_map(|text| Ok(Value::Text(text.as_str().into()))),
        prop::sample::select(vec![Err(Unknown::Bad), Err(Unknown::Stale), Err(Unknown::NeverSeen)]),
    ]
}

fn quality() -> impl Strategy<Value = Quality> {
    prop::sample::select(vec![Quality::Ok, Quality::Uncertain, Quality::Bad])
}

fn flags() -> impl Strategy<Value = Flags> {
    let all = [Flags::FST, Flags::LST, Flags::WMK, Flags::SYN, Flags::ATS];
    prop::sample::subsequence(all.to_vec(), 0..=5)
        .prop_map(|set| set.into_iter().fold(Flags::NONE, |sum, flag| sum.with(flag)))
}

fn sequence() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..9, any::<u64>(), Just(u64::MAX)]
}
