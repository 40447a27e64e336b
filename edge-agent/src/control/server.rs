//! The agent's end of the control socket.
//!
//! Here: the socket's file, who speaks, one request a connection. Not here: what is done (`core`).
//! Invariant: at most `CONNECTIONS_MAX` speak at once, each for at most `LISTENING` and `WAITING`; what they send
//! is a request or refused; no end of theirs ends the agent's.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream as Blocking;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rules::operator::Command;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, copy, sink};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::{Answer, Commander, LINE_MAX, Request};
use crate::user;

/// How many speak at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 4;
/// How long a request may take to come.
const LISTENING: Duration = Duration::from_secs(2);
/// How long core may take: it answers within a step and a commit.
const WAITING: Duration = Duration::from_secs(5);
/// Of what is sent besides, more is not taken in, bytes.
const SENT_MAX: u64 = 1 << 20;
/// When the system has no room for a connection, it is asked again after that.
const PAUSE: Duration = Duration::from_secs(1);

/// A socket that listens. Its file goes with it.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
}

impl Server {
    /// Listens at a path. A socket that nobody listens at any more is replaced.
    ///
    /// # Errors
    /// When another process listens there, something else stands there, or the file cannot be made.
    pub fn bind(path: &Path) -> io::Result<Self> {
        let there = fs::symlink_metadata(path).ok();
        if there.is_some_and(|file| !file.file_type().is_socket()) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file that is no socket stands there",
            ));
        }
        if Blocking::connect(path).is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there"));
        }
        // Nobody finds it before it has its mode.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = path.with_file_name(format!(".{name}"));
        match fs::remove_file(&hidden) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let listener = UnixListener::bind(&hidden)?;
        fs::set_permissions(&hidden, Permissions::from_mode(0o660))?;
        fs::rename(&hidden, path)?;
        Ok(Self { listener, path: path.to_owned() })
    }

    /// Serves whoever comes, until it is dropped.
    pub async fn run(self, commander: Commander) -> std::convert::Infallible {
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        // They end with the server.
        let mut speaking = JoinSet::new();
        loop {
            // It is never closed.
            let place = Arc::clone(&room).acquire_owned().await.ok();
            while speaking.try_join_next().is_some() {}
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let commander = commander.clone();
                    speaking.spawn(async move {
                        let _place = place;
                        serve(stream, &commander).await;
                    });
                }
                Err(e) => {
                    tracing::warn!(error = %e, "operators cannot be heard");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A socket that stays behind is replaced at the next start.
        fs::remove_file(&self.path).ok();
    }
}

/// One request, one answer.
async fn serve(mut stream: UnixStream, commander: &Commander) {
    let answer = match heard(&mut stream).await {
        Ok(command) => done(command, commander).await,
        Err(why) => Answer::Refused(why),
    };
    // Two texts and a number: serde_json has nothing to refuse.
    let mut line = serde_json::to_vec(&answer).unwrap_or_default();
    line.push(b'\n');
    // Whoever asked may have left. What it sent too much is taken in: else it would lose the answer.
    let parting = async {
        stream.write_all(&line).await?;
        stream.shutdown().await?;
        copy(&mut stream.take(SENT_MAX), &mut sink()).await
    };
    timeout(LISTENING, parting).await.ok();
}

/// The command of whoever is at the other end.
async fn heard(stream: &mut UnixStream) -> Result<Command, String> {
    let peer = stream.peer_cred().map_err(|e| format!("the system does not say who asks: {e}"))?;
    let who = user::name(peer.uid());
    let mut line = Vec::new();
    let mut limited = BufReader::new(stream.take(LINE_MAX as u64));
    match timeout(LISTENING, limited.read_until(b'\n', &mut line)).await {
        Ok(Ok(_)) => {}
        Ok(Err(e)) => return Err(format!("the request cannot be read: {e}")),
        Err(_) => return Err("the request did not come in time".to_owned()),
    }
    if !line.ends_with(b"\n") {
        return Err("the request is no line, or too long a one".to_owned());
    }
    let request: Request = serde_json::from_slice(&line).map_err(|e| format!("this is no request: {e}"))?;
    let Request { rule, machine, why, order } = request;
    Ok(Command { rule, machine, who, why, order })
}

async fn done(command: Command, commander: &Commander) -> Answer {
    tracing::info!(who = command.who, rule = command.rule, machine = command.machine, order = ?command.order, "an operator asks");
    let answered = async {
        let (reply, answer) = oneshot::channel();
        commander.send((command, reply)).await.ok()?;
        answer.await.ok()
    };
    match timeout(WAITING, answered).await {
        Ok(Some(answer)) => answer,
        Ok(None) => Answer::Unsure("the agent is stopping".to_owned()),
        Err(_) => Answer::Unsure(format!("the agent did not answer within {} s", WAITING.as_secs())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Commands, Done, client, commands};
    use rules::operator::Order;

    fn request() -> Request {
        Request { rule: "r".into(), machine: "m".into(), why: "w".into(), order: Order::Reset }
    }

    /// Core, as far as the socket sees it.
    async fn obey(mut commands: Commands) {
        while let Some((command, reply)) = commands.next().await {
            let done = Done { who: command.who, until: None, state: command.rule };
            reply.send(Answer::Done(done)).ok();
        }
    }

    struct Stand {
        dir: tempfile::TempDir,
        _tasks: JoinSet<()>,
    }

    fn stand() -> Stand {
        let dir = tempfile::tempdir().unwrap();
        let server = Server::bind(&dir.path().join("control")).unwrap();
        let (commander, commands) = commands();
        let mut tasks = JoinSet::new();
        tasks.spawn(obey(commands));
        tasks.spawn(async move { match server.run(commander).await {} });
        Stand { dir, _tasks: tasks }
    }

    impl Stand {
        fn path(&self) -> PathBuf {
            self.dir.path().join("control")
        }

        async fn says(&self, bytes: &[u8]) -> String {
            let mut stream = UnixStream::connect(self.path()).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).await.unwrap();
            said
        }
    }

    #[tokio::test]
    async fn who_asks_is_whom_the_kernel_names() {
        let stand = stand();
        let path = stand.path();
        let answer = tokio::task::spawn_blocking(move || client::ask(&path, &request())).await.unwrap();
        let who = user::name(rustix::process::getuid().as_raw());
        assert_eq!(answer.unwrap(), Answer::Done(Done { who, until: None, state: "r".into() }));
        let mode = fs::metadata(stand.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
    }

    #[tokio::test]
    async fn what_is_no_request_is_refused_and_the_next_one_is_heard() {
        let stand = stand();
        for wrong in [
            &b""[..],
            b"\n",
            b"\xff\xfe\n",
            b"{\"rule\":1}\n",
            b"{\"rule\":\"r\",\"machine\":\"m\",\"who\":\"root\",\"why\":\"w\",\"order\":\"reset\"}\n",
            b"{\"rule\":\"r\",\"machine\":\"m\",\"why\":\"w\",\"order\":{\"shelve\":1e99}}\n",
            &[b'['; 15_000][..],
            &[b' '; 40_000][..],
        ] {
            let said = stand.says(wrong).await;
            assert!(said.starts_with("{\"refused\":\""), "{said:?}");
        }
        let good = serde_json::to_string(&request()).unwrap() + "\n";
        assert!(stand.says(good.as_bytes()).await.starts_with("{\"done\":"));
    }

    #[tokio::test]
    async fn whoever_says_nothing_keeps_nobody_else_from_speaking() {
        let stand = stand();
        let mut silent = Vec::new();
        for _ in 0..CONNECTIONS_MAX * 2 {
            silent.push(UnixStream::connect(stand.path()).await.unwrap());
        }
        let good = serde_json::to_string(&request()).unwrap() + "\n";
        assert!(stand.says(good.as_bytes()).await.starts_with("{\"done\":"));
    }

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced_and_one_that_lives_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("control");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let server = Server::bind(&path).unwrap();
        assert!(Server::bind(&path).unwrap_err().to_string().contains("another process listens"));
        drop(server);
        assert!(!path.exists());
        fs::write(&path, "a file").unwrap();
        assert!(Server::bind(&path).unwrap_err().to_string().contains("no socket"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a file");
    }
}
