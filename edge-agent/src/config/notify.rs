//! Whom rules notify: `[[notify]]`.
//!
//! ```toml
//! [[notify]]
//! name = "shift-lead"
//! to = "stream"
//! ```
//! In this version there is one way: a notification goes to the stream, beside the transitions, with the name of whom
//! it is for; who reads the stream brings it to people.
//!
//! Here: the names. Not here: who asks for them (`rules`), the record (`proto::Notification`).
//! Invariant: a way that there is not is refused: nobody waits for a message that will never come.

use std::collections::BTreeSet;

use rules::diagnose::{FileId, Report};
use rules::document::{Placed, Reader, Table};

use super::key_part;

/// The only way.
const STREAM: &str = "stream";

/// The names that rules may use.
pub(super) fn targets(report: &mut Report, file: FileId, tables: &[&Table]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for table in tables {
        let mut r = Reader::new(table, "[[notify]]", file, report);
        let name = r.required_text("name");
        let valid = name.clone().and_then(|name| key_part(&mut r, "name", name));
        let to = r.required_text("to");
        // Where the way is wrong, its keys are no second mistake.
        if to.is_none_or(|to| is_a_way(&mut r, &to)) {
            r.finish(&[]);
        }
        let Some(name) = name else { continue };
        if !names.insert(name.value.clone()) && valid.is_some() {
            let message = format!("somebody is called `{}` already", name.value);
            report.error("C010", (file, name.span), message, "each [[notify]] has a name of its own");
        }
    }
    names
}

fn is_a_way(r: &mut Reader<'_, '_>, to: &Placed<String>) -> bool {
    if to.value == STREAM {
        return true;
    }
    let known = ["mqtt", "email", "mail", "sms", "webhook", "http", "eventbridge"];
    let message = match known.contains(&to.value.as_str()) {
        true => format!("this version cannot notify by \"{}\"", to.value),
        false => format!("`to` cannot be \"{}\"", to.value),
    };
    let place = (r.file(), to.span.clone());
    r.report().error("C011", place, message, "\"stream\" is expected").help = Some(
        "to = \"stream\" sends each notification to the stream, beside the transitions: whoever reads it tells people"
            .into(),
    );
    false
}

#[cfg(test)]
mod tests {
    use super::super::tests::{GOOD, read};

    fn notify(lines: &str) -> (Option<Vec<String>>, Vec<String>) {
        let (config, said) = read(&format!("{GOOD}{lines}"));
        let names = |c: super::super::Config| c.inventory.targets().unwrap().iter().cloned().collect();
        (config.map(names), said)
    }

    fn wrong(lines: &str) -> String {
        let (names, said) = notify(lines);
        assert!(names.is_none() && said.len() == 1, "{said:#?}");
        said[0].clone()
    }

    #[test]
    fn each_is_known_by_its_name_and_a_file_without_any_names_nobody() {
        let two = "[[notify]]\nname = 'shift-lead'\nto = 'stream'\n[[notify]]\nname = 'lab'\nto = 'stream'";
        let names = vec!["lab".to_owned(), "shift-lead".to_owned()];
        assert_eq!(notify(two), (Some(names), Vec::new()));
        assert_eq!(notify(""), (Some(Vec::new()), Vec::new()));
    }

    #[test]
    fn a_way_that_there_is_not_is_refused_with_the_one_that_there_is() {
        let of = |keys: &str| wrong(&format!("[[notify]]\nname = 'a'\n{keys}"));
        let said = of("to = 'mqtt'\ntopic = 'line/3'");
        assert!(said.starts_with("agent.toml:37:6: this version cannot notify by \"mqtt\""), "{said}");
        assert!(said.contains("to = \"stream\" sends each notification to the stream"), "{said}");
        assert!(of("to = 'steam'").contains("`to` cannot be \"steam\" (\"stream\" is expected"));
        assert!(of("to = 'stream'\ntopic = 'x'").contains("unknown key `topic`"));
        assert!(of("").contains("[[notify]] has no `to`"));
        assert!(of("too = 'stream'").contains("did you mean `to`?"));
    }

    #[test]
    fn a_name_stands_once_and_is_fit_for_a_key() {
        let twice = "[[notify]]\nname = 'a'\nto = 'stream'\n".repeat(2);
        assert!(wrong(&twice).contains("somebody is called `a` already"));
        assert!(wrong("[[notify]]\nname = 'Schichtführer'\nto = 'stream'").contains("`name` has letters"));
        assert!(wrong("[notify]\nname = 'a'\nto = 'stream'").contains("`notify` must be a list of tables"));
    }
}
