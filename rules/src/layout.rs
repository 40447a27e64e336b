//! The canonical layout of a rule file, which keeps its comments: what `rules fmt` writes.
//!
//! One blank between key, `=` and value; lists of tables have a line for each; one empty line before a rule, never
//! two together; no blanks at the end of a line. The order of things and how texts are quoted stay as they are.
//!
//! Here: that, on the tokens of the `toml` crate's lexer. Not here: reading and writing files.
//! Invariant: the meaning stays, which is checked each time, and a layout laid out again is the same.

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

use crate::diagnose::Report;
use crate::document::{self, Node};

/// Longest line that a list of plain values may make.
const WIDTH: usize = 110;

/// The text in its canonical layout; none where it is not TOML, or where a comment stands inside `{ }`.
#[must_use]
pub fn layout(text: &str) -> Option<String> {
    let before = meaning(text)?;
    let tokens = Source::new(text)
        .lex()
        .map(|token| (token.kind(), &text[token.span().start()..token.span().end()]))
        .filter(|(kind, _)| !matches!(kind, TokenKind::Whitespace | TokenKind::Eof))
        .collect();
    let laid_out = Layout { tokens, at: 0, lines: Vec::new() }.file()?;
    meaning(&laid_out).filter(|after| after.means(&before)).map(|_| laid_out)
}

fn meaning(text: &str) -> Option<Node> {
    let mut report = Report::default();
    let file = report.add_file("", text);
    let table = document::parse(&mut report, file);
    (report.errors() == 0).then_some(Node::Table(table))
}

struct Layout<'t> {
    tokens: Vec<(TokenKind, &'t str)>,
    at: usize,
    lines: Vec<String>,
}

impl<'t> Layout<'t> {
    fn file(mut self) -> Option<String> {
        let mut empty = 0;
        while let Some((kind, text)) = self.peek() {
            if kind == TokenKind::Newline {
                (self.at, empty) = (self.at + 1, empty + 1);
                continue;
            }
            if empty > 0 {
                self.empty_line();
            }
            let line = match kind {
                TokenKind::Comment => {
                    self.at += 1;
                    text.trim_end().to_owned()
                }
                TokenKind::LeftSquareBracket => self.header(),
                _ => self.assignment()?,
            };
            self.lines.push(line);
            // What ends the line is not an empty one.
            self.at += usize::from(self.peek().is_some_and(|(kind, _)| kind == TokenKind::Newline));
            empty = 0;
        }
        while self.lines.last().is_some_and(String::is_empty) {
            self.lines.pop();
        }
        let mut out = self.lines.join("\n");
        out.push_str(if out.is_empty() { "" } else { "\n" });
        Some(out)
    }

    fn peek(&self) -> Option<(TokenKind, &'t str)> {
        self.tokens.get(self.at).copied()
    }

    fn next_if(&mut self, wanted: TokenKind) -> Option<&'t str> {
        let (kind, text) = self.peek()?;
        (kind == wanted).then(|| {
            self.at += 1;
            text
        })
    }

    fn empty_line(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    fn header(&mut self) -> String {
        let name = self.joined(&[TokenKind::Newline, TokenKind::Comment]);
        let begins_rule = name.starts_with("[rule.") && name.matches('.').count() == 1;
        let commented = self.lines.last().is_some_and(|line| line.starts_with('#'));
        if begins_rule && !commented {
            self.empty_line();
        }
        self.with_comment(name)
    }

    fn assignment(&mut self) -> Option<String> {
        let key = self.joined(&[TokenKind::Equals, TokenKind::Newline]);
        self.next_if(TokenKind::Equals)?;
        let value = self.value(0, key.chars().count() + 3)?;
        Some(self.with_comment(format!("{key} = {value}")))
    }

    /// Tokens up to one of these, without what stood between them.
    fn joined(&mut self, ends: &[TokenKind]) -> String {
        let mut out = String::new();
        while let Some((kind, text)) = self.peek().filter(|(kind, _)| !ends.contains(kind)) {
            debug_assert!(kind != TokenKind::Whitespace, "filtered");
            out.push_str(text);
            self.at += 1;
        }
        out
    }

    fn with_comment(&mut self, line: String) -> String {
        match self.next_if(TokenKind::Comment) {
            Some(comment) => format!("{line}  {}", comment.trim_end()),
            None => line,
        }
    }

    /// A value that begins at this column; what is broken into lines is indented so deep.
    fn value(&mut self, indent: usize, column: usize) -> Option<String> {
        match self.peek()?.0 {
            TokenKind::LeftSquareBracket => self.list(indent, column),
            TokenKind::LeftCurlyBracket => self.inline(indent),
            _ => {
                use TokenKind as K;
                let ends = [K::Comma, K::Newline, K::Comment, K::RightSquareBracket, K::RightCurlyBracket];
                Some(self.joined(&ends))
            }
        }
    }

    fn inline(&mut self, indent: usize) -> Option<String> {
        self.at += 1;
        let mut entries = Vec::new();
        loop {
            while self.next_if(TokenKind::Newline).is_some() || self.next_if(TokenKind::Comma).is_some() {}
            if self.next_if(TokenKind::RightCurlyBracket).is_some() {
                break;
            }
            if self.peek()?.0 == TokenKind::Comment {
                return None;
            }
            let key = self.joined(&[TokenKind::Equals, TokenKind::Newline, TokenKind::RightCurlyBracket]);
            self.next_if(TokenKind::Equals)?;
            entries.push(format!("{key} = {}", self.value(indent, usize::MAX / 2)?));
        }
        Some(if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) })
    }

    /// What stands in a list, and whether it takes more than one line in the file.
    fn entries(&mut self, indent: usize) -> Option<(Vec<Entry>, bool)> {
        self.at += 1;
        let (mut lines, mut broken): (Vec<Entry>, bool) = (Vec::new(), false);
        // Whether the last line in the list may still get a comment behind it.
        let mut same_line = false;
        loop {
            match self.peek()?.0 {
                TokenKind::RightSquareBracket => break,
                TokenKind::Comma => {}
                TokenKind::Newline => (broken, same_line) = (true, false),
                TokenKind::Comment => {
                    let comment = self.peek()?.1.trim_end().to_owned();
                    broken = true;
                    match lines.last_mut().filter(|_| same_line) {
                        Some(last) => last.behind = Some(comment),
                        None => lines.push(Entry { item: None, behind: Some(comment) }),
                    }
                }
                _ => {
                    let item = self.value(indent + 1, usize::MAX / 2)?;
                    lines.push(Entry { item: Some(item), behind: None });
                    same_line = true;
                    continue;
                }
            }
            self.at += 1;
        }
        self.at += 1;
        Some((lines, broken))
    }

    fn list(&mut self, indent: usize, column: usize) -> Option<String> {
        let (lines, broken) = self.entries(indent)?;
        let plain: Vec<&str> = lines.iter().filter_map(|l| l.item.as_deref()).collect();
        let one = format!("[{}]", plain.join(", "));
        let items = plain.len();
        let has_tables = plain.iter().any(|item| item.starts_with('{'));
        let tables = items > 1 && has_tables;
        let long = column.saturating_add(one.chars().count()) > WIDTH && column < WIDTH;
        let commented = lines.iter().any(|line| line.behind.is_some());
        if !commented && (items == 0 || !(tables || long || broken && items > 1)) {
            return Some(if has_tables { format!("[ {} ]", plain.join(", ")) } else { one });
        }
        let (inner, outer) = ("  ".repeat(indent + 1), "  ".repeat(indent));
        let body: Vec<String> = lines.iter().map(|line| format!("{inner}{}", line.shown())).collect();
        Some(format!("[\n{}\n{outer}]", body.join("\n")))
    }
}

/// A line of a list: an item, a comment, or both.
struct Entry {
    item: Option<String>,
    behind: Option<String>,
}

impl Entry {
    fn shown(&self) -> String {
        match (&self.item, &self.behind) {
            (Some(item), Some(comment)) => format!("{item},  {comment}"),
            (Some(item), None) => format!("{item},"),
            (None, comment) => comment.clone().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UGLY: &str = "\r\n\r\n# Füller\r\n[rule.a]   # the first\r\non='filler-*'  \r\nstate=[{name='A',when='t>1'},   # why\r\n  # and this\r\n{ name = 'B' , when=\"x = '#'\" } ]\r\ntext . de = 'x'\r\n[rule.b]\r\n\r\n\r\n\r\non = [ 'a' ,\t'b' ]\r\nx = {}\r\ny = [{a=1.5, b.c = [1,2]}]\r\nz = \"\"\"\nraw   \n\"\"\"\r\n";
    const FINE: &str = "# Füller\n[rule.a]  # the first\non = 'filler-*'\nstate = [\n  {name},\n  # and this\n  { name = 'B', when = \"x = '#'\" },\n]\ntext.de = 'x'\n\n[rule.b]\n\non = ['a', 'b']\nx = {}\ny = [ { a = 1.5, b.c = [1, 2] } ]\nz = \"\"\"\nraw   \n\"\"\"\n";

    #[test]
    fn a_file_is_laid_out_with_its_comments_and_once_is_enough() {
        let fine = FINE.replace("{name},", "{ name = 'A', when = 't>1' },  # why");
        assert_eq!(layout(UGLY).unwrap(), fine);
        assert_eq!(layout(&fine).unwrap(), fine);
        assert_eq!(layout("").as_deref(), Some(""));
    }

    #[test]
    fn what_cannot_be_laid_out_is_left_alone() {
        assert_eq!(layout("[rule.a"), None);
        assert_eq!(layout("a = 4,5"), None);
    }

    fn value() -> impl proptest::strategy::Strategy<Value = String> {
        use proptest::prelude::*;
        let leaf = prop_oneof![
            "[1-9][0-9]{0,2}",
            "'[a-z #,=\\[]{0,5}'",
            "\"[a-z }]{0,3}\"",
            Just("1.5e3".to_owned())
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let pad = "[ \t]{0,2}";
            prop_oneof![
                (proptest::collection::vec(inner.clone(), 0..3), pad, "(\n|\n *# x, ]\n|)").prop_map(
                    |(items, pad, end)| format!("[{pad}{}{end}]", items.join(&format!("{pad},{end}")))
                ),
                (proptest::collection::vec(inner, 0..3), pad).prop_map(|(items, pad)| {
                    let entry = |(i, v): (usize, String)| format!("k{i}{pad}={pad}{v}");
                    format!(
                        "{{{pad}{}{pad}}}",
                        items.into_iter().enumerate().map(entry).collect::<Vec<_>>().join(",")
                    )
                }),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn every_file_keeps_its_meaning_and_is_laid_out_at_once(
            lines in proptest::collection::vec((value(), "( |\t|)", "(|# c|\n|\n\n\n|\n# [x] =\n)"), 0..6),
        ) {
            let text: String = lines
                .iter()
                .enumerate()
                .map(|(i, (v, pad, end))| format!("[rule.r{i}]\nkey{pad}={pad}{v}{pad}{end}\n"))
                .collect();
            let once = layout(&text);
            proptest::prop_assert!(once.is_some(), "{text}");
            proptest::prop_assert_eq!(layout(once.as_deref().unwrap_or_default()), once);
        }
    }
}
