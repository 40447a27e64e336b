//! The agent is killed with -9 again and again while the line runs, and nothing is lost, doubled or invented
//! (I1, I2). It reads one machine over S7, the other over OPC UA.
//!
//! A plan, drawn from a seed that is printed, leads the agent through its lives. A round of it has four kills:
//! at the end of a long life, during the start that follows, after a short life, and after another one. The
//! post in front of the stream makes two of the moments exact: committed and on its way, but not arrived; and
//! arrived, but the agent does not know. In every second round the stream is away for most of the long life,
//! the kill at its end and the next start.
//!
//! Here: the plan, and that the stream holds each machine in order. Not here: what must be stored and what may
//! (`judge`), how a request is kept (`post`).
//! Invariant: two runs of one seed have the same script and the same plan; when exactly a kill hits is chance.
//!
//! Waits are for a condition, or are the plan itself: how long a life lasts.
//!
//! - `PLIMSOLL_SEED=S` plays the plan and the script of that seed again.
//! - `PLIMSOLL_KILLS=500` is the long version, nearly two hours; the short one has 20 kills and takes about
//!   four minutes: `PLIMSOLL_KILLS=500 cargo test -p plant --test system kill -- --nocapture`

mod judge;
mod post;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use fastrand::Rng;
use plant::gate::Passage;
use plant::process::Process;
use plant::script::{Script, TRACKS};
use plant::view;
use proto::Transition;
use tokio::time::{sleep, timeout};

use crate::works::{Works, now_ms, until};
use judge::{Life, Run};
use post::{Order, Post};

/// Kills of the short version.
const KILLS: usize = 20;
const KILLS_A_ROUND: usize = 4;
/// Fault episodes that must have come to their end, and transitions that must be due, for each kill: 100 of each
/// in the short version.
const A_KILL_MIN: usize = 5;
/// Within this time the agent opens its outbox, connects and reads for the first time, ms.
const START_MS: u64 = 250;
/// A transition comes about every second; in so long a time, one comes.
const PATIENCE: Duration = Duration::from_secs(60);
/// The line stands still before its script begins: the agent has heard every tag by then, ms.
const LEAD_MS: i64 = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_agent_is_killed_each_transition_is_stored_once_and_none_is_invented() {
    let seed = number("PLIMSOLL_SEED").unwrap_or_else(|| fastrand::u64(..));
    let kills = number("PLIMSOLL_KILLS").and_then(|n| usize::try_from(n).ok()).unwrap_or(KILLS);
    println!("PLIMSOLL_SEED={seed} PLIMSOLL_KILLS={kills}");
    let mut plot = Plot::begin(seed).await;
    for round in 0..kills.div_ceil(KILLS_A_ROUND) {
        plot.round(round).await;
    }
    plot.last_life().await;
    plot.assert_right().await;
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap())
}

/// The run and what it has seen.
struct Plot {
    works: Works,
    post: Post,
    chance: Rng,
    agent: Option<Process>,
    ingest: Process,
    lives: Vec<Life>,
    answers_kept: usize,
}

impl Plot {
    async fn begin(seed: u64) -> Self {
        let post = Post::new();
        let works = Works::build_behind(Script::new(seed, None), LEAD_MS, |app| post.before(app)).await;
        let ingest = works.ingest();
        let (chance, lives) = (Rng::with_seed(seed), Vec::new());
        Self { works, post, chance, agent: None, ingest, lives, answers_kept: 0 }
    }

    /// Four kills.
    async fn round(&mut self, round: usize) {
        let is_away = round % 2 == 1;
        self.born();
        self.live(8_000..9_000).await;
        if is_away {
            self.works.kinesis.gate().set(Passage::Shut).await;
        }
        self.live(26_000..29_000).await;
        match is_away {
            true => self.killed().await,
            false => self.killed_at(Order::KeepRequest).await,
        }
        self.born();
        let start_ms = self.chance.u64(0..START_MS);
        sleep(Duration::from_millis(start_ms)).await;
        self.killed().await;
        if is_away {
            self.works.kinesis.gate().set(Passage::Open).await;
        }
        self.born();
        self.live(300..4_000).await;
        self.killed().await;
        self.born();
        self.killed_at(Order::KeepAnswer).await;
        self.answers_kept += 1;
    }

    fn born(&mut self) {
        self.lives.push(Life { from_ms: self.now(), caught_up_ms: None, to_ms: i64::MAX });
        self.agent = Some(self.works.agent());
    }

    /// Lets the agent live for so long, ms, and notes when it has caught up.
    async fn live(&mut self, length_ms: std::ops::Range<u64>) {
        let length = Duration::from_millis(self.chance.u64(length_ms));
        // Watching never ends; the plan does.
        timeout(length, self.watch()).await.ok();
    }

    async fn watch(&mut self) {
        let agent = self.agent.as_mut().unwrap();
        loop {
            assert!(agent.ended().unwrap().is_none(), "the agent died by itself:\n{}", agent.last_words());
            let life = self.lives.last_mut().unwrap();
            if life.caught_up_ms.is_none() && self.works.is_read().await {
                life.caught_up_ms = Some(now_ms() - self.works.start_ms);
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn killed(&mut self) {
        self.lives.last_mut().unwrap().to_ms = self.now();
        let ended = self.agent.take().unwrap().kill().await.unwrap();
        assert!(ended.code().is_none(), "it ended before it was killed: {ended}");
    }

    /// Waits until the agent puts something, keeps that, and kills. What did not arrive is killed only when more has
    /// been committed behind it: whatever the outbox believes of it by then is durable.
    async fn killed_at(&mut self, order: Order) {
        let (before, post) = (self.post.kept(), self.post.clone());
        post.order(order);
        let kept = async {
            tokio::select! {
                () = post.kept_more_than(before) => {}
                () = self.watch() => {}
            }
        };
        timeout(PATIENCE, kept).await.unwrap_or_else(|_| panic!("nothing was put: {order:?}"));
        if order == Order::KeepRequest {
            let committed = self.committed().await;
            until("more is committed", PATIENCE, async || self.committed().await > committed).await;
        }
        self.killed().await;
        post.order(Order::Pass);
    }

    /// Transitions in the outbox since it was made.
    async fn committed(&self) -> u64 {
        view::get(self.works.http).await.map_or(0, |view| view.transitions)
    }

    /// Long enough that what happened last is due as well.
    async fn last_life(&mut self) {
        self.born();
        self.live(35_000..36_000).await;
        until("the outbox has nothing old", PATIENCE, async || {
            view::get(self.works.http).await.is_ok_and(|view| view.waiting < 10)
        })
        .await;
        self.lives.last_mut().unwrap().to_ms = self.now();
        let mut agent = self.agent.take().unwrap();
        self.works.settle(&mut agent, &mut self.ingest).await;
    }

    async fn assert_right(&self) {
        let stored: Vec<Transition> = self.works.stored().into_iter().map(|s| s.transition).collect();
        let run = Run { script: &self.works.script, start_ms: self.works.start_ms, lives: &self.lives };
        let verdict = run.judge(&stored);
        let resent = self.assert_order().await;
        let (played, caught_up) = (self.episodes(), self.lives.iter().filter(|l| l.caught_up_ms.is_some()));
        println!(
            "{} lives ({} caught up), {played} episodes, {} transitions stored ({} expected, {} explained), {} due, \
             {resent} records put again",
            self.lives.len(),
            caught_up.count(),
            stored.len(),
            verdict.expected,
            verdict.explained,
            verdict.due,
        );
        assert_eq!(verdict.faults, [""; 0]);
        let least = A_KILL_MIN * (self.lives.len() - 1);
        assert!(played >= least && verdict.due >= least, "{played} {verdict:?}");
        assert!(resent >= self.answers_kept, "the moment between put and settle was missed");
        assert!(self.post.kept() > self.answers_kept, "the moment between commit and put was missed");
        self.works.assert_clean();
    }

    /// In the stream, what comes first of each transition is in order per machine. Gives the records that were put
    /// again.
    async fn assert_order(&self) -> usize {
        let (mut last, mut seen, mut resent) = (BTreeMap::<String, i64>::new(), HashSet::new(), 0);
        for record in self.works.records().await {
            let Ok(t) = serde_json::from_slice::<Transition>(&record) else { continue };
            if !seen.insert(t.id.clone()) {
                resent += 1;
                continue;
            }
            let before = last.insert(t.equipment_id, t.timestamp).unwrap_or(i64::MIN);
            assert!(before <= t.timestamp, "{} {} overtook", t.equipment, t.rule_id);
        }
        resent
    }

    fn episodes(&self) -> usize {
        let (end, script) = (self.now(), &self.works.script);
        TRACKS.iter().map(|track| script.episodes(track, end).filter(|e| e.span.end < end).count()).sum()
    }

    /// ms since the start of the script.
    fn now(&self) -> i64 {
        now_ms() - self.works.start_ms
    }
}
