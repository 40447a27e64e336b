//! The test stand of `cloud-ingest`: the program as a process of its own, a folder for it, what is put into the stream.
//!
//! Here: starting and ending it. Not here: the stream (`kinesis`), what is expected.
//! Invariant: whatever is started here is ended here, by its process id, also when a test fails.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use super::kinesis::Kinesis;

/// Longest wait for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A folder, a configuration and a way to start the program.
pub(crate) struct Stand {
    pub(crate) kinesis: Kinesis,
    dir: tempfile::TempDir,
    destination: String,
    credentials: bool,
}

/// The program, running.
pub(crate) struct Ingest {
    child: Child,
    log: PathBuf,
    out: PathBuf,
}

impl Stand {
    pub(crate) fn new(kinesis: Kinesis) -> Self {
        let destination = "[local]\ndir = \"store\"\n".into();
        let stand = Self { kinesis, dir: tempfile::tempdir().unwrap(), destination, credentials: true };
        stand.polling("200 ms")
    }

    /// Stores in the table `plimsoll` instead of files; failures and places stay where they are.
    pub(crate) fn with_table_at(self, endpoint: &str) -> Self {
        let table = "[dynamodb]\ntable = \"plimsoll\"\nregion = \"us-east-1\"\nttl = \"90 days\"\n";
        let directories = "[checkpoint]\ndir = \"store/checkpoint\"\n[failures]\ndir = \"store/failures\"\n";
        let destination = format!("{table}endpoint = \"{endpoint}\"\n{directories}");
        Self { destination, ..self }.polling("200 ms")
    }

    pub(crate) fn polling(self, poll: &str) -> Self {
        let endpoint = &self.kinesis.endpoint;
        let stream =
            format!("[stream]\nname = \"line\"\nregion = \"us-east-1\"\nendpoint = \"{endpoint}\"\n");
        let destination = &self.destination;
        fs::write(self.config(), format!("{stream}poll = \"{poll}\"\n{destination}")).unwrap();
        self
    }

    /// Nothing listens there.
    pub(crate) fn at_a_closed_port(mut self) -> Self {
        self.kinesis.endpoint = "http://127.0.0.1:1".into();
        self.polling("200 ms")
    }

    pub(crate) fn without_credentials(self) -> Self {
        Self { credentials: false, ..self }
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("c.toml")
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// The files of one part of the store.
    pub(crate) fn files(&self, part: &str) -> Vec<PathBuf> {
        files(&self.store().join(part))
    }

    /// The bytes of everything that was set aside; each has a note with a reason.
    pub(crate) fn failures(&self) -> BTreeSet<Vec<u8>> {
        let notes = self.files("failures").into_iter().filter(|f| f.extension().is_some_and(|e| e == "json"));
        let raw = |note: PathBuf| {
            let json: serde_json::Value = serde_json::from_slice(&fs::read(&note).unwrap()).unwrap();
            assert!(!json["reason"].as_str().unwrap().is_empty());
            fs::read(note.with_extension("raw")).unwrap()
        };
        notes.map(raw).collect()
    }

    pub(crate) fn start(&self) -> Ingest {
        let (log, out) = (self.dir.path().join("log"), self.dir.path().join("out"));
        let append = |path: &Path| File::options().create(true).append(true).open(path).unwrap();
        let child = self
            .command(&["run", "--config", self.config().to_str().unwrap()])
            .stdout(append(&out))
            .stderr(append(&log))
            .spawn()
            .unwrap();
        Ingest { child, log, out }
    }

    /// Runs the program until it ends by itself; gives its exit code and what it said.
    pub(crate) fn end(&self, args: &[&str]) -> (i32, String) {
        let output = self.command(args).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plant"));
        command.arg("ingest").args(args).env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
        command.env("HOME", self.dir.path()).stdin(Stdio::null());
        if self.credentials {
            command.env("AWS_ACCESS_KEY_ID", "test").env("AWS_SECRET_ACCESS_KEY", "test");
        }
        command
    }
}

impl Ingest {
    /// Ends it as a power cut does, at whatever it is doing.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as systemd does: it must, without an error and without a word on stdout.
    pub(crate) fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success(), "{}", self.log());
        assert_eq!(fs::read_to_string(&self.out).unwrap(), "");
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Ingest {
    fn drop(&mut self) {
        // Ended already, unless a test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Waits until something is so.
pub(crate) async fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every file below a directory, none where there is no directory. Files that vanish meanwhile are left out.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tmp~") {
            found.extend(files(&path));
        } else if path.extension().is_some() {
            found.push(path);
        }
    }
    found
}

/// A transition of the rule `hot`, as an agent of today writes it.
pub(crate) fn transition(machine: &str, sequence: u64) -> Vec<u8> {
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let incarnation = "00000000000000ff";
    let json = serde_json::json!({
        "kind": "transition", "version": 1, "id": proto::id::transition("a", incarnation, "hot", machine, sequence),
        "agentId": "a", "incarnation": incarnation, "site": "here", "sequenceNumber": sequence, "ruleId": "hot",
        "ruleHash": "ab", "equipmentId": machine, "equipment": machine, "line": "L3", "timestamp": now,
        "detectedAt": now, "watermark": now, "from": "Normal", "to": "Hot", "since": now, "severity": "alarm",
        "cause": "condition", "group": null, "weight": 0, "because": null, "groups": [], "flags": [],
        "text": {"en": "too hot"},
    });
    serde_json::to_vec(&json).unwrap()
}

/// Always the same event, of this program's first minute.
pub(crate) fn event() -> Vec<u8> {
    static START: OnceLock<u128> = OnceLock::new();
    let start = START.get_or_init(|| SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis());
    format!(
        r#"{{"kind":"event","version":1,"id":"e1","agentId":"a","incarnation":"ff","timestamp":{start},"sequenceNumber":1,"event":"sourceUp","sourceId":"plc"}}"#
    )
    .into()
}

/// A value of a tag.
pub(crate) fn datapoint(machine: &str) -> Vec<u8> {
    format!(
        r#"{{"version":1,"timestamp":1,"equipmentId":"{machine}","tag":"t","value":1,"quality":"Ok","meta":{{"sequenceNumber":1,"sourceId":"s"}}}}"#
    )
    .into()
}
