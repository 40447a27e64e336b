//! A session with a server, on exactly the endpoint that is configured.
//!
//! The server is asked which endpoints it has; one with the configured security must be among them, and its
//! certificate must be trusted, before anything secret is sent. The crate then checks that the session is with the
//! owner of that certificate.
//!
//! Here: opening and closing, and driving the session's event loop while other work goes on. Not here: what is done
//! in the session (`subscription`), when it is opened again (`link`).
//! Invariant: never less security than configured; a session is used only while its event loop runs.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use opcua::client::{Client, ClientBuilder, IdentityToken, Session, SessionPollResult};
use opcua::crypto::SecurityPolicy;
use opcua::types::{DateTime, EndpointDescription, Error, MessageSecurityMode, StatusCode};
use tokio::time::timeout;

use super::certificate::{Own, own};
use super::trust::Trust;
use super::value::millis;
use super::{OpcuaConfig, OpcuaError, PORT, Security, User};

/// A dead server is noticed by its missing publish answers; this keeps the session alive and notices the rest.
const KEEP_ALIVE: Duration = Duration::from_secs(2);
const KEEP_ALIVES_MISSED_MAX: u64 = 2;
/// A server forgets a session that was lost after this time: few of them stand about.
const SESSION_TIMEOUT_MS: u32 = 30_000;
/// A publish answer is awaited by the watchdog of `subscription`, which is quicker.
const PUBLISH_TIMEOUT: Duration = Duration::from_secs(60);
/// The crate's 1,000 ends the connection at a large publish.
const ARRAY_MAX: usize = 1_000_000;
/// A longer text would end the connection; `normalize` cuts it.
const STRING_BYTES_MAX: usize = 1 << 20;
/// A server that hangs does not hold up a stop.
const CLOSE_MAX: Duration = Duration::from_secs(1);

type Events = Pin<Box<dyn Stream<Item = Result<SessionPollResult, StatusCode>> + Send>>;

/// A session and what drives it.
pub(super) struct Server<'c> {
    config: &'c OpcuaConfig,
    session: Arc<Session>,
    events: Events,
}

impl<'c> Server<'c> {
    /// Opens a session within the configured time.
    pub(super) async fn open(config: &'c OpcuaConfig) -> Result<Self, OpcuaError> {
        let own = match config.security {
            Security::None => None,
            Security::Basic256Sha256 => Some(own_certificate(config).await?),
        };
        let opening = Self::open_as(config, own);
        let after = config.timeout.saturating_mul(2);
        let what = "opening a session";
        timeout(after, opening).await.unwrap_or_else(|_| Err(silent(config, what, after)))
    }

    async fn open_as(config: &'c OpcuaConfig, own: Option<Own>) -> Result<Self, OpcuaError> {
        let mut client = client(config, own.as_ref())?;
        let offered = client.get_server_endpoints_from_url(config.address.as_str()).await;
        let offered = offered.map_err(|e| failed(config, "asking for its endpoints", &e))?;
        let mut endpoint = chosen(config, offered)?;
        if config.security != Security::None {
            trusted(config, &endpoint)?;
        }
        // Servers call themselves by names that are not known here, or behind which they cannot be reached.
        endpoint.endpoint_url = at_address(&config.address, endpoint.endpoint_url.as_ref()).into();
        let token = config.user.as_ref().map(|user| identity(config, user)).transpose()?;
        let token = token.unwrap_or(IdentityToken::Anonymous);
        let (session, events) = client
            .connect_to_endpoint_directly(endpoint, token)
            .map_err(|e| failed(config, "opening a session", &e))?;
        let mut server = Self { config, session, events: Box::pin(events.enter()) };
        loop {
            if let SessionPollResult::Reconnected(_) = server.event("opening a session").await? {
                return Ok(server);
            }
        }
    }

    pub(super) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }

    /// Does something in the session, and drives it meanwhile.
    pub(super) async fn during<T>(
        &mut self,
        work: impl Future<Output = Result<T, OpcuaError>>,
    ) -> Result<T, OpcuaError> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                event = self.event("keeping the session") => { event?; }
                done = &mut work => return done,
            }
        }
    }

    /// Closes the session, so that the server need not keep it; a server that hangs is left.
    pub(super) async fn close(mut self) {
        let session = self.session();
        let closing = async move {
            // It ends with the connection anyway.
            session.disconnect().await.ok();
            Ok(())
        };
        timeout(CLOSE_MAX, self.during(closing)).await.ok();
    }

    async fn event(&mut self, what: &'static str) -> Result<SessionPollResult, OpcuaError> {
        let lost = |status| Err(refused(self.config, what, status));
        match self.events.next().await {
            Some(Ok(SessionPollResult::ConnectionLost(status))) => lost(status),
            Some(Ok(SessionPollResult::ReconnectFailed(status)) | Err(status)) => lost(status),
            Some(Ok(event)) => Ok(event),
            None => lost(StatusCode::BadConnectionClosed),
        }
    }
}

/// The time of an answer by the clock of the server, ms since 1970 UTC.
///
/// The crate moves the times of answers, but not those of values, by what it takes for the difference between the
/// clocks: without it, it would not know when to renew a channel. Moved, they would say that every clock is right.
pub(super) fn said_at(session: &Session, time: &DateTime) -> Option<i64> {
    let moved = session.encoding_context().read().options().client_offset;
    millis(time).map(|ms| ms.saturating_add(moved.num_milliseconds()))
}

/// Making a key takes seconds, so it is done beside.
async fn own_certificate(config: &OpcuaConfig) -> Result<Own, OpcuaError> {
    let (dir, agent_id) = (config.certificates.clone(), config.agent_id.clone());
    let peer = authority(&config.address).to_owned();
    let made = tokio::task::spawn_blocking(move || own(&dir, &agent_id, &peer)).await;
    match made {
        Ok(own) => own.map_err(|e| OpcuaError::own(&config.address, &e)),
        Err(e) => Err(OpcuaError::Own { server: config.address.clone(), why: e.to_string() }),
    }
}

fn client(config: &OpcuaConfig, own: Option<&Own>) -> Result<Client, OpcuaError> {
    let builder = ClientBuilder::new()
        .application_name("Plimsoll edge-agent")
        .application_uri(own.map_or_else(|| "urn:plimsoll:edge-agent", |own| own.application_uri.as_str()))
        .session_name(format!("plimsoll {}", config.agent_id))
        // The crate keeps a copy of what `trust` has let through; it decides nothing, certificates are pinned.
        .pki_dir(config.certificates.join("session"))
        .trust_server_certs(true)
        .verify_server_certs(false)
        .create_sample_keypair(false)
        .session_retry_limit(0)
        .recreate_subscriptions(false)
        .session_timeout(SESSION_TIMEOUT_MS)
        .keep_alive_interval(KEEP_ALIVE)
        .max_failed_keep_alive_count(KEEP_ALIVES_MISSED_MAX)
        .request_timeout(config.timeout)
        .publish_timeout(PUBLISH_TIMEOUT)
        .max_array_length(ARRAY_MAX)
        .max_string_length(STRING_BYTES_MAX)
        .max_byte_string_length(STRING_BYTES_MAX)
        // The agent has a clock of its own, and a PLC often a wrong one.
        .ignore_clock_skew(true);
    let builder = match own {
        None => builder,
        Some(own) => {
            builder.certificate_path(absolute(&own.certificate)).private_key_path(absolute(&own.key))
        }
    };
    builder.client().map_err(|why| OpcuaError::Unusable {
        server: config.address.clone(),
        what: "setting up a client",
        why: why.join(", "),
    })
}

/// The crate takes other paths as relative to its own folder.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The endpoint with the configured security.
fn chosen(
    config: &OpcuaConfig,
    offered: Vec<EndpointDescription>,
) -> Result<EndpointDescription, OpcuaError> {
    let (policy, mode, wanted) = match config.security {
        Security::None => (SecurityPolicy::None, MessageSecurityMode::None, "None"),
        Security::Basic256Sha256 => (
            SecurityPolicy::Basic256Sha256,
            MessageSecurityMode::SignAndEncrypt,
            "Basic256Sha256 SignAndEncrypt",
        ),
    };
    let fits = |e: &EndpointDescription| {
        e.security_policy_uri.as_ref() == policy.to_uri() && e.security_mode == mode && is_tcp(e)
    };
    let names: Vec<String> = offered.iter().map(name).collect();
    offered.into_iter().find(fits).ok_or_else(|| OpcuaError::NotOffered {
        server: config.address.clone(),
        wanted,
        offered: if names.is_empty() { "nothing".into() } else { names.join(", ") },
    })
}

fn is_tcp(endpoint: &EndpointDescription) -> bool {
    endpoint.endpoint_url.as_ref().starts_with("opc.tcp:")
}

fn name(endpoint: &EndpointDescription) -> String {
    let policy = SecurityPolicy::from_uri(endpoint.security_policy_uri.as_ref());
    match endpoint.security_mode {
        MessageSecurityMode::None => policy.to_string(),
        mode => format!("{policy} {mode:?}"),
    }
}

fn trusted(config: &OpcuaConfig, endpoint: &EndpointDescription) -> Result<(), OpcuaError> {
    let server = config.address.clone();
    let certificate = endpoint.server_certificate.value.as_deref().unwrap_or_default();
    match Trust::new(&config.certificates).judge(certificate) {
        Ok(None) => Ok(()),
        Ok(Some(kept)) => {
            let thumbprint = kept.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Err(OpcuaError::Untrusted { server, thumbprint, kept })
        }
        Err(source) => Err(OpcuaError::Trust { server, source }),
    }
}

fn identity(config: &OpcuaConfig, user: &User) -> Result<IdentityToken, OpcuaError> {
    let (server, path) = (config.address.clone(), user.password_file.clone());
    if readable_by_others(&path) {
        return Err(OpcuaError::PasswordOpen { server, path });
    }
    let password = std::fs::read_to_string(&path);
    let password = password.map_err(|source| OpcuaError::Password { server, path, source })?;
    // Editors end a file with a line feed; no password ends with one.
    Ok(IdentityToken::new_user_name(user.name.clone(), password.trim_end_matches(['\r', '\n'])))
}

/// Whether others than its owner may read a file. systemd guards its credentials itself, with modes of its own.
pub(crate) fn readable_by_others(path: &Path) -> bool {
    let of_systemd = path.starts_with("/run/credentials");
    !of_systemd && std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o077 != 0)
}

/// `host:port` of a URL.
fn authority(url: &str) -> String {
    let behind = url.strip_prefix("opc.tcp://").unwrap_or(url);
    let authority = behind.split('/').next().unwrap_or(behind);
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if has_port { authority.to_owned() } else { format!("{authority}:{PORT}") }
}

/// The path that the server gives its endpoint, at the address that is configured.
fn at_address(address: &str, endpoint: &str) -> String {
    let behind = endpoint.strip_prefix("opc.tcp://").unwrap_or_default();
    let path = behind.split_once('/').map_or("", |(_, path)| path);
    format!("opc.tcp://{}/{path}", authority(address))
}

fn failed(config: &OpcuaConfig, what: &'static str, error: &Error) -> OpcuaError {
    refused(config, what, error.status())
}

/// A refusal, or a connection that is none: only the status tells them apart.
pub(super) fn refused(config: &OpcuaConfig, what: &'static str, status: StatusCode) -> OpcuaError {
    let server = config.address.clone();
    match status {
        StatusCode::BadTimeout | StatusCode::BadRequestTimeout => silent(config, what, config.timeout),
        StatusCode::BadCommunicationError
        | StatusCode::BadConnectionClosed
        | StatusCode::BadNotConnected
        | StatusCode::BadTcpEndpointUrlInvalid => {
            OpcuaError::Unreachable { server, says: status.to_string() }
        }
        _ => OpcuaError::Refused { server, what, status },
    }
}

pub(super) fn silent(config: &OpcuaConfig, what: &'static str, after: Duration) -> OpcuaError {
    OpcuaError::Silent { server: config.address.clone(), what, after }
}

#[cfg(test)]
mod tests;
