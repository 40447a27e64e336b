//! The driver: one connection to one PLC over TCP, with time-outs, reconnects and a fixed rate.
//!
//! One owner runs connect → scan, scan, scan … → fault → pause → connect. On any fault the connection is closed
//! before anything else happens. While nothing is read, [`Report::Down`] is repeated once a second.
//!
//! Here: the loop and the clock, over a socket in `wire`; nothing that understands a byte or a tag. Not here: what
//! to read (`scan`), what may follow what (`session`).
//! Invariant: one connection at a time; after a fault it is closed before the next is tried (I9).

mod error;
mod wire;

use std::{convert::Infallible, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

pub use error::LinkError;
use wire::Wire;

use super::{S7Config, S7Tag, scan::Scanner};
use crate::connector::reporter::Reporter;
use crate::connector::{FIRST_PAUSE, Reading, Report};
use crate::pause::Pause;

/// The longest pause after a fault.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// A timer cannot tick faster.
const SCAN_MIN: Duration = Duration::from_millis(1);

/// Reads the tags at the configured rate and reports every scan, until `stop`. A `Reading::tag` is an index of
/// `tags`. A PLC that cannot be reached is reported and tried again for ever. `emit` owns what it needs
/// (`async move`), else the future cannot be spawned.
pub async fn run(config: &S7Config, tags: &[S7Tag], emit: impl AsyncFnMut(Report), stop: CancellationToken) {
    let scanner = scanner(config, tags);
    stop.run_until_cancelled(connect_for_ever(config, scanner, Reporter::new(emit))).await;
}

/// Reads each tag once, over a connection of its own.
///
/// # Errors
/// When there is no connection, or it is lost. A tag that cannot be read is no error but a reading that says why.
pub async fn read_once(config: &S7Config, tags: &[S7Tag]) -> Result<Vec<Reading>, LinkError> {
    let mut scanner = scanner(config, tags);
    let (mut wire, pdu) = Wire::open(config).await?;
    scanner.connected(pdu);
    scanner.begin(now());
    while let Some(request) = scanner.next(now()) {
        if let Some(readings) = scanner.answered(wire.read(&request).await?) {
            return Ok(readings);
        }
    }
    Ok(Vec::new())
}

fn scanner(config: &S7Config, tags: &[S7Tag]) -> Scanner {
    Scanner::new(&config.address, tags.iter().map(|tag| tag.address).collect(), config.merge)
}

fn now() -> std::time::Instant {
    Instant::now().into_std()
}

async fn connect_for_ever(
    config: &S7Config,
    mut scanner: Scanner,
    mut reporter: Reporter<impl AsyncFnMut(Report)>,
) -> Infallible {
    let mut pause = Pause::between(FIRST_PAUSE, PAUSE_MAX);
    loop {
        let fault = match reporter.during(Wire::open(config)).await {
            Ok((wire, pdu)) => {
                scanner.connected(pdu);
                scan_until_fault(wire, config.scan, &mut scanner, &mut reporter, &mut pause).await
            }
            Err(fault) => fault,
        };
        reporter.down(&fault.sentence());
        reporter.during(sleep(pause.next())).await;
    }
}

/// Owns the wire, so that it is closed when this returns.
async fn scan_until_fault(
    mut wire: Wire<'_>,
    every: Duration,
    scanner: &mut Scanner,
    reporter: &mut Reporter<impl AsyncFnMut(Report)>,
    pause: &mut Pause,
) -> LinkError {
    let mut ticks = interval(every.max(SCAN_MIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        if let Err(fault) = reporter.during(wire.idle_until(&mut ticks)).await {
            return fault;
        }
        let began = Instant::now();
        scanner.begin(now());
        while let Some(request) = scanner.next(now()) {
            match reporter.during(wire.read(&request)).await {
                Ok(answer) => {
                    pause.reset();
                    if let Some(readings) = scanner.answered(answer) {
                        reporter.read(Report::Scan { readings, took: began.elapsed() }).await;
                    }
                }
                Err(fault) => {
                    scanner.lost(now(), &fault.sentence());
                    return fault;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
