//! The ledger against a model of a few lines: random commits, peeks, settles and reopenings.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
enum Step {
    /// Entries by kind and size, and one state.
    Commit(Vec<(Kind, usize)>, u8, Option<u8>),
    /// Peek so many, settle those whose bit is set.
    Send(usize, u64),
    Reopen,
}

/// What the ledger should hold. A commit makes one chunk here: sizes are small.
#[derive(Default)]
struct Model {
    chunks: BTreeMap<u64, Vec<(u64, Entry)>>,
    settled: Vec<u64>,
    states: BTreeMap<String, Vec<u8>>,
    next: u64,
    delivered: u64,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_ledger_does_what_the_model_does(steps in prop::collection::vec(some_step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = open(dir.path(), Limits::default());
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Commit(entries, instance, state) => {
                    let commit = model.commit(&entries, instance, state);
                    ledger.commit(&commit).unwrap();
                }
                Step::Send(count, bits) => {
                    let peeked = ledger.peek(count, usize::MAX).unwrap();
                    prop_assert_eq!(&peeked, &model.waiting().into_iter().take(count).collect::<Vec<_>>());
                    let accepted = chosen(&peeked, bits);
                    ledger.settle(&accepted).unwrap();
                    model.settle(&accepted);
                }
                Step::Reopen => {
                    drop(ledger);
                    ledger = open(dir.path(), Limits::default());
                    model.forget_partly_settled();
                }
            }
            let counts = ledger.counts();
            prop_assert_eq!(counts.waiting.total(), model.waiting().len() as u64);
            prop_assert_eq!(counts.delivered.total(), model.delivered);
            prop_assert_eq!(counts.waiting_bytes == 0, model.waiting().is_empty());
        }
        prop_assert_eq!(ledger.peek(usize::MAX, usize::MAX).unwrap(), model.waiting());
        prop_assert_eq!(ledger.states().unwrap(), model.states.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(ledger.losses(), []);
    }

    #[test]
    fn at_the_limit_every_entry_is_waiting_delivered_or_in_a_loss(
        steps in prop::collection::vec(some_step(), 20..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let limits = Limits { waiting_bytes_max: 2_000, ..Limits::default() };
        let mut ledger = open(dir.path(), limits);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Commit(entries, instance, state) => {
                    ledger.commit(&model.commit(&entries, instance, state)).unwrap();
                }
                Step::Send(count, bits) => {
                    let peeked = ledger.peek(count, usize::MAX).unwrap();
                    // Whatever happens between peek and settle, what is in flight stays (I2).
                    let flood = Commit { entries: vec![entry(Kind::Transition, 7, 900); 3], ..Commit::default() };
                    ledger.commit(&flood).unwrap();
                    model.next += 3;
                    prop_assert_eq!(&ledger.peek(peeked.len(), usize::MAX).unwrap()[..peeked.len()], &peeked[..]);
                    ledger.settle(&chosen(&peeked, bits)).unwrap();
                }
                Step::Reopen => {
                    let before = ledger.losses();
                    drop(ledger);
                    ledger = open(dir.path(), limits);
                    prop_assert_eq!(ledger.losses(), before, "a loss is not forgotten (I8)");
                }
            }
        }
        // What is settled in a chunk that still holds others waits again.
        drop(ledger);
        let ledger = open(dir.path(), limits);
        let counts = ledger.counts();
        let lost = ledger.losses().iter().map(|l| l.count.unwrap()).sum::<u64>();
        prop_assert_eq!(counts.shed.total(), lost);
        prop_assert_eq!(counts.waiting.total() + counts.delivered.total() + lost, model.next);
        prop_assert_eq!(ledger.peek(usize::MAX, usize::MAX).unwrap().len() as u64, counts.waiting.total());
    }
}

impl Model {
    fn commit(&mut self, kinds: &[(Kind, usize)], instance: u8, state: Option<u8>) -> Commit {
        let entries =
            kinds.iter().zip(self.next..).map(|((k, size), n)| entry(*k, n, *size)).collect::<Vec<_>>();
        if !entries.is_empty() {
            self.chunks.insert(self.next, (self.next..).zip(entries.iter().cloned()).collect());
        }
        self.next += entries.len() as u64;
        let instance = format!("rule/{instance}");
        let state = state.map(|s| vec![s]);
        match &state {
            Some(state) => self.states.insert(instance.clone(), state.clone()),
            None => self.states.remove(&instance),
        };
        Commit { entries, states: vec![(instance, state)], ..Commit::default() }
    }

    fn waiting(&self) -> Vec<(u64, Entry)> {
        let all = self.chunks.values().flatten();
        all.filter(|(position, _)| !self.settled.contains(position)).cloned().collect()
    }

    fn settle(&mut self, positions: &[u64]) {
        self.settled.extend(positions);
        let Self { chunks, settled, delivered, .. } = self;
        for (_, chunk) in chunks.extract_if(.., |_, chunk| chunk.iter().all(|(p, _)| settled.contains(p))) {
            *delivered += chunk.len() as u64;
        }
    }

    /// They are sent again after a restart: chunks go as a whole.
    fn forget_partly_settled(&mut self) {
        self.settled.clear();
    }
}

fn chosen(peeked: &[(u64, Entry)], bits: u64) -> Vec<u64> {
    peeked.iter().enumerate().filter(|(i, _)| bits >> (i % 64) & 1 == 1).map(|(_, (p, _))| *p).collect()
}

fn entry(kind: Kind, n: u64, size: usize) -> Entry {
    Entry { kind, key: format!("m-{}", n % 3), json: format!("{n}{}", "x".repeat(size)).into_bytes() }
}

fn open(dir: &Path, limits: Limits) -> Ledger {
    Ledger::open(dir, limits).unwrap().0
}

fn some_step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![Kind::Transition, Kind::Event]);
    let entries = prop::collection::vec((kind, 0..60_usize), 0..6);
    prop_oneof![
        6 => (entries, 0..4_u8, any::<Option<u8>>()).prop_map(|(e, i, s)| Step::Commit(e, i, s)),
        4 => (1..12_usize, any::<u64>()).prop_map(|(count, bits)| Step::Send(count, bits)),
        1 => Just(Step::Reopen),
    ]
}
