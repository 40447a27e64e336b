//! A value as a file has it: true or false, a number, a text, a number with its unit.
//!
//! Here: what a value in TOML and a text are worth. Not here: whether a parameter can have it (`params`), what units
//! mean (`units`).
//! Invariant: a number with a decimal comma is never read as another number.

use crate::diagnose::{FileId, Report};
use crate::document::{Node, Placed};
use crate::time;
use crate::value::{Constant, Value};

/// A number without a unit is meant in this one.
pub(crate) fn in_unit(mut constant: Constant, unit: Option<&str>) -> Constant {
    if constant.unit.is_none() && matches!(constant.value, Value::Int(_) | Value::Float(_)) {
        constant.unit = unit.map(str::to_owned);
    }
    constant
}

/// A value in a file: true or false, a number, or a text; a text that is a number with a unit is one.
pub fn constant(report: &mut Report, file: FileId, node: &Placed<Node>) -> Option<Constant> {
    let plain = |value| Some(Constant { value, unit: None });
    match &node.value {
        Node::Bool(b) => plain(Value::Bool(*b)),
        Node::Int(i) => plain(Value::Int(*i)),
        Node::Float(f) if f.is_finite() => plain(Value::Float(*f)),
        Node::Text(text) => match constant_of(text) {
            Ok(constant) => Some(constant),
            Err(fixed) => {
                let message = "a number has a decimal point, not a comma";
                let place = (file, node.span.clone());
                report.error("R102", place, message, "decimal comma").help =
                    Some(format!("write \"{fixed}\""));
                None
            }
        },
        other => {
            let message = "a number, a text with number and unit, or true or false is expected";
            let label = match other {
                Node::Float(_) => "not a finite number".to_owned(),
                other => format!("this is {}", other.kind()),
            };
            report.error("E005", (file, node.span.clone()), message, label);
            None
        }
    }
}

/// A text as a value: `22 °C`, `1h30m`, `Auto`.
///
/// # Errors
/// When it is a number with a decimal comma: with the point in its place.
pub(crate) fn constant_of(text: &str) -> Result<Constant, String> {
    let trimmed = text.trim();
    let number_ends = trimmed
        .char_indices()
        .find(|(i, c)| !(c.is_ascii_digit() || "._,".contains(*c) || (*i == 0 && "+-".contains(*c))))
        .map_or(trimmed.len(), |(i, _)| i);
    // An exponent belongs to the number; a unit that begins with e does not exist.
    let number_ends = exponent(trimmed, number_ends);
    let (number, unit) = trimmed.split_at(number_ends);
    let unit = unit.trim();
    if number.contains(',') && number.starts_with(|c: char| c.is_ascii_digit() || "+-".contains(c)) {
        return Err(trimmed.replace(',', "."));
    }
    // `1h30m`, `T#5M`; but `4 m3` is a volume.
    let several = unit.contains(|c: char| c.is_ascii_digit()) && time::duration(trimmed).is_ok();
    if let Some(value) = number_of(number).filter(|_| is_unit(unit) && !several) {
        return Ok(Constant { value, unit: (!unit.is_empty()).then(|| unit.to_owned()) });
    }
    if let Ok(millis) = time::duration(trimmed) {
        return Ok(Constant { value: Value::Int(millis), unit: Some("ms".into()) });
    }
    Ok(Constant { value: Value::Text(text.into()), unit: None })
}

fn exponent(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let Some(digits) = rest.strip_prefix(['e', 'E']) else { return at };
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let many = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if at == 0 || many == 0 { at } else { text.len() - digits.len() + many }
}

fn number_of(text: &str) -> Option<Value> {
    let digits = text.replace('_', "");
    if !digits.contains(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let int = digits.parse().ok().map(Value::Int);
    int.or_else(|| digits.parse().ok().filter(|f: &f64| f.is_finite()).map(Value::Float))
}

/// Whether it could be a unit, known or not: nothing, or no digit in front.
fn is_unit(text: &str) -> bool {
    text.chars().next().is_none_or(|c| c.is_alphabetic() || "%°µ'\"".contains(c))
        && !text.contains(char::is_whitespace)
}
