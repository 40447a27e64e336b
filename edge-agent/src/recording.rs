//! Recordings, NDJSON: written by `record` and by a running agent, read by `rules replay`.
//!
//! Here: from the engine's datapoint to the unified JSON; the way back stands in `line` and `read`, what a recording shows
//! of its line in `infer`, what else goes into the engine in `input`, what an agent writes while it runs in `recorder`.
//! Not here: the command lines.
//! Invariant: what is written and read again is the same input for the engine.

pub mod infer;
mod input;
pub mod line;
pub mod read;
mod recorder;

use proto::{Meta, Value};
use rules::engine::{Datapoint, Subject};
use rules::inventory::Inventory;

use crate::normalize::Delivery;

pub use input::{Moment, Snapshot};
pub use recorder::Recorder;

/// Names of the agent's own tags.
const HEARTBEAT: &str = "$heartbeat";
const CONNECTED: &str = "$connected";

/// Who writes, on each datapoint.
#[derive(Debug, Clone, Copy)]
pub struct Writer<'a> {
    /// Names.
    pub inventory: &'a Inventory,
    /// `agentId`.
    pub agent_id: &'a str,
}

impl Writer<'_> {
    /// A delivery as lines of NDJSON.
    pub fn lines(&self, delivery: &Delivery) -> impl Iterator<Item = serde_json::Result<String>> {
        delivery.batch.datapoints.iter().enumerate().map(|(i, datapoint)| {
            let status = delivery.status.iter().find(|(place, _)| *place == i).map(|(_, s)| s.as_str());
            let own = delivery.source_timestamps.iter().find(|(place, _)| *place == i).map(|(_, own)| *own);
            let mut json = self.json(delivery, datapoint, status);
            json.meta.source_timestamp = own;
            serde_json::to_string(&json)
        })
    }

    fn json<'d>(
        &'d self,
        delivery: &'d Delivery,
        datapoint: &'d Datapoint,
        status: Option<&'d str>,
    ) -> proto::Datapoint<'d> {
        let source = self.inventory.source(delivery.batch.source);
        let tag = match datapoint.subject {
            Subject::Tag(id) => Some(self.inventory.tag(id)),
            Subject::Heartbeat | Subject::Connected(_) => None,
        };
        let name = match datapoint.subject {
            Subject::Heartbeat => HEARTBEAT,
            Subject::Connected(_) => CONNECTED,
            Subject::Tag(_) => tag.map_or("", |t| t.name.as_str()),
        };
        // The agent's own tags belong to no machine: the source stands in its place.
        let machine = tag.map_or(source.id.as_str(), |t| self.inventory.machine(t.machine).id.as_str());
        proto::Datapoint {
            version: proto::VERSION,
            timestamp: datapoint.timestamp,
            equipment_id: machine.into(),
            tag: name.into(),
            value: datapoint.value.as_ref().map_or(Value::Null, Value::from),
            quality: datapoint.quality,
            meta: Meta {
                sequence_number: datapoint.sequence,
                flags: datapoint.flags,
                created_at: Some(delivery.arrived),
                source_id: source.id.as_str().into(),
                unit: tag.and_then(|t| t.unit.as_deref()).map(Into::into),
                status: status.map(Into::into),
                agent_id: Some(self.agent_id.into()),
                ..Meta::default()
            },
        }
    }
}
