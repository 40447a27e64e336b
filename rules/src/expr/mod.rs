//! The expression language of conditions: a text becomes tokens, a tree, a checked program, a truth.
//!
//! Here: the tree and the mistake; one file each for the steps. This version has comparisons of tags with
//! numbers, texts and each other, Bool tags, `and or xor not` and brackets; arithmetic, functions, windows,
//! ranges and unit conversion belong to the same rooms.
//! Not here: what a condition does in the course of time (`condition`).
//! Invariant: three-valued logic (Kleene): what is Unknown never counts as false by accident.

pub mod check;
pub mod eval;
pub mod lex;
pub mod parse;

use std::fmt;
use std::ops::Range;

/// Longest text of an expression, bytes (§10).
pub const TEXT_MAX: usize = 4096;
/// Deepest nesting of an expression (§10).
pub const DEPTH_MAX: usize = 64;

/// A mistake in an expression; its span counts bytes of the expression's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Stable code.
    pub code: &'static str,
    /// Where.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What stands beside the place.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Mistake {
    pub(crate) fn new(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), label: "here".into(), help: None }
    }

    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// A node of the tree with its place in the text.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub node: Node,
    /// Where it stands.
    pub span: Range<usize>,
}

/// What an expression is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A tag of the machine.
    Tag(String),
    /// A number, with the unit behind it.
    Number(Number, Option<String>),
    /// A text in single quotes.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// Two values compared.
    Compare(Relation, Box<Expr>, Box<Expr>),
    /// Two conditions joined.
    Join(Joint, Box<Expr>, Box<Expr>),
    /// The opposite.
    Not(Box<Expr>),
}

/// A number as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// Without a point.
    Int(i64),
    /// With a point or an exponent.
    Float(f64),
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// How two conditions are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// Both.
    And,
    /// Exactly one.
    Xor,
    /// At least one.
    Or,
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Relation::Equal => "=",
            Relation::NotEqual => "<>",
            Relation::Less => "<",
            Relation::AtMost => "<=",
            Relation::Greater => ">",
            Relation::AtLeast => ">=",
        })
    }
}

impl fmt::Display for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Joint::And => "and",
            Joint::Xor => "xor",
            Joint::Or => "or",
        })
    }
}

/// The canonical form: the same for every spelling of the same expression. It is what is hashed.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Tag(name) => write!(f, "`{name}`"),
            Node::Number(Number::Int(i), None) => write!(f, "{i}"),
            Node::Number(Number::Float(x), None) => write!(f, "{x:?}"),
            Node::Number(Number::Int(i), Some(unit)) => write!(f, "{i} {unit}"),
            Node::Number(Number::Float(x), Some(unit)) => write!(f, "{x:?} {unit}"),
            Node::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Node::Bool(b) => write!(f, "{b}"),
            Node::Compare(relation, a, b) => write!(f, "({a} {relation} {b})"),
            Node::Join(joint, a, b) => write!(f, "({a} {joint} {b})"),
            Node::Not(a) => write!(f, "not {a}"),
        }
    }
}
