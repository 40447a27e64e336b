//! A scenario: a text that is played, and comes back with what the engine said.
//!
//! Here: the parts of the text. Not here: what stands in them.
//! Invariant: every line of the input comes back as it is, except those that tell what the engine said.

mod head;
mod play;
mod story;
mod tell;

use std::collections::BTreeMap;

use head::Head;
use play::Play;

/// The begin of a line that tells what the engine said.
const SAID: &str = "=>";

/// Plays a scenario and writes it anew, with what the engine said.
pub(super) fn played(name: &str, text: &str) -> String {
    let text = text.split_inclusive('\n').filter(|line| !line.starts_with(SAID)).collect::<String>();
    let mut parts = text.split("\n--- ");
    let head = Head::read(name, parts.next().unwrap_or_default());
    let (mut rules, mut story) = (BTreeMap::new(), None);
    for part in parts {
        let (title, body) = part.split_once('\n').unwrap_or((part, ""));
        match title.split_once(' ').unwrap_or((title, "")) {
            ("rules", version) => drop(rules.insert(version.to_owned(), body.to_owned())),
            ("story", "") => story = Some(body),
            _ => panic!("{name}: `--- {title}` is neither `--- rules` nor `--- story`"),
        }
    }
    let story = story.unwrap_or_else(|| panic!("{name}: there is no `--- story`"));
    let mut out = text[..text.len() - story.len()].to_owned();
    let mut play = Play::begin(name, head, rules);
    for line in story.lines() {
        out.push_str(line);
        out.push('\n');
        for said in play.line(line) {
            out.push_str(&format!("{SAID} {said}\n"));
        }
    }
    out
}
