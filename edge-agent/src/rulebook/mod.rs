//! The rules of the line: the directory that people edit, and the versions that are in force.
//!
//! Here: reading the directory once, for commands; `folder` says which files count, `book` keeps the last good
//! version of each rule, `kept` is that book as bytes. Not here: what rules mean (`rules`).
//! Invariant: a rule with a mistake changes nothing, not even over a reboot (I6).

mod book;
mod folder;
mod kept;

use std::path::{Path, PathBuf};

use rules::checked::is_table;
use rules::diagnose::{FileId, Report};
use rules::inventory::Inventory;
use rules::ruleset::{Checked, RuleSet};

pub use book::{Book, Edition, Mistake, NOTE};
pub use folder::{Page, page, pages};

/// Reads and checks these files, and those of these directories, as if nothing else were in force, each rule by its
/// name; every mistake goes to the report, and the doubt about a directory without rule files, unless it may be so.
pub fn checked(report: &mut Report, paths: &[PathBuf], inventory: &Inventory, may_be_empty: bool) -> Checked {
    let ids = ids(report, paths, may_be_empty);
    Checked::of(report, &ids, inventory)
}

/// The same, ready to run.
pub fn of_paths(
    report: &mut Report,
    paths: &[PathBuf],
    inventory: &Inventory,
    may_be_empty: bool,
) -> RuleSet {
    let ids = ids(report, paths, may_be_empty);
    RuleSet::load(report, &ids, inventory)
}

/// Reads and checks all rules of a directory; every mistake goes to the report.
pub fn load(report: &mut Report, dir: &Path, inventory: &Inventory, may_be_empty: bool) -> RuleSet {
    let files = files(report, dir, may_be_empty);
    RuleSet::load(report, &files, inventory)
}

fn ids(report: &mut Report, paths: &[PathBuf], may_be_empty: bool) -> Vec<FileId> {
    let mut ids = Vec::new();
    for path in paths {
        match path.is_dir() {
            true => ids.extend(files(report, path, may_be_empty)),
            false => ids.push(add(report, &page(path))),
        }
    }
    ids
}

fn files(report: &mut Report, dir: &Path, may_be_empty: bool) -> Vec<FileId> {
    match pages(dir) {
        Ok(pages) => {
            if !may_be_empty && pages.iter().all(|page| is_table(&page.name)) {
                let file = report.add_file(dir.display().to_string(), "");
                let message = "the directory holds no rule files";
                report.warning("R504", (file, 0..0), message, "files that end in .toml are expected");
            }
            pages.iter().map(|page| add(report, page)).collect()
        }
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
        load(&mut report, Path::new("/nonexistent/rules"), &Inventory::default(), false);
        assert!(report.lines().next().unwrap().contains("cannot read the directory of the rules"));
    }

    #[test]
    fn a_directory_without_rule_files_is_doubted_unless_it_may_be_so() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("limits.csv"), "rule;parameter;machine;value\n").unwrap();
        let said = |may_be_empty| {
            let mut report = Report::default();
            load(&mut report, dir.path(), &Inventory::default(), may_be_empty);
            (report.errors(), report.lines().filter(|line| line.contains("holds no rule files")).count())
        };
        assert_eq!((said(false), said(true)), ((0, 1), (0, 0)));
    }
}
