//! Other rules (§8): at a start, and while the agent runs.
//!
//! Here: which instance goes on as which, and in which scope. Not here: what it carries over (`carry`).
//! Invariant: the number of a transition never comes again under the same name.

use std::collections::BTreeMap;

use proto::Cause;

use super::instance::{Instance, Look};
use super::model::{Point, Rule, Stale};
use super::scope::{Heard, Scope};
use super::simulation::{Key, Running, Simulation};

/// How far a stored watermark may be ahead of the clock at a start, ms.
const FUTURE_BOUND: i64 = 5_000;

/// Tags that are read, and how each goes stale there.
type Read = Vec<(usize, Stale)>;

impl Simulation<'_> {
    /// The agent stops, and starts again with these rules: what waits is lost, what was judged is kept.
    pub(super) fn restart(&mut self, rules: &[Rule], at: i64) {
        for Running { scope, instances } in std::mem::take(&mut self.scopes) {
            for mut instance in instances {
                instance.mark = scope.watermark;
                instance.pause(scope.watermark, false);
                instance.forget_shelving();
                self.retired.insert((instance.rule.name.clone(), instance.machine), instance);
            }
        }
        (self.start, self.at) = (at, at);
        self.heard.fill(Heard::default());
        self.last.fill(None);
        let instances = self.instances(rules, BTreeMap::new());
        for (sources, mut instances) in self.by_sources(instances) {
            let mark = instances.iter().filter_map(|i| i.mark).max();
            let kept = mark.filter(|mark| *mark <= at + FUTURE_BOUND);
            if kept != mark {
                instances.iter_mut().for_each(Instance::forget_break);
            }
            let mut scope = Scope::new(self.world, sources, at, kept);
            instances.iter().for_each(|instance| scope.watch(self.world, &instance.rule));
            self.scopes.push(Running { scope, instances });
        }
        self.remember_activations();
        self.look();
    }

    /// Each instance has kept its last activations, as many as it needs to tell whether it chatters.
    fn remember_activations(&mut self) {
        let mut before = Vec::new();
        for instance in self.scopes.iter().flat_map(|scope| &scope.instances) {
            let machine = &self.world.machines[instance.machine];
            for t in instance.activations.iter().rev().take(2) {
                before.push((machine.line.clone(), *t, instance.rule.name.clone(), machine.name.clone()));
            }
        }
        self.lines.remember(before);
    }

    /// Other rules are in force from here on.
    pub(super) fn reload(&mut self, rules: &[Rule]) {
        let mut standing = BTreeMap::new();
        let mut old: Vec<Scope> = Vec::new();
        for Running { scope, instances } in std::mem::take(&mut self.scopes) {
            for mut instance in instances {
                instance.mark = scope.watermark;
                standing.insert((instance.rule.name.clone(), instance.machine), instance);
            }
            old.push(scope);
        }
        let read: Vec<(Vec<usize>, Read)> = old
            .iter()
            .map(|scope| {
                let inside = |i: &&Instance| self.sources_of(&i.rule) == scope.sources;
                let of = |i: &Instance| i.tags.iter().map(|tag| (*tag, i.rule.stale)).collect::<Vec<_>>();
                (scope.sources.clone(), standing.values().filter(inside).flat_map(of).collect())
            })
            .collect();
        let instances = self.instances(rules, standing);
        for (sources, instances) in self.by_sources(instances) {
            let mark = instances.iter().filter_map(|i| i.mark).max();
            let same = old.iter().position(|scope| scope.sources == sources);
            let known = read.iter().find(|(of, _)| *of == sources).map(|(_, read)| read);
            let scope = match same {
                Some(same) => old.swap_remove(same),
                None => self.new_scope(sources, mark),
            };
            self.scopes.push(Running { scope, instances });
            self.settle(self.scopes.len() - 1, mark, known);
        }
        self.look();
    }

    /// A scope that was not there: what its sources said so far is known from their last datapoints.
    fn new_scope(&self, sources: Vec<usize>, mark: Option<i64>) -> Scope {
        let mut scope = Scope::new(self.world, sources, self.start, mark);
        if mark.is_none() {
            scope.look(self.world, &self.heard, self.at);
            scope.judged = scope.watermark;
        }
        let Some(t) = scope.watermark else { return scope };
        for source in scope.sources.clone() {
            let Heard { frontier, confirmed, .. } = self.heard[source];
            if frontier.is_some() {
                scope.signals.heard_before(source, t, frontier, confirmed);
            }
        }
        scope
    }

    /// The scope goes on to the watermark that its instances bring, and all are judged there.
    /// `known`: what was read in it before; none: it is new.
    fn settle(&mut self, place: usize, mark: Option<i64>, known: Option<&Read>) {
        let (world, nothing) = (self.world, Read::new());
        let looked_at = known.unwrap_or(&nothing);
        let is_known = |tag: &usize| looked_at.iter().any(|(known, _)| known == tag);
        let Running { scope, instances } = &mut self.scopes[place];
        scope.watermark = scope.watermark.max(mark);
        let stays = known.is_some() && scope.judged == scope.watermark;
        scope.keep(world, instances.iter().map(|instance| &instance.rule));
        let read: Vec<usize> = instances.iter().flat_map(|i| i.tags.clone()).collect();
        let new =
            (0..world.tags.len()).filter(|tag| read.contains(tag) && !is_known(tag)).collect::<Vec<_>>();
        // Of a tag that nobody here has read nothing is known but what waits, and its last datapoint.
        new.iter().for_each(|tag| scope.signals.seed(world, *tag, None));
        let mut touched = Vec::new();
        scope.catches_up = true;
        for t in scope.instants() {
            touched.extend(self.apply(place, t).into_iter().flatten());
        }
        let Running { scope, instances } = &mut self.scopes[place];
        (scope.judged, scope.catches_up) = (scope.watermark, false);
        for tag in new {
            let Some(last) = &self.last[tag] else { continue };
            let is_past = scope.watermark.is_some_and(|mark| last.timestamp <= mark);
            if is_past && !touched.contains(&tag) {
                scope.signals.seed(world, tag, Some(last));
                touched.push(tag);
            }
        }
        if known.is_none() {
            // What is still to come does so, whoever will read it by then.
            let mark = scope.watermark;
            let to_come = |last: &&Point| mark.is_none_or(|mark| last.timestamp > mark);
            for (tag, last) in self.last.iter().enumerate() {
                let source = world.tags[tag].source;
                if let Some(last) = last.as_ref().filter(to_come).filter(|_| scope.sources.contains(&source))
                {
                    scope.wait_for(source, last);
                }
            }
        }
        for instance in instances.iter() {
            for tag in instance.tags.iter().filter(|tag| !looked_at.contains(&(**tag, instance.rule.stale))) {
                scope.signals.look_anew(*tag, instance.rule.stale);
            }
        }
        let Some(t) = scope.watermark else { return };
        scope.remember(world, t, &[]);
        let heard = scope.sources.iter().any(|source| scope.signals.first(*source).is_some());
        // A watermark that was kept has been passed: what is waited for in vain begins after it.
        if heard || known.is_none() && mark.is_none() {
            scope.begin(world, t, heard);
        }
        let from = self.said.len();
        for instance in instances {
            if known.is_none() {
                instance.begin = None;
            }
            if !stays {
                instance.verdicts.forget();
            }
            instance.forced = Some(Cause::RuleChanged);
            let look = Look { world, scope, t, touched: heard.then_some(&touched[..]) };
            instance.look(look, &mut self.said);
            instance.forced = None;
        }
        self.note_activations(from);
    }

    /// The instances of these rules, each going on as the one that it was.
    fn instances(&mut self, rules: &[Rule], mut standing: BTreeMap<Key, Instance>) -> Vec<Instance> {
        let mut all = Vec::new();
        for rule in rules {
            for machine in rule.on.iter().copied() {
                let bound = rule.on(self.world, machine);
                let key = (rule.name.clone(), machine);
                let gone = |name: &&String| rules.iter().all(|rule| rule.name != **name);
                let before = rule.renamed_from.as_ref().filter(gone).map(|name| (name.clone(), machine));
                let old = self.before(&key, before, &mut standing);
                let mut instance = match old {
                    Some(old) => old.carried(bound),
                    None => Instance::new(bound, machine),
                };
                instance.sequence = instance.sequence.max(self.counters.get(&key).copied().unwrap_or(0));
                all.push(instance);
            }
        }
        for (key, instance) in standing {
            self.counters.insert(key, instance.sequence + u64::from(instance.has_begun()));
            self.said.extend(instance.removed(self.world, self.at));
        }
        all
    }

    /// What an instance goes on as: one that runs before one of which only the stored state is left, and then that of its
    /// own name before that of the name its rule had.
    fn before(
        &mut self,
        key: &Key,
        before: Option<Key>,
        standing: &mut BTreeMap<Key, Instance>,
    ) -> Option<Instance> {
        if let Some(own) = standing.remove(key) {
            return Some(own);
        }
        let stored = self.retired.remove(key);
        let goes_on = |own: &Instance| own.has_begun() || own.silence.is_on();
        let Some(before) = before else { return stored };
        if let Some(mut running) = standing.remove(&before) {
            self.counters.insert(before, running.sequence);
            let mark = stored.as_ref().and_then(|stored| stored.mark);
            running.mark = running.mark.max(mark.filter(|mark| *mark <= self.at + FUTURE_BOUND));
            running.sequence = running.sequence.max(stored.map_or(0, |stored| stored.sequence));
            return Some(running);
        }
        if stored.as_ref().is_some_and(goes_on) {
            return stored;
        }
        if !self.retired.get(&before).is_some_and(goes_on) {
            return stored;
        }
        let Some(mut old) = self.retired.remove(&before) else { return stored };
        self.counters.insert(before, old.sequence);
        old.mark = old.mark.max(stored.as_ref().and_then(|stored| stored.mark));
        old.sequence = old.sequence.max(stored.map_or(0, |stored| stored.sequence));
        Some(old)
    }

    /// The sources that share a watermark with those of a rule.
    fn sources_of(&self, rule: &Rule) -> Vec<usize> {
        let mut sources: Vec<usize> = if self.world.global {
            (0..self.world.sources.len()).collect()
        } else {
            rule.tags().into_iter().map(|tag| self.world.tags[tag].source).collect()
        };
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    fn by_sources(&self, instances: Vec<Instance>) -> BTreeMap<Vec<usize>, Vec<Instance>> {
        let mut by_sources: BTreeMap<Vec<usize>, Vec<Instance>> = BTreeMap::new();
        for instance in instances {
            by_sources.entry(self.sources_of(&instance.rule)).or_default().push(instance);
        }
        by_sources
    }
}
