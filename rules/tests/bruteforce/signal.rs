//! What a scope knows of its tags at an instant: the last values, and which of them are stale (§4).
//!
//! Here: application of datapoints, in the order of §3.8, and staleness. Not here: when they are applied (`scope`).
//! Invariant: what is asked about an instant is answered from what was applied up to it.

use super::judge::{Known, admitted};
use super::model::{Point, Stale, Subject, World};

/// The place of a datapoint in the order of §3.8: timestamp and sequence number, of one source.
type Order = (i64, u64);

#[derive(Debug, Clone, Default)]
struct OfSource {
    first: Option<i64>,
    frontier: Option<i64>,
    /// When it was last heard with `Wmk`, `$connected = false` not counted.
    confirmed: Option<i64>,
}

#[derive(Debug, Clone, Default)]
struct OfTag {
    held: Option<Known>,
    before: Option<Known>,
    order: Option<Order>,
    applied: Option<i64>,
    applied_late: Option<i64>,
    /// What it holds came late, and is of quality Uncertain.
    is_late: bool,
    is_uncertain: bool,
    /// By policy: when staleness ended last by a datapoint that came too late to say so itself.
    returned: [Option<i64>; POLICIES.len()],
}

/// The ways with staleness that cases use.
pub(crate) const POLICIES: [Stale; 6] = [
    Stale::Default,
    Stale::Never,
    Stale::After(100),
    Stale::After(400),
    Stale::After(1_000),
    Stale::After(2_500),
];

/// What was applied to a scope.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    sources: Vec<OfSource>,
    tags: Vec<OfTag>,
}

impl Signals {
    pub(crate) fn new(world: &World) -> Self {
        Self {
            sources: vec![OfSource::default(); world.sources.len()],
            tags: vec![OfTag::default(); world.tags.len()],
        }
    }

    /// A datapoint takes effect at an instant. False: it was overtaken and is dropped. With `nothing` only its
    /// source was heard.
    pub(crate) fn apply(&mut self, world: &World, t: i64, source: usize, point: &Point, how: How) -> bool {
        self.hear(world, t, source, point);
        let Subject::Tag(tag, raw) = &point.subject else { return true };
        if how == How::Dropped {
            return false;
        }
        let order = (point.timestamp, point.sequence);
        let held = &mut self.tags[*tag];
        if how == How::Late && held.order.is_some_and(|newest| newest > order) {
            return false;
        }
        held.before = held.held;
        held.held = admitted(&world.tags[*tag], world.kind(*tag), raw);
        held.order = Some(order);
        held.applied = Some(t);
        (held.is_late, held.is_uncertain) = (how == How::Late, point.is_uncertain());
        held.applied_late = held.applied_late.max((how == How::Late).then_some(t));
        true
    }

    fn hear(&mut self, world: &World, t: i64, source: usize, point: &Point) {
        let counts = !matches!(point.subject, Subject::Connected(false));
        let confirms = point.wmk && counts;
        for tag in 0..world.tags.len() {
            if world.tags[tag].source != source || !self.seen(tag) {
                continue;
            }
            for (place, policy) in POLICIES.into_iter().enumerate() {
                let was = self.stale(world, tag, policy, t - 1);
                let says = was && if policy == Stale::Default { point.timestamp < t } else { counts };
                if says {
                    self.tags[tag].returned[place] = Some(t);
                }
            }
        }
        let of = &mut self.sources[source];
        of.first.get_or_insert(t);
        let behind = if point.wmk { 0 } else { world.sources[source].disorder.max(1) };
        of.frontier = of.frontier.max(Some(point.timestamp - behind));
        if confirms {
            of.confirmed = of.confirmed.max(Some(point.timestamp));
        }
    }

    /// The scope is new: its sources were heard of before it.
    pub(crate) fn heard_before(
        &mut self,
        source: usize,
        t: i64,
        frontier: Option<i64>,
        confirmed: Option<i64>,
    ) {
        let of = &mut self.sources[source];
        of.first.get_or_insert(t);
        (of.frontier, of.confirmed) = (of.frontier.max(frontier), of.confirmed.max(confirmed));
    }

    /// A tag is read that nobody here has read: of its past the last datapoint is known, if any.
    pub(crate) fn seed(&mut self, world: &World, tag: usize, last: Option<&Point>) {
        let mut of = OfTag::default();
        if let Some(point @ Point { subject: Subject::Tag(_, raw), timestamp, sequence, .. }) = last {
            of.is_uncertain = point.is_uncertain();
            of.held = admitted(&world.tags[tag], world.kind(tag), raw);
            of.order = Some((*timestamp, *sequence));
            of.applied = Some(*timestamp);
        }
        self.tags[tag] = of;
    }

    /// Nobody looked at the tag under this policy before: nobody knows whether it was stale in between.
    pub(crate) fn look_anew(&mut self, tag: usize, policy: Stale) {
        if let Some(place) = POLICIES.iter().position(|other| *other == policy) {
            self.tags[tag].returned[place] = None;
        }
    }

    /// When the source was first heard of.
    pub(crate) fn first(&self, source: usize) -> Option<i64> {
        self.sources[source].first
    }

    /// Whether the tag was heard of at all.
    pub(crate) fn seen(&self, tag: usize) -> bool {
        self.tags[tag].order.is_some()
    }

    pub(crate) fn stale(&self, world: &World, tag: usize, policy: Stale, t: i64) -> bool {
        let source = world.tags[tag].source;
        let (of_tag, of_source) = (&self.tags[tag], &self.sources[source]);
        let (from, lasts) = match policy {
            Stale::Never => return false,
            Stale::Default => (of_source.frontier.max(of_tag.applied_late), world.sources[source].idle),
            Stale::After(duration) => (of_tag.applied.max(of_source.confirmed), duration),
        };
        let returned = POLICIES.iter().position(|other| *other == policy).and_then(|p| of_tag.returned[p]);
        match from.max(returned) {
            Some(from) => from + lasts <= t,
            // The value is known from elsewhere, and the scope has not yet come to where its source was heard.
            None => policy == Stale::Default && self.seen(tag),
        }
    }

    /// Whether its last value came late.
    pub(crate) fn is_late(&self, tag: usize) -> bool {
        self.tags[tag].is_late
    }

    /// Whether its last value is of quality Uncertain.
    pub(crate) fn is_uncertain(&self, tag: usize) -> bool {
        self.tags[tag].is_uncertain
    }

    /// The value before that.
    pub(crate) fn before(&self, tag: usize) -> Option<Known> {
        self.tags[tag].before
    }

    /// The timestamp of the tag's last datapoint, which is the older one where that came late.
    pub(crate) fn stamped(&self, tag: usize) -> Option<i64> {
        self.tags[tag].order.map(|(timestamp, _)| timestamp)
    }

    /// The value of a tag that is not stale.
    pub(crate) fn held(&self, tag: usize) -> Option<Known> {
        self.tags[tag].held
    }
}

/// How a datapoint comes to a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    InTime,
    Late,
    Dropped,
}
