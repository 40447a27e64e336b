//! Actions (§7.9): who is notified of a state, at the transition and again while it lasts.
//!
//! Here: which actions run, and when they are due. Not here: the notification itself (`telling`), who the targets are.
//! Invariant: nobody is notified while the instance is silent; the timer of a repetition runs on in that time. However
//! far event time leaps, what it passes over is told once.

use proto::Severity;
use serde::{Deserialize, Serialize};

use crate::file::Action;
use crate::time::{self, Millis};

/// An action that is repeated while its state lasts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Running {
    /// What the action is found again by.
    pub(crate) target: String,
    pub(crate) to: Vec<String>,
    /// The transition that it tells of.
    pub(crate) transition: String,
    /// How often it was told.
    pub(crate) n: u32,
    /// When it is told again.
    pub(crate) due: Due,
}

/// When something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Due {
    /// At this instant.
    At(i64),
    /// After so long, ms: time stands still.
    In(Millis),
}

/// Somebody is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) target: String,
    pub(crate) transition: String,
    pub(crate) n: u32,
}

impl Running {
    /// Whether it can have been written by an engine.
    pub(crate) fn is_plausible(&self) -> bool {
        match self.due {
            Due::At(instant) => time::are_bounded([instant]),
            Due::In(left) => time::are_bounded([left]),
        }
    }

    /// As it stands after a break that began at `until`.
    pub(crate) fn pause(&mut self, until: i64) {
        if let Due::At(instant) = self.due {
            self.due = Due::In((instant - until).max(0));
        }
    }

    /// Whether it goes on in a state that was not entered anew.
    pub(crate) fn is_for(&self, state: &str, severity: Severity) -> bool {
        if self.to.is_empty() { severity >= Severity::Warning } else { self.to.iter().any(|to| to == state) }
    }

    /// Whether one of the actions still repeats it.
    pub(crate) fn is_repeated(&self, actions: &[Action]) -> bool {
        actions.iter().any(|action| self.is(action) && action.repeat.is_some_and(|repeat| repeat > 0))
    }

    fn is(&self, action: &Action) -> bool {
        self.target == action.notify.value && action.to.iter().map(|to| &to.value).eq(&self.to)
    }
}

/// Whether an action is for a state.
pub(crate) fn is_for(action: &Action, state: &str, severity: Severity) -> bool {
    if action.to.is_empty() {
        severity >= Severity::Warning
    } else {
        action.to.iter().any(|to| to.value == state)
    }
}

/// Starts the actions of a state that was entered by a transition.
pub(crate) fn start(
    actions: &[Action],
    (state, severity): (&str, Severity),
    transition: &str,
    now: i64,
    running: &mut Vec<Running>,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    for action in actions.iter().filter(|action| is_for(action, state, severity)) {
        let target = action.notify.value.clone();
        notices.push(Notice { target: target.clone(), transition: transition.to_owned(), n: 1 });
        if let Some(repeat) = action.repeat.filter(|repeat| *repeat > 0) {
            let to = action.to.iter().map(|to| to.value.clone()).collect();
            let (transition, due) = (transition.to_owned(), Due::At(now + repeat));
            running.push(Running { target, to, transition, n: 1, due });
        }
    }
    notices
}

/// Time goes on after a break, and what is due is told, unless the instance is silent. The rule may have been edited:
/// what it does not repeat any more ends. Of what is due by the `watermark` only the last is told: when a source is
/// heard again after a weekend, or a clock is set right, nobody is told of every minute in between.
pub(crate) fn repeat(
    actions: &[Action],
    (now, watermark): (i64, i64),
    silent: bool,
    running: &mut Vec<Running>,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    running.retain_mut(|run| {
        let Some(repeat) = actions.iter().find(|a| run.is(a)).and_then(|a| a.repeat).filter(|r| *r > 0)
        else {
            return false;
        };
        let due = match run.due {
            Due::At(instant) => instant,
            Due::In(left) => now + left.max(1),
        };
        let leapt_over = if due <= now { (watermark - due).max(0) / repeat } else { 0 };
        let due = due + leapt_over * repeat;
        run.due = Due::At(due);
        if due <= now {
            run.due = Due::At(now + repeat);
            if !silent {
                run.n = run.n.saturating_add(1);
                let (target, transition) = (run.target.clone(), run.transition.clone());
                notices.push(Notice { target, transition, n: run.n });
            }
        }
        true
    });
    notices
}

/// The next instant after `now` at which something is told again.
pub(crate) fn due(running: &[Running], now: i64) -> Option<i64> {
    let at = |run: &Running| match run.due {
        Due::At(instant) => Some(instant),
        Due::In(_) => None,
    };
    running.iter().filter_map(at).filter(|instant| *instant > now).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Placed;

    fn action(to: &[&str], repeat: Option<Millis>) -> Action {
        let placed = |text: &str| Placed { value: text.to_owned(), span: 0..0 };
        Action { to: to.iter().map(|to| placed(to)).collect(), notify: placed("shift-lead"), repeat }
    }

    fn told(notices: &[Notice]) -> Vec<u32> {
        notices.iter().map(|notice| notice.n).collect()
    }

    #[test]
    fn it_is_told_at_once_and_again_while_the_state_lasts() {
        let actions = [action(&["Hot"], Some(10)), action(&["Cold"], None)];
        let mut running = Vec::new();
        let at_once = start(&actions, ("Hot", Severity::Info), "t1", 5, &mut running);
        assert_eq!((told(&at_once), due(&running, 5)), (vec![1], Some(15)));
        assert_eq!(told(&repeat(&actions, (14, 14), false, &mut running)), [0; 0]);
        assert_eq!(told(&repeat(&actions, (15, 15), false, &mut running)), [2]);
        assert_eq!(
            told(&repeat(&actions, (25, 25), true, &mut running)),
            [0; 0],
            "silent, but the timer runs on"
        );
        assert_eq!(told(&repeat(&actions, (35, 35), false, &mut running)), [3]);
    }

    #[test]
    fn of_what_time_leaps_over_the_last_is_told() {
        let actions = [action(&["Hot"], Some(10))];
        let mut running = Vec::new();
        start(&actions, ("Hot", Severity::Info), "t1", 5, &mut running);
        assert_eq!(told(&repeat(&actions, (15, 1_000_000), false, &mut running)), [0; 0]);
        assert_eq!(due(&running, 15), Some(999_995));
        assert_eq!(told(&repeat(&actions, (999_995, 1_000_000), false, &mut running)), [2]);
        assert_eq!(due(&running, 999_995), Some(1_000_005));
    }

    #[test]
    fn an_action_for_no_state_is_for_all_that_matter() {
        let all = action(&[], None);
        assert!(is_for(&all, "Any", Severity::Warning) && !is_for(&all, "Any", Severity::Info));
    }

    #[test]
    fn a_break_counts_for_nothing() {
        let actions = [action(&["Hot"], Some(10))];
        let mut running = Vec::new();
        start(&actions, ("Hot", Severity::Info), "t1", 5, &mut running);
        running[0].pause(9);
        assert_eq!((running[0].due, due(&running, 9)), (Due::In(6), None));
        assert_eq!(told(&repeat(&actions, (1_000, 1_000), false, &mut running)), [0; 0]);
        assert_eq!(due(&running, 1_000), Some(1_006));
    }

    #[test]
    fn an_edited_rule_ends_what_it_does_not_repeat_any_more() {
        let mut running = Vec::new();
        start(&[action(&["Hot"], Some(10))], ("Hot", Severity::Info), "t1", 5, &mut running);
        assert_eq!(told(&repeat(&[action(&["Hot"], None)], (15, 15), false, &mut running)), [0; 0]);
        assert!(running.is_empty());
    }
}
