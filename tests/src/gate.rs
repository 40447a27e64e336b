//! A gate in front of a server on this machine: through it a network can be cut and a peer can fall silent.
//!
//! Here: passing bytes while it is open, refusing and breaking connections while it is shut, holding bytes back
//! while it is frozen. Not here: what the bytes mean.
//! Invariant: the address stays the gate's own for its whole life, also while nobody may connect, so nothing
//! else on the machine can take it in between.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 64;
/// A port that was just let go is asked for again after this time, should the system still hold it.
const REBIND_EVERY: Duration = Duration::from_millis(5);

/// How a gate treats who comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// Bytes pass.
    Open,
    /// Connections are accepted and kept, but nothing passes.
    Frozen,
    /// Connections are refused, and those that were are broken.
    Shut,
}

/// A gate. It falls when it is dropped: the address is gone and so are its connections.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    wanted: watch::Sender<Passage>,
    actual: watch::Receiver<Passage>,
    keeper: JoinHandle<()>,
}

impl Gate {
    /// Puts an open gate, on a port of its own, in front of `behind`.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn before(behind: SocketAddr) -> io::Result<Self> {
        let door = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let address = door.local_addr()?;
        let listener = door.listen(BACKLOG)?;
        let (wanted, orders) = watch::channel(Passage::Open);
        let (report, actual) = watch::channel(Passage::Open);
        let keeper = tokio::spawn(async move { keep(listener, behind, orders, report).await });
        Ok(Self { address, wanted, actual, keeper })
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the gate, and returns when it stands as it should.
    pub async fn set(&self, passage: Passage) {
        self.wanted.send_replace(passage);
        // It only fails when the keeper is gone, and then nothing passes either way.
        self.actual.clone().wait_for(|now| *now == passage).await.ok();
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

async fn keep(
    mut listener: TcpListener,
    behind: SocketAddr,
    mut orders: watch::Receiver<Passage>,
    report: watch::Sender<Passage>,
) {
    let Ok(address) = listener.local_addr() else { return };
    loop {
        admit(&listener, behind, &mut orders, &report).await;
        drop(listener);
        let held = rebound(address).await;
        report.send_replace(Passage::Shut);
        if orders.wait_for(|wanted| *wanted != Passage::Shut).await.is_err() {
            return;
        }
        let Ok(open) = held.listen(BACKLOG) else { return };
        listener = open;
    }
}

/// Lets connections in until the gate is to be shut; then all of them break.
async fn admit(
    listener: &TcpListener,
    behind: SocketAddr,
    orders: &mut watch::Receiver<Passage>,
    report: &watch::Sender<Passage>,
) {
    let mut connections = JoinSet::new();
    loop {
        let wanted = *orders.borrow_and_update();
        if wanted == Passage::Shut {
            break;
        }
        report.send_replace(wanted);
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((outside, _)) = accepted {
                    connections.spawn(connect(outside, behind, orders.clone()));
                }
            }
            Some(_) = connections.join_next() => {}
            changed = orders.changed() => if changed.is_err() { break },
        }
    }
    connections.shutdown().await;
}

async fn connect(outside: TcpStream, behind: SocketAddr, orders: watch::Receiver<Passage>) -> io::Result<()> {
    let inside = TcpStream::connect(behind).await?;
    outside.set_nodelay(true)?;
    inside.set_nodelay(true)?;
    let ((from_outside, to_outside), (from_inside, to_inside)) = (outside.into_split(), inside.into_split());
    let back = pass(from_inside, to_outside, orders.clone());
    tokio::try_join!(pass(from_outside, to_inside, orders), back).map(|_| ())
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut orders: watch::Receiver<Passage>,
) -> io::Result<()> {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let count = from.read(&mut bytes).await?;
        if orders.wait_for(|wanted| *wanted == Passage::Open).await.is_err() || count == 0 {
            return to.shutdown().await;
        }
        to.write_all(bytes.get(..count).unwrap_or_default()).await?;
    }
}

/// A bound socket that does not listen: whoever connects is refused, and the port is nobody else's.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn rebound(address: SocketAddr) -> TcpSocket {
    loop {
        match bound(address) {
            Ok(socket) => return socket,
            Err(_) => tokio::time::sleep(REBIND_EVERY).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_pass_both_ways_while_it_is_open() {
        let gate = Gate::before(echo().await).unwrap();
        let mut client = TcpStream::connect(gate.address()).await.unwrap();
        assert_eq!(say(&mut client, b"hello").await.unwrap(), b"hello");
    }

    #[tokio::test]
    async fn a_shut_gate_breaks_what_was_and_refuses_what_comes_until_it_opens() {
        let gate = Gate::before(echo().await).unwrap();
        for _ in 0..3 {
            let mut client = TcpStream::connect(gate.address()).await.unwrap();
            assert!(say(&mut client, b"one").await.is_ok());
            gate.set(Passage::Shut).await;
            assert!(say(&mut client, b"two").await.is_err());
            let refused = TcpStream::connect(gate.address()).await.unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            gate.set(Passage::Open).await;
            let mut client = TcpStream::connect(gate.address()).await.unwrap();
            assert_eq!(say(&mut client, b"three").await.unwrap(), b"three");
        }
    }

    #[tokio::test]
    async fn a_frozen_gate_holds_bytes_back_and_keeps_the_connection() {
        let gate = Gate::before(echo().await).unwrap();
        let mut client = TcpStream::connect(gate.address()).await.unwrap();
        gate.set(Passage::Frozen).await;
        client.write_all(b"held").await.unwrap();
        let mut answer = [0; 4];
        let silent = tokio::time::timeout(Duration::from_millis(80), client.read_exact(&mut answer)).await;
        assert!(silent.is_err(), "an answer came through a frozen gate");
        gate.set(Passage::Open).await;
        client.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"held");
    }

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut peer, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = peer.split();
                    tokio::io::copy(&mut from, &mut to).await.ok();
                });
            }
        });
        address
    }

    async fn say(client: &mut TcpStream, words: &[u8]) -> io::Result<Vec<u8>> {
        client.write_all(words).await?;
        let mut answer = vec![0; words.len()];
        client.read_exact(&mut answer).await?;
        Ok(answer)
    }
}
