//! Mistakes in files that people write, shown where they are.
//!
//! Here: the [`Diagnostic`], and the [`Report`] that collects all of one run. What a report knows of a file stands in
//! `file`, how mistakes look on a terminal and in JSON in `shown`. Not here: finding the mistakes.
//! Invariant: a diagnostic names file, line and column, says what was found and what was expected, and where
//! there is a fix it shows it. Columns count characters, not bytes.

mod file;
mod shown;

use std::ops::Range;

use serde::Serialize;

use self::file::File;

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

/// All mistakes of all files of one run.
#[derive(Debug, Default)]
pub struct Report {
    files: Vec<File>,
    diagnostics: Vec<Diagnostic>,
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
    pub(crate) fn add_unreadable(&mut self, name: impl Into<String>, why: &str) -> FileId {
        self.files.push(File::new(name.into(), String::new(), true));
        let file = FileId(self.files.len() - 1);
        self.error("R502", (file, 0..0), format!("cannot read the file: {why}"), "not read");
        file
    }

    /// Whether the text of a file is not known.
    #[must_use]
    pub(crate) fn is_unreadable(&self, file: FileId) -> bool {
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
mod tests;
