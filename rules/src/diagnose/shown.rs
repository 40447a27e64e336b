//! How mistakes are shown: a line each for logs, in the manner of rustc for a person's terminal, as JSON for programs.
//!
//! Here: that. Not here: what is wrong (`diagnose`), which lines of a file are shown (`file`).
//! Invariant: all three name the same line and column.

use std::fmt::Write as _;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use serde::Serialize;

use super::{Diagnostic, FileId, Report, Weight};

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
