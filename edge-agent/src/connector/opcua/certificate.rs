//! The agent's own certificate: who it is to servers.
//!
//! RSA-2048, SHA-256, self-signed, with the ApplicationUri, the host name and the address on the server's network as
//! alternative names. It is made once, `certificates/own/cert.der`, its key beside it with mode 0600, and stays the
//! same: a server trusts exactly this one. A person may lay another there.
//!
//! Here: making and finding it. Not here: the certificates of servers (`trust`), when they end (`expiry`).
//! Invariant: the key is never readable by others, not even while it is written.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::{IpAddr, ToSocketAddrs as _, UdpSocket};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use opcua::crypto::{X509, X509Data};
use opcua::types::ByteString;

/// Replacing it means a walk to every server; so it outlives the machine.
const VALID_DAYS: u32 = 20 * 365;

/// The agent's certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    /// What stands in it, and what the session says.
    pub(super) application_uri: String,
    /// DER.
    pub(super) certificate: PathBuf,
    /// PEM, PKCS #8.
    pub(super) key: PathBuf,
}

/// What goes wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum OwnError {
    #[error("cannot use {path}: {source}")]
    File { path: PathBuf, source: io::Error },
    #[error("cannot make a certificate: {0}")]
    Make(String),
    #[error(
        "{path} was made for another agent than `{application_uri}`: remove the folder for a new certificate, and \
         trust that in the servers"
    )]
    OfAnother { path: PathBuf, application_uri: String },
}

/// The certificate of an agent, made if there is none. `peer` is a server's `host:port`.
pub(super) fn own(certificates: &Path, agent_id: &str, peer: &str) -> Result<Own, OwnError> {
    let dir = certificates.join("own");
    let own = Own {
        application_uri: format!("urn:plimsoll:edge-agent:{agent_id}"),
        certificate: dir.join("cert.der"),
        key: dir.join("key.pem"),
    };
    if own.certificate.exists() && own.key.exists() {
        check(&own)?;
        return Ok(own);
    }
    std::fs::create_dir_all(&dir).map_err(|e| cannot(&dir, e))?;
    let (certificate, key) =
        X509::cert_and_pkey(&data(&own.application_uri, agent_id, peer)).map_err(OwnError::Make)?;
    let key = key.to_der().map_err(|e| OwnError::Make(e.to_string()))?;
    write(&own.key, 0o600, pem(key.as_bytes()).as_bytes())?;
    let der = certificate.to_der().map_err(|e| OwnError::Make(e.to_string()))?;
    write(&own.certificate, 0o644, &der)?;
    tracing::info!(path = %own.certificate.display(), "certificate made: trust it in the servers");
    Ok(own)
}

fn check(own: &Own) -> Result<(), OwnError> {
    let bytes = std::fs::read(&own.certificate).map_err(|e| cannot(&own.certificate, e))?;
    let known = X509::from_der(&bytes)
        .map_err(|_| OwnError::Make(format!("{} is none", own.certificate.display())))?;
    known.is_application_uri_valid(&own.application_uri).map_err(|_| OwnError::OfAnother {
        path: own.certificate.clone(),
        application_uri: own.application_uri.clone(),
    })
}

fn data(application_uri: &str, agent_id: &str, peer: &str) -> X509Data {
    let address = lan_address(peer).map(|address| vec![address.to_string()]);
    let alt_host_names = X509Data::alt_host_names(application_uri, address, false, true, false);
    X509Data {
        key_size: 2048,
        common_name: format!("Plimsoll {agent_id}"),
        organization: "Plimsoll".into(),
        organizational_unit: "edge-agent".into(),
        country: "DE".into(),
        state: "-".into(),
        alt_host_names,
        certificate_duration_days: VALID_DAYS,
    }
}

/// The address of this machine from which the server is reached. Nothing is sent.
fn lan_address(peer: &str) -> Option<IpAddr> {
    let peer = peer.to_socket_addrs().ok()?.next()?;
    let socket = UdpSocket::bind(if peer.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).ok()?;
    socket.connect(peer).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn pem(der: &[u8]) -> String {
    let mut base64 = ByteString::from(der.to_vec()).as_base64();
    let mut pem = String::from("-----BEGIN PRIVATE KEY-----\n");
    while !base64.is_empty() {
        let rest = base64.split_off(base64.len().min(64));
        pem = pem + &base64 + "\n";
        base64 = rest;
    }
    pem + "-----END PRIVATE KEY-----\n"
}

/// Replaces a file: under another name first, so that a crash leaves no half of one.
fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), OwnError> {
    let unfinished = path.with_extension("new");
    // A leftover of a crash would keep its mode.
    std::fs::remove_file(&unfinished).ok();
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&unfinished, path)
    };
    write().map_err(|e| cannot(path, e))
}

fn cannot(path: &Path, source: io::Error) -> OwnError {
    OwnError::File { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use opcua::crypto::PrivateKey;

    use super::*;

    #[test]
    fn a_certificate_is_made_once_says_who_the_agent_is_and_hides_its_key() {
        let dir = tempfile::tempdir().unwrap();
        let made = own(dir.path(), "ipc-l3", "127.0.0.1:4840").unwrap();
        let bytes = std::fs::read(&made.certificate).unwrap();
        let certificate = X509::from_der(&bytes).unwrap();
        assert_eq!(certificate.key_length().unwrap(), 2048);
        assert!(certificate.is_application_uri_valid("urn:plimsoll:edge-agent:ipc-l3").is_ok());
        assert!(certificate.is_hostname_valid("127.0.0.1").is_ok(), "the address towards the server");
        for host in X509Data::computer_hostnames() {
            assert!(certificate.is_hostname_valid(&host).is_ok(), "{host}");
        }
        let mode = std::fs::metadata(&made.key).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(PrivateKey::read_pem_file(&made.key).is_ok());
        assert_eq!(own(dir.path(), "ipc-l3", "127.0.0.1:4840").unwrap(), made);
        assert_eq!(std::fs::read(&made.certificate).unwrap(), bytes, "a server trusts exactly this one");
        assert!(matches!(own(dir.path(), "other", "127.0.0.1:1"), Err(OwnError::OfAnother { .. })));
    }

    #[test]
    fn the_address_towards_a_server_may_be_unknown() {
        assert_eq!(lan_address("no such host:1"), None);
        assert_eq!(
            data("urn:a", "a", "no such host:1").alt_host_names.len(),
            1 + X509Data::computer_hostnames().len()
        );
    }
}
