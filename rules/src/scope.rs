//! A scope: sources that share one watermark, one waiting room and one table of tag values.
//!
//! The heart of the engine. As the watermark passes them, instants are handled one after the other, and at an
//! instant in this order (§3.8): all its datapoints are applied; staleness; every condition is judged once;
//! timers; groups; rules. So a value that changes exactly when a timer is due prevents it, and a scan gives no
//! false states in between.
//!
//! Here: that order. Not here: where the watermark stands (`watermark`), what a condition means (`condition`).
//! Invariant: the watermark never goes back (I3), and nothing is judged before it.

use std::collections::BTreeSet;

use proto::Transition;

use crate::engine::{Counts, Datapoint, Identity, Late, Subject};
use crate::explain::Teller;
use crate::expr::eval::Seen;
use crate::group::Standing;
use crate::instance::Instance;
use crate::inventory::{Inventory, SourceId, TagId};
use crate::signals::Signals;
use crate::time::LONG_AGO;
use crate::value::{Held, Unknown};
use crate::waiting::{Room, Waiting};

/// What time alone brings about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// A signal may go stale.
    Stale(usize),
    /// An instance has something due.
    Instance(usize),
    /// The instances begin, though nothing was heard.
    Begin,
}

/// Sources that share a watermark, with the instances that read them.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) sources: Vec<SourceId>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) watermark: i64,
    signals: Signals,
    room: Room,
    /// One for each signal and each instance at most, so that flapping values do not fill the memory.
    timers: BTreeSet<(i64, Timer)>,
    /// The instant for which an instance, and for which a signal, has its timer.
    armed_instances: Vec<Option<i64>>,
    armed_signals: Vec<Option<i64>>,
    /// The instants at which the instances began, and until which sources not heard yet are waited for.
    began: Option<(i64, i64)>,
    /// The greatest effective timestamp of a tag's datapoint.
    pub(crate) last_effective: Option<i64>,
}

/// What a scope needs to know while it goes on.
pub(crate) struct Going<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) inventory: &'a Inventory,
    pub(crate) at: i64,
    pub(crate) out: &'a mut Vec<Transition>,
    pub(crate) stored: &'a mut Vec<(String, Vec<u8>)>,
    pub(crate) counts: &'a mut Counts,
}

/// What an instance sees of its scope.
struct Sight<'a> {
    signals: &'a Signals,
    /// The signals behind the instance's slots.
    slots: &'a [usize],
    now: i64,
}

impl Seen for Sight<'_> {
    fn held(&self, slot: usize) -> &Held {
        self.signals.held(self.slots[slot])
    }

    fn window(&self, _: usize) -> Held {
        Err(Unknown::NeverSeen)
    }

    fn previous(&self, _: usize) -> Held {
        Err(Unknown::NeverSeen)
    }

    fn sampled_at(&self, slot: usize) -> Option<i64> {
        self.signals.cell(self.slots[slot]).timestamp
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn hour(&self) -> i64 {
        0
    }

    fn weekday(&self) -> i64 {
        1
    }
}

impl Scope {
    pub(crate) fn new(sources: Vec<SourceId>) -> Self {
        let signals = Signals::new(&sources);
        Self {
            sources,
            instances: Vec::new(),
            watermark: LONG_AGO,
            signals,
            room: Room::default(),
            timers: BTreeSet::new(),
            armed_instances: Vec::new(),
            armed_signals: Vec::new(),
            began: None,
            last_effective: None,
        }
    }

    /// Adds an instance, made from the signals of its slots.
    pub(crate) fn add(
        &mut self,
        inventory: &Inventory,
        plan: std::sync::Arc<crate::ruleset::Plan>,
    ) -> &mut Instance {
        let reader = self.instances.len();
        let policy = plan.rule.stale_after;
        let signals: Vec<usize> =
            plan.slots.iter().map(|tag| self.signals.subscribe(inventory, *tag, policy, reader)).collect();
        self.armed_signals
            .resize(signals.iter().map(|s| s + 1).max().unwrap_or(0).max(self.armed_signals.len()), None);
        self.armed_instances.push(None);
        self.instances.push(Instance::new(plan, signals));
        &mut self.instances[reader]
    }

    /// Takes over time and values of the scope that had these sources before; its instances stay behind.
    pub(crate) fn adopt(&mut self, old: &mut Self) {
        self.signals.adopt(&old.signals);
        self.room = std::mem::take(&mut old.room);
        self.watermark = self.watermark.max(old.watermark);
        (self.began, self.last_effective) = (old.began, old.last_effective);
    }

    /// Takes a tag's last value, which came before anybody here read it.
    pub(crate) fn seed(&mut self, source: SourceId, tag: TagId, datapoint: &Datapoint, to_come: bool) {
        if datapoint.timestamp <= self.watermark {
            self.signals.seed(tag, source, datapoint);
        } else if to_come {
            let effective = datapoint.timestamp;
            self.room.enter(Waiting { effective, late: false, source, datapoint: datapoint.clone() });
        }
    }

    /// Judges every instance at the watermark: the rules have changed between two instants.
    pub(crate) fn judge_all(&mut self, going: &mut Going<'_>) {
        for signal in 0..self.signals.len() {
            self.arm_signal(signal, going.inventory);
        }
        if self.signals.any_heard() {
            self.begin(self.watermark, going.inventory);
        }
        let Some(begin) = self.unknown_counts_from() else { return };
        let before = going.out.len();
        for i in 0..self.instances.len() {
            self.judge(i, self.watermark, begin, going);
        }
        for transition in &mut going.out[before..] {
            transition.cause = proto::Cause::RuleChanged;
        }
    }

    /// Applies all that waits, whatever the watermark: time begins again.
    pub(crate) fn apply_all(&mut self, going: &mut Going<'_>) {
        if let Some(last) = self.room.last() {
            self.advance(last, going);
        }
    }

    /// Sees to it that the instances begin by then, even when nothing is heard.
    pub(crate) fn begin_by(&mut self, instant: i64) {
        self.timers.insert((instant, Timer::Begin));
    }

    /// Nobody can say how long the instances were away: the clock was set back.
    pub(crate) fn forget_break(&mut self) {
        self.watermark = LONG_AGO;
        self.instances.iter_mut().flat_map(|i| &mut i.groups).for_each(Standing::forget_break);
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    pub(crate) fn waiting(&self) -> usize {
        self.room.len()
    }

    /// Takes a datapoint in. True: it is late here.
    pub(crate) fn receive(
        &mut self,
        source: SourceId,
        datapoint: &Datapoint,
        late: Late,
        counts: &mut Counts,
    ) -> bool {
        let is_late = datapoint.timestamp <= self.watermark;
        let heartbeat = !matches!(datapoint.subject, Subject::Tag(_));
        if is_late && late == Late::Drop && !heartbeat {
            counts.dropped += 1;
            return true;
        }
        let effective = if is_late { self.watermark + 1 } else { datapoint.timestamp };
        if !heartbeat {
            self.last_effective = self.last_effective.max(Some(effective));
        }
        self.room.enter(Waiting { effective, late: is_late, source, datapoint: datapoint.clone() });
        is_late && !heartbeat
    }

    /// The next instant at which something is to be done.
    pub(crate) fn next_instant(&self) -> Option<i64> {
        let timer = self.timers.first().map(|(due, _)| *due);
        self.room.first().into_iter().chain(timer).min()
    }

    /// The oldest datapoint that waits.
    pub(crate) fn oldest(&self) -> Option<i64> {
        self.room.first()
    }

    /// Moves the watermark, if that is forward, and handles every instant it passes.
    pub(crate) fn advance(&mut self, watermark: i64, going: &mut Going<'_>) {
        if watermark <= self.watermark {
            return;
        }
        self.watermark = watermark;
        while let Some(instant) = self.next_instant().filter(|i| *i <= watermark) {
            self.handle(instant, going);
        }
    }

    fn handle(&mut self, now: i64, going: &mut Going<'_>) {
        let mut touched = BTreeSet::new();
        self.apply(now, going, &mut touched);
        self.pass(now, going, &mut touched);
        let Some(begin) = self.unknown_counts_from() else { return };
        for i in touched {
            self.judge(i, now, begin, going);
        }
    }

    /// The instances begin, unless they have.
    fn begin(&mut self, now: i64, inventory: &Inventory) {
        let patience = self.sources.iter().map(|s| inventory.source(*s).idle_timeout).max();
        self.began.get_or_insert((now, now + patience.unwrap_or(0)));
    }

    /// Unknown counts from the begin, but not before each source was heard first, as far as it is waited for (§7.2).
    fn unknown_counts_from(&self) -> Option<i64> {
        let (began, patience) = self.began?;
        Some(self.signals.all_heard().map_or(patience, |heard| heard.clamp(began, patience)))
    }

    /// All datapoints of the instant.
    fn apply(&mut self, now: i64, going: &mut Going<'_>, touched: &mut BTreeSet<usize>) {
        let mut armed = Vec::new();
        let heard_before = self.signals.all_heard().is_some();
        let mut any = false;
        while let Some(waiting) = self.room.leave_at(now) {
            any = true;
            if self.signals.apply(going.inventory, &waiting, now, touched, &mut armed) {
                going.counts.applied += u64::from(matches!(waiting.datapoint.subject, Subject::Tag(_)));
            } else {
                going.counts.dropped += 1;
            }
        }
        let all_heard_now = !heard_before && self.signals.all_heard().is_some();
        if (any && self.began.is_none()) || all_heard_now {
            self.begin(now, going.inventory);
            touched.extend(0..self.instances.len());
        }
        for signal in armed {
            self.arm_signal(signal, going.inventory);
        }
    }

    /// All timers of the instant: staleness, then what instances have due.
    fn pass(&mut self, now: i64, going: &mut Going<'_>, touched: &mut BTreeSet<usize>) {
        while let Some((_, timer)) = self.timers.first().copied().filter(|(due, _)| *due <= now) {
            self.timers.pop_first();
            match timer {
                Timer::Begin => {
                    if self.began.is_none() {
                        // Nothing was heard: the sources have been waited for already.
                        self.began = Some((now, now));
                        touched.extend(0..self.instances.len());
                    }
                }
                Timer::Instance(i) => {
                    self.armed_instances[i] = None;
                    touched.insert(i);
                }
                Timer::Stale(s) => {
                    self.armed_signals[s] = None;
                    match self.signals.stale_due(going.inventory, s) {
                        Some(later) if later > now => self.arm_signal(s, going.inventory),
                        Some(_) => self.signals.go_stale(s, touched),
                        None => {}
                    }
                }
            }
        }
    }

    fn judge(&mut self, i: usize, now: i64, begin: i64, going: &mut Going<'_>) {
        let (signals, instance) = (&self.signals, &mut self.instances[i]);
        let slots = std::mem::take(&mut instance.signals);
        let seen = Sight { signals, slots: &slots, now };
        (0..instance.verdicts.len()).for_each(|program| instance.judge(program, &seen));
        instance.signals = slots;
        let change = instance.advance(now, begin);
        if let Some(change) = change {
            let (identity, inventory) = (going.identity, going.inventory);
            let teller = Teller { identity, inventory, signals, at: going.at, watermark: self.watermark };
            going.out.push(teller.tell(instance, change, now));
            going.counts.transitions += 1;
            going.stored.push((instance.plan.key(inventory), crate::stored::bytes(instance, now)));
            instance.unsaved = false;
        }
        let due = instance.due(now, begin);
        let armed = std::mem::replace(&mut self.armed_instances[i], due);
        if due != armed {
            if let Some(armed) = armed {
                self.timers.remove(&(armed, Timer::Instance(i)));
            }
            self.timers.extend(due.map(|due| (due, Timer::Instance(i))));
        }
    }

    fn arm_signal(&mut self, signal: usize, inventory: &Inventory) {
        // A deadline only ever moves back: the timer that is there finds that out when it comes.
        if self.armed_signals[signal].is_some() {
            return;
        }
        let due = self.signals.stale_due(inventory, signal);
        self.armed_signals[signal] = due;
        self.timers.extend(due.map(|due| (due, Timer::Stale(signal))));
    }

    /// The stored form of every instance that changed, or grew older, since it was stored last.
    pub(crate) fn unsaved(&mut self, inventory: &Inventory) -> Vec<(String, Vec<u8>)> {
        let watermark = self.watermark;
        let unsaved = self.instances.iter_mut().filter(|i| i.unsaved || i.is_counting());
        unsaved
            .map(|instance| {
                instance.unsaved = false;
                (instance.plan.key(inventory), crate::stored::bytes(instance, watermark))
            })
            .collect()
    }
}
