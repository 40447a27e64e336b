//! What the controller of a machine holds, as its script plays on.
//!
//! It looks at its signals on every beat of its cycle, and at every instant at which the script begins or ends
//! something: what a rule can see changes at exactly that millisecond, and is stamped with it.
//!
//! Here: values and since when each is so. Not here: nodes (`nodes`), and when it is asked to go on.
//! Invariant: values and stamps follow from the line alone; how late anybody asks shows in neither.

use std::collections::BTreeSet;

use crate::line::{Line, Tag, Value};
use crate::script::Machine;

/// The controller's cycle, ms.
const CYCLE_MS: i64 = 100;
/// Who looks after a longer time finds only this last part of it, ms.
const BEHIND_MAX_MS: i64 = 60_000;

/// The values of a machine.
#[derive(Debug)]
pub(super) struct Board {
    line: Line,
    machine: Machine,
    held: Vec<Held>,
    /// How far the script was played, ms since its start.
    played_ms: i64,
}

/// What a tag holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) tag: &'static Tag,
    pub(super) value: Value,
    /// Since when, ms since 1970.
    pub(super) since: i64,
}

impl Board {
    /// The values before the script begins, stamped with `now`.
    pub(super) fn new(line: Line, machine: Machine, now: i64) -> Self {
        let held = |tag| Held { tag, value: line.value(tag, 0), since: now };
        Self { line, machine, held: Tag::on(machine).map(held).collect(), played_ms: 0 }
    }

    /// What each tag holds.
    pub(super) fn held(&self) -> &[Held] {
        &self.held
    }

    /// What the tag of a node holds.
    pub(super) fn of(&self, node: &str) -> Option<&Held> {
        self.held.iter().find(|held| held.tag.node() == node)
    }

    /// Plays the script, begun at `start`, up to `now` (both since 1970), and tells what changed, in order; none
    /// when no instant had come that is looked at.
    pub(super) fn play(&mut self, start: i64, now: i64) -> Option<Vec<Held>> {
        let until = now - start;
        let after = self.played_ms.max(until - BEHIND_MAX_MS);
        let instants = self.instants(after, until);
        self.played_ms = *instants.last()?;
        let mut changed = Vec::new();
        for at_ms in instants {
            for held in &mut self.held {
                let value = self.line.value(held.tag, at_ms);
                if value != held.value {
                    (held.value, held.since) = (value, start + at_ms);
                    changed.push(*held);
                }
            }
        }
        Some(changed)
    }

    /// The instants that are looked at, later than `after` and not later than `until`.
    fn instants(&self, after: i64, until: i64) -> BTreeSet<i64> {
        let beats = after.div_euclid(CYCLE_MS) + 1..=until.div_euclid(CYCLE_MS);
        let edges = self.line.script().edges(self.machine, after + 1..until + 1);
        beats.map(|beat| beat * CYCLE_MS).chain(edges).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Script;

    const START: i64 = 1_700_000_000_000;

    #[test]
    fn the_same_changes_come_out_however_it_is_asked() {
        let mut at_once = board();
        let all = at_once.play(START, START + 50_000).unwrap();
        let mut in_steps = board();
        let steps = [-9_000, 0, 3, 17, 100, 101, 5_000, 5_001, 33_333, 50_000];
        let pieces: Vec<Held> =
            steps.iter().filter_map(|t| in_steps.play(START, START + t)).flatten().collect();
        let essence = |held: &Held| (held.tag.name, held.value, held.since);
        assert_eq!(
            all.iter().map(essence).collect::<Vec<_>>(),
            pieces.iter().map(essence).collect::<Vec<_>>()
        );
        assert!(all.windows(2).all(|pair| pair[0].since <= pair[1].since));
        assert!(all.len() > 5_000, "{} changes", all.len());
    }

    #[test]
    fn a_limit_is_crossed_at_the_instant_of_the_script() {
        let mut board = board();
        let all = board.play(START, START + 50_000).unwrap();
        let script = *board.line.script();
        let track = crate::script::Track::of(Machine::Washer, crate::script::Fault::SteamHigh).unwrap();
        let mut episodes = 0;
        for e in script.episodes(track, 45_000) {
            let outside = |value: Value| !(3.0..=9.0).contains(&value.number().unwrap());
            let steam: Vec<&Held> = all.iter().filter(|h| h.tag.name == "steam_pressure").collect();
            let begin =
                steam.iter().find(|h| h.since >= START + e.span.start - 50 && outside(h.value)).unwrap();
            let end = steam.iter().find(|h| h.since > begin.since && !outside(h.value)).unwrap();
            assert_eq!([begin.since, end.since], [e.span.start, e.span.end].map(|t| START + t));
            episodes += 1;
        }
        assert!(episodes > 1);
    }

    #[test]
    fn nothing_changes_before_the_start_and_after_the_end() {
        let mut board = board();
        assert!(board.play(START, START - 1).is_none());
        assert!(board.play(START, START).is_none());
        board.play(START, START + 60_000);
        assert!(board.play(START, START + 70_000).is_some_and(|changed| changed.is_empty()));
    }

    fn board() -> Board {
        Board::new(Line::new(Script::new(5, Some(60_000))), Machine::Washer, START - 1_000)
    }
}
