//! What `and` and `or` join: comparisons, and the values that they compare.
//!
//! Here: precedence, tightest first: unary minus, `* /`, `+ -`, comparison and `in`; above them stand `not`, `and`,
//! `xor`, `or`, so `not a > b` is `not (a > b)`. Not here: brackets and lists (`bracket`).
//! Invariant: what was understood before a mistake goes with it (`Told`).

use std::ops::Range;

use super::hole::{Told, joined_or_alone};
use super::{Inside, Parser};
use crate::expr::lex::{Kind, Token};
use crate::expr::{Expr, Joint, Node, Number, Operator, Relation, faults};

impl Parser<'_> {
    pub(super) fn comparison(&mut self) -> Result<Expr, Told> {
        let left = self.sum()?;
        let compared = if self.next_if(&Kind::In) {
            self.range_or_list(left)?
        } else if self.peek().is_some_and(|t| t.kind == Kind::Not) && self.follows(&Kind::In) {
            self.tell(faults::not_in(self.here()));
            self.at += 2;
            let inner = self.range_or_list(left)?;
            let span = inner.span.clone();
            Expr { node: Node::Not(Box::new(inner)), span }
        } else if self.peek().is_some_and(is_between) {
            self.tell(faults::goes_on(self.text, self.tokens, self.at));
            self.at += 1;
            self.range(left, &Kind::Joint(Joint::And))?
        } else if let Some((relation, _)) = self.relation() {
            self.compared(left, relation)?
        } else {
            return Ok(left);
        };
        match self.relation() {
            Some((relation, span)) => self.chained(compared, relation, span),
            None => Ok(compared),
        }
    }

    fn compared(&mut self, left: Expr, relation: Relation) -> Result<Expr, Told> {
        let right = match self.sum() {
            Ok(right) => right,
            Err(told) => return Err(told.behind([left])),
        };
        let span = left.span.start..self.behind();
        Ok(Expr { node: Node::Compare(relation, Box::new(left), Box::new(right)), span })
    }

    /// `a < b < c` stands for `a < b and b < c`.
    fn chained(&mut self, first: Expr, relation: Relation, at: Range<usize>) -> Result<Expr, Told> {
        let told = self.tell(faults::chained(at));
        let (mut relation, mut parts) = (relation, vec![first]);
        loop {
            let Some(Node::Compare(_, _, middle)) = parts.last().map(|last| &last.node) else {
                return Err(told.behind(parts));
            };
            let middle = Expr::clone(middle);
            match self.compared(middle, relation) {
                Ok(compared) => parts.push(compared),
                // What is in the middle was looked at.
                Err(Told(after)) => return Err(Told(after.into_iter().skip(1).collect()).behind(parts)),
            }
            match self.relation() {
                Some((next, _)) => relation = next,
                None => return Ok(joined_or_alone(Joint::And, parts)),
            }
        }
    }

    /// What stands behind `in`.
    fn range_or_list(&mut self, left: Expr) -> Result<Expr, Told> {
        if let Some(open) = self.peek().filter(|t| t.kind == Kind::OpenList) {
            return self.among(left, Inside::List, open.span.start);
        }
        if self.is_list_in_brackets() {
            self.tell(faults::list_in_brackets(self.here()));
            return self.among(left, Inside::Arguments, self.here().start);
        }
        self.range(left, &Kind::To)
    }

    fn among(&mut self, left: Expr, inside: Inside, open: usize) -> Result<Expr, Told> {
        self.at += 1;
        let list = match self.list(inside) {
            Ok(list) => list,
            Err(told) => return Err(told.behind([left])),
        };
        if list.is_empty() {
            return Err(self.tell(faults::empty_list(open..self.behind())).behind([left]));
        }
        let span = left.span.start..self.behind();
        Ok(Expr { node: Node::Among(Box::new(left), list), span })
    }

    fn range(&mut self, left: Expr, between: &Kind) -> Result<Expr, Told> {
        let low = match self.sum() {
            Ok(low) => low,
            Err(told) => return Err(told.behind([left])),
        };
        if !self.next_if(between) {
            if let Node::Call(_, at, arguments) = low.node {
                return Err(self
                    .tell(faults::no_range(at).label("this is no list"))
                    .behind([left])
                    .behind(arguments));
            }
            return Err(self.tell(faults::no_range(self.here())).behind([left, low]));
        }
        match self.sum() {
            Ok(high) => {
                let span = left.span.start..self.behind();
                Ok(Expr { node: Node::Between(Box::new(left), Box::new(low), Box::new(high)), span })
            }
            Err(told) => Err(told.behind([left, low])),
        }
    }

    /// `in (A, B)`, as SQL has it.
    fn is_list_in_brackets(&self) -> bool {
        let inside = self.tokens.get(self.at + 1..).unwrap_or_default();
        let mut inside = inside.iter().take_while(|t| !matches!(t.kind, Kind::Close | Kind::Open));
        self.peek().is_some_and(|t| t.kind == Kind::Open) && inside.any(|t| t.kind == Kind::Comma)
    }

    fn relation(&mut self) -> Option<(Relation, Range<usize>)> {
        let token = self.peek()?;
        let Kind::Relation(relation) = token.kind else { return None };
        self.at += 1;
        Some((relation, token.span.clone()))
    }

    fn sum(&mut self) -> Result<Expr, Told> {
        self.chain([Operator::Add, Operator::Subtract], Self::product)
    }

    fn product(&mut self) -> Result<Expr, Told> {
        self.chain([Operator::Multiply, Operator::Divide], Self::signed)
    }

    fn chain(
        &mut self,
        operators: [Operator; 2],
        part: impl Fn(&mut Self) -> Result<Expr, Told>,
    ) -> Result<Expr, Told> {
        let first = part(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator().filter(|o| operators.contains(o)) {
            self.at += 1;
            match part(self) {
                Ok(part) => rest.push((operator, part)),
                Err(told) => {
                    let before = rest.into_iter().map(|(_, part)| part);
                    return Err(told.behind(std::iter::once(first).chain(before)));
                }
            }
        }
        if rest.is_empty() {
            return Ok(first);
        }
        let span = first.span.start..self.behind();
        Ok(Expr { node: Node::Calc(Box::new(first), rest), span })
    }

    fn operator(&self) -> Option<Operator> {
        match self.peek()?.kind {
            Kind::Operator(operator) => Some(operator),
            _ => None,
        }
    }

    fn signed(&mut self) -> Result<Expr, Told> {
        let Some(sign) = self.peek().filter(|t| t.kind == Kind::Operator(Operator::Subtract)) else {
            return self.value();
        };
        self.at += 1;
        let inner = self.deeper(Self::signed)??;
        let span = sign.span.start..inner.span.end;
        let node = match inner.node {
            Node::Number(Number::Int(i), unit) if i != i64::MIN => Node::Number(Number::Int(-i), unit),
            Node::Number(Number::Float(f), unit) => Node::Number(Number::Float(-f), unit),
            node => Node::Negate(Box::new(Expr { node, span: inner.span })),
        };
        Ok(Expr { node, span })
    }

    fn value(&mut self) -> Result<Expr, Told> {
        let Some(token) = self.peek() else {
            return Err(self.tell(faults::ends_early(self.end)));
        };
        // `=a > 4`, as a spreadsheet has it.
        if self.at == 0 && token.kind == Kind::Relation(Relation::Equal) {
            self.tell(faults::begins_as_a_formula(token.span.clone()));
            self.at += 1;
            return self.value();
        }
        if !token.kind.begins_a_value() || token.kind == Kind::Not {
            return self.no_value(token);
        }
        self.at += 1;
        let node = match &token.kind {
            Kind::Name(name) if self.next_if(&Kind::Open) => {
                let arguments = self.list(Inside::Arguments)?;
                Node::Call(name.to_lowercase(), token.span.clone(), arguments)
            }
            Kind::Name(name) => Node::Name(name.clone()),
            Kind::Quoted(machine) if self.next_if(&Kind::Of) => Node::Far(machine.clone(), self.far()?),
            Kind::Quoted(name) => Node::Name(name.clone()),
            Kind::Number(number, unit) => Node::Number(*number, unit.clone()),
            Kind::Text(text) => Node::Text(text.clone()),
            Kind::Bool(truth) => Node::Bool(*truth),
            Kind::Open => return self.bracket(token),
            _ => Node::Hole(Vec::new()),
        };
        Ok(Expr { node, span: token.span.start..self.behind() })
    }

    /// A token where a value should begin. `AND(a, b)`, as a spreadsheet has it, is understood.
    fn no_value(&mut self, token: &Token) -> Result<Expr, Told> {
        let Kind::Joint(joint) = token.kind else { return Err(self.tell(faults::no_value(token, false))) };
        let like_a_function = self.follows(&Kind::Open);
        let told = self.tell(faults::no_value(token, like_a_function));
        if !like_a_function {
            return Err(told);
        }
        self.at += 2;
        let parts = self.list(Inside::Arguments)?;
        if parts.is_empty() { Err(told) } else { Ok(joined_or_alone(joint, parts)) }
    }

    /// The tag behind a machine and a point.
    fn far(&mut self) -> Result<String, Told> {
        match self.peek().map(|t| &t.kind) {
            Some(Kind::Name(name) | Kind::Quoted(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => Err(self.tell(faults::no_far_tag(self.here()))),
        }
    }
}

/// `x between 3 and 4`, as SQL has it.
fn is_between(token: &Token) -> bool {
    matches!(&token.kind, Kind::Name(name) if faults::BETWEEN.contains(&name.to_lowercase().as_str()))
}
