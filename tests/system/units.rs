//! The units: systemd accepts them, they give away little, and the agent speaks to its manager.
//!
//! Here: systemd's own judges on the files, and the agent with a notify socket. Not here: an installed service
//! (no systemd runs where these tests do). Invariant: an exposure above 1.5 fails.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

fn unit(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("systemd").join(name)
}

/// A copy of a unit whose program exists here: `verify` looks for it.
fn copy(folder: &Path, name: &str) -> PathBuf {
    let text = std::fs::read_to_string(unit(name)).unwrap();
    let text = text.replace("ExecStart=/usr/bin/", &format!("ExecStart={}/", folder.display()));
    let program = folder.join(name.trim_end_matches(".service"));
    std::os::unix::fs::symlink("/bin/true", program).unwrap();
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn judged(args: &[&str], path: &Path) -> (bool, String) {
    let out =
        Command::new("systemd-analyze").args(args).arg(path).output().expect("tests/run installs systemd");
    let said = [out.stdout, out.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (out.status.success(), said)
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    for name in ["edge-agent.service", "cloud-ingest.service"] {
        let folder = tempfile::tempdir().unwrap();
        let (ok, said) = judged(&["verify", "--man=no"], &copy(folder.path(), name));
        assert!(ok && said.trim().is_empty(), "{name}: {said}");
    }
}

#[test]
fn the_units_give_away_little() {
    for name in ["edge-agent.service", "cloud-ingest.service"] {
        let (ok, said) = judged(&["security", "--offline=true", "--threshold=15", "--no-pager"], &unit(name));
        assert!(ok, "{name}: {}", said.lines().last().unwrap_or_default());
    }
}

#[test]
fn the_agent_tells_its_manager_when_it_is_ready_alive_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut agent = agent(folder.path());
    hear(&socket, "READY=1");
    hear(&socket, "WATCHDOG=1");
    hear(&socket, "WATCHDOG=1");
    kill_process(Pid::from_child(&agent), Signal::TERM).unwrap();
    hear(&socket, "STOPPING=1");
    assert!(agent.wait().unwrap().success());
}

fn agent(folder: &Path) -> Child {
    std::fs::create_dir(folder.join("rules")).unwrap();
    let config = folder.join("agent.toml");
    std::fs::write(&config, "[agent]\nid = 'a'\ndata_dir = 'data'\nrules_dir = 'rules'\n").unwrap();
    Command::new(env!("CARGO_BIN_EXE_plant"))
        .args(["agent", "run", "--config"])
        .arg(config)
        .env("NOTIFY_SOCKET", folder.join("notify"))
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for a word of the agent's.
fn hear(socket: &UnixDatagram, word: &str) {
    let began = Instant::now();
    let mut buffer = [0; 256];
    while began.elapsed() < Duration::from_secs(20) {
        let length = socket.recv(&mut buffer).unwrap_or_else(|e| panic!("{word} was not said: {e}"));
        if String::from_utf8_lossy(&buffer[..length]).lines().any(|line| line == word) {
            return;
        }
    }
    panic!("{word} was not said");
}
