//! `trust`: which servers' certificates are believed.
//!
//! Here: the list, and moving one from rejected to trusted. Not here: the folders (`connector::opcua::Trust`).
//! Invariant: text of a certificate is escaped where it is shown.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{CONFIG, Failure, configuration, say};
use crate::connector::opcua::Trust;

/// Options of `trust`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// The configuration
    #[arg(long, value_name = "FILE", default_value = CONFIG, global = true)]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All certificates that servers have shown
    List,
    /// Trust a certificate that was rejected
    Add {
        /// Its thumbprint (SHA-1), as the server shows it too
        thumbprint: String,
    },
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, _) = configuration(&arguments.config)?;
    let trust = Trust::new(&config.agent.data_dir.join("certificates"));
    let because = |e: crate::connector::opcua::TrustError| Failure::Because(e.to_string());
    match &arguments.action {
        Action::List => {
            for certificate in trust.list().map_err(because)? {
                let state = if certificate.trusted { "trusted" } else { "rejected" };
                let subject = certificate.subject.escape_debug();
                say::line(format_args!("{state:<9} {} {subject}", certificate.thumbprint))?;
            }
            Ok(())
        }
        Action::Add { thumbprint } => {
            trust.add(thumbprint).map_err(because)?;
            say::note("trusted: the agent connects at its next try");
            Ok(())
        }
    }
}
