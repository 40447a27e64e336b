//! The book of rules: which version of each rule is in force (§8).
//!
//! The unit is the rule. One with a mistake keeps its last good version; a file that cannot be read as a whole
//! keeps all of its rules; a rule is gone only when every file could be read and none held it in two scans. The
//! texts of what is in force are kept, so that this holds over a reboot.
//!
//! Here: that, on the texts of the directory. Not here: when it is looked at (`agent`), carrying state over
//! (`rules`), how the book is kept (`kept`) and where (the outbox).
//! Invariant: what is in force changes only to something without a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proto::Happening;
use rules::checked::is_table;
use rules::diagnose::{FileId, Report, Weight};
use rules::inventory::Inventory;
use rules::ruleset::{BoundRule, Checked, RuleSet};
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};

use super::folder::{Page, pages};
use super::kept::{Kept, Leaf, Origin};
use crate::user;

/// Name of the ledger's note that holds the book.
pub const NOTE: &str = "rulebook";

/// The rules in force, and what they were read from.
#[derive(Debug)]
pub struct Book {
    dir: PathBuf,
    /// Whether a directory without rule files means that there are no rules.
    may_be_empty: bool,
    inventory: Arc<Inventory>,
    rules: BTreeMap<String, BoundRule>,
    origins: BTreeMap<String, Origin>,
    /// Rules that the last scan did not find.
    missing: BTreeSet<String>,
    /// Tables that the last scan did not find.
    missing_tables: BTreeSet<String>,
    /// What the last scan read.
    seen: Option<Vec<Page>>,
    mistakes: Vec<Mistake>,
}

/// A mistake in a rule file, or something that is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// How much it matters.
    pub weight: Weight,
    /// Stable code.
    pub code: &'static str,
    /// `file:line:column: what is wrong`.
    pub text: String,
}

/// What a scan has changed.
#[derive(Debug)]
pub struct Edition {
    /// The rules in force; none: they are the same as before.
    pub rules: Option<RuleSet>,
    /// Number of rules in force.
    pub count: usize,
    /// The book, to be kept.
    pub book: Vec<u8>,
    /// What has changed about the rules.
    pub happening: Option<Happening>,
    /// All mistakes of all files, a line each.
    pub mistakes: Vec<Mistake>,
}

impl Book {
    /// Opens the book as it was kept; nothing is in force that is not in it.
    #[must_use]
    pub fn open(dir: &Path, inventory: Arc<Inventory>, kept: Option<&[u8]>) -> Self {
        let kept = Kept::read(kept);
        let mut book = Self {
            dir: dir.to_owned(),
            may_be_empty: false,
            inventory,
            rules: BTreeMap::new(),
            origins: BTreeMap::new(),
            missing: BTreeSet::new(),
            missing_tables: BTreeSet::new(),
            seen: None,
            mistakes: Vec::new(),
        };
        for (name, bound, origin) in kept.rules(&book.inventory) {
            book.rules.insert(name.clone(), bound);
            book.origins.insert(name, origin);
        }
        book
    }

    /// Whether a directory without rule files means that there are no rules. Else it changes nothing: it looks just
    /// like one that somebody is replacing, or whose share is not mounted.
    #[must_use]
    pub fn may_be_empty(self, may_be_empty: bool) -> Self {
        Self { may_be_empty, ..self }
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> RuleSet {
        RuleSet::of(&self.rules)
    }

    /// Looks at the directory; none when nothing there has changed.
    pub fn scan(&mut self) -> Option<Edition> {
        let pages = match pages(&self.dir) {
            Ok(pages) => pages,
            Err(e) => {
                return self.unreadable(&format!(
                    "cannot read the directory of the rules {}: {e}",
                    self.dir.display()
                ));
            }
        };
        let pages = self.with_lost_tables(pages);
        let is_empty = pages.iter().all(|page| is_table(&page.name));
        if is_empty && !self.rules.is_empty() && !self.may_be_empty {
            return self.unreadable(&format!(
                "{} holds no rule files: all rules stay in force; `rules_dir_may_be_empty = true` in [agent] would \
                 remove them",
                self.dir.display()
            ));
        }
        if self.seen.as_ref() == Some(&pages) && self.missing.is_empty() {
            return None;
        }
        let before = self.hashes();
        let mistakes = self.take(&pages);
        self.seen = Some(pages);
        let same_mistakes = mistakes == self.mistakes;
        self.mistakes.clone_from(&mistakes);
        let happening = self.changed_since(&before);
        if happening.is_none() && same_mistakes {
            return None;
        }
        let rules = happening.is_some().then(|| self.rules());
        Some(Edition { rules, count: self.rules.len(), book: self.bytes(), happening, mistakes })
    }

    /// An unreadable or empty directory changes nothing; it is said once.
    fn unreadable(&mut self, why: &str) -> Option<Edition> {
        self.seen = None;
        self.missing.clear();
        let mistakes = vec![Mistake { weight: Weight::Error, code: "R501", text: why.to_owned() }];
        if self.mistakes == mistakes {
            return None;
        }
        self.mistakes = mistakes;
        let (count, mistakes) = (self.rules.len(), self.mistakes.clone());
        Some(Edition { rules: None, count, book: self.bytes(), happening: None, mistakes })
    }

    /// Takes what is right into force; gives the mistakes.
    fn take(&mut self, pages: &[Page]) -> Vec<Mistake> {
        let mut report = Report::default();
        let ids: Vec<FileId> = pages.iter().map(|page| super::add(&mut report, page)).collect();
        let checked = Checked::of(&mut report, &ids, &self.inventory);
        self.forget(&checked);
        let leaf = |page: &Page| {
            let text = page.text.as_ref().map_or_else(|_| String::new(), |t| t.text.clone());
            Arc::new(Leaf { file: page.name.clone(), text })
        };
        let leaves: FxHashMap<FileId, Arc<Leaf>> = ids.into_iter().zip(pages.iter().map(leaf)).collect();
        let mut tables: Vec<Arc<Leaf>> = leaves.values().filter(|l| is_table(&l.file)).cloned().collect();
        tables.sort_by(|a, b| a.file.cmp(&b.file));
        for (name, bound) in checked.rules {
            if let Some(rule) = leaves.get(&bound.rule.file).cloned() {
                let limited = bound.rule.params.values().any(|param| !param.limits.is_empty());
                let tables = if limited { tables.clone() } else { Vec::new() };
                self.origins.insert(name.clone(), Origin { rule, tables });
            }
            self.rules.insert(name, bound);
        }
        let found = report.diagnostics().iter().zip(report.lines());
        found.map(|(d, text)| Mistake { weight: d.weight, code: d.code, text }).collect()
    }

    /// The pages, and the tables that are missed for the first time: an editor may be replacing them.
    fn with_lost_tables(&mut self, mut pages: Vec<Page>) -> Vec<Page> {
        let here: BTreeSet<&str> = pages.iter().map(|page| page.name.as_str()).collect();
        let seen = self.seen.iter().flatten().filter(|page| is_table(&page.name));
        let lost: Vec<Page> = seen.filter(|page| !here.contains(page.name.as_str())).cloned().collect();
        let names = lost.iter().map(|page| page.name.clone()).collect();
        let before = std::mem::replace(&mut self.missing_tables, names);
        pages.extend(lost.into_iter().filter(|page| !before.contains(&page.name)));
        pages.sort_by(|a, b| a.name.cmp(&b.name));
        pages
    }

    /// Lets go of rules that are gone for the second time, when every file could be read.
    fn forget(&mut self, checked: &Checked) {
        let held = |name: &String| checked.rules.contains_key(name) || checked.mistaken.contains(name);
        let missing: BTreeSet<String> = self.rules.keys().filter(|name| !held(name)).cloned().collect();
        if !checked.unread.is_empty() {
            self.missing.clear();
            return;
        }
        for gone in missing.intersection(&self.missing) {
            self.rules.remove(gone);
            self.origins.remove(gone);
        }
        self.missing = missing.into_iter().filter(|name| self.rules.contains_key(name)).collect();
    }

    fn hashes(&self) -> BTreeMap<String, String> {
        self.rules.iter().map(|(name, bound)| (name.clone(), bound.rule.hash.clone())).collect()
    }

    fn changed_since(&self, before: &BTreeMap<String, String>) -> Option<Happening> {
        let after = self.hashes();
        if after == *before {
            return None;
        }
        let of = |names: &dyn Fn(&String, &String) -> bool, all: &BTreeMap<String, String>| -> Vec<String> {
            all.iter().filter(|(name, hash)| names(name, hash)).map(|(name, _)| name.clone()).collect()
        };
        let (owner, written_at) = self.last_written().unwrap_or_default();
        Some(Happening::RulesChanged {
            before: hash_of(before),
            after: hash_of(&after),
            added: of(&|name, _| !before.contains_key(name), &after),
            changed: of(&|name, hash| before.get(name).is_some_and(|h| h != hash), &after),
            removed: of(&|name, _| !after.contains_key(name), before),
            owner,
            written_at,
        })
    }

    /// Owner and time of the file that was written last.
    fn last_written(&self) -> Option<(Option<String>, Option<i64>)> {
        let files = self.seen.iter().flatten().map(|page| page.name.as_str());
        let newest = files.filter_map(|file| std::fs::metadata(file).ok()).max_by_key(MetadataExt::mtime)?;
        let millis = newest.mtime().saturating_mul(1000).saturating_add(newest.mtime_nsec() / 1_000_000);
        Some((Some(user::name(newest.uid())), Some(millis)))
    }

    /// The book as it is kept.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        Kept::bytes_of(&self.origins)
    }
}

fn hash_of(rules: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    for (name, rule) in rules {
        hash.update(name);
        hash.update(rule);
    }
    proto::id::hex(&hash.finalize())
}

#[cfg(test)]
mod tests;
