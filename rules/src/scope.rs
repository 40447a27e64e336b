//! A scope: sources that share one watermark, one waiting room and one table of tag values.
//!
//! The heart of the engine. As the watermark passes them, instants are handled one after the other, and at an
//! instant in this order (§3.8): all its datapoints are applied; staleness; every condition is judged once;
//! timers; groups; rules. So a value that changes exactly when a timer is due prevents it, and a scan gives no
//! false states in between.
//!
//! Here: that order. Not here: where the watermark stands (`watermark`), what a condition means (`condition`).
//! Invariant: the watermark never goes back (I3), and nothing is judged before it.

use std::sync::Arc;

use crate::activation::Activation;
use crate::calendar::Zone;
use crate::contact::Renewed;
use crate::engine::{Counts, Datapoint, Identity, Late, Outputs, Subject};
use crate::instance::Instance;
use crate::inventory::{Inventory, SourceId};
use crate::ruleset::Plan;
use crate::sight::Sight;
use crate::signals::Signals;
use crate::time::{LONG_AGO, Millis};
use crate::timers::{Timer, Timers};
use crate::touched::{Reader, Touched};
use crate::waiting::{Room, Waiting};
use crate::watermark::Pace;
use crate::windows::Windows;

mod anew;

/// Sources that share a watermark, with the instances that read them.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) sources: Vec<SourceId>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) watermark: i64,
    /// The watermark that was stored last.
    stored: i64,
    /// What its watermark waits for, as the engine found last.
    pub(crate) pace: Pace,
    signals: Signals,
    windows: Windows,
    /// Ages that programs ask for: the signal, the age, the program.
    ages: Vec<(usize, Millis, Reader)>,
    /// Programs that read the hour or the day.
    calendar: Vec<Reader>,
    room: Room,
    timers: Timers,
    /// What is collected at an instant; kept for its room.
    touched: Touched,
    renewed: Renewed,
    /// The instants at which the instances began, and until which sources not heard yet are waited for.
    began: Option<(i64, i64)>,
    /// The greatest effective timestamp of a tag's datapoint.
    pub(crate) last_effective: Option<i64>,
    /// It goes on where the scope of the same sources stood before a reload: all that it saw is known.
    pub(crate) goes_on: bool,
    /// It does so at the watermark at which that stood.
    is_undisturbed: bool,
}

/// What a scope needs to know while it goes on.
pub(crate) struct Going<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) inventory: &'a Inventory,
    pub(crate) at: i64,
    /// All that is told.
    pub(crate) told: &'a mut Outputs,
    /// The activations on lines.
    pub(crate) activations: &'a mut Vec<Activation>,
    pub(crate) counts: &'a mut Counts,
    pub(crate) zone: &'a Zone,
    /// Whether anybody wants the stored form of what changes.
    pub(crate) keeps_states: bool,
}

impl Scope {
    pub(crate) fn new(sources: Vec<SourceId>) -> Self {
        let signals = Signals::new(&sources);
        Self {
            sources,
            instances: Vec::new(),
            watermark: LONG_AGO,
            stored: LONG_AGO,
            pace: Pace::Unheard,
            signals,
            windows: Windows::default(),
            ages: Vec::new(),
            calendar: Vec::new(),
            room: Room::default(),
            timers: Timers::default(),
            touched: Touched::default(),
            renewed: Renewed::default(),
            began: None,
            last_effective: None,
            goes_on: false,
            is_undisturbed: false,
        }
    }

    /// Adds an instance, made from the signals of its slots.
    pub(crate) fn add(&mut self, plan: Arc<Plan>) -> &mut Instance {
        let place = self.instances.len();
        let policy = plan.rule.stale_after;
        let signals: Vec<usize> = plan.slots.iter().map(|tag| self.signals.subscribe(*tag, policy)).collect();
        for (program, bound) in plan.programs.iter().enumerate() {
            let reader = Reader::new(place, program);
            for slot in &bound.outside {
                if bound.windows.is_empty() {
                    self.signals.read(signals[*slot], reader, bound.program.cuts(*slot));
                } else {
                    // Its windows go on meanwhile, so that no datapoint of its tags is of no account.
                    self.signals.read(signals[*slot], reader, None);
                    self.signals.read_each(signals[*slot], reader);
                }
            }
            for (slot, age) in &bound.ages {
                self.signals.age(signals[*slot], reader, self.ages.len());
                self.ages.push((signals[*slot], *age, reader));
            }
            if bound.reads_calendar {
                self.calendar.push(reader);
            }
        }
        let over = &mut self.signals;
        self.windows.add(&plan, &signals, |signal, window| over.look_through(signal, window));
        self.instances.push(Instance::new(plan, signals));
        &mut self.instances[place]
    }

    /// All instances are there.
    pub(crate) fn ready(&mut self, inventory: &Inventory) {
        self.signals.ready(inventory);
    }

    /// Moves an instance on at the watermark: somebody did something to it between two instants, which is no reason to
    /// judge its conditions anew.
    pub(crate) fn judge_again(&mut self, i: usize, going: &mut Going<'_>) {
        if let Some(begin) = self.unknown_counts_from() {
            self.move_on(i, self.watermark, begin, going);
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
        self.timers.arm(Timer::Begin, instant);
    }

    pub(crate) fn signals(&self) -> &Signals {
        &self.signals
    }

    #[cfg(test)]
    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
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
        self.room.enter(Waiting { effective, source, datapoint: datapoint.clone() });
        is_late && !heartbeat
    }

    /// The next instant at which something is to be done.
    pub(crate) fn next_instant(&self) -> Option<i64> {
        match (self.room.first(), self.timers.first()) {
            (Some(room), Some(timer)) => Some(room.min(timer)),
            (room, timer) => room.or(timer),
        }
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
    fn apply(&mut self, now: i64, going: &mut Going<'_>, touched: &mut Touched) {
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
    fn pass(&mut self, now: i64, going: &mut Going<'_>, touched: &mut Touched) {
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
    fn look_through(&mut self, window: usize, now: i64, by_datapoint: bool, going: &Going<'_>) {
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
    fn look_anew(&mut self, now: i64, going: &Going<'_>) {
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

    /// Judges what was touched of an instance; where nothing is said anew and nothing is due, nothing else happens.
    fn judge(&mut self, readers: &[Reader], now: i64, begin: i64, going: &mut Going<'_>) {
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
    fn judge_whole(&mut self, i: usize, now: i64, begin: i64, going: &mut Going<'_>) {
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
    fn move_on(&mut self, i: usize, now: i64, begin: i64, going: &mut Going<'_>) {
        let (signals, instance) = (&self.signals, &mut self.instances[i]);
        let moved = instance.advance(now, begin);
        going.tell(instance, signals, moved, (now, self.watermark));
        self.timers.arm_if(Timer::Instance(i), instance.due(now, begin));
    }

    fn arm_signal(&mut self, signal: usize, inventory: &Inventory) {
        // A deadline only ever moves back: the timer that is there finds that out when it comes.
        if !self.signals.is_watched(inventory, signal) && !self.timers.is_armed(Timer::Stale(signal)) {
            self.timers.arm_if(Timer::Stale(signal), self.signals.stale_due(inventory, signal));
        }
    }

    /// The stored form of every instance that changed, or grew older, since it was stored last. Where none did, that of
    /// one: a scope starts at the greatest watermark that its instances had, so one keeps it for all.
    pub(crate) fn unsaved(&mut self, inventory: &Inventory) -> Vec<(String, Vec<u8>)> {
        let watermark = self.watermark;
        let store = |instance: &mut Instance| {
            instance.unsaved = false;
            (instance.plan.key(inventory), crate::stored::bytes(instance, watermark))
        };
        let changed = self.instances.iter_mut().filter(|i| i.unsaved || i.is_counting());
        let mut stored: Vec<_> = changed.map(store).collect();
        if stored.is_empty() && watermark > self.stored {
            stored.extend(self.instances.first_mut().map(store));
        }
        self.stored = watermark;
        stored
    }
}
