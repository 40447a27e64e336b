//! The book of rules as it is kept: each text once, and which rule was taken from which.
//!
//! Here: leaves, origins, and their JSON. Not here: which version of a rule is in force (`book`), where the bytes are
//! kept (the outbox).
//! Invariant: what is written and read again is in force again, word for word.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::diagnose::Report;
use rules::inventory::Inventory;
use rules::ruleset::{BoundRule, Checked};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// A file as it was when a rule of it came into force.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leaf {
    pub(super) file: String,
    pub(super) text: String,
}

/// Where a rule in force stands, and the tables that its limits are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) rule: Arc<Leaf>,
    pub(super) tables: Vec<Arc<Leaf>>,
}

/// The book as it is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    texts: Vec<(String, String)>,
    /// Which text each rule is taken from.
    rules: BTreeMap<String, usize>,
    /// Which texts the limits of a rule are taken from, where it has such.
    #[serde(default)]
    tables: BTreeMap<String, Vec<usize>>,
}

impl Kept {
    /// Reads a book; what cannot be read is empty.
    pub(super) fn read(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default()
    }

    /// The rules that were in force, each with its origin.
    pub(super) fn rules(&self, inventory: &Inventory) -> Vec<(String, BoundRule, Origin)> {
        let leaf =
            |(file, text): &(String, String)| Arc::new(Leaf { file: file.clone(), text: text.clone() });
        let leaves: Vec<Arc<Leaf>> = self.texts.iter().map(leaf).collect();
        // Rules with the same texts are read together.
        let mut together: BTreeMap<(usize, &[usize]), Vec<&String>> = BTreeMap::new();
        for (name, from) in &self.rules {
            let tables = self.tables.get(name).map_or(&[][..], Vec::as_slice);
            together.entry((*from, tables)).or_default().push(name);
        }
        let mut rules = Vec::new();
        for ((from, tables), names) in together {
            let Some(rule) = leaves.get(from).cloned() else { continue };
            let tables = tables.iter().filter_map(|i| leaves.get(*i).cloned()).collect();
            let origin = Origin { rule, tables };
            let mut checked = origin.checked(inventory).rules;
            let bound = |name: &String| Some((name.clone(), checked.remove(name)?, origin.clone()));
            rules.extend(names.into_iter().filter_map(bound));
        }
        rules
    }

    /// The book of these rules, as bytes.
    pub(super) fn bytes_of(origins: &BTreeMap<String, Origin>) -> Vec<u8> {
        let mut kept = Self::default();
        let mut places: FxHashMap<*const Leaf, usize> = FxHashMap::default();
        let mut place = |leaf: &Arc<Leaf>| {
            // Rules of one file share a leaf, so that texts are compared once a file and not once a rule.
            *places.entry(Arc::as_ptr(leaf)).or_insert_with(|| {
                let same =
                    kept.texts.iter().position(|(file, text)| *file == leaf.file && *text == leaf.text);
                same.unwrap_or_else(|| {
                    kept.texts.push((leaf.file.clone(), leaf.text.clone()));
                    kept.texts.len() - 1
                })
            })
        };
        for (name, origin) in origins {
            kept.rules.insert(name.clone(), place(&origin.rule));
            if !origin.tables.is_empty() {
                kept.tables.insert(name.clone(), origin.tables.iter().map(&mut place).collect());
            }
        }
        // Texts and numbers: serde_json has nothing to refuse.
        serde_json::to_vec(&kept).unwrap_or_default()
    }
}

impl Origin {
    /// Its rules, read again.
    fn checked(&self, inventory: &Inventory) -> Checked {
        let mut report = Report::default();
        let all = std::iter::once(&self.rule).chain(&self.tables);
        let ids: Vec<_> = all.map(|l| report.add_file(l.file.as_str(), l.text.as_str())).collect();
        Checked::again(&mut report, &ids, inventory)
    }
}
