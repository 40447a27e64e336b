//! `on`: the machines that a rule is for, as its file names them.
//!
//! Here: its three forms, a name, a list and a table. Not here: which machines that are (`ruleset::selector`).
//! Invariant: a selector names something: nobody gets all machines by leaving a list empty.

use super::Selector;
use super::keys::one_or_more;
use crate::document::{Node, Reader};

pub(super) fn selector(r: &mut Reader<'_, '_>) -> Option<Selector> {
    let file = r.file();
    let before = r.report().diagnostics().len();
    let Some((_, node)) = r.any("on") else {
        // Reports that it is missing, or which key was mistyped.
        r.required_text("on");
        return None;
    };
    let span = node.span.clone();
    let selector = match &node.value {
        Node::Text(name) => Selector { names: vec![name.clone()], span, ..Selector::default() },
        Node::List(_) => Selector { names: one_or_more(r, "on")?, span, ..Selector::default() },
        Node::Table(table) => {
            let mut t = Reader::new(table, "`on`", file, r.report());
            let (names, lines) = (one_or_more(&mut t, "machine"), one_or_more(&mut t, "line"));
            let classes = one_or_more(&mut t, "class");
            t.finish(&[]);
            let of = Option::unwrap_or_default;
            Selector { names: of(names), lines: of(lines), classes: of(classes), span }
        }
        _ => {
            let message = "`on` must be a machine's name, a list of them, or a table";
            r.report().error("E005", (file, span), message, "not a name").help =
                Some("write \"filler-*\", or { line = \"L3\", class = \"filler\" }".into());
            return None;
        }
    };
    let all = [&selector.names, &selector.lines, &selector.classes];
    let said = r.report().errors_since(before) > 0;
    if !said && all.iter().all(|list| list.is_empty())
        || all.iter().any(|list| list.iter().any(String::is_empty))
    {
        let place = (file, selector.span.clone());
        r.report().error("R009", place, "`on` names no machine", "empty").help =
            Some("for all machines write on = \"*\"".into());
    }
    Some(selector)
}
