//! What can be asked over HTTP: GET only, from this machine only.
//!
//! | path | what |
//! |---|---|
//! | `/` and the files it loads | the page for people, in `page/`, part of the program |
//! | `/view` | the agent as JSON, see `live` |
//! | `/metrics` | its numbers for Prometheus, see `metrics` |
//! | `/health` | 200 while core answers: else the process should be started again |
//! | `/ready` | 200 while it does its work: core answers and what it finds can be kept |
//!
//! Here: who may ask, and where it leads. Not here: anything that changes the agent.
//! Invariant: nothing here changes anything; a request that was not meant for this machine's own name (DNS
//! rebinding) is refused; the page loads nothing from elsewhere, runs no script but its own, and the browser
//! refuses to make markup of any text (trusted types), whatever a PLC sends. The line is watched whether
//! or not the page can be shown.

mod exposition;
mod live;
mod metrics;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::config::Config;
use crate::forward;
use crate::outbox::Ledger;
use crate::view::{Looker, View};

/// Where what is shown comes from.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Who is shown.
    pub about: About,
    /// Core's pictures.
    pub looker: Looker,
    /// The outbox, for its numbers.
    pub ledger: Arc<Ledger>,
    /// How things stand with the stream.
    pub forward: watch::Receiver<forward::State>,
}

/// What of the configuration is shown.
#[derive(Debug, Clone)]
pub struct About {
    agent_id: Arc<str>,
    site: Option<Arc<str>>,
    outbox_bytes_max: u64,
}

impl About {
    /// The agent of this configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self {
            agent_id: config.agent.id.as_str().into(),
            site: config.agent.site.as_deref().map(Into::into),
            outbox_bytes_max: config.outbox.ledger_max,
        }
    }
}

/// An address that cannot be had is asked for again after this time.
const BIND_EVERY: Duration = Duration::from_secs(2);

/// Refuses everything that the page does not need.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The files of the page: path, media type, text.
const FILES: [(&str, &str, &str); 6] = [
    ("/", "text/html; charset=utf-8", include_str!("page/page.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", "text/javascript; charset=utf-8", include_str!("page/page.js")),
    ("/draw.js", "text/javascript; charset=utf-8", include_str!("page/draw.js")),
    ("/words.js", "text/javascript; charset=utf-8", include_str!("page/words.js")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
];

/// Serves until the process ends. An address that another program has is waited for: that is no reason to stop
/// watching the line.
pub async fn serve(address: SocketAddr, shown: Shown) -> Infallible {
    loop {
        let listener = listen(address).await;
        tracing::info!(%address, "page is up");
        if let Err(error) = axum::serve(listener, router(shown.clone())).await {
            tracing::error!(%address, %error, "page is down");
        }
    }
}

async fn listen(address: SocketAddr) -> TcpListener {
    let mut told = false;
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) if !told => {
                told = true;
                tracing::error!(
                    %error,
                    "no page at {address}: end the program that uses this port, or change `http` in [agent]; \
                     everything else works"
                );
            }
            Err(_) => {}
        }
        tokio::time::sleep(BIND_EVERY).await;
    }
}

fn router(shown: Shown) -> Router {
    let mut routes = Router::new()
        .route("/view", get(live::view))
        .route("/metrics", get(metrics::metrics))
        .route("/health", get(health))
        .route("/ready", get(ready));
    for (path, media_type, text) in FILES {
        routes = routes.route(path, get(async move || ([(header::CONTENT_TYPE, media_type)], text)));
    }
    routes.layer(middleware::from_fn(guard)).with_state(shown)
}

/// Refuses what is not asked of this machine, or is not a question.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if !is_local(request.headers()) {
        (StatusCode::FORBIDDEN, "this page is for this machine only\n").into_response()
    } else if request.method() != Method::GET {
        (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")], "nothing can be changed here\n")
            .into_response()
    } else {
        next.run(request).await
    };
    let headers: [(HeaderName, &str); 5] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
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

async fn health(State(shown): State<Shown>) -> Response {
    match shown.looker.look().await {
        Some(_) => "ok\n".into_response(),
        None => core_is_silent(),
    }
}

/// The configuration is valid and the outbox open before anything is served.
async fn ready(State(shown): State<Shown>) -> Response {
    match shown.looker.look().await.as_deref() {
        Some(View { disk_full: true, .. }) => {
            unavailable("the disk is full: nothing can be kept before some space is freed\n")
        }
        Some(_) => "ready\n".into_response(),
        None => core_is_silent(),
    }
}

fn core_is_silent() -> Response {
    unavailable("core does not answer: no rule is judged\n")
}

fn unavailable(why: &'static str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
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

    #[test]
    fn the_page_makes_markup_of_nothing_and_names_no_other_address() {
        for (path, _, text) in FILES {
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "style=",
                "onclick",
            ] {
                assert!(!text.contains(word), "{path} uses {word}");
            }
            // The name of a vocabulary is not an address.
            let others = text.replace("http://www.w3.org/2000/svg", "");
            assert!(
                !others.contains("http:") && !others.contains("https:") && !others.contains("//www"),
                "{path}"
            );
        }
    }
}
