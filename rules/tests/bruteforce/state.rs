//! One state of a group through time (§6).
//!
//! Here: Off, Pending, On, Clearing, moved on one instant after the other. Not here: votes.
//! Invariant: time is counted, never computed ahead: what ran since the last instant ran under the last guard.

use super::judge::{and, not, or};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Phase {
    #[default]
    Off,
    Pending,
    On,
    Clearing,
}

/// What a state's conditions say at an instant, and what the rule gives it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Judged {
    pub(crate) when: Option<bool>,
    pub(crate) clear: Option<bool>,
    pub(crate) delay: i64,
    pub(crate) hold: i64,
    pub(crate) latch: bool,
    /// `unknown.after`.
    pub(crate) after: i64,
    /// Whether `when`, and `clear`, are Unknown only because of windows that fill.
    pub(crate) fills: [bool; 2],
}

impl Judged {
    /// Whether nothing but windows that fill leaves open whether the state, which is On or not, moves.
    pub(crate) fn only_fills(&self, on: bool) -> bool {
        let clear_decides = on && self.clear.is_none();
        (self.when.is_some() || self.fills[0]) && (!clear_decides || self.fills[1])
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct StateRun {
    pub(crate) phase: Phase,
    counted: i64,
    /// The guard at the last instant, and that instant.
    guard: Option<bool>,
    last: Option<i64>,
    unknown_since: Option<i64>,
    /// When it was entered, and when it was left, last.
    pub(crate) entered: Option<i64>,
    pub(crate) left: Option<i64>,
    /// It was entered under another condition, of which nothing decided yet whether it stays.
    moved: bool,
}

impl StateRun {
    pub(crate) fn is_on(&self) -> bool {
        matches!(self.phase, Phase::On | Phase::Clearing)
    }

    /// The deciding result in its phase.
    pub(crate) fn guard(&self, judged: &Judged) -> Option<bool> {
        match self.phase {
            Phase::Off | Phase::Pending => judged.when,
            Phase::On => and(judged.clear, not(judged.when)),
            Phase::Clearing => or(not(judged.clear), judged.when),
        }
    }

    /// A latched state has no guard; one that was entered under another condition is not latched yet.
    pub(crate) fn is_latched(&self, judged: &Judged) -> bool {
        judged.latch && !self.moved
    }

    /// Somebody has reset it.
    pub(crate) fn let_go(&mut self) {
        (self.phase, self.moved, self.counted) = (Phase::Off, false, 0);
    }

    /// As it stands under another condition.
    pub(crate) fn moved(self) -> Self {
        match self.phase {
            Phase::Off | Phase::Pending => Self::default(),
            Phase::On | Phase::Clearing => Self {
                phase: Phase::On,
                moved: true,
                entered: self.entered,
                left: self.left,
                ..Self::default()
            },
        }
    }

    pub(crate) fn advance(&mut self, t: i64, judged: &Judged) {
        self.count(t);
        self.give_up(t, judged.after);
        if self.moved
            && let Some(over) = self.guard(judged)
        {
            self.moved = false;
            if over {
                self.phase = self.leave(t);
            }
        }
        let guard = self.guard(judged);
        self.phase = match (self.phase, guard) {
            (Phase::Off, Some(true)) if judged.delay > 0 => self.begin(Phase::Pending),
            (Phase::Pending, Some(false)) => Phase::Off,
            (Phase::Off | Phase::Pending, Some(true)) if self.counted >= judged.delay => {
                self.entered = Some(t);
                Phase::On
            }
            (Phase::On | Phase::Clearing, _) if self.is_latched(judged) => Phase::On,
            (Phase::On, Some(true)) if judged.hold > 0 => self.begin(Phase::Clearing),
            (Phase::Clearing, Some(true)) => Phase::On,
            (Phase::On, Some(true)) => self.leave(t),
            (Phase::Clearing, Some(false)) if self.counted >= judged.hold => self.leave(t),
            (phase, _) => phase,
        };
        if !matches!(self.phase, Phase::Pending | Phase::Clearing) {
            self.counted = 0;
        }
        self.guard = self.guard(judged);
        self.last = Some(t);
        self.unknown_since = if self.guard.is_none() { self.unknown_since.or(Some(t)) } else { None };
    }

    fn count(&mut self, t: i64) {
        let runs = match self.phase {
            Phase::Pending => self.guard == Some(true),
            Phase::Clearing => self.guard == Some(false),
            Phase::Off | Phase::On => false,
        };
        if let Some(last) = self.last.filter(|_| runs) {
            self.counted += t - last;
        }
    }

    fn give_up(&mut self, t: i64, after: i64) {
        if self.unknown_since.is_some_and(|since| t - since > after) {
            self.phase = match self.phase {
                Phase::Pending => Phase::Off,
                Phase::Clearing => Phase::On,
                phase => phase,
            };
            self.counted = 0;
        }
    }

    fn begin(&mut self, phase: Phase) -> Phase {
        self.counted = 0;
        phase
    }

    fn leave(&mut self, t: i64) -> Phase {
        self.left = Some(t);
        Phase::Off
    }

    /// The agent stopped when time had come to this instant; from there on nothing is known.
    pub(crate) fn pause(&mut self, t: Option<i64>) {
        if let Some(t) = t {
            self.count(t);
        }
        self.last = None;
        self.unknown_since = match (self.guard, t) {
            (None, Some(_)) => self.unknown_since.or(t),
            (_, t) => t,
        };
        self.guard = None;
    }

    /// Nobody can say how long it was paused.
    pub(crate) fn forget_break(&mut self) {
        self.unknown_since = None;
    }
}
