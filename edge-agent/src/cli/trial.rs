//! `rules test`: the tests that stand in the rule files.
//!
//! Here: which rules are tested, and how the outcome is shown. Not here: running a test (`rules::trial`).
//! Invariant: exit code 1 when a rule has a mistake or a test fails, 0 otherwise.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rules::diagnose::{Report, did_you_mean};
use rules::ruleset::{BoundRule, Checked};
use rules::trial::{self, Tally};

use super::check::{Format, shown};
use super::{CONFIG, Failure, configuration};
use crate::rulebook;

/// Options of `rules test`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Rules to test; all when none is named
    rules: Vec<String>,
    /// Machines, sources, tags, and where the rules are
    #[arg(long, default_value = CONFIG)]
    config: PathBuf,
    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, _) = configuration(&arguments.config)?;
    let inventory = Arc::new(config.inventory);
    let mut report = Report::default();
    let checked = rulebook::checked(&mut report, &config.agent.rules_dir, &inventory);
    let wrong = report.errors() > 0;
    let tally = trial::run(&mut report, &inventory, wanted(&checked, &arguments.rules)?);
    shown(&report, arguments.format);
    eprintln!("{}", summary(tally));
    if wrong || tally.failed > 0 { Err(Failure::Wrong) } else { Ok(()) }
}

fn wanted<'c>(checked: &'c Checked, names: &[String]) -> Result<Vec<&'c BoundRule>, Failure> {
    if names.is_empty() {
        return Ok(checked.rules.values().collect());
    }
    let rule = |name: &String| {
        checked.rules.get(name).ok_or_else(|| {
            let known = checked.rules.keys().map(String::as_str);
            let near = did_you_mean(name, known).map(|n| format!("; did you mean `{n}`?"));
            Failure::Because(format!(
                "there is no rule `{name}` without a mistake{}",
                near.unwrap_or_default()
            ))
        })
    };
    names.iter().map(rule).collect()
}

fn summary(tally: Tally) -> String {
    let Tally { rules, tests, failed, untested } = tally;
    let outcome = if failed == 0 { "all passed".to_owned() } else { format!("{failed} failed") };
    format!("{tests} tests of {rules} rules: {outcome}; {untested} rules have no test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_how_many_failed_and_what_is_not_tested() {
        let tally = Tally { rules: 2, tests: 3, failed: 1, untested: 4 };
        assert_eq!(summary(tally), "3 tests of 2 rules: 1 failed; 4 rules have no test");
    }
}
