//! What a publish answer means for the tags.
//!
//! The first value of an item is the value it already had when it was subscribed: it is stamped with the server's
//! time of that, for what last changed yesterday is news now; its own time goes along. A value after it that is
//! stamped a little earlier, because the clock of its source is, is put behind it: else the older one would stand.
//! Everything that was published is complete up to the time of the publish answer, unless more is to come.
//!
//! Here: that, without any I/O. Not here: when to publish (`subscription`), what is unchanged (`normalize`).
//! Invariant: the values of a tag come out in the order in which the server queued them.

use opcua::types::match_extension_object_owned;
use opcua::types::{
    DataChangeNotification, DataValue, DateTime, MonitoredItemNotification, PublishResponse,
    StatusChangeNotification, StatusCode,
};

use super::value::{millis, said};
use crate::connector::{Publication, Sample};

/// Clocks of a source and of its server that differ by more than this are not in step: nothing is put behind.
const SKEW_MAX_MS: i64 = 5_000;

/// What is known of the items and subscriptions of one session.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// By the tag's place: when it was subscribed, while its first value has not come.
    awaited: Vec<Option<i64>>,
    /// By the tag's place: the stamp of its first value.
    first: Vec<Option<i64>>,
    subscriptions: Vec<Published>,
}

#[derive(Debug, Clone, Copy)]
struct Published {
    id: u32,
    /// Up to when it is complete.
    complete: i64,
}

impl Book {
    /// For so many tags.
    pub(super) fn new(tags: usize) -> Self {
        Self { awaited: vec![None; tags], first: vec![None; tags], subscriptions: Vec::new() }
    }

    /// A subscription was made, at this time of the server.
    pub(super) fn subscribed(&mut self, id: u32, at: i64) {
        self.subscriptions.push(Published { id, complete: at });
    }

    /// A tag was put into a subscription, at this time of the server: its first value is to come.
    pub(super) fn awaits(&mut self, tag: usize, at: i64) {
        if let Some(awaited) = self.awaited.get_mut(tag) {
            *awaited = Some(at);
        }
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// When the server has ended the subscription; the status says why.
    pub(super) fn take(&mut self, answer: PublishResponse) -> Result<Publication, StatusCode> {
        let message = answer.notification_message;
        let published = millis(&message.publish_time);
        let mut publication = Publication::default();
        for notification in message.notification_data.into_iter().flatten() {
            match_extension_object_owned!(notification,
                change: DataChangeNotification => {
                    for item in change.monitored_items.into_iter().flatten() {
                        self.item(&item, published, &mut publication);
                    }
                },
                change: StatusChangeNotification => {
                    return Err(change.status);
                },
            );
        }
        let of_this = self.subscriptions.iter_mut().find(|s| s.id == answer.subscription_id);
        if let (Some(subscription), Some(published)) = (of_this, published) {
            subscription.complete = subscription.complete.max(published);
        }
        publication.complete = if answer.more_notifications { None } else { self.complete() };
        Ok(publication)
    }

    /// Up to when all subscriptions are complete.
    fn complete(&self) -> Option<i64> {
        self.subscriptions.iter().map(|s| s.complete).min()
    }

    fn item(
        &mut self,
        item: &MonitoredItemNotification,
        published: Option<i64>,
        publication: &mut Publication,
    ) {
        // Handles are places of tags, counted from 1.
        let Some(tag) = (item.client_handle as usize).checked_sub(1).filter(|tag| *tag < self.awaited.len())
        else {
            return;
        };
        let data = &item.value;
        if data.status.is_some_and(|status| status.overflow()) {
            publication.lost += 1;
        }
        let said = said(data);
        let (timestamp, source_timestamp) = self.stamp(tag, data, published);
        let (value, uncertain, status) = (said.value, said.uncertain, said.status);
        publication.samples.push(Sample { tag, value, uncertain, status, timestamp, source_timestamp });
    }

    /// The stamp of a value, and its own where that is another.
    fn stamp(&mut self, tag: usize, data: &DataValue, published: Option<i64>) -> (i64, Option<i64>) {
        let time = |time: &Option<DateTime>| time.as_ref().and_then(millis);
        let own = time(&data.source_timestamp).or_else(|| time(&data.server_timestamp));
        if let Some(at) = self.awaited[tag].take() {
            self.first[tag] = Some(at);
            return (at, own.filter(|own| *own != at));
        }
        let live = own.or(published).unwrap_or_default();
        match self.first[tag] {
            Some(first) if live <= first && first - live < SKEW_MAX_MS => (first + 1, Some(live)),
            _ => (live, None),
        }
    }
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

    fn book() -> Book {
        let mut book = Book::new(2);
        book.subscribed(7, T);
        book.awaits(0, T);
        book
    }

    fn stamps(publication: &Publication) -> Vec<(i64, Option<i64>)> {
        publication.samples.iter().map(|s| (s.timestamp - T, s.source_timestamp.map(|own| own - T))).collect()
    }

    #[test]
    fn a_first_value_is_news_now_and_the_next_ones_are_of_their_own_time() {
        let mut book = book();
        let day = 86_400_000;
        let first = book.take(answer(100, vec![item(1, 1.0, -day), item(1, 2.0, 40)])).unwrap();
        assert_eq!(stamps(&first), [(0, Some(-day)), (40, None)]);
        assert_eq!(first.samples[1].value, Ok(Raw::LReal(2.0)));
        assert_eq!(stamps(&book.take(answer(200, vec![item(1, 3.0, 130)])).unwrap()), [(130, None)]);
    }

    #[test]
    fn a_value_of_a_clock_that_is_slightly_behind_stays_behind_the_first() {
        let mut book = book();
        book.take(answer(100, vec![item(1, 1.0, -50)])).unwrap();
        assert_eq!(stamps(&book.take(answer(200, vec![item(1, 2.0, -20)])).unwrap()), [(1, Some(-20))]);
        let hour = 3_600_000;
        assert_eq!(stamps(&book.take(answer(300, vec![item(1, 3.0, -hour)])).unwrap()), [(-hour, None)]);
    }

    #[test]
    fn it_is_complete_when_no_subscription_has_more() {
        let mut book = book();
        book.subscribed(8, T - 300);
        let complete = |book: &mut Book, answer| book.take(answer).unwrap().complete.map(|at| at - T);
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
        let publication = book().take(answer(100, vec![item(1, 1.0, 0), late])).unwrap();
        assert_eq!(publication.lost, 1);
        assert!(
            publication.samples[1].status.as_deref().is_some_and(|s| s.contains("Overflow")),
            "{publication:?}"
        );
    }

    #[test]
    fn strange_handles_and_empty_answers_are_nothing() {
        let mut book = book();
        assert!(
            book.take(answer(100, vec![item(0, 1.0, 0), item(3, 1.0, 0), item(u32::MAX, 1.0, 0)]))
                .unwrap()
                .samples
                .is_empty()
        );
        let mut empty = answer(200, vec![]);
        empty.notification_message.notification_data = None;
        assert_eq!(book.take(empty).unwrap().complete, Some(T + 200));
    }

    #[test]
    fn a_subscription_that_the_server_ended_is_an_error() {
        let mut ended = answer(100, vec![]);
        let change = StatusChangeNotification {
            status: StatusCode::BadTimeout,
            ..StatusChangeNotification::default()
        };
        ended.notification_message.notification_data = Some(vec![ExtensionObject::from_message(change)]);
        assert_eq!(book().take(ended), Err(StatusCode::BadTimeout));
    }
}
