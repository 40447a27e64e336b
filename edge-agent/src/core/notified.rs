//! What the engine says besides transitions is kept with them: notifications and events.
//!
//! Here: one rule with an action, on a washer that chatters. Not here: who hears of it.

use proto::Record;

use super::full_disk::Stand;
use super::*;

const RULES: &str =
    "[rule.fast]\non = 'washer'\nwhen = 'speed > 10'\n[[rule.fast.action]]\nnotify = 'shift-lead'\n";

#[tokio::test(start_paused = true)]
async fn notifications_and_events_of_the_rules_join_the_commit_of_their_transitions() {
    let mut stand = Stand::under(RULES);
    stand.read([1, 1, 50, 1, 50, 1, 50, 1]);
    stand.write().await;
    let (mut notified, mut told, mut last) = (Vec::new(), Vec::new(), None);
    for (_, entry) in stand.ledger.peek(100, 1 << 20).unwrap() {
        match Record::read(&entry.json).unwrap() {
            Record::Transition(transition) => last = Some(transition),
            Record::Notification(notification) => {
                let of = last.as_ref().filter(|t| t.id == notification.transition_id).map(|t| t.to.clone());
                notified.push((notification.target, notification.n, of, entry.key));
            }
            Record::Event(event) => told.push(event.happening),
            other => panic!("{other:?}"),
        }
    }
    let one = ("shift-lead".to_owned(), 1, Some("Active".to_owned()), "w".to_owned());
    assert_eq!(notified, [one.clone(), one.clone(), one]);
    assert!(matches!(&told[..], [Happening::Chattering { rule_id, .. }] if rule_id == "fast"), "{told:?}");
}
