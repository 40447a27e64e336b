//! What a case is made of: a world, rules, and a story.
//!
//! Here: the reference's own little model of them. Not here: how they are drawn, printed or judged.
//! Invariant: instants are ms after [`ZERO`]; tags, sources and states are places in their lists.

use std::rc::Rc;

use proto::Severity;

/// The instant from which a case counts, ms since 1970.
pub(crate) const ZERO: i64 = 1_700_000_000_000;

/// Where `unknown` gives no time of its own, ms.
pub(crate) const UNKNOWN_AFTER: i64 = 60_000;

/// One run of engine and reference.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) world: World,
    /// The versions of the rules: the first is in force at the start.
    pub(crate) rules: Vec<Vec<Rule>>,
    pub(crate) story: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) sources: Vec<Source>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) drop_late: bool,
    pub(crate) global: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) id: String,
    pub(crate) idle: i64,
    pub(crate) disorder: i64,
    pub(crate) max_lag: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
}

#[derive(Debug, Clone)]
pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) source: usize,
    pub(crate) range: Option<(f64, f64)>,
    /// It counts up, and wraps at so many bits.
    pub(crate) counter: Option<u32>,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    /// Without groups: one group without a name, `Active` and `Normal`.
    pub(crate) plain: bool,
    pub(crate) groups: Vec<Group>,
    pub(crate) stale: Stale,
    pub(crate) unknown: UnknownPolicy,
    pub(crate) default: Option<Rc<str>>,
    pub(crate) active_if: Option<Expr>,
    pub(crate) suppress_if: Option<Expr>,
    /// The share of a window that must be known, per cent.
    pub(crate) coverage: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stale {
    Default,
    After(i64),
    Never,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum UnknownPolicy {
    /// The default: `Unknown` after a while.
    Say {
        after: i64,
    },
    Named {
        after: i64,
        name: Rc<str>,
        weight: u32,
        severity: Severity,
    },
    Abstain,
    AsFalse,
}

impl UnknownPolicy {
    pub(crate) fn after(&self) -> i64 {
        match self {
            Self::Say { after } | Self::Named { after, .. } => *after,
            Self::Abstain | Self::AsFalse => UNKNOWN_AFTER,
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: Option<String>,
    pub(crate) weight: Option<u32>,
    pub(crate) states: Vec<State>,
    pub(crate) otherwise: Option<Rc<str>>,
    pub(crate) unknown: Option<UnknownPolicy>,
    /// Tags, and how far they must go back.
    pub(crate) deadband: Vec<(usize, f64)>,
}

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) name: Rc<str>,
    pub(crate) when: Expr,
    pub(crate) clear: Option<Expr>,
    pub(crate) delay: i64,
    pub(crate) hold: i64,
    pub(crate) latch: bool,
    pub(crate) weight: Option<u32>,
    pub(crate) severity: Option<Severity>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Bool(bool),
    Int(i64),
    Float(f64),
    Tag(usize),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Xor(Box<Expr>, Box<Expr>),
    Compare(&'static str, Box<Expr>, Box<Expr>),
    /// `x in 2 .. 5`.
    Between(Box<Expr>, f64, f64),
    /// `x in [2, 5]`.
    In(Box<Expr>, Vec<Expr>),
    /// `+ - * /`.
    Arithmetic(char, Box<Expr>, Box<Expr>),
    Minus(Box<Expr>),
    Abs(Box<Expr>),
    Round(Box<Expr>),
    Good(usize),
    Prev(usize),
    /// `age(x) > …`, ms.
    Older(usize, &'static str, i64),
    Else(Box<Expr>, Box<Expr>),
    /// `avg(x, 5 s)`: the function, what it is over, and for how long, ms.
    Window(&'static str, Box<Expr>, i64),
}

impl Expr {
    /// The tags it reads.
    pub(crate) fn tags(&self) -> Vec<usize> {
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Float(_) => Vec::new(),
            Self::Tag(tag) | Self::Good(tag) | Self::Prev(tag) | Self::Older(tag, ..) => vec![*tag],
            Self::Not(a)
            | Self::Minus(a)
            | Self::Abs(a)
            | Self::Round(a)
            | Self::Between(a, ..)
            | Self::Window(_, a, _)
            | Self::In(a, _) => a.tags(),
            Self::And(a, b)
            | Self::Or(a, b)
            | Self::Xor(a, b)
            | Self::Compare(_, a, b)
            | Self::Arithmetic(_, a, b)
            | Self::Else(a, b) => {
                let mut tags = a.tags();
                tags.extend(b.tags());
                tags
            }
        }
    }
}

impl Expr {
    /// The expressions that it is made of.
    fn parts(&self) -> Vec<&Expr> {
        match self {
            Self::Not(a) | Self::Minus(a) | Self::Abs(a) | Self::Round(a) => vec![a],
            Self::Between(a, ..) | Self::In(a, _) => vec![a],
            Self::And(a, b)
            | Self::Or(a, b)
            | Self::Xor(a, b)
            | Self::Compare(_, a, b)
            | Self::Arithmetic(_, a, b)
            | Self::Else(a, b) => vec![a, b],
            _ => Vec::new(),
        }
    }

    /// It, and all that it is made of, down to windows.
    pub(crate) fn all(&self) -> Vec<&Expr> {
        let mut all = vec![self];
        self.parts().into_iter().for_each(|part| all.extend(part.all()));
        all
    }

    /// Its windows: what they are over, and how long they are.
    pub(crate) fn windows(&self) -> Vec<(&Expr, i64)> {
        self.all()
            .into_iter()
            .filter_map(|e| match e {
                Expr::Window(_, inner, length) => Some((&**inner, *length)),
                _ => None,
            })
            .collect()
    }

    /// The tags that it reads outside of windows.
    pub(crate) fn outside(&self) -> Vec<usize> {
        match self {
            Self::Window(..) => Vec::new(),
            other if other.parts().is_empty() => other.tags(),
            other => other.parts().into_iter().flat_map(Expr::outside).collect(),
        }
    }

    fn watches_time(&self) -> bool {
        self.all().into_iter().any(|e| matches!(e, Self::Older(..)))
    }
}

impl Rule {
    /// All its expressions.
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expr> {
        let states = self.groups.iter().flat_map(|group| &group.states);
        let conditions = states.flat_map(|state| [Some(&state.when), state.clear.as_ref()]);
        conditions.chain([self.active_if.as_ref(), self.suppress_if.as_ref()]).flatten()
    }

    /// The tags its conditions read, each once.
    pub(crate) fn tags(&self) -> Vec<usize> {
        let mut tags: Vec<usize> = self.expressions().flat_map(Expr::tags).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// Whether time alone changes what its conditions say.
    pub(crate) fn watches_time(&self) -> bool {
        self.expressions().any(Expr::watches_time)
    }

    pub(crate) fn unknown_of<'r>(&'r self, group: &'r Group) -> &'r UnknownPolicy {
        group.unknown.as_ref().unwrap_or(&self.unknown)
    }
}

/// Something happens at a processing time.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) at: i64,
    pub(crate) what: What,
}

#[derive(Debug, Clone)]
pub(crate) enum What {
    Deliver(usize, Vec<Point>),
    Clock,
    /// The agent stops in order and starts again, with this version of the rules.
    Restart(usize),
    /// The clock was set back: `at` begins again here.
    Epoch,
}

#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) subject: Subject,
    pub(crate) timestamp: i64,
    pub(crate) sequence: u64,
    pub(crate) wmk: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum Subject {
    Tag(usize, Raw),
    Heartbeat,
    Connected(bool),
}

/// A value as the world sends it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    Bad,
    Bool(bool),
    Int(i64),
    Float(f64),
}
