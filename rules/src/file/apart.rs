//! The rules of a file that is not TOML, as far as no such mistake stands in them.
//!
//! Here: the file without the lines that are wrong, and which rules those may belong to. Not here: what is wrong with the
//! lines (`syntax`).
//! Invariant: none of these rules comes into force; a rule that may have lost a line is not looked at.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::Rule;
use super::read::{rule, table_of};
use crate::diagnose::{FileId, Report};
use crate::document::{self, Table};

/// The rules of a file that is not TOML in which no such mistake stands: what else is wrong with them is looked for.
pub(super) fn apart(report: &mut Report, file: FileId, before: usize) -> Vec<Rule> {
    let wrong: Vec<usize> = report.diagnostics()[before..].iter().map(|d| d.span.start).collect();
    let Some((table, touched)) = without(report.text(file), &wrong) else { return Vec::new() };
    let rules =
        table.entries.iter().find(|(key, _)| key.value == "rule").and_then(|(_, node)| table_of(node));
    let mut apart = Vec::new();
    for (name, node) in rules.map_or(&[][..], |rules| &rules.entries) {
        if !touched.contains(&name.value)
            && let Some(mut rule) = rule(report, file, name, node)
        {
            rule.hidden.get_or_insert_default();
            apart.push(rule);
        }
    }
    apart
}

/// A file without the lines at these places, and the rules that they may belong to; none: it is no TOML without them
/// either. What is left stands where it stood.
fn without(text: &str, places: &[usize]) -> Option<(Table, BTreeSet<String>)> {
    let mut left = text.to_owned();
    let mut touched = BTreeSet::new();
    for place in places {
        let start = text[..text.floor_char_boundary(*place)].rfind('\n').map_or(0, |at| at + 1);
        let is_header = text[start..].trim_start().starts_with('[');
        // Without its header a table would go on with the one before.
        let end =
            text[start..].find(if is_header { "\n[" } else { "\n" }).map_or(text.len(), |at| start + at);
        let blank = |c: char| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) };
        left.replace_range(start..end, &text[start..end].chars().map(blank).collect::<String>());
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        touched.extend(text[..line_end].lines().rev().find_map(rule_of_header).map(str::to_owned));
    }
    let (table, errors) = DeTable::parse_recoverable(&left);
    let span = table.span();
    errors.is_empty().then(|| (document::table_of(table.into_inner(), span), touched))
}

/// The rule that a header names: `[[rule.hot.test]]`.
fn rule_of_header(line: &str) -> Option<&str> {
    let inside = line.trim_start().strip_prefix('[')?.trim_start_matches('[').trim_start();
    let name = inside.strip_prefix("rule")?.trim_start().strip_prefix('.')?.trim_start();
    if let Some(quote) = name.chars().next().filter(|c| "\"'".contains(*c)) {
        return name[1..].split(quote).next();
    }
    name.split([']', '.', ' ', '#']).next()
}
