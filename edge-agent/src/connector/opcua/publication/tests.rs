//! What publish answers mean: stamps, holes, queues that overflowed, ends.

use super::*;
use crate::connector::Raw;
use crate::connector::opcua::value::millis;
use opcua::types::{DataValue, DateTime, ExtensionObject, NotificationMessage};

const T: i64 = 1_700_000_000_000;

fn at(ms: i64) -> DateTime {
    // 100 ns since 1601.
    DateTime::from((T + ms) * 10_000 + 116_444_736_000_000_000)
}

fn item(handle: u32, value: f64, source_ms: i64) -> MonitoredItemNotification {
    let value =
        DataValue { value: Some(value.into()), source_timestamp: Some(at(source_ms)), ..DataValue::null() };
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
    assert_eq!(complete(&mut book, PublishResponse { subscription_id: 8, ..answer(150, vec![]) }), Some(100));
    assert_eq!(
        complete(&mut book, PublishResponse { more_notifications: true, ..answer(200, vec![]) }),
        None
    );
    assert_eq!(complete(&mut book, answer(210, vec![])), Some(150));
}

#[test]
fn a_queue_that_overflowed_is_counted() {
    let mut late = item(1, 9.0, 10);
    late.value.status =
        Some(StatusCode::Good.set_overflow(true).set_info_type(opcua::types::StatusCodeInfoType::DataValue));
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
    let change =
        StatusChangeNotification { status: StatusCode::BadTimeout, ..StatusChangeNotification::default() };
    ended.notification_message.notification_data = Some(vec![ExtensionObject::from_message(change)]);
    assert_eq!(book().hear(ended), Err(StatusCode::BadTimeout));
}
