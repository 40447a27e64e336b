//! The reference, run over a story: processing time, millisecond by millisecond, and in it event time.
//!
//! Here: the two clocks, and which instances share a scope. Not here: what a scope or an instance does.
//! Invariant: nothing is skipped; an instant is looked at once in each scope.

use super::instance::{Instance, Told};
use super::model::{Case, Rule, Step, Subject, What, World};
use super::scope::Scope;
use super::signal::How;

/// How many datapoints met which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Sums {
    pub(crate) late: u64,
    pub(crate) applied: u64,
    pub(crate) dropped: u64,
}

#[derive(Debug)]
struct Simulation<'c> {
    world: &'c World,
    at: i64,
    scopes: Vec<(Scope, Vec<Instance>)>,
    told: Vec<Told>,
    sums: Sums,
}

/// What the reference says on a case.
pub(crate) fn reference(case: &Case) -> (Vec<Told>, Sums) {
    let start = 0;
    let scopes = scopes(&case.world, &case.rules[0], start);
    let mut run =
        Simulation { world: &case.world, at: start, scopes, told: Vec::new(), sums: Sums::default() };
    run.look();
    for step in &case.story {
        run.step(case, step);
    }
    (run.told, run.sums)
}

fn scopes(world: &World, rules: &[Rule], start: i64) -> Vec<(Scope, Vec<Instance>)> {
    let mut scopes: Vec<(Scope, Vec<Instance>)> = Vec::new();
    for rule in rules {
        let mut sources: Vec<usize> = rule.tags().into_iter().map(|tag| world.tags[tag].source).collect();
        if world.global {
            sources = (0..world.sources.len()).collect();
        }
        sources.sort_unstable();
        sources.dedup();
        let known = scopes.iter().position(|(scope, _)| scope.sources == sources);
        let place = known.unwrap_or_else(|| {
            scopes.push((Scope::new(world, sources, start, None), Vec::new()));
            scopes.len() - 1
        });
        scopes[place].0.watch(rule);
        scopes[place].1.push(Instance::new(rule));
    }
    scopes
}

impl Simulation<'_> {
    fn step(&mut self, case: &Case, step: &Step) {
        if !matches!(step.what, What::Epoch | What::Restart(_)) {
            while self.at < step.at {
                self.at += 1;
                self.look();
            }
        }
        match &step.what {
            What::Clock => {}
            What::Deliver(source, points) => {
                for point in points {
                    self.arrive(*source, point);
                    self.look();
                }
            }
            What::Restart(_) => self.restart(step.at),
            What::Epoch => self.epoch(step.at),
        }
        let _ = case;
    }

    fn arrive(&mut self, source: usize, point: &super::model::Point) {
        let mut late = false;
        for (scope, _) in self.scopes.iter_mut().filter(|(scope, _)| scope.sources.contains(&source)) {
            let how = scope.arrive(self.world, self.at, source, point);
            late |= how != How::InTime;
            self.sums.dropped += u64::from(how == How::Dropped);
        }
        self.sums.late += u64::from(late);
    }

    /// Looks at this moment of processing time.
    fn look(&mut self) {
        let world = self.world;
        for (scope, instances) in &mut self.scopes {
            scope.look(world, self.at);
            for t in scope.instants() {
                instant(world, scope, instances, t, &mut self.told, &mut self.sums);
            }
            scope.judged = scope.watermark;
        }
    }

    /// What waits is lost, what was judged is kept.
    fn restart(&mut self, at: i64) {
        self.at = at;
        for (scope, instances) in &mut self.scopes {
            let mark = scope.watermark.filter(|mark| *mark <= at + 5_000);
            instances.iter_mut().for_each(|instance| instance.pause(mark, false));
            *scope = Scope::new(self.world, scope.sources.clone(), at, mark);
            instances.iter().for_each(|instance| scope.watch(&instance.rule));
        }
        self.look();
    }

    /// What waits is applied, and all is unheard of again.
    fn epoch(&mut self, at: i64) {
        let world = self.world;
        for (scope, instances) in &mut self.scopes {
            scope.watermark = scope.watermark.max(scope.waiting.iter().map(|w| w.effective).max());
            for t in scope.instants() {
                instant(world, scope, instances, t, &mut self.told, &mut self.sums);
            }
            instances.iter_mut().for_each(|instance| instance.pause(None, true));
            *scope = Scope::new(world, scope.sources.clone(), at, None);
            instances.iter().for_each(|instance| scope.watch(&instance.rule));
        }
        self.at = at;
        self.look();
    }
}

/// One instant of event time in a scope, in the order of §3.8.
fn instant(
    world: &World,
    scope: &mut Scope,
    instances: &mut [Instance],
    t: i64,
    told: &mut Vec<Told>,
    sums: &mut Sums,
) {
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
            *(if applied { &mut sums.applied } else { &mut sums.dropped }) += 1;
        }
    }
    scope.remember(world, t, &touched);
    let touched = heard.then_some(&touched[..]);
    told.extend(instances.iter_mut().filter_map(|i| i.look(world, scope, t, touched)));
}
