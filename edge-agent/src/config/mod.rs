//! `agent.toml`: read once at start, validated into what the rest can trust.
//!
//! Here: the file as a whole. The agent itself stands in `agent`, machines in `machine`, sources in `source`, their
//! tags in `tag`, names of their codes in `names`, what only one protocol needs in `s7` and `opcua`, where it forwards
//! to in `target`, what waits for that in `outbox`, whom rules notify in `notify`. Not here: rule files (`rulebook`).
//! Invariant: what comes out of here is complete and consistent; every mistake of the file is reported in one
//! run, at its place, and a file with a mistake gives nothing.

mod agent;
mod machine;
mod names;
mod notify;
mod opcua;
mod outbox;
mod s7;
mod source;
mod tag;
mod target;

use std::path::Path;
use std::sync::Arc;

use rules::diagnose::{FileId, Report};
use rules::document::{self, Placed, Reader};
use rules::file::is_name;
use rules::inventory::Inventory;

pub use agent::{Agent, control_of};
pub use outbox::Outbox;
pub use source::{Protocol, Source};
pub use target::Target;

/// Everything that the agent was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The agent itself.
    pub agent: Agent,
    /// Machines, sources, tags and whom rules may notify, as the engine knows them.
    pub inventory: Arc<Inventory>,
    /// How the sources are read, in the order of the inventory.
    pub sources: Vec<Source>,
    /// Where what happens goes to.
    pub target: Target,
    /// What may wait for that.
    pub outbox: Outbox,
}

impl Config {
    /// Reads the text of a configuration; relative paths are relative to `dir`. Nothing comes back when there is
    /// a mistake; the report says which.
    pub fn read(report: &mut Report, file: FileId, dir: &Path) -> Option<Self> {
        let before = report.diagnostics().len();
        let table = document::parse(report, file);
        if report.errors_since(before) > 0 {
            return None;
        }
        let mut top = Reader::new(&table, "the configuration", file, report);
        let agent = top.required_table("agent");
        let machines = top.tables("machine");
        let sources = top.tables("source");
        let forward = top.table("forward");
        let outbox = top.table("outbox");
        let (enums, flags) = (top.table("enum"), top.table("flags"));
        let notify = top.tables("notify");
        top.finish(&[]);
        let agent = agent.and_then(|table| agent::agent(report, file, table, dir));
        let mut inventory = Inventory::default();
        inventory.was_read_from(report.name(file), report.text(file));
        for table in machines {
            machine::machine(report, file, table, &mut inventory);
        }
        inventory.set_targets(notify::targets(report, file, &notify));
        let tables = names::Tables::read(report, file, enums, flags);
        let around = opcua::Surroundings { dir, agent: agent.as_ref(), tables: &tables };
        let sources = source::sources(report, file, &sources, &around, &mut inventory);
        let target = target::target(report, file, forward, agent.as_ref().is_some_and(|a| a.site.is_some()));
        let outbox = outbox.map_or_else(Outbox::default, |table| outbox::outbox(report, file, table));
        if report.errors_since(before) > 0 {
            return None;
        }
        let (agent, target) = (agent?, target?);
        Some(Self { agent, inventory: Arc::new(inventory), sources, target, outbox })
    }
}

/// One of a few words.
fn one_of<T: Copy>(r: &mut Reader<'_, '_>, key: &'static str, words: &[(&str, T)]) -> Option<T> {
    let given = r.text(key)?;
    let known = words.iter().find(|(word, _)| *word == given.value);
    if known.is_none() {
        let names: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let place = (r.file(), given.span);
        let message = format!("`{key}` cannot be \"{}\"", given.value);
        r.report().error("C002", place, message, format!("{} is expected", names.join(" or ")));
    }
    known.map(|(_, value)| *value)
}

/// A text that becomes part of keys and paths.
fn key_part(r: &mut Reader<'_, '_>, key: &str, text: Placed<String>) -> Option<String> {
    if is_name(&text.value) {
        return Some(text.value);
    }
    let message = format!("`{key}` has letters, digits, `_`, `-` and `.` only, at most 64");
    let place = (r.file(), text.span);
    r.report().error("C003", place, message, "it becomes part of keys and paths");
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const GOOD: &str = r#"
[agent]
id = "ipc-l3"
data_dir = "data"
rules_dir = "rules"
http = "127.0.0.1:8787"

[[machine]]
name = "washer-1"
id = "84068f2f-3f39-4b9c-a995-d2a84d878689"
line = "L3"
class = "washer"

[[source]]
id = "washer_plc"
protocol = "s7"
address = "192.168.0.10"
scan = "200 ms"

[[source.tag]]
machine = "washer-1"
name = "water_temperature"
address = "DB10.DBD4:REAL"
unit = "°C"
range = [0, 120]
report_deadband = 0.1

[[source]]
id = "old"
protocol = "recorded"
[[source.tag]]
machine = "washer-1"
name = "speed"
type = "Int"
"#;

    pub(super) fn read(text: &str) -> (Option<Config>, Vec<String>) {
        let mut report = Report::default();
        let file = report.add_file("agent.toml", text);
        let config = Config::read(&mut report, file, Path::new("/etc/plimsoll"));
        let lines = report.lines().collect();
        (config, lines)
    }

    pub(super) fn mistake(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let (config, lines) = read(&GOOD.replace(from, to));
        assert!(config.is_none());
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines[0].clone()
    }

    #[test]
    fn a_good_file_is_read_with_its_defaults() {
        let (config, lines) = read(GOOD);
        let config = config.unwrap_or_else(|| panic!("{lines:#?}"));
        assert_eq!(config.agent.data_dir, Path::new("/etc/plimsoll/data"), "relative to the file");
        assert_eq!(config.outbox, Outbox::default());
        assert!(!config.agent.rules_dir_may_be_empty);
        assert_eq!(config.target, Target::File { bytes_max: 1 << 30 });
        let lags: Vec<_> = config.inventory.sources().map(|(_, s)| (s.idle_timeout, s.max_lag)).collect();
        assert_eq!(lags, [(30_000, Some(30_000)); 2]);
    }

    #[test]
    fn typical_mistakes_are_shown_at_their_place() {
        assert!(mistake("id = \"ipc-l3\"", "id = \"../x\"").starts_with("agent.toml:3:6: `id` has letters"));
        assert!(mistake("127.0.0.1:8787", "0.0.0.0:8787").contains("must be an address of this machine"));
        assert!(mistake("data_dir", "data_dri").contains("did you mean `data_dir`?"));
        assert!(mistake("[agent]", "[agnet]").contains("agent"));
        assert!(mistake("line = \"L3\"", "line = 3").contains("`line` must be a text"));
    }
}
