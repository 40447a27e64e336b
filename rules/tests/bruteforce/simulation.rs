//! The reference, run over a story: processing time, millisecond by millisecond, and in it event time.
//!
//! Here: the two clocks, and what happens at an instant. Not here: what a scope or an instance does, which instances
//! share a scope when the rules change (`reload`).
//! Invariant: nothing is skipped; an instant is looked at once in each scope, and once more where something is done
//! between two instants.

use std::collections::BTreeMap;

use super::instance::{Instance, Look};
use super::lines::Lines;
use super::model::{Case, Order, Point, Step, Subject, What, World};
use super::scope::{Heard, Scope};
use super::signal::How;
use super::told::Said;

/// How many datapoints met which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) late: u64,
    pub(crate) applied: u64,
    pub(crate) dropped: u64,
    pub(crate) raised: u64,
}

/// A rule on a machine.
pub(super) type Key = (String, usize);

#[derive(Debug)]
pub(super) struct Simulation<'c> {
    pub(super) world: &'c World,
    pub(super) at: i64,
    /// When the agent started.
    pub(super) start: i64,
    pub(super) heard: Vec<Heard>,
    /// The newest datapoint of each tag.
    pub(super) last: Vec<Option<Point>>,
    pub(super) scopes: Vec<Running>,
    /// What is stored of instances whose rule is not in force.
    pub(super) retired: BTreeMap<Key, Instance>,
    /// The number of the last transition under this name.
    pub(super) counters: BTreeMap<Key, u64>,
    pub(super) lines: Lines,
    pub(super) said: Vec<Said>,
    pub(super) sums: Sums,
}

/// A scope, and the instances in it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) scope: Scope,
    pub(super) instances: Vec<Instance>,
}

/// What the reference says on a case.
pub(crate) fn reference(case: &Case) -> (Vec<Said>, Sums) {
    let start = case.world.start;
    let mut run = Simulation {
        world: &case.world,
        at: start,
        start,
        heard: vec![Heard::default(); case.world.sources.len()],
        last: vec![None; case.world.tags.len()],
        scopes: Vec::new(),
        retired: BTreeMap::new(),
        counters: BTreeMap::new(),
        lines: Lines::default(),
        said: Vec::new(),
        sums: Sums::default(),
    };
    run.restart(&case.rules[0], start);
    for step in &case.story {
        run.step(case, step);
    }
    (run.said, run.sums)
}

impl Simulation<'_> {
    fn step(&mut self, case: &Case, step: &Step) {
        let until = match step.what {
            What::Epoch | What::Restart(_) if self.world.punctual => step.at - 1,
            What::Epoch | What::Restart(_) => self.at,
            _ => step.at,
        };
        while self.at < until {
            self.at += 1;
            self.look();
        }
        match &step.what {
            What::Clock => {}
            What::Deliver(source, points) => {
                for point in points {
                    self.arrive(*source, point);
                    self.look();
                }
            }
            What::Restart(version) => self.restart(&case.rules[*version], step.at),
            What::Reload(version) => self.reload(&case.rules[*version]),
            What::Epoch => self.epoch(step.at),
            What::Operator { rule, machine, order } => {
                self.operate(rule, *machine, *order, step.at);
            }
        }
    }

    fn arrive(&mut self, source: usize, point: &Point) {
        let world = self.world;
        let mut late = false;
        for Running { scope, .. } in self.scopes.iter_mut().filter(|s| s.scope.sources.contains(&source)) {
            let how = scope.arrive(world, source, point);
            late |= how != How::InTime;
            self.sums.dropped += u64::from(how == How::Dropped);
        }
        self.sums.late += u64::from(late);
        self.heard[source].hear(world, self.at, source, point);
        if let Subject::Tag(tag, _) = point.subject {
            let order = |point: &Point| (point.timestamp, point.sequence);
            if self.last[tag].as_ref().is_none_or(|last| order(last) <= order(point)) {
                self.last[tag] = Some(point.clone());
            }
        }
        self.make_room();
    }

    /// At the limit of what may wait the fullest scope goes on to its oldest datapoint (§3.9).
    fn make_room(&mut self) {
        let Some(most) = self.world.waiting_max else { return };
        self.look();
        while self.scopes.iter().map(|s| s.scope.waiting.len()).sum::<usize>() > most {
            let fullest = (0..self.scopes.len()).max_by_key(|i| self.scopes[*i].scope.waiting.len());
            let Some(fullest) = fullest else { return };
            let scope = &mut self.scopes[fullest].scope;
            let oldest = scope.waiting.iter().map(|w| w.effective).min();
            scope.watermark = scope.watermark.max(oldest);
            self.sums.raised += 1;
            self.advance(fullest);
        }
    }

    /// Looks at this moment of processing time.
    pub(super) fn look(&mut self) {
        for place in 0..self.scopes.len() {
            self.scopes[place].scope.look(self.world, &self.heard, self.at);
            self.advance(place);
        }
        self.count_floods();
    }

    /// Looks at every instant up to a scope's watermark.
    pub(super) fn advance(&mut self, place: usize) {
        for t in self.scopes[place].scope.instants() {
            let touched = self.apply(place, t);
            self.look_at(place, t, touched.as_deref());
        }
        let scope = &mut self.scopes[place].scope;
        scope.judged = scope.watermark;
    }

    /// Applies what takes effect at an instant, in the order of §3.8. Gives the tags; none: no source was heard.
    pub(super) fn apply(&mut self, place: usize, t: i64) -> Option<Vec<usize>> {
        let world = self.world;
        let Running { scope, instances } = &mut self.scopes[place];
        let due = scope.due(world, t);
        let heard = !due.is_empty();
        let mut touched = Vec::new();
        for waiting in due {
            let applied = scope.signals.apply(world, t, waiting.source, &waiting.point, waiting.how);
            if let (Subject::Tag(tag, _), false) = (&waiting.point.subject, waiting.how == How::Dropped) {
                // A tag that nobody reads holds no value, so nothing overtakes it.
                let read = instances.iter().any(|instance| instance.tags.contains(tag));
                touched.extend(applied.then_some(*tag));
                let applied = applied || !read && waiting.how == How::Late;
                *(if applied { &mut self.sums.applied } else { &mut self.sums.dropped }) += 1;
            }
        }
        scope.remember(world, t, &touched);
        heard.then_some(touched)
    }

    pub(super) fn look_at(&mut self, place: usize, t: i64, touched: Option<&[usize]>) {
        let Running { scope, instances } = &mut self.scopes[place];
        let from = self.said.len();
        scope.begin(self.world, t, touched.is_some());
        let look = Look { world: self.world, scope, t, touched };
        instances.iter_mut().for_each(|instance| instance.look(look, &mut self.said));
        self.note_activations(from);
    }

    /// Counts on their lines what was said from a place on.
    pub(super) fn note_activations(&mut self, from: usize) {
        for place in from..self.said.len() {
            let Said::Transition(told) = &self.said[place] else { continue };
            let machine = self.world.machines.iter().find(|machine| machine.name == told.machine);
            if let (Some(machine), true) = (machine, told.activation) {
                self.lines.activated(&machine.line, told.timestamp, &told.rule, &told.machine);
            }
        }
    }

    fn count_floods(&mut self) {
        for machine in &self.world.machines {
            let on_line = |i: &Instance| self.world.machines[i.machine].line == machine.line;
            let scopes = self.scopes.iter().filter(|s| s.instances.iter().any(on_line));
            if let Some(Some(mark)) = scopes.map(|s| s.scope.watermark).min() {
                let floods = self.lines.pass(&machine.line, mark);
                self.said.extend(floods.into_iter().map(|(timestamp, what)| Said::Event { timestamp, what }));
            }
        }
    }

    /// Somebody does something between two instants, and it is judged at once.
    fn operate(&mut self, rule: &str, machine: usize, order: Order, asked: i64) {
        let at = self.at;
        let mut refuse = |why| self.said.push(Said::Refused { at: asked, why });
        let is = |i: &Instance| i.rule.name == rule && i.machine == machine;
        for Running { scope, instances } in &mut self.scopes {
            let Some(instance) = instances.iter_mut().find(|i| is(i)) else { continue };
            if let Err(why) = instance.obey(order, at) {
                return refuse(why);
            }
            let from = self.said.len();
            if let Some(t) = scope.watermark {
                let look = Look { world: self.world, scope, t, touched: None };
                instance.look_again(look, &mut self.said);
            }
            return self.note_activations(from);
        }
        refuse("nowhere");
    }

    /// What waits is applied, and all is unheard of again.
    fn epoch(&mut self, at: i64) {
        let world = self.world;
        for place in 0..self.scopes.len() {
            let scope = &mut self.scopes[place].scope;
            scope.watermark = scope.watermark.max(scope.waiting.iter().map(|w| w.effective).max());
            self.advance(place);
        }
        self.count_floods();
        for Running { scope, instances } in &mut self.scopes {
            for instance in instances.iter_mut() {
                instance.pause(scope.watermark, true);
                instance.forget_break();
                instance.silence.set_back(self.at, at);
            }
            *scope = Scope::new(world, scope.sources.clone(), at, None);
            instances.iter().for_each(|instance| scope.watch(self.world, &instance.rule));
        }
        self.lines.forget();
        self.heard.fill(Heard::default());
        self.last.fill(None);
        (self.start, self.at) = (at, at);
        self.look();
    }
}
