//! What a link says of its source: what it reads while it reads, and else once a second that it does not.
//!
//! Here: the repetition. Not here: what is wrong (each protocol has its words), the log (`core`).
//! Invariant: from a fault to the next reading, at most a second goes by without a report.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use super::Report;

/// How often a lasting fault is reported.
const DOWN_EVERY: Duration = Duration::from_secs(1);

/// Reports, and knows whether the source is read.
pub(super) struct Reporter<E> {
    emit: E,
    outage: Option<Outage>,
}

struct Outage {
    reason: String,
    due: Interval,
}

impl<E: AsyncFnMut(Report)> Reporter<E> {
    pub(super) fn new(emit: E) -> Self {
        Self { emit, outage: None }
    }

    /// Something was read: the source is not down.
    pub(super) async fn read(&mut self, report: Report) {
        self.outage = None;
        (self.emit)(report).await;
    }

    /// From here on the source is down, until something is read.
    pub(super) fn down(&mut self, reason: &str) {
        match &mut self.outage {
            Some(outage) => reason.clone_into(&mut outage.reason),
            None => {
                let mut due = interval(DOWN_EVERY);
                due.set_missed_tick_behavior(MissedTickBehavior::Delay);
                self.outage = Some(Outage { reason: reason.to_owned(), due });
            }
        }
    }

    /// Waits for `work`, and meanwhile repeats that the source is down, if it is.
    pub(super) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let Some(outage) = &mut self.outage else { return work.await };
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                _ = outage.due.tick() => (self.emit)(Report::Down(outage.reason.clone())).await,
                done = &mut work => return done,
            }
        }
    }
}
