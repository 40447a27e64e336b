//! A technician's desk: a folder with a configuration, and the command line of edge-agent.
//!
//! Here: running commands in that folder, so that what they say names files as it was typed. Not here: what they
//! should say. Invariant: a command that does not end is killed, by its process id.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::works::until;

/// A command that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// One rule that is right, one tag at an address where nobody is.
const AGENT: &str = r#"[agent]
id = "ipc-l3"
site = "here"
data_dir = "data"
rules_dir = "rules"

[[machine]]
name = "washer-1"
id = "84068f2f"
class = "washer"

[[source]]
id = "washer_plc"
protocol = "s7"
address = "127.0.0.1:1"
scan = "100 ms"

[[source.tag]]
machine = "washer-1"
name = "water_temperature"
address = "DB20.DBD30:REAL"
unit = "°C"
"#;
const RULES: &str = r#"[rule.hot]
on = "washer-*"
when = "water_temperature > 60 °C"
severity = "alarm"
"#;

/// The desk.
pub(crate) struct Desk {
    dir: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { dir: TempDir::new().unwrap() };
        fs::create_dir(desk.path("rules")).unwrap();
        fs::write(desk.path("agent.toml"), AGENT).unwrap();
        fs::write(desk.path("rules/line.toml"), RULES).unwrap();
        desk
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces something in a file.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) -> &Self {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "{from} is not in {file}");
        fs::write(self.path(file), text.replacen(from, to, 1)).unwrap();
        self
    }

    /// Runs a command that ends by itself.
    pub(crate) async fn say(&self, line: &str) -> Said {
        let mut running = self.start(line, "said");
        until(line, PATIENCE, async || running.child.try_wait().unwrap().is_some()).await;
        running.said()
    }

    /// Starts a command that does not end by itself; what it says goes to files of that name.
    pub(crate) fn start(&self, line: &str, name: &str) -> Running {
        self.start_with(line, name, &[("AWS_ACCESS_KEY_ID", "desk"), ("AWS_SECRET_ACCESS_KEY", "desk")])
    }

    /// The same with just these variables: the home is the desk.
    pub(crate) fn start_with(&self, line: &str, name: &str, variables: &[(&str, &str)]) -> Running {
        let [out, err] = ["out", "err"].map(|kind| self.path(&format!("{name}.{kind}")));
        let child = Command::new(env!("CARGO_BIN_EXE_plant"))
            .arg("agent")
            .args(line.split(' '))
            .current_dir(self.dir.path())
            .env_clear()
            .env("HOME", self.dir.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Running { child, out, err }
    }
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Running {
    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// Waits until it has said something.
    pub(crate) async fn until_says(&self, words: &str) {
        until(words, PATIENCE, async || self.log().contains(words)).await;
    }

    /// Its log lines of a level, without time and level.
    pub(crate) fn lines(&self, level: &str) -> Vec<String> {
        let log = self.log();
        log.lines().filter_map(|l| Some(l.split_once(level)?.1.trim().to_owned())).collect()
    }

    /// Holds it up, as a machine does that has other things to do.
    pub(crate) fn hold(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        kill_process(Pid::from_child(&self.child), Signal::CONT).unwrap();
    }

    /// Kills it.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as systemd does: it must, and well.
    pub(crate) async fn stop(mut self) -> Said {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::TERM).unwrap();
        until("it ends when asked to", PATIENCE, async || self.child.try_wait().unwrap().is_some()).await;
        let said = self.said();
        assert_eq!(said.code, 0, "{said:?}");
        said
    }

    fn said(&mut self) -> Said {
        let code = self.child.wait().unwrap().code().unwrap();
        let [out, err] = [&self.out, &self.err].map(|file| fs::read_to_string(file).unwrap());
        assert!(!err.contains("panicked"), "{err}");
        Said { code, out, err }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, unless a test failed.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Gives a state that must not change the time to do so.
pub(crate) async fn a_while() {
    sleep(Duration::from_secs(3)).await;
}
