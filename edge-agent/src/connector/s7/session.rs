//! One connection, from its first byte to its first fault: connect → setup → one read after the other.
//!
//! Here: bytes in, bytes out, and what may follow what. Not here: sockets and time (`link`), what to read
//! (`scan`).
//! Invariant: at most one request is open, each has a reference of its own, and a frame that is not exactly its
//! answer is a fault; after a fault the session is of no use (I9).

use super::{
    codec::{self, Answer, Items, Malformed, Selectors, Span},
    tsap::Tsap,
};

/// Far from its neighbours and odd, so that every reference comes once in 65,536 requests.
const REFERENCE_STEP: u16 = 0x6A35;

/// A connection's place in the conversation.
#[derive(Debug)]
pub(super) struct Session {
    awaited: Awaited,
    reference: u16,
    /// A frame that is not complete.
    received: Vec<u8>,
}

#[derive(Debug)]
enum Awaited {
    Confirm,
    Setup,
    /// The answer to a read of these lengths.
    Read(Vec<u16>),
    Nothing,
}

/// What the bytes of the PLC amount to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Confirmed: send this next.
    Send(Vec<u8>),
    /// Set up: reads may follow, within this PDU.
    Ready { pdu: u16 },
    /// The answer to the read.
    Read(Answer<Items>),
}

/// Why the connection must be closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The PLC refused the TSAP.
    Tsap,
    /// The PLC refused the setup.
    Setup { class: u8, code: u8 },
    /// What came is no answer.
    Malformed(Malformed),
    /// Something came that nobody asked for.
    Unasked,
}

impl Session {
    /// A new connection, and the bytes it begins with. References count from `first_reference`.
    pub(super) fn open(tsap: Tsap, first_reference: u16) -> (Self, Vec<u8>) {
        let ends = Selectors { local: tsap.local, remote: tsap.remote };
        let session = Self { awaited: Awaited::Confirm, reference: first_reference, received: Vec::new() };
        (session, codec::connect_request(ends))
    }

    /// The bytes that read these spans. Only after `Ready` and after each answer.
    pub(super) fn read(&mut self, spans: &[Span]) -> Vec<u8> {
        self.awaited = Awaited::Read(spans.iter().map(|span| span.len).collect());
        let reference = self.next_reference();
        codec::read_request(reference, spans)
    }

    /// Takes what came from the PLC. `None`: the frame is not complete.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<Option<Event>, Fault> {
        self.received.extend(bytes);
        let Some(len) = codec::frame_len(&self.received).map_err(Fault::Malformed)? else {
            return Ok(None);
        };
        match self.received.len().cmp(&len) {
            std::cmp::Ordering::Less => return Ok(None),
            // One request, one answer: what stands behind it is nobody's.
            std::cmp::Ordering::Greater => return Err(Fault::Unasked),
            std::cmp::Ordering::Equal => {}
        }
        let frame = std::mem::take(&mut self.received);
        self.frame(&frame).map(Some)
    }

    fn frame(&mut self, frame: &[u8]) -> Result<Event, Fault> {
        match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::Confirm => match codec::connect_confirm(frame).map_err(Fault::Malformed)? {
                Answer::Given(()) => {
                    self.awaited = Awaited::Setup;
                    let reference = self.next_reference();
                    Ok(Event::Send(codec::setup_request(reference)))
                }
                Answer::Refused { .. } => Err(Fault::Tsap),
            },
            Awaited::Setup => match codec::setup_answer(frame, self.reference).map_err(Fault::Malformed)? {
                Answer::Given(pdu) => Ok(Event::Ready { pdu }),
                Answer::Refused { class, code } => Err(Fault::Setup { class, code }),
            },
            Awaited::Read(lens) => {
                codec::read_answer(frame, self.reference, &lens).map(Event::Read).map_err(Fault::Malformed)
            }
            Awaited::Nothing => Err(Fault::Unasked),
        }
    }

    /// Never 0: that is what a CPU answers with when it did not look at the request.
    fn next_reference(&mut self) -> u16 {
        self.reference = self.reference.wrapping_add(REFERENCE_STEP);
        if self.reference == 0 {
            self.reference = REFERENCE_STEP;
        }
        self.reference
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::connector::s7::address::Area;

    const CONFIRM: [u8; 22] =
        [3, 0, 0, 22, 0x11, 0xD0, 0, 1, 0, 1, 0, 0xC0, 1, 0x0A, 0xC1, 2, 1, 0, 0xC2, 2, 2, 1];
    const BYTE: Span = Span { area: Area::Marker, start: 0, len: 1 };

    /// The answer of a CPU to this request.
    fn answer_to(request: &[u8], body: &[u8], parameter_len: u8) -> Vec<u8> {
        let len = 19 + u8::try_from(body.len()).unwrap();
        let data_len = u8::try_from(body.len()).unwrap() - parameter_len;
        let head = [3, 0, 0, len, 2, 0xF0, 0x80, 0x32, 3, 0, 0, request[11], request[12]];
        [&head[..], &[0, parameter_len, 0, data_len, 0, 0], body].concat()
    }

    fn ready() -> Session {
        let (mut session, _) = Session::open(Tsap::default(), 1);
        let Ok(Some(Event::Send(setup))) = session.receive(&CONFIRM) else { panic!("not confirmed") };
        let agreed = answer_to(&setup, &[0xF0, 0, 0, 1, 0, 1, 0, 240], 8);
        assert_eq!(session.receive(&agreed), Ok(Some(Event::Ready { pdu: 240 })));
        session
    }

    fn value(request: &[u8], value: u8) -> Vec<u8> {
        answer_to(request, &[4, 1, 0xFF, 4, 0, 8, value], 2)
    }

    #[test]
    fn a_frame_may_come_byte_by_byte() {
        let mut session = ready();
        let request = session.read(&[BYTE]);
        let frame = value(&request, 42);
        let (last, first) = frame.split_last().unwrap();
        for byte in first {
            assert_eq!(session.receive(&[*byte]), Ok(None));
        }
        let items = Answer::Given(vec![Ok(vec![42])]);
        assert_eq!(session.receive(&[*last]), Ok(Some(Event::Read(items))));
    }

    #[test]
    fn each_request_has_another_reference() {
        let mut session = ready();
        let references: std::collections::BTreeSet<_> = (0..65_535)
            .map(|_| {
                let request = session.read(&[BYTE]);
                u16::from_be_bytes([request[11], request[12]])
            })
            .collect();
        assert!(references.len() >= 65_534 && !references.contains(&0), "{}", references.len());
    }

    #[test]
    fn an_answer_to_the_request_before_is_a_fault() {
        let mut session = ready();
        let first = session.read(&[BYTE]);
        session.receive(&value(&first, 1)).unwrap();
        session.read(&[BYTE]);
        let fault = session.receive(&value(&first, 1));
        assert!(matches!(fault, Err(Fault::Malformed(Malformed::Reference { .. }))), "{fault:?}");
    }

    #[test]
    fn what_nobody_asked_for_is_a_fault() {
        let mut session = ready();
        let request = session.read(&[BYTE]);
        let twice = [value(&request, 1), value(&request, 1)].concat();
        assert_eq!(session.receive(&twice), Err(Fault::Unasked));
        assert_eq!(ready().receive(&CONFIRM), Err(Fault::Unasked));
    }

    #[test]
    fn a_refusal_says_which() {
        let (mut session, _) = Session::open(Tsap::default(), 1);
        assert_eq!(session.receive(&[3, 0, 0, 11, 6, 0x80, 0, 1, 0, 0, 2]), Err(Fault::Tsap));
        let (mut session, _) = Session::open(Tsap::default(), 1);
        session.receive(&CONFIRM).unwrap();
        let refusal = [3, 0, 0, 19, 2, 0xF0, 0x80, 0x32, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x04];
        assert_eq!(session.receive(&refusal), Err(Fault::Setup { class: 0x81, code: 4 }));
    }

    proptest! {
        #[test]
        fn noise_never_panics(chunks: Vec<Vec<u8>>) {
            let mut session = ready();
            session.read(&[BYTE]);
            for chunk in chunks {
                if session.receive(&chunk).is_err() {
                    break;
                }
            }
        }
    }
}
