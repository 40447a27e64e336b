//! One connection of the strict S7 server: a frame in, a frame out.
//!
//! ```text
//! TPKT   03 00 length(2)
//! COTP   connect: li E0 dst(2) src(2) class {C0 size | C1 calling TSAP | C2 called TSAP}; data: 02 F0 80
//! S7     32 rosctr 00 00 reference(2) parameters(2) data(2) [error(2), in answers]
//! setup  F0 00 jobs(2) jobs(2) PDU(2)
//! ```
//!
//! Here: connecting, setup, and which jobs are let through. Not here: sockets, and the items of a read (`read`).
//! Invariant: a request or an answer longer than the agreed PDU, more than 20 items, a TSAP of another place, or
//! any function but setup and read is a violation and is refused as a CPU refuses it. Nothing here panics.

use super::read::{READ, read};
use super::{Cpu, Violation};

/// Bytes of the S7 header of a request.
const REQUEST_HEAD: usize = 10;
const SETUP: u8 = 0xF0;
/// The connection types a TSAP may ask for: PG, OP, basic.
const CONNECTION_TYPES: std::ops::RangeInclusive<u8> = 1..=3;
/// Header errors: not a service of this CPU; a PDU of the wrong size.
const NO_SUCH_SERVICE: [u8; 2] = [0x81, 0x04];
const WRONG_SIZE: [u8; 2] = [0x85, 0x00];

/// What goes back to the client: a whole frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Send it.
    Send(Vec<u8>),
    /// Send it and hang up.
    Last(Vec<u8>),
}

/// One connection.
#[derive(Debug)]
pub struct Session {
    cpu: Cpu,
    connected: bool,
    pdu: Option<usize>,
}

impl Session {
    /// A connection that has said nothing yet.
    #[must_use]
    pub fn new(cpu: Cpu) -> Self {
        Self { cpu, connected: false, pdu: None }
    }

    /// Answers one frame, given without its TPKT header, and says what was wrong with it.
    pub fn answer(
        &mut self,
        frame: &[u8],
        memory: &dyn Fn(u16) -> Option<Vec<u8>>,
    ) -> (Reply, Option<Violation>) {
        match frame {
            [_, 0xE0, _, _, from_high, from_low, _, parameters @ ..] if !self.connected => {
                self.connect([*from_high, *from_low], parameters)
            }
            [2, 0xF0, 0x80, pdu @ ..] if self.connected => self.job(pdu, memory),
            other => {
                let start = other.get(..other.len().min(12)).unwrap_or_default();
                (Reply::Last(Vec::new()), Some(Violation::Frame(format!("{start:02X?}…"))))
            }
        }
    }

    fn connect(&mut self, from: [u8; 2], parameters: &[u8]) -> (Reply, Option<Violation>) {
        let called = parameter(parameters, 0xC2).unwrap_or_default();
        let place = self.cpu.place;
        if !matches!(called, [ty, at] if CONNECTION_TYPES.contains(ty) && *at == place) {
            let refused = [6, 0x80, from[0], from[1], 0, 0, 0x03];
            let violation = Violation::Tsap { called: called.to_vec(), place };
            return (Reply::Last(tpkt(&refused)), Some(violation));
        }
        self.connected = true;
        let mut confirm = vec![0, 0xD0, from[0], from[1], 0, 1, 0, 0xC0, 1, 0x0A];
        for code in [0xC1, 0xC2] {
            let tsap = parameter(parameters, code).unwrap_or_default();
            confirm.extend([code, tsap.len().to_be_bytes().last().copied().unwrap_or(0)]);
            confirm.extend(tsap);
        }
        let length = u8::try_from(confirm.len() - 1).unwrap_or(u8::MAX);
        if let Some(first) = confirm.first_mut() {
            *first = length;
        }
        (Reply::Send(tpkt(&confirm)), None)
    }

    fn job(&mut self, pdu: &[u8], memory: &dyn Fn(u16) -> Option<Vec<u8>>) -> (Reply, Option<Violation>) {
        let [0x32, rosctr, 0, 0, ref_high, ref_low, p_high, p_low, d_high, d_low, rest @ ..] = pdu else {
            return (Reply::Last(Vec::new()), Some(Violation::Frame("not an S7 message".into())));
        };
        let reference = [*ref_high, *ref_low];
        let refuse = |error, violation| (Reply::Send(ack(2, reference, error, &[], &[])), Some(violation));
        if *rosctr != 1 {
            return refuse(NO_SUCH_SERVICE, Violation::Message(*rosctr));
        }
        let lengths = [[*p_high, *p_low], [*d_high, *d_low]].map(|l| usize::from(u16::from_be_bytes(l)));
        if lengths.iter().sum::<usize>() != rest.len() {
            return (Reply::Last(Vec::new()), Some(Violation::Frame("lengths that do not add up".into())));
        }
        let parameters = rest.get(..lengths[0]).unwrap_or_default();
        match (parameters, self.pdu) {
            ([SETUP, 0, _, _, _, _, high, low], _) => {
                let agreed = u16::from_be_bytes([*high, *low]).min(self.cpu.pdu_max);
                self.pdu = Some(agreed.into());
                let [high, low] = agreed.to_be_bytes();
                (Reply::Send(ack(3, reference, [0, 0], &[SETUP, 0, 0, 1, 0, 1, high, low], &[])), None)
            }
            ([function, ..], _) if *function != READ => {
                refuse(NO_SUCH_SERVICE, Violation::Function(*function))
            }
            (_, None) => refuse(NO_SUCH_SERVICE, Violation::BeforeSetup),
            (_, Some(agreed)) if REQUEST_HEAD + rest.len() > agreed => {
                let bytes = REQUEST_HEAD + rest.len();
                refuse(WRONG_SIZE, Violation::RequestBudget { bytes, pdu: agreed })
            }
            (parameters, Some(agreed)) => match read(parameters, agreed, memory) {
                Ok((count, data)) => (Reply::Send(ack(3, reference, [0, 0], &[READ, count], &data)), None),
                Err(violation) => refuse(WRONG_SIZE, violation),
            },
        }
    }
}

/// The value of a COTP parameter.
fn parameter(mut bytes: &[u8], wanted: u8) -> Option<&[u8]> {
    while let [code, length, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*length))?;
        if *code == wanted {
            return Some(value);
        }
        bytes = rest.get(usize::from(*length)..)?;
    }
    None
}

fn ack(rosctr: u8, reference: [u8; 2], error: [u8; 2], parameters: &[u8], data: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
    let ([p_high, p_low], [d_high, d_low]) = (length(parameters), length(data));
    let [ref_high, ref_low] = reference;
    let head = [
        2, 0xF0, 0x80, 0x32, rosctr, 0, 0, ref_high, ref_low, p_high, p_low, d_high, d_low, error[0],
        error[1],
    ];
    tpkt(&[&head, parameters, data].concat())
}

fn tpkt(body: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(body.len() + 4).unwrap_or(u16::MAX).to_be_bytes();
    [&[3, 0, high, low], body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_to_another_slot_is_refused() {
        for called in [[2, 2], [9, 1], [2, 0x21]] {
            let mut session = Session::new(Cpu::default());
            let (reply, violation) = session.answer(&hello(called), &memory);
            assert!(matches!(reply, Reply::Last(frame) if frame[5] == 0x80));
            assert_eq!(violation, Some(Violation::Tsap { called: called.to_vec(), place: 1 }));
        }
        for kind in CONNECTION_TYPES {
            let (reply, violation) = Session::new(Cpu::default()).answer(&hello([kind, 1]), &memory);
            assert!(matches!(reply, Reply::Send(frame) if frame[5] == 0xD0) && violation.is_none());
        }
    }

    #[test]
    fn the_smaller_pdu_is_agreed() {
        for (asked, most, agreed) in [(960, 480, 480), (240, 960, 240), (960, 960, 960)] {
            let mut session = Session::new(Cpu { pdu_max: most, ..Cpu::default() });
            session.answer(&hello([2, 1]), &memory);
            let Reply::Send(frame) = session.answer(&setup(asked), &memory).0 else { panic!() };
            assert_eq!(frame[frame.len() - 2..], u16::to_be_bytes(agreed));
        }
    }

    #[test]
    fn an_answer_may_fill_the_pdu_and_not_exceed_it() {
        let mut session = connected(240);
        // 14 bytes before the items, 4 before the bytes of each.
        let (reply, violation) = session.answer(&read_of(&[(10, 0, 222)]), &memory);
        assert!(matches!(reply, Reply::Send(frame) if frame.len() == 7 + 240) && violation.is_none());
        let (reply, violation) = session.answer(&read_of(&[(10, 0, 223)]), &memory);
        assert_eq!(violation, Some(Violation::AnswerBudget { bytes: 241, pdu: 240 }));
        assert_eq!(error(&reply), WRONG_SIZE);
        // An odd item is padded where another follows, and counts so.
        let (_, violation) = session.answer(&read_of(&[(10, 0, 109), (10, 0, 109)]), &memory);
        assert_eq!(violation, Some(Violation::AnswerBudget { bytes: 14 + 114 + 113, pdu: 240 }));
        assert_eq!(session.answer(&read_of(&[(10, 0, 109), (10, 0, 108)]), &memory).1, None);
    }

    #[test]
    fn a_request_may_fill_the_pdu_and_not_exceed_it() {
        let mut session = connected(240);
        assert_eq!(session.answer(&read_of(&[(10, 0, 1); 19]), &memory).1, None);
        let (reply, violation) = session.answer(&read_of(&[(10, 0, 1); 20]), &memory);
        assert_eq!(violation, Some(Violation::RequestBudget { bytes: 252, pdu: 240 }));
        assert_eq!(error(&reply), WRONG_SIZE);
    }

    #[test]
    fn twenty_items_are_read_and_twenty_one_are_not() {
        let mut session = connected(960);
        assert_eq!(session.answer(&read_of(&[(10, 0, 1); 20]), &memory).1, None);
        let (_, violation) = session.answer(&read_of(&[(10, 0, 1); 21]), &memory);
        assert_eq!(violation, Some(Violation::Items(21)));
    }

    #[test]
    fn one_bad_item_does_not_spoil_the_others() {
        let mut session = connected(480);
        let (reply, violation) = session.answer(&read_of(&[(10, 3, 2), (11, 0, 2), (10, 255, 2)]), &memory);
        assert_eq!(violation, None);
        let Reply::Send(frame) = reply else { panic!("{reply:?}") };
        assert_eq!(frame[21..], [0xFF, 4, 0, 16, 3, 4, 0x0A, 0, 0, 0, 0x05, 0, 0, 0]);
    }

    #[test]
    fn a_bit_and_a_real_count_their_length_in_their_own_way() {
        let mut session = connected(480);
        let mut frame = read_of(&[(10, 6, 1), (10, 8, 1)]);
        (frame[18], frame[30]) = (1, 8);
        frame[26] = 6 * 8 + 1;
        let (Reply::Send(answer), None) = session.answer(&frame, &memory) else { panic!() };
        assert_eq!(answer[21..], [0xFF, 3, 0, 1, 1, 0, 0xFF, 7, 0, 4, 8, 9, 10, 11]);
    }

    #[test]
    fn everything_but_setup_and_read_is_a_violation() {
        let mut session = connected(480);
        for function in [0x05, 0x1A, 0x1D, 0x28, 0x29, 0x00, 0xFF] {
            let (reply, violation) = session.answer(&job(1, &[function, 0]), &memory);
            assert_eq!(violation, Some(Violation::Function(function)));
            assert_eq!(error(&reply), NO_SUCH_SERVICE);
        }
        assert_eq!(session.answer(&job(7, &[0, 1, 0x12]), &memory).1, Some(Violation::Message(7)));
        let mut early = Session::new(Cpu::default());
        early.answer(&hello([2, 1]), &memory);
        assert_eq!(early.answer(&read_of(&[(10, 0, 1)]), &memory).1, Some(Violation::BeforeSetup));
    }

    #[test]
    fn noise_never_panics() {
        for seed in 0..2000 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut session = connected(480);
            let mut frame = read_of(&[(10, 0, 4), (10, 9, 1)]);
            for _ in 0..random.usize(1..6) {
                let at = random.usize(0..frame.len());
                frame[at] = random.u8(..);
            }
            frame.truncate(random.usize(0..=frame.len()));
            session.answer(&frame, &memory);
        }
    }

    fn memory(block: u16) -> Option<Vec<u8>> {
        (block == 10).then(|| (0..=255).collect())
    }

    fn hello([kind, place]: [u8; 2]) -> Vec<u8> {
        vec![17, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 10, 0xC1, 2, 1, 0, 0xC2, 2, kind, place]
    }

    fn setup(pdu: u16) -> Vec<u8> {
        let [high, low] = pdu.to_be_bytes();
        job(1, &[SETUP, 0, 0, 1, 0, 1, high, low])
    }

    fn connected(pdu: u16) -> Session {
        let mut session = Session::new(Cpu { pdu_max: pdu, ..Cpu::default() });
        session.answer(&hello([2, 1]), &memory);
        session.answer(&setup(pdu), &memory);
        session
    }

    fn job(rosctr: u8, parameters: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(parameters.len()).unwrap().to_be_bytes();
        [&[2, 0xF0, 0x80, 0x32, rosctr, 0, 0, 0, 9, high, low, 0, 0], parameters].concat()
    }

    /// Reads of bytes: block, first byte, count.
    fn read_of(items: &[(u16, u32, u16)]) -> Vec<u8> {
        let mut parameters = vec![READ, u8::try_from(items.len()).unwrap()];
        for (block, first, count) in items {
            parameters.extend([0x12, 0x0A, 0x10, 2]);
            parameters.extend(count.to_be_bytes());
            parameters.extend(block.to_be_bytes());
            parameters.push(0x84);
            parameters.extend(&(first * 8).to_be_bytes()[1..]);
        }
        job(1, &parameters)
    }

    fn error(reply: &Reply) -> [u8; 2] {
        let Reply::Send(frame) = reply else { panic!("{reply:?}") };
        assert_eq!(frame[8], 2, "an error is an acknowledgement without data");
        [frame[17], frame[18]]
    }
}
