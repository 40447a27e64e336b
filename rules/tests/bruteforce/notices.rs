//! Who is notified, and when again (§7.9).
//!
//! Here: the actions that are repeated while a state lasts. Not here: which states those are (`instance`).
//! Invariant: while the rule is silent nobody is told, but time runs on.

use super::model::Action;
use super::says::Says;

/// An action that is repeated.
#[derive(Debug, Clone)]
struct Repeated {
    action: Action,
    of: u64,
    n: u32,
    /// When it is told again.
    due: i64,
    /// After a break: what was left then.
    left: Option<i64>,
}

/// Somebody is told: the target, which time, and of which transition.
pub(crate) type Word = (&'static str, u32, u64);

#[derive(Debug, Clone, Default)]
pub(crate) struct Notices(Vec<Repeated>);

impl Notices {
    /// A state was entered by transition `of`.
    pub(crate) fn enter(
        &mut self,
        actions: &[Action],
        t: i64,
        of: u64,
        says: &Says,
        silent: bool,
    ) -> Vec<Word> {
        self.0.clear();
        let mut words = Vec::new();
        for action in actions.iter().filter(|action| is_for(action, says) && !silent) {
            words.push((action.notify, 1, of));
            if let Some(repeat) = action.repeat {
                self.0.push(Repeated { action: action.clone(), of, n: 1, due: t + repeat, left: None });
            }
        }
        words
    }

    /// The severity under the same name has fallen: who is told of severe states only is told no more.
    pub(crate) fn fall(&mut self, says: &Says) {
        self.0.retain(|repeated| is_for(&repeated.action, says));
    }

    /// Time has come to `t`, and what is known reaches to `mark`: of what lies between the last is told.
    pub(crate) fn pass(&mut self, t: i64, mark: i64, silent: bool) -> Vec<Word> {
        let mut words = Vec::new();
        for repeated in &mut self.0 {
            let Some(repeat) = repeated.action.repeat else { continue };
            if let Some(left) = repeated.left.take() {
                repeated.due = t + left.max(1);
            }
            if repeated.due > t {
                continue;
            }
            repeated.due = t + repeat;
            if repeated.due > mark && !silent {
                repeated.n += 1;
                words.push((repeated.action.notify, repeated.n, repeated.of));
            }
        }
        words
    }

    /// Time stands still from an instant on.
    pub(crate) fn pause(&mut self, t: Option<i64>) {
        for repeated in &mut self.0 {
            if let (Some(t), None) = (t, repeated.left) {
                repeated.left = Some((repeated.due - t).max(0));
            }
        }
    }

    /// Other actions: what they do not repeat any more ends.
    pub(crate) fn edit(&mut self, actions: &[Action]) {
        self.0.retain_mut(|repeated| {
            let same = |a: &&Action| a.notify == repeated.action.notify && a.to == repeated.action.to;
            let Some(action) = actions.iter().find(same) else { return false };
            repeated.action = action.clone();
            action.repeat.is_some()
        });
    }
}

fn is_for(action: &Action, says: &Says) -> bool {
    if action.to.is_empty() { says.matters() } else { action.to.contains(&says.name) }
}
