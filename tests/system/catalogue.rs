//! The rules that come with Plimsoll, through the command line of edge-agent: the catalogue for bottling lines, and
//! the examples of the manual.
//!
//! Here: that `rules check` and `rules fmt` find nothing, `rules test` passes, and fails where a limit is mistyped.
//! Not here: what the tests say (the rule files), whether each number matters (`rules/tests/catalogue.rs`).
use std::fs;
use std::path::Path;

use crate::desk::{Desk, Said};

#[tokio::test]
async fn the_catalogue_is_right_and_its_tests_pass() {
    let desk = desk("rules/catalogue");
    in_force(&desk, 13).await;
}

#[tokio::test]
async fn the_examples_of_the_manual_are_right_and_their_tests_pass() {
    let desk = desk("rules/examples/line");
    in_force(&desk, 4).await;
}

#[tokio::test]
async fn a_limit_that_is_mistyped_fails_its_test() {
    let desk = desk("rules/catalogue");
    desk.edit("line/rules/bowl-pressure.toml", "default = 2.0", "default = 1.0");
    let said = desk.say("rules test --config line/agent.toml bowl-pressure").await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("error[T001]: test `fifteen seconds too low"), "{}", said.err);
    assert!(said.err.contains("1 failed"), "{}", said.err);
}

/// A desk with a copy of a folder of the repository, named `line`.
fn desk(folder: &str) -> Desk {
    let desk = Desk::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    fs::create_dir_all(desk.path("line/rules")).unwrap();
    fs::copy(from.join("agent.toml"), desk.path("line/agent.toml")).unwrap();
    for entry in fs::read_dir(from.join("rules")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), desk.path("line/rules").join(entry.file_name())).unwrap();
    }
    desk
}

async fn in_force(desk: &Desk, rules: usize) {
    let Said { code, err, .. } = desk.say("rules check --config line/agent.toml").await;
    assert_eq!(code, 0, "{err}");
    assert!(err.starts_with(&format!("{rules} rules ")) && !err.contains("warning"), "{err}");
    let Said { code, out, .. } = desk.say("rules fmt --check --config line/agent.toml").await;
    assert_eq!((code, &*out), (0, ""), "not in the canonical layout");
    let Said { code, err, .. } = desk.say("rules test --config line/agent.toml").await;
    assert_eq!(code, 0, "{err}");
    assert!(err.contains(&format!("of {rules} rules: all passed; 0 rules have no test")), "{err}");
}
