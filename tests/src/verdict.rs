//! What was expected held against what is in the store.
//!
//! Here: pairing the two. Not here: reading the store (`demo`), or what is expected (`expected`).
//! Invariant: each transition is paired at most once, so one that is missing, doubled or invented shows.

use proto::Transition;

use crate::expected::{Expected, FirstStep};
use crate::line::Protocol;

/// Where the store and the script disagree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Expected and not in the store, each in words.
    pub missing: Vec<String>,
    /// In the store and not expected, each in words.
    pub surplus: Vec<String>,
}

/// How far the stamp of a transition may lie behind the script's instant, ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lateness {
    /// Where the agent puts the stamp on a value: the scan that saw the change comes later than the change.
    pub scanned_ms: i64,
    /// Where the controller does: none, unless its values came too late to be judged at their instant.
    pub stamped_ms: i64,
}

impl Verdict {
    /// Pairs what is stored with what was expected of a script that began at `start_ms` (since 1970).
    #[must_use]
    pub fn of(
        stored: &[Transition],
        expected: &[Expected],
        first_steps: &[FirstStep],
        start_ms: i64,
        lateness: Lateness,
    ) -> Self {
        let mut left: Vec<&Transition> = stored.iter().collect();
        let mut take = |fits: &dyn Fn(&Transition) -> bool| {
            let found = left.iter().position(|t| fits(t));
            found.map(|place| left.swap_remove(place)).is_some()
        };
        let mut missing = Vec::new();
        for step in first_steps {
            let (machine, rule, to) = (step.machine.name(), step.rule, step.to);
            if !take(&|t| (&*t.equipment, &*t.rule_id, &*t.from, &*t.to) == (machine, rule, "Unknown", to)) {
                missing.push(format!("{machine} {rule} Unknown → {to} at the start"));
            }
        }
        for e in expected {
            let (machine, at_ms) = (e.machine.name(), start_ms + e.at_ms);
            let late_max_ms = match e.machine.protocol() {
                Protocol::S7 => lateness.scanned_ms,
                Protocol::Opcua => lateness.stamped_ms,
            };
            let fits = |t: &Transition| {
                (&*t.equipment, &*t.rule_id, &*t.from, &*t.to) == (machine, e.rule, e.from, e.to)
                    && (0..=late_max_ms).contains(&(t.timestamp - at_ms))
            };
            if !take(&fits) {
                let second = e.at_ms as f64 / 1000.0;
                missing.push(format!("{machine} {} {} → {} at {second:.3} s", e.rule, e.from, e.to));
            }
        }
        let surplus = left.into_iter().map(|t| {
            let second = (t.timestamp - start_ms) as f64 / 1000.0;
            format!("{} {} {} → {} at {second:.3} s", t.equipment, t.rule_id, t.from, t.to)
        });
        Self { missing, surplus: surplus.collect() }
    }

    /// Whether they agree.
    #[must_use]
    pub fn agrees(&self) -> bool {
        self.missing.is_empty() && self.surplus.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expected;
    use crate::script::Script;

    const START_MS: i64 = 1_700_000_000_000;
    const LATENESS: Lateness = Lateness { scanned_ms: 1_000, stamped_ms: 0 };

    #[test]
    fn the_right_transitions_agree_in_any_order_and_a_little_late() {
        let mut stored = stored(80);
        stored.reverse();
        assert!(verdict(&stored).agrees());
    }

    #[test]
    fn what_the_controller_stamps_may_not_be_late_at_all() {
        let mut stored = stored(0);
        let of_washer = |t: &&mut Transition| t.equipment == "washer-1" && t.timestamp > START_MS;
        stored.iter_mut().find(of_washer).unwrap().timestamp += 1;
        let said = verdict(&stored);
        assert_eq!((said.missing.len(), said.surplus.len()), (1, 1), "{said:?}");
    }

    #[test]
    fn a_missing_a_doubled_and_a_late_one_show() {
        let mut missing = stored(0);
        let gone = missing.remove(20);
        let said = verdict(&missing);
        assert_eq!((said.missing.len(), said.surplus.len()), (1, 0));
        assert!(said.missing[0].contains(&gone.rule_id), "{said:?}");

        let mut doubled = stored(0);
        doubled.push(doubled[20].clone());
        assert_eq!((verdict(&doubled).missing.len(), verdict(&doubled).surplus.len()), (0, 1));

        let mut late = stored(0);
        late[20].timestamp += 5_000;
        assert_eq!((verdict(&late).missing.len(), verdict(&late).surplus.len()), (1, 1));
    }

    fn verdict(stored: &[Transition]) -> Verdict {
        let script = Script::new(1, Some(60_000));
        let first: Vec<FirstStep> = expected::first_steps().collect();
        Verdict::of(stored, &expected::transitions(&script, 60_000), &first, START_MS, LATENESS)
    }

    fn stored(late_ms: i64) -> Vec<Transition> {
        let script = Script::new(1, Some(60_000));
        let first =
            expected::first_steps().map(|f| transition(f.machine.name(), f.rule, ["Unknown", f.to], -900));
        let later = expected::transitions(&script, 60_000).into_iter().map(|e| {
            let late_ms = if e.machine.protocol() == Protocol::S7 { late_ms } else { 0 };
            transition(e.machine.name(), e.rule, [e.from, e.to], e.at_ms + late_ms)
        });
        first.chain(later).collect()
    }

    fn transition(machine: &str, rule: &str, [from, to]: [&str; 2], at_ms: i64) -> Transition {
        let json = serde_json::json!({
            "kind": "transition", "version": 1, "id": "", "agentId": "a", "incarnation": "0",
            "sequenceNumber": 1, "ruleId": rule, "ruleHash": "", "equipmentId": "", "equipment": machine,
            "timestamp": START_MS + at_ms, "detectedAt": 0, "watermark": 0, "from": from, "to": to, "since": 0,
            "severity": "info", "cause": "condition", "group": null, "weight": 0, "because": null,
            "groups": [], "flags": [], "text": {},
        });
        serde_json::from_value(json).unwrap()
    }
}
