//! What the script makes true at an instant, whatever anybody has seen of it or waited for.
//!
//! An agent that was away does not know how long a condition has held, so its delays begin anew and its
//! transitions come at other instants than those of [`transitions`](super::transitions). What it says must be
//! true all the same.
//!
//! Here: whether the condition of a state is so, and which of two states wins. Not here: delays, transitions.
//! Invariant: this and the transitions are read from the same table, so they cannot contradict each other.

use std::ops::RangeInclusive;

use super::{RULES, Rule, State};
use crate::script::{Machine, Script, Track};

/// The conditions of one rule on one machine.
#[derive(Debug, Clone, Copy)]
pub struct Truth<'a> {
    /// The script.
    pub script: &'a Script,
    /// The machine.
    pub machine: Machine,
    /// Name of the rule.
    pub rule: &'a str,
}

impl Truth<'_> {
    /// Whether the condition of a state is true at some instant of a span, ms since the start.
    #[must_use]
    pub fn is_true(&self, state: &str, span: RangeInclusive<i64>) -> bool {
        let [first, last] = [*span.start(), *span.end()];
        self.holds(state, last).iter().any(|on| on.start <= last && first < on.end)
    }

    /// Whether it is false at some instant of a span, ms since the start.
    #[must_use]
    pub fn is_false(&self, state: &str, span: RangeInclusive<i64>) -> bool {
        let [first, last] = [*span.start(), *span.end()];
        !self.holds(state, last).iter().any(|on| on.start <= first && last < on.end)
    }

    /// When the condition holds, as far as that begins by then. Two episodes of one state never touch.
    fn holds(&self, state: &str, until_ms: i64) -> Vec<std::ops::Range<i64>> {
        let Some((_, _, state)) = place(self.rule, state) else { return Vec::new() };
        let tracks = state.faults.iter().filter_map(|f| Some((*f, Track::of(self.machine, *f)?)));
        tracks
            .flat_map(|(fault, track)| {
                self.script.episodes(track, until_ms + 1).filter(move |e| e.fault == fault)
            })
            .filter_map(|e| if state.severe { e.severe } else { Some(e.span) })
            .collect()
    }
}

/// Whether a state of a rule speaks for it although another one is on as well.
#[must_use]
pub fn outranks(rule: &str, state: &str, other: &str) -> bool {
    let (Some(a), Some(b)) = (place(rule, state), place(rule, other)) else { return false };
    if a.0 == b.0 { a.1 < b.1 } else { (b.2.weight, a.0) < (a.2.weight, b.0) }
}

/// The longest on-delay of a rule's states, ms.
#[must_use]
pub fn longest_delay_ms(rule: &str) -> i64 {
    let states = named(rule).into_iter().flat_map(|rule| rule.groups.iter().copied().flatten());
    states.map(|state| state.for_ms).max().unwrap_or(0)
}

fn named(rule: &str) -> Option<&'static Rule> {
    RULES.iter().find(|r| r.name == rule)
}

/// Group, place in the group, and the state itself.
fn place(rule: &str, state: &str) -> Option<(usize, usize, &'static State)> {
    let groups = named(rule)?.groups.iter().enumerate();
    let mut states =
        groups.flat_map(|(group, states)| states.iter().enumerate().map(move |(i, s)| (group, i, s)));
    states.find(|(_, _, s)| s.name == state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected::transitions;

    #[test]
    fn what_is_entered_is_true_and_what_is_left_is_false_or_outranked() {
        for seed in 0..50 {
            let script = Script::new(seed, None);
            for e in transitions(&script, 300_000) {
                let truth = Truth { script: &script, machine: e.machine, rule: e.rule };
                let (now, named) = (e.at_ms..=e.at_ms, |state| place(e.rule, state).is_some());
                assert!(!named(e.to) || truth.is_true(e.to, now.clone()), "{e:?}");
                let left = truth.is_false(e.from, now) || outranks(e.rule, e.to, e.from);
                assert!(!named(e.from) || left, "{e:?}");
            }
        }
    }

    #[test]
    fn a_condition_is_so_from_the_begin_of_its_episode_to_just_before_its_end() {
        let script = Script::new(1, None);
        let truth = Truth { script: &script, machine: Machine::Washer, rule: "washer-caustic" };
        let track = Track::of(Machine::Washer, crate::script::Fault::PumpBlocked).unwrap();
        let span = script.episodes(track, 60_000).next().unwrap().span;
        let at = |t: i64| (truth.is_true("PumpBlocked", t..=t), truth.is_false("PumpBlocked", t..=t));
        assert_eq!([span.start - 1, span.end].map(at), [(false, true); 2]);
        assert_eq!([span.start, span.end - 1].map(at), [(true, false); 2]);
        assert!(
            truth.is_true("PumpBlocked", 0..=span.start) && truth.is_false("PumpBlocked", 0..=span.start)
        );
    }

    #[test]
    fn the_heavier_state_and_the_earlier_of_a_group_outrank() {
        assert!(outranks("washer-caustic", "Overheated", "PumpBlocked"));
        assert!(outranks("washer-caustic", "PumpBlocked", "TooCold"));
        assert!(!outranks("washer-caustic", "TooCold", "PumpBlocked"));
        assert!(outranks("filler-product-temperature", "Critical", "High"));
        assert!(!outranks("filler-product-temperature", "High", "Normal"), "the default is no state");
        assert_eq!(longest_delay_ms("washer-caustic"), 4_000);
    }
}
