//! The columns of a table of limits.
//!
//! Here: which there are, which must be there, what is meant by one that is called otherwise. Not here: what stands in
//! them (`line`).
//! Invariant: a table whose columns are not all known gives no limit.

use crate::diagnose::{FileId, Report, did_you_mean};
use crate::sheet::Sheet;

/// Columns that a file may have.
const COLUMNS: [&str; 6] = ["rule", "parameter", "machine", "value", "unit", "comment"];
/// Those that it must have.
const NEEDED: usize = 4;

/// The columns of a table by their names in small letters; mistakes in them are reported.
pub(super) fn columns(report: &mut Report, file: FileId, sheet: &Sheet) -> Vec<String> {
    let Some(header) = &sheet.header else {
        let message = "the file has no first line with the names of the columns";
        report.error("R601", (file, 0..0), message, "rule;parameter;machine;value is expected");
        return Vec::new();
    };
    let names: Vec<String> = header.fields.iter().map(|f| f.value.to_lowercase()).collect();
    for (i, (name, field)) in names.iter().zip(&header.fields).enumerate() {
        let place = (file, field.span.clone());
        if names[..i].contains(name) {
            report.error("R601", place, format!("column `{name}` stands twice"), "the second one");
        } else if !COLUMNS.contains(&name.as_str()) {
            let help = meant(name).map(|near| format!("did you mean `{near}`?"));
            let known = || format!("columns: {}", COLUMNS.join(", "));
            report.error("R601", place, format!("unknown column `{}`", field.value), "no such column").help =
                Some(help.unwrap_or_else(known));
        }
    }
    let is_there = |column: &str| names.iter().any(|n| meant(n) == Some(column));
    for missing in COLUMNS[..NEEDED].iter().filter(|c| !is_there(c)) {
        let message = format!("the file has no column `{missing}`");
        report.error("R601", (file, header.span.clone()), message, "the names of the columns").help =
            Some("the first line must be rule;parameter;machine;value".into());
    }
    names
}

/// The column that is meant by a name.
fn meant(name: &str) -> Option<&'static str> {
    const GERMAN: [(&str, &str); 7] = [
        ("regel", "rule"),
        ("maschine", "machine"),
        ("wert", "value"),
        ("grenzwert", "value"),
        ("limit", "value"),
        ("einheit", "unit"),
        ("kommentar", "comment"),
    ];
    let german = GERMAN.iter().find(|(german, _)| *german == name).map(|(_, column)| *column);
    german.or_else(|| did_you_mean(name, COLUMNS))
}
