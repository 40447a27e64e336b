//! The ledger against damage: each guard of opening, and bits flipped on the disk.

use std::{fs, path::Path};

use super::{
    book::META_FORMAT,
    store::{Store, chunk_key},
    *,
};

#[test]
fn a_half_written_snapshot_is_removed() {
    let dir = filled(5);
    fs::write(dir.path().join("store/snap.0000000000000F00.generating"), b"half").unwrap();
    let (ledger, opened) = open(dir.path());
    assert_eq!(opened.repairs, ["removed a half-written snapshot that a crash had left"]);
    assert_eq!(positions(&ledger), [0, 1, 2, 3, 4]);
}

#[test]
fn a_broken_snapshot_is_replaced_by_the_log() {
    let dir = filled(5);
    for snapshot in snapshots(dir.path()) {
        fs::remove_file(snapshot).unwrap();
    }
    fs::write(dir.path().join("store/snap.0000000000000F00"), [7; 100]).unwrap();
    let (ledger, opened) = open(dir.path());
    assert!(opened.repairs[0].starts_with("read the log anew"), "{:?}", opened.repairs);
    assert_eq!(positions(&ledger), [0, 1, 2, 3, 4]);
}

#[test]
fn a_lock_that_is_freed_late_is_waited_for_and_another_agent_is_named() {
    let dir = filled(1);
    let (ledger, _) = open(dir.path());
    let said = Ledger::open(dir.path(), Limits::default()).unwrap_err().to_string();
    assert!(said.ends_with("is in use: another edge-agent runs on it"), "{said}");
    let path = dir.path().to_owned();
    let (started, waits) = std::sync::mpsc::channel();
    let later = std::thread::spawn(move || {
        started.send(()).unwrap();
        Ledger::open(&path, Limits::default()).map(|_| ())
    });
    waits.recv().unwrap();
    drop(ledger);
    later.join().unwrap().unwrap();
}

#[test]
fn a_later_format_is_refused_in_words_and_left_alone() {
    let dir = filled(3);
    let store = Store::open(dir.path()).unwrap();
    let mut batch = sled::Batch::default();
    batch.insert(META_FORMAT, &9_u32.to_be_bytes());
    store.apply(batch).unwrap();
    drop(store);
    let said = Ledger::open(dir.path(), Limits::default()).unwrap_err().to_string();
    assert!(said.contains("has format 9, this edge-agent reads up to 1"), "{said}");
    assert!(!dir.path().join("quarantine").exists());
}

#[test]
fn a_missing_and_a_damaged_chunk_are_losses_and_the_rest_is_read() {
    let dir = filled(6);
    tamper(dir.path());
    let (ledger, opened) = open(dir.path());
    assert_eq!(positions(&ledger), [0, 2, 4, 5]);
    assert_losses(&ledger);
    assert!(!opened.fresh);
    drop(ledger);

    // What is told once is not told again.
    let (ledger, opened) = open(dir.path());
    assert_eq!(opened.repairs, Vec::<String>::new());
    assert_losses(&ledger);
    ledger.commit(&Commit { losses_told: 2, ..Commit::default() }).unwrap();
    drop(ledger);
    assert_eq!(open(dir.path()).0.losses(), []);
}

#[test]
fn damage_that_appears_while_running_is_noticed_by_peek() {
    let dir = filled(6);
    let (ledger, _) = open(dir.path());
    ledger.damage_for_test(1);
    assert_eq!(positions(&ledger), [0, 2, 3, 4, 5]);
    assert_eq!(ledger.losses().len(), 1);
    ledger.settle(&[0, 2, 3, 4, 5]).unwrap();
    assert_eq!(ledger.counts().waiting.total(), 0);
}

#[test]
fn a_store_that_went_back_in_time_is_noticed_and_begins_a_new_incarnation() {
    let dir = filled(3);
    let old = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join("store/db"), old.path().join("db")).unwrap();
    let (ledger, before) = open(dir.path());
    commit(&ledger, 4);
    ledger.settle(&[0, 1, 2, 3]).unwrap();
    commit(&ledger, 1);
    drop(ledger);
    for snapshot in snapshots(dir.path()) {
        fs::remove_file(snapshot).unwrap();
    }
    fs::copy(old.path().join("db"), dir.path().join("store/db")).unwrap();

    let (ledger, after) = open(dir.path());
    assert!(after.fresh && after.incarnation != before.incarnation);
    let losses = ledger.losses();
    assert_eq!((losses[0].first, losses[0].last, losses.len()), (4, 7, 1), "{losses:?}");
    commit(&ledger, 1);
    assert_eq!(positions(&ledger), [0, 1, 2, 8], "positions are not given twice");
}

#[test]
fn a_store_that_cannot_be_read_is_set_aside_and_its_entries_are_a_loss() {
    let dir = filled(6);
    let (ledger, before) = open(dir.path());
    ledger.settle(&[0, 1]).unwrap();
    commit(&ledger, 1);
    drop(ledger);
    fs::write(dir.path().join("store/db"), vec![0xA5; 5 << 20]).unwrap();
    let (ledger, after) = open(dir.path());
    assert_ne!(after.incarnation, before.incarnation);
    let losses = ledger.losses();
    assert_eq!((losses[0].first, losses[0].last, losses.len()), (2, 6, 1), "{losses:?}");
    commit(&ledger, 1);
    assert_eq!(positions(&ledger), [7]);
}

#[test]
fn a_flipped_bit_costs_what_it_hits_and_never_silently() {
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let whole = filled(60);
    let db = fs::read(whole.path().join("store/db")).unwrap();
    let used = db.iter().rposition(|b| *b != 0).unwrap();
    let mut hits = 0;
    for round in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        copy_folder(whole.path(), dir.path());
        let mut bytes = db.clone();
        bytes[random.usize(..used)] ^= 1 << random.u32(..8);
        fs::write(dir.path().join("store/db"), bytes).unwrap();
        if random.bool() {
            snapshots(dir.path()).iter().for_each(|s| fs::remove_file(s).unwrap());
        }

        let (ledger, _) = open(dir.path());
        let there = positions(&ledger);
        let losses = ledger.losses();
        hits += usize::from(!losses.is_empty());
        for position in 0..60 {
            let lost = losses.iter().any(|l| (l.first..=l.last).contains(&position));
            assert!(there.contains(&position) != lost, "seed {seed}, round {round}, position {position}");
        }
        commit(&ledger, 1);
        assert_eq!(positions(&ledger).last(), Some(&60), "seed {seed}, round {round}");
    }
    assert!(hits > 0, "seed {seed}: no flip hit anything");
}

#[test]
fn an_entry_that_no_record_can_carry_is_a_loss_and_keeps_nothing_from_going() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = open(dir.path());
    let large = Entry { kind: Kind::Event, key: "m".into(), json: vec![b'x'; ENTRY_BYTES_MAX] };
    let small = Entry { kind: Kind::Event, key: "m".into(), json: b"{}".to_vec() };
    ledger.commit(&Commit { entries: vec![large, small], ..Commit::default() }).unwrap();
    assert_eq!(positions(&ledger), [1]);
    let loss = &ledger.losses()[0];
    assert_eq!((loss.first, loss.last, loss.count, loss.kind), (0, 0, Some(1), Some(Kind::Event)));
    assert!(loss.reason.ends_with("bytes are more than a record of the stream holds"), "{}", loss.reason);
}

#[test]
fn at_the_limit_events_go_before_transitions_and_gaps_never() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { waiting_bytes_max: 20_000, ..Limits::default() };
    let (ledger, _) = Ledger::open(dir.path(), limits).unwrap();
    let entry = |kind| Entry { kind, key: "m".into(), json: vec![b'x'; 500] };
    let one_of =
        |kinds: &[Kind]| Commit { entries: kinds.iter().map(|k| entry(*k)).collect(), ..Commit::default() };
    ledger.commit(&one_of(&[Kind::Gap, Kind::Transition, Kind::Event])).unwrap();
    for _ in 0..30 {
        ledger.commit(&one_of(&[Kind::Transition])).unwrap();
    }
    for _ in 0..8 {
        ledger.commit(&one_of(&[Kind::Event])).unwrap();
    }
    let losses = ledger.losses();
    assert_eq!((losses.len(), losses[0].kind, losses[0].first), (1, Some(Kind::Event), 2), "{losses:?}");
    assert_eq!(ledger.counts().shed.transitions, 0);
    for _ in 0..60 {
        ledger.commit(&one_of(&[Kind::Transition])).unwrap();
    }
    assert!(ledger.counts().waiting_bytes <= 20_000);
    let losses = ledger.losses();
    assert_eq!((losses.len(), losses[1].kind, losses[1].first), (2, Some(Kind::Transition), 1), "{losses:?}");
    let waiting = ledger.peek(usize::MAX, usize::MAX).unwrap();
    let gaps = waiting.iter().filter(|(_, e)| e.kind == Kind::Gap).map(|(p, _)| *p).collect::<Vec<_>>();
    assert_eq!(gaps, [0]);
    assert_eq!(waiting.last().unwrap().0, 100, "the newest stay");
}

#[test]
fn a_full_disk_refuses_a_commit_in_words_and_the_next_try_succeeds() {
    let dir = filled(2);
    let limits = Limits { free_bytes_min: u64::MAX / 4, ..Limits::default() };
    let (ledger, _) = Ledger::open(dir.path(), limits).unwrap();
    let entries = vec![Entry { kind: Kind::Transition, key: "m".into(), json: b"{}".to_vec() }];
    let refused = Commit { entries, ..Commit::default() };
    let said = ledger.commit(&refused).unwrap_err().to_string();
    assert!(said.starts_with("the disk is full: ") && said.ends_with("nothing is lost so far"), "{said}");
    assert!(!dir.path().join("ballast").exists());
    // What waits can leave meanwhile, and not even its removal is written.
    ledger.settle(&positions(&ledger)).unwrap();
    assert_eq!(positions(&ledger), Vec::<u64>::new());
    assert_eq!(ledger.counts().delivered.transitions, 2);
    assert!(ledger.stores_for_test(0) && ledger.stores_for_test(1));
    ledger.set_free_bytes_min_for_test(0);
    ledger.commit(&refused).unwrap();
    assert_eq!(positions(&ledger), [2]);
    assert!(!ledger.stores_for_test(0) && !ledger.stores_for_test(1));
    assert!(dir.path().join("ballast").exists());
}

/// A closed ledger with so many commits of one entry.
fn filled(commits: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, opened) = open(dir.path());
    assert!(opened.fresh && opened.repairs.is_empty());
    commit(&ledger, commits);
    dir
}

fn open(dir: &Path) -> (Ledger, Opened) {
    Ledger::open(dir, Limits::default()).unwrap()
}

fn commit(ledger: &Ledger, commits: u64) {
    for n in 0..commits {
        let json = format!("{{\"n\":{n},\"text\":\"{}\"}}", "x".repeat(300)).into_bytes();
        let entries = vec![Entry { kind: Kind::Transition, key: "m".into(), json }];
        let states = vec![(format!("rule/{}", n % 5), Some(vec![n as u8; 200]))];
        ledger.commit(&Commit { entries, states, ..Commit::default() }).unwrap();
    }
}

fn positions(ledger: &Ledger) -> Vec<u64> {
    ledger.peek(usize::MAX, usize::MAX).unwrap().into_iter().map(|(position, _)| position).collect()
}

/// Takes the chunk at 1 away and spoils the one at 3.
fn tamper(dir: &Path) {
    let store = Store::open(dir).unwrap();
    let mut batch = sled::Batch::default();
    batch.remove(chunk_key(1));
    let mut bytes = store.get(&chunk_key(3)).unwrap().unwrap().to_vec();
    bytes[30] ^= 1;
    batch.insert(chunk_key(3), bytes);
    store.apply(batch).unwrap();
}

fn assert_losses(ledger: &Ledger) {
    let losses = ledger.losses();
    let ranges = losses.iter().map(|l| (l.first, l.last, l.count, l.kind)).collect::<Vec<_>>();
    assert_eq!(ranges, [(1, 1, None, None), (3, 3, None, None)]);
    assert_eq!(losses[0].reason, "missing from the outbox's store, which was damaged");
    assert_eq!(losses[1].reason, "a chunk in the outbox is damaged: its checksum does not fit");
}

fn snapshots(dir: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(dir.join("store")).unwrap().map(|f| f.unwrap().path());
    files.filter(|f| f.file_name().unwrap().to_string_lossy().starts_with("snap.")).collect()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|f| f.unwrap()) {
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}
