//! An agent before a PLC whose bytes a test writes: a process as it ships, read over S7, asked over HTTP.
//!
//! Here: starting it. Not here: what is looked for. Invariant: whatever is started here ends with the [`Stand`].

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use edge_agent::control::{Answer as Answered, Request, client};
use plant::process::{Output, Process};
use plant::server::{Cpu, Memory, Plc};
use rules::operator::Order;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of the data block.
const BLOCK: usize = 4_096;

const CONFIG: &str = r#"
[agent]
id = "ipc-test"
data_dir = "DIR/data"
rules_dir = "DIR/rules"
http = "HTTP"
control = "DIR/control"

[enum.valve]
Closed = 0
Open = 3
[flags.alarm_word]
Door = 0
Stop = 9

[[machine]]
name = "washer-1"
id = "w1"
line = "L3"

[[machine]]
name = "filler-1"
id = "f1"

[[source]]
id = "plc"
protocol = "s7"
address = "PLC"
scan = "50 ms"
tag = [
  { machine = "washer-1", name = "water_temperature", address = "DB1.DBD0:REAL", unit = "°C", range = [0, 120] },
  { machine = "washer-1", name = "count", address = "DB1.DBD4:DINT" },
  { machine = "filler-1", name = "count", address = "DB1.DBD8:DINT" },
  { machine = "filler-1", name = "missing", address = "DB9.DBD0:DINT" },
  { machine = "washer-1", name = "inlet", address = "DB1.DBW12:INT", enum = "valve" },
  { machine = "washer-1", name = "alarms", address = "DB1.DBW14:WORD", flags = "alarm_word" },
  { machine = "washer-1", name = "recipe", address = "DB1.DBB20:STRING[254]" },
  { machine = "washer-1", name = "label", address = "DB1.DBB300:STRING[254]" },
  { machine = "washer-1", name = "noise", address = "DB1.DBB600:STRING[254]" },
  { machine = "washer-1", name = "long", address = "DB1.DBB1000:STRING[254]" },
]
"#;

const RULES: &str = r#"
[rule.hot]
on = "washer-*"
text = "Too hot for {recipe}: {water_temperature:.1} °C{long}{long}{long}{long}"
[rule.hot.group.temperature]
state = [ { name = "Overheated", when = "water_temperature > 90 °C and recipe <> ''", severity = "alarm" } ]
otherwise = "Fine"

[rule.many]
on = "*"
when = "count > 1000"
for = "10 min"
severity = "warning"

[rule.broken]
on = "washer-*"
when = "water_temprature > 90 °C"
"#;

/// A PLC and an agent.
pub(super) struct Stand {
    pub(super) plc: Plc,
    pub(super) agent: Process,
    pub(super) http: SocketAddr,
    block: Arc<Mutex<Vec<u8>>>,
    folder: TempDir,
}

impl Stand {
    /// Starts both, and waits until the agent is ready.
    pub(super) async fn start() -> Self {
        let block = Arc::new(Mutex::new(vec![0; BLOCK]));
        let shown = Arc::clone(&block);
        let memory: Memory = Arc::new(move |number| (number == 1).then(|| shown.lock().unwrap().clone()));
        let plc = Plc::start(Cpu::default(), memory, None).await.unwrap();
        let http = free_address();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        std::fs::create_dir(dir.join("rules")).unwrap();
        std::fs::write(dir.join("rules/rules.toml"), RULES).unwrap();
        let config = CONFIG
            .replace("DIR", &dir.display().to_string())
            .replace("PLC", &plc.address().to_string())
            .replace("HTTP", &http.to_string());
        std::fs::write(dir.join("agent.toml"), config).unwrap();
        let agent = start_agent(&dir.join("agent.toml"), &dir.join("agent.log"));
        until_ready(http, &agent).await;
        let stand = Self { plc, agent, http, block, folder };
        stand.write_text(20, "Pils");
        stand
    }

    /// The page's address.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.http)
    }

    /// Writes one more rule file, which the agent finds by itself.
    pub(super) fn write_rules(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join("rules").join(name), text).unwrap();
    }

    /// Shelves a rule of the washer, and says what was answered.
    pub(super) async fn shelve(&self, rule: &str, why: &str) -> Answered {
        let (rule, why) = (rule.to_owned(), why.to_owned());
        let request = Request { rule, machine: "washer-1".into(), why, order: Order::Shelve(600_000) };
        let path = self.folder.path().join("control");
        tokio::task::spawn_blocking(move || client::ask(&path, &request)).await.unwrap().unwrap()
    }

    /// Writes bytes into the PLC's data block.
    pub(super) fn write(&self, at: usize, bytes: &[u8]) {
        self.block.lock().unwrap()[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Writes a STRING into it: bytes beyond ASCII are those of Latin-1.
    pub(super) fn write_text(&self, at: usize, text: &str) {
        let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
        self.write(at, &[&[254, u8::try_from(bytes.len()).unwrap()], bytes.as_slice()].concat());
    }
}

/// The agent as a process.
pub(super) fn start_agent(config: &Path, log: &Path) -> Process {
    let program = Path::new(env!("CARGO_BIN_EXE_plant"));
    let args = ["leashed", "agent", "run", "--config"].map(Into::into).into_iter().chain([config.into()]);
    Process::start("agent", program, &args.collect::<Vec<_>>(), log.into(), Output::Log).unwrap()
}

/// Waits until the agent says that it does its work.
pub(super) async fn until_ready(http: SocketAddr, agent: &Process) {
    let deadline = Instant::now() + PATIENCE;
    while ask(http, "GET", "/ready", &http.to_string()).await.is_none_or(|answer| answer.status != 200) {
        assert!(Instant::now() < deadline, "the agent is never ready: {}", agent.last_words());
        sleep(Duration::from_millis(50)).await;
    }
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks over HTTP; none when there is no answer.
pub(crate) async fn ask(http: SocketAddr, method: &str, path: &str, host: &str) -> Option<Answer> {
    let mut agent = TcpStream::connect(http).await.ok()?;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    agent.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    agent.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// An address that is free now; whoever it is for takes it a moment later.
pub(super) fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
