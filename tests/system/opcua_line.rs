//! A line with an OPC UA server, the agent as the process it is, forwarding to a file: what it says on the stream.
//!
//! Here: starting both, reading the stream, and what an agent tells of values that were lost. Not here: clocks
//! (`opcua_clock`).

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use proto::event::CertificateOwner;
use proto::{Event, Happening, Record, Transition};

use crate::desk::{Desk, Running, a_while};
use crate::faketime::Faketime;
use crate::opcua::stand::count;
use crate::peer::Peer;
use crate::works::until;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const CONFIG: &str = r#"
[agent]
id = "ipc-l3"
data_dir = "data"
rules_dir = "rules"

[[machine]]
name = "filler-1"
id = "f-1"
line = "L3"

[[source]]
id = "filler_ua"
protocol = "opcua"
address = "opc.tcp://@ADDRESS@"
security = "None"

[[source.tag]]
machine = "filler-1"
name = "wave"
address = "nsu=urn:line:demo;s=wave"
type = "Bool"

[[source.tag]]
machine = "filler-1"
name = "bottles"
address = "nsu=urn:line:demo;s=v0"
type = "Int"
"#;

const RULES: &str = r#"
[rule.high]
on = "filler-*"
when = "wave"

[rule.high-for-a-second]
on = "filler-*"
when = "wave"
for = "1 s"
"#;

/// The line.
pub(crate) struct UaLine {
    pub(crate) desk: Desk,
    pub(crate) peer: Peer,
    pub(crate) clock: Faketime,
}

impl UaLine {
    /// Starts a server whose clock is so far off, and writes what an agent needs to read it.
    pub(crate) fn new(offset: &str, args: &[&str]) -> Self {
        let desk = Desk::new();
        let clock = Faketime::new(desk.path("offset"), offset);
        let dir = desk.path("server");
        fs::create_dir(&dir).unwrap();
        let args = [&[dir.to_str().unwrap()], args].concat();
        let peer = Peer::start_under(&clock, "opcua_asyncua.py", &args);
        configure(&desk, &peer.address());
        Self { desk, peer, clock }
    }

    pub(crate) fn agent(&self) -> Running {
        self.desk.start("run --config agent.toml", "agent")
    }

    /// Everything on the stream, in its order.
    pub(crate) fn stream(&self) -> Vec<String> {
        stream(&self.desk)
    }

    pub(crate) fn transitions(&self) -> Vec<Transition> {
        let of = |line: &String| match Record::read(line.as_bytes()).unwrap() {
            Record::Transition(transition) => Some(*transition),
            _ => None,
        };
        self.stream().iter().filter_map(of).collect()
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        events(&self.desk)
    }

    /// Waits for an event.
    pub(crate) async fn until_tells(&self, what: &str, is_so: impl Fn(&Happening) -> bool) -> Event {
        let found = || self.events().into_iter().find(|e| is_so(&e.happening));
        until(what, PATIENCE, async || found().is_some()).await;
        found().unwrap()
    }
}

/// What the agent of a desk has forwarded.
fn stream(desk: &Desk) -> Vec<String> {
    let folder = fs::read_dir(desk.path("data/forward")).into_iter().flatten().flatten();
    let mut files: Vec<_> = folder.map(|file| file.path()).collect();
    // Not by name: where the clock was set back over midnight the later day was written first.
    files.sort_by_key(|file| (file.metadata().and_then(|m| m.modified()).ok(), file.clone()));
    files.iter().flat_map(|file| whole_lines(file)).collect()
}

fn events(desk: &Desk) -> Vec<Event> {
    let of = |line: &String| match Record::read(line.as_bytes()).unwrap() {
        Record::Event(event) => Some(event),
        _ => None,
    };
    stream(desk).iter().filter_map(of).collect()
}

/// Writes what an agent needs to read the server there.
pub(crate) fn configure(desk: &Desk, address: &str) {
    fs::write(desk.path("agent.toml"), CONFIG.replace("@ADDRESS@", address)).unwrap();
    fs::write(desk.path("rules/line.toml"), RULES).unwrap();
}

/// The last line may be on its way.
fn whole_lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole.lines().map(ToOwned::to_owned).collect()
}

#[tokio::test]
async fn an_agent_that_was_held_up_tells_what_the_queues_of_the_server_lost() {
    let line = UaLine::new("+0", &["--every", "50", "--queue", "6", "--keep", "oldest"]);
    let agent = line.agent();
    until("something was judged", PATIENCE, async || !line.transitions().is_empty()).await;
    agent.hold();
    let until_count = count(&line.peer) + 30;
    until("the server has counted on", PATIENCE, async || count(&line.peer) >= until_count).await;
    agent.go_on();
    let gap =
        line.until_tells("the gap", |h| matches!(h, Happening::Gap { of, .. } if of == "filler_ua")).await;
    let Happening::Gap { reason, .. } = gap.happening else { panic!() };
    assert!(reason.starts_with("its queues were full") && reason.contains("were read again"), "{reason}");
    let down =
        line.events().into_iter().filter(|e| matches!(e.happening, Happening::SourceDown { .. })).count();
    assert_eq!(down, 0, "it went on where it was");
    agent.stop().await;
}

#[tokio::test]
async fn a_certificate_that_ends_in_ten_days_is_told_once_a_day_not_once_a_start() {
    let desk = Desk::new();
    configure(&desk, "127.0.0.1:1");
    let folder = desk.path("data/certificates/own");
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let made = Command::new(tests.join(".venv/bin/python"))
        .arg(tests.join("peers/certificate.py"))
        .args([folder.as_os_str(), "ipc-l3".as_ref(), "10".as_ref()])
        .status()
        .unwrap();
    assert!(made.success());
    let told = || -> Vec<Event> {
        let is_it = |e: &Event| matches!(e.happening, Happening::CertificateExpiring { .. });
        events(&desk).into_iter().filter(is_it).collect()
    };
    let agent = desk.start("run --config agent.toml", "agent");
    until("it is told", PATIENCE, async || !told().is_empty()).await;
    let said = agent.stop().await.err;
    assert_eq!(said.matches("the agent's certificate expires").count(), 1, "{said}");
    let event = told().remove(0);
    let Happening::CertificateExpiring { owner, subject, thumbprint, expires_at } = event.happening else {
        panic!()
    };
    assert_eq!((owner, thumbprint.len()), (CertificateOwner::Agent, 40));
    assert!(subject.contains("Plimsoll ipc-l3"), "{subject}");
    let days = (expires_at - event.timestamp) as f64 / 86_400_000.0;
    assert!((9.9..10.1).contains(&days), "{days}");

    let agent = desk.start("run --config agent.toml", "again");
    let starts = |e: &Event| matches!(e.happening, Happening::AgentStarted { .. });
    until("it runs again", PATIENCE, async || events(&desk).into_iter().filter(starts).count() == 2).await;
    a_while().await;
    let said = agent.stop().await.err;
    assert_eq!((told().len(), said.matches("certificate").count()), (1, 0), "{said}");
}
