//! What is wrong with a file that is not TOML, in the words of the person who wrote it.
//!
//! Here: the mistakes that everybody makes, found again from what the parser says and what stands there. Not here:
//! parsing.
//! Invariant: one mistake of a line is told, the first: what follows it in the line follows from it.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::DeTable;

use crate::diagnose::{FileId, Report};

/// A mistake in words: what is wrong, what stands beside it, how to mend it.
type Words = (String, String, Option<String>);

/// So many mistakes of a file are told: whoever has mended those sees the rest, if they were not of the same kind.
const TOLD_MAX: usize = 50;

/// All syntax errors of a text, in the order of the file. The parser ends at a key without a value: it is told again
/// what stands behind that line.
pub(crate) fn errors(text: &str) -> Vec<(Range<usize>, String)> {
    /// Whoever makes this mistake in more lines has no TOML file.
    const KEYS_ALONE_MAX: usize = 50;
    let mut left = text.to_owned();
    let mut found = BTreeMap::new();
    for _ in 0..KEYS_ALONE_MAX {
        let (_, errors) = DeTable::parse_recoverable(&left);
        let errors = errors.iter().map(|e| (e.span().unwrap_or(0..0), e.message().to_owned()));
        let mut end = None;
        for (span, message) in errors {
            if message.starts_with("key with no value") {
                end = Some(span.start);
            }
            found.entry((span.start, span.end)).or_insert(message);
        }
        let Some(end) = end else { break };
        let line = line_of(&left, end);
        let blank = " ".repeat(line.len());
        left.replace_range(line, &blank);
    }
    found.into_iter().map(|((start, end), message)| (start..end, message)).collect()
}

/// Reports what the parser says about a file, in the order of the file.
pub(crate) fn report(report: &mut Report, file: FileId, text: &str, errors: &[(Range<usize>, String)]) {
    let mut line = 0..0;
    let (mut told, mut left_out) = (0, 0);
    let mut doubled_header = None;
    let mut header = Header::default();
    for (span, said) in errors {
        if told > 0 && span.start <= line.end {
            continue;
        }
        line = line_of(text, span.start);
        let header = header.of(text, &line);
        if said.contains("duplicate key") && doubled_header == Some(header) {
            continue;
        }
        if said.contains("duplicate key") && text[line.clone()].starts_with('[') {
            doubled_header = Some(line.start);
        }
        if told > 0 && of_another_language(text).is_some() {
            return;
        }
        told += 1;
        if told > TOLD_MAX {
            left_out += 1;
            continue;
        }
        let (message, label, help) = words(text, span, &line, said);
        report.error("E001", (file, span.clone()), message, label).help = help;
    }
    if left_out > 0 {
        let lines = if left_out == 1 { "line" } else { "lines" };
        let message = format!("{left_out} more {lines} of this file are not TOML");
        let help = "mend those above first; is it a rule file at all?";
        report.error("E001", (file, line), message, "the last of them").help = Some(help.into());
    }
}

/// The header of the table that was looked at last.
#[derive(Default)]
struct Header {
    at: usize,
    /// How far headers were looked for.
    looked: usize,
}

impl Header {
    /// Where the table begins that a line belongs to; lines are asked for in their order.
    fn of(&mut self, text: &str, line: &Range<usize>) -> usize {
        let between = self.looked.min(line.start);
        if let Some(found) = text[between..line.start].rfind("\n[") {
            self.at = between + found + 1;
        }
        if text[line.clone()].starts_with('[') {
            self.at = line.start;
        }
        self.looked = line.start.saturating_sub(1);
        self.at
    }
}

fn line_of(text: &str, at: usize) -> Range<usize> {
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    start..text[at..].find('\n').map_or(text.len(), |end| at + end)
}

fn words(text: &str, span: &Range<usize>, line: &Range<usize>, said: &str) -> Words {
    let found = text.get(span.clone()).unwrap_or("").trim_end();
    let rest = text.get(span.start..line.end).unwrap_or("").trim_end();
    let line_text = &text[line.clone()];
    if let Some(number) = decimal_comma(line_text, span.start - line.start) {
        let help = format!("write {}", number.replace(',', "."));
        return told("a number has a decimal point, not a comma", "decimal comma", help);
    }
    if rest.starts_with(['“', '”', '„', '‘', '’', '«', '»']) {
        let plain = rest.replace(['“', '”', '„', '«', '»'], "\"").replace(['‘', '’'], "'");
        return told("these quotes are not straight", "a word processor's quotes", format!("write {plain}"));
    }
    if said.contains("duplicate key") {
        return (format!("`{found}` stands twice"), "the second one".into(), None);
    }
    if let Some(language) = of_another_language(text) {
        let help =
            "a rule begins with [rule.NAME], and each key stands in a line of its own: on = \"filler-*\"";
        return told(&format!("this is {language}, and a rule file is TOML"), "not TOML", help);
    }
    let known = refused(said, found, rest, line_text)
        .or_else(|| behind_a_value(line_text, rest).filter(|_| said.contains("unexpected key")))
        .or_else(|| habit(line_text, rest));
    known.unwrap_or_else(|| {
        let (what, expected) = said.split_once(", expected ").unwrap_or((said, ""));
        let label = if expected.is_empty() { "here".into() } else { format!("{expected} is expected here") };
        (format!("not TOML: {what}"), label, None)
    })
}

fn told(message: &str, label: &str, help: impl Into<String>) -> Words {
    (message.to_owned(), label.to_owned(), Some(help.into()))
}

/// What the parser refuses, where its own words say enough: what it found, with the rest of the line, and all of it.
fn refused(said: &str, found: &str, rest: &str, line: &str) -> Option<Words> {
    Some(if said.contains("must be quoted") || said.contains("invalid boolean") {
        told("a text stands in quotes", "no quotes", unquoted(line, whole_text(line, found, rest)))
    } else if said.contains("invalid basic string") || said.contains("invalid literal string") {
        let quote = if said.contains("literal") { '\'' } else { '"' };
        told("the quote is not closed", "a closing quote is expected", format!("add {quote}"))
    } else if said.contains("escaped value") {
        let help = "put the text into single quotes, or write \\\\ for a backslash";
        told("a backslash begins a special character", "there is none like this", help)
    } else if said.contains("unquoted key") && rest.starts_with(':')
        || said.starts_with("key with no value") && begins_with_a_colon(line)
    {
        told("a colon is not TOML", "`=` is expected", "write `=` between the key and its value")
    } else if said.contains("unquoted key") && rest.starts_with(char::is_alphabetic) {
        let help = "write ue for ü, or put the name of a tag into quotes";
        told("a key has the letters a to z, digits, `_` and `-`", "another letter", help)
    } else if said.contains("unclosed table") {
        let help = format!("write {}]", line.trim_end());
        told("the bracket of a table is not closed", "`]` is expected here", help)
    } else {
        return None;
    })
}

/// What to write for a word without quotes: it may be meant as true or false.
fn unquoted(line: &str, found: &str) -> String {
    if ["yes", "on", "ja", "wahr", "True", "TRUE"].contains(&found) {
        "write true".to_owned()
    } else if ["no", "off", "nein", "falsch", "False", "FALSE"].contains(&found) {
        "write false".to_owned()
    } else {
        format!("write \"{}\"", meant(line, found))
    }
}

/// The text that a value without quotes is meant to be: the rest of its line, where nothing else stands there.
fn whole_text<'t>(line: &str, found: &'t str, rest: &'t str) -> &'t str {
    let rest = rest.split(" #").next().unwrap_or(rest).trim_end();
    let alone = !line.trim_start().starts_with(['[', '{']) && !rest.contains(['"', ',', ']']);
    if alone && rest.starts_with(found) && !found.is_empty() { rest } else { found }
}

/// What is meant by a value without quotes.
fn meant(line: &str, found: &str) -> String {
    if line.trim_start().starts_with("severity")
        && let Some(severity) = crate::severities::meant(found)
    {
        return severity.to_owned();
    }
    let is_duration =
        crate::time::duration(found).is_err() && found.starts_with(|c: char| c.is_ascii_digit());
    crate::time::spelled(found).filter(|_| is_duration).unwrap_or_else(|| found.to_owned())
}

/// Which language a whole file is in, if it is another one.
fn of_another_language(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let first = lines.next()?;
    let key = first
        .strip_suffix(':')
        .is_some_and(|key| key.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)));
    match first.trim_start().chars().next()? {
        '{' => Some("JSON"),
        '<' => Some("XML"),
        _ => (key || first == "---").then_some("YAML"),
    }
}

/// `- name: hot`, as YAML has it.
fn begins_with_a_colon(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start_matches('"');
    let key = line.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c))).unwrap_or(line.len());
    let behind = line[key..].trim_start_matches('"').trim_start();
    key > 0 && behind.starts_with(':') && !behind.starts_with(":=")
}

/// What stands behind a value or a header in its line: the line, and that.
fn behind_a_value(line: &str, rest: &str) -> Option<Words> {
    let of = |message: &str, label: &str, help: &str| Some(told(message, label, help));
    let key = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "_-.".contains(c));
    if line.starts_with('[') && rest.starts_with(']') {
        return of("a bracket too much", "the header ends before it", "leave it out");
    }
    if key.len() < rest.len() && key.trim_start().starts_with('=') && !key.trim_start().starts_with("==") {
        return of("two keys in one line", "the second one", "begin a new line before it");
    }
    let before = line.trim_end().strip_suffix(rest).unwrap_or_default();
    if line.matches('"').count() > 2 && before.trim_end().ends_with('"') {
        let help = "inside a condition a text stands in single quotes: when = \"recipe = 'Cola'\"";
        return of("the text ended at the quote before", "this belongs to no value", help);
    }
    let joint = ["and", "or", "xor", "&&", "||"].iter().any(|word| rest.starts_with(word));
    joint.then(|| {
        of(
            "the condition ended at the quote before",
            "this belongs to no value",
            "put the closing quote behind the whole condition",
        )
    })?
}

/// What another language writes so: the line, and what stands at the place of the mistake.
fn habit(line: &str, rest: &str) -> Option<Words> {
    let of = |message: &str, label: &str, help: &str| Some(told(message, label, help));
    let begins = line.trim_start();
    if begins.starts_with("//")
        || begins.starts_with(';')
        || begins.starts_with("--")
        || begins.starts_with("(*")
    {
        return of("a comment begins with `#`", "not TOML", "write # in front of it");
    }
    if rest.starts_with(';') {
        return of("a line has no `;` at its end", "the line ends before it", "leave it out");
    }
    if rest.starts_with(":=") {
        return of("a value is given with `=`", "`=` is expected", "write `=`");
    }
    if rest.starts_with("//") {
        return of("a comment begins with `#`", "not TOML", "write # instead");
    }
    if rest.starts_with('\u{a0}') {
        return of(
            "a blank that a word processor makes (U+00A0)",
            "an ordinary blank is expected",
            "delete it and type a blank",
        );
    }
    None
}

/// The number with a decimal comma that stands around a place of a line.
fn decimal_comma(line: &str, at: usize) -> Option<&str> {
    let behind = line.get(at..)?.strip_prefix(',')?;
    let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    let before = line.get(..at)?;
    let begin = before.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let begin = if before[..begin].ends_with('-') { begin - 1 } else { begin };
    (digits > 0 && begin < at).then(|| &line[begin..at + 1 + digits])
}

#[cfg(test)]
mod tests {
    use crate::diagnose::Report;
    use crate::document;

    fn told(text: &str) -> Vec<String> {
        let mut report = Report::default();
        let file = report.add_file("a.toml", text);
        document::parse(&mut report, file);
        assert!(report.render(false).len() < 100_000);
        report.lines().collect()
    }

    #[test]
    fn a_file_of_another_kind_is_not_told_line_by_line() {
        let lines = told(&"a b\n".repeat(200));
        assert_eq!(lines.len(), 51);
        let last = "a.toml:200:1: 150 more lines of this file are not TOML (the last of them; mend those above first; is it a rule file at all?)";
        assert_eq!(lines[50], last);
    }

    #[test]
    fn a_comma_behind_another_letter_is_no_decimal_comma() {
        assert_eq!(told("limit = î,5\n").len(), 1);
        assert!(told("limit = -2,5\n")[0].contains("write -2.5"));
    }

    #[test]
    fn a_line_that_ends_in_blanks_is_looked_at_from_its_end() {
        let lines = told("given = [ { at = \"0 s\", WS_Temp °C = 19.0 }, { at = \"10 s\", b = 1 } \n");
        assert!(!lines.is_empty(), "{lines:?}");
        let lines = told("when = \"a = \"x\" and b\"   \n");
        assert!(lines[0].contains("the text ended at the quote before"), "{lines:?}");
    }

    #[test]
    fn a_long_line_of_mistakes_is_one_mistake_and_told_at_once() {
        // If each mistake made anybody look at the line, or at the file, this would take hours.
        assert_eq!(told(&format!("[rule.hot{}]\n", "\"!\0".repeat(300_000))).len(), 1);
        assert_eq!(told(&"[a]\n".repeat(200_000)).len(), 51);
    }
}
