//! What is left of an expression where it was not understood.
//!
//! Here: the hole, what was understood before it, what a token that does not belong there spoils. Not here: where it
//! goes on (`parse`), how a hole is checked (`check`).
//! Invariant: half of a word that was meant is not taken for the whole.

use std::ops::Range;

use crate::expr::lex::{Kind, Token};
use crate::expr::{Expr, Joint, Node};

/// What was not understood, with what was understood in it.
pub(super) fn hole(parts: Vec<Expr>, span: Range<usize>) -> Expr {
    Expr { node: Node::Hole(parts), span }
}

/// An expression that is checked, but of which nobody knows whether it means what was meant.
pub(super) fn beside_a_hole(expr: Expr) -> Expr {
    let span = expr.span.clone();
    let unknown = hole(Vec::new(), span.end..span.end);
    Expr { node: Node::Join(Joint::And, vec![expr, unknown]), span }
}

/// A mistake was told where a part of an expression should have been; what was understood before it.
#[derive(Debug)]
pub(super) struct Told(pub(super) Vec<Expr>);

impl Told {
    /// The same, with what stands before it.
    pub(super) fn behind(mut self, before: impl IntoIterator<Item = Expr>) -> Self {
        self.0.splice(0..0, before);
        self
    }
}

pub(super) fn joined_or_alone(joint: Joint, parts: Vec<Expr>) -> Expr {
    match <[Expr; 1]>::try_from(parts) {
        Ok([alone]) => alone,
        Err(parts) => {
            let start = parts.first().map_or(0, |part| part.span.start);
            let end = parts.last().map_or(start, |part| part.span.end);
            Expr { node: Node::Join(joint, parts), span: start..end }
        }
    }
}

/// What stands before a token that does not belong behind it: its last word may be half of one that was meant.
pub(super) fn spoiled(mut expr: Expr, by: &Token) -> Expr {
    let touches = expr.span.end == by.span.start;
    let is_half = |node: &Node| match (&by.kind, node) {
        // `washer-1.pressure`
        (Kind::Of, Node::Calc(..) | Node::Name(_) | Node::Number(..)) => true,
        (Kind::Name(_) | Kind::Number(..), Node::Name(_) | Node::Number(_, None)) => true,
        (_, Node::Name(_) | Node::Number(..)) => touches && by.kind == Kind::Wrong,
        _ => false,
    };
    let mut last = &mut expr;
    loop {
        if is_half(&last.node) {
            last.node = Node::Hole(Vec::new());
            return expr;
        }
        last = match &mut last.node {
            Node::Not(a) | Node::Negate(a) | Node::Compare(_, _, a) | Node::Between(_, _, a) => a,
            Node::Calc(_, rest) => match rest.last_mut() {
                Some((_, part)) => part,
                None => return expr,
            },
            Node::Join(_, parts) => match parts.last_mut() {
                Some(part) => part,
                None => return expr,
            },
            _ => return expr,
        };
    }
}
