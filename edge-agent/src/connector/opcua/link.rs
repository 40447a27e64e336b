//! The driver: one session with one server, opened again after every fault.
//!
//! One owner runs open → subscribe → publish … → fault → close → pause → open. While nothing is read,
//! [`Report::Down`] is repeated once a second.
//!
//! Here: that loop. Not here: the session (`server`), what is done in it (`subscription`).
//! Invariant: one session at a time; nothing of a session outlives its first fault (I9).

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::reading::read;
use super::server::Server;
use super::subscription::Subscriptions;
use super::{OpcuaConfig, OpcuaError, OpcuaTag};
use crate::connector::reporter::Reporter;
use crate::connector::{FIRST_PAUSE, Publication, Report};
use crate::pause::Pause;

/// The longest pause after a fault: a server that is back is read again within 10 s.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Subscribes the tags and reports what comes, until `stop`. A `Sample::tag` is an index of `tags`. A server that
/// cannot be reached is reported and tried again for ever. `emit` owns what it needs (`async move`), else the future
/// cannot be spawned.
pub async fn run(
    config: &OpcuaConfig,
    tags: &[OpcuaTag],
    emit: impl AsyncFnMut(Report),
    stop: CancellationToken,
) {
    let mut reporter = Reporter::new(emit);
    let mut pause = Pause::between(FIRST_PAUSE, PAUSE_MAX);
    loop {
        let Some(opened) = stop.run_until_cancelled(reporter.during(Server::open(config))).await else {
            return;
        };
        let fault = match opened {
            Ok(mut server) => {
                let session = server.session();
                let subscribed = async {
                    let made = reporter.during(Subscriptions::make(config, tags, session)).await;
                    let (subscriptions, missing) = made?;
                    pause.reset();
                    reporter.read(Report::Published(missing)).await;
                    subscriptions.publish(&mut reporter).await
                };
                let ended = stop.run_until_cancelled(server.during(subscribed)).await;
                server.close().await;
                match ended {
                    None => return,
                    Some(Ok(never)) => match never {},
                    Some(Err(fault)) => fault,
                }
            }
            Err(fault) => fault,
        };
        reporter.down(&fault.sentence());
        let waited = stop.run_until_cancelled(reporter.during(sleep(pause.next()))).await;
        if waited.is_none() {
            return;
        }
    }
}

/// Reads each tag once, in a session of its own.
///
/// # Errors
/// When there is no session, or it is lost. A tag that cannot be read is no error but a sample that says why.
pub async fn read_once(config: &OpcuaConfig, tags: &[OpcuaTag]) -> Result<Publication, OpcuaError> {
    let mut server = Server::open(config).await?;
    let session = server.session();
    let values = server.during(read(config, tags, &session)).await;
    server.close().await;
    values
}
