//! A rule on a machine under another version of the rule, or under another name (§8).
//!
//! Here: what is carried over. Not here: which instance goes on as which (`reload`).
//! Invariant: a state is the same when group, name and resolved conditions are; all else may differ.

use super::gate::Gate;
use super::group::{GroupRun, Of};
use super::instance::Instance;
use super::model::{Group, Rule};
use super::state::StateRun;

impl Instance {
    /// The same instance, with another version of its rule, bound to its machine.
    pub(crate) fn carried(mut self, rule: Rule) -> Self {
        if self.rule == rule {
            return self;
        }
        let verdicts = self.verdicts.carried(&rule);
        let old_groups = std::mem::take(&mut self.groups);
        let mut place = 0;
        for group in &rule.groups {
            let fresh = GroupRun::new(group, rule.unknown_of(group));
            let old = self.rule.groups.iter().position(|old| old.name == group.name);
            self.groups.push(match old {
                None => fresh,
                Some(old) => {
                    let before = self.place_of(old);
                    let (run, was) = (old_groups[old].clone(), &self.rule.groups[old]);
                    let same = |new: usize, old: usize| {
                        let has_clear = group.states[new].clear.is_some();
                        let had_clear = was.states[old].clear.is_some();
                        let (new, old) = (place + 2 * new, before + 2 * old);
                        has_clear == had_clear
                            && verdicts.expressions[new..new + 2] == self.verdicts.expressions[old..old + 2]
                    };
                    let states = states(&run, was, group, &same);
                    run.carried(was, group, states)
                }
            });
            place += 2 * group.states.len();
        }
        self.say_the_same(&rule);
        let begun = self.since.is_some();
        self.gate = match (&self.rule.active_if, &rule.active_if) {
            (Some(_), Some(_)) => self.gate,
            // It does not shut out what was judged without it before it says so.
            (None, Some(_)) if begun => Gate::open(),
            _ => Gate::default(),
        };
        if self.rule.suppress_if.is_none() || rule.suppress_if.is_none() {
            self.suppression = Gate::default();
        }
        self.notices.edit(&rule.actions);
        self.tags = rule.tags();
        (self.rule, self.verdicts) = (rule, verdicts);
        self
    }

    /// The place of a group's first expression.
    fn place_of(&self, group: usize) -> usize {
        self.rule.groups[..group].iter().map(|group| 2 * group.states.len()).sum()
    }

    /// Groups and states have other places: what was said was said by those of the same name.
    fn say_the_same(&mut self, rule: &Rule) {
        let Some(group) = self.says.group.take() else { return };
        let old = &self.rule.groups[group];
        let new = rule.groups.iter().position(|new| new.name == old.name);
        if let (Some(Of::State(state)), Some(new)) = (self.says.of, new) {
            let of = rule.groups[new].states.iter().position(|s| s.name == old.states[state].name);
            self.says.of = Some(of.map_or(Of::Gone, Of::State));
        }
        self.says.group = new;
    }
}

fn states(run: &GroupRun, was: &Group, group: &Group, same: &dyn Fn(usize, usize) -> bool) -> Vec<StateRun> {
    let state = |(place, state): (usize, &super::model::State)| {
        let Some(old) = was.states.iter().position(|old| old.name == state.name) else {
            return StateRun::default();
        };
        let run = run.states[old].clone();
        if same(place, old) { run } else { run.moved() }
    };
    group.states.iter().enumerate().map(state).collect()
}
