//! What can be asked over HTTP: GET only, from this machine only.
//!
//! Here: `/view` (the agent as JSON) and `/health`. Not here: a page for people, metrics.
//! Invariant: nothing here changes anything; a request that was not meant for this machine's own name (DNS
//! rebinding) is refused.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::forward;
use crate::outbox::Ledger;
use crate::view::View;

/// Where what is shown comes from.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Core's picture.
    pub view: watch::Receiver<View>,
    /// The outbox, for its numbers.
    pub ledger: Arc<Ledger>,
    /// How things stand with the stream.
    pub forward: watch::Receiver<forward::State>,
}

/// `/view`.
#[derive(Debug, Serialize)]
struct Picture {
    #[serde(flatten)]
    view: View,
    /// Transitions since the outbox was made.
    transitions: u64,
    /// Transitions that the stream accepted.
    delivered: u64,
    /// Entries that wait in the outbox.
    waiting: u64,
    /// How things stand with the stream.
    forward: String,
}

/// Serves until the process ends.
///
/// # Errors
/// When the address cannot be had.
pub async fn serve(address: SocketAddr, shown: Shown) -> std::io::Result<()> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(%address, "page is up");
    axum::serve(listener, router(shown)).await
}

fn router(shown: Shown) -> Router {
    let routes = Router::new().route("/view", get(view)).route("/health", get(|| async { "ok\n" }));
    routes.layer(middleware::from_fn(guard)).with_state(shown)
}

/// Refuses requests for other hosts, and tells the browser to load nothing from elsewhere.
async fn guard(request: Request, next: Next) -> Response {
    if !is_local(request.headers()) {
        return (StatusCode::FORBIDDEN, "this page is for this machine only\n").into_response();
    }
    let mut response = next.run(request).await;
    let policy = header::HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

fn is_local(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|h| h.to_str().ok()) else { return false };
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    ["localhost", "127.0.0.1", "::1"].contains(&name)
}

async fn view(State(shown): State<Shown>) -> Json<Picture> {
    let counts = shown.ledger.counts();
    let delivered = counts.delivered.transitions;
    let link = shown.forward.borrow().clone();
    Json(Picture {
        view: shown.view.borrow().clone(),
        transitions: counts.waiting.transitions + delivered + counts.shed.transitions,
        delivered,
        waiting: counts.waiting.total(),
        forward: link.reason.unwrap_or_else(|| format!("{:?}", link.link).to_lowercase()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_local() {
        let local = |host: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            is_local(&headers)
        };
        assert!(local("127.0.0.1:8787") && local("localhost") && local("[::1]:8787"));
        assert!(!local("evil.example") && !local("127.0.0.1.evil.example:8787") && !local(""));
        assert!(!is_local(&HeaderMap::new()));
    }
}
