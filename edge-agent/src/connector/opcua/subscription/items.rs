//! The items of subscriptions: one for each tag, by which the server tells its values.
//!
//! Here: making them, and which could not be made. Not here: when those that are missing are tried again
//! (`subscription`), what an item's values mean (`publication`).
//! Invariant: a tag whose item cannot be made is Bad, alone; a server that takes fewer at once is asked for fewer.

use std::collections::BTreeMap;

use opcua::client::UARequest as _;
use opcua::client::services::CreateMonitoredItems;
use opcua::types::{
    MonitoredItemCreateRequest, MonitoringMode, MonitoringParameters, NodeId, TimestampsToReturn,
};
use tokio::time::Instant;

use super::{ITEMS_MAX, KEEP_ALIVE, QUEUE, Subscriptions};
use crate::connector::opcua::OpcuaError;
use crate::connector::opcua::reading::{namespaces, told, value_of};
use crate::connector::opcua::server::{refused, said_at};
use crate::connector::opcua::value::in_words;
use crate::connector::{Lost, Publication};

impl Subscriptions<'_> {
    /// Makes the items of these tags; those that cannot be made are missing, and told as Bad.
    pub(super) async fn add_items(&mut self, tags: Vec<usize>) -> Result<Publication, OpcuaError> {
        let (namespaces, at) = namespaces(self.config, &self.session).await?;
        let mut bad = Vec::new();
        let mut wanted: BTreeMap<u32, Vec<(usize, NodeId)>> = BTreeMap::new();
        for tag in tags {
            let Some(subscription) = self.ids.get(tag / ITEMS_MAX) else { continue };
            match self.tags[tag].node.resolve(&namespaces) {
                Ok(node) => wanted.entry(*subscription).or_default().push((tag, node)),
                Err(why) => bad.push((tag, why)),
            }
        }
        let asked = wanted.values().map(Vec::len).sum::<usize>() + bad.len();
        for (subscription, items) in wanted {
            bad.extend(self.add_in_batches(subscription, &items).await?);
        }
        if bad.len() < asked {
            self.retry.reset();
        }
        self.retry_at = Instant::now() + self.retry.next().max(KEEP_ALIVE);
        if !bad.is_empty() {
            tracing::debug!(server = self.config.address, tags = bad.len(), "tags cannot be subscribed");
        }
        self.missing = bad.iter().map(|(tag, _)| *tag).collect();
        let at = at.unwrap_or_default();
        // What follows was stamped in this very millisecond at the earliest.
        Ok(Publication {
            samples: bad.into_iter().map(|b| told(b, at)).collect(),
            complete: Some(at - 1),
            lost: Lost::default(),
        })
    }

    /// Makes items of one subscription, as many at once as the server takes; which could not be, and why.
    async fn add_in_batches(
        &mut self,
        subscription: u32,
        items: &[(usize, NodeId)],
    ) -> Result<Vec<(usize, String)>, OpcuaError> {
        let (mut left, mut bad) = (items, Vec::new());
        while !left.is_empty() {
            let (batch, rest) = left.split_at(self.limits.items.min(left.len()));
            match self.add_batch(subscription, batch).await {
                Ok(of_batch) => {
                    bad.extend(of_batch);
                    left = rest;
                }
                Err(e) if e.is_too_much() && batch.len() > 1 => self.limits.items = batch.len() / 2,
                Err(e) => return Err(e),
            }
        }
        Ok(bad)
    }

    /// Makes items of one subscription at once; which could not be, and why.
    async fn add_batch(
        &mut self,
        subscription: u32,
        batch: &[(usize, NodeId)],
    ) -> Result<Vec<(usize, String)>, OpcuaError> {
        let request = CreateMonitoredItems::new(subscription, &self.session)
            .timestamps_to_return(TimestampsToReturn::Both)
            .items_to_create(batch.iter().map(|(tag, node)| self.item(*tag, node)).collect());
        let made = request.send(self.session.channel()).await;
        let made = made.map_err(|e| refused(self.config, "subscribing tags", e.status()))?;
        let at = said_at(&self.session, &made.response_header.timestamp).unwrap_or_default();
        if made.results.len() != batch.len() {
            let why = format!("{} results for {} items", made.results.len(), batch.len());
            return Err(OpcuaError::Unusable {
                server: self.config.address.clone(),
                what: "subscribing tags",
                why,
            });
        }
        let mut bad = Vec::new();
        for ((tag, _), item) in batch.iter().zip(&made.results) {
            if item.result.status_code.is_bad() {
                bad.push((*tag, in_words(item.result.status_code)));
            } else {
                self.book.awaits(*tag, subscription, (at, item.result.revised_queue_size));
            }
        }
        Ok(bad)
    }

    fn item(&self, tag: usize, node: &NodeId) -> MonitoredItemCreateRequest {
        let scan_ms = self.config.scan.as_millis().max(1);
        MonitoredItemCreateRequest {
            item_to_monitor: value_of(node),
            monitoring_mode: MonitoringMode::Reporting,
            requested_parameters: MonitoringParameters {
                // Handles are places of tags, counted from 1: the crate takes 0 for none.
                client_handle: u32::try_from(tag + 1).unwrap_or(u32::MAX),
                sampling_interval: self.config.scan.as_secs_f64() * 1e3,
                queue_size: u32::try_from(QUEUE.as_millis() / scan_ms).unwrap_or(u32::MAX).max(2),
                discard_oldest: true,
                ..MonitoringParameters::default()
            },
        }
    }
}
