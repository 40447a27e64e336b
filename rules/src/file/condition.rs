//! Conditions, as their file has them.
//!
//! Here: from the literal to the tree, and where in the file a mistake inside a text is shown. Not here: the language
//! (`expr`).
//! Invariant: what does not parse is a hole in the tree, and each mistake stands at its own place: the rest is checked.

use std::ops::Range;

use super::Condition;
use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed, Reader};
use crate::expr::parse::{Parsed, read};
use crate::expr::{Expr, Mistake, Node as Part};
use crate::place;

/// A condition that must be there; where it is not, one that nothing is known of.
pub(super) fn required_condition(r: &mut Reader<'_, '_>, key: &'static str) -> Condition {
    r.required(key).then(|| condition(r, key)).flatten().unwrap_or_else(no_condition)
}

/// A condition that should be there: nothing is known of it.
pub(super) fn no_condition() -> Condition {
    let expr = Expr { node: Part::Hole(Vec::new()), span: 0..0 };
    Condition { text: String::new(), span: 0..0, expr }
}

/// A condition.
pub(super) fn condition(r: &mut Reader<'_, '_>, key: &'static str) -> Option<Condition> {
    let given = match r.any(key)? {
        (_, node) if matches!(node.value, Node::Text(_)) => r.text(key)?,
        (_, node) => {
            let (place, label) = ((r.file(), node.span.clone()), format!("this is {}", node.value.kind()));
            let message = format!("`{key}` must be a condition in quotes");
            let help = match &node.value {
                Node::List(_) => {
                    format!("write one text, with `and` or `or` between: {key} = \"a > 4 and b\"")
                }
                _ => format!("for example {key} = \"water_temperature > 90 °C\""),
            };
            r.report().error("E005", place, message, label).help = Some(help);
            return None;
        }
    };
    let file = r.file();
    Some(parsed(r.report(), given, file))
}

/// The tree of an expression, with holes where it has mistakes.
pub(super) fn parsed(report: &mut Report, given: Placed<String>, file: FileId) -> Condition {
    let Parsed { expr, mistakes } = read(&given.value);
    mistakes.into_iter().for_each(|mistake| report_mistake(report, file, &given.span, mistake));
    Condition { text: given.value, span: given.span, expr }
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
