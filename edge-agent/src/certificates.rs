//! Certificates that end soon: told on the stream and in the log, each at most once a day.
//!
//! Here: when they are looked at, and what was told already. Not here: the files (`connector::opcua`).
//! Invariant: when each was told last is kept with the event that told it, so that a restart does not repeat it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use proto::Happening;
use proto::event::CertificateOwner;

use crate::clock::Clock;
use crate::config::{Config, Protocol};
use crate::connector::opcua::{Expiring, expiring};
use crate::inbox::{Notice, Sender};
use crate::outbox::{Ledger, LedgerError};

/// Name of the ledger's note: when each was told last, by its thumbprint.
const NOTE: &str = "certificates";
/// The folders are looked at that often: somebody may have laid another certificate there.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);
/// Each is told that often, ms.
const TELL_EVERY_MS: i64 = 86_400_000;
const DAY_MS: i64 = 86_400_000;

/// Looks after the certificates of an agent.
#[derive(Debug)]
pub struct Certificates {
    dir: PathBuf,
    told: BTreeMap<String, i64>,
}

impl Certificates {
    /// None when no source needs any.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub fn of(config: &Config, ledger: &Ledger) -> Result<Option<Self>, LedgerError> {
        let mut protocols = config.sources.iter().map(|source| &source.protocol);
        let dir = protocols.find_map(|protocol| match protocol {
            Protocol::Opcua(opcua, _) => Some(opcua.certificates.clone()),
            Protocol::Recorded | Protocol::S7(..) => None,
        });
        let Some(dir) = dir else { return Ok(None) };
        let note = ledger.note(NOTE)?;
        let told = note.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Ok(Some(Self { dir, told }))
    }

    /// Looks after them for as long as core listens.
    pub async fn watch(mut self, clock: Clock, sender: Sender) {
        let mut rounds = tokio::time::interval(LOOK_EVERY);
        loop {
            rounds.tick().await;
            let (dir, now) = (self.dir.clone(), clock.now());
            let looked = tokio::task::spawn_blocking(move || expiring(&dir, now)).await;
            for notice in self.news(looked.unwrap_or_default(), now) {
                if !sender.tell(notice).await {
                    return;
                }
            }
        }
    }

    /// What is to be told of those that end soon.
    fn news(&mut self, found: Vec<Expiring>, now: i64) -> Vec<Notice> {
        // What is not there any more need not be remembered.
        self.told.retain(|thumbprint, _| found.iter().any(|f| f.thumbprint == *thumbprint));
        let mut notices = Vec::new();
        for Expiring { owner, subject, thumbprint, expires_at } in found {
            let told = self.told.get(&thumbprint);
            // A clock that was set back must not silence it.
            if told.is_some_and(|told| (0..TELL_EVERY_MS).contains(&(now - told))) {
                continue;
            }
            log(owner, &subject, &thumbprint, (expires_at - now) / DAY_MS);
            self.told.insert(thumbprint.clone(), now);
            let note = serde_json::to_vec(&self.told).unwrap_or_default();
            let happening = Happening::CertificateExpiring { owner, subject, thumbprint, expires_at };
            notices.push(Notice { happening, note: (NOTE.into(), note) });
        }
        notices
    }
}

fn log(owner: CertificateOwner, subject: &str, thumbprint: &str, days_left: i64) {
    let subject = subject.escape_debug();
    match owner {
        CertificateOwner::Agent => tracing::warn!(
            %subject,
            thumbprint,
            days_left,
            "the agent's certificate expires: remove certificates/own for a new one, and trust that in the servers"
        ),
        CertificateOwner::Server => tracing::warn!(
            %subject,
            thumbprint,
            days_left,
            "a server's certificate expires: when it shows another one, trust that"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_700_000_000_000;

    fn found(thumbprints: &[&str]) -> Vec<Expiring> {
        let one = |thumbprint: &&str| Expiring {
            owner: CertificateOwner::Agent,
            subject: "CN=a".into(),
            thumbprint: (*thumbprint).into(),
            expires_at: T + 10 * DAY_MS,
        };
        thumbprints.iter().map(one).collect()
    }

    #[test]
    fn each_is_told_once_a_day_also_over_a_restart_and_a_clock_that_was_set_back() {
        let mut c = Certificates { dir: PathBuf::new(), told: BTreeMap::new() };
        let hour = 3_600_000;
        assert_eq!(c.news(found(&["a"]), T).len(), 1);
        assert_eq!(c.news(found(&["a", "b"]), T + hour).len(), 1, "the other one is new");
        let kept = c.news(found(&["a", "b"]), T + 24 * hour).pop().unwrap().note;
        let told = serde_json::from_slice(&kept.1).unwrap();
        let mut restarted = Certificates { dir: PathBuf::new(), told };
        assert_eq!(restarted.news(found(&["a"]), T + 25 * hour), []);
        assert_eq!(restarted.news(found(&["a"]), T).len(), 1, "the clock was set back");
        assert_eq!(restarted.news(Vec::new(), T + hour), []);
        assert_eq!(restarted.news(found(&["a"]), T + 2 * hour).len(), 1, "it had gone");
    }
}
