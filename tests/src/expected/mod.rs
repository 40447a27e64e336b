//! The transitions that the script must lead to, rule by rule.
//!
//! A rule is given here as the faults that drive it: each state of a group holds while its fault lasts, from
//! `for` after the episode's begin; the first such state of a group is its vote, the heaviest vote is the rule's
//! state, the default reigns where no group speaks. Laid over each other, these intervals are the transitions.
//!
//! Here: that. Not here: values, conditions, the `rules` crate: a mistake there must not repeat itself here.
//! Invariant: at least 700 ms lie between any two instants that matter to one instance, so a scan of 100 ms, and
//! a slow one too, sees them in this order; a controller that stamps its values shows exactly these instants. Each
//! instance also has one [`FirstStep`] from `Unknown` to its default, at the first scan: the script is quiet before
//! [`LEAD_MS`](crate::script::LEAD_MS).

#[cfg(test)]
mod by_hand;
mod truth;

pub use truth::{Truth, longest_delay_ms, outranks};

use crate::script::{Fault, Machine, Script, Track};

/// One transition that must come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The machine.
    pub machine: Machine,
    /// Name of the rule.
    pub rule: &'static str,
    /// The state left.
    pub from: &'static str,
    /// The state entered.
    pub to: &'static str,
    /// When, ms since the start of the script; where the agent polls, it adds the time to its next scan.
    pub at_ms: i64,
    /// Since when the condition that decides has been so, ms since the start: `at_ms` less its `for`, `at_ms`
    /// itself where a state is left for the default.
    pub condition_since_ms: i64,
    /// Begin of the earliest episode that decides `from` or `to`, ms since the start: who watched from then
    /// on sees exactly this step.
    pub since_ms: i64,
}

/// The step that an instance takes when it is judged for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstStep {
    /// The machine.
    pub machine: Machine,
    /// Name of the rule.
    pub rule: &'static str,
    /// The state entered, from `Unknown`.
    pub to: &'static str,
}

/// A rule by the faults that drive it.
struct Rule {
    name: &'static str,
    machines: &'static [Machine],
    default: &'static str,
    groups: &'static [&'static [State]],
}

struct State {
    name: &'static str,
    weight: u32,
    faults: &'static [Fault],
    /// Only the severe part of an episode counts.
    severe: bool,
    for_ms: i64,
}

const fn state(name: &'static str, weight: u32, faults: &'static [Fault], for_ms: i64) -> State {
    State { name, weight, faults, severe: false, for_ms }
}

const fn severe(name: &'static str, weight: u32, faults: &'static [Fault], for_ms: i64) -> State {
    State { name, weight, faults, severe: true, for_ms }
}

const fn single(
    name: &'static str,
    machines: &'static [Machine],
    groups: &'static [&'static [State]],
) -> Rule {
    Rule { name, machines, default: "Normal", groups }
}

/// What the files in `line/rules` say, told in faults.
static RULES: &[Rule] = {
    use Fault::*;
    const BOTH: &[Machine] = &Machine::ALL;
    const FILLER: &[Machine] = &[Machine::Filler];
    const WASHER: &[Machine] = &[Machine::Washer];
    &[
        Rule {
            name: "machine-stop",
            machines: BOTH,
            default: "Producing",
            groups: &[&[
                state("EmergencyStop", 50, &[EmergencyStop], 0),
                state("EquipmentFailure", 40, &[EquipmentFailure], 1_000),
                state("ExternalFailure", 30, &[ExternalFailure], 1_000),
                state("Lack", 20, &[Lack], 2_000),
                state("Tailback", 20, &[Tailback], 2_000),
            ]],
        },
        single("machine-slow", BOTH, &[&[state("Active", 10, &[SlowRun], 2_000)]]),
        single("filler-bowl-pressure-low", FILLER, &[&[state("Active", 10, &[BowlPressureLow], 2_000)]]),
        single(
            "filler-product-temperature",
            FILLER,
            &[&[
                severe("Critical", 30, &[ProductHot], 1_000),
                state("High", 20, &[ProductWarm, ProductHot], 1_000),
            ]],
        ),
        single("filler-caps-low", FILLER, &[&[state("Active", 10, &[CapsLow], 0)]]),
        single(
            "filler-drive",
            FILLER,
            &[&[state("Hot", 20, &[DriveHot], 4_000)], &[state("Unlubricated", 30, &[LubricationLost], 0)]],
        ),
        single("filler-trial", FILLER, &[&[state("Active", 10, &[TrialRecipe], 0)]]),
        single(
            "washer-caustic",
            WASHER,
            &[
                &[state("Overheated", 30, &[CausticHot], 4_000), state("TooCold", 20, &[CausticCold], 4_000)],
                &[state("PumpBlocked", 25, &[PumpBlocked], 0)],
            ],
        ),
        single("washer-caustic-weak", WASHER, &[&[state("Active", 10, &[CausticWeak], 4_000)]]),
        single("washer-steam", WASHER, &[&[state("Active", 10, &[SteamLow, SteamHigh], 1_000)]]),
        single("washer-fresh-water-low", WASHER, &[&[state("Active", 10, &[FreshWaterLow], 6_000)]]),
    ]
};

/// A stretch of time in which a state of a group is on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct On {
    name: &'static str,
    weight: u32,
    group: usize,
    place: usize,
    from_ms: i64,
    to_ms: i64,
    condition_since_ms: i64,
}

/// Every transition due before `until_ms`, first steps left out, by time.
#[must_use]
pub fn transitions(script: &Script, until_ms: i64) -> Vec<Expected> {
    let mut all: Vec<Expected> = instances()
        .flat_map(|(rule, machine)| overlay(rule, machine, &stretches(rule, machine, script, until_ms)))
        .filter(|e| e.at_ms < until_ms)
        .collect();
    all.sort_by_key(|e| (e.at_ms, e.rule, e.machine));
    all
}

/// The first step of every instance.
pub fn first_steps() -> impl Iterator<Item = FirstStep> {
    instances().map(|(rule, machine)| FirstStep { machine, rule: rule.name, to: rule.default })
}

fn instances() -> impl Iterator<Item = (&'static Rule, Machine)> {
    RULES.iter().flat_map(|rule| rule.machines.iter().map(move |machine| (rule, *machine)))
}

fn stretches(rule: &Rule, machine: Machine, script: &Script, until_ms: i64) -> Vec<On> {
    let mut on = Vec::new();
    for (group, states) in rule.groups.iter().enumerate() {
        for (place, state) in states.iter().enumerate() {
            for fault in state.faults {
                let Some(track) = Track::of(machine, *fault) else { continue };
                for episode in script.episodes(track, until_ms).filter(|e| e.fault == *fault) {
                    let span = if state.severe { episode.severe } else { Some(episode.span) };
                    let Some(span) = span.filter(|s| s.start + state.for_ms < s.end) else { continue };
                    on.push(On {
                        name: state.name,
                        weight: state.weight,
                        group,
                        place,
                        from_ms: span.start + state.for_ms,
                        to_ms: span.end,
                        condition_since_ms: span.start,
                    });
                }
            }
        }
    }
    on
}

/// Walks through the instants at which anything changes, and notes where the winner's name does.
fn overlay(rule: &'static Rule, machine: Machine, stretches: &[On]) -> Vec<Expected> {
    let mut instants: Vec<i64> = stretches.iter().flat_map(|on| [on.from_ms, on.to_ms]).collect();
    instants.sort_unstable();
    instants.dedup();
    let mut reigns: Option<&On> = None;
    let mut steps = Vec::new();
    for at_ms in instants {
        let wins = winner(stretches, at_ms);
        let [from, to] = [reigns, wins].map(|on| on.map_or(rule.default, |on| on.name));
        if from != to {
            let begins = [reigns, wins].into_iter().flatten().map(|on| on.condition_since_ms);
            steps.push(Expected {
                machine,
                rule: rule.name,
                from,
                to,
                at_ms,
                condition_since_ms: wins.map_or(at_ms, |on| on.condition_since_ms),
                since_ms: begins.min().unwrap_or(at_ms),
            });
        }
        reigns = wins;
    }
    steps
}

/// The heaviest of the groups' votes, the earlier group where two weigh the same.
fn winner(stretches: &[On], at_ms: i64) -> Option<&On> {
    let on: Vec<&On> = stretches.iter().filter(|on| (on.from_ms..on.to_ms).contains(&at_ms)).collect();
    let votes = on.iter().filter(|a| !on.iter().any(|b| b.group == a.group && b.place < a.place));
    votes.min_by_key(|on| (std::cmp::Reverse(on.weight), on.group)).copied()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_minute_of_any_seed_shows_enough() {
        for seed in 0..300 {
            let minute = transitions(&Script::new(seed, Some(60_000)), 60_000);
            enough(&minute, &format!("the first minute of seed {seed}"));
            let endless = transitions(&Script::new(seed, None), 600_000);
            for begin in (5_000..540_000).step_by(7_001) {
                let within = |e: &&Expected| (begin..begin + 60_000).contains(&e.at_ms);
                let minute: Vec<Expected> = endless.iter().filter(within).cloned().collect();
                enough(&minute, &format!("the minute from {begin} ms of seed {seed}"));
            }
        }
    }

    #[test]
    fn what_happens_to_one_instance_keeps_its_distance() {
        for seed in 0..300 {
            let script = Script::new(seed, None);
            for (rule, machine) in instances() {
                let mut instants: Vec<i64> = stretches(rule, machine, &script, 300_000)
                    .iter()
                    .flat_map(|on| BTreeSet::from([on.condition_since_ms, on.from_ms, on.to_ms]))
                    .collect();
                instants.sort_unstable();
                // Two states of one group may hang on the same episode.
                instants.dedup();
                for pair in instants.windows(2) {
                    assert!(pair[1] - pair[0] >= 700, "seed {seed} {} {pair:?}", rule.name);
                }
            }
        }
    }

    #[test]
    fn both_competing_groups_win_and_both_levels_are_reached() {
        let steps = transitions(&Script::new(1, None), 1_800_000);
        let seen: BTreeSet<(&str, &str)> = steps.iter().map(|e| (e.from, e.to)).collect();
        for wanted in [
            ("Hot", "Unlubricated"),
            ("Unlubricated", "Hot"),
            ("PumpBlocked", "Overheated"),
            ("Overheated", "PumpBlocked"),
            ("TooCold", "PumpBlocked"),
            ("High", "Critical"),
            ("Critical", "High"),
        ] {
            assert!(seen.contains(&wanted), "{wanted:?} never happens");
        }
    }

    #[test]
    fn a_transition_knows_since_when_it_was_coming() {
        for e in transitions(&Script::new(2, None), 600_000) {
            assert!(e.since_ms <= e.condition_since_ms && e.condition_since_ms <= e.at_ms, "{e:?}");
            assert!(e.at_ms - e.since_ms <= 20_000, "{e:?}");
        }
    }

    fn enough(minute: &[Expected], which: &str) {
        let rules: BTreeSet<&str> = minute.iter().map(|e| e.rule).collect();
        let machines: BTreeSet<Machine> = minute.iter().map(|e| e.machine).collect();
        assert!(
            minute.len() >= 30 && rules.len() >= 8 && machines.len() == 2,
            "{which}: {} transitions of {} rules on {} machines",
            minute.len(),
            rules.len(),
            machines.len()
        );
    }
}
