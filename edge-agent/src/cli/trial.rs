//! `rules test`: the tests that stand in the rule files.
//!
//! Here: which rules are tested, and how the outcome is shown. Not here: running a test (`rules::trial`).
//! Invariant: exit code 1 when a rule has a mistake or a test fails, 0 otherwise.

use std::path::{Path, PathBuf};

use clap::Args;
use rules::diagnose::{Report, did_you_mean};
use rules::ruleset::{BoundRule, Checked};
use rules::trial::{self, Tally};

use super::check::{Format, configuration_as, shown};
use super::say::counted;
use super::{CONFIG, Failure, say};
use crate::rulebook;

/// Options of `rules test`.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Names of rules to test; all when none is named
    #[arg(value_name = "RULE")]
    names: Vec<String>,
    /// The rules, a file or a directory, in the place of those of the configuration; may be given several times
    #[arg(long, value_name = "PATH", num_args = 1)]
    rules: Vec<PathBuf>,
    /// Machines, sources, tags, and where the rules are
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// How mistakes are shown
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (config, _) = configuration_as(&arguments.config, arguments.format)?;
    let agent = &config.agent;
    let mut report = Report::default();
    let checked = match &arguments.rules[..] {
        [] => rulebook::checked(
            &mut report,
            std::slice::from_ref(&agent.rules_dir),
            &config.inventory,
            agent.rules_dir_may_be_empty,
        ),
        paths => rulebook::checked(&mut report, paths, &config.inventory, false),
    };
    let wrong = report.errors() > 0;
    let tally =
        wanted(&checked, &arguments.names).map(|rules| trial::run(&mut report, &config.inventory, rules));
    // Why a rule cannot be tested stands in the report.
    shown(&report, arguments.format)?;
    let tally = tally?;
    say::note(summary(tally));
    if wrong || tally.failed > 0 { Err(Failure::Wrong) } else { Ok(()) }
}

fn wanted<'c>(checked: &'c Checked, names: &[String]) -> Result<Vec<&'c BoundRule>, Failure> {
    if names.is_empty() {
        return Ok(checked.rules.values().collect());
    }
    let rule =
        |name: &String| checked.rules.get(name).ok_or_else(|| Failure::Because(why_not(checked, name)));
    names.iter().map(rule).collect()
}

/// Why a rule of that name cannot be tested.
fn why_not(checked: &Checked, name: &str) -> String {
    if checked.mistaken.contains(name) {
        return format!("rule `{name}` has a mistake: it cannot be tested");
    }
    let known = checked.rules.keys().chain(&checked.mistaken).map(String::as_str);
    let help = match did_you_mean(name, known) {
        _ if Path::new(name).exists() => format!("; a file is tested with --rules {name}"),
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    };
    format!("there is no rule `{name}`{help}")
}

fn summary(tally: Tally) -> String {
    let Tally { rules, tests, failed, untested } = tally;
    let outcome = match (tests, failed) {
        (0, _) => "nothing was tested".to_owned(),
        (_, 0) => "all passed".to_owned(),
        _ => format!("{failed} failed"),
    };
    let (tests, rules) = (counted(tests, "test"), counted(rules, "rule"));
    let have = if untested == 1 { "has" } else { "have" };
    format!("{tests} of {rules}: {outcome}; {} {have} no test", counted(untested, "rule"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_how_many_failed_and_what_is_not_tested() {
        let tally = Tally { rules: 2, tests: 3, failed: 1, untested: 4 };
        assert_eq!(summary(tally), "3 tests of 2 rules: 1 failed; 4 rules have no test");
        let tally = Tally { rules: 1, tests: 1, failed: 0, untested: 1 };
        assert_eq!(summary(tally), "1 test of 1 rule: all passed; 1 rule has no test");
        let tally = Tally { rules: 0, tests: 0, failed: 0, untested: 0 };
        assert_eq!(summary(tally), "0 tests of 0 rules: nothing was tested; 0 rules have no test");
    }
}
