//! The directory of rule files.
//!
//! Here: which files count, and their decoding. Not here: what they say (`rules`), watching them for changes.
//! Invariant: only `*.toml` of the directory itself, no hidden or backup files, no links out of it, 1 MiB a file;
//! what cannot be read is said with its name.

use std::path::{Path, PathBuf};

use rules::diagnose::{FileId, Report};
use rules::inventory::Inventory;
use rules::ruleset::RuleSet;

/// Largest rule file (§8), bytes.
const FILE_MAX: u64 = 1 << 20;

/// Reads and checks all rules of a directory; every mistake goes to the report.
pub fn load(report: &mut Report, dir: &Path, inventory: &Inventory) -> RuleSet {
    let files = files(report, dir);
    RuleSet::load(report, &files, inventory)
}

fn files(report: &mut Report, dir: &Path) -> Vec<FileId> {
    let mut paths: Vec<PathBuf> = match std::fs::read_dir(dir) {
        Ok(entries) => entries.filter_map(Result::ok).map(|e| e.path()).filter(|p| counts(p)).collect(),
        Err(e) => {
            let file = report.add_file(dir.display().to_string(), "");
            report.error(
                "R501",
                (file, 0..0),
                format!("cannot read the directory of the rules: {e}"),
                "rules_dir",
            );
            return Vec::new();
        }
    };
    paths.sort();
    paths.iter().filter_map(|path| read(report, dir, path)).collect()
}

fn counts(path: &Path) -> bool {
    let name = path.file_name().and_then(|n| n.to_str()).unwrap_or(".");
    name.ends_with(".toml") && !name.starts_with('.')
}

fn read(report: &mut Report, dir: &Path, path: &Path) -> Option<FileId> {
    let name = path.display().to_string();
    match text(dir, path) {
        Ok(text) => Some(report.add_file(name, text)),
        Err(why) => {
            let file = report.add_file(name, "");
            report.error("R502", (file, 0..0), format!("cannot read the file: {why}"), "not read");
            None
        }
    }
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

    fn load_from(files: &[(&str, &[u8])]) -> (usize, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let rules = dir.path().join("rules");
        std::fs::create_dir(&rules).unwrap();
        std::fs::write(dir.path().join("outside.toml"), "[rule.x]\non = '*'\nwhen = 'true'").unwrap();
        std::os::unix::fs::symlink(dir.path().join("outside.toml"), rules.join("link.toml")).unwrap();
        for (name, bytes) in files {
            std::fs::write(rules.join(name), bytes).unwrap();
        }
        let mut report = Report::default();
        let set = load(&mut report, &rules, &Inventory::default());
        let lines = report.lines().filter(|l| !l.contains("for no machine")).collect();
        (set.rules, lines)
    }

    #[test]
    fn only_rule_files_of_the_directory_itself_count() {
        let rule = b"[rule.a]\non = '*'\nwhen = 'true'".as_slice();
        let (rules, lines) =
            load_from(&[("a.toml", rule), (".b.toml", b"x"), ("c.toml~", b"x"), ("d.txt", b"x")]);
        assert_eq!(rules, 1);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].contains("link.toml:1:1: cannot read the file: it is a link out of the directory"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_file_that_is_not_utf_8_says_in_which_line() {
        let (_, lines) = load_from(&[("a.toml", b"# ok\n# W\xe4scher\n")]);
        assert!(lines.iter().any(|l| l.contains("line 2 is not UTF-8")), "{lines:?}");
    }

    #[test]
    fn a_missing_directory_is_an_error_in_words() {
        let mut report = Report::default();
        load(&mut report, Path::new("/nonexistent/rules"), &Inventory::default());
        assert!(report.lines().next().unwrap().contains("cannot read the directory of the rules"));
    }
}
