//! Forwarding to files: a line of JSON for each entry, a file for each UTC day, and more on a day with very much. It
//! needs no account.
//!
//! Here: appending and syncing, and removing the oldest files when all together reach their bound. Not here: what
//! reads them.
//! Invariant: a line is on the disk before its entry leaves the outbox. A write that breaks off leaves a piece
//! of a line; the next write begins on a line of its own and brings the whole again. All files together stay within
//! the bound, give or take one write; no other file of the folder is touched.

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
    /// Bytes that all files may have together; the oldest make room.
    pub bytes_max: u64,
}

/// A day's file is followed by another one at this part of the bound: then so much at most is removed at once.
const PARTS: u64 = 8;
/// On a day on which more files are filled, the last one takes the rest.
const FILES_A_DAY_MAX: u32 = 999;

/// A folder with a file for each day.
#[derive(Debug)]
pub struct File {
    dir: PathBuf,
    bytes_max: u64,
    day: fn() -> String,
}

impl File {
    /// Nothing is touched before the first entry.
    #[must_use]
    pub fn new(target: FileTarget) -> Self {
        Self { dir: target.dir, bytes_max: target.bytes_max, day: today }
    }
}

impl Stream for File {
    async fn put(&mut self, parcels: &[Parcel]) -> Result<Vec<Answer>, Failure> {
        let mut entries = parcels.iter().flat_map(|p| &p.entries).collect::<Vec<_>>();
        entries.sort_unstable_by_key(|(position, _)| *position);
        let lines =
            entries.iter().flat_map(|(_, json)| [json.as_slice(), b"\n"]).collect::<Vec<_>>().concat();
        let (folder, day) = (Folder { dir: self.dir.clone(), bytes_max: self.bytes_max }, (self.day)());
        let written = tokio::task::spawn_blocking(move || folder.write(&day, &lines)).await;
        match written {
            Ok(Ok(())) => Ok(parcels.iter().map(|_| Answer::Accepted).collect()),
            Ok(Err((path, e))) => {
                let reason = format!("{} cannot be written: {e}", path.display());
                Err(Failure { link: Link::Refused, reason })
            }
            Err(_) => Err(Failure { link: Link::Unreachable, reason: "the agent is stopping".to_owned() }),
        }
    }
}

/// The folder, for one write.
struct Folder {
    dir: PathBuf,
    bytes_max: u64,
}

impl Folder {
    fn write(&self, day: &str, lines: &[u8]) -> Result<(), (PathBuf, io::Error)> {
        let path = self.current(day);
        append(&self.dir, &path, lines).map_err(|e| (path.clone(), e)).map(|is_new| {
            if is_new {
                self.make_room(&path);
            }
        })
    }

    /// The last file of that day, or the one behind it when it is full.
    fn current(&self, day: &str) -> PathBuf {
        let of_day = |stem: &str| {
            Some(stem.strip_prefix(day)?.strip_prefix('_').map_or(1, |n| n.parse().unwrap_or(1)))
        };
        let number = |path: &PathBuf| of_day(path.file_stem()?.to_str()?);
        let last =
            self.files().into_iter().filter_map(|(path, size)| Some((number(&path)?, size))).next_back();
        let n: u32 = match last {
            Some((n, size)) if size >= self.bytes_max / PARTS => (n + 1).min(FILES_A_DAY_MAX),
            Some((n, _)) => n,
            None => 1,
        };
        self.dir.join(if n == 1 { format!("{day}.ndjson") } else { format!("{day}_{n:03}.ndjson") })
    }

    /// Removes the oldest files until a full one more will fit. One that cannot be removed is tried again with the
    /// next new file.
    fn make_room(&self, current: &Path) {
        let mut files = self.files();
        files.retain(|(path, _)| path != current);
        let mut held: u64 = files.iter().map(|(_, size)| size).sum();
        let room = self.bytes_max - self.bytes_max / PARTS;
        for (path, size) in files {
            if held <= room {
                return;
            }
            match fs::remove_file(&path) {
                Ok(()) => {
                    held -= size;
                    tracing::info!(file = %path.display(), "the oldest forwarded file made room: `files_max` in [forward]");
                }
                Err(e) => tracing::warn!(file = %path.display(), error = %e, "an old file cannot be removed"),
            }
        }
    }

    /// What was written here, the oldest first, with its size.
    fn files(&self) -> Vec<(PathBuf, u64)> {
        let there = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let ours = there.filter(|file| file.file_name().to_str().is_some_and(is_ours));
        let mut files: Vec<_> = ours
            .filter_map(|file| Some((file.path(), file.metadata().ok().filter(fs::Metadata::is_file)?.len())))
            .collect();
        // The ending would come before `_`.
        files.sort_by_key(|(path, _)| path.with_extension(""));
        files
    }
}

/// `2026-01-02.ndjson`, `2026-01-02_002.ndjson`.
fn is_ours(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".ndjson") else { return false };
    let shape: String = stem.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    ["0000-00-00", "0000-00-00_000"].contains(&shape.as_str())
}

/// Whether it is a new file.
fn append(dir: &Path, path: &Path, lines: &[u8]) -> io::Result<bool> {
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
    Ok(is_new)
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

    #[tokio::test]
    async fn the_oldest_files_make_room_and_no_other_file_is_touched() {
        let (dir, mut file) = file();
        file.bytes_max = 80;
        fs::create_dir_all(dir.path().join("forward")).unwrap();
        for name in ["2025-12-30.ndjson", "notes.txt", "2025-12-30.ndjson.gz", "my-2025-12-30.ndjson"] {
            fs::write(dir.path().join("forward").join(name), [b'x'; 30]).unwrap();
        }
        let held = || {
            let files = fs::read_dir(dir.path().join("forward")).unwrap().flatten();
            let mut files: Vec<_> =
                files.map(|f| f.file_name().into_string().unwrap()).filter(|n| is_ours(n)).collect();
            files.sort();
            files
        };
        file.put(&parcels(&["a123456789"])).await.unwrap();
        assert_eq!(held(), ["2025-12-30.ndjson", "2026-01-02.ndjson"]);
        for _ in 0..30 {
            file.put(&parcels(&["a123456789"])).await.unwrap();
            let sizes = held()
                .iter()
                .map(|name| fs::metadata(dir.path().join("forward").join(name)).unwrap().len())
                .sum::<u64>();
            assert!(sizes <= 80 + 11, "{sizes} in {:?}", held());
        }
        file.day = || "2026-01-03".into();
        file.put(&parcels(&["a123456789"])).await.unwrap();
        let held = held();
        assert_eq!(held.last().unwrap(), "2026-01-03.ndjson");
        assert_eq!(held.first().unwrap(), "2026-01-02_026.ndjson", "{held:?}");
        let others = fs::read_dir(dir.path().join("forward")).unwrap().count() - held.len();
        assert_eq!(others, 3);
    }

    #[test]
    fn a_day_is_named_year_first() {
        let day = today();
        assert!(day.len() == 10 && day.starts_with("20") && day.matches('-').count() == 2, "{day}");
    }

    fn file() -> (tempfile::TempDir, File) {
        let dir = tempfile::tempdir().unwrap();
        let file = File { dir: dir.path().join("forward"), bytes_max: 1 << 20, day: || "2026-01-02".into() };
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
