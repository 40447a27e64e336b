//! `cloud-ingest.toml`, read once at start.
//!
//! ```toml
//! [stream]
//! name = "plimsoll"
//! region = "eu-central-1"
//! # endpoint = "http://127.0.0.1:4567"   # another Kinesis than that of the region
//! # poll = "250 ms"                      # how often each shard is asked; at least 200 ms
//!
//! # Exactly one of the two destinations:
//! [local]
//! dir = "/var/lib/plimsoll/ingest"       # see local.rs for what is in it
//! # [dynamodb]
//! # table = "plimsoll"                   # see item.rs for its keys and indexes; it is not made by this program
//! # region = "eu-central-1"
//! # ttl = "90 days"                      # how long history stays, from the day it happened; at least a day
//! # endpoint = "http://127.0.0.1:8000"   # another DynamoDB than that of the region
//!
//! # [checkpoint]
//! # dir = "…"                            # default: checkpoint below local.dir; needed with [dynamodb]
//! # [failures]
//! # dir = "…"                            # default: failures below local.dir; needed with [dynamodb]
//! ```
//!
//! Here: which tables and keys there are. Not here: their values (`field`), whether stream, table and
//! directories exist, and credentials, which the AWS SDK finds by itself (environment, profile, role) and
//! which never stand in this file.
//! Invariant: a [`Config`] is right in itself; every mistake is told with file, line and column. Directories
//! that are not absolute are meant from where the file is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use crate::name::Name;

mod field;

/// What the file says, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Name of the stream.
    pub stream: Name,
    /// AWS region of the stream.
    pub region: String,
    /// URL of Kinesis, where it is not that of the region.
    pub endpoint: Option<String>,
    /// Time between two reads of a shard in which nothing waits.
    pub poll: Duration,
    /// Where records are stored.
    pub destination: Destination,
    /// Directory of the places.
    pub checkpoint_dir: PathBuf,
    /// Directory of the failures.
    pub failure_dir: PathBuf,
}

/// Where records are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Files in this directory.
    Local(PathBuf),
    /// A table of DynamoDB.
    Dynamodb(Dynamodb),
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(dir) => write!(f, "directory {}", dir.display()),
            Self::Dynamodb(table) => write!(f, "table {} in {}", table.table, table.region),
        }
    }
}

/// A table of DynamoDB.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dynamodb {
    /// Name of the table.
    #[serde(deserialize_with = "field::name")]
    pub table: Name,
    /// AWS region of the table.
    #[serde(deserialize_with = "field::region")]
    pub region: String,
    /// URL of DynamoDB, where it is not that of the region.
    #[serde(default, deserialize_with = "field::endpoint")]
    pub endpoint: Option<String>,
    /// How long history stays, from the time at which it happened.
    #[serde(deserialize_with = "field::ttl")]
    pub ttl: Duration,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("there is no configuration at {}: name one with --config FILE", .0.display())]
    Missing(PathBuf),
    /// The file cannot be read.
    #[error("cannot read {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// The file says something wrong.
    #[error("{0}")]
    Wrong(Diagnostic),
}

/// A mistake and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file.
    pub file: PathBuf,
    /// Line, counted from 1.
    pub line: usize,
    /// Character of the line, counted from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file.display(), self.line, self.column, self.message)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    stream: Stream,
    local: Option<Spanned<Directory>>,
    dynamodb: Option<Spanned<Dynamodb>>,
    checkpoint: Option<Directory>,
    failures: Option<Directory>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    #[serde(deserialize_with = "field::name")]
    name: Name,
    #[serde(deserialize_with = "field::region")]
    region: String,
    #[serde(default, deserialize_with = "field::endpoint")]
    endpoint: Option<String>,
    #[serde(default = "field::poll_default", deserialize_with = "field::poll")]
    poll: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Directory {
    #[serde(deserialize_with = "field::directory")]
    dir: PathBuf,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or says something wrong.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => ConfigError::Missing(file.to_owned()),
            _ => ConfigError::Read(file.to_owned(), e),
        })?;
        Self::parse(file, &text).map_err(ConfigError::Wrong)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn parse(file: &Path, text: &str) -> Result<Self, Diagnostic> {
        let mistake = |at, message: &str| diagnostic(file, text, at, message);
        let typed: Typed =
            toml::from_str(text).map_err(|e| mistake(e.span().map_or(0, |span| span.start), e.message()))?;
        let base = file.parent().unwrap_or(Path::new(""));
        let destination = match (typed.local, typed.dynamodb) {
            (Some(local), None) => Destination::Local(base.join(local.into_inner().dir)),
            (None, Some(table)) => Destination::Dynamodb(table.into_inner()),
            (None, None) => return Err(mistake(0, "no destination: add [local] or [dynamodb]")),
            (Some(one), Some(other)) => {
                let second = one.span().start.max(other.span().start);
                return Err(mistake(second, "[local] and [dynamodb] are both given: keep one destination"));
            }
        };
        let directory = |set: Option<Directory>, name| match (set, &destination) {
            (Some(set), _) => Ok(base.join(set.dir)),
            (None, Destination::Local(dir)) => Ok(dir.join(name)),
            (None, Destination::Dynamodb(_)) => {
                Err(mistake(0, &format!("[{name}] with its `dir` is needed beside [dynamodb]")))
            }
        };
        Ok(Self {
            checkpoint_dir: directory(typed.checkpoint, "checkpoint")?,
            failure_dir: directory(typed.failures, "failures")?,
            stream: typed.stream.name,
            region: typed.stream.region,
            endpoint: typed.stream.endpoint,
            poll: typed.stream.poll,
            destination,
        })
    }
}

/// A mistake at a byte of the text.
fn diagnostic(file: &Path, text: &str, at: usize, message: &str) -> Diagnostic {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    let line = before.matches('\n').count() + 1;
    Diagnostic { file: file.to_owned(), line, column, message: message.to_owned() }
}

#[cfg(test)]
mod tests;
