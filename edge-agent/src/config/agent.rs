//! The agent itself: `[agent]`.
//!
//! Here: its keys. Not here: what is read, judged and forwarded (the other tables).
//! Invariant: what becomes part of keys and paths is fit for it; the page is nowhere but on this machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rules::calendar::Zone;
use rules::diagnose::{FileId, Report};
use rules::document::{self, Placed, Reader, Table};
use rules::engine::{Late, Options, Reach};

use super::{key_part, one_of};
use crate::control;

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

pub(super) fn agent(report: &mut Report, file: FileId, table: &Table, dir: &Path) -> Option<Agent> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, mistake, read};
    use super::*;

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
    fn operators_are_heard_where_the_file_says_whatever_else_is_wrong_with_it() {
        let dir = Path::new("/etc/plimsoll");
        assert_eq!(control_of("[agent]\nid = 5\ncontrol = 'c'\n[[x]]", dir), dir.join("c"));
        assert_eq!(control_of("[agent]\nid = ", dir), Path::new(control::SOCKET));
        let long = format!("[agent]\ncontrol = \"{}\"", "c".repeat(100));
        assert!(mistake("[agent]", &long).contains("at most 107 bytes"));
    }
}
