//! From tokens to the tree.
//!
//! Here: `and`, `xor`, `or`, and where it goes on behind a mistake: at the next of these, or where a bracket closes.
//! What they join stands in `operand`, brackets in `bracket`. Not here: what names and units mean (`check`), what is said
//! of a mistake (`faults`).
//! Invariant: nesting is bounded by [`DEPTH_MAX`], so no text can exhaust the stack; chains are flat; what follows from
//! one mistake is not told as another. What was not understood is a hole in the tree, so that the rest is checked.

mod bracket;
mod hole;
mod operand;

use std::ops::Range;

use self::hole::{Told, beside_a_hole, hole, joined_or_alone, spoiled};
use super::faults;
use super::lex::{Kind, Token, tokens};
use super::{DEPTH_MAX, Expr, Joint, Mistake, Node, TEXT_MAX};

/// An expression as far as it was understood, and all that is wrong with its words and their order.
#[derive(Debug)]
pub struct Parsed {
    /// The tree, with a hole for each mistake that leaves one.
    pub expr: Expr,
    /// Mistakes, in the order of their places.
    pub mistakes: Vec<Mistake>,
}

/// Reads an expression.
#[must_use]
pub fn read(text: &str) -> Parsed {
    if text.len() > TEXT_MAX {
        let mistake =
            Mistake::new("R106", 0..text.len(), format!("a condition has at most {TEXT_MAX} bytes"))
                .label("too long")
                .help("give parts of it a name with `define`");
        return Parsed { expr: hole(Vec::new(), 0..text.len()), mistakes: vec![mistake] };
    }
    let (tokens, mistakes) = tokens(text);
    let (at, depth, open) = (0, 0, Vec::new());
    let end = text.len();
    let mut parser =
        Parser { text, tokens: &tokens, at, depth, end, open, stopped: false, sure: true, mistakes };
    let expr = parser.whole();
    let Parser { stopped, sure, mut mistakes, .. } = parser;
    let too_deep = height(&expr) > DEPTH_MAX;
    if mistakes.is_empty() && too_deep {
        mistakes.push(faults::too_deep(expr.span.clone()));
    }
    mistakes.sort_by_key(|m| m.span.start);
    let expr = match (stopped || too_deep, sure) {
        (true, _) => hole(Vec::new(), 0..end),
        (false, true) => expr,
        (false, false) => beside_a_hole(expr),
    };
    Parsed { expr, mistakes }
}

/// Parses an expression without a mistake.
///
/// # Errors
/// All its mistakes, in the order of their places.
pub fn parse(text: &str) -> Result<Expr, Vec<Mistake>> {
    let Parsed { expr, mistakes } = read(text);
    if mistakes.is_empty() { Ok(expr) } else { Err(mistakes) }
}

/// How many nodes lie one in the other; brackets alone are none.
fn height(expr: &Expr) -> usize {
    let highest = |parts: &mut dyn Iterator<Item = &Expr>| parts.map(height).max().unwrap_or(0);
    1 + match &expr.node {
        Node::Name(_) | Node::Far(..) | Node::Number(..) | Node::Text(_) | Node::Bool(_) => 0,
        Node::Not(a) | Node::Negate(a) => height(a),
        Node::Compare(_, a, b) => height(a).max(height(b)),
        Node::Between(a, b, c) => height(a).max(height(b)).max(height(c)),
        Node::Among(a, list) => height(a).max(highest(&mut list.iter())),
        Node::Calc(a, rest) => height(a).max(highest(&mut rest.iter().map(|(_, part)| part))),
        Node::Join(_, parts) | Node::Else(parts) | Node::Call(_, _, parts) | Node::Hole(parts) => {
            highest(&mut parts.iter())
        }
    }
}

/// What a bracket holds that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// A condition or a value.
    Bracket,
    /// Arguments of a function.
    Arguments,
    /// A list.
    List,
}

impl Inside {
    fn close(self) -> Kind {
        if self == Inside::List { Kind::CloseList } else { Kind::Close }
    }
}

struct Parser<'t> {
    text: &'t str,
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    end: usize,
    /// The brackets that are open, the innermost last.
    open: Vec<Inside>,
    /// Nested too deep: nothing more is said.
    stopped: bool,
    /// What was read is what was meant, or a hole.
    sure: bool,
    mistakes: Vec<Mistake>,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn next_if(&mut self, wanted: &Kind) -> bool {
        let there = self.peek().is_some_and(|t| t.kind == *wanted);
        self.at += usize::from(there);
        there
    }

    fn follows(&self, wanted: &Kind) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|t| t.kind == *wanted)
    }

    /// Where the next token stands, or the end.
    fn here(&self) -> Range<usize> {
        self.peek().map_or(self.end..self.end, |t| t.span.clone())
    }

    fn before(&self) -> Option<&'t Token> {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at))
    }

    /// Where the last token ended.
    fn behind(&self) -> usize {
        self.before().map_or(0, |t| t.span.end)
    }

    /// Notes a mistake, unless something was said of this place already.
    fn tell(&mut self, mistake: Mistake) -> Told {
        let start = mistake.span.start;
        let known = |m: &Mistake| {
            let same = m.span.start == start && (m.code == mistake.code || start < self.end);
            // A name goes on behind a character that is no part of it.
            same || m.span.end == start && m.code == "R101" && mistake.code == "R107" && start < self.end
        };
        if !self.stopped && !self.mistakes.iter().any(known) {
            self.mistakes.push(mistake);
        }
        Told(Vec::new())
    }

    /// Goes to where the expression can be understood again: `and`, `or`, the end of a bracket, the next of a list.
    fn skip(&mut self) {
        let mut opened = 0;
        while let Some(token) = self.peek() {
            let inside = self.open.last();
            match token.kind {
                Kind::Open | Kind::OpenList => opened += 1,
                Kind::Close | Kind::CloseList if opened > 0 => opened -= 1,
                Kind::Close | Kind::CloseList => return,
                Kind::Joint(_) if opened == 0 => return,
                Kind::Comma if opened == 0 && inside.is_some_and(|i| *i != Inside::Bracket) => return,
                Kind::Else if opened == 0 && inside == Some(&Inside::Bracket) => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// All of it, whatever stands behind the end of what is understood.
    fn whole(&mut self) -> Expr {
        let mut expr = self.joined(Joint::Or);
        while let Some(token) = self.peek() {
            self.tell(faults::goes_on(self.text, self.tokens, self.at));
            self.sure = false;
            let mut parts = if matches!(token.kind, Kind::Close | Kind::CloseList) {
                vec![expr]
            } else {
                let start = expr.span.start;
                let mut parts = vec![spoiled(expr, token)];
                parts.extend(self.without_joint(token));
                vec![hole(parts, start..self.behind())]
            };
            // Brackets that close nothing follow from it.
            self.skip();
            while self.peek().is_some_and(|t| matches!(t.kind, Kind::Close | Kind::CloseList)) {
                self.at += 1;
                self.skip();
            }
            if self.peek().is_some() {
                self.at += 1;
                parts.push(self.joined(Joint::Or));
            }
            expr = joined_or_alone(Joint::And, parts);
        }
        expr
    }

    /// The condition that stands behind another without an `and` between them, if this is what it is.
    fn without_joint(&mut self, token: &Token) -> Vec<Expr> {
        self.at += usize::from(token.kind == Kind::Comma);
        let goes_on = match self.before().map(|t| &t.kind) {
            Some(Kind::Name(_)) => !matches!(token.kind, Kind::Name(_) | Kind::Number(..)),
            Some(Kind::Number(_, None)) => !matches!(token.kind, Kind::Number(..)),
            _ => true,
        };
        let begins = self.peek().is_some_and(|t| t.kind.begins_a_value());
        match goes_on && begins {
            true => self.negated().map_or_else(|Told(parts)| parts, |expr| vec![expr]),
            false => Vec::new(),
        }
    }

    fn joined(&mut self, joint: Joint) -> Expr {
        let mut parts = vec![self.operand_of(joint)];
        while self.next_if(&Kind::Joint(joint)) {
            parts.push(self.operand_of(joint));
        }
        joined_or_alone(joint, parts)
    }

    fn operand_of(&mut self, joint: Joint) -> Expr {
        match joint {
            Joint::Or => self.joined(Joint::Xor),
            Joint::Xor => self.joined(Joint::And),
            Joint::And => {
                let start = self.here().start;
                self.negated().unwrap_or_else(|Told(parts)| {
                    self.skip();
                    hole(parts, start..self.behind().max(start))
                })
            }
        }
    }

    fn negated(&mut self) -> Result<Expr, Told> {
        let Some(not) = self.peek().filter(|t| t.kind == Kind::Not) else { return self.comparison() };
        self.at += 1;
        let inner = self.deeper(Self::negated)??;
        let span = not.span.start..inner.span.end;
        Ok(Expr { node: Node::Not(Box::new(inner)), span })
    }

    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> T) -> Result<T, Told> {
        if self.depth == DEPTH_MAX {
            let told = self.tell(faults::too_deep(self.here()));
            (self.stopped, self.at) = (true, self.tokens.len());
            return Err(told);
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        Ok(result)
    }
}

#[cfg(test)]
mod tests;
