//! Mistakes in files that people write, shown where they are.
//!
//! Here: the [`Diagnostic`], the [`Report`] that collects all of one run, and how they look on a terminal and in
//! JSON. Not here: finding the mistakes.
//! Invariant: a diagnostic names file, line and column, says what was found and what was expected, and where
//! there is a fix it shows it. Columns count characters, not bytes.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

/// How much a mistake matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// The thing cannot be used.
    Error,
    /// It can be used, but it is probably not what was meant.
    Warning,
}

/// One mistake, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How much it matters.
    pub weight: Weight,
    /// Stable code, for searching and for tools.
    pub code: &'static str,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Which file of the report.
    pub file: FileId,
    /// Where in the file, in bytes.
    pub span: Range<usize>,
    /// What stands beside the place.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
}

/// A file of a [`Report`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(usize);

#[derive(Debug)]
struct File {
    name: String,
    text: String,
    /// Where its lines begin.
    lines: Vec<usize>,
    /// Nobody knows its text.
    unreadable: bool,
}

impl File {
    fn new(name: String, text: String, unreadable: bool) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(i, _)| i + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Self { name, text, lines, unreadable }
    }

    /// Line and column of a place, both from 1; the column counts characters.
    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|begin| *begin <= at).max(1);
        let before = self.text.get(self.lines[line - 1]..at).unwrap_or("");
        (line, before.chars().count() + 1)
    }
}

/// The lines around a place, as they are shown. The renderer looks at all that it is given, for each mistake.
struct Excerpt<'f> {
    text: Cow<'f, str>,
    /// Where the place is in that text.
    place: Range<usize>,
    /// The first of the lines.
    line: usize,
    /// The column that the place has in what is shown, and the one it has in the file, where the line is cut.
    columns: Option<(usize, usize)>,
}

impl File {
    fn excerpt(&self, span: Range<usize>) -> Excerpt<'_> {
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

/// All mistakes of all files of one run.
#[derive(Debug, Default)]
pub struct Report {
    files: Vec<File>,
    diagnostics: Vec<Diagnostic>,
}

/// A diagnostic as `--format json` prints it, one a line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonLine<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    code: &'a str,
    severity: Weight,
    message: &'a str,
    label: &'a str,
    help: Option<&'a str>,
}

impl Report {
    /// Adds a file, so that mistakes in it can be shown. A byte order mark is no part of its text.
    pub fn add_file(&mut self, name: impl Into<String>, text: impl Into<String>) -> FileId {
        let mut text = text.into();
        if text.starts_with('\u{feff}') {
            text.remove(0);
        }
        self.files.push(File::new(name.into(), text, false));
        FileId(self.files.len() - 1)
    }

    /// Adds a file that could not be read, and says why.
    pub fn add_unreadable(&mut self, name: impl Into<String>, why: &str) -> FileId {
        self.files.push(File::new(name.into(), String::new(), true));
        let file = FileId(self.files.len() - 1);
        self.error("R502", (file, 0..0), format!("cannot read the file: {why}"), "not read");
        file
    }

    /// Whether the text of a file is not known.
    #[must_use]
    pub fn is_unreadable(&self, file: FileId) -> bool {
        self.files.get(file.0).is_none_or(|f| f.unreadable)
    }

    /// The name of a file that was added.
    #[must_use]
    pub fn name(&self, file: FileId) -> &str {
        self.files.get(file.0).map_or("", |f| &f.name)
    }

    /// The text of a file that was added.
    #[must_use]
    pub fn text(&self, file: FileId) -> &str {
        self.files.get(file.0).map_or("", |f| &f.text)
    }

    /// Adds an error; its help can be set on what is returned.
    pub fn error(
        &mut self,
        code: &'static str,
        place: (FileId, Range<usize>),
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Weight::Error, code, place, message.into(), label.into())
    }

    /// Adds a warning; its help can be set on what is returned.
    pub fn warning(
        &mut self,
        code: &'static str,
        place: (FileId, Range<usize>),
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> &mut Diagnostic {
        self.add(Weight::Warning, code, place, message.into(), label.into())
    }

    fn add(
        &mut self,
        weight: Weight,
        code: &'static str,
        (file, span): (FileId, Range<usize>),
        message: String,
        label: String,
    ) -> &mut Diagnostic {
        let span = self.inside(file, span);
        let at = self.diagnostics.len();
        self.diagnostics.push(Diagnostic { weight, code, message, file, span, label, help: None });
        &mut self.diagnostics[at]
    }

    /// Gives the mistake that was reported last a help.
    pub(crate) fn help_last(&mut self, help: impl Into<String>) {
        if let Some(last) = self.diagnostics.last_mut() {
            last.help = Some(help.into());
        }
    }

    /// Adds a line to the help of the mistake that was reported last.
    pub(crate) fn add_to_help_last(&mut self, line: &str) {
        if let Some(last) = self.diagnostics.last_mut() {
            last.help = Some(match last.help.take() {
                Some(help) => format!("{help}, {line}"),
                None => line.to_owned(),
            });
        }
    }

    /// The span cut to what can be shown: inside the text, and not inside a character.
    fn inside(&self, file: FileId, span: Range<usize>) -> Range<usize> {
        let text = self.text(file);
        let start = text.floor_char_boundary(span.start);
        start..text.ceil_char_boundary(span.end).max(start)
    }

    /// All mistakes, in the order in which they were found.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Forgets what was found since `later` if the same kind of mistake was found at its place since `earlier`.
    pub(crate) fn forget_repeated(&mut self, earlier: usize, later: usize) {
        let mut found = self.diagnostics.split_off(later);
        let known = &self.diagnostics[earlier..];
        found.retain(|d| !known.iter().any(|k| (k.file, &k.span, k.code) == (d.file, &d.span, d.code)));
        self.diagnostics.append(&mut found);
    }

    /// Forgets what was found since `earlier` under one of these codes.
    pub(crate) fn forget(&mut self, earlier: usize, codes: &[&str]) {
        let mut found = self.diagnostics.split_off(earlier);
        found.retain(|d| !codes.contains(&d.code));
        self.diagnostics.append(&mut found);
    }

    /// Puts all mistakes into the order of the files, and of their places in them.
    pub fn sort(&mut self) {
        self.diagnostics.sort_by_key(|d| (d.file, d.span.start));
    }

    /// Number of errors; warnings do not count.
    #[must_use]
    pub fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|d| d.weight == Weight::Error).count()
    }

    /// Number of errors found since `before` diagnostics had been found.
    #[must_use]
    pub fn errors_since(&self, before: usize) -> usize {
        self.diagnostics[before..].iter().filter(|d| d.weight == Weight::Error).count()
    }

    /// One line each, for logs: `rules/washer.toml:12:9: message (label)`.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.diagnostics.iter().map(|d| {
            let (line, column) = self.place(d.file, d.span.start);
            let name = self.files.get(d.file.0).map_or("", |f| f.name.as_str());
            let help = d.help.as_ref().map(|h| format!("; {}", h.replace('\n', " "))).unwrap_or_default();
            format!("{name}:{line}:{column}: {} ({}{help})", d.message, d.label)
        })
    }

    /// All mistakes for a person's terminal, in the manner of rustc.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let shown: Vec<String> = self.diagnostics.iter().map(|d| self.render_one(&renderer, d)).collect();
        shown.join("\n\n")
    }

    fn render_one(&self, renderer: &Renderer, d: &Diagnostic) -> String {
        let level = match d.weight {
            Weight::Error => Level::ERROR,
            Weight::Warning => Level::WARNING,
        };
        let Some(file) = self.files.get(d.file.0) else { return d.message.clone() };
        let title = level.primary_title(d.message.as_str()).id(d.code);
        let excerpt = file.excerpt(d.span.clone());
        let place = AnnotationKind::Primary.span(excerpt.place).label(d.label.as_str());
        let snippet = Snippet::source(excerpt.text).line_start(excerpt.line).annotation(place);
        let name = file.name.as_str();
        let group = match file.unreadable {
            // There are no lines to show of a file that could not be read.
            true => title.element(Origin::path(name)),
            false => title.element(snippet.path(name)),
        };
        let group = match &d.help {
            Some(help) => group.element(Level::HELP.message(help.as_str())),
            None => group,
        };
        let shown = renderer.render(&[group]);
        let Some((as_shown, column)) = excerpt.columns else { return shown };
        let line = excerpt.line;
        shown.replacen(&format!("{name}:{line}:{as_shown}"), &format!("{name}:{line}:{column}"), 1)
    }

    /// All mistakes as JSON, one a line.
    #[must_use]
    pub fn json(&self) -> String {
        self.diagnostics.iter().fold(String::new(), |mut out, d| {
            let (line, column) = self.place(d.file, d.span.start);
            let (end_line, end_column) = self.place(d.file, d.span.end);
            let shown = JsonLine {
                file: self.files.get(d.file.0).map_or("", |f| f.name.as_str()),
                line,
                column,
                end_line,
                end_column,
                code: d.code,
                severity: d.weight,
                message: &d.message,
                label: &d.label,
                help: d.help.as_deref(),
            };
            // Texts and numbers only: this cannot fail, and writing into a String cannot either.
            writeln!(out, "{}", serde_json::to_string(&shown).unwrap_or_default()).ok();
            out
        })
    }

    fn place(&self, file: FileId, at: usize) -> (usize, usize) {
        self.files.get(file.0).map_or((1, 1), |f| f.line_and_column(at))
    }
}

/// The candidate most like `wrong`, if one is alike enough to be what was meant.
#[must_use]
pub fn did_you_mean<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// Below this Jaro-Winkler likeness a suggestion is a guess.
    const ALIKE: f64 = 0.8;
    let lower = wrong.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&lower, &c.to_lowercase()), c))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(text: &str, span: Range<usize>) -> Report {
        let mut report = Report::default();
        let file = report.add_file("rules/wäscher.toml", text);
        report.error("E001", (file, span), "unknown tag `presure`", "no such tag").help =
            Some("did you mean `pressure`?".into());
        report
    }

    #[test]
    fn a_mistake_is_shown_in_its_line_with_its_help() {
        let text = "[rule.a]\nwhen = \"presure > 4\"\n";
        let shown = report(text, 17..24).render(false);
        assert_eq!(
            shown,
            "error[E001]: unknown tag `presure`\n --> rules/wäscher.toml:2:9\n  |\n2 | when = \"presure > 4\"\n  |         ^^^^^^^ no such tag\n  |\n  = help: did you mean `pressure`?"
        );
    }

    #[test]
    fn columns_count_characters_behind_umlauts_and_crlf() {
        let text = "# Wäscher\r\nüü = presure\r\n";
        let at = text.find("presure").unwrap();
        let r = report(text, at..at + 7);
        let expected =
            "rules/wäscher.toml:2:6: unknown tag `presure` (no such tag; did you mean `pressure`?)";
        assert_eq!(r.lines().collect::<Vec<_>>(), [expected]);
        let place = r#""line":2,"column":6,"endLine":2,"endColumn":13,"code":"E001","severity":"error""#;
        assert!(r.json().contains(place), "{}", r.json());
        assert!(r.render(false).contains(":2:6\n") && r.render(false).contains("2 | üü = presure\n"));
    }

    #[test]
    fn a_place_beyond_the_text_does_not_panic() {
        let r = report("a", 5..9);
        assert!(r.render(false).contains("unknown tag"));
        assert_eq!(r.lines().count(), 1);
    }

    #[test]
    fn of_a_long_line_only_what_is_around_the_place_is_shown() {
        let text = format!("# first\nx = '{0}presure{0}'\n", "ü".repeat(2_000));
        let at = text.find("presure").unwrap();
        let shown = report(&text, at..at + 7).render(false);
        let around = "ü".repeat(30);
        assert!(shown.contains(":2:2006\n"), "{shown}");
        assert!(shown.contains(&format!("2 | …{around}presure{around}…\n")), "{shown}");
        let below = format!("{}^^^^^^^ no such tag", " ".repeat(31));
        assert!(shown.contains(&below), "{shown}");
    }

    #[test]
    fn a_suggestion_is_made_only_for_what_is_alike() {
        let tags = ["pressure", "water_temperature", "pump_running"];
        assert_eq!(did_you_mean("presure", tags), Some("pressure"));
        assert_eq!(did_you_mean("Water_Temperatur", tags), Some("water_temperature"));
        assert_eq!(did_you_mean("speed", tags), None);
    }
}
