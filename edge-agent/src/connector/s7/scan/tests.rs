//! The scanner against a PLC made of bytes, with a clock that is moved by hand.

use std::collections::BTreeMap;

use super::*;
use crate::connector::s7::Type;

/// A PLC whose blocks hold their own byte numbers, and that can be told to misbehave.
#[derive(Default)]
struct Plc {
    /// The length of each data block that exists.
    blocks: BTreeMap<u16, u32>,
    /// A request that touches this block loses the connection.
    poison: Option<u16>,
    requests: usize,
}

impl Plc {
    fn with(blocks: &[(u16, u32)]) -> Self {
        Self { blocks: blocks.iter().copied().collect(), ..Self::default() }
    }

    /// `None`: the connection is lost.
    fn answer(&mut self, request: &Request) -> Option<Answer<Items>> {
        self.requests += 1;
        let mut items = Items::new();
        for span in request.spans() {
            let Area::Db(number) = span.area else { panic!("{span:?}") };
            if self.poison == Some(number) {
                return None;
            }
            let end = span.start + u32::from(span.len);
            items.push(match self.blocks.get(&number) {
                None => Err(0x0A),
                Some(len) if end > *len => Err(0x05),
                Some(_) => Ok((span.start..end).map(|at| at as u8).collect()),
            });
        }
        Some(Answer::Given(items))
    }
}

/// One scan and what is tried after it; the flag tells whether the connection survived.
fn scan(scanner: &mut Scanner, plc: &mut Plc, now: Instant) -> (Vec<Vec<Reading>>, bool) {
    let mut batches = Vec::new();
    scanner.begin(now);
    while let Some(request) = scanner.next(now) {
        match plc.answer(&request) {
            Some(answer) => batches.extend(scanner.answered(answer)),
            None => {
                scanner.lost(now, "closed");
                return (batches, false);
            }
        }
    }
    (batches, true)
}

fn scanner(pdu: u16, tags: &[&str]) -> Scanner {
    let tags = tags.iter().map(|text| Address::parse(text, None).unwrap()).collect();
    let mut scanner = Scanner::new("plc", tags, true);
    scanner.connected(pdu);
    scanner
}

/// Good values as they are, bad ones by a word of their reason.
fn shown(batch: &[Reading]) -> Vec<String> {
    let words = ["does not exist", "shorter", "loses the connection", "PUT/GET"];
    let word =
        |reason: &String| words.into_iter().find(|word| reason.contains(word)).unwrap_or("?").to_owned();
    batch.iter().map(|r| r.value.as_ref().map_or_else(word, |value| format!("{value:?}"))).collect()
}

#[test]
fn a_scan_gives_every_tag_once_and_in_order() {
    let mut scanner = scanner(240, &["DB1.DBB7:BYTE", "DB2.DBW2:WORD", "DB1.DBX5.2", "DB1.DBB7:BYTE"]);
    let (batches, _) = scan(&mut scanner, &mut Plc::with(&[(1, 8), (2, 4)]), Instant::now());
    let [batch] = &batches[..] else { panic!("{batches:?}") };
    assert_eq!(shown(batch), ["UInt(7)", "UInt(515)", "Bool(true)", "UInt(7)"]);
    assert_eq!(batch.iter().map(|r| r.tag).collect::<Vec<_>>(), [0, 1, 2, 3]);
}

#[test]
fn one_tag_behind_the_end_of_its_block_spoils_no_other() {
    let texts: Vec<_> = (0..20).map(|n| format!("DB1.DBB{n}:BYTE")).collect();
    let mut scanner = scanner(240, &texts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut plc = Plc::with(&[(1, 18)]);
    for requests_max in [10, 1] {
        plc.requests = 0;
        let (batches, _) = scan(&mut scanner, &mut plc, Instant::now());
        let [batch] = &batches[..] else { panic!("{batches:?}") };
        let expected: Vec<_> =
            (0..20).map(|n| if n < 18 { format!("UInt({n})") } else { "shorter".into() }).collect();
        assert_eq!(shown(batch), expected);
        assert!(plc.requests <= requests_max, "{} requests", plc.requests);
    }
    assert!(batch_reason(&mut scanner, &mut plc, 19).contains("DB1 is shorter than byte 19"));
}

fn batch_reason(scanner: &mut Scanner, plc: &mut Plc, tag: usize) -> String {
    scan(scanner, plc, Instant::now()).0[0][tag].value.clone().unwrap_err()
}

#[test]
fn a_missing_block_is_asked_for_once_and_heals_by_itself() {
    let mut scanner = scanner(240, &["DB1.DBB0:BYTE", "DB9.DBB1:BYTE", "DB9.DBB2:BYTE"]);
    let mut plc = Plc::with(&[(1, 8)]);
    let (batches, _) = scan(&mut scanner, &mut plc, Instant::now());
    assert_eq!(shown(&batches[0]), ["UInt(0)", "does not exist", "does not exist"]);
    assert_eq!(plc.requests, 1);
    plc.blocks.insert(9, 8);
    let (batches, _) = scan(&mut scanner, &mut plc, Instant::now());
    assert_eq!(shown(&batches[0]), ["UInt(0)", "UInt(1)", "UInt(2)"]);
}

#[test]
fn a_refused_request_makes_only_its_own_tags_bad() {
    let mut scanner = scanner(PDU_OF_ONE_ITEM, &["DB1.DBB0:BYTE", "DB2.DBB0:BYTE"]);
    scanner.begin(Instant::now());
    scanner.next(Instant::now()).unwrap();
    assert_eq!(scanner.answered(Answer::Refused { class: 0x81, code: 4 }), None);
    scanner.next(Instant::now()).unwrap();
    let batch = scanner.answered(Answer::Given(vec![Ok(vec![42])])).unwrap();
    assert_eq!(shown(&batch), ["PUT/GET", "UInt(42)"]);
}

#[test]
fn a_text_larger_than_an_answer_is_put_together_from_wherever_the_scan_begins() {
    let memory: Vec<u8> = [254, 200].into_iter().chain(b'A'..=b'Z').cycle().take(256).collect();
    let mut scanner = scanner(240, &["DB1.DBB0:STRING[254]"]);
    let text = Type::String(254).decode(0, &memory).unwrap();
    for lose_second in [false, true, false] {
        scanner.begin(Instant::now());
        let mut batch = None;
        while let Some(request) = scanner.next(Instant::now()) {
            let span = request.spans()[0];
            if lose_second && span.start > 0 {
                scanner.lost(Instant::now(), "closed");
                break;
            }
            let bytes = memory[span.start as usize..][..span.len.into()].to_vec();
            batch = scanner.answered(Answer::Given(vec![Ok(bytes)])).or(batch);
        }
        let values = batch.map(|batch| batch.into_iter().map(|r| r.value).collect::<Vec<_>>());
        assert_eq!(values, (!lose_second).then(|| vec![Ok(text.clone())]));
    }
    assert_eq!(scanner.first, 1, "the last scan began with the piece that was lost");
}

/// Three requests when the PDU holds one item, of which the second touches DB2.
const THREE: [&str; 3] = ["DB1.DBB0:BYTE", "DB2.DBB0:BYTE", "DB3.DBB0:BYTE"];
const PDU_OF_ONE_ITEM: u16 = 24;

#[test]
fn after_a_loss_the_next_scan_begins_with_what_failed() {
    let mut scanner = scanner(PDU_OF_ONE_ITEM, &THREE);
    let mut plc = Plc { poison: Some(2), ..Plc::with(&[(1, 64), (2, 64), (3, 64)]) };
    assert!(!scan(&mut scanner, &mut plc, Instant::now()).1);
    scanner.connected(PDU_OF_ONE_ITEM);
    scanner.begin(Instant::now());
    assert_eq!(scanner.next(Instant::now()).unwrap().spans()[0].area, Area::Db(2));
}

#[test]
fn a_request_that_kills_twice_is_bad_and_tried_last_and_ever_more_rarely() {
    let mut scanner = scanner(PDU_OF_ONE_ITEM, &THREE);
    let mut plc = Plc { poison: Some(2), ..Plc::with(&[(1, 64), (2, 64), (3, 64)]) };
    let start = Instant::now();
    for _ in 0..2 {
        assert_eq!(scan(&mut scanner, &mut plc, start), (vec![], false));
    }
    // The others are read first, then it is tried once more.
    let (batches, survived) = scan(&mut scanner, &mut plc, start);
    assert!(!survived);
    assert!(batches.len() == 1 && shown(&batches[0])[1] == "loses the connection", "{batches:?}");
    assert_eq!(batches[0].iter().filter(|r| r.value.is_ok()).count(), 2);
    // It rests for 5 s, then is tried again, then rests for 10 s.
    for (after_s, survives) in [(4, true), (6, false), (15, true), (17, false)] {
        let (batches, survived) = scan(&mut scanner, &mut plc, start + Duration::from_secs(after_s));
        assert_eq!((batches.len(), survived), (1, survives), "after {after_s} s");
    }
}

#[test]
fn a_suspect_that_answers_is_read_again_at_once() {
    let mut scanner = scanner(PDU_OF_ONE_ITEM, &THREE);
    let mut plc = Plc { poison: Some(2), ..Plc::with(&[(1, 64), (2, 64), (3, 64)]) };
    for _ in 0..2 {
        scan(&mut scanner, &mut plc, Instant::now());
    }
    plc.poison = None;
    let (batches, survived) = scan(&mut scanner, &mut plc, Instant::now());
    assert!(survived && batches.len() == 2, "{batches:?}");
    assert_eq!(batches[1].iter().map(|r| (r.tag, r.value.is_ok())).collect::<Vec<_>>(), [(1, true)]);
    let (batches, _) = scan(&mut scanner, &mut plc, Instant::now());
    assert!(batches[0].iter().all(|r| r.value.is_ok()));
}

#[test]
fn when_every_request_kills_none_is_left_out() {
    let mut scanner = scanner(240, &["DB2.DBB0:BYTE"]);
    let mut plc = Plc { poison: Some(2), ..Plc::with(&[(2, 64)]) };
    for _ in 0..5 {
        assert_eq!(scan(&mut scanner, &mut plc, Instant::now()), (vec![], false));
    }
    plc.poison = None;
    let (batches, _) = scan(&mut scanner, &mut plc, Instant::now());
    assert_eq!(shown(&batches[0]), ["UInt(0)"]);
}

#[test]
fn one_poisonous_block_does_not_starve_the_others_of_its_request() {
    let mut scanner = scanner(240, &THREE);
    let mut plc = Plc { poison: Some(2), ..Plc::with(&[(1, 64), (2, 64), (3, 64)]) };
    let start = Instant::now();
    // Twice as a whole; then the blocks in order, until the second kills alone.
    for _ in 0..3 {
        assert_eq!(scan(&mut scanner, &mut plc, start), (vec![], false));
    }
    let (batches, _) = scan(&mut scanner, &mut plc, start);
    assert_eq!(shown(&batches[0]), ["UInt(0)", "loses the connection", "UInt(0)"]);
}

#[test]
fn a_request_that_was_broken_up_is_whole_again_after_a_while() {
    let mut scanner = scanner(240, &THREE);
    let mut plc = Plc { poison: Some(2), ..Plc::with(&[(1, 64), (2, 64), (3, 64)]) };
    let start = Instant::now();
    for _ in 0..2 {
        scan(&mut scanner, &mut plc, start);
    }
    plc.poison = None;
    for (after_s, requests) in [(0, 3), (4, 3), (6, 1)] {
        plc.requests = 0;
        let (batches, _) = scan(&mut scanner, &mut plc, start + Duration::from_secs(after_s));
        assert_eq!(shown(&batches[0]), ["UInt(0)"; 3]);
        assert_eq!(plc.requests, requests, "after {after_s} s");
    }
}
