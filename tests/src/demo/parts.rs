//! The parts of the demo that are the world around Plimsoll: the line with its PLCs, and Kinesis.
//!
//! Each says where it listens as one line of JSON on standard output. On a leash it stands still until it is
//! told when the run begins; by itself it begins at once.
//!
//! Here: running each as a process. Not here: what they are (`server`, `kinesis`).
//! Invariant: a client's violation is told at once, as a line of JSON.

use std::io::{self, Write as _};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::sync::mpsc;

use super::leash::Leash;
use super::options::{NetworkOptions, ScriptOptions};
use super::stop::Stop;
use crate::clock::now_ms;
use crate::folder::{REGION, STREAM};
use crate::gate::Passage;
use crate::kinesis::Kinesis;
use crate::line::Line;
use crate::script::{Machine, Script};
use crate::server::opcua::Station;
use crate::server::{Cpu, Memory, Plc, Violation};

/// The line with a PLC for each machine: the filler's speaks S7, the washer's OPC UA.
pub(super) async fn line(options: &ScriptOptions, leash: Option<Leash>) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let line = Line::new(Script::new(options.seed, options.seconds.map(|s| i64::from(s) * 1000)));
    let began = Arc::new(OnceLock::new());
    let (tell, mut violations) = mpsc::unbounded_channel();
    let filler = filler(line, &began, &tell).await?;
    let washer = Station::start(line, Machine::Washer, Arc::clone(&began), Some(tell));
    let washer = washer.context("no port for the washer's OPC UA server")?;
    say(&json!({ "filler": filler.address(), "washer": washer.address() }))?;
    let play = async {
        // It is told once, and only here.
        began.set(start(leash).await).ok();
        while let Some(violation) = violations.recv().await {
            say(&json!({ "violation": violation.to_string() }))?;
        }
        Ok(ExitCode::SUCCESS)
    };
    tokio::select! {
        ended = play => ended,
        () = stop.wanted() => Ok(ExitCode::SUCCESS),
    }
}

/// Kinesis, cut off for the outage.
pub(super) async fn kinesis(options: &NetworkOptions, leash: Option<Leash>) -> anyhow::Result<ExitCode> {
    let mut stop = Stop::listen()?;
    let kinesis = Kinesis::start(STREAM, REGION).await?;
    say(&json!({ "kinesis": kinesis.address() }))?;
    let play = async {
        let start_ms = start(leash).await;
        if let Some(outage) = &options.outage {
            cut(&kinesis, start_ms, outage).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        ended = play => ended,
        () = stop.wanted() => Ok(ExitCode::SUCCESS),
    }
}

/// To whoever started this process.
fn say(what: &serde_json::Value) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{what}").context("nobody listens any more")
}

async fn filler(
    line: Line,
    began: &Arc<OnceLock<i64>>,
    tell: &mpsc::UnboundedSender<Violation>,
) -> anyhow::Result<Plc> {
    let began = Arc::clone(began);
    let memory: Memory = Arc::new(move |block| {
        let at_ms = began.get().map_or(0, |start_ms| now_ms() - start_ms);
        (block == Machine::Filler.block()).then(|| line.image(Machine::Filler, at_ms))
    });
    let plc = Plc::start(Cpu::default(), memory, Some(tell.clone())).await;
    plc.context("no port for the filler's PLC")
}

async fn start(leash: Option<Leash>) -> i64 {
    match leash {
        Some(mut leash) => leash.start().await,
        None => now_ms(),
    }
}

async fn cut(kinesis: &Kinesis, start_ms: i64, outage: &Range<u32>) {
    for (second, passage) in [(outage.start, Passage::Shut), (outage.end, Passage::Open)] {
        let left = start_ms + i64::from(second) * 1000 - now_ms();
        tokio::time::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0))).await;
        kinesis.gate().set(passage).await;
    }
}
