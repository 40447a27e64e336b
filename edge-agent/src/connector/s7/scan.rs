//! What to read next, and what the answers mean for the tags: the memory that outlives a connection.
//!
//! A scan asks every request of the plan once, beginning with the one that failed last, and ends in one batch of
//! readings. A request during which the connection is lost twice in a row is broken up into its blocks for a
//! while. A block that goes on losing the connection is a *suspect*: its tags are Bad, it is left out of the
//! scans, and it is tried alone after them: at once, then ever more rarely. While every request is a suspect the
//! PLC itself is, and none is left out. A block that the PLC refuses is cut in two and read
//! again, until only the tags that are to blame stand alone; a DB that does not exist is to blame as a whole.
//!
//! Here: pure state, time is an argument. Not here: bytes (`codec`), sockets (`link`).
//! Invariant: a batch holds each of its tags once, as this scan's answer gave it, or with the reason why not
//! (I9); a block that kills its connection never keeps the others from being read.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    address::{Address, Area},
    codec::{Answer, Items},
    plan::{Block, Planner, Request},
    reason,
};
use crate::connector::{Raw, Reading};

/// So many losses in a row, and a request is a suspect.
const DEATHS_MAX: u32 = 2;
/// How long a suspect rests after its first failed trial, and at most: each trial may cost the connection. A
/// broken request stays so as long.
const REST_MIN: Duration = Duration::from_secs(5);
const REST_MAX: Duration = Duration::from_secs(300);
/// The item code for a block that does not exist.
const NO_SUCH_OBJECT: u8 = 0x0A;

/// Reads the tags of one PLC, round after round.
#[derive(Debug)]
pub(super) struct Scanner {
    plc: String,
    tags: Vec<Address>,
    merge: bool,
    pdu: u16,
    cuts: BTreeSet<usize>,
    /// The plan for `pdu` and `cuts`; empty when it must be made anew.
    turns: Vec<Turn>,
    /// How often a request was broken up.
    breaks: u32,
    /// When the requests that were broken up may be tried whole again.
    mend_at: Option<Instant>,
    /// The turn that the next scan begins with.
    first: usize,
    /// What is left to ask for the batch.
    queue: VecDeque<Asked>,
    open: Option<Asked>,
    batch: Batch,
}

/// A request of the plan, and how it fared.
#[derive(Debug)]
struct Turn {
    request: Arc<Request>,
    deaths: u32,
    rests_until: Instant,
    reason: String,
}

/// A request to be asked; `turn` is none for the halves of a block that was cut within this scan.
#[derive(Debug)]
struct Asked {
    turn: Option<usize>,
    request: Arc<Request>,
}

impl Scanner {
    /// Nothing is read yet. `plc` is what the sentences call it.
    pub(super) fn new(plc: &str, tags: Vec<Address>, merge: bool) -> Self {
        Self {
            plc: plc.to_owned(),
            tags,
            merge,
            pdu: 0,
            cuts: BTreeSet::new(),
            turns: Vec::new(),
            breaks: 0,
            mend_at: None,
            first: 0,
            queue: VecDeque::new(),
            open: None,
            batch: Batch::default(),
        }
    }

    /// A connection stands, with this PDU.
    pub(super) fn connected(&mut self, pdu: u16) {
        if self.pdu != pdu {
            self.pdu = pdu;
            self.turns.clear();
        }
    }

    /// Begins a scan.
    pub(super) fn begin(&mut self, now: Instant) {
        let may_mend = self.mend_at.is_some_and(|at| at <= now);
        if self.turns.is_empty() || may_mend && self.turns.iter().all(|turn| turn.deaths == 0) {
            self.plan(now);
        }
        self.batch = Batch::default();
        let all_suspect = self.turns.iter().all(Turn::is_suspect);
        let count = self.turns.len();
        let (head, tail) = self.turns.split_at(self.first.min(count));
        let in_order = tail.iter().chain(head).zip((self.first..count).chain(0..self.first));
        for (turn, index) in in_order {
            if turn.is_suspect() && !all_suspect {
                self.batch.suspect(&self.plc, turn);
            } else {
                self.queue.push_back(Asked { turn: Some(index), request: Arc::clone(&turn.request) });
            }
        }
    }

    /// The request to send now; `None` when the scan is over.
    pub(super) fn next(&mut self, now: Instant) -> Option<Arc<Request>> {
        if self.queue.is_empty() {
            self.try_a_suspect(now);
        }
        self.open = self.queue.pop_front();
        self.open.as_ref().map(|asked| Arc::clone(&asked.request))
    }

    /// Takes the answer to it; gives a batch when that is complete.
    pub(super) fn answered(&mut self, answer: Answer<Items>) -> Option<Vec<Reading>> {
        let asked = self.open.take()?;
        if let Some(turn) = asked.turn.and_then(|index| self.turns.get_mut(index)) {
            turn.deaths = 0;
        }
        match answer {
            Answer::Given(items) => {
                for (block, item) in asked.request.blocks.iter().zip(items) {
                    self.take(block, item);
                }
            }
            Answer::Refused { class, code } => {
                for block in &asked.request.blocks {
                    let reason = reason::header(&self.plc, block.span.area, class, code);
                    self.batch.refuse(block, &reason);
                }
            }
        }
        if !self.queue.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut self.batch).readings())
    }

    /// The connection is lost; whatever was asked counts as failed by it.
    pub(super) fn lost(&mut self, now: Instant, reason: &str) {
        self.queue.clear();
        let Some(index) = self.open.take().and_then(|asked| asked.turn) else { return };
        let count = self.turns.len();
        let Some(turn) = self.turns.get_mut(index) else { return };
        turn.deaths = turn.deaths.saturating_add(1);
        turn.reason = reason.to_owned();
        turn.rests_until = now + doubled(turn.deaths.checked_sub(DEATHS_MAX + 1));
        let suspect = turn.is_suspect();
        self.first = if suspect { (index + 1) % count } else { index };
        if suspect && turn.request.blocks.len() > 1 {
            self.break_up(index, now);
        }
    }

    /// One block may be to blame: each stands for itself, and becomes a suspect at the next loss.
    fn break_up(&mut self, index: usize, now: Instant) {
        let Some(whole) = self.turns.get(index) else { return };
        let piece = |block: &Block| Turn {
            request: Arc::new(Request { blocks: vec![block.clone()] }),
            deaths: DEATHS_MAX - 1,
            rests_until: now,
            reason: whole.reason.clone(),
        };
        let pieces: Vec<_> = whole.request.blocks.iter().map(piece).collect();
        self.turns.splice(index..=index, pieces);
        self.first = index;
        self.mend_at = Some(now + doubled(Some(self.breaks)));
        self.breaks = self.breaks.saturating_add(1);
    }

    fn plan(&mut self, now: Instant) {
        let chosen = (0..self.tags.len()).collect();
        let turn =
            |request| Turn { request: Arc::new(request), deaths: 0, rests_until: now, reason: String::new() };
        self.turns = self.planner().requests(chosen).into_iter().map(turn).collect();
        self.first = 0;
        self.mend_at = None;
    }

    fn planner(&self) -> Planner<'_> {
        Planner { tags: &self.tags, cuts: &self.cuts, pdu: self.pdu, merge: self.merge }
    }

    fn try_a_suspect(&mut self, now: Instant) {
        let due = |turn: &Turn| turn.is_suspect() && turn.rests_until <= now;
        if let Some((index, turn)) = self.turns.iter().enumerate().find(|(_, turn)| due(turn)) {
            self.queue.push_back(Asked { turn: Some(index), request: Arc::clone(&turn.request) });
        }
    }

    /// What the PLC said of one block.
    fn take(&mut self, block: &Block, item: Result<Vec<u8>, u8>) {
        let code = match item {
            Ok(bytes) => return self.batch.take(block, &bytes, &self.tags),
            Err(code) => code,
        };
        let whole_block_is_missing = code == NO_SUCH_OBJECT && matches!(block.span.area, Area::Db(_));
        match block.middle() {
            Some(middle) if !whole_block_is_missing => self.cut(block, middle),
            _ => {
                let last = block.span.start + u32::from(block.span.len).saturating_sub(1);
                let reason = reason::item(&self.plc, block.span.area, last, code);
                self.batch.refuse(block, &reason);
            }
        }
    }

    /// Reads both halves of the block within this scan, and apart from the next one on.
    fn cut(&mut self, block: &Block, middle: usize) {
        self.cuts.insert(middle);
        self.turns.clear();
        let chosen = block.parts.iter().map(|part| part.tag).collect();
        let requests = self.planner().requests(chosen);
        self.queue.extend(requests.into_iter().map(|r| Asked { turn: None, request: Arc::new(r) }));
    }
}

impl Turn {
    fn is_suspect(&self) -> bool {
        self.deaths >= DEATHS_MAX
    }
}

/// How long to wait after the n-th failure, from 0; not at all before it.
fn doubled(failures: Option<u32>) -> Duration {
    let after = |n| REST_MIN.saturating_mul(2_u32.saturating_pow(n)).min(REST_MAX);
    failures.map_or(Duration::ZERO, after)
}

/// The readings of one scan, as they come in.
#[derive(Debug, Default)]
struct Batch {
    values: BTreeMap<usize, Result<Raw, String>>,
    /// The bytes so far of tags larger than an answer.
    pieces: BTreeMap<usize, BTreeMap<usize, Vec<u8>>>,
}

impl Batch {
    fn take(&mut self, block: &Block, bytes: &[u8], tags: &[Address]) {
        for part in &block.parts {
            let Some(address) = tags.get(part.tag) else { continue };
            let Some(bytes) = bytes.get(part.from..part.from + part.len) else { continue };
            let whole_len = usize::from(address.kind.len_bytes());
            if part.len == whole_len {
                self.values.insert(part.tag, address.kind.decode(address.bit, bytes));
                continue;
            }
            let pieces = self.pieces.entry(part.tag).or_default();
            pieces.insert(part.at, bytes.to_vec());
            let whole: Vec<u8> = pieces.values().flatten().copied().collect();
            if whole.len() == whole_len {
                self.values.entry(part.tag).or_insert_with(|| address.kind.decode(address.bit, &whole));
            }
        }
    }

    fn refuse(&mut self, block: &Block, reason: &str) {
        for part in &block.parts {
            self.values.insert(part.tag, Err(reason.to_owned()));
        }
    }

    fn suspect(&mut self, plc: &str, turn: &Turn) {
        for block in &turn.request.blocks {
            let area = block.span.area;
            let reason = format!("PLC {plc}: reading {area} loses the connection: {}", turn.reason);
            self.refuse(block, &reason);
        }
    }

    fn readings(self) -> Vec<Reading> {
        self.values.into_iter().map(|(tag, value)| Reading { tag, value }).collect()
    }
}

#[cfg(test)]
mod tests;
