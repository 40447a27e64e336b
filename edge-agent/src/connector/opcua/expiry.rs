//! Which certificates end soon: the agent's own, and those of servers that a person has trusted.
//!
//! Here: looking at the files. Not here: when they are looked at, and who is told (`certificates`).
//! Invariant: a file that is no certificate, or a folder that is not there, is no news.

use std::fs;
use std::path::{Path, PathBuf};

use opcua::crypto::X509;
use proto::event::CertificateOwner;

/// So long before its end, a certificate is spoken of, ms: a walk to every server takes its time.
const SOON_MS: i64 = 30 * 86_400_000;
/// A longer file is no certificate.
const BYTES_MAX: u64 = 64 << 10;
/// Text that a stranger has put into a certificate is cut to so many characters.
const SUBJECT_MAX: usize = 256;

/// A certificate that ends soon, or has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiring {
    /// Whose it is.
    pub owner: CertificateOwner,
    /// Whom it was made for, as it says itself.
    pub subject: String,
    /// SHA-1, hexadecimal.
    pub thumbprint: String,
    /// When it ends, ms since 1970 UTC.
    pub expires_at: i64,
}

/// The certificates of this folder that end within 30 days of `now`, ms since 1970 UTC.
#[must_use]
pub fn expiring(certificates: &Path, now: i64) -> Vec<Expiring> {
    let own = [certificates.join("own/cert.der")].map(|path| (CertificateOwner::Agent, path));
    let folder = certificates.join("trusted");
    let trusted = files(&folder).map(|path| (CertificateOwner::Server, path));
    let all = own.into_iter().chain(trusted).filter_map(|(owner, path)| look(owner, &path));
    all.filter(|found| found.expires_at.saturating_sub(now) <= SOON_MS).collect()
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn look(owner: CertificateOwner, path: &Path) -> Option<Expiring> {
    if fs::metadata(path).ok()?.len() > BYTES_MAX {
        return None;
    }
    let certificate = X509::from_der(&fs::read(path).ok()?).ok()?;
    Some(Expiring {
        owner,
        subject: certificate.subject_name().chars().take(SUBJECT_MAX).collect(),
        thumbprint: certificate.thumbprint().as_hex_string().to_lowercase(),
        expires_at: certificate.not_after().ok()?.timestamp_millis(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua::crypto::X509Data;

    const DAY: i64 = 86_400_000;

    fn put(folder: &Path, name: &str, days: u32) {
        let data = X509Data { certificate_duration_days: days, ..X509Data::sample_cert() };
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join(name), X509::cert_and_pkey(&data).unwrap().0.to_der().unwrap()).unwrap();
    }

    #[test]
    fn what_ends_within_thirty_days_is_told_with_whose_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let now = i64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis(),
        )
        .unwrap();
        assert_eq!(expiring(dir.path(), now), [], "there are no folders yet");
        put(&dir.path().join("own"), "cert.der", 10);
        put(&dir.path().join("trusted"), "plc.der", 365);
        put(&dir.path().join("rejected"), "stranger.der", 1);
        fs::write(dir.path().join("trusted/notes.txt"), "no certificate").unwrap();
        let found = expiring(dir.path(), now);
        assert_eq!(found.iter().map(|f| f.owner).collect::<Vec<_>>(), [CertificateOwner::Agent]);
        assert!((9 * DAY..=11 * DAY).contains(&(found[0].expires_at - now)), "{found:?}");
        assert!(found[0].thumbprint.len() == 40 && found[0].subject.contains("OPC UA Demo"), "{found:?}");
        let later = expiring(dir.path(), now + 336 * DAY);
        let owners = later.iter().map(|f| f.owner).collect::<Vec<_>>();
        assert_eq!(owners, [CertificateOwner::Agent, CertificateOwner::Server], "one has ended, one will");
    }
}
