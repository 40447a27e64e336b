//! Sources that share a watermark: how far it is at a processing time, and what waits for it (§3).
//!
//! Here: that. Not here: what the datapoints lead to (`simulation`).
//! Invariant: the watermark is asked for at every millisecond of processing time, and never goes back.

use super::history::{History, counts};
use super::judge::{Known, Sight};
use super::model::{Expr, Point, Rule, Stale, Subject, World};
use super::signal::{How, Signals};

/// How far a source has come, whoever listens.
#[derive(Debug, Clone, Default)]
pub(crate) struct Heard {
    at: Option<i64>,
    pub(crate) frontier: Option<i64>,
    /// Its last datapoint with `Wmk`, `$connected = false` not counted.
    pub(crate) confirmed: Option<i64>,
}

impl Heard {
    pub(crate) fn hear(&mut self, world: &World, at: i64, source: usize, point: &Point) {
        self.at = Some(at);
        let behind = if point.wmk { 0 } else { world.sources[source].disorder.max(1) };
        self.frontier = self.frontier.max(Some(point.timestamp - behind));
        if point.wmk && !matches!(point.subject, Subject::Connected(false)) {
            self.confirmed = self.confirmed.max(Some(point.timestamp));
        }
    }
}

/// A datapoint that waits, in the order in which it is to be applied.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) effective: i64,
    pub(crate) how: How,
    pub(crate) source: usize,
    pub(crate) point: Point,
}

#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) sources: Vec<usize>,
    pub(crate) watermark: Option<i64>,
    /// The last instant that was looked at.
    pub(crate) judged: Option<i64>,
    pub(crate) start: i64,
    /// When its instances begin, and whether nothing was heard then.
    pub(crate) begun: Option<(i64, bool)>,
    pub(crate) signals: Signals,
    pub(crate) waiting: Vec<Waiting>,
    /// What its rules look at through windows.
    pub(crate) histories: Vec<History>,
    /// It goes on to a watermark that an instance has brought: a window that is new begins there, or with a datapoint
    /// on the way.
    pub(crate) catches_up: bool,
}

impl Scope {
    pub(crate) fn new(world: &World, sources: Vec<usize>, start: i64, watermark: Option<i64>) -> Self {
        Self {
            sources,
            watermark,
            judged: watermark,
            start,
            begun: None,
            signals: Signals::new(world),
            waiting: Vec::new(),
            histories: Vec::new(),
            catches_up: false,
        }
    }

    /// The longest time for which one of its sources may be silent.
    pub(crate) fn idle(&self, world: &World) -> i64 {
        self.sources.iter().map(|s| world.sources[*s].idle).max().unwrap_or(0)
    }

    /// Its instances begin when one of its sources is heard, or when that is waited for no longer.
    pub(crate) fn begin(&mut self, world: &World, t: i64, heard: bool) {
        if self.begun.is_none() && (heard || !world.seen && t >= self.start + self.idle(world)) {
            self.begun = Some((t, !heard));
        }
    }

    /// From when on `unknown.after` counts at an instant: not before each source was heard, as far as it is waited for.
    pub(crate) fn patience(&self, world: &World, t: i64) -> Option<i64> {
        let (begin, silent) = self.begun?;
        let latest = if silent { begin } else { begin + self.idle(world) };
        let mut from = begin;
        for source in &self.sources {
            match self.signals.first(*source) {
                Some(first) => from = from.max(first.min(latest)),
                None if t >= latest => from = from.max(latest),
                None => return None,
            }
        }
        Some(from)
    }

    /// Keeps the past for the windows of a rule.
    pub(crate) fn watch(&mut self, world: &World, rule: &Rule) {
        for (function, inner, length) in rule.expressions().flat_map(|e| e.windows()) {
            let counts = counts(world, function, inner);
            if !self.histories.iter().any(|h| h.is(inner, length, rule.stale, counts)) {
                self.histories.push(History::new(inner, length, rule.stale, counts));
            }
        }
    }

    /// Keeps the past for the windows of these rules, and no other.
    pub(crate) fn keep<'r>(&mut self, world: &World, rules: impl Iterator<Item = &'r Rule>) {
        let old = std::mem::take(&mut self.histories);
        rules.for_each(|rule| self.watch(world, rule));
        for history in &mut self.histories {
            let same =
                old.iter().find(|o| o.is(&history.inner, history.length, history.stale, history.counts));
            if let Some(same) = same {
                history.clone_from(same);
            }
        }
    }

    /// Waits for a datapoint that came before the scope was there.
    pub(crate) fn wait_for(&mut self, source: usize, point: &Point) {
        let (effective, how, point) = (point.timestamp, How::InTime, point.clone());
        self.waiting.push(Waiting { effective, how, source, point });
    }

    /// Looks at what goes on, for the windows, at an instant at which datapoints were applied to these tags.
    pub(crate) fn remember(&mut self, world: &World, t: i64, touched: &[usize]) {
        let signals = &self.signals;
        for history in &mut self.histories {
            let sampled = history.inner.tags().iter().any(|tag| touched.contains(tag));
            if self.catches_up && !sampled && history.is_new() {
                continue;
            }
            let sight = Alone { world, signals, stale: history.stale, t };
            history.look(t, &sight, sampled);
        }
    }

    /// Looks at the watermark at a processing time.
    pub(crate) fn look(&mut self, world: &World, heard: &[Heard], at: i64) {
        self.watermark = self.watermark.max(self.watermark_at(world, heard, at));
    }

    fn watermark_at(&self, world: &World, heard: &[Heard], at: i64) -> Option<i64> {
        let lively = |source: &usize| match heard[*source].at {
            Some(since) => at <= since + world.sources[*source].idle,
            None => !world.seen && at <= self.start + world.sources[*source].idle,
        };
        let near = |source: &usize| match (heard[*source].frontier, world.sources[*source].max_lag) {
            (Some(frontier), Some(lag)) => frontier >= at - lag,
            _ => true,
        };
        let holders: Vec<usize> = self.sources.iter().copied().filter(|s| lively(s) && near(s)).collect();
        if !holders.is_empty() {
            let frontiers: Option<Vec<i64>> = holders.iter().map(|s| heard[*s].frontier).collect();
            return frontiers?.into_iter().min();
        }
        let counts = |source: &&usize| !world.seen || heard[**source].at.is_some();
        let counting = || self.sources.iter().filter(counts);
        let disorder = counting().map(|s| world.sources[*s].disorder).max()?;
        let slow = counting().filter(|s| lively(s)).filter_map(|s| world.sources[*s].max_lag).max();
        Some(at - (disorder + 1_000).max(slow.unwrap_or(0)))
    }

    /// A datapoint arrives. Tells how.
    pub(crate) fn arrive(&mut self, world: &World, source: usize, point: &Point) -> How {
        let late = self.watermark.filter(|mark| point.timestamp <= *mark);
        let tag = matches!(point.subject, Subject::Tag(..));
        let how = match late {
            Some(_) if tag && world.drop_late => How::Dropped,
            Some(_) if tag => How::Late,
            _ => How::InTime,
        };
        let effective = late.map_or(point.timestamp, |mark| mark + 1);
        if how != How::Dropped {
            self.waiting.push(Waiting { effective, how, source, point: point.clone() });
        }
        how
    }

    /// Takes what takes effect at an instant, in order.
    pub(crate) fn due(&mut self, world: &World, t: i64) -> Vec<Waiting> {
        let (mut due, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| w.effective <= t);
        self.waiting = waiting;
        let key = |w: &Waiting| {
            let late = w.point.timestamp < w.effective;
            (!late, w.point.timestamp, world.sources[w.source].id.clone(), w.point.sequence)
        };
        due.sort_by_key(key);
        due
    }

    /// The instants between what was looked at and the watermark.
    pub(crate) fn instants(&self) -> std::ops::Range<i64> {
        let Some(mark) = self.watermark else { return 0..0 };
        let first = self.waiting.iter().map(|w| w.effective).min().unwrap_or(mark);
        let from = self.judged.map_or(first.min(self.start).min(mark), |judged| judged + 1);
        from..mark + 1
    }
}

/// What a signal sees, whoever reads it.
#[derive(Debug)]
struct Alone<'s> {
    world: &'s World,
    signals: &'s Signals,
    stale: Stale,
    t: i64,
}

impl Sight for Alone<'_> {
    fn held(&self, tag: usize) -> Option<Known> {
        self.signals.held(tag).filter(|_| !self.signals.stale(self.world, tag, self.stale, self.t))
    }

    fn before(&self, _: usize) -> Option<Known> {
        unreachable!("`prev` has no place in a window")
    }

    fn age(&self, _: usize) -> Option<i64> {
        unreachable!("`age` has no place in a window")
    }

    fn window(&self, _: &str, _: &Expr, _: i64) -> Option<Known> {
        unreachable!("a window has no place in a window")
    }

    fn local(&self) -> i64 {
        unreachable!("`hour` has no place in a window")
    }
}
