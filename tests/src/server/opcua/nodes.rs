//! The nodes of the OPC UA server: a variable for each tag, and what every server says of itself.
//!
//! Here: reading and monitoring them. Not here: sessions, subscriptions, encoding (`async-opcua-server`), browsing:
//! who reads them has to know their names. Invariant: nothing that a client asks for changes anything but the
//! list of violations (I10).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use opcua::types::{
    AttributeId, DataValue, DateTime, Identifier, NodeId, StatusCode, TimestampsToReturn, VariableId, Variant,
};
use opcua_server::CreateMonitoredItem;
use opcua_server::address_space::DefaultTypeTree;
use opcua_server::diagnostics::NamespaceMetadata;
use opcua_server::node_manager::{
    AddNodeItem, AddReferenceItem, DeleteNodeItem, DeleteReferenceItem, HistoryUpdateNode, MethodCall,
    NodeManager, ReadNode, RequestContext, ServerContext, WriteNode,
};

use super::board::{Board, Held};
use crate::line::{NAMESPACE, Type, Value};
use crate::server::violation::{Violation, Violations};

/// The standard's namespace, the server's own, and that of the tags.
const NAMESPACES: [&str; 3] = ["http://opcfoundation.org/UA/", "urn:plimsoll:plant:server", NAMESPACE];
/// The place of the last.
const OWN: u16 = 2;
/// ms between 1601, where OPC UA begins to count, and 1970.
const BEFORE_1970_MS: i64 = 11_644_473_600_000;
/// What a client asks for is not sampled but reported as it changes, down to this resolution, ms. A coarser one would
/// have the server put its own stamps on values in between.
const RESOLUTION_MS: f64 = 1.0;

/// What the server knows.
pub(super) struct Nodes {
    pub(super) board: Arc<Mutex<Board>>,
    pub(super) violations: Violations,
}

#[async_trait]
impl NodeManager for Nodes {
    fn owns_node(&self, _id: &NodeId) -> bool {
        true
    }

    fn name(&self) -> &'static str {
        "plant"
    }

    fn namespaces_for_user(&self, _context: &RequestContext) -> Vec<NamespaceMetadata> {
        Vec::new()
    }

    async fn init(&self, _type_tree: &mut DefaultTypeTree, _context: ServerContext) {}

    async fn read(
        &self,
        _context: &RequestContext,
        _max_age: f64,
        _timestamps: TimestampsToReturn,
        nodes: &mut [&mut ReadNode],
    ) -> Result<(), StatusCode> {
        for node in nodes {
            match self.read_one(&node.node().node_id, node.node().attribute_id) {
                Ok(value) => node.set_result(value),
                Err(status) => node.set_error(status),
            }
        }
        Ok(())
    }

    async fn create_monitored_items(
        &self,
        _context: &RequestContext,
        items: &mut [&mut CreateMonitoredItem],
    ) -> Result<(), StatusCode> {
        for item in items {
            match self.read_one(&item.item_to_monitor().node_id, item.item_to_monitor().attribute_id) {
                Ok(value) => {
                    item.set_initial_value(value);
                    item.revise_sampling_interval(RESOLUTION_MS);
                    item.set_status(StatusCode::Good);
                }
                Err(status) => item.set_status(status),
            }
        }
        Ok(())
    }

    async fn write(&self, _: &RequestContext, nodes: &mut [&mut WriteNode]) -> Result<(), StatusCode> {
        for node in nodes {
            node.set_status(StatusCode::BadNotWritable);
        }
        self.refuse("Write").or(Ok(()))
    }

    async fn call(&self, _: &RequestContext, _: &mut [&mut MethodCall]) -> Result<(), StatusCode> {
        self.refuse("Call")
    }

    async fn history_update(
        &self,
        _: &RequestContext,
        _: &mut [&mut HistoryUpdateNode],
    ) -> Result<(), StatusCode> {
        self.refuse("HistoryUpdate")
    }

    async fn add_nodes(&self, _: &RequestContext, _: &mut [&mut AddNodeItem]) -> Result<(), StatusCode> {
        self.refuse("AddNodes")
    }

    async fn add_references(
        &self,
        _: &RequestContext,
        _: &mut [&mut AddReferenceItem],
    ) -> Result<(), StatusCode> {
        self.refuse("AddReferences")
    }

    async fn delete_nodes(
        &self,
        _: &RequestContext,
        _: &mut [&mut DeleteNodeItem],
    ) -> Result<(), StatusCode> {
        self.refuse("DeleteNodes")
    }

    async fn delete_references(
        &self,
        _: &RequestContext,
        _: &mut [&mut DeleteReferenceItem],
    ) -> Result<(), StatusCode> {
        self.refuse("DeleteReferences")
    }
}

impl Nodes {
    fn refuse(&self, service: &'static str) -> Result<(), StatusCode> {
        self.violations.record(Violation::Service(service));
        Err(StatusCode::BadServiceUnsupported)
    }

    fn read_one(&self, node: &NodeId, attribute: AttributeId) -> Result<DataValue, StatusCode> {
        let value = match (node.namespace, &node.identifier) {
            (0, _) => DataValue::new_now(of_the_server(node)?),
            (OWN, Identifier::String(identifier)) => {
                let board = locked(&self.board);
                data_value(board.of(identifier.as_ref()).ok_or(StatusCode::BadNodeIdUnknown)?)
            }
            _ => return Err(StatusCode::BadNodeIdUnknown),
        };
        if attribute == AttributeId::Value { Ok(value) } else { Err(StatusCode::BadAttributeIdInvalid) }
    }
}

/// The board, whatever happened to who had it before.
pub(super) fn locked(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The node of a tag.
pub(super) fn node(held: &Held) -> NodeId {
    NodeId::new(OWN, held.tag.node())
}

/// A value with the time at which it came to be.
pub(super) fn data_value(held: &Held) -> DataValue {
    let source = DateTime::from((held.since + BEFORE_1970_MS) * 10_000);
    DataValue {
        server_timestamp: Some(DateTime::now()),
        ..DataValue::new_at(variant(held.tag.ty, held.value), source)
    }
}

/// What every server says of itself, as far as a client needs it.
fn of_the_server(node: &NodeId) -> Result<Variant, StatusCode> {
    Ok(match node.as_variable_id() {
        Ok(VariableId::Server_NamespaceArray) => Variant::from(NAMESPACES.map(String::from).to_vec()),
        // Running.
        Ok(VariableId::Server_ServerStatus_State) => Variant::from(0_i32),
        // None.
        Ok(
            VariableId::Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall
            | VariableId::Server_ServerCapabilities_OperationLimits_MaxNodesPerRead,
        ) => Variant::from(0_u32),
        _ => return Err(StatusCode::BadNodeIdUnknown),
    })
}

/// The tag's data type of its controller, as OPC UA has it.
fn variant(ty: Type, value: Value) -> Variant {
    match (ty, value) {
        (_, Value::Bool(on)) => on.into(),
        (_, Value::Real(real)) => real.into(),
        (_, Value::Text(text)) => text.into(),
        (Type::Int, Value::Int(int)) => i16::try_from(int).unwrap_or(i16::MAX).into(),
        (Type::Udint, Value::Int(int)) => u32::try_from(int).unwrap_or(0).into(),
        (_, Value::Int(int)) => i32::try_from(int).unwrap_or(i32::MAX).into(),
    }
}
