//! Conditions, as their file has them.
//!
//! Here: from the literal to the tree, and where in the file a mistake inside a text is shown. Not here: the language
//! (`expr`).
//! Invariant: a condition that does not parse is none, and each of its mistakes stands at its own place.

use std::ops::Range;

use super::Condition;
use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed, Reader};
use crate::expr::Mistake;
use crate::expr::parse::parse;
use crate::place;

/// A condition that must be there.
pub(super) fn required_condition(r: &mut Reader<'_, '_>, key: &'static str) -> Option<Condition> {
    r.required(key).then(|| condition(r, key))?
}

/// A condition.
pub(super) fn condition(r: &mut Reader<'_, '_>, key: &'static str) -> Option<Condition> {
    let given = match r.any(key)? {
        (_, node) if matches!(node.value, Node::Text(_)) => r.text(key)?,
        (_, node) => {
            let (place, label) = ((r.file(), node.span.clone()), format!("this is {}", node.value.kind()));
            let message = format!("`{key}` must be a condition in quotes");
            r.report().error("E005", place, message, label).help =
                Some(format!("for example {key} = \"water_temperature > 90 °C\""));
            return None;
        }
    };
    let file = r.file();
    parsed(r.report(), given, file)
}

/// The tree of an expression.
pub(super) fn parsed(report: &mut Report, given: Placed<String>, file: FileId) -> Option<Condition> {
    match parse(&given.value) {
        Ok(expr) => Some(Condition { text: given.value, span: given.span, expr }),
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| report_mistake(report, file, &given.span, mistake));
            None
        }
    }
}

/// Shows a mistake inside a text at its place in the file.
pub(crate) fn report_mistake(report: &mut Report, file: FileId, literal: &Range<usize>, mistake: Mistake) {
    let place = (file, place::in_file(report.text(file), literal, &mistake.span));
    let shown = if mistake.warning {
        report.warning(mistake.code, place, mistake.message, mistake.label)
    } else {
        report.error(mistake.code, place, mistake.message, mistake.label)
    };
    shown.help = mistake.help;
}
