//! The agent's clock is set back while it runs: rules go on, nothing is judged on the wrong time, an event says so.
//!
//! Here: a real agent whose wall clock another library (libfaketime, from Debian) turns back an hour; its
//! monotonic clock stays. Not here: sources whose clocks are wrong. Invariant: within each of the two times,
//! transitions of an instance go forward.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use plant::script::Script;
use proto::Happening;
use tokio::process::{Child, Command};

use crate::faketime::Faketime;
use crate::works::{Works, now_ms, until};

const SOON: Duration = Duration::from_secs(30);
const HOUR_MS: i64 = 3_600_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_an_hour_stops_no_rule() {
    let works = Works::build(Script::new(8, None), 0).await;
    let offset = Faketime::new(works.folder.root().join("offset"), "+0");
    let mut agent = agent(&works, &offset);
    let mut ingest = works.ingest();
    until("something was judged", SOON, async || works.stored().len() > 15).await;

    offset.set("-1h");
    let stepped = |h: &Happening| matches!(h, Happening::ClockStep { back_ms } if (HOUR_MS - 60_000..HOUR_MS + 60_000).contains(back_ms));
    until("the step is told", SOON, async || works.events().iter().any(|e| stepped(&e.happening))).await;
    let in_new_time = |timestamp: i64| timestamp < now_ms() - HOUR_MS / 2;
    let judged = || works.stored().iter().filter(|s| in_new_time(s.transition.timestamp)).count();
    until("rules go on in the new time", SOON, async || judged() > 8).await;

    rustix::process::kill_process(
        rustix::process::Pid::from_raw(agent.id().unwrap().try_into().unwrap()).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    assert!(agent.wait().await.unwrap().success());
    let mut instances: BTreeMap<(String, String), Vec<(u64, i64)>> = BTreeMap::new();
    for stored in works.stored() {
        let t = stored.transition;
        instances.entry((t.rule_id, t.equipment_id)).or_default().push((t.sequence_number, t.timestamp));
    }
    for (instance, mut told) in instances {
        told.sort_unstable();
        let backward = told.windows(2).filter(|w| w[1].1 < w[0].1).collect::<Vec<_>>();
        assert!(backward.len() <= 1, "{instance:?} went back more than once: {told:?}");
        assert!(backward.iter().all(|w| in_new_time(w[1].1)), "{instance:?}: {told:?}");
    }
    assert!(ingest.stop(SOON).await.unwrap().success());
    works.assert_clean();
}

/// The agent under a wall clock that is so far from ours as the file says.
fn agent(works: &Works, offset: &Faketime) -> Child {
    let log = std::fs::File::create(works.folder.log("agent")).unwrap();
    Command::new(env!("CARGO_BIN_EXE_plant"))
        .args(["agent", "run", "--config"])
        .arg(works.folder.agent_config())
        .envs(offset.environment())
        .env("AWS_ACCESS_KEY_ID", "plant")
        .env("AWS_SECRET_ACCESS_KEY", "plant")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .stdin(Stdio::null())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}
