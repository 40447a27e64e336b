//! Recordings with known outcome, through `rules replay` as a process.
//!
//! Here: the vectors of `tests/vectors`, whose transitions others have computed. Not here: what the engine does at
//! a single sentence of the specification (`rules/tests`).
//! Invariant: transitions are compared completely: none is missing, none is added, in the order of their instants.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// As the vector was made: one watermark for all sources, each counted from its first datapoint, late ones dropped.
const AS_IT_WAS_MADE: [&str; 18] = [
    "--watermark",
    "global",
    "--sources",
    "seen",
    "--late",
    "drop",
    "--max-out-of-orderness",
    "500ms",
    "--idle-timeout",
    "30s",
    "--max-lag",
    "none",
    "--future-bound",
    "none",
    "--past-bound",
    "none",
    "--config",
    "agent.toml",
];

/// What a transition of the vector says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    timestamp: i64,
    rule: String,
    equipment: String,
    from: String,
    to: String,
    group: Option<String>,
}

impl Step {
    fn read(line: &str) -> Self {
        let value: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| value[key].as_str().unwrap().to_owned();
        Self {
            timestamp: value["timestamp"].as_i64().unwrap(),
            rule: text("ruleId"),
            equipment: text("equipmentId"),
            from: text("from"),
            to: text("to"),
            group: value["group"].as_str().map(str::to_owned),
        }
    }
}

#[test]
fn groups_and_delays_replay_to_exactly_the_expected_transitions() {
    let output = replayed(&folder("groups-and-delays"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let summary: Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&summary["datapoints"], &summary["applied"], &summary["late"]),
        (&12_000.into(), &11_973.into(), &27.into())
    );

    let mut happened =
        from_the_default("IDLE", String::from_utf8(output.stdout).unwrap().lines().map(Step::read));
    happened.sort();
    let expected = std::fs::read_to_string(folder("groups-and-delays").join("expected.ndjson")).unwrap();
    let mut expected: Vec<Step> = expected.lines().map(Step::read).collect();
    expected.sort();
    assert_eq!(expected.len(), 451);
    let differs = expected.iter().zip(&happened).find(|(e, h)| e != h);
    assert_eq!(differs, None, "expected, and what happened");
    assert_eq!(happened.len(), expected.len());
}

/// The vector's instances start in the rule's default, the engine's in `Unknown`: a first step to the default is
/// none, and any other one comes from there.
fn from_the_default(default: &str, steps: impl Iterator<Item = Step>) -> Vec<Step> {
    let mut known = std::collections::BTreeSet::new();
    let mut told = Vec::new();
    for mut step in steps {
        let first = known.insert((step.rule.clone(), step.equipment.clone()));
        assert_eq!(step.from == "Unknown", first, "only the first step is out of Unknown: {step:?}");
        if first {
            default.clone_into(&mut step.from);
        }
        if step.from != step.to {
            told.push(step);
        }
    }
    told
}

fn replayed(folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_plant"))
        .args(["agent", "rules", "replay"])
        .args(AS_IT_WAS_MADE)
        .arg("datapoints.ndjson")
        .current_dir(folder)
        .output()
        .unwrap()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}
