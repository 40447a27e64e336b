//! What a publish answer means for the tags.
//!
//! The first value of an item is the value it already had when it was subscribed: it is stamped with the server's
//! time of that, for what last changed yesterday is news now; its own time goes along. A value after it that is
//! stamped a little earlier, because the clock of its source is, is put behind it: else the older one would stand.
//! One that is stamped long before the tag's last value was, while the server's own clock says otherwise, comes from a
//! device whose clock is wrong: it is news now, too.
//! Everything that was published is complete up to the time of the publish answer, unless more is to come. A server
//! whose clock was set back says so by the time of its next answer, and everything is complete up to then.
//!
//! Answers are numbered: one that is missing is a hole. A queue may have overflowed when the server says so, or when
//! as many values of an item come at once as its queue holds (not every server says so, nor keeps the newest). In
//! both cases the loss is counted, and the tags that it may concern are to be read again.
//!
//! Here: that, without any I/O. Not here: when to publish and to read again (`subscription`), what is unchanged
//! (`normalize`).
//! Invariant: the values of a tag come out in the order in which the server queued them.

use std::collections::{BTreeMap, BTreeSet};

use opcua::types::match_extension_object_owned;
use opcua::types::{
    DataChangeNotification, DataValue, DateTime, MonitoredItemNotification, PublishResponse,
    StatusChangeNotification, StatusCode,
};

use super::value::{millis, said};
use crate::connector::{Lost, Publication, Sample};

/// Clocks of a source and of its server that differ by more than this are not in step: nothing is put behind.
const SKEW_MAX_MS: i64 = 5_000;

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

/// What is known of an item.
#[derive(Debug, Clone, Default)]
struct Item {
    subscription: u32,
    /// So many values of it wait with the server at most.
    queue: u32,
    /// When it was subscribed, while its first value has not come.
    awaited: Option<i64>,
    /// The stamp of its first value, or of the one that was read last.
    first: Option<i64>,
    /// The stamp of its last value.
    last: Option<i64>,
    /// Whether its values are stamped by a clock that is behind the server's.
    is_slow: bool,
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
            *item = Item { subscription, queue, awaited: Some(at), ..Item::default() };
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
            let ahead = item.last.filter(|last| (0..SKEW_MAX_MS).contains(&(last - sample.timestamp)));
            sample.timestamp = ahead.map_or(sample.timestamp, |last| last + 1);
            sample.source_timestamp = sample.source_timestamp.filter(|own| *own != sample.timestamp);
            (item.awaited, item.first, item.last) = (None, Some(sample.timestamp), Some(sample.timestamp));
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
        let (timestamp, source_timestamp) = self.stamp(tag, data, published);
        let (value, uncertain, status) = (said.value, said.uncertain, said.status);
        publication.samples.push(Sample { tag, value, uncertain, status, timestamp, source_timestamp });
        Some(tag)
    }

    /// The stamp of a value, and its own where that is another.
    fn stamp(&mut self, tag: usize, data: &DataValue, published: Option<i64>) -> (i64, Option<i64>) {
        let time = |time: &Option<DateTime>| time.as_ref().and_then(millis);
        let own = time(&data.source_timestamp).or_else(|| time(&data.server_timestamp));
        let item = &mut self.items[tag];
        let stamp = if let Some(at) = item.awaited.take() {
            item.first = Some(at);
            (at, own.filter(|own| *own != at))
        } else {
            let live = own.or(published).unwrap_or_default();
            // Out of step with the server and with the tag's last value, or known to be.
            item.is_slow = is_behind(live, published) && (item.is_slow || is_behind(live, item.last));
            match (item.first, published) {
                (Some(first), _) if live <= first && first - live < SKEW_MAX_MS => (first + 1, Some(live)),
                (_, Some(published)) if item.is_slow => (published, Some(live)),
                _ => (live, None),
            }
        };
        self.is_out_of_step |= item.is_slow;
        item.last = Some(stamp.0);
        stamp
    }
}

/// Whether a stamp lies further before another than clocks in step do.
fn is_behind(stamp: i64, other: Option<i64>) -> bool {
    other.is_some_and(|other| other.saturating_sub(stamp) >= SKEW_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Raw;
    use opcua::types::{ExtensionObject, NotificationMessage};

    const T: i64 = 1_700_000_000_000;

    fn at(ms: i64) -> DateTime {
        // 100 ns since 1601.
        DateTime::from((T + ms) * 10_000 + 116_444_736_000_000_000)
    }

    fn item(handle: u32, value: f64, source_ms: i64) -> MonitoredItemNotification {
        let value = DataValue {
            value: Some(value.into()),
            source_timestamp: Some(at(source_ms)),
            ..DataValue::null()
        };
        MonitoredItemNotification { client_handle: handle, value }
    }

    fn answer(published_ms: i64, items: Vec<MonitoredItemNotification>) -> PublishResponse {
        let change = DataChangeNotification { monitored_items: Some(items), diagnostic_infos: None };
        PublishResponse {
            subscription_id: 7,
            notification_message: NotificationMessage {
                publish_time: at(published_ms),
                notification_data: Some(vec![ExtensionObject::from_message(change)]),
                ..NotificationMessage::default()
            },
            ..PublishResponse::default()
        }
    }

    impl Book {
        fn hear(&mut self, answer: PublishResponse) -> Result<Publication, StatusCode> {
            let published = millis(&answer.notification_message.publish_time);
            self.take(answer, published)
        }
    }

    fn book() -> Book {
        let mut book = Book::new(2);
        book.subscribed(7, T);
        book.awaits(0, 7, (T, 100));
        book
    }

    fn numbered(number: u32, answer: PublishResponse) -> PublishResponse {
        let message = NotificationMessage { sequence_number: number, ..answer.notification_message };
        PublishResponse { notification_message: message, ..answer }
    }

    fn stamps(publication: &Publication) -> Vec<(i64, Option<i64>)> {
        publication.samples.iter().map(|s| (s.timestamp - T, s.source_timestamp.map(|own| own - T))).collect()
    }

    #[test]
    fn a_first_value_is_news_now_and_the_next_ones_are_of_their_own_time() {
        let mut book = book();
        let day = 86_400_000;
        let first = book.hear(answer(100, vec![item(1, 1.0, -day), item(1, 2.0, 40)])).unwrap();
        assert_eq!(stamps(&first), [(0, Some(-day)), (40, None)]);
        assert_eq!(first.samples[1].value, Ok(Raw::LReal(2.0)));
        assert_eq!(stamps(&book.hear(answer(200, vec![item(1, 3.0, 130)])).unwrap()), [(130, None)]);
    }

    #[test]
    fn a_value_of_a_clock_that_is_slightly_behind_stays_behind_the_first() {
        let mut book = book();
        book.hear(answer(100, vec![item(1, 1.0, -50)])).unwrap();
        assert_eq!(stamps(&book.hear(answer(200, vec![item(1, 2.0, -20)])).unwrap()), [(1, Some(-20))]);
    }

    #[test]
    fn a_device_an_hour_slow_behind_a_server_that_is_right_is_stamped_by_the_server() {
        let mut book = book();
        let hour = 3_600_000;
        book.hear(answer(100, vec![item(1, 1.0, -hour)])).unwrap();
        for ms in [300, 2 * hour] {
            let told = book.hear(answer(ms, vec![item(1, 2.0, ms - 50 - hour)])).unwrap();
            assert_eq!(stamps(&told), [(ms, Some(ms - 50 - hour))], "however long the session is");
        }
        assert!(book.is_out_of_step);
        let right = book.hear(answer(3 * hour, vec![item(1, 3.0, 3 * hour - 50)])).unwrap();
        assert_eq!(stamps(&right), [(3 * hour - 50, None)], "its clock was set right");
    }

    #[test]
    fn a_server_whose_clock_was_set_back_and_a_backlog_keep_their_own_stamps() {
        let mut book = book();
        let hour = 3_600_000;
        book.hear(answer(100, vec![item(1, 1.0, 0), item(1, 2.0, 50)])).unwrap();
        let back = book.hear(answer(200 - hour, vec![item(1, 3.0, 150 - hour)])).unwrap();
        assert_eq!(stamps(&back), [(150 - hour, None)], "core judges that clock");
        let late = (0..3).map(|i| item(1, f64::from(i), 1_000 * i64::from(i) - hour + 300)).collect();
        let late = book.hear(answer(60_000 - hour, late)).unwrap();
        assert_eq!(stamps(&late)[0], (300 - hour, None), "a minute old, and in order");
        assert!(!book.is_out_of_step);
    }

    #[test]
    fn it_is_complete_when_no_subscription_has_more() {
        let mut book = book();
        book.subscribed(8, T - 300);
        let complete = |book: &mut Book, answer| book.hear(answer).unwrap().complete.map(|at| at - T);
        assert_eq!(complete(&mut book, answer(100, vec![])), Some(-300), "the other one was not heard");
        assert_eq!(
            complete(&mut book, PublishResponse { subscription_id: 8, ..answer(150, vec![]) }),
            Some(100)
        );
        assert_eq!(
            complete(&mut book, PublishResponse { more_notifications: true, ..answer(200, vec![]) }),
            None
        );
        assert_eq!(complete(&mut book, answer(210, vec![])), Some(150));
    }

    #[test]
    fn a_queue_that_overflowed_is_counted() {
        let mut late = item(1, 9.0, 10);
        late.value.status = Some(
            StatusCode::Good.set_overflow(true).set_info_type(opcua::types::StatusCodeInfoType::DataValue),
        );
        let mut book = book();
        let publication = book.hear(answer(100, vec![item(1, 1.0, 0), late])).unwrap();
        assert_eq!(publication.lost, Lost { overflows: 1, answers: 0 });
        assert!(book.is_in_doubt() && book.take_doubtful() == [0].into() && !book.is_in_doubt());
        assert!(
            publication.samples[1].status.as_deref().is_some_and(|s| s.contains("Overflow")),
            "{publication:?}"
        );
    }

    #[test]
    fn a_queue_that_comes_full_may_have_overflowed_once_all_of_it_is_there() {
        let mut book = book();
        book.awaits(0, 7, (T, 6));
        let values = |from: i64| (from..from + 3).map(|i| item(1, i as f64, i)).collect();
        let half = book.hear(PublishResponse { more_notifications: true, ..answer(100, values(0)) }).unwrap();
        assert_eq!(half.lost, Lost::default());
        assert_eq!(book.hear(answer(110, values(3))).unwrap().lost.overflows, 1);
        assert!(book.is_in_doubt());
        assert_eq!(book.take_doubtful(), [0].into());
        assert_eq!(book.hear(answer(200, values(6))).unwrap().lost.overflows, 0, "counted anew");
        assert!(!book.is_in_doubt());
    }

    #[test]
    fn a_hole_in_the_numbers_puts_all_tags_of_the_subscription_in_doubt() {
        let mut book = book();
        book.subscribed(8, T);
        book.awaits(1, 8, (T, 100));
        let lost = |book: &mut Book, answer| book.hear(answer).unwrap().lost.answers;
        assert_eq!(lost(&mut book, numbered(1, answer(100, vec![item(1, 1.0, 0)]))), 0);
        assert_eq!(lost(&mut book, numbered(2, answer(200, vec![]))), 0, "a keep-alive takes no number");
        assert_eq!(lost(&mut book, numbered(2, answer(300, vec![item(1, 1.0, 0)]))), 0);
        assert!(!book.is_in_doubt());
        assert_eq!(lost(&mut book, numbered(5, answer(400, vec![item(1, 1.0, 0)]))), 2);
        assert_eq!(book.take_doubtful(), [0].into());
        assert_eq!(lost(&mut book, numbered(4, answer(500, vec![item(1, 1.0, 0)]))), 0, "late, not lost");
        assert_eq!(lost(&mut book, numbered(7, answer(600, vec![]))), 1, "a keep-alive shows it as well");
        book.subscriptions[0].next = u32::MAX;
        assert_eq!(lost(&mut book, numbered(u32::MAX, answer(700, vec![item(1, 1.0, 0)]))), 0);
        assert_eq!(
            lost(&mut book, numbered(1, answer(800, vec![item(1, 1.0, 0)]))),
            0,
            "the numbers begin again"
        );
    }

    #[test]
    fn what_was_read_again_stands_behind_what_came_before_and_before_what_follows() {
        let mut book = book();
        book.hear(answer(100, vec![item(1, 1.0, 0), item(1, 2.0, 150)])).unwrap();
        let sample = Sample {
            tag: 0,
            value: Ok(Raw::LReal(3.0)),
            uncertain: false,
            status: None,
            timestamp: T + 120,
            source_timestamp: Some(T + 90),
        };
        let read = Publication { samples: vec![sample], complete: Some(T + 120), lost: Lost::default() };
        let read = book.read(read);
        assert_eq!((read.complete, stamps(&read)), (None, vec![(151, Some(90))]));
        assert_eq!(stamps(&book.hear(answer(200, vec![item(1, 3.0, 90)])).unwrap()), [(152, Some(90))]);
    }

    #[test]
    fn a_promise_goes_back_with_the_clock_of_the_server() {
        let mut book = book();
        let hour = 3_600_000;
        let complete = |book: &mut Book, ms| book.hear(answer(ms, vec![])).unwrap().complete.map(|at| at - T);
        assert_eq!(complete(&mut book, 100), Some(100));
        assert_eq!(complete(&mut book, 200 - hour), Some(200 - hour));
        assert_eq!(complete(&mut book, 300), Some(300));
    }

    #[test]
    fn strange_handles_and_empty_answers_are_nothing() {
        let mut book = book();
        assert!(
            book.hear(answer(100, vec![item(0, 1.0, 0), item(3, 1.0, 0), item(u32::MAX, 1.0, 0)]))
                .unwrap()
                .samples
                .is_empty()
        );
        let mut empty = answer(200, vec![]);
        empty.notification_message.notification_data = None;
        assert_eq!(book.hear(empty).unwrap().complete, Some(T + 200));
    }

    #[test]
    fn a_subscription_that_the_server_ended_is_an_error() {
        let mut ended = answer(100, vec![]);
        let change = StatusChangeNotification {
            status: StatusCode::BadTimeout,
            ..StatusChangeNotification::default()
        };
        ended.notification_message.notification_data = Some(vec![ExtensionObject::from_message(change)]);
        assert_eq!(book().hear(ended), Err(StatusCode::BadTimeout));
    }
}
