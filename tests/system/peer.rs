//! Third-party servers as processes of their own: started, spoken to over loopback, killed by their process id.
//!
//! Here: the Python scripts of `tests/peers`, run by the virtual environment that `tests/run` makes. A script
//! prints `up PORT` when it listens; what it prints after that can be looked at.
//! Invariant: no peer outlives its [`Peer`].

use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::Duration,
};

use crate::faketime::Faketime;

/// Python needs seconds, and on a busy machine many; a script that cannot come up ends by itself.
const START_MAX: Duration = Duration::from_secs(90);
/// Another process may take a port between its choice and its use.
const PORTS_TRIED: usize = 20;

/// A running server.
pub(crate) struct Peer {
    child: Child,
    port: u16,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Starts a script of `tests/peers` and waits until it is up.
    pub(crate) fn start(script: &str, args: &[&str]) -> Self {
        Self::try_start(script, args).unwrap_or_else(|| panic!("{script} {args:?} did not come up"))
    }

    /// Starts a script that must be told a port: the first free one that it can take goes before `args`.
    pub(crate) fn start_on_free_port(script: &str, args: &[&str]) -> Self {
        let on_a_free_port = |_| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            Self::try_start(script, &[&[port.to_string().as_str()], args].concat())
        };
        (0..PORTS_TRIED).find_map(on_a_free_port).unwrap_or_else(|| panic!("{script} did not come up"))
    }

    /// The same under another clock.
    pub(crate) fn start_under(clock: &Faketime, script: &str, args: &[&str]) -> Self {
        let on_a_free_port = |_| {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            Self::try_start_with(&clock.environment(), script, &[&[port.to_string().as_str()], args].concat())
        };
        (0..PORTS_TRIED).find_map(on_a_free_port).unwrap_or_else(|| panic!("{script} did not come up"))
    }

    /// `None` when the script ends before it is up.
    pub(crate) fn try_start(script: &str, args: &[&str]) -> Option<Self> {
        Self::try_start_with(&[], script, args)
    }

    fn try_start_with(environment: &[(OsString, OsString)], script: &str, args: &[&str]) -> Option<Self> {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = tests.join(".venv/bin/python");
        assert!(python.exists(), "{} is missing: `tests/run` makes it", python.display());
        let mut child = Command::new(python)
            .arg(tests.join("peers").join(script))
            .args(args)
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut peer = Self { child, port: 0, lines: Arc::default() };
        let (up, is_up) = mpsc::channel();
        let lines = Arc::clone(&peer.lines);
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                match line.strip_prefix("up ") {
                    Some(port) => up.send(port.parse().unwrap()).unwrap(),
                    None => lines.lock().unwrap().push(line),
                }
            }
        });
        peer.port = is_up.recv_timeout(START_MAX).ok()?;
        Some(peer)
    }

    /// The port on which it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What it has printed since it is up.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Kills it, as a power cut does.
    pub(crate) fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.end();
    }
}
