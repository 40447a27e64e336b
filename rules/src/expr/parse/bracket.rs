//! What stands in brackets: a condition, a value with what stands in for it, lists, arguments.
//!
//! Here: where they end, and where they go on if they do not end where they should. Not here: what stands between their
//! commas (`operand`).
//! Invariant: a bracket that is not closed is told once, and what is in it is checked all the same.

use super::hole::{Told, hole, spoiled};
use super::{Inside, Parser};
use crate::expr::lex::{Kind, Token};
use crate::expr::{Expr, Joint, Node, faults};

impl Parser<'_> {
    /// Expressions with commas between them, up to the bracket that closes them.
    pub(super) fn list(&mut self, inside: Inside) -> Result<Vec<Expr>, Told> {
        if self.next_if(&inside.close()) {
            return Ok(Vec::new());
        }
        self.open.push(inside);
        let items = self.items(inside);
        self.open.pop();
        items
    }

    fn items(&mut self, inside: Inside) -> Result<Vec<Expr>, Told> {
        let mut list = Vec::new();
        loop {
            match self.deeper(|p| p.joined(Joint::Or)) {
                Ok(item) => list.push(item),
                Err(told) => return Err(told.behind(list)),
            }
            if self.next_if(&inside.close()) {
                return Ok(list);
            }
            if !self.next_if(&Kind::Comma) {
                match self.goes_on_inside(inside, &mut list) {
                    Some(true) => {}
                    Some(false) => return Ok(list),
                    None if inside == Inside::List => return Ok(list),
                    None => return Err(Told(list)),
                }
            }
        }
    }

    pub(super) fn bracket(&mut self, open: &Token) -> Result<Expr, Told> {
        self.open.push(Inside::Bracket);
        let parts = self.bracketed();
        self.open.pop();
        let span = open.span.start..self.behind();
        Ok(match <[Expr; 1]>::try_from(parts?) {
            Ok([alone]) => Expr { node: alone.node, span },
            Err(parts) => Expr { node: Node::Else(parts), span },
        })
    }

    fn bracketed(&mut self) -> Result<Vec<Expr>, Told> {
        let mut parts = Vec::new();
        loop {
            match self.deeper(|p| p.joined(Joint::Or)) {
                Ok(part) => parts.push(part),
                Err(told) => return Err(told.behind(parts)),
            }
            if self.next_if(&Kind::Close) {
                return Ok(parts);
            }
            if !self.next_if(&Kind::Else) && self.goes_on_inside(Inside::Bracket, &mut parts) != Some(true) {
                return Ok(parts);
            }
        }
    }

    /// Tells that a bracket is not closed where it should be, and looks for its end. True: there is more inside; none:
    /// it does not end.
    fn goes_on_inside(&mut self, inside: Inside, parts: &mut Vec<Expr>) -> Option<bool> {
        self.tell(faults::unclosed(&inside.close(), self.peek(), self.end));
        self.sure = false;
        if let Some(token) = self.peek()
            && let Some(last) = parts.pop()
        {
            let span = last.span.clone();
            parts.push(hole(vec![spoiled(last, token)], span));
        }
        self.skip();
        let Some(token) = self.peek() else {
            // Nobody knows how much of the last was meant to stand behind the bracket.
            if inside == Inside::List
                && let Some(last) = parts.pop()
            {
                let span = last.span.clone();
                parts.push(hole(vec![last], span));
            }
            return None;
        };
        let closes = matches!(token.kind, Kind::Close | Kind::CloseList);
        // A bracket of the other kind may be the end of one further out.
        let of_another = closes && token.kind != inside.close();
        let outer = self.open.iter().rev().skip(1).any(|outer| outer.close() == token.kind);
        if !(of_another && outer) {
            self.at += 1;
        }
        Some(!closes)
    }
}
