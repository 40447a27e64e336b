//! The directory of rule files.
//!
//! Here: which files count. Not here: how they are encoded and what they say (`rules`), what becomes of a change
//! (`book`).
//! Invariant: only `*.toml` and `*.csv` of the directory itself, no hidden or backup files, no links out of it, 1 MiB
//! a file; what cannot be read is said with its name.

use std::path::{Path, PathBuf};

use rules::checked::is_table;
use rules::decode::{FILE_MAX, Text, decode};

/// A file of rules or limits, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its path, for messages.
    pub name: String,
    /// Its text, or why there is none.
    pub text: Result<Text, String>,
}

/// Reads all rule files of a directory, by name.
///
/// # Errors
/// When the directory itself cannot be read.
pub fn pages(dir: &Path) -> std::io::Result<Vec<Page>> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        // A listing that breaks off must not look like a directory that holds less.
        paths.push(entry?.path());
    }
    paths.retain(|path| counts(path));
    paths.sort();
    Ok(paths
        .iter()
        .map(|path| Page { name: path.display().to_string(), text: text(Some(dir), path) })
        .collect())
}

/// Reads one file that was named.
#[must_use]
pub fn page(path: &Path) -> Page {
    Page { name: path.display().to_string(), text: text(None, path) }
}

fn counts(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or(".");
    (name.ends_with(".toml") || is_table(name)) && !name.starts_with('.')
}

fn text(dir: Option<&Path>, path: &Path) -> Result<Text, String> {
    let real = path.canonicalize().map_err(|e| e.to_string())?;
    if let Some(dir) = dir
        && !real.starts_with(dir.canonicalize().map_err(|e| e.to_string())?)
    {
        return Err("it is a link out of the directory".into());
    }
    if std::fs::metadata(&real).map_err(|e| e.to_string())?.len() > FILE_MAX {
        return Err(format!("it is larger than {} KiB", FILE_MAX >> 10));
    }
    decode(&std::fs::read(&real).map_err(|e| e.to_string())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(files: &[(&str, &[u8])]) -> Vec<(String, Result<String, String>)> {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        std::fs::write(dir.path().join("outside.toml"), "").unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside.toml"), rules.join("link.toml")).unwrap();
        for (name, bytes) in files {
            std::fs::write(rules.join(name), bytes).unwrap();
        }
        let short = |p: Page| (p.name.rsplit('/').next().unwrap().to_owned(), p.text.map(|t| t.text));
        pages(&rules).unwrap().into_iter().map(short).collect()
    }

    #[test]
    fn only_rule_files_of_the_directory_itself_count() {
        let read = read(&[
            ("a.toml", b"x = 1"),
            (".b.toml", b"x"),
            ("c.toml~", b"x"),
            ("d.txt", b"x"),
            ("e.csv", b"x"),
        ]);
        let names: Vec<&str> = read.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a.toml", "e.csv", "link.toml"]);
        assert_eq!(read[0].1, Ok("x = 1".to_owned()));
        assert_eq!(read[2].1, Err("it is a link out of the directory".to_owned()));
    }

    #[test]
    fn a_file_is_read_as_it_was_saved() {
        let read = read(&[("a.toml", b"# W\xe4scher\n"), ("b.toml", b"a\nb\0")]);
        assert_eq!(read[0].1, Ok("# Wäscher\n".to_owned()));
        assert!(read[1].1.as_ref().unwrap_err().starts_with("line 2 is not text"), "{read:?}");
    }
}
