//! Operator commands: what people at the line ask of the running agent, over a Unix socket.
//!
//! ```text
//! rules shelve … → client ─socket─▶ server → core: engine, commit → server ─socket─▶ client
//! ```
//! One request a connection, a line of JSON each way. Who asks is what the kernel says of the other end, not what it
//! says of itself. Whoever may open the socket may command: its mode is 0660, and its group that of the service.
//!
//! Here: the words of both ends, and core's queue; the socket's two ends stand in `server` and `client`. Not here: what
//! a command does (`rules::operator`), when it is kept and answered (`core`).
//! Invariant: what was done is answered when it is durable (I1); nothing that comes over the socket holds up core:
//! every line, wait and queue has a limit (I8).

pub mod client;
pub mod server;

use rules::operator::{Command, Order};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

/// Where the socket is unless the configuration says otherwise.
pub const SOCKET: &str = "/run/plimsoll/control";
/// The longest path that a socket can have on Linux, without the zero behind it.
pub const PATH_MAX: usize = 107;
/// Longer than any request or answer, bytes: each of its texts is refused beyond 1 KiB.
const LINE_MAX: usize = 16 << 10;
/// Commands that may wait for core.
const COMMANDS_MAX: usize = 4;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Request {
    /// The rule.
    pub rule: String,
    /// The machine, by its name or its id.
    pub machine: String,
    /// Why.
    pub why: String,
    /// What is to be done.
    pub order: Order,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// It is done, and kept.
    Done(Done),
    /// Nothing was done, for this reason.
    Refused(String),
    /// It cannot be said whether it was done.
    Unsure(String),
}

/// What came of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Done {
    /// Who did it.
    pub who: String,
    /// When it ends by itself, ms since 1970 UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// The state of the rule on the machine from here on.
    pub state: String,
}

/// A command on its way to core, and where its answer goes.
pub type Asked = (Command, oneshot::Sender<Answer>);

/// The server's end of core's queue.
pub type Commander = mpsc::Sender<Asked>;

/// Core's end.
#[derive(Debug)]
pub struct Commands(mpsc::Receiver<Asked>);

/// Makes both ends.
#[must_use]
pub fn commands() -> (Commander, Commands) {
    let (sender, receiver) = mpsc::channel(COMMANDS_MAX);
    (sender, Commands(receiver))
}

impl Commands {
    /// Nobody commands.
    #[must_use]
    pub fn none() -> Self {
        commands().1
    }

    /// The next command; none when nobody can command any more.
    pub async fn next(&mut self) -> Option<Asked> {
        self.0.recv().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_and_written_byte_for_byte() {
        for golden in [
            r#"{"rule":"r","machine":"m","why":"w","order":{"shelve":600000}}"#,
            r#"{"rule":"r","machine":"m","why":"w","order":"outOfService"}"#,
        ] {
            let read: Request = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), golden);
        }
        for golden in [
            r#"{"done":{"who":"meier","until":5,"state":"Active"}}"#,
            r#"{"refused":"no"}"#,
            r#"{"unsure":"late"}"#,
        ] {
            let read: Answer = serde_json::from_str(golden).unwrap();
            assert_eq!(serde_json::to_string(&read).unwrap(), golden);
        }
    }
}
