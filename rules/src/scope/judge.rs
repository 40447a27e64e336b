//! What is judged of a scope, and when an instance moves.
//!
//! Here: programs, instances, the telling of what has changed. Not here: what was touched (`instant`), what a condition
//! means (`condition`).
//! Invariant: where no program says something else and nothing is due, an instance is as it was.

use std::sync::Arc;

use crate::sight::Sight;
use crate::timers::Timer;
use crate::touched::Reader;

use super::{Going, Scope};

impl Scope {
    /// Moves an instance on at the watermark: somebody did something to it between two instants, which is no reason to
    /// judge its conditions anew.
    pub(crate) fn judge_again(&mut self, i: usize, going: &mut Going<'_>) {
        if let Some(begin) = self.unknown_counts_from() {
            self.move_on(i, self.watermark, begin, going);
        }
    }

    /// Judges what was touched of an instance; where nothing is said anew and nothing is due, nothing else happens.
    pub(super) fn judge(&mut self, readers: &[Reader], now: i64, begin: i64, going: &mut Going<'_>) {
        let Some(i) = readers.first().map(|r| r.instance as usize) else { return };
        let mut moves = false;
        let slots = std::mem::take(&mut self.instances[i].signals);
        for reader in readers {
            moves |= reader.judged().is_none_or(|program| self.judge_program(i, program, &slots, now, going));
        }
        self.instances[i].signals = slots;
        if moves {
            self.move_on(i, now, begin, going);
        }
    }

    /// Judges an instance of which nothing is known to be as it was.
    pub(super) fn judge_whole(&mut self, i: usize, now: i64, begin: i64, going: &mut Going<'_>) {
        let slots = std::mem::take(&mut self.instances[i].signals);
        for program in 0..self.instances[i].verdicts.len() {
            self.judge_program(i, program, &slots, now, going);
        }
        self.instances[i].signals = slots;
        self.move_on(i, now, begin, going);
    }

    /// True: the program says something else than before.
    fn judge_program(
        &mut self,
        i: usize,
        program: usize,
        slots: &[usize],
        now: i64,
        going: &Going<'_>,
    ) -> bool {
        let instance = &mut self.instances[i];
        let looks_through = instance.windows_of(program);
        self.windows.pass(i, looks_through, now);
        let plan = (!looks_through.is_empty()).then(|| Arc::clone(&instance.plan));
        let (signals, windows, zone) = (&self.signals, &self.windows, going.zone);
        let through = plan.as_deref().map(|plan| (i, plan));
        instance.judge(program, &Sight { signals, slots, windows, through, zone, now })
    }

    /// Moves an instance to an instant, on what its programs have said.
    pub(super) fn move_on(&mut self, i: usize, now: i64, begin: i64, going: &mut Going<'_>) {
        let (signals, instance) = (&self.signals, &mut self.instances[i]);
        let moved = instance.advance(now, begin);
        going.tell(instance, signals, moved, (now, self.watermark));
        self.timers.arm_if(Timer::Instance(i), instance.due(now, begin));
    }
}
