//! The tags of one session, subscribed: made item by item, published, and mended where items are missing.
//!
//! A subscription holds at most [`ITEMS_MAX`] items (what an S7-1500 takes); items are made in batches of what the
//! server takes at once. An item that cannot be made makes its tag Bad, alone, and is tried again with growing
//! pauses: its node may come later, its namespace may have moved. Two publish requests a subscription are always
//! with the server; an answer is passed on before the next is asked for, so that an agent that is behind leaves the
//! values in the server's queues. What may have been lost there, or on the way, is read again.
//!
//! Here: the requests, and the watchdog over their answers; making items stands in `items`. Not here: what an answer
//! means (`publication`), requests that only read (`reading`), the session (`server`).
//! Invariant: every tag is either subscribed or Bad with a reason (I9); a server that sends no publish answer for
//! three keep-alive periods is given up.

mod items;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use opcua::client::services::{CreateSubscription, Publish};
use opcua::client::{Session, UARequest as _};
use opcua::types::{Error, PublishResponse, StatusCode, SubscriptionAcknowledgement};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::publication::Book;
use super::reading::{Limits, read_some};
use super::server::{refused, said_at, silent};
use super::{OpcuaConfig, OpcuaError, OpcuaTag};
use crate::connector::reporter::Reporter;
use crate::connector::{FIRST_PAUSE, Publication, Report};
use crate::pause::Pause;

/// Items of a subscription.
const ITEMS_MAX: usize = 1_000;
/// A quiet subscription says that it lives, about that often: time goes on by it.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// So many keep-alives in a row may be missing.
const MISSED_MAX: u32 = 3;
/// A subscription without an agent ends after this.
const LIFETIME: Duration = Duration::from_secs(60);
/// A server keeps the values of so long, where it can: a slow agent loses none.
const QUEUE: Duration = Duration::from_secs(10);
/// Missing items are tried again at least that often.
const RETRY_MAX: Duration = Duration::from_secs(30);
/// Tags whose last value may have been lost are read at most that often: a server that loses all the time is not
/// asked all the time.
const AGAIN_EVERY: Duration = Duration::from_secs(1);

/// The subscriptions of a session.
pub(super) struct Subscriptions<'c> {
    config: &'c OpcuaConfig,
    tags: &'c [OpcuaTag],
    session: Arc<Session>,
    limits: Limits,
    ids: Vec<u32>,
    book: Book,
    /// Tags without an item.
    missing: Vec<usize>,
    retry: Pause,
    retry_at: Instant,
    again_at: Instant,
    /// Longer silence is the end.
    silence_max: Duration,
    asked: FuturesOrdered<BoxFuture<'static, Result<PublishResponse, Error>>>,
    asked_max: usize,
    unacknowledged: Vec<SubscriptionAcknowledgement>,
}

impl<'c> Subscriptions<'c> {
    /// Subscribes all tags. The publication tells those that cannot be.
    pub(super) async fn make(
        config: &'c OpcuaConfig,
        tags: &'c [OpcuaTag],
        session: Arc<Session>,
    ) -> Result<(Self, Publication), OpcuaError> {
        let limits = Limits::of(config, &session).await?;
        let mut this = Self {
            config,
            tags,
            session,
            limits,
            ids: Vec::new(),
            book: Book::new(tags.len()),
            missing: Vec::new(),
            retry: Pause::between(FIRST_PAUSE, RETRY_MAX),
            retry_at: Instant::now(),
            again_at: Instant::now(),
            silence_max: Duration::ZERO,
            asked: FuturesOrdered::new(),
            asked_max: 0,
            unacknowledged: Vec::new(),
        };
        // One at least: its keep-alives show that the server lives.
        for _ in 0..tags.len().div_ceil(ITEMS_MAX).max(1) {
            this.subscribe().await?;
        }
        this.asked_max = this.ids.len() * 2;
        let publication = this.add_items((0..tags.len()).collect()).await?;
        Ok((this, publication))
    }

    /// Publishes until something fails.
    pub(super) async fn publish(
        mut self,
        reporter: &mut Reporter<impl AsyncFnMut(Report)>,
    ) -> Result<std::convert::Infallible, OpcuaError> {
        let mut heard = Instant::now();
        loop {
            self.ask();
            let deadline = heard + self.silence_max;
            tokio::select! {
                answer = timeout_at(deadline, self.asked.next()) => {
                    let Ok(Some(answer)) = answer else {
                        return Err(silent(self.config, "publishing", self.silence_max));
                    };
                    if let Some(publication) = self.answered(answer)? {
                        reporter.read(Report::Published(publication)).await;
                    }
                    heard = Instant::now();
                }
                () = sleep_until(self.again_at), if self.book.is_in_doubt() => {
                    let publication = self.read_again().await?;
                    reporter.read(Report::Published(publication)).await;
                }
                () = sleep_until(self.retry_at), if !self.missing.is_empty() => {
                    let missing = std::mem::take(&mut self.missing);
                    let publication = self.add_items(missing).await?;
                    reporter.read(Report::Published(publication)).await;
                }
            }
        }
    }

    /// Reads the tags whose last value may have been lost.
    async fn read_again(&mut self) -> Result<Publication, OpcuaError> {
        self.again_at = Instant::now() + AGAIN_EVERY;
        let doubtful = self.book.take_doubtful();
        let way = (&*self.session, self.limits);
        Ok(self.book.read(read_some(self.config, self.tags, doubtful, way).await?))
    }

    async fn subscribe(&mut self) -> Result<(), OpcuaError> {
        let interval = self.config.scan;
        let times = |period: Duration| {
            u32::try_from(period.as_millis() / interval.as_millis().max(1)).unwrap_or(u32::MAX)
        };
        let request = CreateSubscription::new(&self.session)
            .publishing_interval(interval)
            .max_keep_alive_count(times(KEEP_ALIVE).max(1))
            .max_lifetime_count(times(LIFETIME).max(3))
            .publishing_enabled(true);
        let made = request.send(self.session.channel()).await;
        let made = made.map_err(|e| refused(self.config, "making a subscription", e.status()))?;
        let at = said_at(&self.session, &made.response_header.timestamp).unwrap_or_default();
        self.book.subscribed(made.subscription_id, at);
        self.ids.push(made.subscription_id);
        let period_ms =
            made.revised_publishing_interval.max(1.0) * f64::from(made.revised_max_keep_alive_count.max(1));
        // What a server makes of the wish may be anything.
        let period =
            Duration::try_from_secs_f64(period_ms / 1e3).unwrap_or(KEEP_ALIVE).clamp(KEEP_ALIVE, LIFETIME);
        self.silence_max = self.silence_max.max(period * MISSED_MAX);
        Ok(())
    }

    /// Keeps requests with the server.
    fn ask(&mut self) {
        while self.asked.len() < self.asked_max {
            let session = Arc::clone(&self.session);
            let acknowledged = std::mem::take(&mut self.unacknowledged);
            let publish =
                async move { Publish::new(&session).acks(acknowledged).send(session.channel()).await };
            self.asked.push_back(Box::pin(publish));
        }
    }

    fn answered(
        &mut self,
        answer: Result<PublishResponse, Error>,
    ) -> Result<Option<Publication>, OpcuaError> {
        let answer = match answer {
            Ok(answer) => answer,
            // Some servers queue fewer requests than two a subscription.
            Err(e) if e.status() == StatusCode::BadTooManyPublishRequests && self.asked_max > 1 => {
                self.asked_max -= 1;
                return Ok(None);
            }
            Err(e) => return Err(refused(self.config, "publishing", e.status())),
        };
        if answer.notification_message.notification_data.as_ref().is_some_and(|data| !data.is_empty()) {
            self.unacknowledged.push(SubscriptionAcknowledgement {
                subscription_id: answer.subscription_id,
                sequence_number: answer.notification_message.sequence_number,
            });
        }
        let ended = |status| refused(self.config, "keeping the subscription", status);
        let published = said_at(&self.session, &answer.notification_message.publish_time);
        let was_in_step = !self.book.is_out_of_step;
        let publication = self.book.take(answer, published).map_err(ended)?;
        if was_in_step && self.book.is_out_of_step {
            let server = &self.config.address;
            tracing::warn!(
                server,
                "values come from a clock that is behind the server's: they get the server's time"
            );
        }
        Ok(Some(publication))
    }
}
