//! From tokens to the tree.
//!
//! Here: precedence, tightest first: unary minus, `* /`, `+ -`, comparison and `in`, `not`, `and`, `xor`, `or`; so
//! `not a > b` is `not (a > b)`. Not here: what names and units mean (`check`).
//! Invariant: nesting is bounded by [`DEPTH_MAX`], so no text can exhaust the stack; chains are flat.

use std::ops::Range;

use super::lex::{Kind, Token, tokens};
use super::{DEPTH_MAX, Expr, Joint, Mistake, Node, Number, Operator, Relation, TEXT_MAX};

/// Parses an expression.
///
/// # Errors
/// The first mistake, with its place.
pub fn parse(text: &str) -> Result<Expr, Mistake> {
    if text.len() > TEXT_MAX {
        return Err(Mistake::new("R106", 0..text.len(), format!("a condition has at most {TEXT_MAX} bytes"))
            .label("too long")
            .help("give parts of it a name with `define`"));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, end: text.len() };
    let expr = parser.joined(Joint::Or)?;
    match parser.peek() {
        None if height(&expr) > DEPTH_MAX => Err(too_deep(expr.span)),
        None => Ok(expr),
        Some(token) => Err(unexpected_after(token)),
    }
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
        Node::Join(_, parts) | Node::Else(parts) | Node::Call(_, _, parts) => highest(&mut parts.iter()),
    }
}

fn too_deep(at: Range<usize>) -> Mistake {
    Mistake::new("R106", at, format!("a condition is nested at most {DEPTH_MAX} deep"))
        .label("too deep")
        .help("give the inner part a name with `define`")
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

    /// Where the last token ended.
    fn behind(&self) -> usize {
        self.at.checked_sub(1).and_then(|at| self.tokens.get(at)).map_or(0, |t| t.span.end)
    }

    fn joined(&mut self, joint: Joint) -> Result<Expr, Mistake> {
        let first = self.operand_of(joint)?;
        let mut parts = vec![first];
        while self.next_if(&Kind::Joint(joint)) {
            parts.push(self.operand_of(joint)?);
        }
        Ok(match <[Expr; 1]>::try_from(parts) {
            Ok([alone]) => alone,
            Err(parts) => {
                let span = parts[0].span.start..self.behind();
                Expr { node: Node::Join(joint, parts), span }
            }
        })
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
        let left = self.sum()?;
        let start = left.span.start;
        let node = if self.next_if(&Kind::In) {
            self.range_or_list(left)?
        } else if self.peek().is_some_and(|t| t.kind == Kind::Not) && self.follows(&Kind::In) {
            let not = self.peek().map_or(self.end..self.end, |t| t.span.clone());
            return Err(Mistake::new("R107", not, "`not` stands in front of what it negates")
                .help("write `not x in [A, B]`"));
        } else if let Some((relation, _)) = self.relation() {
            Node::Compare(relation, Box::new(left), Box::new(self.sum()?))
        } else {
            return Ok(left);
        };
        if let Some((_, span)) = self.relation() {
            return Err(
                Mistake::new("R107", span, "comparisons cannot be chained").help("write `a < b and b < c`")
            );
        }
        Ok(Expr { node, span: start..self.behind() })
    }

    fn follows(&self, wanted: &Kind) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|t| t.kind == *wanted)
    }

    /// What stands behind `in`.
    fn range_or_list(&mut self, left: Expr) -> Result<Node, Mistake> {
        if let Some(open) = self.peek().filter(|t| t.kind == Kind::OpenList) {
            self.at += 1;
            let list = self.list(&Kind::CloseList)?;
            if list.is_empty() {
                return Err(Mistake::new("R107", open.span.start..self.behind(), "the list is empty"));
            }
            return Ok(Node::Among(Box::new(left), list));
        }
        let low = self.sum()?;
        if !self.next_if(&Kind::To) {
            let span = self.peek().map_or(self.end..self.end, |t| t.span.clone());
            return Err(Mistake::new("R107", span, "behind `in` stands a list or a range")
                .label("`..` is expected here")
                .help("write `x in [A, B]` or `x in 72 °C .. 87 °C`"));
        }
        Ok(Node::Between(Box::new(left), Box::new(low), Box::new(self.sum()?)))
    }

    fn relation(&mut self) -> Option<(Relation, Range<usize>)> {
        let token = self.peek()?;
        let Kind::Relation(relation) = token.kind else { return None };
        self.at += 1;
        Some((relation, token.span.clone()))
    }

    fn sum(&mut self) -> Result<Expr, Mistake> {
        self.chain([Operator::Add, Operator::Subtract], Self::product)
    }

    fn product(&mut self) -> Result<Expr, Mistake> {
        self.chain([Operator::Multiply, Operator::Divide], Self::signed)
    }

    fn chain(
        &mut self,
        operators: [Operator; 2],
        part: impl Fn(&mut Self) -> Result<Expr, Mistake>,
    ) -> Result<Expr, Mistake> {
        let first = part(self)?;
        let mut rest = Vec::new();
        while let Some(operator) = self.operator().filter(|o| operators.contains(o)) {
            self.at += 1;
            rest.push((operator, part(self)?));
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

    fn signed(&mut self) -> Result<Expr, Mistake> {
        let Some(sign) = self.peek().filter(|t| t.kind == Kind::Operator(Operator::Subtract)) else {
            return self.value();
        };
        self.at += 1;
        let inner = self.deeper(Self::signed)?;
        let span = sign.span.start..inner.span.end;
        let node = match inner.node {
            Node::Number(Number::Int(i), unit) if i != i64::MIN => Node::Number(Number::Int(-i), unit),
            Node::Number(Number::Float(f), unit) => Node::Number(Number::Float(-f), unit),
            node => Node::Negate(Box::new(Expr { node, span: inner.span })),
        };
        Ok(Expr { node, span })
    }

    fn value(&mut self) -> Result<Expr, Mistake> {
        let Some(token) = self.peek() else {
            return Err(Mistake::new("R107", self.end..self.end, "the condition ends too early")
                .label("a tag, a number or a text is expected"));
        };
        self.at += 1;
        let node = match &token.kind {
            Kind::Name(name) if self.next_if(&Kind::Open) => {
                let arguments = self.list(&Kind::Close)?;
                Node::Call(name.to_lowercase(), token.span.clone(), arguments)
            }
            Kind::Name(name) => Node::Name(name.clone()),
            Kind::Quoted(machine) if self.next_if(&Kind::Of) => Node::Far(machine.clone(), self.far()?),
            Kind::Quoted(name) => Node::Name(name.clone()),
            Kind::Number(number, unit) => Node::Number(*number, unit.clone()),
            Kind::Text(text) => Node::Text(text.clone()),
            Kind::Bool(b) => Node::Bool(*b),
            Kind::Open => return self.bracket(token),
            kind => {
                return Err(Mistake::new("R107", token.span.clone(), missing(kind))
                    .label("a tag, a number or a text is expected here"));
            }
        };
        Ok(Expr { node, span: token.span.start..self.behind() })
    }

    /// The tag behind a machine and a point.
    fn far(&mut self) -> Result<String, Mistake> {
        match self.peek().map(|t| &t.kind) {
            Some(Kind::Name(name) | Kind::Quoted(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => {
                let span = self.peek().map_or(self.end..self.end, |t| t.span.clone());
                Err(Mistake::new("R107", span, "a tag of that machine is missing")
                    .label("the name of a tag is expected here"))
            }
        }
    }

    /// Expressions with commas between them, up to the bracket that closes them.
    fn list(&mut self, close: &Kind) -> Result<Vec<Expr>, Mistake> {
        let mut list = Vec::new();
        if self.next_if(close) {
            return Ok(list);
        }
        loop {
            list.push(self.deeper(|p| p.joined(Joint::Or))?);
            if self.next_if(close) {
                return Ok(list);
            }
            if !self.next_if(&Kind::Comma) {
                return Err(self.unclosed(close));
            }
        }
    }

    fn bracket(&mut self, open: &Token) -> Result<Expr, Mistake> {
        let first = self.deeper(|p| p.joined(Joint::Or))?;
        let mut parts = vec![first];
        while self.next_if(&Kind::Else) {
            parts.push(self.deeper(|p| p.joined(Joint::Or))?);
        }
        if !self.next_if(&Kind::Close) {
            return Err(self.unclosed(&Kind::Close));
        }
        let span = open.span.start..self.behind();
        Ok(match <[Expr; 1]>::try_from(parts) {
            Ok([alone]) => Expr { node: alone.node, span },
            Err(parts) => Expr { node: Node::Else(parts), span },
        })
    }

    fn unclosed(&self, close: &Kind) -> Mistake {
        let (what, sign) = if *close == Kind::CloseList { ("`]`", "`,` or `]`") } else { ("`)`", "`)`") };
        let span = self.peek().map_or(self.end..self.end, |t| t.span.clone());
        let behind = self.peek().map(|t| &t.kind);
        let mistake =
            Mistake::new("R108", span, "a bracket is not closed").label(format!("{sign} is expected here"));
        match behind {
            Some(Kind::Else) => mistake.help("`else` stands in brackets of its own: `(x else 0)`"),
            None => mistake.help(format!("add {what}")),
            _ => mistake,
        }
    }

    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Result<T, Mistake>) -> Result<T, Mistake> {
        if self.depth == DEPTH_MAX {
            let at = self.peek().map_or(self.end..self.end, |t| t.span.clone());
            return Err(too_deep(at));
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }
}

fn missing(kind: &Kind) -> &'static str {
    match kind {
        Kind::Operator(Operator::Add) => "a plus sign stands between two values only",
        Kind::OpenList => "a list stands behind `in` only",
        _ => "a value is missing",
    }
}

fn unexpected_after(token: &Token) -> Mistake {
    let mistake = Mistake::new("R107", token.span.clone(), "the condition goes on after its end");
    match token.kind {
        Kind::Close | Kind::CloseList => mistake.label("no bracket is open here"),
        Kind::Else => mistake
            .label("`else` needs brackets")
            .help("write `(x else 0)`: the value of `x`, or 0 while it is Unknown"),
        Kind::To => mistake.label("a range stands behind `in` only").help("write `x in 72 .. 87`"),
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
    fn precedence_is_minus_product_sum_comparison_not_and_xor_or() {
        assert_eq!(canonical("not a > 1 and b or c xor d"), "((not (`a` > 1) and `b`) or (`c` xor `d`))");
        assert_eq!(canonical("(a or b) and c"), "((`a` or `b`) and `c`)");
        assert_eq!(canonical("a + b * -c / 2 - d > 1"), "((`a` + (`b` * -(`c`) / 2) - `d`) > 1)");
        assert_eq!(canonical("not a in [X, Y] and b"), "(not (`a` in [`X`, `Y`]) and `b`)");
        assert_eq!(canonical("t + 1 in 72 °C .. 87 °C"), "((`t` + 1) in 72 °C .. 87 °C)");
        assert_eq!(canonical("a and b and c"), "(`a` and `b` and `c`)");
    }

    #[test]
    fn functions_else_and_other_machines_have_their_forms() {
        assert_eq!(canonical("avg(p, 1 min)>(q else 0)"), "(avg(`p`, 1 min) > (`q` else 0))");
        assert_eq!(canonical("`washer-1`.pressure > `a`.`b c`"), "(`washer-1`.`pressure` > `a`.`b c`)");
        assert_eq!(canonical("hour() = 6"), "(hour() = 6)");
        assert_eq!(canonical("(a else b else 3) > 1"), "((`a` else `b` else 3) > 1)");
    }

    #[test]
    fn spelling_does_not_change_the_canonical_form() {
        assert_eq!(canonical("  a==1 && !(b) "), canonical("a = 1 AND NOT b"));
        assert_eq!(canonical("a > -4.50 bar"), "(`a` > -4.5 bar)");
        assert_eq!(canonical("age(a) > T#5M"), canonical("age(a)>300000ms"));
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
        assert_eq!(at("+ a > 1"), 0..1);
        assert_eq!(at("a in 3"), 6..6);
        assert_eq!(at("a in []"), 5..7);
        assert_eq!(at("a not in [1]"), 2..5);
        assert_eq!(at("`m`. > 3"), 5..6);
    }

    #[test]
    fn else_outside_brackets_shows_its_fix() {
        let mistake = parse("x else 3 > 4").unwrap_err();
        assert_eq!((mistake.span, mistake.label.as_str()), (2..6, "`else` needs brackets"));
        assert!(parse("avg(x else 3, 1 min) > 4").unwrap_err().help.unwrap().contains("brackets of its own"));
    }

    #[test]
    fn depth_and_length_are_bounded_and_chains_are_not() {
        assert!(parse(&format!("{}a{}", "(".repeat(64), ")".repeat(64))).is_ok());
        assert_eq!(parse(&format!("{}a", "(".repeat(65))).unwrap_err().code, "R106");
        assert_eq!(parse(&"not ".repeat(900)).unwrap_err().code, "R106");
        assert_eq!(parse(&format!("{}1 > 2", "-".repeat(900))).unwrap_err().code, "R106");
        assert_eq!(parse(&"a or ".repeat(1000)).unwrap_err().code, "R106");
        assert!(parse(&format!("{}a", "a+".repeat(2000))).is_ok());
        assert!(parse(&format!("{}a", "a or ".repeat(800))).is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}") {
            parse(&text).ok();
        }

        #[test]
        fn no_row_of_words_makes_it_panic(text in "(a|b|`c`|1|2 bar|5 min|'x'|not|and|or|in|else|avg|\\(|\\)|\\[|\\]|,|\\.\\.|\\.|-|\\+|\\*|/|<|=| ){0,40}") {
            if let Ok(expr) = parse(&text) {
                proptest::prop_assert_eq!(canonical(&expr.to_string()), expr.to_string());
            }
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
