//! The names of the severities, and what people of other systems call them.
//!
//! Here: the words. Not here: where a rule gives one (`file/keys`). Invariant: the names are those of the stream.

use proto::Severity;

use crate::diagnose::did_you_mean;

/// Severities by name, the least first.
const SEVERITIES: [(&str, Severity); 4] = [
    ("info", Severity::Info),
    ("warning", Severity::Warning),
    ("alarm", Severity::Alarm),
    ("critical", Severity::Critical),
];

/// The severity that is meant by what others call one.
pub(crate) fn meant(text: &str) -> Option<&'static str> {
    const ELSEWHERE: [(&[&str], &str); 4] = [
        (&["information", "meldung", "hinweis", "notice", "low", "niedrig", "debug"], "info"),
        (&["warn", "warnung", "medium", "mittel", "minor"], "warning"),
        (&["high", "hoch", "error", "fehler", "störung", "stoerung", "major", "err"], "alarm"),
        (&["kritisch", "fatal", "stop", "emergency", "notfall", "crit"], "critical"),
    ];
    let lower = text.to_lowercase();
    let known = ELSEWHERE.iter().find(|(words, _)| words.contains(&lower.as_str())).map(|(_, name)| *name);
    known.or_else(|| did_you_mean(text, SEVERITIES.iter().map(|(name, _)| *name)))
}

/// The severity that a file calls so.
pub(crate) fn named(name: &str) -> Option<Severity> {
    SEVERITIES.iter().find(|(known, _)| *known == name).map(|(_, severity)| *severity)
}
