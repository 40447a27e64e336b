//! Aggregates against AWS' own Python library (`aws_kinesis_agg`): what one writes, the other reads.
//!
//! Not here: what goes into an aggregate. Needs the virtual environment that `tests/run` makes.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use proto::aggregate::{self, UserRecord};
use serde_json::{Value, json};

#[test]
fn the_library_of_aws_reads_what_is_packed_here() {
    let records = some_records();
    let packed = aggregate::pack("machine-1", records.iter().map(Vec::as_slice));
    let expected = records.iter().map(|r| json!(["machine-1", hex(r)])).collect::<Vec<_>>();
    assert_eq!(peer("unpack", &json!(hex(&packed))), Value::Array(expected));
}

#[test]
fn what_the_library_of_aws_packs_is_read_here() {
    let keys = ["machine-1", "machine-2", "maschine-ü"];
    let records = some_records().into_iter().zip(keys.iter().cycle()).collect::<Vec<_>>();
    let said = records.iter().map(|(r, key)| json!([key, hex(r)])).collect::<Vec<_>>();
    let packed = unhex(peer("pack", &Value::Array(said)).as_str().unwrap());
    let user_record = |(data, key): (Vec<u8>, &&str)| UserRecord { partition_key: (*key).to_owned(), data };
    let expected = records.into_iter().map(user_record).collect::<Vec<_>>();
    assert_eq!(aggregate::unpack("outer", &packed).unwrap(), expected);
}

/// Empty, small, around the lengths where a varint grows, and not text at all.
fn some_records() -> Vec<Vec<u8>> {
    [0, 1, 127, 128, 300, 16_383, 16_384, 70_000]
        .map(|len| (0..len).map(|n| (n % 251) as u8).collect())
        .to_vec()
}

fn peer(what: &str, said: &Value) -> Value {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new(here.join(".venv/bin/python"))
        .arg(here.join("peers/aggregates.py"))
        .arg(what)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/run makes the virtual environment with the peers");
    python.stdin.take().unwrap().write_all(said.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    proto::id::hex(bytes)
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
