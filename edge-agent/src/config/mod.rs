//! `agent.toml`: read once at start, validated into what the rest can trust.
//!
//! Here: the file as a whole, machines, the agent itself. Its sources stand in `source`, their tags in `tag`, names
//! of their codes in `names`, what only one protocol needs in `s7` and `opcua`, where it forwards to in `target`. Not here: rule files (`rulebook`).
//! Invariant: what comes out of here is complete and consistent; every mistake of the file is reported in one
//! run, at its place, and a file with a mistake gives nothing.

mod names;
mod opcua;
mod s7;
mod source;
mod tag;
mod target;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::calendar::Zone;
use rules::diagnose::{FileId, Report, did_you_mean};
use rules::document::{self, Placed, Reader, Table};
use rules::engine::{Late, Options, Reach};
use rules::file::is_name;
use rules::inventory::{Inventory, Machine, MachineId};
use rules::value::Constant;

use crate::control;

pub use source::{Protocol, Source};
pub use target::Target;

/// Everything that the agent was told.
#[derive(Debug, Clone)]
pub struct Config {
    /// The agent itself.
    pub agent: Agent,
    /// Machines, sources and tags, as the engine knows them.
    pub inventory: Arc<Inventory>,
    /// How the sources are read, in the order of the inventory.
    pub sources: Vec<Source>,
    /// Where what happens goes to.
    pub target: Target,
    /// Bytes that the ledger may hold.
    pub ledger_max: u64,
}

/// The agent itself.
#[derive(Debug, Clone)]
pub struct Agent {
    /// `agentId`.
    pub id: String,
    /// Where it stands.
    pub site: Option<String>,
    /// Where it keeps what must not be lost.
    pub data_dir: PathBuf,
    /// Where the rule files are.
    pub rules_dir: PathBuf,
    /// Whether it means "no rules" when that directory holds no rule files.
    pub rules_dir_may_be_empty: bool,
    /// Where its page is; none: nowhere.
    pub http: Option<SocketAddr>,
    /// Where it hears operators.
    pub control: PathBuf,
    /// How the engine goes about it.
    pub options: Options,
}

/// Bytes that the ledger may hold unless the file says otherwise.
const LEDGER_MAX: u64 = 256 << 20;
/// Less would not hold the transitions of a bad day.
const LEDGER_MIN: u64 = 1 << 20;

/// Where the agent of this configuration hears operators, whatever else is wrong with it.
#[must_use]
pub fn control_of(text: &str, dir: &Path) -> PathBuf {
    let mut report = Report::default();
    let file = report.add_file("agent.toml", text);
    let table = document::parse(&mut report, file);
    let mut top = Reader::new(&table, "the configuration", file, &mut report);
    let agent = top.table("agent");
    let given = agent.and_then(|table| Reader::new(table, "[agent]", file, &mut report).text("control"));
    given.map_or_else(|| control::SOCKET.into(), |given| dir.join(given.value))
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
        top.finish(&["notify"]);
        let agent = agent.and_then(|table| agent_of(report, file, table, dir));
        let mut inventory = Inventory::default();
        inventory.was_read_from(report.name(file), report.text(file));
        for table in machines {
            machine(report, file, table, &mut inventory);
        }
        let tables = names::Tables::read(report, file, enums, flags);
        let around = opcua::Surroundings { dir, agent: agent.as_ref(), tables: &tables };
        let sources = source::sources(report, file, &sources, &around, &mut inventory);
        let target = target::target(report, file, forward, agent.as_ref().is_some_and(|a| a.site.is_some()));
        let ledger_max = outbox.map_or(Some(LEDGER_MAX), |table| ledger_max(report, file, table));
        if report.errors_since(before) > 0 {
            return None;
        }
        let (agent, target) = (agent?, target?);
        Some(Self { agent, inventory: Arc::new(inventory), sources, target, ledger_max: ledger_max? })
    }
}

fn agent_of(report: &mut Report, file: FileId, table: &Table, dir: &Path) -> Option<Agent> {
    let mut r = Reader::new(table, "[agent]", file, report);
    let id = r.required_text("id").and_then(|id| key_part(&mut r, "id", id));
    let site = r.text("site").and_then(|site| key_part(&mut r, "site", site));
    let data_dir = r.text("data_dir").map_or_else(|| "/var/lib/plimsoll".into(), |t| t.value);
    let rules_dir = r.text("rules_dir").map_or_else(|| "/etc/plimsoll/rules".into(), |t| t.value);
    let rules_dir_may_be_empty = r.bool("rules_dir_may_be_empty").is_some_and(|given| given.value);
    let http = r.text("http").and_then(|text| loopback(&mut r, text));
    let control = r.text("control").map(|given| socket(&mut r, dir, &given));
    let options = options(&mut r);
    r.finish(&[]);
    let (data_dir, rules_dir) = (dir.join(data_dir), dir.join(rules_dir));
    let control = control.unwrap_or_else(|| control::SOCKET.into());
    Some(Agent { id: id?, site, data_dir, rules_dir, rules_dir_may_be_empty, http, control, options })
}

/// Where a socket is.
fn socket(r: &mut Reader<'_, '_>, dir: &Path, given: &Placed<String>) -> PathBuf {
    let path = dir.join(&given.value);
    let bytes = path.as_os_str().len();
    if bytes > control::PATH_MAX {
        let place = (r.file(), given.span.clone());
        let message = format!("`control` is the path of a socket: at most {} bytes", control::PATH_MAX);
        r.report().error("C009", place, message, format!("{} has {bytes}", path.display()));
    }
    path
}

fn options(r: &mut Reader<'_, '_>) -> Options {
    let mut options = Options::default();
    if let Some(reach) = one_of(r, "watermark", &[("inputs", Reach::Inputs), ("global", Reach::Global)]) {
        options.reach = reach;
    }
    if let Some(late) = one_of(r, "late", &[("apply", Late::Apply), ("drop", Late::Drop)]) {
        options.late = late;
    }
    if let Some(zone) = r.text("timezone").and_then(|name| zone(r, &name)) {
        options.zone = zone;
    }
    options
}

/// Where `hour()` and `weekday()` are.
fn zone(r: &mut Reader<'_, '_>, name: &Placed<String>) -> Option<Zone> {
    let found = Zone::named(&name.value);
    if found.is_none() {
        let place = (r.file(), name.span.clone());
        let message = format!("unknown time zone `{}`", name.value);
        let help = Zone::like(&name.value).map_or_else(
            || "zones are named as in the IANA table, for example \"Europe/Berlin\"".into(),
            |near| format!("did you mean `{near}`?"),
        );
        r.report().error("C008", place, message, "no zone of the IANA table").help = Some(help);
    }
    found
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

fn loopback(r: &mut Reader<'_, '_>, text: Placed<String>) -> Option<SocketAddr> {
    let place = (r.file(), text.span.clone());
    match text.value.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Some(address),
        Ok(_) => {
            let message = "`http` must be an address of this machine";
            r.report().error("C004", place, message, "only 127.0.0.1 and [::1] are served by this version");
            None
        }
        Err(_) => {
            r.report().error("C004", place, "`http` is not an address", "IP:PORT is expected").help =
                Some("for example \"127.0.0.1:8787\"".into());
            None
        }
    }
}

fn machine(report: &mut Report, file: FileId, table: &Table, inventory: &mut Inventory) {
    let mut r = Reader::new(table, "[[machine]]", file, report);
    let name = r.required_text("name").inspect(|n| drop(key_part(&mut r, "name", n.clone())));
    let id = r.required_text("id").inspect(|i| drop(key_part(&mut r, "id", i.clone())));
    let line = r.text("line").and_then(|l| key_part(&mut r, "line", l));
    let class = r.text("class").map(|c| c.value);
    let params = params(&mut r);
    r.finish(&[]);
    let (Some(name), Some(id)) = (name, id) else { return };
    let doubled = if !inventory.machines_named(&name.value).is_empty() {
        Some(("name", &name))
    } else {
        inventory.machine_with_id(&id.value).map(|_| ("id", &id))
    };
    if let Some((key, text)) = doubled {
        let message = format!("there is a machine with the {key} `{}` already", text.value);
        report.error(
            "C005",
            (file, text.span.clone()),
            message,
            format!("each machine has a {key} of its own"),
        );
        return;
    }
    inventory.add_machine(Machine { name: name.value, id: id.value, line, class, params });
}

/// The machine's own values of rule parameters: `param.limit = "20 °C"`.
fn params(r: &mut Reader<'_, '_>) -> BTreeMap<String, Constant> {
    let file = r.file();
    let entries = r.table("param").map_or(&[][..], |table| &table.entries);
    let read = |(name, node): &(Placed<String>, _)| {
        Some((name.value.clone(), rules::params::constant(r.report(), file, node)?))
    };
    entries.iter().filter_map(read).collect()
}

/// The machine of that name.
fn machine_named(
    report: &mut Report,
    file: FileId,
    name: &Placed<String>,
    inventory: &Inventory,
) -> Option<MachineId> {
    let found = inventory.machines_named(&name.value).first().copied();
    if found.is_none() {
        let near = did_you_mean(&name.value, inventory.machines().map(|(_, m)| m.name.as_str()));
        let help = near.map_or_else(
            || "machines are declared under [[machine]]".into(),
            |n| format!("did you mean `{n}`?"),
        );
        let message = format!("unknown machine `{}`", name.value);
        report.error("C006", (file, name.span.clone()), message, "not declared").help = Some(help);
    }
    found
}

fn ledger_max(report: &mut Report, file: FileId, table: &Table) -> Option<u64> {
    let mut r = Reader::new(table, "[outbox]", file, report);
    let given = r.size("ledger_max");
    if let Some(size) = given.as_ref().filter(|size| size.value < LEDGER_MIN) {
        let place = (r.file(), size.span.clone());
        r.report().error("C007", place, "`ledger_max` must be at least 1 MiB", "too small");
    }
    r.finish(&["bulk_max", "free_disk_min"]);
    Some(given.map_or(LEDGER_MAX, |size| size.value))
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

    fn mistake(from: &str, to: &str) -> String {
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
        assert_eq!(config.ledger_max, LEDGER_MAX);
        assert!(!config.agent.rules_dir_may_be_empty);
        assert_eq!(config.target, Target::File { bytes_max: 1 << 30 });
        let lags: Vec<_> = config.inventory.sources().map(|(_, s)| (s.idle_timeout, s.max_lag)).collect();
        assert_eq!(lags, [(30_000, Some(30_000)); 2]);
    }

    #[test]
    fn an_empty_directory_of_rules_is_meant_when_the_file_says_so() {
        let given = |value: &str| format!("[agent]\nrules_dir_may_be_empty = {value}");
        let (config, _) = read(&GOOD.replace("[agent]", &given("true")));
        assert!(config.unwrap().agent.rules_dir_may_be_empty);
        assert!(mistake("[agent]", &given("\"yes\"")).contains("`rules_dir_may_be_empty` must be"));
    }

    #[test]
    fn the_time_zone_is_that_of_the_iana_table() {
        assert_eq!(read(GOOD).0.unwrap().agent.options.zone, Zone::default());
        let given = |name: &str| format!("[agent]\ntimezone = \"{name}\"");
        let (config, _) = read(&GOOD.replace("[agent]", &given("Europe/Berlin")));
        assert_eq!(config.unwrap().agent.options.zone, Zone::named("Europe/Berlin").unwrap());
        let said = mistake("[agent]", &given("Europe/Berln"));
        assert!(said.starts_with("agent.toml:3:12: unknown time zone `Europe/Berln`"), "{said}");
        assert!(said.contains("did you mean `Europe/Berlin`?"), "{said}");
        assert!(mistake("[agent]", &given("???")).contains("\"Europe/Berlin\""));
    }

    #[test]
    fn a_duplicate_machine_is_named() {
        let second = "[[machine]]\nname = \"washer-1\"\nid = \"x\"\n[[source]]\nid = \"washer_plc\"";
        let said = mistake("[[source]]\nid = \"washer_plc\"", second);
        assert!(
            said.starts_with("agent.toml:15:8: there is a machine with the name `washer-1` already"),
            "{said}"
        );
    }

    #[test]
    fn operators_are_heard_where_the_file_says_whatever_else_is_wrong_with_it() {
        let dir = Path::new("/etc/plimsoll");
        assert_eq!(control_of("[agent]\nid = 5\ncontrol = 'c'\n[[x]]", dir), dir.join("c"));
        assert_eq!(control_of("[agent]\nid = ", dir), Path::new(control::SOCKET));
        let long = format!("[agent]\ncontrol = \"{}\"", "c".repeat(100));
        assert!(mistake("[agent]", &long).contains("at most 107 bytes"));
    }

    #[test]
    fn typical_mistakes_are_shown_at_their_place() {
        assert!(mistake("id = \"ipc-l3\"", "id = \"../x\"").starts_with("agent.toml:3:6: `id` has letters"));
        assert!(mistake("127.0.0.1:8787", "0.0.0.0:8787").contains("must be an address of this machine"));
        assert!(mistake("data_dir", "data_dri").contains("did you mean `data_dir`?"));
        assert!(mistake("[agent]", "[agnet]").contains("agent"));
        assert!(mistake("line = \"L3\"", "line = 3").contains("`line` must be a text"));
        assert!(mistake("[agent]", "[outbox]\nledger_max = \"1 KiB\"\n[agent]").contains("at least 1 MiB"));
    }
}
