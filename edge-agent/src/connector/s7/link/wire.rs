//! One TCP connection to a PLC, from its opening to its first fault.
//!
//! Here: the socket and the time-outs. Not here: when to open another (`link`), what the bytes mean (`session`).
//! Invariant: an answer is awaited only on the connection that carries its request; whoever gets an error from
//! here drops the connection, so a late answer has nowhere to arrive (I9).

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, Interval, timeout, timeout_at},
};

use super::LinkError;
use crate::connector::s7::{
    PORT, S7Config,
    codec::{Answer, Items},
    plan::Request,
    session::{Event, Fault, Session},
};

/// Room for the largest frame.
const BUFFER_LEN: usize = 1024;

/// An open connection.
pub(super) struct Wire<'c> {
    config: &'c S7Config,
    stream: TcpStream,
    session: Session,
    buffer: [u8; BUFFER_LEN],
}

impl<'c> Wire<'c> {
    /// One deadline over all of it; gives the PDU that was agreed on.
    pub(super) async fn open(config: &'c S7Config) -> Result<(Self, u16), LinkError> {
        let plc = || config.address.clone();
        let after = config.timeout;
        let deadline = Instant::now() + after;
        let stream = timeout_at(deadline, TcpStream::connect(with_port(&config.address)))
            .await
            .map_err(|_| LinkError::ConnectTimeout { plc: plc(), after })?
            .map_err(|source| match source.kind() {
                io::ErrorKind::ConnectionRefused => LinkError::NotListening { plc: plc(), source },
                _ => LinkError::Unreachable { plc: plc(), source },
            })?;
        timeout_at(deadline, Self::greet(config, stream))
            .await
            .map_err(|_| LinkError::AnswerTimeout { plc: plc(), after })?
    }

    async fn greet(config: &'c S7Config, stream: TcpStream) -> Result<(Self, u16), LinkError> {
        let (session, connect) = Session::open(config.tsap, fastrand::u16(..));
        let mut wire = Self { config, stream, session, buffer: [0; BUFFER_LEN] };
        wire.stream.set_nodelay(true).map_err(|source| wire.broken(source))?;
        wire.send(&connect).await?;
        let mut confirmed = false;
        loop {
            match wire.event().await {
                Ok(Event::Send(bytes)) => wire.send(&bytes).await?,
                Ok(Event::Ready { pdu }) => return Ok((wire, pdu)),
                // Nothing was read yet.
                Ok(Event::Read(_)) => return Err(wire.fault(Fault::Unasked)),
                // Many a PLC closes the connection when it does not know the TSAP.
                Err(LinkError::Closed { plc }) if !confirmed => {
                    return Err(LinkError::Tsap { plc, tsap: config.tsap });
                }
                Err(error) => return Err(error),
            }
            confirmed = true;
        }
    }

    /// Asks, and waits for the answer.
    pub(super) async fn read(&mut self, request: &Request) -> Result<Answer<Items>, LinkError> {
        let bytes = self.session.read(&request.spans());
        let after = self.config.timeout;
        let exchange = async {
            self.send(&bytes).await?;
            self.event().await
        };
        match timeout(after, exchange).await {
            Ok(Ok(Event::Read(answer))) => Ok(answer),
            Ok(Ok(_)) => Err(self.fault(Fault::Unasked)),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(LinkError::AnswerTimeout { plc: self.config.address.clone(), after }),
        }
    }

    /// Waits for the next scan. Whatever comes before it is a fault: a PLC speaks only when asked.
    pub(super) async fn idle_until(&mut self, ticks: &mut Interval) -> Result<(), LinkError> {
        tokio::select! {
            _ = ticks.tick() => Ok(()),
            event = self.event() => match event {
                Ok(_) => Err(self.fault(Fault::Unasked)),
                Err(error) => Err(error),
            },
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), LinkError> {
        self.stream.write_all(bytes).await.map_err(|source| self.broken(source))
    }

    /// The next complete frame. Nothing is lost when this is dropped between two of them.
    async fn event(&mut self) -> Result<Event, LinkError> {
        loop {
            let len = match self.stream.read(&mut self.buffer).await {
                Ok(0) => return Err(LinkError::Closed { plc: self.config.address.clone() }),
                Ok(len) => len,
                Err(source) => return Err(self.broken(source)),
            };
            let received = self.session.receive(self.buffer.get(..len).unwrap_or_default());
            if let Some(event) = received.map_err(|fault| self.fault(fault))? {
                return Ok(event);
            }
        }
    }

    /// A PLC that is switched off or that drops a client resets the connection: to a person that is closed.
    fn broken(&self, source: io::Error) -> LinkError {
        let plc = self.config.address.clone();
        match source.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => LinkError::Closed { plc },
            _ => LinkError::Broken { plc, source },
        }
    }

    fn fault(&self, fault: Fault) -> LinkError {
        let plc = self.config.address.clone();
        match fault {
            Fault::Tsap => LinkError::Tsap { plc, tsap: self.config.tsap },
            Fault::Setup { class, code } => LinkError::Setup { plc, class, code },
            Fault::Malformed(source) => LinkError::Malformed { plc, source },
            Fault::Unasked => LinkError::Unasked { plc },
        }
    }
}

/// `host:port`, with the port of S7 where none is given.
fn with_port(address: &str) -> String {
    if let Ok(ip) = address.parse::<IpAddr>() {
        return SocketAddr::new(ip, PORT).to_string();
    }
    match address.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => address.to_owned(),
        _ => format!("{address}:{PORT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_that_of_s7_unless_given() {
        assert_eq!(with_port("192.168.0.10"), "192.168.0.10:102");
        assert_eq!(with_port("plc3:1102"), "plc3:1102");
        assert_eq!(with_port("fe80::1"), "[fe80::1]:102");
        assert_eq!(with_port("[fe80::1]:1102"), "[fe80::1]:1102");
    }
}
