//! A transition as one line that a technician reads.
//!
//! Here: the line. Not here: when it is printed.
//! Invariant: whatever a name or a value holds, it stays on its line and moves no cursor.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use proto::transition::InputValue;
use proto::{Cause, Severity, Transition, Value};

/// Whether lines are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// A person looks at it.
    Yes,
    /// It goes to a file or another program.
    No,
}

impl Colour {
    /// On a terminal, unless the user does not want any (`NO_COLOR`).
    pub(super) fn of_stdout() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
        if wanted && std::io::stdout().is_terminal() { Self::Yes } else { Self::No }
    }
}

/// Time, machine, rule, states, severity, reason.
#[must_use]
pub(super) fn line(t: &Transition, colour: Colour) -> String {
    let change = format!("{} → {}", t.from, t.to);
    let severity = match t.severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Alarm => "ALARM",
        Severity::Critical => "CRITICAL",
    };
    let (paint, plain) = match (colour, t.severity) {
        (Colour::No, _) => ("", ""),
        (Colour::Yes, Severity::Info) => ("\x1b[32m", "\x1b[0m"),
        (Colour::Yes, Severity::Warning) => ("\x1b[33m", "\x1b[0m"),
        (Colour::Yes, Severity::Alarm | Severity::Critical) => ("\x1b[31m", "\x1b[0m"),
    };
    let (time, machine, rule) = (time(t.timestamp), tame(&t.equipment), tame(&t.rule_id));
    let (change, reason) = (tame(&change), tame(&reason(t)));
    format!("{time}  {machine:<8}  {rule:<26}  {paint}{change:<30}  {severity:<8}{plain}  {reason}")
}

fn reason(t: &Transition) -> String {
    let Some(because) = &t.because else {
        return match t.cause {
            Cause::Unknown if t.from == "Unknown" => "judged for the first time",
            Cause::Unknown => "a value it needs is unknown",
            Cause::Clear => "its condition is over",
            Cause::RuleChanged => "the rule was edited",
            _ => "no condition holds",
        }
        .into();
    };
    let mut reason = String::new();
    if t.cause == Cause::Clear {
        reason.push_str("over: ");
    }
    reason.push_str(&because.expression);
    if because.delay > 0 && t.cause == Cause::Condition {
        let seconds = because.delay as f64 / 1000.0;
        // Writing into a String cannot fail.
        write!(reason, " for {seconds} s").ok();
    }
    let inputs: Vec<String> = because.inputs.iter().map(input).collect();
    if !inputs.is_empty() {
        write!(reason, " ({})", inputs.join(", ")).ok();
    }
    reason
}

fn input(input: &InputValue) -> String {
    let value = match &input.value {
        Value::Null => input.unknown.clone().unwrap_or("unknown".into()),
        Value::Bool(on) => on.to_string(),
        Value::Int(int) => int.to_string(),
        Value::Float(float) => float.to_string(),
        Value::Text(text) => format!("'{text}'"),
    };
    let unit = input.unit.as_ref().map(|unit| format!(" {unit}")).unwrap_or_default();
    format!("{} = {value}{unit}", input.tag)
}

/// UTC, to the millisecond.
fn time(timestamp: i64) -> String {
    match jiff::Timestamp::from_millisecond(timestamp) {
        Ok(instant) => instant.strftime("%H:%M:%S%.3f").to_string(),
        Err(_) => timestamp.to_string(),
    }
}

fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '·' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transition_is_one_line_with_its_reason() {
        let shown = line(&overheated(), Colour::No);
        assert_eq!(
            shown,
            "22:20:00.000  washer-1  washer-caustic              HighPressure → Overheated       ALARM     \
             water_temperature > 90 °C for 4 s (water_temperature = 92.5 °C, pump_running = true)"
        );
    }

    #[test]
    fn the_end_of_a_condition_and_the_first_step_say_so() {
        let mut t = overheated();
        t.cause = Cause::Clear;
        assert!(line(&t, Colour::No).contains("over: water_temperature > 90 °C (water"));
        (t.because, t.cause, t.from) = (None, Cause::Unknown, "Unknown".into());
        assert!(line(&t, Colour::No).ends_with("judged for the first time"));
    }

    #[test]
    fn a_name_from_elsewhere_moves_no_cursor() {
        let mut t = overheated();
        t.to = "a\u{1b}[2J\nb".into();
        let shown = line(&t, Colour::No);
        assert!(shown.contains("a·[2J·b") && !shown.chars().any(char::is_control), "{shown}");
    }

    #[test]
    fn colour_is_only_for_a_terminal() {
        assert!(line(&overheated(), Colour::Yes).contains("\x1b[31m"));
        assert!(!line(&overheated(), Colour::No).contains('\x1b'));
    }

    fn overheated() -> Transition {
        let input = |tag: &str, value: serde_json::Value, unit: Option<&str>| {
            serde_json::json!({ "tag": tag, "value": value, "unit": unit, "quality": "Ok", "timestamp": 1,
                "sequenceNumber": 1, "sourceId": "washer_plc" })
        };
        let inputs =
            [input("water_temperature", 92.5.into(), Some("°C")), input("pump_running", true.into(), None)];
        serde_json::from_value(serde_json::json!({
            "kind": "transition", "version": 1, "id": "", "agentId": "a", "incarnation": "0",
            "sequenceNumber": 1, "ruleId": "washer-caustic", "ruleHash": "", "equipmentId": "m",
            "equipment": "washer-1", "timestamp": 1_700_000_400_000_i64, "detectedAt": 0, "watermark": 0,
            "from": "HighPressure", "to": "Overheated", "since": 0, "severity": "alarm", "cause": "condition",
            "group": "temperature", "weight": 30, "groups": [], "flags": [], "text": {},
            "because": { "expression": "water_temperature > 90 °C", "for": 4000, "conditionSince": 1,
                "inputs": inputs },
        }))
        .unwrap()
    }
}
