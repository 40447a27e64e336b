//! The tests that stand in rule files: values go in at instants, states are expected at instants (§11).
//!
//! ```toml
//! [[rule.filler-bowl-pressure-low.test]]
//! name   = "15 s below the limit"
//! given  = [ { at = "0 s", pressure = 4.0 }, { at = "60 s", pressure = 1.8 } ]
//! expect = [ { at = "0 s", state = "Normal" }, { at = "75 s", state = "Active" } ]
//! ```
//! Time is event time from the start of the test. Sources count as alive between the values given, so a value holds
//! until another is given. Each state that the rule enters must be expected; only how it begins may be left out.
//!
//! Here: what a test is, and running all of a set of rules. Reading it stands in `read`, playing it in `play`.
//! Not here: files, the command line.
//! Invariant: a test runs on the engine that the line runs on, and the same test always says the same.

mod play;
mod read;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use proto::{Quality, Severity};

use crate::diagnose::{FileId, Report};
use crate::inventory::{Inventory, SourceId, TagId};
use crate::ruleset::{BoundRule, Plan};
use crate::time::Millis;
use crate::value::Held;

/// A test, read and checked.
#[derive(Debug)]
struct Trial {
    name: String,
    /// The rule on the machine that the test is for.
    plan: Arc<Plan>,
    file: FileId,
    span: Range<usize>,
    /// In the order of time.
    steps: Vec<Step>,
    /// In the order of the file.
    expected: Vec<Expected>,
}

/// What happens at an instant of a test.
#[derive(Debug)]
struct Step {
    at: Millis,
    what: What,
}

/// What can happen in a test.
#[derive(Debug)]
enum What {
    /// Tags have other values.
    Given(Vec<(TagId, Sample)>),
    /// Sources say nothing until they give a value again.
    Silent(Vec<SourceId>),
    /// The agent stops, and starts again after so long, ms.
    Restart(Millis),
}

/// A value with its quality.
#[derive(Debug, Clone)]
struct Sample {
    value: Held,
    quality: Quality,
}

/// What the rule must say at an instant.
#[derive(Debug)]
struct Expected {
    at: Millis,
    state: String,
    severity: Option<Severity>,
    /// Texts by language.
    text: BTreeMap<String, String>,
    span: Range<usize>,
}

/// What became of the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Rules that have tests.
    pub rules: usize,
    /// Tests that were run.
    pub tests: usize,
    /// Of these, tests that failed.
    pub failed: usize,
    /// Rules without a test.
    pub untested: usize,
}

/// Reads and runs the tests of all rules. What is wrong with a test, and what it finds wrong, goes to the report.
pub fn run<'r>(
    report: &mut Report,
    inventory: &Arc<Inventory>,
    rules: impl IntoIterator<Item = &'r BoundRule>,
) -> Tally {
    let mut tally = Tally::default();
    for bound in rules {
        let tests = bound.rule.tests.len();
        tally.rules += usize::from(tests > 0);
        tally.untested += usize::from(tests == 0);
        for place in 0..tests {
            let before = report.diagnostics().len();
            tally.tests += 1;
            if let Some(trial) = read::trial(report, inventory, bound, place) {
                play::judge(report, inventory, &trial);
            }
            tally.failed += usize::from(report.errors_since(before) > 0);
        }
    }
    tally
}

#[cfg(test)]
mod tests;
