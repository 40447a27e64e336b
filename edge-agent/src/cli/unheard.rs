//! Rules that a running agent never judges, because a source that they read is never read.
//!
//! Here: finding them, in words. Not here: sources that are read and do not answer, which the agent says itself.
//! Invariant: nothing is said of a configuration that is for replays only, where no source is read.

use std::collections::{BTreeMap, BTreeSet};

use ::rules::inventory::SourceId;
use ::rules::ruleset::{Plan, RuleSet};

use super::say::counted;
use crate::config::{Config, Protocol};

/// One line for each rule that reads a source of the protocol `recorded` beside sources that are read.
pub(super) fn lines(rules: &RuleSet, config: &Config) -> Vec<String> {
    let is_recorded = |protocol: &Protocol| matches!(protocol, Protocol::Recorded);
    let recorded: BTreeSet<SourceId> =
        config.sources.iter().filter(|s| is_recorded(&s.protocol)).map(|s| s.id).collect();
    if recorded.len() == config.sources.len() {
        return Vec::new();
    }
    let mut first: BTreeMap<&str, (&Plan, usize)> = BTreeMap::new();
    for plan in rules.plans.iter().filter(|plan| plan.sources.iter().any(|s| recorded.contains(s))) {
        first.entry(&plan.rule.name.value).or_insert((plan, 0)).1 += 1;
    }
    first.into_values().map(|(plan, machines)| line(plan, machines, &recorded, config)).collect()
}

fn line(plan: &Plan, machines: usize, recorded: &BTreeSet<SourceId>, config: &Config) -> String {
    let inventory = &config.inventory;
    let tags = plan.slots.iter().map(|tag| inventory.tag(*tag));
    let unheard = tags.filter(|tag| recorded.contains(&tag.source)).map(|tag| (&tag.name, tag.source)).next();
    let (tag, source) = unheard.map_or(("", ""), |(tag, source)| (tag, &inventory.source(source).id));
    let more = match machines {
        1 => String::new(),
        _ => format!(" (and on {} more)", counted(machines - 1, "machine")),
    };
    let machine = &inventory.machine(plan.machine).name;
    format!(
        "rule `{}` on {machine}{more} reads `{tag}`, which the agent never hears: its source `{source}` has the protocol \"recorded\"",
        plan.rule.name.value
    )
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use ::rules::diagnose::Report;

    use super::*;

    fn said(second: &str) -> Vec<String> {
        let mut report = Report::default();
        let text = format!(
            "[agent]\nid = 'a'\nsite = 's'\nrules_dir = 'rules'\n[[machine]]\nname = 'washer-1'\nid = 'x'\n\
             [[source]]\nid = 'old'\nprotocol = 'recorded'\n[[source.tag]]\nmachine = 'washer-1'\nname = 'speed'\ntype = 'Int'\n{second}"
        );
        let file = report.add_file("agent.toml", text);
        let config = Config::read(&mut report, file, Path::new("/etc/plimsoll"));
        let config = config.unwrap_or_else(|| panic!("{}", report.render(false)));
        let file = report.add_file("r.toml", "[rule.fast]\non = 'washer-1'\nwhen = 'speed > 4'\n");
        lines(&RuleSet::load(&mut report, &[file], &config.inventory), &config)
    }

    #[test]
    fn a_rule_that_reads_a_recorded_source_is_named_where_others_are_read() {
        let read = "[[source]]\nid = 'plc'\nprotocol = 's7'\naddress = '192.168.0.10'\n[[source.tag]]\nmachine = 'washer-1'\n\
                    name = 'pressure'\naddress = 'DB10.DBD4:REAL'\n";
        let line = "rule `fast` on washer-1 reads `speed`, which the agent never hears: its source `old` has the protocol \"recorded\"";
        assert_eq!(said(read), [line]);
        assert_eq!(said(""), [""; 0], "a configuration for replays");
    }
}
