//! Prometheus' text format, version 0.0.4, with the names that OpenMetrics asks for.
//!
//! Here: writing it, strictly. Not here: what is measured (`metrics`).
//! Invariant: a counter's name ends in `_total`, each name has one HELP and one TYPE line and then its samples, and
//! a label value cannot leave its quotes. A metric without samples is not mentioned.

use std::fmt::Write as _;

/// The media type.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text that grows by one metric after the other.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

/// One metric, to which samples are added.
#[derive(Debug)]
pub(super) struct Metric<'e> {
    text: &'e mut String,
    name: String,
    /// The lines before its first sample.
    head: Option<String>,
}

impl Exposition {
    /// Begins a metric that only grows; `_total` is added to its name.
    pub(super) fn counter(&mut self, name: &str, help: &str) -> Metric<'_> {
        self.begin(format!("{name}_total"), "counter", help)
    }

    /// Begins a metric that goes up and down.
    pub(super) fn gauge(&mut self, name: &str, help: &str) -> Metric<'_> {
        self.begin(name.to_owned(), "gauge", help)
    }

    fn begin(&mut self, name: String, kind: &str, help: &str) -> Metric<'_> {
        let head = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
        Metric { text: &mut self.0, name, head: Some(head) }
    }

    /// All of it.
    pub(super) fn into_text(self) -> String {
        self.0
    }
}

impl Metric<'_> {
    /// Adds a sample with its labels.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.text.extend(self.head.take());
        self.text.push_str(&self.name);
        // Writing into a String cannot fail.
        for (i, (label, text)) in labels.iter().enumerate() {
            self.text.push(if i == 0 { '{' } else { ',' });
            write!(self.text, "{label}=\"").ok();
            self.text.extend(text.chars().flat_map(Escaped::of));
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
        writeln!(self.text, " {value}").ok();
        self
    }

    /// Adds the only sample.
    pub(super) fn is(&mut self, value: f64) {
        self.sample(&[], value);
    }
}

/// A character of a label value, or the two that stand for it.
struct Escaped;

impl Escaped {
    fn of(c: char) -> impl Iterator<Item = char> {
        let (escape, c) = match c {
            '\\' | '"' => (Some('\\'), c),
            '\n' => (Some('\\'), 'n'),
            c => (None, c),
        };
        escape.into_iter().chain([c])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_help_type_and_samples() {
        let mut text = Exposition::default();
        text.counter("a_seen", "Things seen.")
            .sample(&[("of", "x")], 2.0)
            .sample(&[("of", "y"), ("b", "")], 0.5);
        text.gauge("none", "Never said.");
        text.gauge("b_bytes", "Size.").is(1e21);
        let lines = "# HELP a_seen_total Things seen.\n# TYPE a_seen_total counter\n\
                     a_seen_total{of=\"x\"} 2\na_seen_total{of=\"y\",b=\"\"} 0.5\n\
                     # HELP b_bytes Size.\n# TYPE b_bytes gauge\nb_bytes 1000000000000000000000\n";
        assert_eq!(text.into_text(), lines);
    }

    #[test]
    fn a_label_value_cannot_leave_its_quotes() {
        let mut text = Exposition::default();
        text.gauge("a", "A.").sample(&[("of", "x\"} 1\n\\")], 1.0);
        assert!(text.into_text().ends_with("\na{of=\"x\\\"} 1\\n\\\\\"} 1\n"));
    }
}
