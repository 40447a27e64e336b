//! The expression language: a text becomes tokens, a tree, a typed tree for one machine, a program, a truth.
//!
//! Here: the tree and the mistake; one file each for the steps: `lex` (with `number` and `habits`), `parse` (with
//! `faults`), then names, types and units in `check`, `named`, `typed`, `unified`, `coded`, `several`, `sum`, `call`
//! and `arguments`, what follows from the typed tree (`ir`) in `reach` and `deadband`, then `compile`, `eval` and
//! `cell`. Not here: what a condition does in the course of time (`condition`).
//! Invariant: three-valued logic (Kleene): what is Unknown never counts as false by accident.

mod arguments;
mod call;
mod cell;
pub mod check;
mod coded;
mod compile;
mod cuts;
pub mod deadband;
pub mod eval;
mod faults;
mod habits;
pub mod ir;
#[cfg(test)]
mod language;
pub mod lex;
mod named;
mod number;
mod op;
pub mod parse;
pub mod reach;
mod several;
mod sum;
mod typed;
mod unified;

pub use call::function_names;

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
    /// It can be used, but it is probably not what was meant.
    pub warning: bool,
}

impl Mistake {
    pub(crate) fn new(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { code, span, message: message.into(), label: "here".into(), help: None, warning: false }
    }

    pub(crate) fn warning(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { warning: true, ..Self::new(code, span, message) }
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

/// What an expression is made of. Chains are flat, so that only brackets make it deep.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// A tag, a parameter, a definition, or a name of a code.
    Name(String),
    /// A tag of another machine: the machine, the tag.
    Far(String, String),
    /// A number, with the unit behind it.
    Number(Number, Option<String>),
    /// A text in single quotes.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// Two values compared.
    Compare(Relation, Box<Expr>, Box<Expr>),
    /// One of a list.
    Among(Box<Expr>, Vec<Expr>),
    /// Between two values, both inclusive.
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Two or more conditions joined.
    Join(Joint, Vec<Expr>),
    /// The opposite.
    Not(Box<Expr>),
    /// The negative.
    Negate(Box<Expr>),
    /// Terms added and subtracted, or multiplied and divided, from left to right.
    Calc(Box<Expr>, Vec<(Operator, Expr)>),
    /// The first of them that is known.
    Else(Vec<Expr>),
    /// A function, its name's place, its arguments.
    Call(String, Range<usize>, Vec<Expr>),
    /// Something that was not understood, with what was understood in it. It is of no type, and nothing is expected
    /// of it, so that a mistake that was told leads to no other.
    Hole(Vec<Expr>),
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

impl Relation {
    /// The same with its sides exchanged.
    #[must_use]
    pub fn mirrored(self) -> Self {
        match self {
            Relation::Less => Relation::Greater,
            Relation::AtMost => Relation::AtLeast,
            Relation::Greater => Relation::Less,
            Relation::AtLeast => Relation::AtMost,
            same => same,
        }
    }

    /// Whether it asks for equality only, not for an order.
    #[must_use]
    pub fn is_equality(self) -> bool {
        matches!(self, Relation::Equal | Relation::NotEqual)
    }
}

/// How conditions are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joint {
    /// All of them.
    And,
    /// An odd number of them.
    Xor,
    /// At least one.
    Or,
}

/// How two numbers make a third.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
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

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
            Operator::Divide => "/",
        })
    }
}

/// Parts in a row, with the same between each two of them.
pub(crate) fn in_a_row<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    parts: &[T],
    between: &str,
) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { between })?;
        write!(f, "{part}")?;
    }
    Ok(())
}

/// The canonical form: the same for every spelling of the same expression. It is what a rule's hash is made of,
/// and it reads back as the same tree.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Node::Name(name) => write!(f, "`{name}`"),
            Node::Far(machine, tag) => write!(f, "`{machine}`.`{tag}`"),
            Node::Number(Number::Int(i), None) => write!(f, "{i}"),
            Node::Number(Number::Float(x), None) => write!(f, "{x:?}"),
            Node::Number(Number::Int(i), Some(unit)) => write!(f, "{i} {unit}"),
            Node::Number(Number::Float(x), Some(unit)) => write!(f, "{x:?} {unit}"),
            Node::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Node::Bool(b) => write!(f, "{b}"),
            Node::Compare(relation, a, b) => write!(f, "({a} {relation} {b})"),
            Node::Among(x, list) => {
                write!(f, "({x} in [")?;
                in_a_row(f, list, ", ")?;
                f.write_str("])")
            }
            Node::Between(x, low, high) => write!(f, "({x} in {low} .. {high})"),
            Node::Join(joint, parts) => {
                f.write_str("(")?;
                in_a_row(f, parts, &format!(" {joint} "))?;
                f.write_str(")")
            }
            Node::Not(a) => write!(f, "not {a}"),
            Node::Negate(a) => write!(f, "-({a})"),
            Node::Calc(first, rest) => {
                write!(f, "({first}")?;
                for (operator, term) in rest {
                    write!(f, " {operator} {term}")?;
                }
                f.write_str(")")
            }
            Node::Else(parts) => {
                f.write_str("(")?;
                in_a_row(f, parts, " else ")?;
                f.write_str(")")
            }
            Node::Call(function, _, arguments) => {
                write!(f, "{function}(")?;
                in_a_row(f, arguments, ", ")?;
                f.write_str(")")
            }
            Node::Hole(_) => f.write_str("?"),
        }
    }
}
