//! What a link says of its PLC: scans while they come, and else once a second that there are none.
//!
//! Here: the repetition, and the log at each change. Not here: what is wrong (`link::error`).
//! Invariant: from a fault to the next scan, at most a second goes by without a report.

use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::connector::{Reading, Report};

/// How often a lasting fault is reported.
const DOWN_EVERY: Duration = Duration::from_secs(1);

/// Reports, and knows whether the PLC is read.
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

    /// A batch of readings: the PLC is read.
    pub(super) async fn scan(&mut self, readings: Vec<Reading>, took: Duration) {
        if self.outage.take().is_some() {
            tracing::info!(tags = readings.len(), "plc is read again");
        }
        (self.emit)(Report::Scan { readings, took }).await;
    }

    /// From here on the source is down, until the next scan.
    pub(super) fn down(&mut self, reason: &str) {
        match &mut self.outage {
            Some(outage) if outage.reason == reason => {}
            Some(outage) => {
                tracing::warn!(reason, "plc is still not read");
                reason.clone_into(&mut outage.reason);
            }
            None => {
                tracing::warn!(reason, "plc is not read");
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
