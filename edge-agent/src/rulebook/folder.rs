//! The directory of rule files.
//!
//! Here: which files count, and their decoding. Not here: what they say (`rules`), what becomes of a change
//! (`book`).
//! Invariant: only `*.toml` of the directory itself, no hidden or backup files, no links out of it, 1 MiB a file;
//! what cannot be read is said with its name.

use std::path::{Path, PathBuf};

/// Largest rule file (§8), bytes.
const FILE_MAX: u64 = 1 << 20;

/// A rule file, as far as it could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its path, for messages.
    pub name: String,
    /// Its text, or why there is none.
    pub text: Result<String, String>,
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
    let page = |path: &PathBuf| Page { name: path.display().to_string(), text: text(dir, path) };
    Ok(paths.iter().map(page).collect())
}

fn counts(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or(".");
    name.ends_with(".toml") && !name.starts_with('.')
}

fn text(dir: &Path, path: &Path) -> Result<String, String> {
    let real = path.canonicalize().map_err(|e| e.to_string())?;
    let home = dir.canonicalize().map_err(|e| e.to_string())?;
    if !real.starts_with(&home) {
        return Err("it is a link out of the directory".into());
    }
    if std::fs::metadata(&real).map_err(|e| e.to_string())?.len() > FILE_MAX {
        return Err(format!("it is larger than {} KiB", FILE_MAX >> 10));
    }
    let bytes = std::fs::read(&real).map_err(|e| e.to_string())?;
    String::from_utf8(bytes).map_err(|e| {
        let line = e.as_bytes()[..e.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
        format!("line {line} is not UTF-8: save the file as UTF-8")
    })
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
        let short = |p: Page| (p.name.rsplit('/').next().unwrap().to_owned(), p.text);
        pages(&rules).unwrap().into_iter().map(short).collect()
    }

    #[test]
    fn only_rule_files_of_the_directory_itself_count() {
        let read = read(&[("a.toml", b"x = 1"), (".b.toml", b"x"), ("c.toml~", b"x"), ("d.txt", b"x")]);
        let link = Err("it is a link out of the directory".to_owned());
        assert_eq!(read, [("a.toml".to_owned(), Ok("x = 1".to_owned())), ("link.toml".to_owned(), link)]);
    }

    #[test]
    fn a_file_that_is_not_utf_8_says_in_which_line() {
        let read = read(&[("a.toml", b"# ok\n# W\xe4scher\n")]);
        assert!(read[0].1.as_ref().unwrap_err().starts_with("line 2 is not UTF-8"), "{read:?}");
    }
}
