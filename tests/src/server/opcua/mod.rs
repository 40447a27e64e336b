//! The OPC UA server of a machine: each tag is a variable whose value carries the instant at which it came to be.
//!
//! The protocol is that of `async-opcua-server`, without its generated address space: a controller of a machine
//! has its tags and little else. The server is found behind a gate, is not secured, and lets everybody in.
//!
//! It has a thread to itself. A publish answer promises that nothing older follows, so before the server looks for
//! one that is due, whatever has come to be is handed on: also after the thread was held up.
//!
//! Here: starting it, and handing on what the line does. Not here: values (`board`), nodes (`nodes`).
//! Invariant: a source timestamp is an instant of the script, to the millisecond, however busy this machine is; a
//! client that is subscribed while a value changes hears of it.

mod board;
mod nodes;

use std::io;
use std::net::Ipv4Addr;
use std::net::TcpListener as Listener;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use opcua::types::AttributeId;
use opcua_server::{Server, ServerBuilder, ServerHandle, SubscriptionCache};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use self::board::Board;
use self::nodes::{Nodes, data_value, locked, node};
use super::{Front, Violation, Violations};
use crate::clock::now_ms;
use crate::line::Line;
use crate::script::Machine;

/// Values are handed on this often.
const HAND_ON: Duration = Duration::from_millis(5);
/// Due publish answers are looked for this often, ms.
const PUBLISH_LOOK_MS: u64 = 20;
/// Publishing may be asked for this often, ms.
const PUBLISH_MIN_MS: f64 = 20.0;
/// Values of a tag that wait for a client.
const QUEUE_MAX: usize = 1_000;
/// Sessions of clients that were killed stand about for a while.
const SESSIONS_MAX: usize = 200;

/// A server on a port of its own. It is gone when it is dropped.
pub struct Station {
    front: Front,
    server: ServerHandle,
    /// For the certificates that the server keeps, none in fact.
    _folder: TempDir,
}

impl Station {
    /// Starts the server of a machine, whose script began when `began` says, ms since 1970; until that is said it
    /// stands still. Each violation also goes to `tell`, where somebody listens. Needs tokio's runtime, for the gate.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(
        line: Line,
        machine: Machine,
        began: Arc<OnceLock<i64>>,
        tell: Option<mpsc::UnboundedSender<Violation>>,
    ) -> io::Result<Self> {
        let listener = Listener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let folder = TempDir::with_prefix("plimsoll-")?;
        let (board, violations) =
            (Arc::new(Mutex::new(Board::new(line, machine, now_ms()))), Violations::told(tell));
        let front = Front::before(listener.local_addr()?, violations.clone())?;
        let nodes = Nodes { board: Arc::clone(&board), violations };
        let mut builder = ServerBuilder::new_anonymous(machine.name())
            .application_uri("urn:plimsoll:plant:server")
            .product_uri("urn:plimsoll:plant")
            .pki_dir(folder.path())
            .host(Ipv4Addr::LOCALHOST.to_string())
            .max_sessions(SESSIONS_MAX)
            .subscription_poll_interval_ms(PUBLISH_LOOK_MS)
            .with_node_manager(move |_| nodes);
        let limits = &mut builder.limits_mut().subscriptions;
        limits.min_publishing_interval_ms = PUBLISH_MIN_MS;
        limits.max_monitored_item_queue_size = QUEUE_MAX;
        let (server, handle) = builder.build().map_err(io::Error::other)?;
        let hand_on = hand_on(board, began, Arc::clone(handle.subscriptions()));
        let (runtime, gone) = (Builder::new_current_thread().enable_all().build()?, handle.token().clone());
        thread::Builder::new().name(format!("opcua {}", machine.name())).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = gone.cancelled() => {}
                    () = serve(server, listener, hand_on) => {}
                }
            });
        })?;
        Ok(Self { front, server: handle, _folder: folder })
    }
}

impl Deref for Station {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.server.cancel();
    }
}

async fn serve(server: Server, listener: Listener, hand_on: impl Future<Output = ()>) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "the OPC UA server cannot listen"),
    };
    tokio::select! {
        // In this order: what is published is what was handed on.
        biased;
        () = hand_on => {}
        ended = server.run_with(listener) => if let Err(error) = ended {
            tracing::error!(error, "the OPC UA server has ended");
        },
    }
}

/// Hands on what changes. Whenever anything may have changed, every value is told again: the server drops what it
/// knows already, and an item that was made while a value changed does not miss it.
async fn hand_on(board: Arc<Mutex<Board>>, began: Arc<OnceLock<i64>>, subscriptions: Arc<SubscriptionCache>) {
    let mut tick = interval(HAND_ON);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let Some(start) = began.get() else { continue };
        let told = {
            let mut board = locked(&board);
            let changed = board.play(*start, now_ms());
            changed.map(|changed| [&changed, board.held()].concat())
        };
        let mut notifier = subscriptions.data_notifier();
        for held in told.into_iter().flatten() {
            if let Some(mut items) = notifier.notify_for(&node(&held), AttributeId::Value) {
                items.data_value(data_value(&held));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use edge_agent::connector::opcua::{NodeAddress, OpcuaConfig, OpcuaTag, Security, run};
    use edge_agent::connector::{Raw, Report};
    use opcua::client::{ClientBuilder, IdentityToken, Session};
    use opcua::types::{
        CallMethodRequest, DataValue, MessageSecurityMode, NodeId, StatusCode, UserTokenPolicy, WriteValue,
    };
    use tokio::time::timeout;
    use tokio_util::sync::CancellationToken;

    use super::board::Held;
    use super::*;
    use crate::line::{Tag, Type, Value};
    use crate::script::Script;

    const PATIENCE: Duration = Duration::from_secs(20);
    /// What is compared, ms from the start of the script.
    const COMPARED_MS: i64 = 9_000;

    /// Place of the tag, value, source timestamp in ms since 1970.
    type Change = (usize, Raw, i64);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_change_is_published_with_the_instant_of_the_script() {
        let (station, began) = station();
        let (config, tags, _folder) = config(&station);
        let (tell, mut reports) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let connector = tokio::spawn(async move {
            let emit = async move |report| tell.send(report).await.unwrap_or_default();
            run(&config, &tags, emit, stopped).await;
        });
        let (mut heard, mut start) = (Vec::new(), i64::MAX);
        while heard.last().is_none_or(|(_, _, at)| *at <= start.saturating_add(COMPARED_MS)) {
            let report = timeout(PATIENCE, reports.recv()).await.unwrap().unwrap();
            let Report::Published(publication) = report else { panic!("{report:?}") };
            let changes = publication.samples.into_iter().map(|s| (s.tag, s.value.unwrap(), s.timestamp));
            heard.extend(changes);
            if heard.len() == Tag::on(Machine::Washer).count() {
                // Each tag was heard as it stands before the start.
                start = now_ms() + 100;
                began.set(start).unwrap();
            }
        }
        stop.cancel();
        connector.await.unwrap();

        let mut board = Board::new(line(), Machine::Washer, start);
        let played: Vec<Change> =
            board.play(start, start + COMPARED_MS).unwrap().iter().map(change).collect();
        assert!(played.len() > 500, "{}", played.len());
        heard.retain(|(_, _, at)| (start..=start + COMPARED_MS).contains(at));
        // A message holds the values of one tag after the other.
        heard.sort_by_key(|(tag, _, at)| (*at, *tag));
        assert_eq!(heard, played);
        assert_eq!(station.violations(), []);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_write_and_a_call_are_refused_and_recorded() {
        let (station, _) = station();
        let (session, _folder) = session(&station).await;
        let node = NodeId::new(2, "washer-1.pressure");
        let write = WriteValue {
            node_id: node.clone(),
            attribute_id: AttributeId::Value as u32,
            value: DataValue::new_now(9.0_f32),
            ..WriteValue::default()
        };
        assert_eq!(session.write(&[write]).await.unwrap(), [StatusCode::BadNotWritable]);
        let call = CallMethodRequest { object_id: node.clone(), method_id: node, input_arguments: None };
        assert!(session.call_one(call).await.unwrap().status_code.is_bad());
        assert_eq!(station.violations(), [Violation::Service("Write"), Violation::Service("Call")]);
        session.disconnect().await.unwrap();
    }

    fn line() -> Line {
        Line::new(Script::new(5, None))
    }

    fn station() -> (Station, Arc<OnceLock<i64>>) {
        let began = Arc::new(OnceLock::new());
        (Station::start(line(), Machine::Washer, Arc::clone(&began), None).unwrap(), began)
    }

    async fn session(station: &Station) -> (Arc<Session>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let builder = ClientBuilder::new().application_name("test").application_uri("urn:test");
        let mut client = builder.pki_dir(folder.path()).session_retry_limit(0).client().unwrap();
        let url = format!("opc.tcp://{}", station.address());
        let none = (&*url, "None", MessageSecurityMode::None, UserTokenPolicy::anonymous());
        let opened = client.connect_to_matching_endpoint(none, IdentityToken::Anonymous).await;
        let (session, events) = opened.unwrap();
        events.spawn();
        assert!(session.wait_for_connection().await);
        (session, folder)
    }

    fn config(station: &Station) -> (OpcuaConfig, Vec<OpcuaTag>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let config = OpcuaConfig {
            address: format!("opc.tcp://{}", station.address()),
            security: Security::None,
            user: None,
            scan: Duration::from_millis(100),
            timeout: Duration::from_secs(4),
            agent_id: "test".into(),
            certificates: folder.path().into(),
        };
        let tag = |tag: &Tag| OpcuaTag { node: NodeAddress::parse(&tag.address()).unwrap() };
        (config, Tag::on(Machine::Washer).map(tag).collect(), folder)
    }

    fn change(held: &Held) -> Change {
        let tag = Tag::on(Machine::Washer).position(|tag| tag.name == held.tag.name).unwrap();
        let raw = match (held.tag.ty, held.value) {
            (_, Value::Bool(on)) => Raw::Bool(on),
            (_, Value::Real(real)) => Raw::Real(real),
            (_, Value::Text(text)) => Raw::Text(text.into()),
            (Type::Udint, Value::Int(int)) => Raw::UInt(int.try_into().unwrap()),
            (_, Value::Int(int)) => Raw::Int(int),
        };
        (tag, raw, held.since)
    }
}
