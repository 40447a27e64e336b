//! Where a character of a decoded TOML string stands in its file.
//!
//! Here: the way back through quotes and escapes. Not here: TOML itself (the `toml` crate reads it).
//! Invariant: for a literal that `toml` accepted, every offset of its text maps to the character it came from.

use std::ops::Range;

/// Maps a range of a string's decoded text to the file, given where the literal stands.
#[must_use]
pub fn in_file(file: &str, literal: &Range<usize>, inner: &Range<usize>) -> Range<usize> {
    let raw = file.get(literal.clone()).unwrap_or("");
    let start = literal.start + raw_offset(raw, inner.start);
    let end = literal.start + raw_offset(raw, inner.end);
    start..end.max(start)
}

/// The offset in the raw literal of the decoded byte `wanted`.
fn raw_offset(raw: &str, wanted: usize) -> usize {
    let quotes = if raw.starts_with("\"\"\"") || raw.starts_with("'''") { 3 } else { 1 };
    let body_end = raw.len().saturating_sub(quotes).max(quotes);
    let mut at = quotes;
    if quotes == 3 {
        // TOML drops a newline right behind the opening quotes.
        let body = raw.get(at..).unwrap_or("");
        at += if body.starts_with("\r\n") { 2 } else { usize::from(body.starts_with('\n')) };
    }
    if raw.starts_with('\'') {
        return (at + wanted).min(body_end);
    }
    let mut decoded = 0;
    while at < body_end {
        let (taken, given) = step(raw.get(at..body_end).unwrap_or(""));
        // What decodes to nothing (a line continuation) belongs to what stands before it.
        if decoded >= wanted && given > 0 {
            break;
        }
        at += taken;
        decoded += given;
    }
    at.min(body_end)
}

/// Bytes taken from the raw text and bytes given to the decoded one, for the character at the front.
fn step(raw: &str) -> (usize, usize) {
    let mut chars = raw.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some('u')) => (6, hex_len(raw, 4)),
        (Some('\\'), Some('U')) => (10, hex_len(raw, 8)),
        (Some('\\'), Some('x')) => (4, hex_len(raw, 2)),
        (Some('\\'), Some(c)) if c.is_whitespace() => (1 + blank_len(&raw[1..]), 0),
        (Some('\\'), Some(_)) => (2, 1),
        (Some(c), _) => (c.len_utf8(), c.len_utf8()),
        (None, _) => (1, 0),
    }
}

fn blank_len(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Length in UTF-8 of the character that an escape with so many digits stands for.
fn hex_len(raw: &str, digits: usize) -> usize {
    let code = raw.get(2..2 + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    code.and_then(char::from_u32).map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finds `wanted` in the decoded text and maps it back; the raw text there must be `raw`.
    fn check(literal: &str, wanted: &str, raw: &str) {
        let file = format!("when = {literal}\nfor = 1");
        let table: toml::de::DeTable<'_> = toml::de::DeTable::parse(&file).unwrap().into_inner();
        let (_, value) = table.iter().find(|(k, _)| k.get_ref() == "when").unwrap();
        let text = value.get_ref().as_str().unwrap();
        let at = text.find(wanted).unwrap();
        let place = in_file(&file, &value.span(), &(at..at + wanted.len()));
        assert_eq!(&file[place], raw, "{literal}");
    }

    #[test]
    fn every_kind_of_literal_maps_back() {
        check(r#""pressure > 4""#, "> 4", "> 4");
        check(r"'C:\x > 4'", "> 4", "> 4");
        check(r#""\u00e4 > 4 \"x\" end""#, "end", "end");
        check(r#""t\u00e4g > 4""#, "täg", r"t\u00e4g");
        check("\"\"\"\na > 1\nand b > 2\"\"\"", "b > 2", "b > 2");
        check("\"\"\"a \\\n    > 1\"\"\"", "> 1", "> 1");
        check("'''\r\nä = 1'''", "= 1", "= 1");
    }

    #[test]
    fn offsets_beyond_the_text_stay_inside_the_literal() {
        assert_eq!(in_file("\"ab\"", &(0..4), &(9..12)), 3..3);
        assert_eq!(in_file("", &(0..4), &(0..1)), 1..1);
    }
}
