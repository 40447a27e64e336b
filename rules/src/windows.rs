//! The windows of a scope, each once for all rules that look through it (§5).
//!
//! A window is of a signal (or of an expression over signals) and a length; what functions make of it they make
//! of the same cells.
//!
//! They begin empty: after a restart, and for a rule that is new, only time counts that was seen. A reload keeps them.
//!
//! Here: which there are, who looks through them, when they tick. Not here: what is in them (`window`), when programs
//! are judged (`scope`).
//! Invariant: one history a signal and length, whatever the number of rules.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::ruleset::{Plan, Window};
use crate::touched::Reader;
use crate::value::Held;
use crate::window::History;

/// What a window takes beside its cells.
pub(crate) const KEPT_BYTES: usize = size_of::<Kept>() - size_of::<History>();

/// One window.
#[derive(Debug)]
pub(crate) struct Kept {
    history: History,
    /// The first plan that has it, the window's place there, and the signals behind the plan's slots.
    plan: Arc<Plan>,
    place: usize,
    pub(crate) signals: Vec<usize>,
    /// Programs that look through it.
    pub(crate) readers: Vec<Reader>,
}

/// All windows of a scope.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    all: Vec<Kept>,
    /// Those over a signal, and of a length, first.
    by_signal: FxHashMap<(usize, i64), Vec<usize>>,
    /// For each instance the windows behind its plan's.
    of_instances: Vec<Box<[usize]>>,
}

impl Kept {
    pub(crate) fn window(&self) -> &Window {
        &self.plan.windows[self.place]
    }

    /// Whether it is over the same values as another plan's window.
    fn is(&self, window: &Window, signals: &[usize]) -> bool {
        let own = self.window();
        if (own.length, own.counter) != (window.length, window.counter) {
            return false;
        }
        match (own.argument.plain_slot(), window.argument.plain_slot()) {
            (Some(a), Some(b)) => self.signals[a] == signals[b],
            (None, None) => {
                let same_signal = |slot: &usize| self.signals.get(*slot) == signals.get(*slot);
                own.argument == window.argument && window.slots.iter().all(same_signal)
            }
            _ => false,
        }
    }
}

/// What windows over the same values have in common: their first signal, and their length.
fn key(window: &Window, signals: &[usize]) -> (usize, i64) {
    (window.slots.first().map_or(usize::MAX, |slot| signals[*slot]), window.length)
}

impl Windows {
    /// Adds the next instance's windows. `new` hears of each that nobody had before, with the signals it is over.
    pub(crate) fn add(&mut self, plan: &Arc<Plan>, signals: &[usize], mut new: impl FnMut(usize, usize)) {
        let instance = self.of_instances.len();
        let mut own = Vec::with_capacity(plan.windows.len());
        for (place, window) in plan.windows.iter().enumerate() {
            own.push(self.find(window, signals).unwrap_or_else(|| {
                let history = History::new(window.length, window.counter);
                let (plan, signals) = (Arc::clone(plan), signals.to_vec());
                for slot in &window.slots {
                    new(signals[*slot], self.all.len());
                }
                self.all.push(Kept { history, plan, place, signals, readers: Vec::new() });
                let last = self.all.len() - 1;
                self.by_signal.entry(key(window, &self.all[last].signals)).or_default().push(last);
                last
            }));
        }
        for (program, bound) in plan.programs.iter().enumerate() {
            for window in &bound.windows {
                let readers = &mut self.all[own[*window]].readers;
                let reader = Reader::new(instance, program);
                if readers.last() != Some(&reader) {
                    readers.push(reader);
                }
            }
        }
        self.of_instances.push(own.into_boxed_slice());
    }

    /// The window over the same values.
    fn find(&self, window: &Window, signals: &[usize]) -> Option<usize> {
        let near = self.by_signal.get(&key(window, signals))?;
        near.iter().copied().find(|i| self.all[*i].is(window, signals))
    }

    /// Takes over what another scope's windows remember. `place` tells the old signal that a new one continues.
    pub(crate) fn adopt(&mut self, old: &Self, place: impl Fn(usize) -> Option<usize>) {
        for kept in &mut self.all {
            let signals: Vec<usize> =
                kept.signals.iter().map(|signal| place(*signal).unwrap_or(usize::MAX)).collect();
            if let Some(same) = old.find(kept.window(), &signals) {
                kept.history = old.all[same].history.clone();
            }
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// What they take of memory, without the table that they are found in.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let of_one = |kept: &Kept| {
            let lists =
                kept.signals.capacity() * size_of::<usize>() + kept.readers.capacity() * size_of::<Reader>();
            kept.history.bytes() + lists
        };
        (self.all.capacity() - self.all.len()) * size_of::<Kept>()
            + self.all.len() * KEPT_BYTES
            + self.all.iter().map(of_one).sum::<usize>()
    }

    pub(crate) fn get(&self, window: usize) -> &Kept {
        &self.all[window]
    }

    /// Takes what a window's argument gives now.
    pub(crate) fn take(&mut self, window: usize, now: i64, value: &Held, is_sample: bool) {
        self.all[window].history.take(now, value, is_sample);
    }

    /// Lets time pass in what a program looks through.
    pub(crate) fn pass(&mut self, instance: usize, windows: &[usize], now: i64) {
        for window in windows {
            self.all[self.of_instances[instance][*window]].history.pass(now);
        }
    }

    /// A cell begins. The next one to come, if that can change anything.
    pub(crate) fn tick(&mut self, window: usize, now: i64) -> Option<i64> {
        let history = &mut self.all[window].history;
        history.pass(now);
        history.changes_by_time().then(|| history.next_tick(now))
    }

    /// What a window of an instance's plan amounts to.
    pub(crate) fn result(&self, instance: usize, plan: &Plan, window: usize) -> Held {
        let Window { function, coverage, .. } = plan.windows[window];
        self.all[self.of_instances[instance][window]].history.result(function, coverage)
    }

    /// Whether a window of an instance's plan could not be full yet, and that alone keeps it from being known.
    pub(crate) fn is_filling(&self, instance: usize, plan: &Plan, window: usize) -> bool {
        self.all[self.of_instances[instance][window]].history.is_filling(plan.windows[window].coverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    use proto::{Flags, Quality};

    use crate::calendar::Zone;
    use crate::diagnose::Report;
    use crate::engine::{Batch, Datapoint, Engine, Identity, Input, Options, Subject};
    use crate::inventory::{Inventory, Machine, Source, SourceId, Tag, TagId};
    use crate::ruleset::RuleSet;
    use crate::value::{Type, Value};

    struct Bench {
        engine: Engine,
        inventory: Arc<Inventory>,
        sequence: u64,
    }

    impl Bench {
        fn new(conditions: &[&str], stale_after: &str) -> Self {
            let mut inventory = Inventory::default();
            let named = Machine { name: "m".into(), id: "m".into(), ..Machine::default() };
            let machine = inventory.add_machine(named);
            let source =
                Source { id: "s".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
            let source = inventory.add_source(source);
            let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
            let inventory = Arc::new(inventory);
            let rules = rules(&inventory, conditions, stale_after);
            let zone = Zone::named("Asia/Kathmandu").unwrap();
            let options = Options { zone, ..Options::default() };
            let identity = Identity { agent_id: "x".into(), incarnation: "0".into(), site: None };
            let (engine, _) =
                Engine::new(Arc::clone(&inventory), &rules, identity, options, 0, &BTreeMap::new());
            Self { engine, inventory, sequence: 0 }
        }

        fn say(&mut self, now: i64, value: Option<f64>) -> Vec<String> {
            self.sequence += 1;
            let subject = if value.is_some() { Subject::Tag(TagId(0)) } else { Subject::Heartbeat };
            let value = value.map(Value::Float).ok_or(crate::value::Unknown::NeverSeen);
            let (quality, flags, sequence) = (Quality::Ok, Flags::WMK, self.sequence);
            let datapoint = Datapoint { subject, timestamp: now, value, quality, flags, sequence };
            let batch = Batch { source: SourceId(0), datapoints: vec![datapoint] };
            let outputs = self.engine.step(Input::Datapoints(batch), now);
            outputs.transitions.iter().map(|t| format!("{} {} {}", t.timestamp, t.rule_id, t.to)).collect()
        }

        fn histories(&self) -> usize {
            self.engine.scopes.iter().map(|s| s.windows().len()).sum()
        }
    }

    fn rules(inventory: &Inventory, conditions: &[&str], stale_after: &str) -> RuleSet {
        let rule = |(i, when): (usize, &&str)| {
            format!("[rule.r{i}]\non = 'm'\nwhen = '{when}'\nstale_after = '{stale_after}'\n")
        };
        let mut report = Report::default();
        let file = report.add_file("r.toml", conditions.iter().enumerate().map(rule).collect::<String>());
        let rules = RuleSet::load(&mut report, &[file], inventory);
        assert_eq!(report.errors(), 0, "{}", report.render(false));
        rules
    }

    #[test]
    fn rules_that_look_at_the_same_share_what_is_remembered() {
        let three = ["avg(t, 10 s) > 4", "t > 0 and max(t, 10 s) > 5", "max(t, 20 s) > 5"];
        assert_eq!(Bench::new(&three, "never").histories(), 2);
    }

    #[test]
    fn a_window_is_judged_at_datapoints_and_at_the_beginnings_of_cells() {
        let mut bench = Bench::new(&["avg(t, 10 s) > 4"], "never");
        assert_eq!(bench.say(500, Some(0.0)), [""; 0], "nothing is known yet");
        assert_eq!(bench.say(9_000, Some(10.0)), ["9000 r0 Normal"], "8.5 of 10 s are known");
        // From 4 s on: 5 s of 0 and 5 s of 10.
        assert_eq!(bench.say(14_500, None), ["14000 r0 Active"]);
        assert_eq!(bench.say(40_000, Some(0.0)), [""; 0]);
        assert_eq!(bench.say(60_000, None), ["46000 r0 Normal"]);
        assert_eq!(bench.engine.deadline(), Some(90_001), "no tick is left, only the source's timeout");
    }

    #[test]
    fn a_silent_source_empties_the_window_and_its_return_fills_it() {
        let mut bench = Bench::new(&["min(t, 10 s) > 4"], "5 s");
        bench.say(0, Some(6.0));
        bench.say(9_000, Some(6.0));
        let said = bench.say(20_000, Some(7.0));
        assert_eq!(said, [""; 0], "it was stale from 5 to 9 and from 14 to 20 s: never enough was known");
    }

    #[test]
    fn a_reload_keeps_what_windows_remember() {
        let average = ["avg(t, 10 s) > 4"];
        let mut bench = Bench::new(&average, "never");
        bench.say(0, Some(9.0));
        assert_eq!(bench.say(9_500, None), ["8000 r0 Active"]);
        let again = rules(&bench.inventory, &average, "never");
        assert_eq!(bench.engine.step(Input::Rules(again), 9_500).transitions, []);
        let ten = ["avg(t, 10 s) > 10"];
        let other = rules(&bench.inventory, &ten, "never");
        let said = bench.engine.step(Input::Rules(other), 9_500).transitions;
        assert_eq!(said.len(), 1, "it is judged at once, on the same average: {said:?}");
    }

    #[test]
    fn an_age_is_judged_when_it_is_passed() {
        let mut bench = Bench::new(&["age(t) > 3 s"], "never");
        assert_eq!(bench.say(1_000, Some(5.0)), ["1000 r0 Normal"]);
        assert_eq!(bench.say(3_999, Some(5.0)), [""; 0]);
        assert_eq!(bench.say(8_000, None), ["7000 r0 Active"]);
        assert_eq!(bench.say(9_000, Some(5.0)), ["9000 r0 Normal"], "the same value, but young again");
    }

    #[test]
    fn the_value_before_is_that_of_the_last_sample_but_one() {
        let mut bench = Bench::new(&["prev(t) > 5"], "never");
        bench.say(1_000, Some(1.0));
        assert_eq!(bench.say(2_000, Some(9.0)), ["2000 r0 Normal"]);
        assert_eq!(
            bench.say(3_000, Some(9.0)),
            ["3000 r0 Active"],
            "the value did not change, the one before did"
        );
        assert_eq!(bench.say(4_000, Some(1.0)), [""; 0]);
        assert_eq!(bench.say(5_000, Some(1.0)), ["5000 r0 Normal"]);
    }

    #[test]
    fn the_hour_is_that_of_the_agents_place() {
        let mut bench = Bench::new(&["hour() > 5 and t > 0"], "never");
        let minute = 60_000;
        // In 1970 Nepal was 5 h 30 min ahead.
        assert_eq!(bench.say(10 * minute, Some(1.0)), ["30000 r0 Normal"], "nothing was heard for so long");
        assert_eq!(bench.say(40 * minute, None), ["1800000 r0 Active"]);
    }
}
