//! A scope: sources that share one watermark, one waiting room and one table of tag values.
//!
//! The heart of the engine. As the watermark passes them, instants are handled one after the other.
//!
//! Here: what a scope is made of, what it takes in, which instants there are. Not here: what happens at one (`instant`,
//! `judge`), where the watermark stands (`watermark`), what a condition means (`condition`).
//! Invariant: the watermark never goes back (I3), and nothing is judged before it.

mod anew;
mod instant;
mod judge;

use std::sync::Arc;

use crate::activation::Activation;
use crate::calendar::Zone;
use crate::contact::Renewed;
use crate::engine::{Counts, Datapoint, Identity, Late, Outputs, Subject};
use crate::instance::Instance;
use crate::inventory::{Inventory, SourceId};
use crate::ruleset::Plan;
use crate::signals::Signals;
use crate::stored::mark::Marks;
use crate::time::{LONG_AGO, Millis};
use crate::timers::{Timer, Timers};
use crate::touched::{Reader, Touched};
use crate::waiting::{Room, Waiting};
use crate::watermark::Pace;
use crate::windows::Windows;

/// Sources that share a watermark, with the instances that read them.
#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) sources: Vec<SourceId>,
    /// The name under which its watermark is stored.
    pub(crate) name: Arc<str>,
    pub(crate) instances: Vec<Instance>,
    pub(crate) watermark: i64,
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
    pub(crate) fn new(sources: Vec<SourceId>, name: Arc<str>) -> Self {
        let signals = Signals::new(&sources);
        Self {
            sources,
            name,
            instances: Vec::new(),
            watermark: LONG_AGO,
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
        self.instances.push(Instance::new(plan, signals, Arc::clone(&self.name)));
        &mut self.instances[place]
    }

    /// All instances are there.
    pub(crate) fn ready(&mut self, inventory: &Inventory) {
        self.signals.ready(inventory);
    }

    /// Applies all that waits, whatever the watermark: time begins again.
    pub(crate) fn apply_all(&mut self, going: &mut Going<'_>) {
        if let Some(last) = self.room.last() {
            self.advance(last, going);
        }
    }

    /// Sees to it that the instances begin by then, even when nothing is heard.
    pub(crate) fn begin_by(&mut self, instant: i64) {
        // What it stood for before a restart may be later, where the clock was set back a little.
        self.timers.arm(Timer::Begin, instant.max(self.watermark.saturating_add(1)));
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

    /// The stored form of the watermark, and of every instance that changed, or grew older, since it was stored last.
    pub(crate) fn unsaved(&mut self, inventory: &Inventory, marks: &mut Marks) -> Vec<(String, Vec<u8>)> {
        let watermark = self.watermark;
        let mark = (!self.instances.is_empty()).then(|| marks.renew(&self.name, watermark)).flatten();
        let changed = self.instances.iter_mut().filter(|i| i.unsaved || i.is_counting());
        let store = |instance: &mut Instance| {
            instance.unsaved = false;
            (instance.plan.key(inventory), crate::stored::bytes(instance, watermark))
        };
        changed.map(store).chain(mark).collect()
    }
}
