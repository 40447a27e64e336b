//! The disk under the outbox fills up while the line runs, and has room again.
//!
//! The disk is a small one of its own, in a mount namespace that only the agent is in: really full, and nobody
//! else's. What fills it is a file beside the outbox, as in the field.
//!
//! Shown: the ballast gives time; then it is said once, `/ready` and the metrics say it, nothing leaves that is not
//! kept; and when there is room again, each transition of the script is stored, with the time at which it happened.
//! Not here: what waits where meanwhile (`edge-agent`'s own tests of core). Needs the right to mount: root, or user
//! namespaces.
use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use plant::expected::{self, FirstStep};
use plant::process::Process;
use plant::script::Script;
use plant::verdict::{Lateness, Verdict};
use plant::view;
use proto::Transition;
use tokio::time::sleep;

use crate::page::stand::ask;
use crate::works::{Works, now_ms, until};

/// Room for the outbox, its ballast (8 MB) and what brings the ballast back.
const DISK_MB: u32 = 48;
/// The outbox keeps away from less than 4 MB; this much it may still write of what it has begun, bytes.
const LEFT: u64 = 2 << 20;
const PATIENCE: Duration = Duration::from_secs(60);
/// A scan may come this much later than the change it sees, ms.
const LATE_MS: i64 = 2_000;
const LENGTH_MS: i64 = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_once_and_costs_no_transition() {
    let works = Works::build(Script::new(7, Some(LENGTH_MS)), 3_000).await;
    let (mut agent, disk) = on_small_disk(&works).await;
    let mut ingest = works.ingest();
    until("the line is read", PATIENCE, async || works.is_read().await).await;
    until("what came of it is stored", PATIENCE, async || works.stored().len() >= 13).await;
    assert_eq!((status(&works, "/ready").await, is_full(&works).await), (200, false));

    let mut file = File::create(disk.join("films.mp4")).unwrap();
    until("the ballast goes", PATIENCE, async || fill(&mut file, &disk, LEFT) && says(&works, BALLAST) > 0)
        .await;
    until("the disk is full", PATIENCE, async || fill(&mut file, &disk, LEFT) && says(&works, FULL) > 0)
        .await;
    // Nobody writes any more: to the last byte.
    fill(&mut file, &disk, 0);
    let full_at = now_ms();
    let ready = ask(works.http, "GET", "/ready", "localhost").await.unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.body.starts_with("the disk is full: nothing can be kept"), "{}", ready.body);
    assert_eq!((status(&works, "/health").await, is_full(&works).await), (200, true));

    let due = |t: &&expected::Expected| works.start_ms + t.at_ms > full_at;
    let all = expected::transitions(&works.script, LENGTH_MS);
    let meanwhile: Vec<_> = all.iter().filter(due).take(5).collect();
    assert_eq!(meanwhile.len(), 5, "the script is too short");
    let seen_ms = works.start_ms + meanwhile[4].at_ms + LATE_MS - now_ms();
    sleep(Duration::from_millis(u64::try_from(seen_ms).unwrap_or(0))).await;
    let left: Vec<Transition> = transitions(&works).into_iter().filter(|t| t.timestamp > full_at).collect();
    assert_eq!(left.len(), 0, "it left without having been kept: {left:#?}");
    assert_eq!((says(&works, FULL), says(&works, ROOM)), (1, 0), "{}", log(&works));

    fs::remove_file(disk.join("films.mp4")).unwrap();
    drop(file);
    until("there is room again", PATIENCE, async || says(&works, ROOM) == 1).await;
    assert_eq!((status(&works, "/ready").await, is_full(&works).await), (200, false));
    until_script(&works, LENGTH_MS).await;
    until("the outbox is empty", PATIENCE, async || {
        view::get(works.http).await.is_ok_and(|view| view.waiting == 0)
    })
    .await;
    assert!(disk.join("ledger/ballast").exists(), "the ballast did not come back");
    works.settle(&mut agent, &mut ingest).await;
    let first: Vec<FirstStep> = expected::first_steps().collect();
    let lateness = Lateness { scanned_ms: LATE_MS, stamped_ms: 0 };
    let verdict = Verdict::of(&transitions(&works), &all, &first, works.start_ms, lateness);
    assert!(verdict.agrees(), "{verdict:#?}");
    assert_eq!(says(&works, FULL), 1, "{}", log(&works));
    works.assert_clean();
}

const BALLAST: &str = "ballast released";
const FULL: &str = "nothing can be kept";
const ROOM: &str = "there is room on the disk again";

/// The agent, with its data on a disk of its own, and where that disk is seen from here.
async fn on_small_disk(works: &Works) -> (Process, PathBuf) {
    let data = works.folder.data();
    let mount = format!("mount -t tmpfs -o size={DISK_MB}m small \"$0\" && exec \"$@\"");
    let args = [namespaces(), "sh", "-c", &mount].map(Into::into).into_iter().chain([data.clone().into()]);
    let agent = works.agent_behind("unshare", args.collect());
    let disk = PathBuf::from(format!("/proc/{}/root{}", agent.id().unwrap(), data.display()));
    until("the outbox is made", PATIENCE, async || disk.join("ledger/store").exists()).await;
    (agent, disk)
}

/// The kind of namespaces in which this machine lets a test mount something.
fn namespaces() -> &'static str {
    let works = |kind: &&str| {
        let args = [*kind, "mount", "-t", "tmpfs", "probe", "/mnt"];
        Command::new("unshare").args(args).output().is_ok_and(|out| out.status.success())
    };
    let kinds = ["-rm", "-m"];
    kinds.into_iter().find(works).expect("nothing can be mounted: run as root, or allow user namespaces")
}

/// Writes until only so many bytes are free; true, for the sake of conditions.
fn fill(file: &mut File, disk: &Path, left: u64) -> bool {
    loop {
        let stat = rustix::fs::statvfs(disk).unwrap();
        let bytes = (stat.f_bavail * stat.f_frsize).saturating_sub(left).min(1 << 20);
        match file.write(&vec![0; bytes as usize]) {
            Ok(0) => return true,
            Err(e) if e.kind() == ErrorKind::StorageFull => return true,
            written => drop(written.unwrap()),
        }
    }
}

async fn status(works: &Works, path: &str) -> u16 {
    ask(works.http, "GET", path, "localhost").await.unwrap().status
}

/// What the metrics say.
async fn is_full(works: &Works) -> bool {
    let metrics = ask(works.http, "GET", "/metrics", "localhost").await.unwrap().body;
    let line = metrics.lines().find(|l| l.starts_with("plimsoll_outbox_disk_full")).unwrap();
    line.ends_with(" 1")
}

fn says(works: &Works, what: &str) -> usize {
    log(works).matches(what).count()
}

fn log(works: &Works) -> String {
    fs::read_to_string(works.folder.log("agent")).unwrap_or_default()
}

fn transitions(works: &Works) -> Vec<Transition> {
    works.stored().into_iter().map(|s| s.transition).collect()
}

/// The plan of a test goes by the script's time.
async fn until_script(works: &Works, at_ms: i64) {
    let left = works.start_ms + at_ms - now_ms();
    sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
}
