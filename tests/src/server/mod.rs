//! The PLCs of the machines: a strict S7 server here, an OPC UA server in [`opcua`].
//!
//! libsnap7's server cuts requests of more than 20 items silently, never enforces the PDU and accepts any TSAP.
//! This one answers what a real CPU answers, counts each of these, and every request but setup and read, as a
//! [`Violation`] and refuses it.
//!
//! Here: S7 connections and their limit. Not here: the protocol of one connection (`session`), the memory it reads.
//! Invariant: nothing a client sends changes anything but the list of violations (I10).

mod front;
pub mod opcua;
mod read;
mod session;
mod violation;

use std::io;
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, JoinSet};

pub use front::Front;
pub use session::{Reply, Session};
pub use violation::Violation;
use violation::Violations;

/// Bytes of a TPKT header.
const TPKT_LEN: usize = 4;
/// The longest TPKT that the largest PDU needs, with room for a client's mistake to be seen as one.
const TPKT_MAX: usize = 2_048;

/// What a PLC is like.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    /// Rack × 32 + slot, as the lower byte of the TSAP that a client must call.
    pub place: u8,
    /// The largest PDU it agrees to, bytes: 240, 480 or 960.
    pub pdu_max: u16,
    /// How many clients may be connected at once.
    pub connections_max: usize,
}

impl Default for Cpu {
    /// Like an S7-1500 in rack 0, slot 1.
    fn default() -> Self {
        Self { place: 1, pdu_max: 480, connections_max: 8 }
    }
}

/// What a PLC holds: the bytes of a data block at this moment, `None` where there is no such block.
pub type Memory = Arc<dyn Fn(u16) -> Option<Vec<u8>> + Send + Sync>;

/// A PLC on a port of its own. It is gone when it is dropped.
#[derive(Debug)]
pub struct Plc {
    front: Front,
    server: JoinHandle<()>,
}

impl Plc {
    /// Starts a PLC. Each violation also goes to `tell`, where somebody listens.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(
        cpu: Cpu,
        memory: Memory,
        tell: Option<mpsc::UnboundedSender<Violation>>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let violations = Violations::told(tell);
        let front = Front::before(listener.local_addr()?, violations.clone())?;
        let server = tokio::spawn(serve(listener, cpu, memory, violations));
        Ok(Self { front, server })
    }
}

impl Deref for Plc {
    type Target = Front;

    fn deref(&self) -> &Front {
        &self.front
    }
}

impl Drop for Plc {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, cpu: Cpu, memory: Memory, violations: Violations) {
    let places = Arc::new(Semaphore::new(cpu.connections_max));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((client, _)) = accepted else { continue };
                // A CPU whose connections are all taken hangs up.
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
                let (memory, violations) = (Arc::clone(&memory), violations.clone());
                connections.spawn(async move {
                    talk(client, cpu, &memory, &violations).await.ok();
                    drop(place);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn talk(mut client: TcpStream, cpu: Cpu, memory: &Memory, violations: &Violations) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut session = Session::new(cpu);
    loop {
        let mut head = [0; TPKT_LEN];
        client.read_exact(&mut head).await?;
        let [version, _, high, low] = head;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if version != 3 || !(TPKT_LEN..=TPKT_MAX).contains(&length) {
            violations.record(Violation::Frame(format!("a TPKT of version {version} and {length} bytes")));
            return Ok(());
        }
        let mut body = vec![0; length - TPKT_LEN];
        client.read_exact(&mut body).await?;
        let (reply, violation) = session.answer(&body, memory.as_ref());
        if let Some(violation) = violation {
            violations.record(violation);
        }
        match reply {
            Reply::Send(frame) => client.write_all(&frame).await?,
            Reply::Last(frame) => return client.write_all(&frame).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gate::Passage;

    const HELLO: &[u8] = &[3, 0, 0, 22, 17, 0xE0, 0, 0, 0, 1, 0, 0xC1, 2, 1, 0, 0xC2, 2, 2, 1, 0xC0, 1, 0x0A];
    const SETUP: &[u8] =
        &[3, 0, 0, 25, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0, 1, 0, 8, 0, 0, 0xF0, 0, 0, 1, 0, 1, 3, 0xC0];
    /// Two bytes of data block 10, from byte 4 on.
    const READ: &[u8] = &[
        3, 0, 0, 31, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0, 2, 0, 14, 0, 0, 4, 1, 0x12, 0x0A, 0x10, 2, 0, 2, 0, 10,
        0x84, 0, 0, 32,
    ];
    const WRITE: &[u8] = &[
        3, 0, 0, 37, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0, 3, 0, 14, 0, 6, 5, 1, 0x12, 0x0A, 0x10, 2, 0, 2, 0, 10,
        0x84, 0, 0, 32, 0, 4, 0, 16, 1, 2,
    ];

    #[tokio::test]
    async fn a_client_reads_what_the_memory_holds() {
        let plc = plc(Cpu::default()).await;
        let mut client = connected(&plc).await;
        let answer = ask(&mut client, READ).await.unwrap();
        assert_eq!(answer[17..], [0, 0, 4, 1, 0xFF, 4, 0, 16, 4, 5]);
        assert_eq!(plc.violations(), []);
    }

    #[tokio::test]
    async fn a_write_is_refused_and_recorded() {
        let plc = plc(Cpu::default()).await;
        let mut client = connected(&plc).await;
        let answer = ask(&mut client, WRITE).await.unwrap();
        assert_eq!(answer[17..19], [0x81, 0x04]);
        assert_eq!(plc.violations(), [Violation::Function(5)]);
        assert_eq!(ask(&mut client, READ).await.unwrap()[25..], [4, 5]);
    }

    #[tokio::test]
    async fn a_cpu_hangs_up_when_all_its_connections_are_taken() {
        let plc = plc(Cpu { connections_max: 1, ..Cpu::default() }).await;
        let first = connected(&plc).await;
        let mut second = TcpStream::connect(plc.address()).await.unwrap();
        assert!(ask(&mut second, HELLO).await.is_err());
        drop(first);
        let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
        loop {
            let mut third = TcpStream::connect(plc.address()).await.unwrap();
            if ask(&mut third, HELLO).await.is_ok() {
                break;
            }
            assert!(tokio::time::Instant::now() < deadline, "the place never became free");
        }
    }

    #[tokio::test]
    async fn a_plc_goes_away_and_comes_back_at_the_same_address() {
        let plc = plc(Cpu::default()).await;
        let mut client = connected(&plc).await;
        plc.gate().set(Passage::Shut).await;
        assert!(ask(&mut client, READ).await.is_err());
        assert!(TcpStream::connect(plc.address()).await.is_err());
        plc.gate().set(Passage::Open).await;
        assert!(ask(&mut connected(&plc).await, READ).await.is_ok());
    }

    #[tokio::test]
    async fn noise_ends_the_connection_and_is_recorded() {
        let plc = plc(Cpu::default()).await;
        let mut client = TcpStream::connect(plc.address()).await.unwrap();
        assert!(ask(&mut client, b"GET / HTTP/1.1\r\n").await.is_err());
        assert!(matches!(plc.violations().as_slice(), [Violation::Frame(_)]));
    }

    async fn plc(cpu: Cpu) -> Plc {
        let memory: Memory = Arc::new(|block| (block == 10).then(|| (0..=99).collect()));
        Plc::start(cpu, memory, None).await.unwrap()
    }

    async fn connected(plc: &Plc) -> TcpStream {
        let mut client = TcpStream::connect(plc.address()).await.unwrap();
        assert_eq!(ask(&mut client, HELLO).await.unwrap()[5], 0xD0);
        assert_eq!(ask(&mut client, SETUP).await.unwrap()[25..], [1, 0xE0]);
        client
    }

    async fn ask(client: &mut TcpStream, frame: &[u8]) -> io::Result<Vec<u8>> {
        client.write_all(frame).await?;
        let mut answer = vec![0; TPKT_LEN];
        client.read_exact(&mut answer).await?;
        let length = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
        answer.resize(length, 0);
        client.read_exact(&mut answer[TPKT_LEN..]).await?;
        Ok(answer)
    }
}
