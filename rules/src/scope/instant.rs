//! One instant of a scope (§3.8): all its datapoints are applied; staleness; every condition is judged once; timers;
//! groups; rules. So a value that changes exactly when a timer is due prevents it, and a scan gives no false states in
//! between.
//!
//! Here: what is applied, and what time alone brings about. Not here: judging (`judge`), which instants there are
//! (`scope`).
//! Invariant: nothing is judged before all of the instant is applied.

use crate::contact::Renewed;
use crate::engine::Subject;
use crate::inventory::Inventory;
use crate::sight::Sight;
use crate::timers::Timer;
use crate::touched::Touched;
use crate::windows::Windows;

use super::{Going, Scope};

impl Scope {
    pub(super) fn handle(&mut self, now: i64, going: &mut Going<'_>) {
        let mut touched = std::mem::take(&mut self.touched);
        self.apply(now, going, &mut touched);
        self.pass(now, going, &mut touched);
        for (window, by_datapoint) in touched.take_windows() {
            self.look_through(window, now, by_datapoint, going);
            // That it goes stale or returns shows at the next cell, like all that only time brings.
            if by_datapoint {
                touched.add(&self.windows.get(window).readers);
            }
        }
        if let Some(begin) = self.unknown_counts_from() {
            if touched.all {
                self.look_anew(now, going);
                (0..self.instances.len()).for_each(|i| self.judge_whole(i, now, begin, going));
            } else {
                let by_instance = touched.in_order().chunk_by(|a, b| a.instance == b.instance);
                by_instance.for_each(|readers| self.judge(readers, now, begin, going));
            }
        }
        touched.clear();
        self.touched = touched;
    }

    /// All datapoints of the instant.
    pub(super) fn apply(&mut self, now: i64, going: &mut Going<'_>, touched: &mut Touched) {
        let mut renewed = std::mem::take(&mut self.renewed);
        let heard_before = self.signals.all_heard().is_some();
        let mut any = false;
        while let Some(waiting) = self.room.leave_at(now) {
            any = true;
            let is_tag = matches!(waiting.datapoint.subject, Subject::Tag(_));
            if self.signals.apply(going.inventory, waiting, touched, &mut renewed) {
                going.counts.applied += u64::from(is_tag);
            } else {
                going.counts.dropped += 1;
            }
        }
        if any && self.began.is_none() {
            self.begin(now, going.inventory);
            touched.all = true;
        } else if !heard_before && self.signals.all_heard().is_some() {
            // What they wait for comes at another time now, but says what it said.
            (0..self.instances.len()).for_each(|i| touched.due(i));
        }
        self.arm_renewed(&mut renewed, now, going.inventory);
        self.renewed = renewed;
    }

    fn arm_renewed(&mut self, renewed: &mut Renewed, now: i64, inventory: &Inventory) {
        for contact in renewed.contacts.drain(..) {
            let due = self.signals.contacts_mut()[contact].silent_from(inventory);
            self.timers.arm(Timer::Silence(contact), due);
        }
        for signal in renewed.signals.drain(..) {
            self.arm_signal(signal, inventory);
            self.arm_ages(signal, now);
        }
    }

    /// The timer of a source has come.
    fn look_for_silence(&mut self, contact: usize, now: i64, inventory: &Inventory, touched: &mut Touched) {
        let due = self.signals.contacts_mut()[contact].silent_from(inventory);
        if due > now {
            return self.timers.arm(Timer::Silence(contact), due);
        }
        let mut renewed = std::mem::take(&mut self.renewed);
        self.signals.fall_silent(inventory, (contact, now), touched, &mut renewed);
        self.arm_renewed(&mut renewed, now, inventory);
        self.renewed = renewed;
    }

    /// All timers of the instant: staleness, then what instances have due.
    pub(super) fn pass(&mut self, now: i64, going: &mut Going<'_>, touched: &mut Touched) {
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Begin => {
                    if self.began.is_none() {
                        // Nothing was heard: the sources have been waited for already.
                        self.began = Some((now, now));
                        touched.all = true;
                    }
                }
                Timer::Instance(i) => touched.due(i),
                Timer::Silence(contact) => self.look_for_silence(contact, now, going.inventory, touched),
                Timer::Cell(window) => {
                    self.timers.arm_if(timer, self.windows.tick(window, now));
                    touched.add(&self.windows.get(window).readers);
                }
                Timer::Age(age) => {
                    let (signal, _, reader) = self.ages[age];
                    touched.add(&[reader]);
                    self.arm_ages(signal, now);
                }
                Timer::Hour => {
                    touched.add(&self.calendar);
                    self.timers.arm_if(timer, going.zone.next_hour(now));
                }
                Timer::Stale(s) => match self.signals.stale_due(going.inventory, s) {
                    Some(later) if later > now => self.arm_signal(s, going.inventory),
                    Some(_) => self.signals.go_stale(going.inventory, s, touched),
                    None => {}
                },
            }
        }
    }

    /// A window's argument may give something else, or was sampled.
    pub(super) fn look_through(&mut self, window: usize, now: i64, by_datapoint: bool, going: &Going<'_>) {
        let kept = self.windows.get(window);
        let no_windows = Windows::default();
        let seen = Sight {
            signals: &self.signals,
            slots: &kept.signals,
            windows: &no_windows,
            through: None,
            zone: going.zone,
            now,
        };
        let value = kept.window().argument.value(&seen);
        self.windows.take(window, now, &value, by_datapoint);
        self.timers.arm_if(Timer::Cell(window), self.windows.tick(window, now));
    }

    /// Everything is to be judged: windows, ages and the calendar are looked at as if for the first time.
    pub(super) fn look_anew(&mut self, now: i64, going: &Going<'_>) {
        for window in 0..self.windows.len() {
            self.look_through(window, now, false, going);
        }
        for age in 0..self.ages.len() {
            self.arm_ages(self.ages[age].0, now);
        }
        if !self.calendar.is_empty() {
            self.timers.arm_if(Timer::Hour, going.zone.next_hour(now));
        }
    }

    fn arm_ages(&mut self, signal: usize, now: i64) {
        let Some(sampled) = self.signals.cell(signal).timestamp else { return };
        for age in self.signals.ages(signal) {
            let due = Some(sampled + self.ages[*age].1).filter(|due| *due > now);
            self.timers.arm_if(Timer::Age(*age), due);
        }
    }

    pub(super) fn arm_signal(&mut self, signal: usize, inventory: &Inventory) {
        // A deadline only ever moves back: the timer that is there finds that out when it comes.
        if !self.signals.is_watched(inventory, signal) && !self.timers.is_armed(Timer::Stale(signal)) {
            self.timers.arm_if(Timer::Stale(signal), self.signals.stale_due(inventory, signal));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proto::{Flags, Quality};

    use crate::diagnose::Report;
    use crate::engine::{Batch, Datapoint, Engine, Identity, Input, Options, Outputs, Subject};
    use crate::inventory::{Inventory, Machine, Source, SourceId, Tag, TagId};
    use crate::ruleset::RuleSet;
    use crate::value::{Type, Value};

    const RULES: &str =
        "[rule.a]\non = 'm'\nwhen = 'not good(a)'\n[rule.b]\non = 'm'\nwhen = 'not good(b)'\n";

    fn engine() -> Engine {
        let mut inventory = Inventory::default();
        let machine =
            inventory.add_machine(Machine { name: "m".into(), id: "m".into(), ..Machine::default() });
        let source = Source { id: "s".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for name in ["a", "b"] {
            let tag = Tag { machine, source, name: name.into(), kind: Type::Float, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
        }
        let inventory = Arc::new(inventory);
        let mut report = Report::default();
        let file = report.add_file("r.toml", RULES);
        let rules = RuleSet::load(&mut report, &[file], &inventory);
        let identity = Identity { agent_id: "x".into(), incarnation: "0".into(), site: None };
        Engine::new(inventory, &rules, identity, Options::default(), 0, &BTreeMap::new()).0
    }

    /// A tag, or a heartbeat; all promise that nothing older follows.
    fn say(engine: &mut Engine, tag: Option<u32>, timestamp: i64, at: i64) -> Vec<String> {
        let subject = tag.map_or(Subject::Heartbeat, |tag| Subject::Tag(TagId(tag)));
        let (value, quality, flags) = (Ok(Value::Float(1.0)), Quality::Ok, Flags::WMK);
        let datapoint = Datapoint { subject, timestamp, value, quality, flags, sequence: timestamp as u64 };
        told(&engine.step(Input::Datapoints(Batch { source: SourceId(0), datapoints: vec![datapoint] }), at))
    }

    fn told(outputs: &Outputs) -> Vec<String> {
        outputs.transitions.iter().map(|t| format!("{} {} {}", t.timestamp, t.rule_id, t.to)).collect()
    }

    #[test]
    fn one_timer_stands_for_all_tags_of_a_source_but_for_one_that_came_late() {
        let mut engine = engine();
        say(&mut engine, Some(0), 1_000, 1_000);
        say(&mut engine, Some(1), 1_001, 1_001);
        say(&mut engine, None, 5_000, 5_000);
        let timers = |engine: &Engine| engine.scopes[0].timers.of_signals();
        assert_eq!(timers(&engine), 0, "both tags wait for the silence of their source");
        assert_eq!(say(&mut engine, Some(1), 4_000, 5_000), [""; 0], "late: it is applied at 5,001");
        // The source is idle, and the watermark follows the clock: 1 s behind it.
        assert_eq!(told(&engine.step(Input::Clock, 36_000)), ["35000 a Active"]);
        assert_eq!(timers(&engine), 1, "that which came late has a deadline of its own");
        assert_eq!(told(&engine.step(Input::Clock, 36_001)), ["35001 b Active"]);
        assert_eq!(timers(&engine), 0);
        let back = say(&mut engine, None, 40_000, 40_000);
        assert_eq!(back, ["40000 a Normal", "40000 b Normal"], "the source lives, and so do its values");
        assert_eq!(told(&engine.step(Input::Clock, 72_000)), ["70000 a Active", "70000 b Active"]);
    }
}
