//! A CSV file cut into lines and fields, each with its place.
//!
//! Here: separators, quotes, Excel's `sep=`. Not here: what the fields mean (`limits`).
//! Invariant: a field's place is what the editor shows of it, without quotes and blanks around it. That is why no
//! library does it: those that there are place records, not fields.

use std::ops::Range;

use crate::diagnose::{FileId, Report};
use crate::document::Placed;

/// A file.
#[derive(Debug)]
pub(crate) struct Sheet {
    /// What parts the fields.
    pub(crate) parted_by: char,
    /// The first line that says something.
    pub(crate) header: Option<Line>,
    /// All others that do.
    pub(crate) lines: Vec<Line>,
}

/// A line.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) fields: Vec<Placed<String>>,
    pub(crate) span: Range<usize>,
}

/// Cuts a file that was added to the report.
pub(crate) fn sheet(report: &mut Report, file: FileId) -> Sheet {
    let text = report.text(file).to_owned();
    let mut sheet = Sheet { parted_by: ';', header: None, lines: Vec::new() };
    let (mut at, mut told) = (0, false);
    for raw in text.split_inclusive('\n') {
        let (start, line) = (at, raw.trim_end_matches(['\n', '\r']));
        at += raw.len();
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if sheet.header.is_none() && !told {
            if let Some(by) = line.strip_prefix("sep=").and_then(|by| by.chars().next()) {
                (sheet.parted_by, told) = (by, true);
                continue;
            }
            sheet.parted_by = [';', '\t', ','].into_iter().find(|c| line.contains(*c)).unwrap_or(';');
        }
        match fields(line, start, sheet.parted_by) {
            Ok(fields) => {
                let line = Line { fields, span: start..start + line.len() };
                if sheet.header.is_none() {
                    sheet.header = Some(line);
                } else if line.fields.iter().any(|f| !f.value.is_empty()) {
                    sheet.lines.push(line);
                }
            }
            Err(span) => {
                report.error("R602", (file, span), "a quote is not closed in its line", "opened here");
            }
        }
    }
    sheet
}

/// The fields of a line; the place of a quote that is not closed.
fn fields(line: &str, start: usize, by: char) -> Result<Vec<Placed<String>>, Range<usize>> {
    let (mut fields, mut at) = (Vec::new(), 0);
    loop {
        let rest = &line[at..];
        // A tab may part fields, and is no blank then.
        let blank = rest.len() - rest.trim_start_matches(|c: char| c.is_whitespace() && c != by).len();
        let begin = at + blank;
        let (field, end) = if line[begin..].starts_with('"') {
            quoted(line, begin).map_err(|span| start + span.start..start + span.end)?
        } else {
            let end = line[begin..].find(by).map_or(line.len(), |i| begin + i);
            let text = line[begin..end].trim_end();
            ((text.to_owned(), begin..begin + text.len()), end)
        };
        let (value, span) = field;
        fields.push(Placed { value, span: start + span.start..start + span.end });
        match line[end..].find(by) {
            Some(next) => at = end + next + by.len_utf8(),
            None => return Ok(fields),
        }
    }
}

/// A field in quotes, where two stand for one: its text and place, and where it ends.
#[expect(clippy::type_complexity, reason = "two tuples that are taken apart at once")]
fn quoted(line: &str, begin: usize) -> Result<((String, Range<usize>), usize), Range<usize>> {
    let (mut text, mut at) = (String::new(), begin + 1);
    while let Some(quote) = line[at..].find('"') {
        text.push_str(&line[at..at + quote]);
        at += quote + 1;
        if !line[at..].starts_with('"') {
            return Ok(((text.trim().to_owned(), begin + 1..at - 1), at));
        }
        text.push('"');
        at += 1;
    }
    Err(begin..begin + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> (Vec<Vec<String>>, Vec<String>) {
        let mut report = Report::default();
        let file = report.add_file("l.csv", text);
        let sheet = sheet(&mut report, file);
        let all = sheet.header.iter().chain(&sheet.lines);
        let fields = all.map(|l| l.fields.iter().map(|f| f.value.clone()).collect()).collect();
        for field in sheet.header.iter().chain(&sheet.lines).flat_map(|l| &l.fields) {
            let raw = &report.text(file)[field.span.clone()];
            assert!(raw.replace('"', "").trim() == field.value.replace('"', "").trim(), "{raw} {field:?}");
        }
        (fields, report.lines().collect())
    }

    #[test]
    fn lines_are_cut_as_spreadsheets_write_them() {
        for text in ["a;b\n1; 2,5 \r\n\n# no\n;\n", "sep=;\na;b\n1;2,5", "a\tb\n1\t2,5\n", "a,b\n1,\"2,5\"\n"]
        {
            assert_eq!(cut(text).0, [["a", "b"], ["1", "2,5"]], "{text}");
        }
        assert_eq!(cut("a;b\n\"x;\"\"y\"\"\" ;z").0[1], ["x;\"y\"", "z"]);
        assert_eq!(cut("a\tb\tc\n1\t\t3").0[1], ["1", "", "3"]);
        assert!(cut("a;b\n1;\"x\n").1[0].starts_with("l.csv:2:3: a quote is not closed"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a;,\t\" \\n\r]{0,30}") {
            cut(&text);
        }
    }
}
