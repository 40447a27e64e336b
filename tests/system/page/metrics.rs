//! The metrics in Prometheus' own parser.
//!
//! Here: what it makes of them. Not here: how they are written (`edge-agent/src/web`). Needs what `tests/run` installs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde::Deserialize;

use super::PATIENCE;
use super::stand::{Stand, ask};

#[tokio::test]
async fn prometheus_reads_the_metrics() {
    let stand = Stand::start().await;
    let deadline = Instant::now() + PATIENCE;
    let families = loop {
        let answer = ask(stand.http, "GET", "/metrics", &stand.http.to_string()).await.unwrap();
        assert!(answer.head.contains("content-type: text/plain; version=0.0.4"), "{}", answer.head);
        let families = parsed(&answer.body);
        // The first scan reports each of the ten tags.
        if value(&families, "plimsoll_datapoints_total", "plc") >= Some(10.0) {
            break families;
        }
        assert!(Instant::now() < deadline, "no tag is read: {}", answer.body);
    };
    for family in &families {
        let ends = |suffix| family.samples.iter().all(|s| s.name.ends_with(suffix));
        assert_eq!(family.kind == "counter", ends("_total"), "{family:?}");
        assert!(!family.help.is_empty(), "{family:?}");
    }
    assert_eq!(value(&families, "plimsoll_source_up", "plc"), Some(1.0));
    assert_eq!(value(&families, "plimsoll_source_bad_tags", "plc"), Some(1.0));
    assert_eq!(value(&families, "plimsoll_rule_mistakes", "error"), Some(1.0));
    assert_eq!(value(&families, "plimsoll_rules", ""), Some(2.0));
    assert_eq!(value(&families, "plimsoll_outbox_limit_bytes", ""), Some(f64::from(256 << 20)));
    for measured in ["plimsoll_source_scan_duration_seconds", "plimsoll_watermark_lag_seconds"] {
        assert!(value(&families, measured, "plc").is_some_and(|s| (0.0..5.0).contains(&s)), "{measured}");
    }
    assert!(value(&families, "process_resident_memory_bytes", "").is_some_and(|b| b > 1e6));
    assert!(value(&families, "plimsoll_forwarder_up", "") == Some(1.0));
}

/// A metric as Prometheus' own parser understands it.
#[derive(Debug, Deserialize)]
struct Family {
    #[serde(rename = "type")]
    kind: String,
    help: String,
    samples: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// The sample with a label of that value; without labels when that is empty.
fn value(families: &[Family], name: &str, label: &str) -> Option<f64> {
    let mut samples = families.iter().flat_map(|f| &f.samples).filter(|s| s.name == name);
    let fits = |s: &&Sample| {
        if label.is_empty() { s.labels.is_empty() } else { s.labels.values().any(|v| v == label) }
    };
    samples.find(fits).map(|s| s.value)
}

fn parsed(text: &str) -> Vec<Family> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new(here.join(".venv/bin/python"))
        .arg(here.join("peers/metrics.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/run makes the virtual environment with the peers");
    python.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "not what Prometheus reads:\n{text}");
    serde_json::from_slice(&output.stdout).unwrap()
}
