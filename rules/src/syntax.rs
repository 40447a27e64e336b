//! What is wrong with a file that is not TOML, in the words of the person who wrote it.
//!
//! Here: the mistakes that everybody makes, found again from what the parser says and what stands there. Not here:
//! parsing.
//! Invariant: one mistake of a line is told, the first: what follows it in the line follows from it.

use std::ops::Range;

use crate::diagnose::{FileId, Report};

/// A mistake in words: what is wrong, what stands beside it, how to mend it.
type Words = (String, String, Option<String>);

/// Reports what the parser says about a file.
pub(crate) fn report(report: &mut Report, file: FileId, text: &str, errors: &[(Range<usize>, String)]) {
    let mut last_line = None;
    let mut doubled_header = None;
    for (span, said) in errors {
        let line = line_of(text, span.start);
        let header = text[..line.start].rfind("\n[").map_or(0, |at| at + 1).max(header_at(text, &line));
        let follows = said.contains("duplicate key") && doubled_header == Some(header);
        if last_line.replace(line.start) == Some(line.start) || follows {
            continue;
        }
        if said.contains("duplicate key") && text[line.clone()].starts_with('[') {
            doubled_header = Some(line.start);
        }
        let (message, label, help) = words(text, span, &line, said);
        report.error("E001", (file, span.clone()), message, label).help = help;
    }
}

fn header_at(text: &str, line: &Range<usize>) -> usize {
    if text[line.clone()].starts_with('[') { line.start } else { 0 }
}

fn line_of(text: &str, at: usize) -> Range<usize> {
    let at = text.floor_char_boundary(at);
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    start..text[at..].find('\n').map_or(text.len(), |end| at + end)
}

fn words(text: &str, span: &Range<usize>, line: &Range<usize>, said: &str) -> Words {
    let found = text.get(span.clone()).unwrap_or("").trim_end();
    let rest = text.get(span.start..line.end).unwrap_or("").trim_end();
    let of = |message: &str, label: &str, help: Option<String>| (message.to_owned(), label.to_owned(), help);
    if let Some(number) = decimal_comma(&text[line.clone()], span.start - line.start) {
        let help = format!("write {}", number.replace(',', "."));
        return of("a number has a decimal point, not a comma", "decimal comma", Some(help));
    }
    if rest.starts_with(['“', '”', '„', '‘', '’', '«', '»']) {
        let plain = rest.replace(['“', '”', '„', '«', '»'], "\"").replace(['‘', '’'], "'");
        return of(
            "these quotes are not straight",
            "a word processor's quotes",
            Some(format!("write {plain}")),
        );
    }
    if said.contains("must be quoted") {
        let truth = ["yes", "on", "ja", "wahr", "True", "TRUE"].contains(&found);
        let lie = ["no", "off", "nein", "falsch", "False", "FALSE"].contains(&found);
        let help = match (truth, lie) {
            (true, _) => "write true".to_owned(),
            (_, true) => "write false".to_owned(),
            _ => format!("write \"{found}\""),
        };
        return of("a text stands in quotes", "no quotes", Some(help));
    }
    if said.contains("duplicate key") {
        return (format!("`{found}` stands twice"), "the second one".into(), None);
    }
    if said.contains("invalid basic string") || said.contains("invalid literal string") {
        return of("the quote is not closed", "a closing quote is expected", None);
    }
    if said.contains("escaped value") {
        let help = "put the text into single quotes, or write \\\\ for a backslash";
        return of("a backslash begins a special character", "there is none like this", Some(help.into()));
    }
    if said.contains("unquoted key") && rest.starts_with(':') {
        let help = "write `=` between the key and its value";
        return of("a colon is not TOML", "`=` is expected", Some(help.into()));
    }
    if said.contains("unquoted key") && rest.starts_with(char::is_alphabetic) {
        let help = "write ue for ü, or put the name of a tag into quotes";
        return of("a key has the letters a to z, digits, `_` and `-`", "another letter", Some(help.into()));
    }
    let (what, expected) = said.split_once(", expected ").unwrap_or((said, ""));
    let label = if expected.is_empty() { "here".into() } else { format!("{expected} is expected here") };
    (format!("not TOML: {what}"), label, None)
}

/// The number with a decimal comma that stands around a place of a line.
fn decimal_comma(line: &str, at: usize) -> Option<&str> {
    let behind = line.get(at..)?.strip_prefix(',')?;
    let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
    let before = line.get(..at)?;
    let begin = before.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |i| i + 1);
    let begin = if before[..begin].ends_with('-') { begin - 1 } else { begin };
    (digits > 0 && begin < at).then(|| &line[begin..at + 1 + digits])
}
