//! What only OPC UA sources need: security, user, nodes.
//!
//! Here: their keys, checked as far as a file can be. Not here: what all sources share (`source`), whether the server
//! has the nodes.
//! Invariant: a source is unsecured only if the file says so in words.

use std::path::Path;
use std::time::Duration;

use rules::document::Reader;

use super::names::Tables;
use super::{Agent, one_of, source};
use crate::connector::opcua::{
    Namespace, NodeAddress, OpcuaConfig, OpcuaTag, Security, User, readable_by_others,
};

/// Ten publish answers a second.
const SCAN: Duration = Duration::from_millis(100);
/// A small PLC takes its time for keys.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What a source takes from the rest of the file.
pub(super) struct Surroundings<'a> {
    /// Relative paths are relative to this.
    pub(super) dir: &'a Path,
    /// None when it has a mistake.
    pub(super) agent: Option<&'a Agent>,
    /// Names of codes.
    pub(super) tables: &'a Tables,
}

/// The settings of a source.
pub(super) fn config(r: &mut Reader<'_, '_>, around: &Surroundings<'_>) -> Option<OpcuaConfig> {
    let address = address(r);
    let policies = [("None", Security::None), ("Basic256Sha256", Security::Basic256Sha256)];
    let given = r.any("security").map(|(_, node)| node.span.clone());
    let security = match given {
        Some(_) => one_of(r, "security", &policies),
        None => Some(Security::Basic256Sha256),
    };
    one_of(r, "mode", &[("SignAndEncrypt", ())]);
    let user = user(r, around);
    let (scan, timeout) = (source::scan(r), source::timeout(r));
    if let (Some(Security::None), Some(span)) = (security, given) {
        let place = (r.file(), span);
        let readable = if user.is_some() {
            "the password can be read on the network"
        } else {
            "whoever is on the network reads along"
        };
        r.report().warning("C303", place, "the connection is not secured", readable);
    }
    // Without an agent the file gives nothing anyway.
    let (agent_id, certificates) =
        around.agent.map(|a| (a.id.clone(), a.data_dir.join("certificates"))).unwrap_or_default();
    Some(OpcuaConfig {
        address: address?,
        security: security?,
        user,
        scan: scan.unwrap_or(SCAN),
        timeout: timeout.unwrap_or(TIMEOUT),
        agent_id,
        certificates,
    })
}

fn address(r: &mut Reader<'_, '_>) -> Option<String> {
    let address = r.required_text("address")?;
    let host = address.value.strip_prefix("opc.tcp://").unwrap_or_default();
    if host.is_empty() || host.starts_with('/') {
        let place = (r.file(), address.span);
        r.report().error(
            "C301",
            place,
            "`address` is not the URL of an OPC UA server",
            "opc.tcp://HOST:PORT is expected",
        );
        return None;
    }
    Some(address.value)
}

/// `user` and `password_file`: one needs the other.
fn user(r: &mut Reader<'_, '_>, around: &Surroundings<'_>) -> Option<User> {
    let (name, file) = (r.text("user"), r.text("password_file"));
    match (name, file) {
        (None, None) => None,
        (Some(alone), None) | (None, Some(alone)) => {
            let place = (r.file(), alone.span);
            r.report().error(
                "C302",
                place,
                "`user` and `password_file` belong together",
                "the other one is missing",
            );
            None
        }
        (Some(name), Some(file)) => {
            let password_file = around.dir.join(file.value);
            let place = (r.file(), file.span);
            if !password_file.exists() {
                let message = format!("there is no file {}", password_file.display());
                r.report().error("C304", place, message, "it holds the password, and nothing else");
            } else if readable_by_others(&password_file) {
                let message = format!("{} may be read by others", password_file.display());
                r.report().error("C305", place, message, "its mode must be 0600");
            }
            Some(User { name: name.value, password_file })
        }
    }
}

/// The node of a tag.
pub(super) fn node(r: &mut Reader<'_, '_>) -> Option<OpcuaTag> {
    let address = r.required_text("address")?;
    let place = (r.file(), address.span);
    match NodeAddress::parse(&address.value) {
        Ok(node) => {
            if matches!(node.namespace(), Namespace::Index(1..)) {
                let label = "name the namespace by its URI: nsu=URI;";
                r.report().warning(
                    "C307",
                    place,
                    "the index of a namespace may change when the server starts",
                    label,
                );
            }
            Some(OpcuaTag { node })
        }
        Err(e) => {
            let message = format!("`{}` is not the address of a node", address.value);
            r.report().error("C306", place, message, format!("{e} is expected")).help =
                Some("for example nsu=urn:line:demo;s=v1, as a client such as UaExpert shows it".into());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::super::{Config, Protocol};
    use super::*;
    use rules::diagnose::Report;

    const GOOD: &str = r#"
[agent]
id = "ipc-l3"
data_dir = "data"
[[machine]]
name = "filler-1"
id = "f"
[[source]]
id = "filler_ua"
protocol = "opcua"
address = "opc.tcp://192.168.0.20:4840"
user = "line"
password_file = "password"
[[source.tag]]
machine = "filler-1"
name = "speed"
address = "nsu=urn:line:demo;s=v1"
type = "Float"
"#;

    fn read(text: &str, mode: u32) -> (Option<Config>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let password = dir.path().join("password");
        std::fs::write(&password, "s3cret").unwrap();
        std::fs::set_permissions(&password, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut report = Report::default();
        let file = report.add_file("agent.toml", text);
        let config = Config::read(&mut report, file, dir.path());
        (config, report.lines().collect())
    }

    fn said(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        let (_, lines) = read(&GOOD.replacen(from, to, 1), 0o600);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines[0].clone()
    }

    #[test]
    fn a_source_is_secured_unless_the_file_says_otherwise() {
        let (config, lines) = read(GOOD, 0o600);
        let config = config.unwrap_or_else(|| panic!("{lines:#?}"));
        let Protocol::Opcua(ua, tags) = &config.sources[0].protocol else { panic!() };
        assert_eq!((ua.security, ua.scan, ua.timeout), (Security::Basic256Sha256, SCAN, TIMEOUT));
        assert_eq!((ua.agent_id.as_str(), tags.len()), ("ipc-l3", 1));
        assert!(ua.certificates.ends_with("data/certificates"));
        let source = config.inventory.sources().next().unwrap().1;
        assert_eq!(source.max_out_of_orderness, 500);
        assert!(said("user = \"line\"", "user = \"line\"\nsecurity = \"None\"").contains("is not secured"));
        assert!(said("user = \"line\"", "user = \"line\"\nsecurity = \"Basic128\"").contains("`security`"));
        assert!(said("user = \"line\"", "user = \"line\"\nmode = \"Sign\"").contains("`mode`"));
    }

    #[test]
    fn a_password_file_is_there_and_hidden() {
        let (config, lines) = read(GOOD, 0o644);
        assert!(config.is_none() && lines[0].contains("may be read by others"), "{lines:#?}");
        assert!(said("\"password\"", "\"missing\"").contains("there is no file"));
        assert!(said("user = \"line\"\n", "").contains("belong together"));
    }

    #[test]
    fn addresses_are_checked_where_they_stand() {
        assert!(
            said("opc.tcp://192.168.0.20:4840", "192.168.0.20")
                .starts_with("agent.toml:11:11: `address` is not the URL")
        );
        assert!(
            said("nsu=urn:line:demo;s=v1", "DB1.DBD0")
                .starts_with("agent.toml:17:11: `DB1.DBD0` is not the address")
        );
        let (config, lines) = read(&GOOD.replace("nsu=urn:line:demo;", "ns=2;"), 0o600);
        assert!(config.is_some() && lines[0].contains("the index of a namespace may change"), "{lines:#?}");
    }
}
