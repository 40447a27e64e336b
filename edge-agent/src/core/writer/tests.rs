//! The writer on a ledger whose disk is full when a test says so.

use super::*;
use crate::outbox::{Kind, Limits};

#[tokio::test(start_paused = true)]
async fn what_finds_the_disk_full_keeps_its_place_and_is_written_when_there_is_room() {
    let (mut writer, _folder) = writer();
    fill(&writer, true);
    writer.entry(entry("1"));
    write(&mut writer).await;
    assert!(writer.is_full() && waiting(&writer).is_empty());
    writer.entry(entry("2"));
    writer.start_if_due();
    assert!(writer.running.is_none(), "it is not tried again at once");
    tokio::time::advance(FULL_PAUSE).await;
    write(&mut writer).await;
    writer.entry(entry("3"));
    fill(&writer, false);
    tokio::time::advance(FULL_PAUSE).await;
    write(&mut writer).await;
    assert_eq!((waiting(&writer), writer.is_full()), (vec!["1".into(), "2".into(), "3".into()], false));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_woken_by_what_was_not_written() {
    let (mut writer, _folder) = writer();
    let wake = Arc::clone(&writer.wake);
    fill(&writer, true);
    writer.entry(entry("1"));
    write(&mut writer).await;
    let woken = tokio::time::timeout(Duration::from_millis(1), wake.notified()).await;
    assert!(woken.is_err());
    fill(&writer, false);
    tokio::time::advance(FULL_PAUSE).await;
    write(&mut writer).await;
    wake.notified().await;
}

#[tokio::test(start_paused = true)]
async fn while_the_disk_is_full_what_waits_is_bounded_and_the_last_value_wins() {
    let (mut writer, _folder) = writer();
    fill(&writer, true);
    for n in 0..50_u8 {
        writer.states([("rule@machine".into(), vec![n])]);
        writer.note(("cursor".into(), vec![n]));
        write(&mut writer).await;
        tokio::time::advance(FULL_PAUSE).await;
    }
    assert_eq!((writer.pending.states.len(), writer.pending.notes.len()), (1, 1));
    assert!(writer.has_room());
    (0..PENDING_MAX).for_each(|n| writer.entry(entry(&n.to_string())));
    assert!(!writer.has_room(), "whoever reads has to wait");
    fill(&writer, false);
    write(&mut writer).await;
    assert!(writer.has_room());
    assert_eq!(writer.ledger.note("cursor").unwrap(), Some(vec![49]));
    assert_eq!(writer.ledger.states().unwrap(), [("rule@machine".to_owned(), vec![49])]);
}

#[tokio::test(start_paused = true)]
async fn a_last_commit_that_finds_no_room_says_so() {
    let (mut writer, _folder) = writer();
    fill(&writer, true);
    writer.entry(entry("1"));
    writer.start_if_due();
    writer.finish().await.unwrap();
    assert!(matches!(writer.close().await, Err(LedgerError::Full { .. })));
}

impl Writer {
    /// Whether a commit runs.
    pub(in crate::core) fn is_writing(&self) -> bool {
        self.running.is_some()
    }

    /// How much waits: entries, states, notes.
    pub(in crate::core) fn weight(&self) -> [usize; 3] {
        [self.pending.entries.len(), self.pending.states.len(), self.pending.notes.len()]
    }
}

fn writer() -> (Writer, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path(), Limits::default()).unwrap();
    (Writer::new(Arc::new(ledger), Arc::default()), folder)
}

fn fill(writer: &Writer, full: bool) {
    writer.ledger.set_free_bytes_min_for_test(if full { u64::MAX } else { 0 });
}

/// One commit from start to end.
async fn write(writer: &mut Writer) {
    writer.start_if_due();
    let written = writer.written().await;
    writer.settle(written).unwrap();
}

fn entry(json: &str) -> Entry {
    Entry { kind: Kind::Transition, key: "machine".into(), json: json.into() }
}

fn waiting(writer: &Writer) -> Vec<String> {
    let front = writer.ledger.peek(100, 1 << 20).unwrap();
    front.into_iter().map(|(_, entry)| String::from_utf8(entry.json).unwrap()).collect()
}
