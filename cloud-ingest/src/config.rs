//! `cloud-ingest.toml`, read once at start.
//!
//! ```toml
//! [stream]
//! name = "plimsoll"
//! region = "eu-central-1"
//! # endpoint = "http://127.0.0.1:4567"   # another Kinesis than that of the region
//! # poll = "250 ms"                      # how often each shard is asked; at least 200 ms
//!
//! [local]
//! dir = "/var/lib/plimsoll/ingest"       # see local.rs for what is in it
//!
//! # [checkpoint]
//! # dir = "…"                            # default: checkpoint below local.dir
//! # [failures]
//! # dir = "…"                            # default: failures below local.dir
//! ```
//!
//! Here: reading and checking. Not here: whether stream and directories exist, and credentials, which the AWS
//! SDK finds by itself (environment, profile, role) and which never stand in this file.
//! Invariant: a [`Config`] is right in itself; every mistake is told with file, line and column. Directories
//! that are not absolute are meant from where the file is.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::name::Name;

/// A shard answers five reads a second, of all its readers together.
const POLL_MIN: Duration = Duration::from_millis(200);
/// Leaves one read a second to somebody else.
const POLL_DEFAULT: Duration = Duration::from_millis(250);

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
    /// Directory of the `local` destination.
    pub local_dir: PathBuf,
    /// Directory of the places.
    pub checkpoint_dir: PathBuf,
    /// Directory of the failures.
    pub failure_dir: PathBuf,
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
    local: Directory,
    checkpoint: Option<Directory>,
    failures: Option<Directory>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stream {
    #[serde(deserialize_with = "name")]
    name: Name,
    #[serde(deserialize_with = "region")]
    region: String,
    #[serde(default, deserialize_with = "endpoint")]
    endpoint: Option<String>,
    #[serde(default = "poll_default", deserialize_with = "poll")]
    poll: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Directory {
    #[serde(deserialize_with = "directory")]
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
        let typed: Typed = toml::from_str(text).map_err(|e| diagnostic(file, text, &e))?;
        let base = file.parent().unwrap_or(Path::new(""));
        let local_dir = base.join(typed.local.dir);
        let below = |set: Option<Directory>, name| set.map_or(local_dir.join(name), |d| base.join(d.dir));
        Ok(Self {
            stream: typed.stream.name,
            region: typed.stream.region,
            endpoint: typed.stream.endpoint,
            poll: typed.stream.poll,
            checkpoint_dir: below(typed.checkpoint, "checkpoint"),
            failure_dir: below(typed.failures, "failures"),
            local_dir,
        })
    }
}

fn diagnostic(file: &Path, text: &str, error: &toml::de::Error) -> Diagnostic {
    let at = error.span().map_or(0, |span| span.start);
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    Diagnostic {
        file: file.to_owned(),
        line: before.matches('\n').count() + 1,
        column,
        message: error.message().to_owned(),
    }
}

fn name<'de, D: Deserializer<'de>>(d: D) -> Result<Name, D::Error> {
    let text = String::deserialize(d)?;
    Name::of_aws(&text).map_err(|e| de::Error::custom(format!("not the name of a stream: {e}")))
}

fn region<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let text = String::deserialize(d)?;
    let possible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || !text.chars().all(possible) {
        return Err(de::Error::custom(format!(
            "{text:?} is not a region, expected one like \"eu-central-1\""
        )));
    }
    Ok(text)
}

fn endpoint<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(d)?;
    let host = text.strip_prefix("https://").or(text.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let expected = "expected one like \"https://kinesis.example.com\"";
        return Err(de::Error::custom(format!("{text:?} is not a URL, {expected}")));
    }
    Ok(Some(text))
}

fn poll<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    let read = text.parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    match read {
        None => Err(de::Error::custom(format!("{text:?} is not a duration, expected one like \"250 ms\""))),
        Some(poll) if poll < POLL_MIN => Err(de::Error::custom(format!(
            "{text:?} is too often: a shard allows five reads a second (200 ms)"
        ))),
        Some(poll) => Ok(poll),
    }
}

fn poll_default() -> Duration {
    POLL_DEFAULT
}

fn directory<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(d)?;
    if text.is_empty() {
        return Err(de::Error::custom("an empty name, expected a directory"));
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALLEST: &str =
        "[stream]\nname = \"plimsoll\"\nregion = \"eu-central-1\"\n[local]\ndir = \"store\"\n";

    fn wrong(text: &str) -> String {
        Config::parse(Path::new("/etc/c.toml"), text).unwrap_err().to_string()
    }

    #[test]
    fn the_smallest_file_has_defaults_below_its_directory() {
        let config = Config::parse(Path::new("/etc/plimsoll/c.toml"), SMALLEST).unwrap();
        assert_eq!(config.local_dir, Path::new("/etc/plimsoll/store"));
        assert_eq!(config.checkpoint_dir, Path::new("/etc/plimsoll/store/checkpoint"));
        assert_eq!(config.failure_dir, Path::new("/etc/plimsoll/store/failures"));
        assert_eq!((config.poll, config.endpoint), (Duration::from_millis(250), None));
    }

    #[test]
    fn everything_can_be_said() {
        let text = "[stream]\nname = \"s\"\nregion = \"x-1\"\nendpoint = \"http://[::1]:1\"\npoll = \"1.5 s\"\n\
                    [local]\ndir = \"/a\"\n[checkpoint]\ndir = \"/b\"\n[failures]\ndir = \"c\"\n";
        let config = Config::parse(Path::new("/etc/c.toml"), text).unwrap();
        assert_eq!(
            (config.poll, config.endpoint.unwrap().as_str()),
            (Duration::from_millis(1500), "http://[::1]:1")
        );
        assert_eq!((config.checkpoint_dir, config.failure_dir), ("/b".into(), "/etc/c".into()));
    }

    #[test]
    fn every_mistake_has_its_line_and_column() {
        for (from, to, said) in [
            ("name = \"plimsoll\"", "nmae = \"p\"", "2:1: unknown field `nmae`, expected one of `name`"),
            ("name = \"plimsoll\"", "name = \"a/b\"", "2:8: not the name of a stream: '/' stands in it"),
            ("\"eu-central-1\"", "\"Frankfurt\"", "3:10: \"Frankfurt\" is not a region"),
            ("\"eu-central-1\"", "7", "3:10: invalid type: integer `7`, expected a string"),
            ("[local]", "poll = \"0.1 s\"\n[local]", "4:8: \"0.1 s\" is too often"),
            ("[local]", "poll = \"often\"\n[local]", "4:8: \"often\" is not a duration"),
            ("[local]", "poll = \"-1 s\"\n[local]", "4:8: \"-1 s\" is not a duration"),
            ("[local]", "endpoint = \"ftp://x\"\n[local]", "4:12: \"ftp://x\" is not a URL"),
            ("[local]\ndir = \"store\"", "", "missing field `local`"),
            ("dir = \"store\"", "", "4:1: missing field `dir`"),
            ("dir = \"store\"", "dir = \"\"", "5:7: an empty name"),
            ("dir = \"store\"", "dir = \"ü\" x", "5:11: "),
            ("dir = \"store\"", "dir = \"s\"\n[dynamo]", "6:2: unknown field `dynamo`"),
        ] {
            let told = wrong(&SMALLEST.replace(from, to));
            assert!(told.starts_with("/etc/c.toml:") && told.contains(said), "{to}: {told}");
        }
    }

    #[test]
    fn a_missing_file_is_told_in_words() {
        let dir = tempfile::tempdir().unwrap();
        let said = Config::read(&dir.path().join("nothing.toml")).unwrap_err().to_string();
        assert!(
            said.starts_with("there is no configuration at ") && said.contains("--config FILE"),
            "{said}"
        );
    }
}
