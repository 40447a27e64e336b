//! The codec against captured bytes, against a second decoder, and against noise.

use proptest::prelude::*;

use super::*;

const DB1: Span = Span { area: Area::Db(1), start: 4, len: 4 };

/// An answer as a CPU frames it.
fn answer(reference: u16, parameter: &[u8], data: &[u8]) -> Vec<u8> {
    let mut cotp = vec![2, 0xF0, 0x80, 0x32, 3, 0, 0];
    cotp.extend(reference.to_be_bytes());
    cotp.extend(length(parameter.len()));
    cotp.extend(length(data.len()));
    cotp.extend([0, 0]);
    cotp.extend(parameter);
    cotp.extend(data);
    frame(&cotp)
}

fn read(frame: &[u8], lens: &[u16]) -> Result<Answer<Items>, Malformed> {
    read_answer(frame, 7, lens)
}

/// What a server reads out of a read request: reference and spans.
fn taken_apart(frame: &[u8]) -> (u16, Vec<Span>) {
    assert_eq!(frame_len(frame), Ok(Some(frame.len())));
    assert_eq!(frame[4..9], [2, 0xF0, 0x80, 0x32, 1]);
    assert_eq!(usize::from(u16::from_be_bytes([frame[13], frame[14]])), frame.len() - 17);
    assert_eq!((frame[17], usize::from(frame[18])), (4, (frame.len() - 19) / 12));
    let span = |item: &[u8]| {
        let count = u16::from_be_bytes([item[4], item[5]]);
        let at = u32::from_be_bytes([0, item[9], item[10], item[11]]);
        let (area, start, len) = match (item[3], item[8]) {
            (2, 0x84) => (Area::Db(u16::from_be_bytes([item[6], item[7]])), at / 8, count),
            (2, 0x81) => (Area::Input, at / 8, count),
            (2, 0x82) => (Area::Output, at / 8, count),
            (2, 0x83) => (Area::Marker, at / 8, count),
            (0x1D, 0x1D) => (Area::Timer, at * 2, count * 2),
            (0x1C, 0x1C) => (Area::Counter, at * 2, count * 2),
            other => panic!("unit and area {other:02X?}"),
        };
        Span { area, start, len }
    };
    (u16::from_be_bytes([frame[11], frame[12]]), frame[19..].chunks(12).map(span).collect())
}

#[test]
fn requests_are_the_bytes_of_the_field() {
    let connect = connect_request(Selectors { local: 0x0100, remote: 0x0201 });
    let expected = [3, 0, 0, 22, 0x11, 0xE0, 0, 0, 0, 1, 0, 0xC0, 1, 0x0A, 0xC1, 2, 1, 0, 0xC2, 2, 2, 1];
    assert_eq!(connect, expected);
    let setup =
        [3, 0, 0, 25, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0x12, 0x34, 0, 8, 0, 0, 0xF0, 0, 0, 1, 0, 1, 3, 0xC0];
    assert_eq!(setup_request(0x1234), setup);
    let read = [
        3, 0, 0, 31, 2, 0xF0, 0x80, 0x32, 1, 0, 0, 0, 7, 0, 14, 0, 0, 4, 1, 0x12, 0x0A, 0x10, 2, 0, 4, 0, 1,
        0x84, 0, 0, 32,
    ];
    assert_eq!(read_request(7, &[DB1]), read);
}

#[test]
fn captured_answers_of_libsnap7_are_understood() {
    let confirm = [3, 0, 0, 22, 0x11, 0xD0, 0, 1, 0, 1, 0, 0xC0, 1, 0x0A, 0xC1, 2, 1, 0, 0xC2, 2, 2, 1];
    assert_eq!(connect_confirm(&confirm), Ok(Answer::Given(())));
    let setup =
        [3, 0, 0, 27, 2, 0xF0, 0x80, 0x32, 3, 0, 0, 0, 7, 0, 8, 0, 0, 0, 0, 0xF0, 0, 0, 1, 0, 1, 1, 0xE0];
    assert_eq!(setup_answer(&setup, 7), Ok(Answer::Given(480)));
    // Two items: a REAL, and a block that does not exist (length 4 and no data behind it).
    let data = [0xFF, 4, 0, 32, 0x41, 0x57, 0x33, 0x33, 0x0A, 0, 0, 4];
    let items = vec![Ok(vec![0x41, 0x57, 0x33, 0x33]), Err(0x0A)];
    assert_eq!(read(&answer(7, &[4, 2], &data), &[4, 2]), Ok(Answer::Given(items)));
}

#[test]
fn a_refusal_counts_before_its_reference() {
    let refusal = [3, 0, 0, 19, 2, 0xF0, 0x80, 0x32, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0x81, 0x04];
    assert_eq!(read(&refusal, &[4]), Ok(Answer::Refused { class: 0x81, code: 4 }));
    assert_eq!(setup_answer(&refusal, 7), Ok(Answer::Refused { class: 0x81, code: 4 }));
    let cotp = [3, 0, 0, 11, 6, 0x80, 0, 1, 0, 0, 3];
    assert_eq!(connect_confirm(&cotp), Ok(Answer::Refused { class: 0, code: 3 }));
}

#[test]
fn the_answer_to_another_request_is_no_answer() {
    let late = answer(6, &[4, 1], &[0xFF, 4, 0, 32, 1, 2, 3, 4]);
    assert_eq!(read(&late, &[4]), Err(Malformed::Reference { asked: 7, found: 6 }));
    let setup = answer(7, &[0xF0, 0, 0, 1, 0, 1, 1, 0xE0], &[]);
    assert_eq!(read(&setup, &[4]), Err(Malformed::Function { asked: 4, found: 0xF0 }));
}

#[test]
fn counts_and_lengths_must_be_those_that_were_asked_for() {
    let one = |data: &[u8]| answer(7, &[4, 1], data);
    let right = one(&[0xFF, 4, 0, 32, 1, 2, 3, 4]);
    assert!(matches!(read(&right, &[4]), Ok(Answer::Given(_))));
    assert_eq!(read(&right, &[4, 4]), Err(Malformed::ItemCount { asked: 2, found: 1 }));
    let length = Malformed::ItemLength { index: 0, asked: 2, found: 4 };
    assert_eq!(read(&right, &[2]), Err(length));
    assert_eq!(read(&one(&[0xFF, 4, 0, 32, 1, 2, 3]), &[4]), Err(Malformed::Short("item")));
    assert_eq!(read(&one(&[0xFF, 4, 0, 32, 1, 2, 3, 4, 5]), &[4]), Err(Malformed::Rest(1)));
    assert_eq!(read(&one(&[0xFF, 8, 0, 4, 1, 2, 3, 4]), &[4]), Err(Malformed::Unit { index: 0, unit: 8 }));
    let mut longer = right;
    longer[16] += 1;
    assert_eq!(read(&longer, &[4]), Err(Malformed::Lengths { announced: 11, found: 10 }));
}

#[test]
fn units_3_to_5_count_bits_and_6_7_and_9_bytes() {
    for (unit, length) in [(3, 1), (4, 8), (5, 8), (6, 1), (7, 1), (9, 1)] {
        let frame = answer(7, &[4, 1], &[0xFF, unit, 0, length, 42]);
        assert_eq!(read(&frame, &[1]), Ok(Answer::Given(vec![Ok(vec![42])])), "unit {unit}");
    }
}

#[test]
fn an_odd_item_is_padded_unless_it_is_the_last() {
    let data = [0xFF, 4, 0, 8, 1, 0, 0xFF, 4, 0, 8, 2];
    let items = Answer::Given(vec![Ok(vec![1]), Ok(vec![2])]);
    assert_eq!(read(&answer(7, &[4, 2], &data), &[1, 1]), Ok(items.clone()));
    let padded = [&data[..], &[0]].concat();
    assert_eq!(read(&answer(7, &[4, 2], &padded), &[1, 1]), Ok(items));
}

#[test]
fn a_frame_of_an_impossible_length_is_refused_at_its_head() {
    assert_eq!(frame_len(&[3, 0, 0]), Ok(None));
    assert_eq!(frame_len(&[3, 0, 0, 0]), Err(Malformed::FrameLength(0)));
    assert_eq!(frame_len(&[3, 0, 0xFF, 0xFF]), Err(Malformed::FrameLength(0xFFFF)));
    assert_eq!(frame_len(b"HTTP"), Err(Malformed::Version(b'H')));
}

#[test]
fn a_pdu_that_holds_nothing_is_refused_and_a_larger_one_is_not_used() {
    let setup = |pdu: [u8; 2]| answer(7, &[0xF0, 0, 0, 1, 0, 1, pdu[0], pdu[1]], &[]);
    assert_eq!(setup_answer(&setup([0, 0]), 7), Err(Malformed::Pdu(0)));
    assert_eq!(setup_answer(&setup([0xFF, 0xFF]), 7), Ok(Answer::Given(PDU_MAX)));
}

fn area() -> impl Strategy<Value = Area> {
    prop_oneof![
        any::<u16>().prop_map(Area::Db),
        Just(Area::Input),
        Just(Area::Output),
        Just(Area::Marker),
        Just(Area::Timer),
        Just(Area::Counter),
    ]
}

proptest! {
    #[test]
    fn noise_never_panics(bytes: Vec<u8>, lens: Vec<u16>) {
        frame_len(&bytes).ok();
        connect_confirm(&bytes).ok();
        setup_answer(&bytes, 7).ok();
        read(&bytes, &lens).ok();
    }

    #[test]
    fn a_damaged_answer_is_refused_or_has_the_lengths_that_were_asked_for(at in 0..33_usize, byte: u8, cut in 0..33_usize) {
        let data = [0xFF, 4, 0, 32, 1, 2, 3, 4, 0xFF, 9, 0, 2, 5, 6];
        let mut frame = answer(7, &[4, 2], &data);
        let end = frame.len() - cut.min(frame.len());
        frame[at] = byte;
        if let Ok(Answer::Given(items)) = read(&frame[..end], &[4, 2]) {
            let lens: Vec<_> = items.iter().flatten().map(Vec::len).collect();
            prop_assert!(items.len() == 2 && lens.iter().all(|len| *len == 4 || *len == 2));
        }
    }

    #[test]
    fn a_server_reads_the_spans_that_were_asked_for(
        reference: u16,
        spans in prop::collection::vec((area(), 0..32_000_u32, 1..100_u16), 1..20),
    ) {
        // Timers and counters come in twos.
        let even = |(area, start, len)| Span { area, start: start * 2, len: len * 2 };
        let spans: Vec<_> = spans.into_iter().map(even).collect();
        prop_assert_eq!(taken_apart(&read_request(reference, &spans)), (reference, spans));
    }
}
