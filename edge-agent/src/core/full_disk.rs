//! Core on a full disk: transitions wait here, the state of instances in the engine, and nothing is lost.
//!
//! Here: one rule on one tag, and a ledger that refuses to write. Not here: a disk that is really full (the tests
//! of the whole system), when a commit is tried again (`writer`).

use std::collections::BTreeMap;
use std::path::Path;

use proto::{Flags, Quality, Transition};
use rules::diagnose::Report;
use rules::engine::{Batch, Datapoint, Identity};
use rules::inventory::{SourceId, TagId};
use rules::ruleset::RuleSet;
use rules::value::Value;

use super::*;
use crate::config::Config;
use crate::outbox::{Kind, Limits};
use crate::view::{self, Looker};

const CONFIG: &str = r#"
[agent]
id = "ipc"
[[notify]]
name = "shift-lead"
to = "stream"
[[machine]]
name = "washer"
id = "w"
[[source]]
id = "plc"
protocol = "recorded"
[[source.tag]]
machine = "washer"
name = "speed"
type = "Int"
"#;
/// While its delay runs, the instance has state to keep without a transition.
const RULES: &str = "[rule.fast]\non = 'washer'\nwhen = 'speed > 10'\nfor = '12 ms'\n";

#[tokio::test(start_paused = true)]
async fn the_state_of_instances_waits_in_the_engine_and_transitions_are_kept_when_there_is_room() {
    let mut stand = Stand::new();
    // What happened at an instant is known when another one has come.
    stand.read([1, 1, 50]);
    stand.core.store_state();
    stand.write().await;
    assert_eq!(stand.kept(), ["Unknown → Normal"]);
    let before = stand.ledger.states().unwrap();
    let names: Vec<&str> = before.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["@plc", "fast@w"], "the watermark, and the instance");

    stand.ledger.set_free_bytes_min_for_test(u64::MAX);
    stand.read([50, 50, 50, 2, 2]);
    stand.write().await;
    assert!(stand.core.writer.is_full());
    assert_eq!(stand.kept(), ["Unknown → Normal"], "nobody sees what is not durable");
    let waits = stand.core.writer.weight();
    for _ in 0..100 {
        stand.read([2, 50]);
        stand.core.store_state();
    }
    assert_eq!(stand.core.writer.weight(), waits, "states pile up");
    assert_eq!(stand.ledger.states().unwrap(), before);

    stand.ledger.set_free_bytes_min_for_test(0);
    tokio::time::advance(Duration::from_secs(2)).await;
    stand.write().await;
    assert_eq!(stand.kept(), ["Unknown → Normal", "Normal → Active", "Active → Normal"]);
    let with_transitions = stand.ledger.states().unwrap();
    assert_ne!(with_transitions[1], before[1], "they come with the state that they made");
    stand.core.store_state();
    stand.write().await;
    let by_now = stand.ledger.states().unwrap();
    assert_ne!(by_now[1], with_transitions[1], "the delay that has begun meanwhile");
}

#[tokio::test(start_paused = true)]
async fn whoever_looks_sees_that_the_disk_is_full_and_when_it_no_longer_is() {
    let mut stand = Stand::new();
    stand.read([1, 1]);
    assert!(!stand.look().await);
    stand.ledger.set_free_bytes_min_for_test(u64::MAX);
    stand.write().await;
    // A picture is good for a quarter of a second of real time.
    let seen = |stand: &mut Stand| stand.core.board = Board::new(Arc::clone(&stand.core.inventory), 0);
    seen(&mut stand);
    assert!(stand.look().await);
    stand.ledger.set_free_bytes_min_for_test(0);
    tokio::time::advance(Duration::from_secs(2)).await;
    stand.write().await;
    seen(&mut stand);
    assert!(!stand.look().await);
}

pub(super) struct Stand {
    pub(super) core: Core,
    pub(super) ledger: Arc<Ledger>,
    looker: Looker,
    /// The last stamp and number that were given.
    last: (i64, u64),
    _folder: tempfile::TempDir,
}

impl Stand {
    pub(super) fn new() -> Self {
        Self::under(RULES)
    }

    /// A core under these rules, on the washer's `speed`.
    pub(super) fn under(rules: &str) -> Self {
        let mut report = Report::default();
        let file = report.add_file("agent.toml", CONFIG);
        let config = Config::read(&mut report, file, Path::new("/")).unwrap();
        let file = report.add_file("a.toml", rules);
        let rules = RuleSet::load(&mut report, &[file], &config.inventory);
        assert_eq!(report.lines().count(), 0, "{:?}", report.lines().collect::<Vec<_>>());
        let folder = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(folder.path(), Limits::default()).unwrap().0);
        let identity = Identity { agent_id: "ipc".into(), incarnation: "0".into(), site: None };
        let (clock, inventory) = (Clock::start(), config.inventory);
        let (options, now) = (config.agent.options.clone(), clock.now());
        let (engine, _) =
            Engine::new(Arc::clone(&inventory), &rules, identity.clone(), options, now, &BTreeMap::new());
        let announcer = Announcer::resume(identity, &ledger).unwrap();
        let board = Board::new(Arc::clone(&inventory), now);
        let (looker, asked) = view::ask();
        let stores = (Arc::clone(&ledger), Arc::default());
        let sequences = vec![Sequence::default()];
        let core = Core::new(engine, inventory, clock, stores, (asked, board), announcer, sequences);
        Self { core, ledger, looker, last: (now, 0), _folder: folder }
    }

    /// Scans find these speeds, one a little later than the other.
    pub(super) fn read<const N: usize>(&mut self, speeds: [i64; N]) {
        for speed in speeds {
            self.last = (self.last.0 + 5, self.last.1 + 1);
            let (timestamp, sequence) = self.last;
            let (subject, value) = (Subject::Tag(TagId(0)), Ok(Value::Int(speed)));
            let (quality, flags) = (Quality::Ok, Flags::NONE);
            let datapoint = Datapoint { subject, timestamp, value, quality, flags, sequence };
            let batch = Batch { source: SourceId(0), datapoints: vec![datapoint] };
            let (status, source_timestamps) = (Vec::new(), Vec::new());
            // The tests are faster than the clock.
            self.core.at = timestamp;
            let (lost, arrived, took) = (crate::connector::Lost::default(), timestamp, None);
            self.core.deliver(Delivery { batch, status, source_timestamps, lost, arrived, took });
        }
    }

    /// One commit from start to end.
    pub(super) async fn write(&mut self) {
        self.core.writer.start_if_due();
        assert!(self.core.writer.is_writing(), "there was nothing to write");
        let written = self.core.writer.written().await;
        self.core.writer.settle(written).unwrap();
    }

    /// The transitions in the ledger.
    fn kept(&self) -> Vec<String> {
        let front = self.ledger.peek(100, 1 << 20).unwrap();
        let transitions = front.into_iter().filter(|(_, entry)| entry.kind == Kind::Transition);
        let short = |json: &[u8]| {
            let t: Transition = serde_json::from_slice(json).unwrap();
            format!("{} → {}", t.from, t.to)
        };
        transitions.map(|(_, entry)| short(&entry.json)).collect()
    }

    /// Whether somebody who looks sees a full disk.
    async fn look(&mut self) -> bool {
        let looker = self.looker.clone();
        let asking = tokio::spawn(async move { looker.look().await.unwrap().disk_full });
        let reply = self.core.asked.next().await.unwrap();
        self.core.show(reply);
        asking.await.unwrap()
    }
}
