//! Whom the actions of rules notify: names that the agent's configuration declares.
//!
//! Here: finding names that it does not. Not here: who they are and by which way they are told (the agent's
//! `[[notify]]`), when an action runs (`action`).
//! Invariant: no rule comes newly into force that notifies a name beside those declared; where nobody is declared at
//! all, the line is guarded and it is said that nobody is.

use std::collections::BTreeSet;

use crate::diagnose::{Report, did_you_mean};
use crate::document::Placed;
use crate::file::Rule;
use crate::inventory::Inventory;

/// Reports names that are not declared; gives the rules that may not come into force because of them.
pub(crate) fn unknown(report: &mut Report, rules: &[Rule], inventory: &Inventory) -> BTreeSet<String> {
    let Some(declared) = inventory.targets() else { return BTreeSet::new() };
    let mut mistaken = BTreeSet::new();
    let mut warned = BTreeSet::new();
    let actions = rules.iter().flat_map(|rule| rule.actions.iter().map(move |action| (rule, &action.notify)));
    for (rule, notify) in actions.filter(|(_, notify)| !declared.contains(&notify.value)) {
        if !declared.is_empty() {
            not_among(report, rule, notify, declared);
            mistaken.insert(rule.name.value.clone());
        } else if warned.insert(notify.value.as_str()) {
            nobody(report, rule, notify);
        }
    }
    mistaken
}

fn not_among(report: &mut Report, rule: &Rule, notify: &Placed<String>, declared: &BTreeSet<String>) {
    let name = &notify.value;
    let near = did_you_mean(name, declared.iter().map(String::as_str));
    let help = near.map_or_else(
        || {
            let names: Vec<&str> = declared.iter().map(String::as_str).collect();
            format!("declared: {}. For one more, {}", names.join(", "), block(name))
        },
        |near| format!("did you mean `{near}`? If not, {}", block(name)),
    );
    let message = format!("there is nobody called `{name}` to notify");
    let place = (rule.file, notify.span.clone());
    report.error("R021", place, message, "no [[notify]] of agent.toml has this name").help = Some(help);
}

fn nobody(report: &mut Report, rule: &Rule, notify: &Placed<String>) {
    let name = &notify.value;
    let message = format!("agent.toml does not say who `{name}` is");
    let label = "notifications go to the stream under this name: does anybody there wait for them?";
    let place = (rule.file, notify.span.clone());
    report.warning("R021", place, message, label).help = Some(format!("if so, {}", block(name)));
}

/// What to add to the configuration.
fn block(name: &str) -> String {
    let (why, name) = if crate::file::is_name(name) {
        ("", name)
    } else {
        ("choose a name of letters without accents, digits, `_`, `-` and `.`, then ", "shift-lead")
    };
    format!("{why}add this to agent.toml:\n[[notify]]\nname = \"{name}\"\nto = \"stream\"")
}

#[cfg(test)]
mod tests {
    use crate::checked::Checked;
    use crate::inventory::{Machine, Source, Tag};

    use super::*;

    fn line(targets: Option<&[&str]>) -> Inventory {
        let mut inventory = Inventory::default();
        let machine =
            inventory.add_machine(Machine { name: "m".into(), id: "m".into(), ..Machine::default() });
        let source = Source { id: "s".into(), idle_timeout: 1, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        inventory.add_tag(Tag { machine, source, name: "t".into(), ..Tag::default() }).unwrap();
        if let Some(names) = targets {
            inventory.set_targets(names.iter().map(|name| (*name).to_owned()).collect());
        }
        inventory
    }

    fn rule(name: &str, notify: &str) -> String {
        format!("[rule.{name}]\non = '*'\nwhen = 'good(t)'\naction = [ {{ notify = '{notify}' }} ]\n")
    }

    fn checked(text: &str, targets: Option<&[&str]>) -> (Vec<String>, usize, Vec<String>) {
        let mut report = Report::default();
        let file = report.add_file("r.toml", text);
        let checked = Checked::of(&mut report, &[file], &line(targets));
        (checked.rules.into_keys().collect(), report.errors(), report.lines().collect())
    }

    #[test]
    fn a_rule_that_notifies_a_name_beside_the_declared_ones_is_not_in_force_and_the_others_are() {
        let text = rule("right", "shift-lead") + &rule("wrong", "shift-laed");
        let (rules, errors, said) = checked(&text, Some(&["maintenance", "shift-lead"]));
        assert_eq!((rules, errors), (vec!["right".to_owned()], 1));
        let expected = "r.toml:8:23: there is nobody called `shift-laed` to notify (no [[notify]] of agent.toml has \
            this name; did you mean `shift-lead`? If not, add this to agent.toml: [[notify]] name = \"shift-laed\" \
            to = \"stream\")";
        assert_eq!(said, [expected]);
        let (_, _, said) = checked(&rule("r", "cloud"), Some(&["maintenance", "shift-lead"]));
        assert!(said[0].contains("declared: maintenance, shift-lead. For one more, add"), "{said:?}");
    }

    #[test]
    fn where_nobody_is_declared_the_line_is_guarded_and_each_name_is_doubted_once() {
        let text = rule("a", "shift-lead") + &rule("b", "shift-lead") + &rule("c", "maintenance");
        let (rules, errors, said) = checked(&text, Some(&[]));
        assert_eq!((rules.len(), errors, said.len()), (3, 0, 2), "{said:?}");
        assert!(said[0].starts_with("r.toml:4:23: agent.toml does not say who `shift-lead` is"), "{said:?}");
        assert!(said[0].ends_with("[[notify]] name = \"shift-lead\" to = \"stream\")"), "{said:?}");
    }

    #[test]
    fn where_nobody_can_know_and_where_it_was_in_force_already_nothing_is_said() {
        assert_eq!(checked(&rule("a", "x"), None), (vec!["a".to_owned()], 0, Vec::new()));
        let mut report = Report::default();
        let file = report.add_file("r.toml", rule("a", "x"));
        let checked = Checked::again(&mut report, &[file], &line(Some(&["shift-lead"])));
        assert_eq!((checked.rules.len(), report.diagnostics().len()), (1, 0));
    }

    #[test]
    fn what_is_to_be_pasted_into_the_configuration_is_toml_whatever_the_rule_says() {
        for name in ["shift-lead", "Schicht \" leiter"] {
            let shown = block(name);
            let mut report = Report::default();
            let file = report.add_file("agent.toml", shown.split_once('\n').unwrap().1);
            assert_eq!((crate::document::parse(&mut report, file).entries.len(), report.errors()), (1, 0));
        }
    }
}
