//! What core notes for people between two pictures: the last value of each tag, the links, the last transitions.
//!
//! Here: noting it, at the price of a few moves for each datapoint. Not here: putting a picture together
//! (`picture`). Invariant: its size is that of the configuration plus [`RECENT_MAX`] transitions; noting never
//! fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proto::{Flags, Quality, Transition};
use rules::engine::{Datapoint, Subject};
use rules::inventory::{Inventory, SourceId};
use rules::value::{Held, Unknown};

use super::{MISTAKES_MAX, MistakeView, RECENT_MAX, View};
use crate::normalize::Delivery;

/// A picture is good for so long: nobody sees more than four in a second.
const GOOD_FOR: Duration = Duration::from_millis(250);

/// What core keeps to show.
#[derive(Debug)]
pub struct Board {
    pub(super) inventory: Arc<Inventory>,
    pub(super) started_at: i64,
    pub(super) rules: usize,
    pub(super) mistakes: Vec<MistakeView>,
    pub(super) tags: Vec<TagNote>,
    pub(super) sources: Vec<SourceNote>,
    pub(super) recent: VecDeque<Arc<Transition>>,
    pub(super) lost: u64,
    last: Option<(Instant, Arc<View>)>,
}

/// What is known of a tag.
#[derive(Debug, Clone)]
pub(super) struct TagNote {
    pub(super) held: Held,
    pub(super) quality: Option<Quality>,
    pub(super) timestamp: Option<i64>,
    pub(super) reason: Option<Arc<str>>,
}

/// What is known of a source.
#[derive(Debug, Clone, Default)]
pub(super) struct SourceNote {
    pub(super) up: Option<bool>,
    pub(super) reason: Option<String>,
    pub(super) since: Option<i64>,
    pub(super) heard_at: Option<i64>,
    pub(super) scan: Option<Duration>,
    pub(super) clock_offset_ms: Option<i64>,
    pub(super) datapoints: u64,
    pub(super) late: u64,
}

impl Board {
    /// Nothing was heard yet.
    #[must_use]
    pub fn new(inventory: Arc<Inventory>, started_at: i64) -> Self {
        let never = TagNote { held: Err(Unknown::NeverSeen), quality: None, timestamp: None, reason: None };
        Self {
            started_at,
            rules: 0,
            mistakes: Vec::new(),
            tags: vec![never; inventory.tags().count()],
            sources: vec![SourceNote::default(); inventory.sources().count()],
            recent: VecDeque::with_capacity(RECENT_MAX),
            lost: 0,
            last: None,
            inventory,
        }
    }

    /// Which rules are in force, and what is wrong in their files.
    pub fn set_rules(&mut self, rules: usize, mut mistakes: Vec<MistakeView>) {
        mistakes.truncate(MISTAKES_MAX);
        (self.rules, self.mistakes) = (rules, mistakes);
    }

    /// A delivery came.
    pub fn hear(&mut self, delivery: &Delivery) {
        let Some(source) = self.sources.get_mut(delivery.batch.source.0 as usize) else { return };
        source.heard_at = Some(delivery.arrived);
        source.scan = delivery.took;
        let mut reasons = delivery.status.iter().peekable();
        for (place, datapoint) in delivery.batch.datapoints.iter().enumerate() {
            let reason = reasons.next_if(|(of, _)| *of == place).map(|(_, reason)| reason.as_str());
            match datapoint.subject {
                Subject::Tag(tag) => {
                    source.datapoints += 1;
                    if let Some(note) = self.tags.get_mut(tag.0 as usize) {
                        note.hear(datapoint, reason);
                    }
                }
                Subject::Connected(up) => source.link(up, reason, delivery.arrived),
                Subject::Heartbeat => {}
            }
        }
        let own_clock = delivery.batch.datapoints.last().filter(|d| !d.flags.has(Flags::ATS));
        source.clock_offset_ms = own_clock.map(|d| delivery.arrived.saturating_sub(d.timestamp));
    }

    /// A datapoint of a source came late.
    pub fn late(&mut self, source: SourceId) {
        if let Some(note) = self.sources.get_mut(source.0 as usize) {
            note.late += 1;
        }
    }

    /// A rule changed state.
    pub fn tell(&mut self, transition: Transition) {
        self.recent.truncate(RECENT_MAX - 1);
        self.recent.push_front(Arc::new(transition));
    }

    /// Entries of the outbox were lost.
    pub fn lose(&mut self, count: u64) {
        self.lost = self.lost.saturating_add(count);
    }

    /// The picture: the last one while it is good, else the one that `take` takes.
    pub fn look(&mut self, take: impl FnOnce(&Self) -> View) -> Arc<View> {
        match &self.last {
            Some((taken, view)) if taken.elapsed() < GOOD_FOR => Arc::clone(view),
            _ => {
                let view = Arc::new(take(self));
                self.last = Some((Instant::now(), Arc::clone(&view)));
                view
            }
        }
    }
}

impl TagNote {
    fn hear(&mut self, datapoint: &Datapoint, reason: Option<&str>) {
        self.held = datapoint.value.clone();
        self.quality = Some(datapoint.quality);
        self.timestamp = Some(datapoint.timestamp);
        self.reason = reason.map(Into::into);
    }

    /// Whether it has a value.
    pub(super) fn is_good(&self) -> bool {
        self.held.is_ok()
    }
}

impl SourceNote {
    fn link(&mut self, up: bool, reason: Option<&str>, at: i64) {
        if self.up != Some(up) {
            (self.up, self.since) = (Some(up), Some(at));
        }
        self.reason = reason.map(ToOwned::to_owned);
    }
}
