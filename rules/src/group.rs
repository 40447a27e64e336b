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
    /// The state at this place is the first that is On.
    State(usize),
    /// The state at this place is the first that is known to be On; one before it cannot be known.
    Known(usize),
    /// No state is On.
    Otherwise,
    /// It cannot know.
    Unknown,
}

impl By {
    /// The state that speaks, by its place.
    #[must_use]
    pub fn state(self) -> Option<usize> {
        match self {
            By::State(state) | By::Known(state) => Some(state),
            By::Otherwise | By::Unknown => None,
        }
    }

    /// Whether the vote is what it is because of something Unknown.
    #[must_use]
    pub fn in_doubt(self) -> bool {
        matches!(self, By::Known(_) | By::Unknown)
    }
}

impl Vote {
    fn of(named: &Named, by: By) -> Self {
        Self { name: named.name.clone(), weight: named.weight, severity: named.severity, by }
    }

    fn unknown(weight: u32, severity: Severity) -> Self {
        Self { name: UNKNOWN.into(), weight, severity, by: By::Unknown }
    }

    fn is(&self, named: &Named, by: By) -> bool {
        let Named { name, weight, severity } = named;
        (&self.name, self.weight, self.severity, self.by) == (name, *weight, *severity, by)
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
    /// Whether it ever could tell.
    pub ever_decided: bool,
    /// Whether it cannot tell, and the time for its last vote is over.
    pub gave_up: bool,
    /// Since when it cannot tell.
    pub undecided_from: Option<i64>,
    /// After a restart, while tags it reads were not heard: they do not count as false.
    resuming: bool,
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
            ever_decided: false,
            gave_up: false,
            undecided_from: None,
            resuming: false,
        }
    }

    /// Whether what it says, or that it says nothing, rests on what it knew: its last decision still counts.
    #[must_use]
    pub fn stands(&self) -> bool {
        self.ever_decided && !self.gave_up
    }

    /// Takes what the condition at this place says; `heard` tells whether all its tags were heard since the start.
    pub fn take(&mut self, group: &Group, state: usize, truth: Truth, heard: impl FnOnce() -> bool) {
        let as_false =
            truth == Truth::Unknown && group.unknown == OnUnknown::AsFalse && (!self.resuming || heard());
        self.truths[state] = if as_false { Truth::False } else { truth };
    }

    /// Ends the wait for tags that follows a restart, when all were heard or its time is over.
    pub fn end_wait(&mut self, group: &Group, now: i64, begin: i64, all_heard: impl FnOnce() -> bool) {
        self.resuming = self.resuming && now < begin + group.unknown.after() && !all_heard();
    }

    /// Judges the group at an instant, on the truths it took. Unknown before its first decision, and after a
    /// restart, counts from `begin`. True: what is to be stored of it has changed.
    pub fn judge(&mut self, group: &Group, now: i64, begin: i64) -> bool {
        let mut changed = false;
        for ((phase, truth), state) in self.phases.iter_mut().zip(&self.truths).zip(&group.states) {
            let next = phase.judged(*truth, delays(group, state.delay), now);
            changed |= next != *phase;
            *phase = next;
        }
        changed | if self.undecided() { self.hold(group, now, begin) } else { self.decide(group) }
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

    fn decide(&mut self, group: &Group) -> bool {
        let changed = !self.stands();
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
        let known_on = |i: &usize| self.phases[*i].is_on() && self.truths[*i] != Truth::Unknown;
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
        let from = if self.ever_decided { self.undecided_from?.max(begin) } else { begin };
        Some(from + group.unknown.after())
    }

    /// The next instant after `now` at which time alone moves the group.
    #[must_use]
    pub fn due(&self, group: &Group, now: i64, begin: i64) -> Option<i64> {
        let phases = self.phases.iter().zip(&group.states).filter_map(|(p, s)| p.due(delays(group, s.delay)));
        let wait_ends = self.resuming.then(|| begin + group.unknown.after());
        let patience_ends = self.undecided_from.and_then(|_| self.patience_ends(group, begin));
        phases.chain(wait_ends).chain(patience_ends).filter(|due| *due > now).min()
    }

    /// As it stands after a break that began at `until`: nothing is known, the last vote is kept.
    pub fn pause(&mut self, group: &Group, until: i64) {
        self.phases.iter_mut().for_each(|p| *p = p.paused(until));
        self.truths.iter_mut().for_each(|t| *t = Truth::Unknown);
        self.undecided_from = None;
        self.resuming = group.unknown == OnUnknown::AsFalse;
    }

    /// The break cannot be measured: the clock was set back.
    pub fn forget_break(&mut self) {
        self.phases.iter_mut().for_each(|p| *p = p.without_break());
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
            judge(&mut standing, &group, *truths, *now);
        }
        standing.vote.map(|v| (v.name, v.weight))
    }

    fn judge(standing: &mut Standing, group: &Group, truths: [Truth; 2], now: i64) -> bool {
        truths.into_iter().enumerate().for_each(|(i, t)| standing.take(group, i, t, || true));
        standing.judge(group, now, 0)
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
    fn a_state_that_spoke_for_another_does_not_speak_when_it_is_unknown_itself() {
        let mut story =
            vec![(0, [True, True]), (10, [True, True]), (11, [Dunno, True]), (60_011, [Dunno, True])];
        story.push((60_020, [Dunno, Dunno]));
        assert_eq!(vote("", &story), says("Unknown", 5));
        story.push((60_030, [Dunno, True]));
        assert_eq!(vote("", &story), says("Low", 5));
        story.push((60_040, [True, True]));
        assert_eq!(vote("", &story), says("High", 30));
    }

    #[test]
    fn the_due_instant_is_the_nearest_of_delay_and_patience() {
        let group = group("");
        let mut standing = Standing::new(&group);
        judge(&mut standing, &group, [False, True], 100);
        assert_eq!(standing.due(&group, 100, 0), Some(110));
        judge(&mut standing, &group, [False, True], 110);
        judge(&mut standing, &group, [False, Dunno], 120);
        assert_eq!(standing.due(&group, 120, 0), Some(60_120));
        judge(&mut standing, &group, [False, Dunno], 60_120);
        assert_eq!(standing.due(&group, 60_120, 0), None, "it gave up: nothing is left to wait for");
    }

    #[test]
    fn nothing_is_due_again_and_again_while_a_lower_state_speaks() {
        let group = group("");
        let mut standing = Standing::new(&group);
        for (now, truths) in [(0, [True, True]), (10, [True, True]), (11, [Dunno, True])] {
            judge(&mut standing, &group, truths, now);
        }
        judge(&mut standing, &group, [Dunno, True], 60_011);
        assert_eq!(standing.due(&group, 60_011, 0), None);
    }

    #[test]
    fn judging_again_changes_nothing() {
        for truths in [[True, False], [False, True], [Dunno, True], [False, False], [Dunno, Dunno]] {
            for now in [5, 70_000] {
                let group = group("");
                let mut standing = Standing::new(&group);
                judge(&mut standing, &group, truths, 0);
                judge(&mut standing, &group, truths, now);
                let once = standing.clone();
                assert!(!judge(&mut standing, &group, truths, now), "{truths:?}");
                assert_eq!(standing, once);
            }
        }
    }

    #[test]
    fn after_a_restart_a_tag_that_was_not_heard_yet_is_not_false() {
        let group = group("unknown = 'as-false'\notherwise = 'Fine'");
        let mut standing = Standing::new(&group);
        judge(&mut standing, &group, [True, False], 0);
        standing.pause(&group, 0);
        let judge_unheard = |standing: &mut Standing, now| {
            standing.end_wait(&group, now, 10, || false);
            (0..2).for_each(|i| standing.take(&group, i, Dunno, || false));
            standing.judge(&group, now, 10);
            standing.vote.clone().unwrap().name
        };
        assert_eq!(judge_unheard(&mut standing, 10), "High");
        assert_eq!(standing.due(&group, 10, 10), Some(60_010));
        assert_eq!(judge_unheard(&mut standing, 60_010), "Fine", "it was waited for long enough");
    }
}
