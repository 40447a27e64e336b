//! A file of a report: its text, and where the lines of it begin.
//!
//! Here: line and column of a place, and the lines around one. Not here: how they are shown (`shown`).
//! Invariant: a place is on a line of the text, whatever was asked for.

use std::borrow::Cow;
use std::ops::Range;

/// A file, readable or not.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) text: String,
    /// Where its lines begin.
    lines: Vec<usize>,
    /// Nobody knows its text.
    pub(super) unreadable: bool,
}

impl File {
    pub(super) fn new(name: String, text: String, unreadable: bool) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| i + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { name, text, lines, unreadable }
    }

    /// Line and column of a place, both from 1; the column counts characters.
    pub(super) fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|begin| *begin <= at).max(1);
        let before = self.text.get(self.lines[line - 1]..at).unwrap_or("");
        (line, before.chars().count() + 1)
    }
}

/// The lines around a place, as they are shown. The renderer looks at all that it is given, for each mistake.
pub(super) struct Excerpt<'f> {
    pub(super) text: Cow<'f, str>,
    /// Where the place is in that text.
    pub(super) place: Range<usize>,
    /// The first of the lines.
    pub(super) line: usize,
    /// The column that the place has in what is shown, and the one it has in the file, where the line is cut.
    pub(super) columns: Option<(usize, usize)>,
}

impl File {
    /// What is shown of the file for a place.
    pub(super) fn excerpt(&self, span: Range<usize>) -> Excerpt<'_> {
        /// A line that is longer is not read by anybody, and a program's file may be one line of a megabyte.
        const LONG: usize = 1_000;
        /// How much of such a line is shown before and behind the place, and at most of the place.
        const AROUND: usize = 60;
        let (line, column) = self.line_and_column(span.start);
        let begin = self.lines[line - 1];
        let end = self.lines.get(self.line_and_column(span.end).0).copied().unwrap_or(self.text.len());
        let text = self.text.get(begin..end).unwrap_or("");
        let place = span.start - begin..span.end - begin;
        if text.len() <= LONG {
            return Excerpt { text: text.into(), place, line, columns: None };
        }
        let first = text.floor_char_boundary(place.start.saturating_sub(AROUND));
        let last = text.ceil_char_boundary(place.end.min(place.start + AROUND));
        let behind = text.ceil_char_boundary(last + AROUND);
        let dots = |cut: bool| if cut { "…" } else { "" };
        let (before, after) = (dots(first > 0), dots(behind < text.len()));
        let shown = format!("{before}{}{after}", &text[first..behind]);
        let moved = |at: usize| at - first + before.len();
        let place = moved(place.start)..moved(last);
        let columns = Some((shown[..place.start].chars().count() + 1, column));
        Excerpt { text: shown.into(), place, line, columns }
    }
}
