//! Activations counted (§7.7): an instance that chatters, a line that is flooded.
//!
//! An activation is that a state of severity warning or above is entered. Here: counting them in event time. Not here:
//! what is one (`instance`), who hears of it.
//! Invariant: what is kept does not grow with the number of activations.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use proto::Happening;

use crate::time::{LONG_AGO, Millis};

/// So many activations of an instance within [`CHATTERING_WITHIN`] are chattering; one less is remembered.
const CHATTERING_FROM: usize = 3;
const CHATTERING_WITHIN: Millis = 60_000;
/// More activations on a line within [`FLOOD_WITHIN`] are a flood.
const FLOOD_ABOVE: usize = 10;
const FLOOD_WITHIN: Millis = 600_000;
/// Activations that wait for the line's watermark; one more, and the oldest waits no longer.
const WAITING_MAX: usize = 1_000;

/// The last activations of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Activations {
    /// The oldest first.
    pub(crate) last: [i64; CHATTERING_FROM - 1],
    /// Whether the last one was chattering.
    pub(crate) chattering: bool,
}

impl Default for Activations {
    fn default() -> Self {
        Self { last: [LONG_AGO; CHATTERING_FROM - 1], chattering: false }
    }
}

impl Activations {
    /// Counts one. True: chattering begins with it.
    pub(crate) fn count(&mut self, now: i64) -> bool {
        let before = self.chattering;
        self.chattering = now - self.last[0] <= CHATTERING_WITHIN;
        self.last.rotate_left(1);
        self.last[CHATTERING_FROM - 2] = now;
        self.chattering && !before
    }
}

/// An activation on a line; ordered by event time, then by rule and machine.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Activation {
    pub(crate) timestamp: i64,
    pub(crate) rule: String,
    /// The machine's id.
    pub(crate) machine: String,
    pub(crate) line: String,
}

/// The activations of all lines.
#[derive(Debug, Default)]
pub(crate) struct Floods(BTreeMap<String, Line>);

/// What is kept of a line.
#[derive(Debug, Default)]
struct Line {
    /// The scopes that have a say in its watermark.
    scopes: BTreeSet<usize>,
    /// Not yet reached by the line's watermark.
    waiting: BinaryHeap<Reverse<Activation>>,
    /// The last ones, the oldest first.
    recent: VecDeque<Activation>,
    flooded: bool,
}

impl Floods {
    /// Other scopes than before: `of` gives the lines with the scopes that have instances there.
    pub(crate) fn wire<'l>(&mut self, of: impl Iterator<Item = (&'l str, usize)>) {
        self.0.values_mut().for_each(|line| line.scopes.clear());
        for (line, scope) in of {
            if !self.0.contains_key(line) {
                self.0.insert(line.to_owned(), Line::default());
            }
            self.0.entry(line.to_owned()).or_default().scopes.insert(scope);
        }
        self.0.retain(|_, line| !line.scopes.is_empty());
    }

    /// Whether activations wait for the watermark of their line.
    pub(crate) fn is_waiting(&self) -> bool {
        self.0.values().any(|line| !line.waiting.is_empty())
    }

    /// Takes new activations, and counts those that the watermark of their line has reached.
    pub(crate) fn pass(
        &mut self,
        new: Vec<Activation>,
        watermark: impl Fn(usize) -> i64,
        events: &mut Vec<Happening>,
    ) {
        for activation in new {
            if let Some(line) = self.0.get_mut(&activation.line) {
                line.waiting.push(Reverse(activation));
            }
        }
        for line in self.0.values_mut().filter(|line| !line.waiting.is_empty()) {
            let mark = line.scopes.iter().map(|scope| watermark(*scope)).min().unwrap_or(LONG_AGO);
            while line.waiting.len() > WAITING_MAX
                || line.waiting.peek().is_some_and(|Reverse(a)| a.timestamp <= mark)
            {
                let Some(Reverse(next)) = line.waiting.pop() else { break };
                events.extend(line.count(next));
            }
        }
    }

    /// Time begins again: what was counted lies in another time.
    pub(crate) fn forget(&mut self) {
        self.0
            .values_mut()
            .for_each(|line| *line = Line { scopes: std::mem::take(&mut line.scopes), ..Line::default() });
    }

    /// What was counted before a restart, as far as the instances remember it; nothing is told of it.
    pub(crate) fn remember(&mut self, mut before: Vec<Activation>) {
        before.sort();
        for activation in before {
            if let Some(line) = self.0.get_mut(&activation.line) {
                line.count(activation);
            }
        }
    }
}

impl Line {
    /// Counts one; an event when it makes a flood.
    fn count(&mut self, activation: Activation) -> Option<Happening> {
        let since = activation.timestamp;
        self.recent.push_back(activation);
        while self.recent.len() > FLOOD_ABOVE + 1
            || self.recent.front().is_some_and(|a| since - a.timestamp > FLOOD_WITHIN)
        {
            self.recent.pop_front();
        }
        let before = std::mem::replace(&mut self.flooded, self.recent.len() > FLOOD_ABOVE);
        let first = self.recent.front().filter(|_| self.flooded && !before)?;
        Some(Happening::Flood {
            line: first.line.clone(),
            rule_id: first.rule.clone(),
            equipment_id: first.machine.clone(),
            first: first.timestamp,
            since,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_activation_within_a_minute_is_chattering_and_says_so_once() {
        let mut activations = Activations::default();
        let mut told = |now| (activations.count(now), activations.chattering);
        assert_eq!([told(0), told(30_000), told(60_000)], [(false, false), (false, false), (true, true)]);
        assert_eq!(told(89_999), (false, true), "it goes on");
        assert_eq!(told(120_001), (false, false), "the second before it is a millisecond too old");
        assert_eq!(told(149_999), (true, true), "it begins again");
    }

    fn activation(timestamp: i64) -> Activation {
        Activation { timestamp, rule: format!("r{timestamp}"), machine: "m".into(), line: "L3".into() }
    }

    fn floods() -> Floods {
        let mut floods = Floods::default();
        floods.wire([("L3", 0), ("L3", 1), ("L4", 1)].into_iter());
        floods
    }

    fn firsts(floods: &mut Floods, new: &[i64], marks: [i64; 2]) -> Vec<(i64, i64)> {
        let mut events = Vec::new();
        floods.pass(new.iter().map(|t| activation(*t)).collect(), |scope| marks[scope], &mut events);
        let told = |event| match event {
            Happening::Flood { first, since, .. } => (first, since),
            other => panic!("{other:?}"),
        };
        events.into_iter().map(told).collect()
    }

    #[test]
    fn the_eleventh_within_ten_minutes_is_a_flood_at_the_lowest_watermark() {
        let mut floods = floods();
        let eleven: Vec<i64> = (0..11).map(|i| i * 60_000).collect();
        assert_eq!(firsts(&mut floods, &eleven, [700_000, 599_999]), [(0, 0); 0]);
        assert_eq!(firsts(&mut floods, &[], [700_000, 600_000]), [(0, 600_000)]);
        assert_eq!(firsts(&mut floods, &[600_001], [700_000, 700_000]), [(0, 0); 0], "it goes on");
    }

    #[test]
    fn two_of_an_instance_at_one_instant_are_two() {
        let mut floods = floods();
        let eleven = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9];
        assert_eq!(firsts(&mut floods, &eleven, [99, 99]), [(0, 9)]);
    }

    #[test]
    fn one_that_is_more_than_ten_minutes_old_counts_no_longer() {
        let mut floods = floods();
        let slow: Vec<i64> = (0..30).map(|i| i * 60_001).collect();
        assert_eq!(firsts(&mut floods, &slow, [i64::MAX, i64::MAX]), [(0, 0); 0]);
    }

    #[test]
    fn the_order_of_coming_does_not_matter_and_what_waits_is_bounded() {
        let (mut forth, mut back) = (floods(), floods());
        let times: Vec<i64> = (0..40).map(|i| i * i * 900).collect();
        let turned: Vec<i64> = times.iter().rev().copied().collect();
        let said = firsts(&mut forth, &times, [i64::MAX, i64::MAX]);
        assert_eq!(firsts(&mut back, &turned, [i64::MAX, i64::MAX]), said);
        assert_eq!(said, [(0, 90_000)]);
        let many: Vec<i64> = (0..3_000).map(|i| i * 700_000).collect();
        firsts(&mut forth, &many, [LONG_AGO, 0]);
        assert_eq!(forth.0["L3"].waiting.len(), WAITING_MAX);
        assert!(forth.0["L3"].recent.len() <= FLOOD_ABOVE + 1);
    }

    #[test]
    fn after_a_restart_a_flood_that_goes_on_is_not_told_again() {
        let mut floods = floods();
        floods.remember((0..11).map(activation).collect());
        assert_eq!(firsts(&mut floods, &[12], [99, 99]), [(0, 0); 0]);
    }
}
