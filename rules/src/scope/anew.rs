//! A scope under other rules, or after a clock was set back (§8).
//!
//! It is made anew around what the scope of the same sources knew, or around what the engine knows of sources that
//! nobody here had read. Here: that, and judging everything once. Not here: which scopes there are (`reload`).
//! Invariant: nothing is judged, and nothing falls due, at an instant before the watermark at which it begins.

use proto::Cause;

use super::{Going, Scope};
use crate::engine::Datapoint;
use crate::inventory::{Inventory, SourceId, TagId};
use crate::time::LONG_AGO;
use crate::timers::Timer;
use crate::touched::Touched;
use crate::waiting::Waiting;
use crate::watermark::Clock;

impl Scope {
    /// Takes over time and values of the scope that had these sources before; its instances stay behind.
    pub(crate) fn adopt(&mut self, inventory: &Inventory, old: &mut Self) {
        self.signals.adopt(inventory, &old.signals);
        self.windows.adopt(&old.windows, |signal| self.signals.same_in(signal, &old.signals));
        self.room = std::mem::take(&mut old.room);
        self.goes_on = true;
        self.is_undisturbed = self.watermark <= old.watermark;
        self.watermark = self.watermark.max(old.watermark);
        (self.began, self.last_effective) = (old.began, old.last_effective);
    }

    /// Takes over what is known of a source that was heard before anybody here read it.
    pub(crate) fn meet(&mut self, source: SourceId, clock: Clock) {
        self.signals.meet(source, clock, self.watermark);
    }

    /// Takes a tag's last value, which came before anybody here read it.
    pub(crate) fn seed(&mut self, source: SourceId, tag: TagId, datapoint: &Datapoint, to_come: bool) {
        if datapoint.timestamp <= self.watermark {
            self.signals.seed(tag, datapoint);
        } else if to_come {
            let effective = datapoint.timestamp;
            self.room.enter(Waiting { effective, source, datapoint: datapoint.clone() });
        }
    }

    /// Applies what waits for instants that the watermark has passed already: an instance that came from another scope
    /// has brought its watermark along. Nothing is judged at those instants any more, only at the watermark.
    pub(crate) fn catch_up(&mut self, going: &mut Going<'_>) {
        let mut touched = std::mem::take(&mut self.touched);
        while let Some(instant) = self.room.first().filter(|instant| *instant <= self.watermark) {
            self.apply(instant, going, &mut touched);
            for (window, by_datapoint) in touched.take_windows() {
                self.look_through(window, instant, by_datapoint, going);
            }
        }
        touched.clear();
        self.touched = touched;
    }

    /// Judges every instance at the watermark: the rules have changed between two instants. Of one that goes on under
    /// the same programs, in a scope of which nothing else is known than before, they say what they said.
    pub(crate) fn judge_all(&mut self, going: &mut Going<'_>) {
        let now = self.watermark;
        for (place, contact) in self.signals.contacts_mut().iter_mut().enumerate() {
            if contact.watch() {
                self.timers.arm(Timer::Silence(place), contact.silent_from(going.inventory));
            }
        }
        for signal in 0..self.signals.len() {
            self.arm_signal(signal, going.inventory);
        }
        if self.signals.any_heard() {
            self.begin(now, going.inventory);
        }
        // What would have come before the rules did has come by now.
        self.pass(now, going, &mut Touched::default());
        let Some(begin) = self.unknown_counts_from() else { return };
        self.look_anew(now, going);
        let before = going.told.transitions.len();
        for i in 0..self.instances.len() {
            let carried = std::mem::take(&mut self.instances[i].carried);
            if carried && self.is_undisturbed {
                self.move_on(i, now, begin, going);
            } else {
                self.judge_whole(i, now, begin, going);
            }
        }
        let changed = going.told.transitions[before..].iter_mut();
        for transition in changed.filter(|t| t.from != t.to || t.cause == Cause::Severity) {
            transition.cause = Cause::RuleChanged;
        }
    }

    /// Nobody can say how long the instances were away: the clock was set back to `at`.
    pub(crate) fn forget_break(&mut self, at: i64) {
        let before = std::mem::replace(&mut self.watermark, LONG_AGO);
        self.instances.iter_mut().for_each(|instance| instance.forget_time(before, at));
    }
}
