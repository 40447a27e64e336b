//! What the expressions of a rule on a machine say, and when they are judged (§5).
//!
//! Here: that, and what an expression sees. Not here: what follows from it (`instance`), what it says on values
//! (`judge`).
//! Invariant: what has windows is judged where §5 says so and at no other instant, all else at every instant.

use super::harder::harder;
use super::history::{History, counts, is_boundary};
use super::judge::{Known, Sight, truth, truth_or_value};
use super::model::{Expr, Rule, Stale, World, ZERO};
use super::scope::Scope;

/// The expressions of a rule: of each state `when` and `clear` (or what it is not, without one), then the gates.
#[derive(Debug, Clone)]
pub(crate) struct Verdicts {
    pub(crate) expressions: Vec<Expr>,
    /// What each said when it was judged last.
    last: Vec<Option<Last>>,
    tags: Vec<usize>,
    stale: Vec<bool>,
    policy: Stale,
    coverage: i64,
    /// The lengths of its windows.
    lengths: Vec<i64>,
    watches_time: bool,
}

/// What an expression said.
#[derive(Debug, Clone)]
struct Last {
    says: Option<bool>,
    /// What its comparisons of ages said, and the hours.
    moments: Vec<Option<Known>>,
    /// It says nothing, only because of windows that fill.
    fills: bool,
}

impl Verdicts {
    pub(crate) fn new(rule: &Rule) -> Self {
        let expressions = expressions(rule);
        Self {
            last: vec![None; expressions.len()],
            expressions,
            tags: rule.tags(),
            stale: Vec::new(),
            policy: rule.stale,
            coverage: rule.coverage,
            lengths: rule.expressions().flat_map(Expr::windows).map(|(_, _, length)| length).collect(),
            watches_time: rule.watches_time(),
        }
    }

    /// Of another version of the rule: where all is the same, nothing is judged anew.
    pub(crate) fn carried(&self, rule: &Rule) -> Self {
        let mut new = Self::new(rule);
        let same = (new.policy, new.coverage) == (self.policy, self.coverage);
        if same && new.expressions == self.expressions {
            (new.last, new.stale) = (self.last.clone(), self.stale.clone());
        }
        new
    }

    /// After a break nothing is known of what was said before.
    pub(crate) fn forget(&mut self) {
        self.last.fill(None);
        self.stale.clear();
    }

    /// Judges at an instant at which datapoints were applied to these tags; none: no source was heard of.
    pub(crate) fn judge(&mut self, world: &World, scope: &Scope, t: i64, touched: Option<&[usize]>) {
        let stale: Vec<bool> =
            self.tags.iter().map(|tag| scope.signals.stale(world, *tag, self.policy, t)).collect();
        let ticks = self.watches_time || self.lengths.iter().any(|length| is_boundary(*length, t));
        let begins = self.last.iter().any(Option::is_none);
        if touched.is_none() && !ticks && !begins && stale == self.stale {
            return;
        }
        let was = std::mem::replace(&mut self.stale, stale);
        let touched = touched.unwrap_or_default();
        let changed = |tag: &usize| {
            let place = self.tags.iter().position(|other| other == tag);
            scope.signals.seen(*tag) && place.is_some_and(|place| was.get(place) != self.stale.get(place))
        };
        let sight = Sighted { verdicts: self, scope, world, t };
        let mut last = self.last.clone();
        for (expr, last) in self.expressions.iter().zip(&mut last) {
            let due = expr.tags().iter().any(|tag| touched.contains(tag))
                || expr
                    .windows()
                    .iter()
                    .any(|(function, inner, length)| sight.ticks(function, inner, *length))
                || expr.outside().iter().any(changed);
            let windowed = !expr.windows().is_empty();
            let moments = moments(expr, &sight);
            if !windowed || due || last.as_ref().is_none_or(|last| last.moments != moments) {
                let says = truth(expr, &sight);
                let fills = windowed && says.is_none() && sight.fills(expr);
                *last = Some(Last { says, moments, fills });
            }
        }
        self.last = last;
    }

    /// Whether an expression said nothing only because of windows that fill.
    pub(crate) fn fills(&self, place: usize) -> bool {
        self.last.get(place).is_some_and(|last| last.as_ref().is_some_and(|last| last.fills))
    }

    /// What an expression said when it was judged last; none, too, where it never was.
    pub(crate) fn says(&self, place: usize) -> Option<bool> {
        self.last[place].as_ref().and_then(|last| last.says)
    }
}

fn expressions(rule: &Rule) -> Vec<Expr> {
    let mut all = Vec::new();
    for group in &rule.groups {
        for state in &group.states {
            all.extend([state.when.clone(), clear_of(state, &group.deadband)]);
        }
    }
    all.extend(rule.active_if.iter().chain(&rule.suppress_if).cloned());
    all
}

/// What leaves a state, or, without a `clear` of its own, what must not be so.
fn clear_of(state: &super::model::State, deadband: &[(usize, f64)]) -> Expr {
    state.clear.clone().unwrap_or_else(|| harder(&state.when, deadband))
}

fn moments(expr: &Expr, sight: &Sighted<'_>) -> Vec<Option<Known>> {
    let is = |e: &&Expr| matches!(e, Expr::Older(..) | Expr::Hour | Expr::Weekday);
    expr.all().into_iter().filter(is).map(|e| truth_or_value(e, sight)).collect()
}

/// What a rule sees of its scope at an instant.
#[derive(Debug)]
struct Sighted<'s> {
    verdicts: &'s Verdicts,
    scope: &'s Scope,
    world: &'s World,
    t: i64,
}

impl Sighted<'_> {
    /// Whether nothing is Unknown but windows that fill.
    fn fills(&self, expr: &Expr) -> bool {
        let mut any = false;
        for e in expr.all() {
            let Expr::Window(function, inner, length) = e else { continue };
            if self.window(function, inner, *length).is_some() {
                continue;
            }
            let history = self.history(function, inner, *length);
            any = history.is_some_and(|h| h.fills(self.t, self.verdicts.coverage));
            if !any {
                return false;
            }
        }
        any && expr.outside().into_iter().all(|tag| self.held(tag).is_some())
    }

    fn ticks(&self, function: &str, inner: &Expr, length: i64) -> bool {
        self.history(function, inner, length).is_some_and(|history| history.ticks(self.t))
    }

    fn history(&self, function: &str, inner: &Expr, length: i64) -> Option<&History> {
        let counts = counts(self.world, function, inner);
        self.scope.histories.iter().find(|history| history.is(inner, length, self.verdicts.policy, counts))
    }
}

impl Sight for Sighted<'_> {
    fn held(&self, tag: usize) -> Option<Known> {
        let place = self.verdicts.tags.iter().position(|other| *other == tag)?;
        self.scope.signals.held(tag).filter(|_| !self.verdicts.stale[place])
    }

    fn before(&self, tag: usize) -> Option<Known> {
        self.scope.signals.before(tag)
    }

    fn age(&self, tag: usize) -> Option<i64> {
        Some(self.t - self.scope.signals.stamped(tag)?)
    }

    fn window(&self, function: &str, inner: &Expr, length: i64) -> Option<Known> {
        let history = self.history(function, inner, length)?;
        let counter = match inner {
            Expr::Tag(tag) => self.world.name(*tag).counter,
            _ => None,
        };
        history.says(function, self.t, self.verdicts.coverage, counter)
    }

    fn local(&self) -> i64 {
        let instant = ZERO + self.t;
        let zone = self.world.zone;
        instant + zone.map_or(0, |zone| if instant < zone.turn { zone.before } else { zone.after })
    }
}
