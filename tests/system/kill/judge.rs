//! The verdict on what is stored after an agent was killed again and again.
//!
//! A stored transition is *expected* when it is one of the script's, stamped at its instant or up to
//! [`LATE_MS`] later; each of the script's counts once. It is *explained* by an interruption when all of this
//! is so:
//! - its stamp lies within a life that was not the first, no later than the longest `for` of its rule after that
//!   life had caught up (had read every tag), and [`LATE_MS`] more;
//! - something expected of its instance was under way while nobody watched: the span from the begin of the
//!   deciding episode to the expected instant touches the time from the end of the last life that had caught up
//!   to the moment at which this one had;
//! - it is true: by the script, the condition of the state entered is so at its stamp, and that of the state
//!   left is not, or the state entered outweighs it.
//!
//! Whatever is stored must be expected or explained. Whatever is expected, and was surrounded by a life that had
//! begun `for` + 10 s before its instant and lasted 10 s after it, must be stored. (`for`: the longest of the
//! rule, because the state left had to be entered as well.)
//!
//! Here: that, for one run. Not here: the run. Invariant: time and the script decide, never what the agent says of
//! itself.

use std::collections::{BTreeMap, HashSet};

use plant::expected::{self, Expected, Truth, longest_delay_ms, outranks};
use plant::script::{Machine, Script};
use proto::Transition;

/// A stamp may come this much later than the change: a scan every 100 ms, on a machine that is busy; what had
/// changed before it was subscribed is stamped with the time of that.
const LATE_MS: i64 = 1_500;
/// Life before and after an expected transition that makes it due.
const AROUND_MS: i64 = 10_000;

/// A life of the agent, ms since the start of the script.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) from_ms: i64,
    /// When it had read every tag; none: it ended before.
    pub(super) caught_up_ms: Option<i64>,
    pub(super) to_ms: i64,
}

/// What a run was.
pub(super) struct Run<'a> {
    pub(super) script: &'a Script,
    pub(super) start_ms: i64,
    pub(super) lives: &'a [Life],
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Transitions that had to be stored.
    pub(super) due: usize,
    /// Stored as expected.
    pub(super) expected: usize,
    /// Stored because of an interruption.
    pub(super) explained: usize,
    /// What is wrong, in words.
    pub(super) faults: Vec<String>,
}

type Instance<'a> = (&'a str, &'a str);

impl Run<'_> {
    /// Judges what is stored.
    pub(super) fn judge(&self, stored: &[Transition]) -> Verdict {
        let mut verdict = Verdict::default();
        let ids: HashSet<&str> = stored.iter().map(|t| &*t.id).collect();
        if ids.len() != stored.len() {
            verdict.faults.push("an id is stored twice".into());
        }
        let incarnations: HashSet<&str> = stored.iter().map(|t| &*t.incarnation).collect();
        if incarnations.len() > 1 {
            verdict.faults.push(format!("the outbox began anew: {incarnations:?}"));
        }
        let mut chains: BTreeMap<Instance<'_>, Vec<&Transition>> = BTreeMap::new();
        for t in stored {
            chains.entry((&*t.equipment, &*t.rule_id)).or_default().push(t);
        }
        let end_ms = self.lives.last().map_or(0, |life| life.to_ms);
        let all = expected::transitions(self.script, end_ms);
        for first in expected::first_steps() {
            let instance = (first.machine.name(), first.rule);
            let mut chain = chains.remove(&instance).unwrap_or_default();
            chain.sort_by_key(|t| t.sequence_number);
            verdict.faults.extend(broken(&chain, first.to));
            let of_instance = |e: &&Expected| (e.machine, e.rule) == (first.machine, first.rule);
            self.pair(first.machine, &chain, all.iter().filter(of_instance).collect(), &mut verdict);
        }
        verdict.faults.extend(chains.into_keys().map(|instance| format!("there is no {instance:?}")));
        verdict
    }

    /// Pairs the chain of one instance with what was expected of it.
    fn pair(&self, machine: Machine, chain: &[&Transition], expected: Vec<&Expected>, verdict: &mut Verdict) {
        let mut open = expected.clone();
        for t in chain.iter().skip(1) {
            let at = t.timestamp - self.start_ms;
            let fits = |e: &&Expected| {
                (e.from, e.to) == (&*t.from, &*t.to) && (0..=LATE_MS).contains(&(at - e.at_ms))
            };
            if let Some(found) = open.iter().position(fits) {
                open.remove(found);
                verdict.expected += 1;
            } else if let Err(why) = self.explained(machine, t, at, &expected) {
                let near = expected.iter().min_by_key(|e| (e.at_ms - at).abs());
                verdict.faults.push(format!("{} is stored, but {why}; nearest: {near:?}", words(t, at)));
            } else {
                verdict.explained += 1;
            }
        }
        let is_due = |e: &&Expected| {
            let before = e.at_ms - longest_delay_ms(e.rule) - AROUND_MS;
            self.lives.iter().any(|l| l.from_ms <= before && e.at_ms + AROUND_MS <= l.to_ms)
        };
        verdict.due += expected.iter().filter(|e| is_due(e)).count();
        let missing = open.into_iter().filter(|e| is_due(e)).map(|e| format!("missing: {e:?}"));
        verdict.faults.extend(missing);
    }

    /// Whether an interruption explains a transition.
    fn explained(
        &self,
        machine: Machine,
        t: &Transition,
        at: i64,
        expected: &[&Expected],
    ) -> Result<(), &'static str> {
        let rule = &*t.rule_id;
        let Some(life) = self.lives.iter().position(|l| (l.from_ms..=l.to_ms).contains(&at)) else {
            return Err("nobody lived at that time");
        };
        let Life { caught_up_ms, to_ms, .. } = self.lives[life];
        let caught_up = caught_up_ms.unwrap_or(to_ms);
        let watched = self.lives[..life].iter().rev().find(|l| l.caught_up_ms.is_some());
        let Some(watched) = watched else { return Err("nothing had been interrupted") };
        if at > caught_up + longest_delay_ms(rule) + LATE_MS {
            return Err("the interruption was long over");
        }
        let blind = watched.to_ms..=caught_up;
        let under_way = |e: &&&Expected| e.since_ms <= *blind.end() && *blind.start() <= e.at_ms + LATE_MS;
        if !expected.iter().any(|e| under_way(&e)) {
            return Err("nothing of it was interrupted");
        }
        let (truth, seen) = (Truth { script: self.script, machine, rule }, at - LATE_MS..=at);
        let default = expected::first_steps().find(|f| f.rule == rule).map(|f| f.to);
        if default != Some(&*t.to) && !truth.is_true(&t.to, seen.clone()) {
            return Err("what it says is not so");
        }
        let left =
            default == Some(&*t.from) || truth.is_false(&t.from, seen) || outranks(rule, &t.to, &t.from);
        if left { Ok(()) } else { Err("what it left is still so") }
    }
}

/// What is wrong with the chain of one instance: it begins at Unknown, each link holds on to the one before.
fn broken(chain: &[&Transition], first: &str) -> Vec<String> {
    let Some(begin) = chain.first() else { return vec!["an instance never said anything".into()] };
    let mut faults = Vec::new();
    if (&*begin.from, &*begin.to, begin.sequence_number) != ("Unknown", first, 1) {
        faults.push(format!("the first is {}", words(begin, begin.timestamp)));
    }
    for pair in chain.windows(2) {
        let [a, b] = [pair[0], pair[1]];
        let holds = b.sequence_number == a.sequence_number + 1 && b.from == a.to && b.since == a.timestamp;
        if !holds || b.timestamp <= a.timestamp {
            faults.push(format!("{} does not follow {}", words(b, b.timestamp), words(a, a.timestamp)));
        }
    }
    faults
}

fn words(t: &Transition, at_ms: i64) -> String {
    let second = at_ms as f64 / 1000.0;
    let (machine, rule, number) = (&t.equipment, &t.rule_id, t.sequence_number);
    format!("{machine} {rule} #{number} {} → {} at {second:.3} s", t.from, t.to)
}

mod tests {
    use super::*;

    const START_MS: i64 = 1_700_000_000_000;

    #[test]
    fn a_life_without_interruption_has_no_excuse() {
        let right = whole(&ONE);
        let verdict = judge(&right, &ONE);
        assert_eq!(verdict.faults, [""; 0]);
        assert!(verdict.due > 100 && verdict.explained == 0, "{verdict:?}");

        let last = (0..right.len()).rev().find(|i| right[*i].timestamp < START_MS + 100_000).unwrap();
        let mut missing = right.clone();
        let gone = missing.remove(last);
        assert!(
            judge(&missing, &ONE).faults.iter().any(|f| f.starts_with("missing") && f.contains(&gone.to))
        );

        let mut late = right.clone();
        late[last].timestamp += LATE_MS + 1;
        let said = judge(&late, &ONE).faults;
        assert!(said.iter().any(|f| f.contains("but nothing had been interrupted")), "{said:?}");

        let mut doubled = right.clone();
        doubled.push(doubled[last].clone());
        assert!(judge(&doubled, &ONE).faults.len() >= 2);
    }

    #[test]
    fn a_state_entered_late_is_explained_only_by_its_own_interruption() {
        // The steam is out of its band: `for` is 1 s, the agent comes back in the middle and waits anew.
        let all = expected::transitions(&script(), 200_000);
        let e =
            all.iter().find(|e| e.rule == "washer-steam" && e.to == "Active" && e.at_ms > 40_000).unwrap();
        let lives = [
            Life { from_ms: -5_000, caught_up_ms: Some(-4_000), to_ms: e.at_ms - 500 },
            Life { from_ms: e.at_ms + 100, caught_up_ms: Some(e.at_ms + 500), to_ms: 200_000 },
        ];
        let mut stored = whole(&lives);
        let late = stored.iter_mut().find(|t| fits(t, e)).unwrap();
        late.timestamp = START_MS + e.at_ms + 1_800;
        relink(&mut stored);
        let verdict = judge(&stored, &lives);
        assert_eq!((verdict.faults, verdict.explained), (vec![], 1));
        // The same lateness somewhere else, or far later, has no excuse.
        let mut lives_elsewhere = lives;
        lives_elsewhere[0].to_ms = e.at_ms - 9_000;
        lives_elsewhere[1] =
            Life { from_ms: e.at_ms - 8_800, caught_up_ms: Some(e.at_ms - 8_500), to_ms: 200_000 };
        assert_eq!(judge(&stored, &lives_elsewhere).faults.len(), 1);
    }

    #[test]
    fn what_is_not_so_is_never_explained() {
        let all = expected::transitions(&script(), 200_000);
        let e =
            all.iter().find(|e| e.rule == "washer-steam" && e.to == "Normal" && e.at_ms > 40_000).unwrap();
        let lives = [
            Life { from_ms: -5_000, caught_up_ms: Some(-4_000), to_ms: e.at_ms - 3_000 },
            Life { from_ms: e.at_ms - 2_900, caught_up_ms: Some(e.at_ms - 2_500), to_ms: 200_000 },
        ];
        let mut stored = whole(&lives);
        let early = stored.iter_mut().find(|t| fits(t, e)).unwrap();
        early.timestamp = START_MS + e.at_ms - 2_000;
        relink(&mut stored);
        let said = judge(&stored, &lives).faults;
        assert!(said.len() == 1 && said[0].contains("but what it left is still so"), "{said:?}");
    }

    #[test]
    fn a_hole_in_the_numbers_and_a_broken_link_show() {
        let mut hole = whole(&ONE);
        let second = hole.iter().position(|t| t.sequence_number == 2).unwrap();
        hole.remove(second);
        assert!(judge(&hole, &ONE).faults.iter().any(|f| f.contains("does not follow")));
    }

    const ONE: [Life; 1] = [Life { from_ms: -5_000, caught_up_ms: Some(-4_000), to_ms: 200_000 }];

    fn script() -> Script {
        Script::new(1, None)
    }

    fn judge(stored: &[Transition], lives: &[Life]) -> Verdict {
        Run { script: &script(), start_ms: START_MS, lives }.judge(stored)
    }

    fn fits(t: &Transition, e: &Expected) -> bool {
        (&*t.equipment, &*t.rule_id, t.timestamp) == (e.machine.name(), e.rule, START_MS + e.at_ms + 80)
    }

    /// Everything that a perfect agent would say.
    fn whole(lives: &[Life]) -> Vec<Transition> {
        let first = expected::first_steps().map(|f| transition(f.machine, f.rule, ["Unknown", f.to], -900));
        let until = lives.last().unwrap().to_ms;
        let later = expected::transitions(&script(), until)
            .into_iter()
            .map(|e| transition(e.machine, e.rule, [e.from, e.to], e.at_ms + 80));
        let mut all: Vec<Transition> = first.chain(later).collect();
        relink(&mut all);
        all
    }

    /// Gives the transitions of each instance their numbers, and links them.
    fn relink(all: &mut [Transition]) {
        let mut last: BTreeMap<(String, String), (u64, i64)> = BTreeMap::new();
        all.sort_by_key(|t| t.timestamp);
        for t in all {
            let (number, since) = last.entry((t.equipment.clone(), t.rule_id.clone())).or_default();
            (t.sequence_number, t.since) = (*number + 1, *since);
            (*number, *since) = (t.sequence_number, t.timestamp);
            t.id = format!("{} {} {number}", t.equipment, t.rule_id);
        }
    }

    fn transition(machine: Machine, rule: &str, [from, to]: [&str; 2], at_ms: i64) -> Transition {
        let json = serde_json::json!({
            "kind": "transition", "version": 1, "id": "", "agentId": "a", "incarnation": "0",
            "sequenceNumber": 1, "ruleId": rule, "ruleHash": "", "equipmentId": machine.id(),
            "equipment": machine.name(), "timestamp": START_MS + at_ms, "detectedAt": 0, "watermark": 0,
            "from": from, "to": to, "since": 0, "severity": "info", "cause": "condition", "group": null,
            "weight": 0, "because": null, "groups": [], "flags": [], "text": {},
        });
        serde_json::from_value(json).unwrap()
    }
}
