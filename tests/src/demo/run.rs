//! The demo: starts every part, begins the run when all of them work, shows what arrives, and takes stock.
//!
//! Transitions and the final JSON go to standard output, everything else to standard error.
//!
//! Here: the order of things. Not here: the parts themselves.
//! Invariant: whichever way it ends, its processes end with it, the agent first, so that it can still deliver.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use proto::Transition;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, interval, sleep, timeout};

use super::WRONG;
use super::options::Options;
use super::report::Report;
use super::show::{self, Colour};
use super::stop::Stop;
use crate::clock::now_ms;
use crate::expected::{self, FirstStep};
use crate::folder::{Addresses, Folder};
use crate::line::Tag;
use crate::process::{Output, Process};
use crate::script::{Machine, Script};
use crate::store::{Store, Stored};
use crate::verdict::{Lateness, Verdict};
use crate::view::{self, View};

/// How long a part may take until it works.
const STARTING: Duration = Duration::from_secs(30);
/// How long the outbox and the store may take after the line stands still.
const SETTLING: Duration = Duration::from_secs(30);
/// How long a process may take to stop.
const STOPPING: Duration = Duration::from_secs(5);
/// The store is looked at this often: a person sees no delay.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The agent is asked this often, while somebody waits for it.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// The run begins this long after everything works, ms: time for every part to hear of it.
const NOTICE_MS: i64 = 300;
/// A scan may come this much later than the change it sees, ms. Two equal transitions are far longer apart.
const LATE_MAX_MS: i64 = 2_000;

/// Runs the demo to its end, or until somebody stops it.
pub(super) async fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let mut demo = Demo::new(options)?;
    let ended = tokio::select! {
        ended = demo.play() => ended,
        () = stop.wanted() => Ok(ExitCode::SUCCESS),
    };
    demo.stop().await;
    ended
}

/// The demo and what it has seen.
struct Demo<'a> {
    options: &'a Options,
    folder: Folder,
    program: PathBuf,
    http: SocketAddr,
    /// Line, Kinesis, ingest, agent: stopped the other way round.
    processes: Vec<Process>,
    store: Store,
    stored: Vec<Stored>,
    violations: usize,
    cut_off: bool,
    start_ms: i64,
}

#[derive(Deserialize)]
struct LineAddresses {
    filler: SocketAddr,
    washer: SocketAddr,
}

#[derive(Deserialize)]
struct KinesisAddress {
    kinesis: SocketAddr,
}

#[derive(Deserialize)]
struct Told {
    violation: String,
}

impl<'a> Demo<'a> {
    fn new(options: &'a Options) -> anyhow::Result<Self> {
        let folder = Folder::new(options.keep.as_deref())?;
        Ok(Self {
            options,
            program: std::env::current_exe().context("cannot find this program to start it again")?,
            http: free_address().context("no port for the agent's page")?,
            processes: Vec::new(),
            store: Store::new(folder.store()),
            folder,
            stored: Vec::new(),
            violations: 0,
            cut_off: false,
            start_ms: 0,
        })
    }

    async fn play(&mut self) -> anyhow::Result<ExitCode> {
        self.say_what_this_is();
        self.start().await?;
        self.begin().await?;
        let end = self.options.script.seconds.map(|seconds| {
            let left = self.start_ms + i64::from(seconds) * 1000 - now_ms();
            Instant::now() + Duration::from_millis(u64::try_from(left).unwrap_or(0))
        });
        self.watch(end).await?;
        eprintln!("The line stands still; waiting until all is stored.");
        let view = self.settle().await?;
        self.take_stock(&view)
    }

    fn say_what_this_is(&self) {
        let [filler, washer] = Machine::ALL.map(|machine| Tag::on(machine).count());
        eprintln!(
            "A bottling line runs by script {}: a filler, {filler} tags of an S7 PLC, and a bottle washer, {washer} tags of\n\
             an OPC UA server. edge-agent polls the one every 100 ms, subscribes the other, and judges its rules on\n\
             the spot; what changes state goes through its outbox to Kinesis, and cloud-ingest stores it. Each line\n\
             below has made that way. Times are UTC. Ctrl-C ends it.",
            self.options.script.seed,
        );
    }

    async fn start(&mut self) -> anyhow::Result<()> {
        let mut line = words(&["line", "--seed"]);
        line.push(self.options.script.seed.to_string().into());
        if let Some(seconds) = self.options.script.seconds {
            line.extend(["--seconds".into(), seconds.to_string().into()]);
        }
        let mut kinesis = words(&["kinesis"]);
        if let Some(outage) = &self.options.network.outage {
            kinesis.extend(["--outage".into(), format!("{}..{}", outage.start, outage.end).into()]);
        }
        let LineAddresses { filler, washer } = self.start_heard("line", line).await?;
        let KinesisAddress { kinesis } = self.start_heard("kinesis", kinesis).await?;
        self.folder.write(&Addresses { filler, washer, kinesis, http: self.http })?;
        for (name, config) in [("ingest", self.folder.ingest_config()), ("agent", self.folder.agent_config())]
        {
            let mut args = words(&[name, "run", "--config"]);
            args.push(config.into());
            self.start_one(name, args, Output::Log)?;
        }
        self.until_the_agent_reads().await
    }

    /// Starts a process that says as one line of JSON where it listens.
    async fn start_heard<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        args: Vec<OsString>,
    ) -> anyhow::Result<T> {
        let process = self.start_one(name, args, Output::Heard)?;
        let said = timeout(STARTING, process.hear()).await;
        let said = said.with_context(|| format!("{name} does not say where it listens"))??;
        match said.map(|line| serde_json::from_str(&line)) {
            Some(Ok(addresses)) => Ok(addresses),
            _ => bail!("{name} does not start; its last words:\n{}", process.last_words()),
        }
    }

    fn start_one(
        &mut self,
        name: &'static str,
        args: Vec<OsString>,
        output: Output,
    ) -> anyhow::Result<&mut Process> {
        let args = [words(&["leashed"]), args].concat();
        let process = Process::start(name, &self.program, &args, self.folder.log(name), output);
        self.processes.push(process.with_context(|| format!("cannot start {name}"))?);
        self.processes.last_mut().context("a process that was started is there")
    }

    /// Waits until the agent has heard every tag of both PLCs.
    async fn until_the_agent_reads(&mut self) -> anyhow::Result<()> {
        let tags = Tag::all().count();
        let deadline = Instant::now() + STARTING;
        loop {
            self.all_live()?;
            let view = view::get(self.http).await;
            if view.as_ref().is_ok_and(|view| view.is_read(tags)) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let words = self.processes.last().map(Process::last_words).unwrap_or_default();
                bail!("the agent does not read its PLCs ({view:?}); its last words:\n{words}");
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Tells the line and Kinesis when the run begins.
    async fn begin(&mut self) -> anyhow::Result<()> {
        self.start_ms = now_ms() + NOTICE_MS;
        let start_ms = self.start_ms.to_string();
        for process in self.processes.iter_mut().take(2) {
            let name = process.name();
            process.tell(&start_ms).await.with_context(|| format!("{name} no longer listens"))?;
        }
        Ok(())
    }

    /// Shows what arrives until then, or for ever.
    async fn watch(&mut self, end: Option<Instant>) -> anyhow::Result<()> {
        let mut look = interval(LOOK_EVERY);
        while end.is_none_or(|end| Instant::now() < end) {
            let line = self.processes.first_mut().context("the line was started")?;
            tokio::select! {
                _ = look.tick() => self.look()?,
                said = line.hear() => self.note(said?)?,
            }
        }
        self.look()
    }

    fn look(&mut self) -> anyhow::Result<()> {
        self.announce_the_outage();
        let fresh = self.store.fresh().context("cannot read the store")?;
        let colour = Colour::of_stdout();
        for stored in &fresh {
            print(&show::line(&stored.transition, colour))?;
        }
        self.stored.extend(fresh);
        self.all_live()
    }

    fn note(&mut self, said: Option<String>) -> anyhow::Result<()> {
        let Some(said) = said else { return self.all_live() };
        let Told { violation } =
            serde_json::from_str(&said).context("the line says what nobody understands")?;
        eprintln!("A PLC was asked for what it must not do: {violation}");
        self.violations += 1;
        Ok(())
    }

    fn announce_the_outage(&mut self) {
        let cut_off = self.outage().is_some_and(|outage| outage.contains(&now_ms()));
        if cut_off != self.cut_off {
            let said = if cut_off { "Kinesis is cut off: the outbox fills." } else { "Kinesis is back." };
            eprintln!("{said}");
        }
        self.cut_off = cut_off;
    }

    fn outage(&self) -> Option<std::ops::Range<i64>> {
        let at = |second: u32| self.start_ms + i64::from(second) * 1000;
        self.options.network.outage.as_ref().map(|o| at(o.start)..at(o.end))
    }

    fn all_live(&mut self) -> anyhow::Result<()> {
        for process in &mut self.processes {
            if let Some(status) = process.ended().context("cannot watch a process")? {
                bail!(
                    "{} ended by itself ({status}); its last words:\n{}",
                    process.name(),
                    process.last_words()
                );
            }
        }
        Ok(())
    }

    /// Waits until the outbox is empty and the store holds what was delivered, twice in a row.
    async fn settle(&mut self) -> anyhow::Result<View> {
        let deadline = Instant::now() + SETTLING;
        let mut settled = 0;
        loop {
            self.watch(Some(Instant::now() + ASK_EVERY)).await?;
            let view = view::get(self.http).await.context("the agent does not answer")?;
            let stored = u64::try_from(self.stored.len()).unwrap_or(u64::MAX);
            let done = view.waiting == 0 && view.delivered == view.transitions && stored >= view.delivered;
            settled = if done { settled + 1 } else { 0 };
            if settled == 2 || Instant::now() > deadline {
                return Ok(view);
            }
        }
    }

    fn take_stock(&self, view: &View) -> anyhow::Result<ExitCode> {
        let length_ms = self.options.script.seconds.map(|s| i64::from(s) * 1000);
        let script = Script::new(self.options.script.seed, length_ms);
        let expected = expected::transitions(&script, length_ms.unwrap_or(0));
        let first: Vec<FirstStep> = expected::first_steps().collect();
        let transitions: Vec<Transition> = self.stored.iter().map(|s| s.transition.clone()).collect();
        // What came late was judged late: then its stamps are not the script's.
        let stamped_ms = if view.late == 0 { 0 } else { LATE_MAX_MS };
        let lateness = Lateness { scanned_ms: LATE_MAX_MS, stamped_ms };
        let verdict = Verdict::of(&transitions, &expected, &first, self.start_ms, lateness);
        for missing in &verdict.missing {
            eprintln!("expected, but not in the store: {missing}");
        }
        for surplus in &verdict.surplus {
            eprintln!("in the store, but not expected: {surplus}");
        }
        let report = Report::of(view, &self.stored, expected.len() + first.len(), self.outage().as_ref());
        print(&serde_json::to_string(&report).context("cannot write the result")?)?;
        let right = report.complete() && verdict.agrees() && self.violations == 0;
        if !right && self.options.keep.is_none() {
            eprintln!("The same run with --keep DIR leaves its logs, outbox and store to be looked at.");
        }
        Ok(if right { ExitCode::SUCCESS } else { ExitCode::from(WRONG) })
    }

    async fn stop(&mut self) {
        for process in self.processes.iter_mut().rev() {
            if let Err(error) = process.stop(STOPPING).await {
                eprintln!("plant: cannot stop {}: {error}", process.name());
            }
        }
    }
}

/// To standard output, where `head` may have had enough.
fn print(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("nobody reads the output any more")
}

/// An address that is free now. The agent takes it a moment later.
fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn words(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}
