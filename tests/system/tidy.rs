//! The house is as ARCHITECTURE.md draws it: this test reads the sources and the manifests.
//!
//! Here: who may know whom, whether the code map names all there is, how a file opens and how long it is, names that say
//! nothing, licences of what we build on. Not here: style that rustfmt and clippy see.
//! Invariant: an arrow that points the wrong way fails.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which of our crates a crate may use.
const ARROWS: [(&str, &[&str]); 5] = [
    ("proto", &[]),
    ("rules", &["proto"]),
    ("edge-agent", &["proto", "rules"]),
    ("cloud-ingest", &["proto"]),
    ("tests", &["proto", "rules", "edge-agent", "cloud-ingest"]),
];

/// What a room of the agent must not mention: whom it does not know.
const STRANGERS: [(&str, &[&str]); 5] = [
    (
        "edge-agent/src/connector",
        &["rules::", "crate::core", "crate::outbox", "crate::forward", "crate::normalize"],
    ),
    ("edge-agent/src/forward", &["rules::", "crate::core", "crate::connector", "crate::config"]),
    (
        "edge-agent/src/outbox",
        &["rules::", "crate::core", "crate::connector", "crate::forward", "crate::config"],
    ),
    ("edge-agent/src/normalize", &["crate::core", "crate::outbox", "crate::forward"]),
    ("rules/src", &["tokio", "std::fs", "std::net", "std::thread", "SystemTime", "Instant::now"]),
];

const LINES_MAX: usize = 500;
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "manager", "misc", "types"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Every Rust file below a folder, with its path from the root and its text.
fn sources(below: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(below)];
    let file = root().join(format!("{below}.rs"));
    if file.is_file() {
        found.insert(format!("{below}.rs"), std::fs::read_to_string(file).unwrap());
    }
    while let Some(folder) = folders.pop().filter(|f| f.is_dir() || !f.ends_with(below)) {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if name.ends_with(".rs") {
                let shown = path.strip_prefix(root()).unwrap().display().to_string();
                found.insert(shown, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn all_sources() -> BTreeMap<String, String> {
    ARROWS.iter().flat_map(|(krate, _)| sources(krate)).collect()
}

#[test]
fn crates_know_only_those_their_arrows_point_to() {
    for (krate, allowed) in ARROWS {
        let manifest = std::fs::read_to_string(root().join(krate).join("Cargo.toml")).unwrap();
        for (other, _) in ARROWS.iter().filter(|(other, _)| *other != krate && *other != "tests") {
            let uses = manifest
                .lines()
                .any(|l| l.starts_with(&format!("{other}.")) || l.starts_with(&format!("{other} ")));
            assert!(!uses || allowed.contains(other), "{krate}/Cargo.toml must not use {other}");
        }
    }
}

#[test]
fn rooms_do_not_mention_whom_they_do_not_know() {
    let mut wrong = Vec::new();
    for (room, strangers) in STRANGERS {
        let files = sources(room);
        assert!(!files.is_empty(), "{room} is gone: mend this test");
        for (path, text) in files {
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            // Tests may bring rooms together.
            let code = code.take_while(|line| !line.contains("#[cfg(test)]"));
            for line in code {
                wrong.extend(
                    strangers
                        .iter()
                        .filter(|s| line.contains(**s))
                        .map(|s| format!("{path} mentions {s}: {line}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_code_map_names_every_room() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = text.split("\n## ").find(|part| part.starts_with("Code map")).unwrap();
    let cells: Vec<&str> = map.lines().filter_map(|line| line.split('|').nth(1)).collect();
    let mut missing = Vec::new();
    for krate in ["rules", "edge-agent", "cloud-ingest"] {
        let own = cells.iter().flat_map(|cell| cell.split('`'));
        let own = own.filter_map(|name| name.strip_prefix(krate)?.strip_prefix('/'));
        let named: BTreeSet<&str> =
            own.flat_map(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_')).collect();
        for entry in std::fs::read_dir(root().join(krate).join("src")).unwrap() {
            let room = entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned();
            if !["lib", "main"].contains(&room.as_str()) && !named.contains(room.as_str()) {
                missing.push(format!("{krate}/{room}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_file_says_what_is_here_and_is_short_enough_to_read() {
    let mut wrong = Vec::new();
    for (path, text) in all_sources() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{path} does not open with //!"));
        }
        let lines = text.lines().count();
        if lines > LINES_MAX {
            wrong.push(format!("{path} has {lines} lines"));
        }
        let name = Path::new(&path).file_stem().unwrap().to_string_lossy().into_owned();
        if EMPTY_NAMES.contains(&name.as_str()) {
            wrong.push(format!("{path}: the name says nothing"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_put_off_or_switched_off_without_a_reason() {
    let mut wrong = Vec::new();
    let marks = [
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
        concat!("FIX", "ME"),
        concat!("#[ig", "nore]"),
    ];
    for (path, text) in all_sources() {
        wrong.extend(marks.iter().filter(|m| text.contains(**m)).map(|m| format!("{path}: {m}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_agent_is_built_without_the_plant_s_opc_ua_server() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let out = Command::new(cargo)
        .args(["tree", "--locked", "--package", "edge-agent", "--edges", "normal", "--prefix", "none"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let tree = String::from_utf8(out.stdout).unwrap();
    assert!(tree.contains("async-opcua-client ") && !tree.contains("async-opcua-server "), "{tree}");
}

#[test]
fn nothing_we_build_on_is_under_the_gpl() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    // Other platforms' packages are not built and need not be fetched.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let out = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() > 100, "{} packages", packages.len());
    for package in packages {
        let licence = package["license"].as_str().unwrap_or("");
        let named = !licence.is_empty() || package["license_file"].is_string();
        let choices: Vec<&str> = licence.split(" OR ").collect();
        let free = choices.iter().any(|choice| !choice.contains("GPL"));
        assert!(named && free, "{} is under {licence:?}", package["name"]);
    }
}
