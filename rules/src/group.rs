//! A group of conditions and its vote (§7.1, §7.2).
//!
//! Here: which of the states speaks, and what is said when that cannot be known. Not here: which group wins
//! (`instance`), time within a condition (`condition`).
//! Invariant: a group does not fall back to `otherwise` because of Unknown unless the rule asks for it.

use proto::Severity;
use serde::{Deserialize, Serialize};

use crate::condition::{Delays, Phase};
use crate::expr::eval::Truth;
use crate::file::{Group, Named, OnUnknown};
use crate::time::Millis;

/// Name of the state that nobody knows.
pub const UNKNOWN: &str = "Unknown";

/// What a group says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The state.
    pub name: String,
    /// What the vote weighs.
    pub weight: u32,
    /// How much the state matters.
    pub severity: Severity,
    /// Why it says so.
    pub by: By,
}

/// Why a group votes as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    /// The state at this place is On.
    State(usize),
    /// No state is On.
    Otherwise,
    /// It cannot know.
    Unknown,
}

impl Vote {
    fn of(named: &Named, by: By) -> Self {
        Self { name: named.name.clone(), weight: named.weight, severity: named.severity, by }
    }

    fn unknown(weight: u32, severity: Severity) -> Self {
        Self { name: UNKNOWN.into(), weight, severity, by: By::Unknown }
    }
}

/// Where a group stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its conditions, in the order of its states.
    pub phases: Vec<Phase>,
    /// What its conditions said when they were last judged; Unknown for all after a restart.
    pub truths: Vec<Truth>,
    /// What it says; none: it abstains.
    pub vote: Option<Vote>,
    /// Whether it could tell when it was last judged.
    pub decided: bool,
    /// Whether it ever could.
    pub ever_decided: bool,
    /// Since when it cannot tell.
    undecided_from: Option<i64>,
    /// Whether the time for its last vote is over.
    gave_up: bool,
}

impl Standing {
    /// A group nobody has judged yet.
    #[must_use]
    pub fn new(group: &Group) -> Self {
        let abstains = matches!(group.unknown, OnUnknown::Abstain(_));
        Self {
            phases: vec![Phase::Off; group.states.len()],
            truths: vec![Truth::Unknown; group.states.len()],
            vote: (!abstains).then(|| Vote::unknown(1, Severity::Info)),
            decided: false,
            ever_decided: false,
            undecided_from: None,
            gave_up: false,
        }
    }

    /// Judges the group at an instant. `truths` are what its conditions say; Unknown before its first decision
    /// counts from `begin`.
    pub fn judge(&mut self, group: &Group, truths: Vec<Truth>, now: i64, begin: i64) {
        self.truths = truths;
        if group.unknown == OnUnknown::AsFalse {
            let as_false = |t: &mut Truth| {
                if *t == Truth::Unknown {
                    *t = Truth::False;
                }
            };
            self.truths.iter_mut().for_each(as_false);
        }
        for ((phase, truth), state) in self.phases.iter_mut().zip(&self.truths).zip(&group.states) {
            *phase = phase.judged(*truth, delays(group, state.delay), now);
        }
        if self.undecided() { self.hold(group, now, begin) } else { self.decide(group) }
    }

    fn first_on(&self) -> Option<usize> {
        self.phases.iter().position(|p| p.is_on())
    }

    fn undecided(&self) -> bool {
        match self.first_on() {
            Some(on) => self.truths[on] == Truth::Unknown,
            None => self.truths.contains(&Truth::Unknown),
        }
    }

    fn decide(&mut self, group: &Group) {
        self.vote = match self.first_on() {
            Some(on) => Some(Vote::of(&group.states[on].named, By::State(on))),
            None => group.otherwise.as_ref().map(|named| Vote::of(named, By::Otherwise)),
        };
        (self.decided, self.ever_decided) = (true, true);
        (self.undecided_from, self.gave_up) = (None, false);
    }

    /// Keeps the last vote while it may, then says that it cannot know.
    fn hold(&mut self, group: &Group, now: i64, begin: i64) {
        self.decided = false;
        let from = if self.ever_decided { *self.undecided_from.get_or_insert(now) } else { begin };
        if now < from + group.unknown.after() {
            return;
        }
        let known_on = |i: &usize| self.phases[*i].is_on() && self.truths[*i] != Truth::Unknown;
        if let Some(on) = (0..self.phases.len()).find(known_on) {
            self.vote = Some(Vote::of(&group.states[on].named, By::State(on)));
            return;
        }
        if self.gave_up {
            return;
        }
        self.gave_up = true;
        self.vote = match &group.unknown {
            OnUnknown::Abstain(_) => None,
            OnUnknown::State(_, named) => Some(Vote::of(named, By::Unknown)),
            OnUnknown::Vote(_) | OnUnknown::AsFalse => {
                let left = self.vote.as_ref();
                let severity = left.map_or(Severity::Info, |v| v.severity);
                Some(Vote::unknown(left.map_or(1, |v| v.weight.max(1)), severity))
            }
        };
    }

    /// The next instant at which time alone moves the group.
    #[must_use]
    pub fn due(&self, group: &Group, begin: i64) -> Option<i64> {
        let phases = self.phases.iter().zip(&group.states).filter_map(|(p, s)| p.due(delays(group, s.delay)));
        let from = if self.ever_decided { self.undecided_from } else { (!self.decided).then_some(begin) };
        let give_up = from.filter(|_| !self.gave_up).map(|from| from + group.unknown.after());
        phases.chain(give_up).min()
    }

    /// Takes over what the group had said under the old version of its rule.
    pub(crate) fn carry(&mut self, old: &Self) {
        (self.vote, self.decided, self.ever_decided) = (old.vote.clone(), old.decided, old.ever_decided);
        (self.undecided_from, self.gave_up) = (old.undecided_from, old.gave_up);
    }

    /// As it stands when time itself begins again: nothing is known, the last vote is kept.
    pub(crate) fn untimed(&mut self, until: i64) {
        self.pause(until);
        self.phases.iter_mut().for_each(|p| *p = p.untimed(until));
        self.gave_up = false;
    }

    /// As it stands after a break that began at `until`: nothing is known, the last vote is kept.
    pub fn pause(&mut self, until: i64) {
        self.phases.iter_mut().for_each(|p| *p = p.paused(until));
        self.truths.iter_mut().for_each(|t| *t = Truth::Unknown);
        (self.decided, self.undecided_from) = (false, None);
    }
}

fn delays(group: &Group, delay: Millis) -> Delays {
    Delays { delay, unknown_after: group.unknown.after() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::Report;
    use Truth::{False, True, Unknown as Dunno};

    fn group(keys: &str) -> Group {
        let text = format!(
            "[rule.r]\non = 'x'\n[rule.r.group.g]\n{keys}\nstate = [ {{ name = 'High', when = 'a', weight = 30, severity = 'alarm' }}, {{ name = 'Low', when = 'b', weight = 5, for = '10 ms' }} ]"
        );
        let mut report = Report::default();
        let file = report.add_file("r.toml", text);
        crate::file::rules(&mut report, file).rules.remove(0).groups.remove(0)
    }

    /// Judges through a story and says what the group votes at its end.
    fn vote(keys: &str, story: &[(i64, [Truth; 2])]) -> Option<(String, u32)> {
        let group = group(keys);
        let mut standing = Standing::new(&group);
        for (now, truths) in story {
            standing.judge(&group, truths.to_vec(), *now, 0);
        }
        standing.vote.map(|v| (v.name, v.weight))
    }

    fn says(name: &str, weight: u32) -> Option<(String, u32)> {
        Some((name.into(), weight))
    }

    #[test]
    fn the_first_state_that_is_on_speaks() {
        assert_eq!(vote("", &[(0, [True, True]), (10, [True, True])]), says("High", 30));
        assert_eq!(vote("", &[(0, [False, True]), (10, [False, True])]), says("Low", 5));
        assert_eq!(vote("", &[(0, [False, True]), (9, [False, True])]), None);
        assert_eq!(vote("otherwise = 'Fine'", &[(0, [False, True])]), says("Fine", 0));
    }

    #[test]
    fn it_says_unknown_before_its_first_decision() {
        assert_eq!(vote("", &[(0, [Dunno, False])]), says("Unknown", 1));
        assert_eq!(vote("unknown = 'abstain'", &[(0, [Dunno, False])]), None);
        assert_eq!(vote("unknown = 'as-false'\notherwise = 'Fine'", &[(0, [Dunno, Dunno])]), says("Fine", 0));
    }

    #[test]
    fn unknown_keeps_the_last_vote_for_a_minute_and_never_clears_an_alarm() {
        let story = |end| [(0, [True, False]), (5, [Dunno, False]), (end, [Dunno, False])];
        assert_eq!(vote("", &story(60_004)), says("High", 30));
        assert_eq!(vote("", &story(60_005)), says("Unknown", 30));
        assert_eq!(
            vote("unknown = { after = '1 s', name = 'SensorFault', weight = 15 }", &story(1_005)),
            says("SensorFault", 15)
        );
        assert_eq!(vote("unknown = 'abstain'", &story(60_005)), None);
    }

    #[test]
    fn when_the_time_is_over_a_lower_state_that_is_known_speaks() {
        let story = [(0, [True, True]), (10, [True, True]), (11, [Dunno, True]), (60_011, [Dunno, True])];
        assert_eq!(vote("", &story), says("Low", 5));
    }

    #[test]
    fn the_due_instant_is_the_nearest_of_delay_and_patience() {
        let group = group("");
        let mut standing = Standing::new(&group);
        standing.judge(&group, vec![False, True], 100, 0);
        assert_eq!(standing.due(&group, 0), Some(110));
        standing.judge(&group, vec![False, True], 110, 0);
        standing.judge(&group, vec![False, Dunno], 120, 0);
        assert_eq!(standing.due(&group, 0), Some(60_120));
        standing.judge(&group, vec![False, Dunno], 60_120, 0);
        assert_eq!(standing.due(&group, 0), None, "it gave up: nothing is left to wait for");
    }
}
