//! The engine told as stories: every file of `scenarios/` shows sentences of the specification that could be wrong.
//!
//! A file has a head (what it shows, in comments, then machines, sources, tags and options), the rules as they
//! stand in a rule file, and a story. A line of the story is what happens at a processing time; the lines below it
//! that begin with `=>` are what the engine said, and are compared to the letter. After a change that is meant,
//! `UPDATE_SCENARIOS=1 cargo test -p rules --test scenarios` writes them anew: read the difference before you keep
//! it. How the lines are written stands in `scenario/head.rs` and `scenario/story.rs`.
//!
//! Here: finding the files and comparing them. Not here: reading (`scenario/head.rs`, `scenario/story.rs`), playing
//! (`scenario/play.rs`) and telling (`scenario/tell.rs`).
//! Invariant: a line that nobody understands fails the test; it is never skipped.
#![cfg(test)]
#![expect(clippy::disallowed_methods, reason = "the engine opens no files, its tests read their stories")]

mod scenario;

use std::path::{Path, PathBuf};

#[test]
fn every_scenario_goes_as_it_is_written() {
    let update = std::env::var_os("UPDATE_SCENARIOS").is_some();
    let mut differences = Vec::new();
    let files = files();
    assert!(files.len() >= 100, "only {} scenarios were found", files.len());
    for path in &files {
        let written = std::fs::read_to_string(path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        let played = scenario::played(&name, &written);
        if played != written && update {
            std::fs::write(path, played).unwrap();
        } else if played != written {
            differences.push(difference(&name, &written, &played));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn what_a_story_does_not_say_is_noticed() {
    let story = "machine m\nsource plc\ntag m t Float plc\n--- rules\n[rule.hot]\non = '*'\nwhen = 't > 90'\n--- story\n0 plc t=95 wmk\n";
    let told = scenario::played("told", story);
    assert!(told.contains("=> 0 hot m #1 Unknown -> Active"), "{told}");
    assert_eq!(scenario::played("again", &told), told, "what was told is not told twice");
    assert!(difference("x", story, &told).contains("x:10: is missing: => 0 hot"), "{told}");
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "txt"));
    files.sort();
    files
}

/// The first line that differs, as a person looks for it.
fn difference(name: &str, written: &str, played: &str) -> String {
    let (mut written, mut played) = (written.lines(), played.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (written.next(), played.next()) {
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) => {
                return format!("{name}:{number}: is written: {a}\n{name}:{number}: happens: {b}");
            }
            (Some(a), None) => return format!("{name}:{number}: does not happen: {a}"),
            (None, Some(b)) => return format!("{name}:{number}: is missing: {b}"),
            (None, None) => return format!("{name}: differs in its end of line"),
        }
    }
}
