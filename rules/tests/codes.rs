//! Every code that is given is in the table, and the other way round.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "the engine opens no files, its tests read their sources")]

use std::collections::BTreeSet;
use std::path::Path;

use rules::codes::CODES;

/// Codes in quotes, such as `"R101"`, in the sources below a folder.
fn given(folder: &Path, letters: &str, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            given(&path, letters, found);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("codes.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let quoted = text.split('"').filter(|t| t.len() == 4 && t.starts_with(|c| letters.contains(c)));
            found.extend(quoted.filter(|t| t[1..].chars().all(|c| c.is_ascii_digit())).map(str::to_owned));
        }
    }
}

#[test]
fn every_code_is_in_the_table_once_and_in_order() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeSet::new();
    given(&home.join("src"), "ERT", &mut found);
    given(&home.join("../edge-agent/src"), "RT", &mut found);
    let table: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(table, found.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(CODES.iter().all(|(_, about)| !about.is_empty()));
}
