//! Reading from a server, without a subscription: its limits, its namespaces, all tags once.
//!
//! Here: the requests. Not here: what is done with the namespaces (`node`), what a value means (`value`).
//! Invariant: as many values come back as were asked for, in that order, or it is an error (I9).

use opcua::client::services::Read;
use opcua::client::{Session, UARequest as _};
use opcua::types::{AttributeId, DataValue, NodeId, ReadValueId, TimestampsToReturn, VariableId, Variant};

use super::server::{refused, said_at};
use super::value::{millis, said};
use super::{OpcuaConfig, OpcuaError, OpcuaTag};
use crate::connector::{Lost, Publication, Sample};

/// Items or nodes of one request, where the server gives no smaller limit: a slow one answers within the time.
const BATCH_MAX: usize = 250;

/// The server's clock stood here when it answered; now and then it says nothing.
pub(super) type At = Option<i64>;

/// What a server takes in one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Monitored items.
    pub(super) items: usize,
    /// Nodes to read.
    pub(super) nodes: usize,
}

/// Reads all tags once.
pub(super) async fn read(
    config: &OpcuaConfig,
    tags: &[OpcuaTag],
    session: &Session,
) -> Result<Publication, OpcuaError> {
    let limits = Limits::of(config, session).await?;
    read_some(config, tags, 0..tags.len(), (session, limits)).await
}

/// Reads some of the tags once.
pub(super) async fn read_some(
    config: &OpcuaConfig,
    tags: &[OpcuaTag],
    wanted: impl IntoIterator<Item = usize>,
    (session, limits): (&Session, Limits),
) -> Result<Publication, OpcuaError> {
    let (namespaces, at) = namespaces(config, session).await?;
    let at = at.unwrap_or_default();
    let (mut samples, mut nodes) = (Vec::new(), Vec::new());
    for (tag, OpcuaTag { node }) in wanted.into_iter().filter_map(|tag| Some((tag, tags.get(tag)?))) {
        match node.resolve(&namespaces) {
            Ok(node) => nodes.push((tag, value_of(&node))),
            Err(why) => samples.push(told((tag, why), at)),
        }
    }
    let (mut left, mut size) = (nodes.as_slice(), limits.nodes);
    while !left.is_empty() {
        let (batch, rest) = left.split_at(size.min(left.len()));
        let asked = batch.iter().map(|(_, node)| node.clone()).collect();
        let (values, at) = match values(config, session, asked).await {
            Err(e) if e.is_too_much() && batch.len() > 1 => {
                size = batch.len() / 2;
                continue;
            }
            answer => answer?,
        };
        left = rest;
        for ((tag, _), data) in batch.iter().zip(values) {
            let said = said(&data);
            let source_timestamp = data.source_timestamp.as_ref().and_then(millis);
            let (value, uncertain, status) = (said.value, said.uncertain, said.status);
            let timestamp = at.unwrap_or_default();
            samples.push(Sample { tag: *tag, value, uncertain, status, timestamp, source_timestamp });
        }
    }
    samples.sort_by_key(|sample| sample.tag);
    Ok(Publication { samples, complete: Some(at), lost: Lost::default() })
}

impl Limits {
    /// Asks the server.
    pub(super) async fn of(config: &OpcuaConfig, session: &Session) -> Result<Self, OpcuaError> {
        let limits = [
            VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall,
            VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        ];
        // One by one: a server that reads one node at a time says so here.
        let mut sizes = Vec::new();
        for limit in limits {
            let (values, _) = values(config, session, vec![value_of(&limit.into())]).await?;
            let given = match values.first().and_then(|v| v.value.as_ref()) {
                Some(Variant::UInt32(n)) => usize::try_from(*n).unwrap_or(BATCH_MAX),
                _ => 0,
            };
            // 0 is none.
            sizes.push(if given == 0 { BATCH_MAX } else { given.min(BATCH_MAX) });
        }
        Ok(Self { items: sizes[0], nodes: sizes[1] })
    }
}

/// The URIs of the server's namespaces, by their index.
pub(super) async fn namespaces(
    config: &OpcuaConfig,
    session: &Session,
) -> Result<(Vec<String>, At), OpcuaError> {
    let (values, at) =
        values(config, session, vec![value_of(&VariableId::Server_NamespaceArray.into())]).await?;
    let Some(Some(Variant::Array(array))) = values.into_iter().next().map(|value| value.value) else {
        let (server, what) = (config.address.clone(), "asking for its namespaces");
        return Err(OpcuaError::Unusable { server, what, why: "it has none".into() });
    };
    let uri = |value: &Variant| match value {
        Variant::String(uri) => uri.to_string(),
        _ => String::new(),
    };
    Ok((array.values.iter().map(uri).collect(), at))
}

/// Reads nodes; as many values come back.
async fn values(
    config: &OpcuaConfig,
    session: &Session,
    nodes: Vec<ReadValueId>,
) -> Result<(Vec<DataValue>, At), OpcuaError> {
    let (what, asked) = ("reading", nodes.len());
    let request = Read::new(session).timestamps_to_return(TimestampsToReturn::Both).nodes_to_read(nodes);
    let answer = request.send(session.channel()).await.map_err(|e| refused(config, what, e.status()))?;
    let values = answer.results.unwrap_or_default();
    if values.len() != asked {
        let why = format!("{} values for {asked} nodes", values.len());
        return Err(OpcuaError::Unusable { server: config.address.clone(), what, why });
    }
    Ok((values, said_at(session, &answer.response_header.timestamp)))
}

/// The value of a node, as a request names it.
pub(super) fn value_of(node: &NodeId) -> ReadValueId {
    ReadValueId { node_id: node.clone(), attribute_id: AttributeId::Value as u32, ..ReadValueId::default() }
}

/// What is said of a tag that the server does not have.
pub(super) fn told((tag, why): (usize, String), at: i64) -> Sample {
    Sample { tag, value: Err(why), uncertain: false, status: None, timestamp: at, source_timestamp: None }
}
