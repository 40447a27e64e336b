//! From tokens to the tree.
//!
//! Here: precedence, tightest first: unary minus, `* /`, `+ -`, comparison and `in`, `not`, `and`, `xor`, `or`; so
//! `not a > b` is `not (a > b)`. Behind a mistake it goes on at the next `and` or `or`, or where a bracket closes. Not
//! here: what names and units mean (`check`), what is said of a mistake (`faults`).
//! Invariant: nesting is bounded by [`DEPTH_MAX`], so no text can exhaust the stack; chains are flat; what follows from
//! one mistake is not told as another.

use std::ops::Range;

use super::faults;
use super::lex::{Kind, Token, tokens};
use super::{DEPTH_MAX, Expr, Joint, Mistake, Node, Number, Operator, Relation, TEXT_MAX};

/// Parses an expression.
///
/// # Errors
/// All its mistakes, in the order of their places.
pub fn parse(text: &str) -> Result<Expr, Vec<Mistake>> {
    if text.len() > TEXT_MAX {
        let mistake =
            Mistake::new("R106", 0..text.len(), format!("a condition has at most {TEXT_MAX} bytes"))
                .label("too long")
                .help("give parts of it a name with `define`");
        return Err(vec![mistake]);
    }
    let (tokens, mistakes) = tokens(text);
    let (at, depth, open) = (0, 0, Vec::new());
    let end = text.len();
    let mut parser = Parser { text, tokens: &tokens, at, depth, end, open, stopped: false, mistakes };
    let expr = parser.whole();
    let mut mistakes = parser.mistakes;
    if mistakes.is_empty() && height(&expr) > DEPTH_MAX {
        mistakes.push(faults::too_deep(expr.span.clone()));
    }
    mistakes.sort_by_key(|m| m.span.start);
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
        Node::Join(_, parts) | Node::Else(parts) | Node::Call(_, _, parts) => highest(&mut parts.iter()),
    }
}

/// A mistake was told; where a part of an expression should have been, there is none.
#[derive(Debug)]
struct Told;

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
        Told
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
        let expr = self.joined(Joint::Or);
        while self.peek().is_some() {
            self.tell(faults::goes_on(self.text, self.tokens, self.at));
            // Brackets that close nothing follow from it.
            self.skip();
            while self.peek().is_some_and(|t| matches!(t.kind, Kind::Close | Kind::CloseList)) {
                self.at += 1;
                self.skip();
            }
            if self.peek().is_some() {
                self.at += 1;
                self.joined(Joint::Or);
            }
        }
        expr
    }

    fn joined(&mut self, joint: Joint) -> Expr {
        let mut parts = vec![self.operand_of(joint)];
        while self.next_if(&Kind::Joint(joint)) {
            parts.push(self.operand_of(joint));
        }
        match <[Expr; 1]>::try_from(parts) {
            Ok([alone]) => alone,
            Err(parts) => {
                let span = parts[0].span.start..self.behind();
                Expr { node: Node::Join(joint, parts), span }
            }
        }
    }

    fn operand_of(&mut self, joint: Joint) -> Expr {
        match joint {
            Joint::Or => self.joined(Joint::Xor),
            Joint::Xor => self.joined(Joint::And),
            Joint::And => {
                let start = self.here().start;
                self.negated().unwrap_or_else(|Told| {
                    self.skip();
                    // Nobody sees it: a mistake was told.
                    Expr { node: Node::Bool(true), span: start..self.behind().max(start) }
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

    fn comparison(&mut self) -> Result<Expr, Told> {
        let left = self.sum()?;
        let start = left.span.start;
        let node = if self.next_if(&Kind::In) {
            self.range_or_list(left)?
        } else if self.peek().is_some_and(|t| t.kind == Kind::Not) && self.follows(&Kind::In) {
            return Err(self.tell(faults::not_in(self.here())));
        } else if let Some((relation, _)) = self.relation() {
            Node::Compare(relation, Box::new(left), Box::new(self.sum()?))
        } else {
            return Ok(left);
        };
        match self.relation() {
            Some((_, span)) => Err(self.tell(faults::chained(span))),
            None => Ok(Expr { node, span: start..self.behind() }),
        }
    }

    fn follows(&self, wanted: &Kind) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|t| t.kind == *wanted)
    }

    /// What stands behind `in`.
    fn range_or_list(&mut self, left: Expr) -> Result<Node, Told> {
        if let Some(open) = self.peek().filter(|t| t.kind == Kind::OpenList) {
            self.at += 1;
            let list = self.list(Inside::List)?;
            if list.is_empty() {
                let empty = Mistake::new("R107", open.span.start..self.behind(), "the list is empty");
                return Err(self.tell(empty.help("write `x in [A, B]`")));
            }
            return Ok(Node::Among(Box::new(left), list));
        }
        if self.is_list_in_brackets() {
            return Err(self.tell(faults::list_in_brackets(self.here())));
        }
        let low = self.sum()?;
        if !self.next_if(&Kind::To) {
            return Err(self.tell(faults::no_range(self.here())));
        }
        Ok(Node::Between(Box::new(left), Box::new(low), Box::new(self.sum()?)))
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
        if !token.kind.begins_a_value() || token.kind == Kind::Not {
            // `AND(a, b)`: its arguments follow from it.
            let like_a_function = matches!(token.kind, Kind::Joint(_)) && self.follows(&Kind::Open);
            self.at += usize::from(like_a_function);
            return Err(self.tell(faults::no_value(token, like_a_function)));
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
            Kind::Open => return self.bracket(token),
            kind => Node::Bool(*kind == Kind::Bool(true)),
        };
        Ok(Expr { node, span: token.span.start..self.behind() })
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

    /// Expressions with commas between them, up to the bracket that closes them.
    fn list(&mut self, inside: Inside) -> Result<Vec<Expr>, Told> {
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
            list.push(self.deeper(|p| p.joined(Joint::Or))?);
            if self.next_if(&inside.close()) {
                return Ok(list);
            }
            if !self.next_if(&Kind::Comma) && !self.goes_on_inside(inside)? {
                return Ok(list);
            }
        }
    }

    fn bracket(&mut self, open: &Token) -> Result<Expr, Told> {
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
            parts.push(self.deeper(|p| p.joined(Joint::Or))?);
            if self.next_if(&Kind::Close) {
                return Ok(parts);
            }
            if !self.next_if(&Kind::Else) && !self.goes_on_inside(Inside::Bracket)? {
                return Ok(parts);
            }
        }
    }

    /// Tells that a bracket is not closed where it should be, and looks for its end. True: there is more inside.
    fn goes_on_inside(&mut self, inside: Inside) -> Result<bool, Told> {
        let told = self.tell(faults::unclosed(&inside.close(), self.peek(), self.end));
        self.skip();
        let Some(token) = self.peek() else { return Err(told) };
        let closes = matches!(token.kind, Kind::Close | Kind::CloseList);
        // A bracket of the other kind may be the end of one further out.
        let of_another = closes && token.kind != inside.close();
        let outer = self.open.iter().rev().skip(1).any(|outer| outer.close() == token.kind);
        if !(of_another && outer) {
            self.at += 1;
        }
        Ok(!closes)
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
        let at = |text: &str| {
            let mistakes = parse(text).unwrap_err();
            assert_eq!(mistakes.len(), 1, "{text}: {mistakes:?}");
            mistakes[0].span.clone()
        };
        assert_eq!(at("a > "), 4..4);
        assert_eq!(at("(a > 1"), 6..6);
        assert_eq!(at("((a > 1"), 7..7);
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
        let mistake = &parse("x else 3 > 4").unwrap_err()[0];
        assert_eq!((mistake.span.clone(), mistake.label.as_str()), (2..6, "`else` needs brackets"));
        let inside = parse("avg(x else 3, 1 min) > 4").unwrap_err();
        assert!(inside.len() == 1 && inside[0].help.as_ref().unwrap().contains("brackets of its own"));
    }

    /// The places of all mistakes of a text.
    fn places(text: &str) -> Vec<Range<usize>> {
        parse(text).unwrap_err().into_iter().map(|m| m.span).collect()
    }

    #[test]
    fn all_mistakes_of_an_expression_come_in_one_run() {
        assert_eq!(places("a > and b < 2 or > 3"), [4..7, 17..18]);
        assert_eq!(places("a := 1 and b => 2 and c > 4,5"), [2..4, 13..15, 26..29]);
        assert_eq!(places("(a > and b) and c in 3 or d <"), [5..8, 23..25, 29..29]);
        assert_eq!(places("1 < a < 3 and not b not in [1] or (c"), [6..7, 20..23, 36..36]);
        assert_eq!(places("x in [1 2, , 3] and y ="), [8..9, 11..12, 23..23]);
        assert_eq!(places("a > 1) and b > x c and d > "), [5..6, 17..18, 27..27]);
        assert_eq!(places("(x in [A, B) and y > "), [11..12, 21..21]);
        assert_eq!(places("(a > "), [5..5, 5..5], "a value and a bracket are missing");
    }

    #[test]
    fn what_follows_from_a_mistake_is_not_told_as_another() {
        for text in [
            "avg pressure, 1 min) > 4 and b > 1",
            "a ? b",
            "recipe = ‘Cola’ and b",
            "(%MW10 > 5) and b",
            "a > 1)) and b",
            "x in [A, B) and y > 2",
            "(x in [A, B) and y > 2",
            "a in {A, B]",
            "f(a b c, d) > 2",
            "a b c d e f",
            "AND(a > 4, b)",
            "a in ('A', 'B')",
            "pres\u{200b}sure > 4 and b",
            "Fu\u{308}llstand > 4",
        ] {
            assert_eq!(places(text).len(), 1, "{text}: {:?}", parse(text).unwrap_err());
        }
    }

    #[test]
    fn depth_and_length_are_bounded_and_chains_are_not() {
        assert!(parse(&format!("{}a{}", "(".repeat(64), ")".repeat(64))).is_ok());
        assert_eq!(parse(&format!("{}a", "(".repeat(65))).unwrap_err()[0].code, "R106");
        assert_eq!(parse(&"not ".repeat(900)).unwrap_err()[0].code, "R106");
        assert_eq!(parse(&format!("{}1 > 2", "-".repeat(900))).unwrap_err()[0].code, "R106");
        assert_eq!(parse(&format!("{}a", "(".repeat(900))).unwrap_err().len(), 1, "once");
        assert_eq!(parse(&"a or ".repeat(1000)).unwrap_err()[0].code, "R106");
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
