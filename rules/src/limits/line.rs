//! A limit as its line gives it.
//!
//! Here: the fields of a line, and what a spreadsheet makes of values. Not here: the columns (`columns`), whether there
//! is such a rule and such a parameter (`limits`).
//! Invariant: a value that may be another than was typed (a date, two marks in a number, a decimal comma between
//! commas) is refused.

use crate::diagnose::{FileId, Report};
use crate::document::Placed;
use crate::params::{constant_of, in_unit};
use crate::sheet::{Line, Sheet};
use crate::value::{Constant, Value};

/// A limit with the places of its fields.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) file: FileId,
    pub(super) rule: Placed<String>,
    pub(super) parameter: Placed<String>,
    /// A pattern of the machine's name.
    pub(super) machine: Placed<String>,
    pub(super) value: Placed<Constant>,
}

/// The limit of a line, whose fields `field` finds by the name of their column.
pub(super) fn limit<'f>(
    report: &mut Report,
    file: FileId,
    sheet: &Sheet,
    line: &'f Line,
    field: &impl Fn(&str) -> Option<&'f Placed<String>>,
) -> Option<Limit> {
    if !is_whole(report, file, sheet, line) {
        return None;
    }
    let (rule, parameter) = (field("rule")?.clone(), field("parameter")?.clone());
    for (what, empty) in [("rule", &rule), ("parameter", &parameter)] {
        if empty.value.is_empty() {
            report.error("R602", (file, empty.span.clone()), format!("the {what} is missing"), "empty");
        }
    }
    let mut machine = field("machine")?.clone();
    if machine.value.is_empty() {
        machine.value = "*".into();
    }
    let given = field("value")?;
    let value = value(report, file, sheet, given)?;
    let unit = field("unit").map(|f| f.value.as_str()).filter(|unit| !unit.is_empty());
    let value = Placed { value: in_unit(value, unit), span: given.span.clone() };
    (!rule.value.is_empty() && !parameter.value.is_empty()).then_some(Limit {
        file,
        rule,
        parameter,
        machine,
        value,
    })
}

/// Whether a line has a field for each column.
fn is_whole(report: &mut Report, file: FileId, sheet: &Sheet, line: &Line) -> bool {
    let columns = sheet.header.as_ref().map_or(0, |h| h.fields.len());
    if line.fields.len() == columns {
        return true;
    }
    let message = format!("the line has {} fields", line.fields.len());
    let label = format!("{columns} are expected");
    let comma = sheet.parted_by == ',' && line.fields.len() > columns;
    report.error("R602", (file, line.span.clone()), message, label).help = comma.then(|| {
        "where commas part the fields, a number needs a decimal point; or save the file with `;`".into()
    });
    false
}

fn value(report: &mut Report, file: FileId, sheet: &Sheet, given: &Placed<String>) -> Option<Constant> {
    let text = given.value.trim();
    let place = (file, given.span.clone());
    if text.is_empty() {
        report.error("R602", place, "the value is missing", "empty");
        return None;
    }
    let truth = [("true", true), ("false", false), ("wahr", true), ("falsch", false)];
    if let Some((_, truth)) = truth.iter().find(|(name, _)| *name == text.to_lowercase()) {
        return Some(Constant { value: Value::Bool(*truth), unit: None });
    }
    if looks_like_a_date(text) {
        let message = format!("`{text}` looks like a date");
        report.error("R603", place, message, "a spreadsheet makes dates of numbers such as 1.2").help =
            Some("give the column the format `text`, and type the number anew".into());
        return None;
    }
    let number: String = text.chars().take_while(|c| c.is_ascii_digit() || ".,+-".contains(*c)).collect();
    if number.matches(['.', ',']).count() > 1 {
        let message = format!("`{number}` is not a number");
        report.error("R603", place, message, "more than one `.` or `,`").help =
            Some("write numbers without a mark for thousands: 1234,5".into());
        return None;
    }
    match constant_of(text) {
        Ok(constant) => Some(constant),
        Err(point) if sheet.parted_by != ',' => constant_of(&point).ok(),
        Err(point) => {
            let message = "a number has a decimal point where commas part the fields";
            report.error("R603", place, message, "decimal comma").help = Some(format!("write {point}"));
            None
        }
    }
}

/// `01. Feb`, `1.2.2026`, `Feb 01`, `2026-02-01`.
fn looks_like_a_date(text: &str) -> bool {
    const MONTHS: [&str; 15] = [
        "jan", "feb", "mar", "mär", "apr", "may", "mai", "jun", "jul", "aug", "sep", "oct", "okt", "nov",
        "dez",
    ];
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let is_month =
        |word: &&str| MONTHS.iter().any(|month| word.starts_with(month)) || word.starts_with("dec");
    let numbers = words.iter().filter(|word| word.chars().all(|c| c.is_ascii_digit())).count();
    let named = words.len() < 4 && numbers > 0 && words.iter().any(is_month);
    let parts: Vec<&str> = lower.split(['.', '-', '/']).collect();
    let year = |part: &&str| part.len() == 4 && (part.starts_with("19") || part.starts_with("20"));
    let plain = parts.len() == 3 && numbers == 3 && (year(&parts[0]) || year(&parts[2]));
    named || plain
}
