//! The post in front of the stream: it lets a request pass, keeps it, or keeps its answer.
//!
//! So a test kills the agent at exactly the moments at which its outbox could go wrong: what is committed is
//! on its way and has not arrived, or has arrived and the agent does not know.
//!
//! Here: `PutRecords`. Not here: whoever reads the stream; those requests always pass.
//! Invariant: a request that was kept never arrives, and an answer that was kept is never given.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{self, Next};
use axum::response::Response;
use tokio::sync::watch;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Pass,
    /// It does not arrive.
    KeepRequest,
    /// It arrives, and nobody hears of it.
    KeepAnswer,
}

/// The post.
#[derive(Debug, Clone)]
pub(super) struct Post(Arc<Counters>);

#[derive(Debug)]
struct Counters {
    order: watch::Sender<Order>,
    kept: watch::Sender<usize>,
}

impl Post {
    pub(super) fn new() -> Self {
        Self(Arc::new(Counters { order: watch::Sender::new(Order::Pass), kept: watch::Sender::new(0) }))
    }

    /// Puts itself in front of Kinesis.
    pub(super) fn before(&self, app: Router) -> Router {
        let post = self.clone();
        app.layer(middleware::from_fn(move |request, next| {
            let post = post.clone();
            async move { post.handle(request, next).await }
        }))
    }

    /// Gives an order; whatever was kept under the one before is thrown away.
    pub(super) fn order(&self, order: Order) {
        self.0.order.send_replace(order);
    }

    /// Returns when something more has been kept than `before`.
    pub(super) async fn kept_more_than(&self, before: usize) {
        // It holds the sender itself.
        self.0.kept.subscribe().wait_for(|kept| *kept > before).await.ok();
    }

    /// How much has been kept so far.
    pub(super) fn kept(&self) -> usize {
        *self.0.kept.borrow()
    }

    async fn handle(&self, request: Request, next: Next) -> Response {
        let mut orders = self.0.order.subscribe();
        let order = *orders.borrow_and_update();
        let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok());
        if order == Order::Pass || !target.is_some_and(|t| t.ends_with(".PutRecords")) {
            return next.run(request).await;
        }
        if order == Order::KeepAnswer {
            next.run(request).await;
        }
        self.0.kept.send_modify(|kept| *kept += 1);
        orders.changed().await.ok();
        let mut lost = Response::new(Body::empty());
        *lost.status_mut() = StatusCode::GATEWAY_TIMEOUT;
        lost
    }
}
