//! Whom the agent believes: certificates of servers that a person has trusted.
//!
//! `certificates/trusted` holds them, one file each (`.der`, as servers export them); an unknown certificate is laid
//! into `certificates/rejected`, named by its thumbprint, until a person has compared the two and moves it.
//! A certificate is compared as a whole, byte for byte: it is pinned, so that its host names and its time say
//! nothing more, and a PLC whose clock is wrong stays reachable.
//!
//! Here: those two folders. Not here: the agent's own certificate (`certificate`).
//! Invariant: nothing gets into `trusted` without a person, and no text of a certificate becomes part of a path.

use std::path::{Path, PathBuf};
use std::{fs, io};

use opcua::crypto::X509;

/// Somebody who answers with a new certificate each time does not fill the disk.
const REJECTED_MAX: usize = 100;
/// Longer is no certificate.
const CERTIFICATE_BYTES_MAX: usize = 64 << 10;

/// The folders of one agent.
#[derive(Debug, Clone)]
pub struct Trust {
    dir: PathBuf,
}

/// A certificate in one of the folders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// SHA-1 thumbprint in hexadecimal, as servers and Windows show it.
    pub thumbprint: String,
    /// Whom it was made for, as it says itself.
    pub subject: String,
    /// Whether it is trusted; else it waits for a person.
    pub trusted: bool,
}

/// What goes wrong with the folders.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A folder or file cannot be read or written.
    #[error("cannot use {path}: {source}")]
    Folder {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What the server sent, or a file holds, is no certificate.
    #[error("{0} is no certificate")]
    NoCertificate(String),
    /// There is no rejected certificate of that thumbprint.
    #[error("no certificate with the thumbprint {0} was rejected")]
    Unknown(String),
}

impl Trust {
    /// The folders below this one.
    #[must_use]
    pub fn new(certificates: &Path) -> Self {
        Self { dir: certificates.to_owned() }
    }

    /// None: it is trusted. Else the file of the rejected certificate, which is kept for a person.
    ///
    /// # Errors
    /// When the folders cannot be used, or it is no certificate.
    pub fn judge(&self, certificate: &[u8]) -> Result<Option<PathBuf>, TrustError> {
        let thumbprint = thumbprint(certificate)
            .ok_or_else(|| TrustError::NoCertificate("what the server calls its certificate".into()))?;
        if self.files("trusted")?.iter().any(|(_, known)| known == certificate) {
            return Ok(None);
        }
        let path = self.dir.join("rejected").join(format!("{thumbprint}.der"));
        if !path.exists() && self.files("rejected")?.len() < REJECTED_MAX {
            fs::write(&path, certificate).map_err(|e| cannot(&path, e))?;
        }
        Ok(Some(path))
    }

    /// All certificates of both folders.
    ///
    /// # Errors
    /// When the folders cannot be used.
    pub fn list(&self) -> Result<Vec<Trusted>, TrustError> {
        let mut all = Vec::new();
        for (folder, trusted) in [("trusted", true), ("rejected", false)] {
            for (_, bytes) in self.files(folder)? {
                let Ok(certificate) = X509::from_der(&bytes) else { continue };
                let Some(thumbprint) = thumbprint(&bytes) else { continue };
                all.push(Trusted { thumbprint, subject: certificate.subject_name(), trusted });
            }
        }
        Ok(all)
    }

    /// Trusts a rejected certificate, by its thumbprint.
    ///
    /// # Errors
    /// When there is none, or the folders cannot be used.
    pub fn add(&self, wanted: &str) -> Result<(), TrustError> {
        let wanted = wanted.replace([':', ' '], "").to_lowercase();
        self.files("trusted")?;
        let found =
            self.files("rejected")?.into_iter().find(|(_, b)| thumbprint(b).as_ref() == Some(&wanted));
        let (from, bytes) = found.ok_or_else(|| TrustError::Unknown(wanted.clone()))?;
        let to = self.dir.join("trusted").join(format!("{wanted}.der"));
        fs::write(&to, bytes).map_err(|e| cannot(&to, e))?;
        fs::remove_file(&from).map_err(|e| cannot(&from, e))
    }

    /// The files of a folder, which is made if it is not there.
    fn files(&self, folder: &str) -> Result<Vec<(PathBuf, Vec<u8>)>, TrustError> {
        let dir = self.dir.join(folder);
        fs::create_dir_all(&dir).map_err(|e| cannot(&dir, e))?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&dir).map_err(|e| cannot(&dir, e))? {
            let path = entry.map_err(|e| cannot(&dir, e))?.path();
            if path.is_file() {
                let bytes = fs::read(&path).map_err(|e| cannot(&path, e))?;
                files.push((path, bytes));
            }
        }
        Ok(files)
    }
}

/// The thumbprint in lower-case hexadecimal; none for what is no certificate.
fn thumbprint(certificate: &[u8]) -> Option<String> {
    if certificate.len() > CERTIFICATE_BYTES_MAX {
        return None;
    }
    let certificate = X509::from_der(certificate).ok()?;
    Some(certificate.thumbprint().as_hex_string().to_lowercase())
}

fn cannot(path: &Path, source: io::Error) -> TrustError {
    TrustError::Folder { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opcua::crypto::{X509 as Certificate, X509Data};

    fn certificate() -> Vec<u8> {
        Certificate::cert_and_pkey(&X509Data::sample_cert()).unwrap().0.to_der().unwrap()
    }

    #[test]
    fn an_unknown_certificate_waits_for_a_person_and_is_then_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust::new(dir.path());
        let unknown = certificate();
        let kept = trust.judge(&unknown).unwrap().expect("nobody has trusted it");
        assert_eq!(fs::read(&kept).unwrap(), unknown);
        assert_eq!(trust.judge(&unknown).unwrap(), Some(kept), "asking again changes nothing");
        let listed = trust.list().unwrap();
        assert!(!listed[0].trusted && listed[0].subject.contains("OPC UA Demo"), "{listed:?}");
        trust.add(&listed[0].thumbprint.to_uppercase()).unwrap();
        assert_eq!(trust.judge(&unknown).unwrap(), None);
        assert!(trust.list().unwrap()[0].trusted && trust.list().unwrap().len() == 1);
    }

    #[test]
    fn what_is_no_certificate_is_neither_kept_nor_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust::new(dir.path());
        assert!(matches!(trust.judge(b"../../etc/passwd"), Err(TrustError::NoCertificate(_))));
        assert!(matches!(trust.judge(&[0x30; 100_000]), Err(TrustError::NoCertificate(_))));
        assert!(matches!(trust.add("../x"), Err(TrustError::Unknown(_))));
        assert!(trust.list().unwrap().is_empty());
    }

    #[test]
    fn rejected_certificates_do_not_fill_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let trust = Trust::new(dir.path());
        let rejected = dir.path().join("rejected");
        fs::create_dir_all(&rejected).unwrap();
        for i in 0..REJECTED_MAX {
            fs::write(rejected.join(format!("{i}.der")), b"old").unwrap();
        }
        assert!(trust.judge(&certificate()).unwrap().is_some(), "still not trusted");
        assert_eq!(fs::read_dir(&rejected).unwrap().count(), REJECTED_MAX);
    }
}
