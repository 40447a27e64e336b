//! A DynamoDB that has too little capacity, which no emulator has: it takes one put in three and falters once
//! at each item.
//!
//! Here: answers, and what was taken in which order. Not here: conditions; nothing is put twice to it.
//! Invariant: a put that was refused is not among those that were taken.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

/// It, listening.
pub(crate) struct Busy {
    pub(crate) endpoint: String,
    counter: Arc<Mutex<Counter>>,
}

#[derive(Default)]
struct Counter {
    asked: usize,
    faltered: BTreeSet<(String, String)>,
    taken: Vec<(String, String)>,
}

impl Busy {
    pub(crate) async fn start() -> Self {
        let counter = Arc::new(Mutex::new(Counter::default()));
        let app = Router::new().fallback(answer).with_state(Arc::clone(&counter));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { endpoint, counter }
    }

    /// Partition and sort key of each put that was taken, in order.
    pub(crate) fn taken(&self) -> Vec<(String, String)> {
        self.counter.lock().unwrap().taken.clone()
    }

    /// Puts that were asked for.
    pub(crate) fn asked(&self) -> usize {
        self.counter.lock().unwrap().asked
    }
}

async fn answer(State(counter): State<Arc<Mutex<Counter>>>, body: Bytes) -> Response {
    let put: Value = serde_json::from_slice(&body).unwrap();
    let part = |name: &str| put["Item"][name]["S"].as_str().unwrap().to_owned();
    let key = (part("pk"), part("sk"));
    let mut counter = counter.lock().unwrap();
    counter.asked += 1;
    if !counter.asked.is_multiple_of(3) {
        return said(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException");
    }
    if counter.faltered.insert(key.clone()) {
        return said(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError");
    }
    counter.taken.push(key);
    said(StatusCode::OK, "")
}

fn said(status: StatusCode, code: &str) -> Response {
    let body = match code {
        "" => "{}".to_owned(),
        code => format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"too much"}}"#),
    };
    let kind = "application/x-amz-json-1.0";
    Response::builder().status(status).header("content-type", kind).body(Body::from(body)).unwrap()
}
