//! What was meant by a key or a value of another language.
//!
//! Here: keys as other systems and German call them, values that are almost of the type that is wanted. Not here: keys
//! that are only mistyped (`did_you_mean`).
//! Invariant: what is proposed is a key of rule files, or a value that is right where it is proposed.

use super::Node;

/// What other systems, and German, call a key.
pub(super) fn key_meant(key: &str) -> Option<&'static str> {
    const KEYS: [(&[&str], &str); 14] = [
        (&["delay", "on_delay", "ondelay", "verzögerung", "verzoegerung", "dauer"], "for"),
        (&["off_delay", "offdelay", "keep_firing_for", "nachlauf"], "hold"),
        (&["hysteresis", "hysterese", "dead_band", "totband"], "deadband"),
        (&["priority", "prio", "gewicht", "priorität", "prioritaet"], "weight"),
        (&["message", "description", "summary", "meldung", "meldetext"], "text"),
        (&["condition", "expr", "expression", "if", "wenn", "bedingung"], "when"),
        (&["machine", "machines", "equipment", "maschine", "maschinen", "target"], "on"),
        (&["enabled", "enabled_if", "enable", "only_if", "freigabe"], "active_if"),
        (&["silence", "inhibit", "mute_if", "unterdrücken"], "suppress_if"),
        (&["level", "schwere", "stufe", "alarmklasse"], "severity"),
        (&["reset", "reset_if", "unless", "rücksetzen"], "clear"),
        (&["latching", "selbsthaltung", "quittierpflichtig"], "latch"),
        (&["parameters", "params", "limits"], "param"),
        (&["notification", "alert", "notify", "actions"], "action"),
    ];
    let lower = key.to_lowercase();
    KEYS.iter().find(|(names, _)| names.contains(&lower.as_str())).map(|(_, here)| *here)
}

/// What to write for a value of another kind, where that can be known.
pub(super) fn value_meant(key: &str, wanted: &str, found: &Node) -> Option<String> {
    const TRUE: [&str; 6] = ["true", "yes", "ja", "on", "wahr", "1"];
    const FALSE: [&str; 6] = ["false", "no", "nein", "off", "falsch", "0"];
    match (wanted, found) {
        ("true or false", Node::Text(text)) => {
            let text = text.trim().to_lowercase();
            let truth = TRUE.contains(&text.as_str()) || FALSE.contains(&text.as_str());
            truth.then(|| format!("write {key} = {}", TRUE.contains(&text.as_str())))
        }
        ("true or false", Node::Int(i @ (0 | 1))) => Some(format!("write {key} = {}", *i == 1)),
        ("an integer", Node::Text(text)) => {
            text.trim().parse::<i64>().ok().map(|number| format!("write {key} = {number}"))
        }
        ("an integer", Node::Float(f)) if f.fract() == 0.0 && f.abs() < 1e15 => {
            Some(format!("write {key} = {f}"))
        }
        ("a text in quotes", Node::Int(i)) => Some(format!("write {key} = \"{i}\"")),
        (duration, Node::Int(i)) if duration.starts_with("a duration") => {
            Some(format!("write {key} = \"{i} s\", or the unit that is meant"))
        }
        _ => None,
    }
}
