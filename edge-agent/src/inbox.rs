//! The one channel to core, bounded in datapoints: from the connectors, and from whoever has other rules for it or
//! something to say.
//!
//! Here: its two ends. Not here: what is in a delivery or an edition. Invariant (I8): at most `DATAPOINTS_MAX` datapoints
//! wait; a connector that would put more waits itself, and with it its PLC is read later.

use std::sync::Arc;

use proto::Happening;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::normalize::Delivery;
use crate::rulebook::Edition;

/// Datapoints that may wait for core: two seconds of a large line.
const DATAPOINTS_MAX: u32 = 10_000;

/// What can come.
#[derive(Debug)]
pub enum Item {
    /// Datapoints of a source.
    Delivery(Delivery),
    /// What a look at the rule files has changed.
    Edition(Box<Edition>),
    /// Another part of the agent has something to say.
    Notice(Box<Notice>),
}

/// An event, and what is kept with it.
#[derive(Debug, PartialEq)]
pub struct Notice {
    /// What happened.
    pub happening: Happening,
    /// The name and the bytes of a note of the ledger.
    pub note: (String, Vec<u8>),
}

/// An item with the room it takes.
type Carried = (Item, OwnedSemaphorePermit);

/// The connectors' end.
#[derive(Debug, Clone)]
pub struct Sender {
    room: Arc<Semaphore>,
    channel: mpsc::UnboundedSender<Carried>,
}

/// Core's end.
#[derive(Debug)]
pub struct Inbox(mpsc::UnboundedReceiver<Carried>);

/// Makes both ends.
#[must_use]
pub fn inbox() -> (Sender, Inbox) {
    let (channel, receiver) = mpsc::unbounded_channel();
    (Sender { room: Arc::new(Semaphore::new(DATAPOINTS_MAX as usize)), channel }, Inbox(receiver))
}

impl Sender {
    /// Hands a delivery over, as soon as there is room. False: core has ended.
    pub async fn send(&self, delivery: Delivery) -> bool {
        let size = u32::try_from(delivery.batch.datapoints.len()).unwrap_or(u32::MAX).min(DATAPOINTS_MAX);
        self.put(Item::Delivery(delivery), size).await
    }

    /// Hands an edition over; it takes the room of one datapoint. False: core has ended.
    pub async fn publish(&self, edition: Edition) -> bool {
        self.put(Item::Edition(Box::new(edition)), 1).await
    }

    /// Hands a notice over; it takes the room of one datapoint. False: core has ended.
    pub async fn tell(&self, notice: Notice) -> bool {
        self.put(Item::Notice(Box::new(notice)), 1).await
    }

    async fn put(&self, item: Item, size: u32) -> bool {
        let Ok(permit) = Arc::clone(&self.room).acquire_many_owned(size).await else { return false };
        self.channel.send((item, permit)).is_ok()
    }
}

impl Inbox {
    /// The next item; none when all senders have ended and everything was taken.
    pub async fn next(&mut self) -> Option<Item> {
        self.0.recv().await.map(|(item, _room)| item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::Lost;
    use proto::{Flags, Quality};
    use rules::engine::{Batch, Datapoint, Subject};
    use rules::inventory::SourceId;

    fn delivery(datapoints: usize) -> Delivery {
        let one = Datapoint {
            subject: Subject::Heartbeat,
            timestamp: 0,
            value: Err(rules::value::Unknown::NeverSeen),
            quality: Quality::Ok,
            flags: Flags::NONE,
            sequence: 0,
        };
        let batch = Batch { source: SourceId(0), datapoints: vec![one; datapoints] };
        let (status, source_timestamps) = (Vec::new(), Vec::new());
        Delivery { batch, status, source_timestamps, lost: Lost::default(), arrived: 0, took: None }
    }

    #[tokio::test]
    async fn a_full_inbox_makes_the_connector_wait_until_core_has_taken_something() {
        let (sender, mut inbox) = inbox();
        assert!(sender.send(delivery(DATAPOINTS_MAX as usize)).await);
        let mut more = Box::pin(sender.send(delivery(1)));
        assert!(futures_pending(&mut more).await);
        inbox.next().await.unwrap();
        assert!(more.await);
        drop(sender);
        assert!(inbox.next().await.is_some() && inbox.next().await.is_none());
    }

    async fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
        std::future::poll_fn(|context| {
            let pending = std::pin::Pin::new(&mut *future).poll(context).is_pending();
            std::task::Poll::Ready(pending)
        })
        .await
    }
}
