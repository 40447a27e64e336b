//! The engine: datapoints in, transitions out, one step after the other.
//!
//! It is a pure function with a memory. Time is an argument: `at` is the processing time of a step and never
//! goes back; event time lives in the datapoints. Before an input is looked at, every deadline of processing
//! time up to `at` is handled in order; then lateness is decided; then the input is applied (§3.1).
//!
//! Here: the scopes, and what crosses them. Not here: where their watermarks stand (`marks`), what goes in and comes out
//! (`step`); a clock, a socket, a file, a thread.
//! Invariant: same inputs, same outputs, byte for byte (I4).

mod marks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proto::Flags;

use crate::activation::{Activation, Floods};
use crate::calendar::Zone;
use crate::inventory::{Inventory, SourceId};
use crate::ruleset::RuleSet;
use crate::scope::{Going, Scope};
use crate::stored::mark::Marks;
use crate::time;
use crate::value::Value;
use crate::watermark::{Clock, Pace};

pub use crate::step::{
    Batch, Counts, Datapoint, Expect, Identity, Input, Late, Options, Outputs, Reach, Resumed, Subject,
};

/// The rule engine.
#[derive(Debug)]
pub struct Engine {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) identity: Identity,
    pub(crate) options: Options,
    pub(crate) scopes: Vec<Scope>,
    /// The scopes that a source belongs to, by its place.
    pub(crate) scopes_of: Vec<Vec<usize>>,
    pub(crate) clocks: Vec<Clock>,
    /// Whether each source held its watermarks when that was looked at last.
    holding: Vec<bool>,
    /// The processing time before which no source begins or ends to hold a watermark by time alone.
    next_change: i64,
    /// The scopes that follow the processing time, and the processing time before which none has anything to do.
    followers: Vec<usize>,
    followers_due: i64,
    /// Other scopes are in place, whose watermarks are still to be moved.
    unsettled: bool,
    /// Datapoints that wait in all scopes together.
    waiting: usize,
    /// The last datapoint of each tag, by its place: a rule that is new is judged at once.
    pub(crate) last: Vec<Option<Datapoint>>,
    /// Stored state of instances whose rule is gone: their counters go on should it come back.
    pub(crate) retired: BTreeMap<String, Vec<u8>>,
    /// Those of them whose state is not stored as it is.
    pub(crate) owed: BTreeSet<String>,
    /// The watermarks that are stored.
    pub(crate) marks: Marks,
    /// Activations on lines: those of this step, and what is counted of them.
    pub(crate) activations: Vec<Activation>,
    pub(crate) floods: Floods,
    pub(crate) start: i64,
    pub(crate) at: i64,
    pub(crate) counts: Counts,
}

impl Engine {
    /// Makes an engine that begins at processing time `start`, with the state that instances had.
    pub fn new(
        inventory: Arc<Inventory>,
        rules: &RuleSet,
        identity: Identity,
        options: Options,
        start: i64,
        stored: &BTreeMap<String, Vec<u8>>,
    ) -> (Self, Resumed) {
        let (mut retired, mut resumed) = (stored.clone(), Resumed::default());
        let marks = Marks::take(&mut retired, &mut resumed.marks_unreadable);
        let (sources, start) = (inventory.sources().count(), time::bounded(start));
        // Without rules to come nobody asks for the last values.
        let last = if options.keeps_states { vec![None; inventory.tags().count()] } else { Vec::new() };
        let mut engine = Self {
            identity,
            options,
            scopes: Vec::new(),
            scopes_of: vec![Vec::new(); sources],
            clocks: vec![Clock::default(); sources],
            holding: vec![false; sources],
            next_change: i64::MIN,
            followers: Vec::new(),
            followers_due: i64::MAX,
            unsettled: true,
            waiting: 0,
            retired,
            owed: BTreeSet::new(),
            marks,
            activations: Vec::new(),
            floods: Floods::default(),
            last,
            start,
            at: start,
            counts: Counts::default(),
            inventory,
        };
        engine.populate(rules, &mut resumed);
        (engine, resumed)
    }

    /// Sums since the start.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Where `hour()` is, and the clock on the wall that texts speak of.
    #[must_use]
    pub fn zone(&self) -> &Zone {
        &self.options.zone
    }

    /// Number of instances.
    #[must_use]
    pub fn instances(&self) -> usize {
        self.scopes.iter().map(|s| s.instances.len()).sum()
    }

    /// Takes one input at processing time `at`; an `at` before the last one counts as that.
    pub fn step(&mut self, input: Input, at: i64) -> Outputs {
        let mut outputs = Outputs::default();
        let at = time::bounded(at);
        if matches!(input, Input::Epoch) {
            self.begin_again(at, &mut outputs);
        }
        self.pass_time(at.max(self.at), &mut outputs);
        match input {
            // Nobody reads what a source delivers that is not there.
            Input::Datapoints(batch) if batch.source.0 as usize >= self.scopes_of.len() => {}
            Input::Datapoints(batch) => {
                for datapoint in batch.datapoints {
                    self.receive(batch.source, datapoint, &mut outputs);
                }
            }
            Input::Rules(rules) => {
                self.reload(&rules, &mut outputs);
                // A scope that is new may be further than its instances were.
                self.pass_time(self.at, &mut outputs);
            }
            Input::Operator(command) => outputs.refused = self.operate(&command, &mut outputs).err(),
            Input::Clock | Input::Epoch => {}
        }
        self.count_floods(&mut outputs);
        outputs.keep_latest();
        outputs
    }

    /// Takes one datapoint at processing time `at`, as [`Engine::step`] takes a batch of one, and adds to what it
    /// brings about. A recording is read so: nothing is allocated for a datapoint that changes nothing.
    pub fn take(&mut self, source: SourceId, datapoint: Datapoint, at: i64, outputs: &mut Outputs) {
        self.pass_time(time::bounded(at).max(self.at), outputs);
        self.receive(source, datapoint, outputs);
        self.count_floods(outputs);
    }

    /// Handles what the end of a recording leaves: each scope goes on to the last thing it was told.
    pub fn finish(&mut self) -> Outputs {
        let mut outputs = Outputs::default();
        for i in 0..self.scopes.len() {
            if let Some(last) = self.scopes[i].last_effective {
                self.advance(i, last, &mut outputs);
            }
        }
        self.count_floods(&mut outputs);
        outputs.keep_latest();
        outputs
    }

    /// The stored form of the instances and watermarks that changed, or grew older, since it was asked for last.
    pub fn unsaved(&mut self) -> Vec<(String, Vec<u8>)> {
        let inventory = Arc::clone(&self.inventory);
        self.settle();
        // What an instance has taken up since is stored with that.
        let owed = std::mem::take(&mut self.owed).into_iter();
        let owed = owed.filter_map(|key| Some((key.clone(), self.retired.get(&key)?.clone())));
        let mut unsaved: Vec<_> = owed.collect();
        let marks = &mut self.marks;
        unsaved.extend(self.scopes.iter_mut().flat_map(|scope| scope.unsaved(&inventory, marks)));
        unsaved
    }

    /// The scopes, for whoever looks.
    pub(crate) fn scopes(&self) -> &[Scope] {
        &self.scopes
    }

    fn advance(&mut self, scope: usize, mark: i64, outputs: &mut Outputs) {
        if mark > self.scopes[scope].watermark {
            self.with_scope(scope, outputs, |scope, going| scope.advance(mark, going));
        }
    }

    pub(crate) fn with_scope(
        &mut self,
        scope: usize,
        outputs: &mut Outputs,
        work: impl FnOnce(&mut Scope, &mut Going<'_>),
    ) {
        let mut going = Going {
            identity: &self.identity,
            inventory: &self.inventory,
            at: self.at,
            told: outputs,
            activations: &mut self.activations,
            counts: &mut self.counts,
            zone: &self.options.zone,
            keeps_states: self.options.keeps_states,
        };
        let scope = &mut self.scopes[scope];
        let (waited, told) = (scope.waiting(), going.told.states.len());
        work(scope, &mut going);
        if going.told.states.len() > told {
            // What others of the scope had with what is told here they have still if the agent is killed now.
            going.told.states.extend(self.marks.renew(&scope.name, scope.watermark));
        }
        self.waiting = (self.waiting + scope.waiting()).saturating_sub(waited);
    }

    fn receive(&mut self, source: SourceId, mut datapoint: Datapoint, outputs: &mut Outputs) {
        datapoint.timestamp = time::bounded(datapoint.timestamp);
        let is_tag = matches!(datapoint.subject, Subject::Tag(_));
        self.counts.datapoints += u64::from(is_tag);
        if let (Subject::Tag(tag), Ok(Value::Int(code))) = (datapoint.subject, &datapoint.value) {
            let known = self.inventory.get_tag(tag);
            self.counts.unlisted += u64::from(known.is_some_and(|tag| !tag.lists(*code)));
        }
        if self.options.keeps_states {
            self.remember(&datapoint);
        }
        let place = source.0 as usize;
        let scopes = std::mem::take(&mut self.scopes_of[place]);
        let mut behind = None;
        for i in &scopes {
            let mark = self.mark(&self.scopes[*i]);
            let scope = &mut self.scopes[*i];
            scope.watermark = mark;
            let waited = scope.waiting();
            if scope.receive(source, &datapoint, self.options.late, &mut self.counts) {
                behind = behind.max(Some(mark - datapoint.timestamp));
            }
            self.waiting += scope.waiting() - waited;
        }
        self.counts.late += u64::from(behind.is_some());
        outputs.late.extend(behind.map(|by| (source, by)));
        self.hear(source, &datapoint);
        let holds = self.holds(place);
        let steady = std::mem::replace(&mut self.holding[place], holds) && holds;
        let mut any_follows = false;
        for i in &scopes {
            let before = self.scopes[*i].pace;
            // Of a source that holds the watermark but is not the slowest, nothing changes by going on.
            if steady && matches!(before, Pace::Held(other, _) if other != source) {
                continue;
            }
            self.look_at(*i, outputs);
            any_follows |= [before, self.scopes[*i].pace].iter().any(|p| matches!(p, Pace::Follows(_)));
        }
        self.scopes_of[place] = scopes;
        if any_follows {
            self.look_when_followers_are_due();
        }
        self.make_room(outputs);
    }

    /// Moves the source's clock.
    fn hear(&mut self, source: SourceId, datapoint: &Datapoint) {
        let promised = datapoint.flags.has(Flags::WMK);
        let frontier = Clock::frontier_of(self.inventory.source(source), datapoint.timestamp, promised);
        let clock = &mut self.clocks[source.0 as usize];
        clock.heard_at = Some(self.at);
        clock.frontier = clock.frontier.max(Some(frontier));
        if promised && datapoint.subject != Subject::Connected(false) {
            clock.promised = clock.promised.max(Some(datapoint.timestamp));
        }
        let changes = self.holder(source).changes().filter(|change| *change > self.at);
        self.next_change = changes.fold(self.next_change, i64::min);
    }

    fn remember(&mut self, datapoint: &Datapoint) {
        let Subject::Tag(tag) = datapoint.subject else { return };
        if let Some(last) = self.last.get_mut(tag.0 as usize) {
            let newer = last
                .as_ref()
                .is_none_or(|l| (l.timestamp, l.sequence) <= (datapoint.timestamp, datapoint.sequence));
            if newer {
                *last = Some(datapoint.clone());
            }
        }
    }

    /// At the limit the fullest scope goes on to its oldest datapoint (§3.9).
    fn make_room(&mut self, outputs: &mut Outputs) {
        while self.waiting > self.options.waiting_max {
            let fullest = (0..self.scopes.len()).max_by_key(|i| self.scopes[*i].waiting());
            let Some((fullest, oldest)) = fullest.and_then(|i| Some((i, self.scopes[i].oldest()?))) else {
                return;
            };
            self.counts.raised += 1;
            let before = self.waiting;
            self.advance(fullest, oldest, outputs);
            // What waits lies ahead of the watermark, so this has made room. If it ever did not, time must go on.
            if self.waiting >= before {
                return;
            }
        }
    }
}
