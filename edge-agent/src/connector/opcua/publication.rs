//! What a publish answer means for the tags.
//!
//! Everything that was published is complete up to the time of the publish answer, unless more is to come. A server
//! whose clock was set back says so by the time of its next answer, and everything is complete up to then.
//!
//! Answers are numbered: one that is missing is a hole. A queue may have overflowed when the server says so, or when
//! as many values of an item come at once as its queue holds (not every server says so, nor keeps the newest). In
//! both cases the loss is counted, and the tags that it may concern are to be read again.
//!
//! Here: that, without any I/O. Not here: how a value is stamped (`item`), when to publish and to read again
//! (`subscription`), what is unchanged (`normalize`).
//! Invariant: the values of a tag come out in the order in which the server queued them.

use std::collections::{BTreeMap, BTreeSet};

use opcua::types::match_extension_object_owned;
use opcua::types::{
    DataChangeNotification, MonitoredItemNotification, PublishResponse, StatusChangeNotification, StatusCode,
};

use super::item::Item;
use super::value::said;
use crate::connector::{Lost, Publication, Sample};

/// A shorter queue may well be full without a loss: two values between two answers are nothing strange.
const TELLING_QUEUE: u32 = 5;

/// What is known of the items and subscriptions of one session.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// By the tag's place.
    items: Vec<Item>,
    subscriptions: Vec<Published>,
    /// Tags whose last value may have been lost.
    doubtful: BTreeSet<usize>,
    /// Whether a value was stamped by a clock that is out of step with the server's.
    pub(super) is_out_of_step: bool,
}

#[derive(Debug, Clone)]
struct Published {
    id: u32,
    /// Up to when it is complete.
    complete: i64,
    /// The number of the next message with values.
    next: u32,
    /// Values of each tag since everything had been sent the last time, and whether an overflow was told of them.
    came: BTreeMap<usize, (u32, bool)>,
    /// Whether more is on its way.
    more: bool,
}

impl Book {
    /// For so many tags.
    pub(super) fn new(tags: usize) -> Self {
        Self { items: vec![Item::default(); tags], ..Self::default() }
    }

    /// A subscription was made, at this time of the server.
    pub(super) fn subscribed(&mut self, id: u32, at: i64) {
        self.subscriptions.push(Published { id, complete: at, next: 1, came: BTreeMap::new(), more: false });
    }

    /// A tag was put into a subscription, at this time of the server, with a queue of this size: its first value is
    /// to come.
    pub(super) fn awaits(&mut self, tag: usize, subscription: u32, (at, queue): (i64, u32)) {
        if let Some(item) = self.items.get_mut(tag) {
            *item = Item::awaited(subscription, (at, queue));
        }
    }

    /// Whether tags are to be read, and nothing older of them is on its way.
    pub(super) fn is_in_doubt(&self) -> bool {
        !self.doubtful.is_empty() && self.subscriptions.iter().all(|s| !s.more)
    }

    /// The tags that are to be read; they are in doubt no longer.
    pub(super) fn take_doubtful(&mut self) -> BTreeSet<usize> {
        std::mem::take(&mut self.doubtful)
    }

    /// Values were read beside the subscriptions: they are news now, and what follows comes after them. They say
    /// nothing about what is complete.
    pub(super) fn read(&mut self, mut publication: Publication) -> Publication {
        for sample in &mut publication.samples {
            let Some(item) = self.items.get_mut(sample.tag) else { continue };
            item.read(sample);
        }
        publication.complete = None;
        publication
    }

    /// Takes an answer that was published at this time of the server.
    ///
    /// # Errors
    /// When the server has ended the subscription; the status says why.
    pub(super) fn take(
        &mut self,
        answer: PublishResponse,
        published: Option<i64>,
    ) -> Result<Publication, StatusCode> {
        let (id, more) = (answer.subscription_id, answer.more_notifications);
        let message = answer.notification_message;
        let has_values = message.notification_data.as_ref().is_some_and(|data| !data.is_empty());
        let answers = self.missed(id, message.sequence_number, has_values);
        let mut publication = Publication { lost: Lost { answers, overflows: 0 }, ..Publication::default() };
        let mut full = BTreeSet::new();
        for notification in message.notification_data.into_iter().flatten() {
            match_extension_object_owned!(notification,
                change: DataChangeNotification => {
                    for item in change.monitored_items.into_iter().flatten() {
                        let is_full = item.value.status.is_some_and(|status| status.overflow());
                        let tag = self.item(&item, published, &mut publication);
                        full.extend(tag.filter(|_| is_full));
                    }
                },
                change: StatusChangeNotification => {
                    return Err(change.status);
                },
            );
        }
        publication.lost.overflows = self.overflowed(id, &publication.samples, (&full, more));
        if let (Some(subscription), Some(published)) = (self.subscription(id), published) {
            subscription.complete = published;
        }
        publication.complete = if more { None } else { self.complete() };
        Ok(publication)
    }

    fn subscription(&mut self, id: u32) -> Option<&mut Published> {
        self.subscriptions.iter_mut().find(|s| s.id == id)
    }

    /// How many messages are missing before this one. A keep-alive carries the number of the next one with values.
    fn missed(&mut self, id: u32, number: u32, has_values: bool) -> u64 {
        let Some(subscription) = self.subscription(id) else { return 0 };
        let missed = number.wrapping_sub(subscription.next);
        // A number from before is no hole.
        if missed > u32::MAX / 2 {
            return 0;
        }
        // After the greatest number comes 1.
        let after = if number == u32::MAX { 1 } else { number + 1 };
        subscription.next = if has_values { after } else { number };
        if missed > 0 {
            let of_this = self.items.iter().enumerate().filter(|(_, item)| item.subscription == id);
            self.doubtful.extend(of_this.map(|(tag, _)| tag));
        }
        u64::from(missed)
    }

    /// How many queues may have overflowed.
    fn overflowed(&mut self, id: u32, samples: &[Sample], (full, more): (&BTreeSet<usize>, bool)) -> u64 {
        let Some(subscription) = self.subscriptions.iter_mut().find(|s| s.id == id) else { return 0 };
        let mut count = 0;
        for tag in samples.iter().map(|s| s.tag) {
            let queue = self.items[tag].queue;
            let (came, told) = subscription.came.entry(tag).or_default();
            *came += 1;
            let looks_full = queue >= TELLING_QUEUE && *came >= queue;
            if !*told && (looks_full || full.contains(&tag)) {
                *told = true;
                self.doubtful.insert(tag);
                count += 1;
            }
        }
        subscription.more = more;
        if !more {
            subscription.came.clear();
        }
        count
    }

    /// Up to when all subscriptions are complete.
    fn complete(&self) -> Option<i64> {
        self.subscriptions.iter().map(|s| s.complete).min()
    }

    /// Takes a value; gives its tag.
    fn item(
        &mut self,
        item: &MonitoredItemNotification,
        published: Option<i64>,
        publication: &mut Publication,
    ) -> Option<usize> {
        // Handles are places of tags, counted from 1.
        let tag = (item.client_handle as usize).checked_sub(1).filter(|tag| *tag < self.items.len())?;
        let data = &item.value;
        let said = said(data);
        let known = &mut self.items[tag];
        let (timestamp, source_timestamp) = known.stamp(data, published);
        self.is_out_of_step |= known.is_slow();
        let (value, uncertain, status) = (said.value, said.uncertain, said.status);
        publication.samples.push(Sample { tag, value, uncertain, status, timestamp, source_timestamp });
        Some(tag)
    }
}

#[cfg(test)]
mod tests;
