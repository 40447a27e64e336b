//! What a running agent says of itself: `GET /view`.
//!
//! Here: asking, and the counters that a run is judged by. Not here: the rest of its page.
//! Invariant: an agent that does not answer within two seconds is one that does not answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// No view is longer, bytes.
const ANSWER_MAX: u64 = 1 << 20;

/// The counters of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct View {
    /// Datapoints that went through the rules.
    pub datapoints: u64,
    /// How many of them came behind the watermark.
    pub late: u64,
    /// Transitions that were made durable.
    pub transitions: u64,
    /// How many of them the stream accepted.
    pub delivered: u64,
    /// Records that wait in the outbox.
    pub waiting: u64,
    /// Tags without a good value, of all sources.
    #[serde(rename = "sources", deserialize_with = "bad")]
    pub bad: u64,
}

fn bad<'d, D: Deserializer<'d>>(sources: D) -> Result<u64, D::Error> {
    #[derive(Deserialize)]
    struct Source {
        bad: u64,
    }
    Ok(Vec::<Source>::deserialize(sources)?.iter().map(|source| source.bad).sum())
}

impl View {
    /// Whether so many tags, which are all, have been heard.
    #[must_use]
    pub fn is_read(&self, tags: usize) -> bool {
        self.bad == 0 && usize::try_from(self.datapoints).is_ok_and(|heard| heard >= tags)
    }
}

/// Asks the agent at an address.
///
/// # Errors
/// When it cannot be reached, does not answer in time, or says something else.
pub async fn get(http: SocketAddr) -> io::Result<View> {
    tokio::time::timeout(PATIENCE, ask(http)).await?
}

async fn ask(http: SocketAddr) -> io::Result<View> {
    let mut agent = TcpStream::connect(http).await?;
    // HTTP 1.0: the answer comes in one piece and ends with the connection.
    agent.write_all(format!("GET /view HTTP/1.0\r\nHost: {http}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    agent.take(ANSWER_MAX).read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = head.lines().next().unwrap_or_default();
    if status.split(' ').nth(1) != Some("200") {
        return Err(io::Error::other(format!("the agent answers {status}")));
    }
    serde_json::from_str(body).map_err(io::Error::from)
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use axum::{Json, Router};
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn the_counters_are_read_from_among_other_things() {
        let view = json!({ "datapoints": 7, "late": 1, "transitions": 3, "delivered": 2, "waiting": 1, "x": [],
                "sources": [{ "id": "a", "bad": 2 }, { "id": "b", "bad": 3 }] });
        let http = serve(Router::new().route("/view", get(|| async { Json(view) }))).await;
        let read = super::get(http).await.unwrap();
        assert_eq!(read, View { datapoints: 7, late: 1, transitions: 3, delivered: 2, waiting: 1, bad: 5 });
        assert!(
            !read.is_read(7) && View { bad: 0, ..read }.is_read(7) && !View { bad: 0, ..read }.is_read(8)
        );
    }

    #[tokio::test]
    async fn another_answer_is_an_error() {
        let http = serve(Router::new()).await;
        let said = super::get(http).await.unwrap_err().to_string();
        assert!(said.contains("404"), "{said}");
        let http = serve(Router::new().route("/view", get(|| async { "hello" }))).await;
        assert!(super::get(http).await.is_err());
    }

    async fn serve(app: Router) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await });
        address
    }
}
