//! An expression: a condition or a number.
//!
//! Here: what it is made of, what it reads, and what it is on a machine. Not here: what it says (`judge`).
//! Invariant: in a rule as it is written a tag is one of the rule's machine, or, from the number of names on, one of
//! another; bound to a machine it is a place among the tags of the world.

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Bool(bool),
    Int(i64),
    Float(f64),
    Tag(usize),
    /// A parameter of the rule, by its place.
    Param(usize),
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
    Hour,
    Weekday,
}

impl Expr {
    /// The expressions that it is made of.
    fn inner(&self) -> Vec<&Expr> {
        match self {
            Self::Not(a) | Self::Minus(a) | Self::Abs(a) | Self::Round(a) => vec![a],
            Self::Between(a, ..) | Self::In(a, _) | Self::Window(_, a, _) => vec![a],
            Self::And(a, b)
            | Self::Or(a, b)
            | Self::Xor(a, b)
            | Self::Compare(_, a, b)
            | Self::Arithmetic(_, a, b)
            | Self::Else(a, b) => vec![a, b],
            _ => Vec::new(),
        }
    }

    /// The same, but not into windows.
    fn parts(&self) -> Vec<&Expr> {
        if matches!(self, Self::Window(..)) { Vec::new() } else { self.inner() }
    }

    /// The tags it reads.
    pub(crate) fn tags(&self) -> Vec<usize> {
        match self {
            Self::Tag(tag) | Self::Good(tag) | Self::Prev(tag) | Self::Older(tag, ..) => vec![*tag],
            other => other.inner().into_iter().flat_map(Expr::tags).collect(),
        }
    }

    /// It, and all that it is made of, down to windows.
    pub(crate) fn all(&self) -> Vec<&Expr> {
        let mut all = vec![self];
        self.parts().into_iter().for_each(|part| all.extend(part.all()));
        all
    }

    /// Its windows: what they are over, and how long they are.
    pub(crate) fn windows(&self) -> Vec<(&'static str, &Expr, i64)> {
        let mut windows = Vec::new();
        for e in self.all() {
            if let Expr::Window(function, inner, length) = e {
                windows.push((*function, &**inner, *length));
            }
        }
        windows
    }

    /// The tags that it reads outside of windows.
    pub(crate) fn outside(&self) -> Vec<usize> {
        match self {
            Self::Window(..) => Vec::new(),
            other if other.parts().is_empty() => other.tags(),
            other => other.parts().into_iter().flat_map(Expr::outside).collect(),
        }
    }

    /// Whether time alone changes what it says.
    pub(super) fn watches_time(&self) -> bool {
        self.all().into_iter().any(|e| matches!(e, Self::Older(..) | Self::Hour | Self::Weekday))
    }

    /// What it is where each tag is another one, and each parameter a value.
    pub(crate) fn bound(&self, tag: &dyn Fn(usize) -> usize, params: &[Expr]) -> Expr {
        let b = |e: &Expr| Box::new(e.bound(tag, params));
        match self {
            Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Hour | Self::Weekday => self.clone(),
            Self::Param(place) => params[*place].clone(),
            Self::Tag(t) => Self::Tag(tag(*t)),
            Self::Good(t) => Self::Good(tag(*t)),
            Self::Prev(t) => Self::Prev(tag(*t)),
            Self::Older(t, sign, ms) => Self::Older(tag(*t), sign, *ms),
            Self::Not(a) => Self::Not(b(a)),
            Self::Minus(a) => Self::Minus(b(a)),
            Self::Abs(a) => Self::Abs(b(a)),
            Self::Round(a) => Self::Round(b(a)),
            Self::Between(a, low, high) => Self::Between(b(a), *low, *high),
            Self::In(a, list) => Self::In(b(a), list.iter().map(|e| e.bound(tag, params)).collect()),
            Self::Window(function, a, length) => Self::Window(function, b(a), *length),
            Self::And(x, y) => Self::And(b(x), b(y)),
            Self::Or(x, y) => Self::Or(b(x), b(y)),
            Self::Xor(x, y) => Self::Xor(b(x), b(y)),
            Self::Compare(sign, x, y) => Self::Compare(sign, b(x), b(y)),
            Self::Arithmetic(sign, x, y) => Self::Arithmetic(*sign, b(x), b(y)),
            Self::Else(x, y) => Self::Else(b(x), b(y)),
        }
    }
}
