//! A network that carries each entry to the stream once, and never an answer back.
//!
//! So the stream is what it would be on a good day, and the agent's ledger keeps everything, for nobody told it that
//! anything was accepted. What the agent sends again is taken out of its requests on the way; else what somebody
//! behind the stream loses would come once more, and nobody would notice.
//!
//! Here: `PutRecords`. Not here: whoever reads the stream; those requests pass.
//! Invariant: what has arrived is what the stream has accepted, each entry as the agent sent it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use proto::aggregate;
use serde_json::{Value, json};

/// The network.
#[derive(Debug, Clone, Default)]
pub(super) struct OneWay(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
struct Seen {
    arrived: HashSet<Vec<u8>>,
    answers_lost: usize,
}

/// A record of a request with only what is new in it.
struct Parcel {
    key: String,
    entries: Vec<Vec<u8>>,
}

impl OneWay {
    /// Puts itself in front of Kinesis.
    pub(super) fn before(&self, app: Router) -> Router {
        let own = self.clone();
        app.layer(middleware::from_fn(move |request, next| {
            let network = own.clone();
            async move { network.carry(request, next).await }
        }))
    }

    /// Whether the stream has an entry.
    pub(super) fn has(&self, entry: &[u8]) -> bool {
        self.0.lock().unwrap().arrived.contains(entry)
    }

    /// How many entries of a kind the stream has.
    pub(super) fn arrived(&self, kind: &str) -> usize {
        let start = format!("{{\"kind\":\"{kind}\"");
        self.0.lock().unwrap().arrived.iter().filter(|entry| entry.starts_with(start.as_bytes())).count()
    }

    pub(super) fn answers_lost(&self) -> usize {
        self.0.lock().unwrap().answers_lost
    }

    async fn carry(&self, request: Request, next: Next) -> Response {
        let target = request.headers().get("x-amz-target").and_then(|t| t.to_str().ok());
        if !target.is_some_and(|t| t.ends_with(".PutRecords")) {
            return next.run(request).await;
        }
        let (mut head, body) = request.into_parts();
        let mut order: Value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
        let parcels = self.new_in(order["Records"].as_array().unwrap());
        if !parcels.is_empty() {
            order["Records"] = parcels.iter().map(Parcel::record).collect();
            head.headers.remove(header::CONTENT_LENGTH);
            let request = Request::from_parts(head, Body::from(order.to_string()));
            self.note(parcels, next.run(request).await).await;
        }
        self.0.lock().unwrap().answers_lost += 1;
        StatusCode::GATEWAY_TIMEOUT.into_response()
    }

    fn new_in(&self, records: &[Value]) -> Vec<Parcel> {
        let parcel = |record: &Value| {
            let key = record["PartitionKey"].as_str().unwrap().to_owned();
            let data = BASE64_STANDARD.decode(record["Data"].as_str().unwrap()).unwrap();
            let all = aggregate::unpack(&key, &data).unwrap().into_iter().map(|user| user.data.clone());
            let entries = all.filter(|entry| !self.has(entry)).collect();
            Parcel { key, entries }
        };
        records.iter().map(parcel).filter(|parcel| !parcel.entries.is_empty()).collect()
    }

    /// Notes what the stream accepted: not always the whole request.
    async fn note(&self, parcels: Vec<Parcel>, answer: Response) {
        if answer.status() != StatusCode::OK {
            return;
        }
        let answer = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let mut seen = self.0.lock().unwrap();
        for (parcel, said) in parcels.into_iter().zip(answer["Records"].as_array().unwrap()) {
            if said["ErrorCode"].is_null() {
                seen.arrived.extend(parcel.entries);
            }
        }
    }
}

impl Parcel {
    fn record(&self) -> Value {
        let data = aggregate::pack(&self.key, self.entries.iter().map(Vec::as_slice));
        json!({ "PartitionKey": self.key, "Data": BASE64_STANDARD.encode(data) })
    }
}
