//! An instance that goes on: under an edited rule, after a restart, after the clock was set back (§8).
//!
//! Here: what of it goes on beside what is stored. Not here: what is stored (`stored`), when that happens (`resume`,
//! `reload`).
//! Invariant: under the same rule it goes on as if nothing had happened.

use super::Instance;
use crate::activation::Activations;
use crate::gate::Gate;
use crate::group::Standing;
use crate::time::LONG_AGO;

impl Instance {
    /// Takes over where an instance of the same rule and machine stood, under the old version of the rule (§8).
    pub(crate) fn inherit(&mut self, old: &Self, watermark: i64) {
        crate::stored::stored(old, watermark).restore(self);
        let before = old.groups.iter().zip(&old.plan.rule.groups);
        for (was, old_group) in before {
            let now =
                self.groups.iter_mut().zip(&self.plan.rule.groups).find(|(_, g)| g.name == old_group.name);
            if let Some((standing, _)) = now {
                standing.inherit(was);
            }
        }
        self.gate = self.gate.map(|gate| old.gate.unwrap_or(gate));
        self.silence.gate = self.silence.gate.map(|gate| old.silence.gate.unwrap_or(gate));
        (self.opened, self.forced, self.unsaved) = (old.opened, old.forced, true);
        self.resuming = old.resuming;
        self.carried = self.plan.sees_as(&old.plan);
        if self.carried {
            self.verdicts.clone_from(&old.verdicts);
        }
    }

    /// The clock was set back from `before` to `at`: nobody can say how long anything was, nor when it was.
    pub(crate) fn forget_time(&mut self, before: i64, at: i64) {
        self.groups.iter_mut().for_each(Standing::forget_break);
        self.silence.set_back(before, at);
        self.activations = Activations::default();
        self.unsaved = true;
    }

    /// As it stands after a break that began at `until`: time stood still.
    pub(crate) fn pause(&mut self, until: i64) {
        self.groups.iter_mut().for_each(|standing| standing.pause(until));
        self.gate.iter_mut().chain(&mut self.silence.gate).for_each(Gate::pause);
        self.running.iter_mut().for_each(|running| running.pause(until));
        self.opened = LONG_AGO;
        self.resuming = true;
    }
}
