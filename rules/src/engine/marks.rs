//! Where the watermarks of the scopes stand, and when they move.
//!
//! A watermark moves because a source that it waits for says something, or because by time alone a source begins or
//! ends to hold it. Of both the engine remembers when to look next, so that most datapoints look at one scope.
//!
//! Here: that. Not here: what a source is waited for (`watermark`), what is done at the instants passed (`scope`).
//! Invariant: processing time halts wherever a source begins or ends to hold a watermark.

use crate::engine::{Engine, Expect, Outputs};
use crate::inventory::SourceId;
use crate::scope::Scope;
use crate::time;
use crate::watermark::{Holder, Pace, pace};

impl Engine {
    /// The processing time at which something happens without input; none: never.
    #[must_use]
    pub fn deadline(&self) -> Option<i64> {
        let follower = (self.followers_due != i64::MAX).then(|| self.followers_due.max(self.at + 1));
        self.next_change().into_iter().chain(follower).min()
    }

    /// The watermark of each scope, with its sources; none: it was told nothing yet.
    pub fn watermarks(&self) -> impl Iterator<Item = (&[SourceId], Option<i64>)> {
        let known = |mark: i64| (mark != time::LONG_AGO).then_some(mark);
        self.scopes.iter().map(move |s| (s.sources.as_slice(), known(self.mark(s))))
    }

    /// Where the watermark of a scope stands. That of a follower is moved only when something is to be done there.
    pub(crate) fn mark(&self, scope: &Scope) -> i64 {
        match scope.pace {
            Pace::Follows(behind) => scope.watermark.max(self.at - behind),
            Pace::Held(..) | Pace::Unheard => scope.watermark,
        }
    }

    /// Moves the watermarks of the followers to where they stand.
    pub(crate) fn settle(&mut self) {
        for i in 0..self.followers.len() {
            let scope = &self.scopes[self.followers[i]];
            let mark = self.mark(scope);
            self.scopes[self.followers[i]].watermark = mark;
        }
    }

    /// The sources of a scope, as they hold its watermark.
    pub(crate) fn holder(&self, source: SourceId) -> Holder<'_> {
        let expected_from = (self.options.expect == Expect::Declared).then_some(self.start);
        let clock = self.clocks[source.0 as usize];
        Holder { id: source, source: self.inventory.source(source), clock, expected_from }
    }

    /// The sources of a scope that count: all, or those that were heard of.
    fn waited_for<'e>(&'e self, scope: &'e Scope) -> impl Iterator<Item = Holder<'e>> + Clone {
        let holders = scope.sources.iter().map(|s| self.holder(*s));
        holders.filter(|h| h.expected_from.is_some() || h.clock.heard_at.is_some())
    }

    /// The next processing time at which a source begins or ends to hold a watermark, if nothing is heard.
    fn next_change(&self) -> Option<i64> {
        let sources = self.inventory.sources().map(|(id, _)| self.holder(id));
        sources.flat_map(|h| h.changes()).filter(|change| *change > self.at).min()
    }

    /// Lets processing time pass, halting wherever a source begins or ends to hold a watermark.
    pub(super) fn pass_time(&mut self, at: i64, outputs: &mut Outputs) {
        loop {
            if at >= self.next_change {
                self.next_change = self.next_change().unwrap_or(i64::MAX);
            }
            let halts = self.next_change <= at;
            self.at = self.next_change.min(at);
            if halts || std::mem::take(&mut self.unsettled) {
                self.look_at_all(outputs);
            }
            if self.at == at {
                break;
            }
        }
        if at >= self.followers_due {
            self.move_followers(outputs);
        }
    }

    /// Finds out anew what every watermark waits for.
    fn look_at_all(&mut self, outputs: &mut Outputs) {
        self.look_who_holds();
        for scope in 0..self.scopes.len() {
            self.look_at(scope, outputs);
        }
        self.move_followers(outputs);
    }

    fn look_who_holds(&mut self) {
        for i in 0..self.holding.len() {
            self.holding[i] = self.holds(i);
        }
        self.next_change = i64::MIN;
    }

    pub(super) fn holds(&self, source: usize) -> bool {
        let id = SourceId(u32::try_from(source).unwrap_or(u32::MAX));
        self.holder(id).holds(self.at)
    }

    /// Finds out what the watermark of a scope waits for, and moves it.
    pub(super) fn look_at(&mut self, scope: usize, outputs: &mut Outputs) {
        let pace = self.pace_of(scope);
        let followed = matches!(std::mem::replace(&mut self.scopes[scope].pace, pace), Pace::Follows(_));
        let follows = matches!(pace, Pace::Follows(_));
        if follows && !followed {
            self.followers.push(scope);
        } else if followed && !follows {
            self.followers.retain(|f| *f != scope);
        }
        self.advance_to_mark(scope, outputs);
    }

    /// The followers go on to where the processing time lets them.
    fn move_followers(&mut self, outputs: &mut Outputs) {
        for i in 0..self.followers.len() {
            self.advance_to_mark(self.followers[i], outputs);
        }
        self.look_when_followers_are_due();
    }

    pub(crate) fn look_when_followers_are_due(&mut self) {
        let due = |i: &usize| match self.scopes[*i].pace {
            Pace::Follows(behind) => self.scopes[*i].next_instant().map(|instant| instant + behind),
            Pace::Held(..) | Pace::Unheard => None,
        };
        self.followers_due = self.followers.iter().filter_map(due).min().unwrap_or(i64::MAX);
    }

    fn advance_to_mark(&mut self, scope: usize, outputs: &mut Outputs) {
        if let Some(mark) = self.scopes[scope].pace.mark(self.at) {
            self.advance(scope, mark, outputs);
        }
    }

    fn pace_of(&self, scope: usize) -> Pace {
        pace(self.waited_for(&self.scopes[scope]), self.at)
    }

    /// Where the watermark of a scope would stand.
    pub(crate) fn mark_of(&self, scope: usize) -> Option<i64> {
        self.pace_of(scope).mark(self.at)
    }

    /// Counts and looks anew: other scopes are in place.
    pub(crate) fn recount(&mut self) {
        self.waiting = self.scopes.iter().map(Scope::waiting).sum();
        self.look_who_holds();
        for scope in 0..self.scopes.len() {
            self.scopes[scope].pace = self.pace_of(scope);
        }
        let follows = |i: &usize| matches!(self.scopes[*i].pace, Pace::Follows(_));
        self.followers = (0..self.scopes.len()).filter(follows).collect();
        self.look_when_followers_are_due();
        self.unsettled = true;
    }
}
