//! From tokens to the tree.
//!
//! Here: precedence, tightest first: comparison, `not`, `and`, `xor`, `or`; so `not a > b` is `not (a > b)`.
//! Not here: what names and units mean (`check`).
//! Invariant: nesting is bounded by [`DEPTH_MAX`], so no text can exhaust the stack.

use super::lex::{Kind, Token, tokens};
use super::{DEPTH_MAX, Expr, Joint, Mistake, Node, Number, TEXT_MAX};

/// Parses an expression.
///
/// # Errors
/// The first mistake, with its place.
pub fn parse(text: &str) -> Result<Expr, Mistake> {
    if text.len() > TEXT_MAX {
        return Err(Mistake::new("R106", 0..text.len(), format!("a condition has at most {TEXT_MAX} bytes")));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, end: text.len() };
    let expr = parser.joined(Joint::Or)?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => Err(unexpected_after(token)),
    }
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: usize,
    end: usize,
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

    fn joined(&mut self, joint: Joint) -> Result<Expr, Mistake> {
        let mut left = self.operand_of(joint)?;
        while self.next_if(&Kind::Joint(joint)) {
            let right = self.operand_of(joint)?;
            let span = left.span.start..right.span.end;
            left = Expr { node: Node::Join(joint, Box::new(left), Box::new(right)), span };
        }
        Ok(left)
    }

    fn operand_of(&mut self, joint: Joint) -> Result<Expr, Mistake> {
        match joint {
            Joint::Or => self.joined(Joint::Xor),
            Joint::Xor => self.joined(Joint::And),
            Joint::And => self.negated(),
        }
    }

    fn negated(&mut self) -> Result<Expr, Mistake> {
        let Some(not) = self.peek().filter(|t| t.kind == Kind::Not) else { return self.comparison() };
        self.at += 1;
        let inner = self.deeper(Self::negated)?;
        let span = not.span.start..inner.span.end;
        Ok(Expr { node: Node::Not(Box::new(inner)), span })
    }

    fn comparison(&mut self) -> Result<Expr, Mistake> {
        let left = self.value()?;
        let Some((relation, _)) = self.relation() else { return Ok(left) };
        let right = self.value()?;
        if let Some((_, span)) = self.relation() {
            return Err(
                Mistake::new("R107", span, "comparisons cannot be chained").help("write `a < b and b < c`")
            );
        }
        let span = left.span.start..right.span.end;
        Ok(Expr { node: Node::Compare(relation, Box::new(left), Box::new(right)), span })
    }

    fn relation(&mut self) -> Option<(super::Relation, std::ops::Range<usize>)> {
        let token = self.peek()?;
        let Kind::Relation(relation) = token.kind else { return None };
        self.at += 1;
        Some((relation, token.span.clone()))
    }

    fn value(&mut self) -> Result<Expr, Mistake> {
        let Some(token) = self.peek() else {
            return Err(Mistake::new("R107", self.end..self.end, "the condition ends too early")
                .label("a tag, a number or a text is expected"));
        };
        self.at += 1;
        let node = match &token.kind {
            Kind::Name(name) => Node::Tag(name.clone()),
            Kind::Number(number, unit) => Node::Number(*number, unit.clone()),
            Kind::Text(text) => Node::Text(text.clone()),
            Kind::Bool(b) => Node::Bool(*b),
            Kind::Minus => return self.negative(token),
            Kind::Open => return self.bracket(token),
            _ => {
                return Err(Mistake::new("R107", token.span.clone(), "a value is missing")
                    .label("a tag, a number or a text is expected here"));
            }
        };
        Ok(Expr { node, span: token.span.clone() })
    }

    fn negative(&mut self, minus: &Token) -> Result<Expr, Mistake> {
        let token = self.peek().ok_or_else(|| lonely_minus(minus))?;
        let Kind::Number(number, unit) = &token.kind else { return Err(lonely_minus(minus)) };
        self.at += 1;
        let negated = match number {
            Number::Int(i) => Number::Int(-i),
            Number::Float(f) => Number::Float(-f),
        };
        Ok(Expr { node: Node::Number(negated, unit.clone()), span: minus.span.start..token.span.end })
    }

    fn bracket(&mut self, open: &Token) -> Result<Expr, Mistake> {
        let inner = self.deeper(|p| p.joined(Joint::Or))?;
        match self.peek() {
            Some(token) if token.kind == Kind::Close => {
                self.at += 1;
                Ok(Expr { node: inner.node, span: open.span.start..token.span.end })
            }
            other => {
                let span = other.map_or(self.end..self.end, |t| t.span.clone());
                Err(Mistake::new("R108", span, "a bracket is not closed").label("`)` is expected here"))
            }
        }
    }

    fn deeper(&mut self, f: impl FnOnce(&mut Self) -> Result<Expr, Mistake>) -> Result<Expr, Mistake> {
        if self.depth == DEPTH_MAX {
            let at = self.peek().map_or(self.end..self.end, |t| t.span.clone());
            return Err(Mistake::new("R106", at, format!("a condition is nested at most {DEPTH_MAX} deep")));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }
}

fn lonely_minus(minus: &Token) -> Mistake {
    Mistake::new("R107", minus.span.clone(), "`-` stands in front of a number only")
        .help("this version compares, it does not calculate")
}

fn unexpected_after(token: &Token) -> Mistake {
    let mistake = Mistake::new("R107", token.span.clone(), "the condition goes on after its end");
    match token.kind {
        Kind::Close => mistake.label("no bracket is open here"),
        _ => mistake.label("`and`, `or` or the end is expected here"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        parse(text).unwrap().to_string()
    }

    #[test]
    fn precedence_is_comparison_not_and_xor_or() {
        assert_eq!(canonical("not a > 1 and b or c xor d"), "((not (`a` > 1) and `b`) or (`c` xor `d`))");
        assert_eq!(canonical("(a or b) and c"), "((`a` or `b`) and `c`)");
    }

    #[test]
    fn spelling_does_not_change_the_canonical_form() {
        assert_eq!(canonical("  a==1 && !(b) "), canonical("a = 1 AND NOT b"));
        assert_eq!(canonical("a > -4.50 bar"), "(`a` > -4.5 bar)");
    }

    #[test]
    fn mistakes_are_found_at_their_place() {
        let at = |text: &str| parse(text).map(|e| e.to_string()).unwrap_err().span;
        assert_eq!(at("a > "), 4..4);
        assert_eq!(at("(a > 1"), 6..6);
        assert_eq!(at("a > 1)"), 5..6);
        assert_eq!(at("a > 1 'b'"), 6..9);
        assert_eq!(at("1 < a < 3"), 6..7);
        assert_eq!(at("a and and b"), 6..9);
        assert_eq!(at("- a > 1"), 0..1);
    }

    #[test]
    fn depth_and_length_are_bounded() {
        assert!(parse(&format!("{}a{}", "(".repeat(64), ")".repeat(64))).is_ok());
        assert_eq!(parse(&format!("{}a", "(".repeat(65))).unwrap_err().code, "R106");
        assert_eq!(parse(&"not ".repeat(900)).unwrap_err().code, "R106");
        assert_eq!(parse(&"a or ".repeat(1000)).unwrap_err().code, "R106");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            parse(&text).ok();
        }

        #[test]
        fn the_canonical_form_is_its_own_canonical_form(
            text in "(not )?(a|b) (>|<=|=) -?[0-9]{1,3}(\\.[0-9]{1,2})?( bar)? (and|or|xor) (c|'x y' = d|not e)"
        ) {
            let once = canonical(&text);
            proptest::prop_assert_eq!(canonical(&once), once);
        }
    }
}
