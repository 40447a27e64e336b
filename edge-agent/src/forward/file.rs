//! Forwarding to files: a line of JSON for each entry, a file for each UTC day. It needs no account.
//!
//! Here: appending and syncing. Not here: removing old files.
//! Invariant: a line is on the disk before its entry leaves the outbox. A write that breaks off leaves a piece
//! of a line; the next write begins on a line of its own and brings the whole again.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use super::{Answer, Failure, Link, Parcel, Stream};

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileTarget {
    /// The folder of the files; made if missing.
    pub dir: PathBuf,
}

/// A folder with a file for each day.
#[derive(Debug)]
pub struct File {
    dir: PathBuf,
    day: fn() -> String,
}

impl File {
    /// Nothing is touched before the first entry.
    #[must_use]
    pub fn new(target: FileTarget) -> Self {
        Self { dir: target.dir, day: today }
    }
}

impl Stream for File {
    async fn put(&mut self, parcels: &[Parcel]) -> Result<Vec<Answer>, Failure> {
        let mut entries = parcels.iter().flat_map(|p| &p.entries).collect::<Vec<_>>();
        entries.sort_unstable_by_key(|(position, _)| *position);
        let lines =
            entries.iter().flat_map(|(_, json)| [json.as_slice(), b"\n"]).collect::<Vec<_>>().concat();
        let dir = self.dir.clone();
        let path = dir.join(format!("{}.ndjson", (self.day)()));
        let written = tokio::task::spawn_blocking(move || (append(&dir, &path, &lines), path)).await;
        match written {
            Ok((Ok(()), _)) => Ok(parcels.iter().map(|_| Answer::Accepted).collect()),
            Ok((Err(e), path)) => {
                let reason = format!("{} cannot be written: {e}", path.display());
                Err(Failure { link: Link::Refused, reason })
            }
            Err(_) => Err(Failure { link: Link::Unreachable, reason: "the agent is stopping".to_owned() }),
        }
    }
}

fn append(dir: &Path, path: &Path, lines: &[u8]) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let is_new = !path.exists();
    let mut file = fs::OpenOptions::new().read(true).append(true).create(true).open(path)?;
    if ends_within_a_line(&mut file)? {
        file.write_all(b"\n")?;
    }
    file.write_all(lines)?;
    file.sync_data()?;
    if is_new {
        fs::File::open(dir)?.sync_all()?;
    }
    Ok(())
}

fn ends_within_a_line(file: &mut fs::File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

fn today() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        forward::pack,
        outbox::{Entry, Kind},
    };

    #[tokio::test]
    async fn lines_are_appended_in_the_order_of_the_outbox_to_the_file_of_the_day() {
        let (dir, mut file) = file();
        file.put(&parcels(&["a1", "b1", "a2"])).await.unwrap();
        file.put(&parcels(&["a3"])).await.unwrap();
        file.day = || "2026-01-03".into();
        file.put(&parcels(&["a4"])).await.unwrap();
        assert_eq!(read(&dir, "2026-01-02"), "a1\nb1\na2\na3\n");
        assert_eq!(read(&dir, "2026-01-03"), "a4\n");
    }

    #[tokio::test]
    async fn after_a_write_that_broke_off_the_next_begins_a_line_of_its_own() {
        let (dir, mut file) = file();
        fs::create_dir_all(dir.path().join("forward")).unwrap();
        fs::write(dir.path().join("forward/2026-01-02.ndjson"), "a1\n{\"ha").unwrap();
        assert_eq!(file.put(&parcels(&["a2"])).await.unwrap(), [Answer::Accepted]);
        assert_eq!(read(&dir, "2026-01-02"), "a1\n{\"ha\na2\n");
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_named_and_heals() {
        let (dir, mut file) = file();
        fs::write(dir.path().join("forward"), "a file stands here").unwrap();
        let failure = file.put(&parcels(&["a1"])).await.unwrap_err();
        assert_eq!(failure.link, Link::Refused);
        assert!(failure.reason.contains("2026-01-02.ndjson cannot be written: "), "{}", failure.reason);
        fs::remove_file(dir.path().join("forward")).unwrap();
        file.put(&parcels(&["a1"])).await.unwrap();
        assert_eq!(read(&dir, "2026-01-02"), "a1\n");
    }

    #[test]
    fn a_day_is_named_year_first() {
        let day = today();
        assert!(day.len() == 10 && day.starts_with("20") && day.matches('-').count() == 2, "{day}");
    }

    fn file() -> (tempfile::TempDir, File) {
        let dir = tempfile::tempdir().unwrap();
        let file = File { dir: dir.path().join("forward"), day: || "2026-01-02".into() };
        (dir, file)
    }

    fn read(dir: &tempfile::TempDir, day: &str) -> String {
        fs::read_to_string(dir.path().join(format!("forward/{day}.ndjson"))).unwrap()
    }

    /// Texts whose first letter is their key.
    fn parcels(texts: &[&str]) -> Vec<Parcel> {
        let entry =
            |t: &&str| Entry { kind: Kind::Transition, key: t[..1].into(), json: t.as_bytes().to_vec() };
        pack((0..).zip(texts.iter().map(entry)).collect())
    }
}
