//! Who is off for long is logged once, not at every try.
//!
//! Here: PLCs, a server and a stream that take connections and drop them, a port of the page that somebody else
//! has; a real agent tries all of them again and again. Not here: what it says on the stream.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::desk::Desk;
use crate::works::until;

const TRIES: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);

/// Somebody who hangs up at once, and counts.
struct Rude {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Rude {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, calls) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let counted = Arc::clone(&calls);
        std::thread::spawn(move || {
            for call in listener.incoming() {
                drop(call);
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { address, calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

#[tokio::test]
async fn what_stays_off_is_logged_once_however_often_it_is_tried() {
    let (plc, server, stream) = (Rude::new(), Rude::new(), Rude::new());
    let page = TcpListener::bind("127.0.0.1:0").unwrap();
    let desk = Desk::new();
    let mut config = fs::read_to_string(desk.path("agent.toml")).unwrap();
    config = config.replace("127.0.0.1:1", &plc.address.to_string());
    config = config.replace("[agent]\n", &format!("[agent]\nhttp = \"{}\"\n", page.local_addr().unwrap()));
    config += &format!(
        "\n[[source]]\nid = \"filler_ua\"\nprotocol = \"opcua\"\naddress = \"opc.tcp://{}\"\nsecurity = \"None\"\n\
         [[source.tag]]\nmachine = \"washer-1\"\nname = \"speed\"\naddress = \"i=2258\"\ntype = \"Int\"\n\
         [forward]\nto = \"kinesis\"\nstream = \"plimsoll\"\nregion = \"eu-central-1\"\nendpoint = \"http://{}\"\n",
        server.address, stream.address
    );
    fs::write(desk.path("agent.toml"), config).unwrap();
    // A rule with a mistake is looked at again and again, too.
    fs::write(
        desk.path("rules/wrong.toml"),
        "[rule.wrong]\non = \"washer-*\"\nwhen = \"water_temprature > 1 °C\"\n",
    )
    .unwrap();
    let agent = desk.start("run --config agent.toml", "agent");
    until("all were tried often", PATIENCE, async || {
        [&plc, &server, &stream].iter().all(|rude| rude.calls() >= TRIES)
    })
    .await;
    let log = agent.log();
    let lines: Vec<&str> = log.lines().collect();
    let of = |words: &[&str]| lines.iter().filter(|l| words.iter().all(|w| l.contains(w))).count();
    for (source, tries) in [("washer_plc", plc.calls()), ("filler_ua", server.calls())] {
        assert_eq!(of(&[source, "source is down"]), 1, "{source} was tried {tries} times:\n{log}");
        // Hanging up looks one way or the other, by what it cut.
        assert!(of(&[source, "source is still down"]) <= 2, "{source} was tried {tries} times:\n{log}");
    }
    assert_eq!(of(&["the stream does not answer"]), 1, "{} tries:\n{log}", stream.calls());
    assert_eq!(of(&["no page at"]), 1, "{log}");
    assert_eq!(of(&["water_temprature"]), 1, "{log}");
    assert!(lines.len() <= 14, "{} lines:\n{log}", lines.len());
    agent.stop().await;
}
