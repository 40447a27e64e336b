//! The ledger against kill -9: a child process commits until it is killed.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use super::*;

const FOLDER: &str = "PLIMSOLL_TEST_LEDGER";

#[test]
fn what_a_killed_process_had_committed_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut incarnation = None;
    let mut acknowledged = 0;
    for round in 0..6 {
        let (mut child, mut lines) = start_child(dir.path());
        for _ in 0..random.u32(1..120) {
            acknowledged = next_number(&mut lines);
        }
        child.kill().unwrap();
        child.wait().unwrap();

        let (ledger, opened) = Ledger::open(dir.path(), Limits::default()).unwrap();
        assert_eq!(*incarnation.get_or_insert(opened.incarnation), opened.incarnation);
        let waiting = ledger.peek(usize::MAX, usize::MAX).unwrap();
        let last = waiting.last().unwrap();
        let place = format!("seed {seed}, round {round}, acknowledged {acknowledged}");
        assert!(number(last) >= acknowledged, "{place}: the last is {}", number(last));
        for pair in waiting.windows(2) {
            assert_eq!(number(&pair[0]) + 1, number(&pair[1]), "{place}");
        }
        // The state belongs to the commit of the last entry.
        assert_eq!(ledger.states().unwrap(), [("rule".to_owned(), last.1.json.clone())], "{place}");
        assert_eq!(ledger.losses(), [], "{place}");
        assert!(ledger.counts().delivered.total() > 0 || waiting[0].0 == 0, "{place}");
    }
}

#[test]
#[ignore = "run by the test above in a process of its own"]
fn child() {
    let Some(dir) = std::env::var_os(FOLDER) else { return };
    // A process that replaces one killed a moment ago has to get the lock.
    let (ledger, _) = Ledger::open(Path::new(&dir), Limits::default()).unwrap();
    let mut n = ledger.peek(usize::MAX, usize::MAX).unwrap().last().map_or(0, number);
    loop {
        n += 1;
        let json = n.to_string().into_bytes();
        let entries = vec![Entry { kind: Kind::Transition, key: "m".into(), json: json.clone() }];
        ledger
            .commit(&Commit { entries, states: vec![("rule".into(), Some(json))], ..Commit::default() })
            .unwrap();
        println!("\ncommitted {n}");
        // Some are settled, so that the front moves; the last one stays to be looked at.
        let peeked = ledger.peek(4, usize::MAX).unwrap();
        if peeked.len() == 4 {
            ledger.settle(&[peeked[0].0, peeked[1].0]).unwrap();
        }
    }
}

fn start_child(dir: &Path) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["outbox::crash::child", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap());
    (child, lines)
}

fn next_number(lines: &mut BufReader<ChildStdout>) -> u64 {
    let mut line = String::new();
    loop {
        line.clear();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the child ended by itself");
        if let Some(n) = line.trim().strip_prefix("committed ") {
            return n.parse().unwrap();
        }
    }
}

fn number((_, entry): &(u64, Entry)) -> u64 {
    String::from_utf8(entry.json.clone()).unwrap().parse().unwrap()
}
