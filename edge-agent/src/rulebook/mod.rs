//! The rules of the line: the directory that people edit, and the versions that are in force.
//!
//! Here: reading the directory once, for commands; `folder` says which files count, `book` keeps the last good
//! version of each rule, `kept` is that book as bytes. Not here: what rules mean (`rules`).
//! Invariant: a rule with a mistake changes nothing, not even over a reboot (I6).

mod book;
mod folder;
mod kept;

use std::path::{Path, PathBuf};

use rules::diagnose::{FileId, Report};
use rules::inventory::Inventory;
use rules::ruleset::{Checked, RuleSet};

pub use book::{Book, Edition, Mistake, NOTE};
pub use folder::{Page, page, pages};

/// Reads and checks all rules of a directory, each by its name; every mistake goes to the report.
pub fn checked(report: &mut Report, dir: &Path, inventory: &Inventory) -> Checked {
    let files = files(report, dir);
    Checked::of(report, &files, inventory)
}

/// Reads and checks these files, and those of these directories, as if nothing else were in force.
pub fn of_paths(report: &mut Report, paths: &[PathBuf], inventory: &Inventory) -> RuleSet {
    let mut ids = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => ids.extend(files(report, path)),
            false => ids.push(add(report, &page(path))),
        }
    }
    RuleSet::load(report, &ids, inventory)
}

/// Reads and checks all rules of a directory; every mistake goes to the report.
pub fn load(report: &mut Report, dir: &Path, inventory: &Inventory) -> RuleSet {
    let files = files(report, dir);
    RuleSet::load(report, &files, inventory)
}

fn files(report: &mut Report, dir: &Path) -> Vec<FileId> {
    match pages(dir) {
        Ok(pages) => pages.iter().map(|page| add(report, page)).collect(),
        Err(e) => {
            let file = report.add_file(dir.display().to_string(), "");
            report.error(
                "R501",
                (file, 0..0),
                format!("cannot read the directory of the rules: {e}"),
                "rules_dir",
            );
            Vec::new()
        }
    }
}

fn add(report: &mut Report, page: &Page) -> FileId {
    rules::decode::add(report, &page.name, page.text.as_ref().map_err(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_directory_is_an_error_in_words() {
        let mut report = Report::default();
        load(&mut report, Path::new("/nonexistent/rules"), &Inventory::default());
        assert!(report.lines().next().unwrap().contains("cannot read the directory of the rules"));
    }
}
