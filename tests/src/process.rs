//! A process of a run: started, listened to, stopped, killed.
//!
//! Each holds the read end of a pipe, its *leash*, as standard input. Whoever started it holds the other end, so
//! a process notices that its master is gone, however that came about, and stops by itself (`demo::leash`).
//! Each is a process group of its own: Ctrl-C reaches the master alone, which stops the others in order.
//!
//! Here: that, and the log of a process. Not here: what any of them does.
//! Invariant: no process outlives its value, or the program that started it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How many lines of a log tell why a process ended.
const LAST_LINES: usize = 12;

/// Where a process writes its standard output. Standard error always goes to its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// To its log.
    Log,
    /// To [`Process::hear`].
    Heard,
}

/// A process that was started here.
#[derive(Debug)]
pub struct Process {
    name: &'static str,
    child: Child,
    leash: Option<ChildStdin>,
    heard: Option<Lines<BufReader<ChildStdout>>>,
    log: PathBuf,
}

impl Process {
    /// Starts `program`, with credentials for a Kinesis that asks for none.
    ///
    /// # Errors
    /// When the log cannot be opened or the program not be started.
    pub fn start(
        name: &'static str,
        program: &Path,
        args: &[OsString],
        log: PathBuf,
        output: Output,
    ) -> io::Result<Self> {
        let file = File::options().create(true).append(true).open(&log)?;
        let mut command = Command::new(program);
        command
            .args(args)
            .env("AWS_ACCESS_KEY_ID", "plant")
            .env("AWS_SECRET_ACCESS_KEY", "plant")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("NO_PROXY", "127.0.0.1")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .stdin(Stdio::piped())
            .stderr(file.try_clone()?)
            .kill_on_drop(true)
            .process_group(0);
        match output {
            Output::Log => command.stdout(file),
            Output::Heard => command.stdout(Stdio::piped()),
        };
        let mut child = command.spawn()?;
        let leash = child.stdin.take();
        let heard = child.stdout.take().map(|out| BufReader::new(out).lines());
        Ok(Self { name, child, leash, heard, log })
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its process id, while it lives.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// The next line of its standard output; `None` when there will be no more. May be cancelled.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub async fn hear(&mut self) -> io::Result<Option<String>> {
        match &mut self.heard {
            Some(lines) => lines.next_line().await,
            None => Ok(None),
        }
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// When it no longer reads.
    pub async fn tell(&mut self, line: &str) -> io::Result<()> {
        let leash = self.leash.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        leash.write_all(format!("{line}\n").as_bytes()).await?;
        leash.flush().await
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Lets go of the leash, and kills what does not stop within `grace`.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn stop(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        self.leash = None;
        match tokio::time::timeout(grace, self.child.wait()).await {
            Ok(ended) => ended,
            Err(_) => self.kill().await,
        }
    }

    /// Kills it on the spot, as `kill -9` does.
    ///
    /// # Errors
    /// When the system does not say how it ended.
    pub async fn kill(&mut self) -> io::Result<ExitStatus> {
        self.child.start_kill()?;
        self.child.wait().await
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LAST_LINES)..).unwrap_or_default().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_is_told_and_heard() {
        let (mut shell, _folder) = shell("read word; echo \"heard $word\"", Output::Heard);
        shell.tell("start").await.unwrap();
        assert_eq!(shell.hear().await.unwrap().as_deref(), Some("heard start"));
        assert_eq!(shell.hear().await.unwrap(), None);
        assert!(shell.stop(Duration::from_secs(5)).await.unwrap().success());
    }

    #[tokio::test]
    async fn one_that_ignores_its_leash_is_killed() {
        let (mut shell, _folder) = shell("exec sleep 600", Output::Log);
        assert!(shell.ended().unwrap().is_none());
        assert!(!shell.stop(Duration::from_millis(50)).await.unwrap().success());
    }

    #[tokio::test]
    async fn the_log_says_why_it_ended() {
        let (mut shell, _folder) =
            shell("for n in $(seq 30); do echo line $n >&2; done; exit 3", Output::Log);
        assert_eq!(shell.child.wait().await.unwrap().code(), Some(3));
        let said = shell.last_words();
        assert!(said.starts_with("line 19\n") && said.ends_with("line 30"), "{said}");
    }

    fn shell(script: &str, output: Output) -> (Process, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let args = ["-c".into(), script.into()];
        let log = folder.path().join("shell.log");
        (Process::start("shell", Path::new("/bin/sh"), &args, log, output).unwrap(), folder)
    }
}
