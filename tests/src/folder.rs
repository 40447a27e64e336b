//! The folder of a run: configuration, rules, what the programs keep, their logs.
//!
//! Here: making it and filling in the templates, which are real files in `tests/line`. Not here: starting
//! anything. Invariant: a run never begins on what another one left, and a folder nobody asked to keep is gone
//! with its run.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

/// Name of the stream in the templates.
pub const STREAM: &str = "plimsoll";
/// Its region.
pub const REGION: &str = "eu-central-1";

/// The rule files of the line, by name.
pub const RULE_FILES: [(&str, &str); 3] = [
    ("machine.toml", include_str!("../line/rules/machine.toml")),
    ("filler.toml", include_str!("../line/rules/filler.toml")),
    ("washer.toml", include_str!("../line/rules/washer.toml")),
];
const AGENT: &str = include_str!("../line/agent.toml");
const INGEST: &str = include_str!("../line/cloud-ingest.toml");

/// Where the parts of a run listen.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    /// The filler's PLC, over S7.
    pub filler: SocketAddr,
    /// The washer's PLC, over OPC UA.
    pub washer: SocketAddr,
    /// Kinesis.
    pub kinesis: SocketAddr,
    /// The agent's page.
    pub http: SocketAddr,
}

/// The folder of one run.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Removes the folder with this value.
    _temporary: Option<TempDir>,
}

impl Folder {
    /// A temporary folder, or the one to keep, which must be empty or not there yet.
    ///
    /// # Errors
    /// When it cannot be made, or holds something.
    pub fn new(keep: Option<&Path>) -> anyhow::Result<Self> {
        let Some(keep) = keep else {
            let temporary = TempDir::with_prefix("plimsoll-").context("no temporary folder")?;
            return Ok(Self { root: temporary.path().to_owned(), _temporary: Some(temporary) });
        };
        let said = || format!("cannot use the folder {}", keep.display());
        fs::create_dir_all(keep).with_context(said)?;
        if fs::read_dir(keep).with_context(said)?.next().is_some() {
            bail!("the folder {} is not empty: a run starts from nothing", keep.display());
        }
        Ok(Self { root: keep.canonicalize().with_context(said)?, _temporary: None })
    }

    /// Writes configuration and rules.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, addresses: &Addresses) -> anyhow::Result<()> {
        let said = || format!("cannot write the folder {}", self.root.display());
        for folder in [self.rules(), self.data(), self.store()] {
            fs::create_dir_all(folder).with_context(said)?;
        }
        for (name, text) in RULE_FILES {
            fs::write(self.rules().join(name), text).with_context(said)?;
        }
        for (path, template) in [(self.agent_config(), AGENT), (self.ingest_config(), INGEST)] {
            fs::write(path, self.fill(template, addresses)).with_context(said)?;
        }
        Ok(())
    }

    /// The folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The agent's configuration.
    #[must_use]
    pub fn agent_config(&self) -> PathBuf {
        self.root.join("agent.toml")
    }

    /// The configuration of `cloud-ingest`.
    #[must_use]
    pub fn ingest_config(&self) -> PathBuf {
        self.root.join("cloud-ingest.toml")
    }

    /// The rules that the agent judges.
    #[must_use]
    pub fn rules(&self) -> PathBuf {
        self.root.join("rules")
    }

    /// What the agent keeps.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// What `cloud-ingest` stores.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.root.join("store")
    }

    /// The log of one of the run's processes.
    #[must_use]
    pub fn log(&self, process: &str) -> PathBuf {
        self.root.join(format!("{process}.log"))
    }

    fn fill(&self, template: &str, addresses: &Addresses) -> String {
        let quoted = |path: PathBuf| path.to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        template
            .replace("{filler_plc}", &addresses.filler.to_string())
            .replace("{washer_plc}", &addresses.washer.to_string())
            .replace("{kinesis}", &addresses.kinesis.to_string())
            .replace("{http}", &addresses.http.to_string())
            .replace("{data}", &quoted(self.data()))
            .replace("{rules}", &quoted(self.rules()))
            .replace("{store}", &quoted(self.store()))
    }
}

#[cfg(test)]
mod tests {
    use toml::{Table, Value};

    use super::*;
    use crate::line::{Protocol, Tag, Type};
    use crate::script::Machine;

    #[test]
    fn the_agent_is_told_every_tag_at_its_place() {
        let config = agent();
        let sources = config["source"].as_array().unwrap();
        assert_eq!(sources.len(), 2);
        for (source, machine) in sources.iter().zip(Machine::ALL) {
            let protocol = [(Protocol::S7, "s7"), (Protocol::Opcua, "opcua")];
            assert!(protocol.contains(&(machine.protocol(), source["protocol"].as_str().unwrap())));
            let told = source["tag"].as_array().unwrap();
            assert_eq!(told.len(), Tag::on(machine).count());
            for (told, tag) in told.iter().zip(Tag::on(machine)) {
                let text = |key: &str| told.get(key).map(|v| v.as_str().unwrap());
                assert_eq!(text("name"), Some(tag.name));
                assert_eq!(text("machine"), Some(machine.name()));
                assert_eq!(text("address"), Some(&*tag.address()), "{}", tag.name);
                assert_eq!(text("type"), declared(tag), "{}", tag.name);
                assert_eq!(text("unit"), tag.unit, "{}", tag.name);
                let number = |v: &Value| v.as_float().unwrap_or_else(|| v.as_integer().unwrap() as f64);
                let range =
                    told.get("range").map(|r| r.as_array().unwrap().iter().map(number).collect::<Vec<_>>());
                assert_eq!(range, tag.range.map(Vec::from), "{}", tag.name);
            }
        }
    }

    /// An S7 address says the type itself.
    fn declared(tag: &Tag) -> Option<&'static str> {
        (tag.machine.protocol() == Protocol::Opcua).then_some(match tag.ty {
            Type::Bool(_) => "Bool",
            Type::Int | Type::Dint | Type::Udint => "Int",
            Type::Real => "Float",
            Type::String(_) => "Text",
        })
    }

    #[test]
    fn the_agent_knows_the_machines_by_their_ids_and_the_stream() {
        let config = agent();
        for (told, machine) in config["machine"].as_array().unwrap().iter().zip(Machine::ALL) {
            assert_eq!(told["name"].as_str(), Some(machine.name()));
            assert_eq!(told["id"].as_str(), Some(machine.id()));
        }
        assert_eq!(config["forward"]["stream"].as_str(), Some(STREAM));
        assert_eq!(config["forward"]["region"].as_str(), Some(REGION));
        assert_eq!(config["forward"]["endpoint"].as_str(), Some("http://127.0.0.1:3"));
        assert_eq!(config["agent"]["http"].as_str(), Some("127.0.0.1:4"));
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        let (folder, _) = written();
        for path in [folder.agent_config(), folder.ingest_config()] {
            let text = fs::read_to_string(path).unwrap();
            let left = text.lines().find(|l| l.contains("\"{") || l.contains("}\""));
            assert_eq!(left, None);
            text.parse::<Table>().unwrap();
        }
    }

    #[test]
    fn a_folder_that_holds_something_is_refused_and_a_temporary_one_goes_away() {
        let (folder, _) = written();
        let refused = Folder::new(Some(folder.root())).unwrap_err().to_string();
        assert!(refused.contains("is not empty"), "{refused}");
        let root = folder.root().to_owned();
        drop(folder);
        assert!(!root.exists());
    }

    fn agent() -> Table {
        let (folder, _) = written();
        fs::read_to_string(folder.agent_config()).unwrap().parse().unwrap()
    }

    fn written() -> (Folder, Addresses) {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let addresses = Addresses { filler: at(1), washer: at(2), kinesis: at(3), http: at(4) };
        let folder = Folder::new(None).unwrap();
        folder.write(&addresses).unwrap();
        (folder, addresses)
    }
}
