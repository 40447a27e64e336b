//! Why an OPC UA server is not read, in words that a technician can act on.
//!
//! Here: the errors, and what the status codes of a refused session mean. Not here: the status of a tag (`value`).
//! Invariant: every sentence names the server, and none holds a password.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use opcua::types::StatusCode;

use super::certificate::OwnError;
use super::trust::TrustError;
use super::value::in_words;

/// Why there is no session, or none any more.
#[derive(Debug, thiserror::Error)]
pub enum OpcuaError {
    /// Nobody answers there.
    #[error(
        "{server} cannot be reached ({says}): check the address, the cable, and that its OPC UA server runs"
    )]
    Unreachable {
        /// The configured address.
        server: String,
        /// What the library says.
        says: String,
    },
    /// It did not answer within the time.
    #[error("{server} did not answer within {after:?} ({what}): it hangs, or the network does")]
    Silent {
        /// The configured address.
        server: String,
        /// What was asked.
        what: &'static str,
        /// The time.
        after: Duration,
    },
    /// The server does not offer what is configured.
    #[error("{server} does not offer security {wanted}; it offers {offered}. Nothing less is used by itself")]
    NotOffered {
        /// The configured address.
        server: String,
        /// The configured policy.
        wanted: &'static str,
        /// What it offers.
        offered: String,
    },
    /// Nobody has trusted the server's certificate.
    #[error(
        "the certificate of {server} is not trusted yet: compare its thumbprint {thumbprint} with the server's, then \
         `edge-agent trust add {thumbprint}` (it was kept as {kept})"
    )]
    Untrusted {
        /// The configured address.
        server: String,
        /// SHA-1, hexadecimal.
        thumbprint: String,
        /// The file.
        kept: PathBuf,
    },
    /// The folders of certificates cannot be used.
    #[error("{server}: certificates cannot be checked")]
    Trust {
        /// The configured address.
        server: String,
        /// Why.
        source: TrustError,
    },
    /// The agent has no certificate.
    #[error("{server}: the agent has no certificate: {why}")]
    Own {
        /// The configured address.
        server: String,
        /// Why.
        why: String,
    },
    /// The password cannot be read.
    #[error("{server}: the password file {path} cannot be read")]
    Password {
        /// The configured address.
        server: String,
        /// The configured file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The password may be read by others.
    #[error("{server}: the password file {path} may be read by others: `chmod 600 {path}`")]
    PasswordOpen {
        /// The configured address.
        server: String,
        /// The configured file.
        path: PathBuf,
    },
    /// The server refused something.
    #[error("{server} {}", refusal(*.status, .what))]
    Refused {
        /// The configured address.
        server: String,
        /// What was asked.
        what: &'static str,
        /// What it says.
        status: StatusCode,
    },
    /// The server answered what is no answer.
    #[error("{server} sent an answer that cannot be used ({what}): {why}")]
    Unusable {
        /// The configured address.
        server: String,
        /// What was asked.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
}

impl OpcuaError {
    /// It with its causes, in one line.
    #[must_use]
    pub fn sentence(&self) -> String {
        match std::error::Error::source(self) {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }

    /// Whether the server would have taken less at once: not every server says beforehand what it takes.
    pub(super) fn is_too_much(&self) -> bool {
        matches!(self, Self::Refused { status: StatusCode::BadTooManyOperations, .. })
    }

    pub(super) fn own(server: &str, error: &OwnError) -> Self {
        Self::Own { server: server.to_owned(), why: error.to_string() }
    }
}

/// What a technician does about a refusal.
fn refusal(status: StatusCode, what: &str) -> String {
    let hint = match status {
        StatusCode::BadUserAccessDenied
        | StatusCode::BadIdentityTokenRejected
        | StatusCode::BadIdentityTokenInvalid => {
            "refuses the user: wrong user or password, or it does not let this user in"
        }
        StatusCode::BadCertificateUntrusted
        | StatusCode::BadSecurityChecksFailed
        | StatusCode::BadCertificateUriInvalid => {
            "does not trust the agent: in the server, trust the agent's certificate (certificates/own/cert.der)"
        }
        StatusCode::BadTooManySessions | StatusCode::BadMaxConnectionsReached => {
            "has no session left: close another client, or wait until the server forgets it"
        }
        _ => return format!("does not go on ({what}): {}", in_words(status)),
    };
    format!("{hint} ({what}: {status})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        let said = |status| {
            OpcuaError::Refused { server: "opc.tcp://plc:4840".into(), what: "log on", status }.sentence()
        };
        let user = said(StatusCode::BadUserAccessDenied);
        assert!(user.starts_with("opc.tcp://plc:4840 refuses the user: wrong user or password"), "{user}");
        assert!(said(StatusCode::BadSecurityChecksFailed).contains("trust the agent's certificate"));
        assert!(said(StatusCode::BadTooManySessions).contains("has no session left"));
        let other = said(StatusCode::BadServerHalted);
        assert!(other.contains("does not go on (log on): BadServerHalted: "), "{other}");
    }
}
