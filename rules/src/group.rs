//! A group of conditions and its vote (§7.1, §7.2).
//!
//! Here: which of the states speaks, and what is said when that cannot be known. Not here: which group wins
//! (`instance`), time within a condition (`condition`).
//! Invariant: a group does not fall back to `otherwise` because of Unknown unless the rule asks for it.

mod vote;

use proto::Severity;

use crate::condition::{Delays, Phase, Says};
use crate::expr::eval::Truth;
use crate::file::{self, Group, Named, OnUnknown};

pub use vote::{By, UNKNOWN, Vote};

/// Where a group stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its conditions, in the order of its states.
    pub phases: Vec<Phase>,
    /// What its conditions said when they were last judged; Unknown for all after a restart.
    pub says: Vec<Says>,
    /// The states that were left when it was last judged, with the instant since which they were to be left.
    pub left: Vec<(usize, i64)>,
    /// The states that are On under another condition than theirs: the rule was edited, and theirs is not known yet.
    pub edited: Vec<usize>,
    /// What it says; none: it abstains.
    pub vote: Option<Vote>,
    /// Whether it ever could tell.
    pub ever_decided: bool,
    /// Whether it cannot tell, and the time for its last vote is over.
    pub gave_up: bool,
    /// Whether it can tell since it was last judged, and could not before.
    pub found: bool,
    /// Since when it cannot tell.
    pub undecided_from: Option<i64>,
}

impl Standing {
    /// A group nobody has judged yet.
    #[must_use]
    pub fn new(group: &Group) -> Self {
        let abstains = matches!(group.unknown, OnUnknown::Abstain(_));
        Self {
            phases: vec![Phase::Off; group.states.len()],
            says: vec![Says::NOTHING; group.states.len()],
            left: Vec::new(),
            edited: Vec::new(),
            vote: (!abstains).then(|| Vote::unknown(1, Severity::Info)),
            ever_decided: false,
            gave_up: false,
            found: false,
            undecided_from: None,
        }
    }

    /// Whether what it says, or that it says nothing, rests on what it knew: its last decision still counts.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.ever_decided && !self.gave_up
    }

    /// Takes what the conditions of the state at this place say; `waits` tells of each, `when` and `clear`, whether after
    /// a restart it waits for tags or windows.
    pub fn take(&mut self, group: &Group, state: usize, says: Says, waits: impl FnOnce() -> (bool, bool)) {
        let in_doubt = says.when.is_unknown() || says.clear.is_some_and(Truth::is_unknown);
        if !in_doubt || group.unknown != OnUnknown::AsFalse {
            self.says[state] = says;
            return;
        }
        let waits = waits();
        let taken =
            |truth: Truth, instead, waits: bool| if truth.is_unknown() && !waits { instead } else { truth };
        // A clear that a deadband made is what `when` is not: as `when` counts as false, it counts as true.
        let own_clear = group.states[state].clear.is_some();
        let clear = if own_clear { Truth::False } else { Truth::True };
        let when = taken(says.when, Truth::False, waits.0);
        self.says[state] = Says { when, clear: says.clear.map(|says| taken(says, clear, waits.1)) };
    }

    /// Judges the group at an instant, on the truths it took. Unknown before its first decision, and after a
    /// restart, counts from `begin`. True: what is to be stored of it has changed.
    pub fn judge(&mut self, group: &Group, now: i64, begin: i64) -> bool {
        self.left.clear();
        self.found = false;
        let mut changed = false;
        for i in 0..self.phases.len() {
            changed |= self.judge_state(&group.states[i], i, group, now);
        }
        changed
            | match self.doubt(group) {
                None => self.decide(group),
                // Nothing is wrong with a window that could not be full yet: what was said is kept until it could.
                Some(Truth::Filling) => {
                    self.undecided_from = None;
                    false
                }
                Some(_) => self.hold(group, now, begin),
            }
    }

    fn judge_state(&mut self, state: &file::State, i: usize, group: &Group, now: i64) -> bool {
        let (phase, says) = (self.phases[i], self.says[i]);
        let mut is_settled = false;
        let mut delays = delays(group, state);
        if let Some(edited) = self.edited.iter().position(|e| *e == i) {
            // Under the new condition it stays or is left at once (§8).
            (delays.hold, delays.latch) = (0, false);
            if !says.leaves().is_unknown() {
                self.edited.swap_remove(edited);
                is_settled = true;
            }
        }
        let next = phase.judged(says, delays, now);
        if phase.is_on() && !next.is_on() {
            self.left.push((i, phase.count().map_or(now, |count| count.since)));
        }
        self.phases[i] = next;
        is_settled || next != phase
    }

    fn first_on(&self) -> Option<usize> {
        self.phases.iter().position(|p| p.is_on())
    }

    /// Why nobody can say if the state at this place moves; none: one can.
    fn doubt_of(&self, group: &Group, i: usize) -> Option<Truth> {
        self.phases[i].doubt(self.says[i], group.states[i].latch && !self.edited.contains(&i))
    }

    /// The states of which must be known whether they move: the first that is On, else all.
    fn deciding(&self) -> std::ops::Range<usize> {
        self.first_on().map_or(0..self.phases.len(), |on| on..on + 1)
    }

    /// The state because of which it cannot tell, by its place, one that is truly Unknown before one whose window
    /// fills; none: it can tell.
    #[must_use]
    pub fn first_in_doubt(&self, group: &Group) -> Option<usize> {
        let is = |truth| move |i: &usize| self.doubt_of(group, *i) == Some(truth);
        self.deciding().find(is(Truth::Unknown)).or_else(|| self.deciding().find(is(Truth::Filling)))
    }

    fn doubt(&self, group: &Group) -> Option<Truth> {
        self.first_in_doubt(group).and_then(|i| self.doubt_of(group, i))
    }

    fn decide(&mut self, group: &Group) -> bool {
        let changed = !self.stands();
        self.found = changed;
        (self.ever_decided, self.gave_up, self.undecided_from) = (true, false, None);
        changed
            | match self.first_on() {
                Some(on) => self.say(&group.states[on].named, By::State(on)),
                None => match &group.otherwise {
                    Some(named) => self.say(named, By::Otherwise),
                    None => self.vote.take().is_some(),
                },
            }
    }

    /// Keeps the last vote while it may, then says what it still knows, or that it cannot know.
    fn hold(&mut self, group: &Group, now: i64, begin: i64) -> bool {
        self.undecided_from.get_or_insert(now);
        if self.patience_ends(group, begin).is_some_and(|end| now < end) {
            return false;
        }
        let changed = !std::mem::replace(&mut self.gave_up, true);
        let known_on = |i: &usize| self.phases[*i].is_on() && self.doubt_of(group, *i).is_none();
        if let Some(on) = (0..self.phases.len()).find(known_on) {
            return changed | self.say(&group.states[on].named, By::Known(on));
        }
        changed
            | match &group.unknown {
                OnUnknown::Abstain(_) => self.vote.take().is_some(),
                OnUnknown::State(_, named) => self.say(named, By::Unknown),
                OnUnknown::Vote(_) | OnUnknown::AsFalse => self.say_unknown(),
            }
    }

    /// Votes for a state; true: that is another vote than before.
    fn say(&mut self, named: &Named, by: By) -> bool {
        let changed = !self.vote.as_ref().is_some_and(|v| v.is(named, by));
        if changed {
            self.vote = Some(Vote::of(named, by));
        }
        changed
    }

    /// Votes `Unknown` with the weight and the severity of what it leaves: an alarm is not outvoted because its
    /// sensor died.
    fn say_unknown(&mut self) -> bool {
        let (weight, severity) =
            self.vote.as_ref().map_or((1, Severity::Info), |v| (v.weight.max(1), v.severity));
        let unknown = Some(Vote::unknown(weight, severity));
        let changed = self.vote != unknown;
        self.vote = unknown;
        changed
    }

    /// The instant at which the time for its last vote is over; none: it can tell.
    fn patience_ends(&self, group: &Group, begin: i64) -> Option<i64> {
        Some(self.undecided_from?.max(begin) + group.unknown.after())
    }

    /// The next instant after `now` at which time alone moves the group.
    #[must_use]
    pub fn due(&self, group: &Group, now: i64, begin: i64) -> Option<i64> {
        let phases = self.phases.iter().zip(&group.states).filter_map(|(p, s)| p.due(delays(group, s)));
        let patience_ends = self.patience_ends(group, begin);
        phases.chain(patience_ends).filter(|due| *due > now).min()
    }

    /// As it stands after a break that began at `until`: nothing is known, the last vote is kept.
    pub fn pause(&mut self, until: i64) {
        self.phases.iter_mut().for_each(|p| *p = p.paused(until));
        self.says.fill(Says::NOTHING);
        self.undecided_from = None;
    }

    /// Takes over what is known only while it runs: since when it cannot tell.
    pub fn inherit(&mut self, old: &Self) {
        self.undecided_from = old.undecided_from;
    }

    /// As it stands behind a closed gate: only what is latched goes on (§7.6).
    pub fn close(&mut self, group: &Group) {
        let latched = |(phase, state): (&Phase, &file::State)| phase.on().filter(|_| state.latch);
        let kept: Vec<_> = self.phases.iter().zip(&group.states).map(latched).collect();
        *self = Self { edited: std::mem::take(&mut self.edited), ..Self::new(group) };
        for (phase, on) in self.phases.iter_mut().zip(kept) {
            *phase = on.map_or(Phase::Off, |(since, entered)| Phase::On { since, entered });
        }
        self.edited.retain(|i| self.phases[*i].is_on());
    }

    /// The states that stay On though they may have been over for long.
    pub fn latched<'a>(&'a self, group: &'a Group) -> impl Iterator<Item = usize> + 'a {
        (0..self.phases.len()).filter(|i| group.states[*i].latch && self.phases[*i].is_on())
    }

    /// Lets go of a latched state; what is said of it counts when the group is judged next.
    pub fn reset(&mut self, state: usize) {
        self.phases[state] = Phase::Off;
    }

    /// The break cannot be measured: the clock was set back.
    pub fn forget_break(&mut self) {
        self.phases.iter_mut().for_each(|p| *p = p.without_break());
    }
}

fn delays(group: &Group, state: &file::State) -> Delays {
    let file::State { delay, hold, latch, .. } = *state;
    Delays { delay, hold, latch, unknown_after: group.unknown.after() }
}

#[cfg(test)]
impl Standing {
    /// All that goes on over a restart, by its name, and with it what does over a reload; what is found anew each time is
    /// left out.
    pub(crate) fn parts(&self, is_reload: bool) -> Vec<(&'static str, String)> {
        let Self { phases, says: _, left: _, found: _, edited, vote, ever_decided, gave_up, .. } = self;
        let Self { undecided_from, .. } = self;
        let kept = [
            ("phases", format!("{phases:?}")),
            ("edited", format!("{edited:?}")),
            ("vote", format!("{vote:?}")),
            ("ever decided", format!("{ever_decided:?}")),
            ("gave up", format!("{gave_up:?}")),
        ];
        let running = [("undecided from", format!("{undecided_from:?}"))];
        kept.into_iter().chain(running.into_iter().filter(|_| is_reload)).collect()
    }
}

#[cfg(test)]
mod tests;
