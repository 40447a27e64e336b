//! Rules as people read them: a rule file.
//!
//! Here: that text. Not here: the frame of a rule (`frames`), the rest of a case (`scenario`).
//! Invariant: what the model can say can be written.

use std::fmt::Write as _;

use proto::Severity;

use super::frames;
use super::model::{Expr, Rule, Stale, State, UnknownPolicy, World};

/// The rules as a file. `whole`: as they go with a table of limits and the parameters of machines; else each machine's
/// values stand in the rules.
pub(crate) fn rules(world: &World, rules: &[Rule], whole: bool) -> String {
    let mut out = String::new();
    for rule in rules {
        rule_text(&mut out, world, rule, whole);
    }
    out
}

fn rule_text(out: &mut String, world: &World, rule: &Rule, whole: bool) {
    let name = &rule.name;
    let on: Vec<String> = rule.on.iter().map(|m| format!("'{}'", world.machines[*m].name)).collect();
    writeln!(out, "[rule.{name}]\non = [{}]", on.join(", ")).unwrap();
    if let Some(from) = &rule.renamed_from {
        writeln!(out, "renamed_from = '{from}'").unwrap();
    }
    rule.params.iter().for_each(|param| out.push_str(&frames::param(world, param, whole)));
    match rule.stale {
        Stale::Default => {}
        Stale::After(ms) => writeln!(out, "stale_after = '{ms} ms'").unwrap(),
        Stale::Never => writeln!(out, "stale_after = 'never'").unwrap(),
    }
    out.push_str(&unknown(&rule.unknown));
    if let Some(default) = &rule.default {
        writeln!(out, "default = {}", frames::named(default)).unwrap();
    }
    if rule.coverage != 80 {
        writeln!(out, "coverage = '{} %'", rule.coverage).unwrap();
    }
    for (key, gate) in [("active_if", &rule.active_if), ("suppress_if", &rule.suppress_if)] {
        if let Some(gate) = gate {
            writeln!(out, "{key} = '{}'", expr(world, gate)).unwrap();
        }
    }
    if rule.plain {
        out.push_str(&deadband(world, &rule.groups[0].deadband));
        let state = &rule.groups[0].states[0];
        writeln!(out, "when = '{}'", expr(world, &state.when)).unwrap();
        keys(world, state).into_iter().for_each(|(key, value)| writeln!(out, "{key} = {value}").unwrap());
        return frames::actions(out, rule);
    }
    for group in &rule.groups {
        writeln!(out, "[rule.{name}.group.{}]", group.name.as_deref().unwrap_or("-")).unwrap();
        if let Some(weight) = group.weight {
            writeln!(out, "weight = {weight}").unwrap();
        }
        if let Some(otherwise) = &group.otherwise {
            writeln!(out, "otherwise = {}", frames::named(otherwise)).unwrap();
        }
        if let Some(policy) = &group.unknown {
            out.push_str(&unknown(policy));
        }
        out.push_str(&deadband(world, &group.deadband));
        out.push_str("state = [\n");
        for state in &group.states {
            let mut line = format!("  {{ name = '{}', when = '{}'", state.name, expr(world, &state.when));
            keys(world, state)
                .into_iter()
                .for_each(|(key, value)| write!(line, ", {key} = {value}").unwrap());
            if let Some(weight) = state.weight {
                write!(line, ", weight = {weight}").unwrap();
            }
            writeln!(out, "{line} }},").unwrap();
        }
        out.push_str("]\n");
    }
    frames::actions(out, rule);
}

fn deadband(world: &World, deadband: &[(usize, f64)]) -> String {
    let tag = |(tag, back): &(usize, f64)| format!("{} = {back:?}", world.name(*tag).name);
    let tags: Vec<String> = deadband.iter().map(tag).collect();
    if tags.is_empty() { String::new() } else { format!("deadband = {{ {} }}\n", tags.join(", ")) }
}

fn keys(world: &World, state: &State) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    if let Some(clear) = &state.clear {
        keys.push(("clear", format!("'{}'", expr(world, clear))));
    }
    let time = |length: i64, by: Option<usize>| match by {
        Some(place) => Some(format!("'{}'", param(place))),
        None => (length > 0).then(|| format!("'{length} ms'")),
    };
    keys.extend(time(state.hold, state.hold_by).map(|hold| ("hold", hold)));
    if state.latch {
        keys.push(("latch", "true".into()));
    }
    keys.extend(time(state.delay, state.delay_by).map(|delay| ("for", delay)));
    if let Some(severity) = state.severity {
        keys.push(("severity", format!("'{}'", self::severity(severity))));
    }
    keys
}

fn unknown(policy: &UnknownPolicy) -> String {
    match policy {
        UnknownPolicy::Say { after } => format!("unknown = {{ after = '{after} ms' }}\n"),
        UnknownPolicy::Named { after, name, weight, severity } => format!(
            "unknown = {{ after = '{after} ms', name = '{name}', weight = {weight}, severity = '{}' }}\n",
            self::severity(*severity)
        ),
        UnknownPolicy::Abstain => "unknown = 'abstain'\n".into(),
        UnknownPolicy::AsFalse => "unknown = 'as-false'\n".into(),
    }
}

fn param(place: usize) -> &'static str {
    super::worlds::PARAMS[place].0
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Alarm => "alarm",
        Severity::Critical => "critical",
    }
}

fn expr(world: &World, e: &Expr) -> String {
    let two = |a: &Expr, sign: &str, b: &Expr| format!("{} {sign} {}", operand(world, a), operand(world, b));
    match e {
        Expr::Bool(b) => b.to_string(),
        Expr::Int(i) => i.to_string(),
        Expr::Float(f) => format!("{f:?}"),
        Expr::Tag(tag) => tag_name(world, *tag),
        Expr::Param(place) => param(*place).into(),
        Expr::Hour => "hour()".into(),
        Expr::Weekday => "weekday()".into(),
        Expr::Not(a) => format!("not {}", operand(world, a)),
        Expr::And(a, b) => two(a, "and", b),
        Expr::Or(a, b) => two(a, "or", b),
        Expr::Xor(a, b) => two(a, "xor", b),
        Expr::Compare(sign, a, b) => two(a, sign, b),
        Expr::Between(a, low, high) => format!("{} in {low:?} .. {high:?}", operand(world, a)),
        Expr::In(a, list) => {
            let list: Vec<String> = list.iter().map(|item| expr(world, item)).collect();
            format!("{} in [{}]", operand(world, a), list.join(", "))
        }
        Expr::Arithmetic(sign, a, b) => two(a, &sign.to_string(), b),
        Expr::Minus(a) => format!("-{}", operand(world, a)),
        Expr::Abs(a) => format!("abs({})", expr(world, a)),
        Expr::Round(a) => format!("round({})", expr(world, a)),
        Expr::Good(tag) => format!("good({})", tag_name(world, *tag)),
        Expr::Prev(tag) => format!("prev({})", tag_name(world, *tag)),
        Expr::Older(tag, sign, ms) => format!("age({}) {sign} {ms} ms", tag_name(world, *tag)),
        Expr::Window(function, a, length) => format!("{function}({}, {length} ms)", expr(world, a)),
        Expr::Else(a, b) => format!("({})", two(a, "else", b)),
    }
}

/// A tag of the rule's machine, or of another one.
fn tag_name(world: &World, tag: usize) -> String {
    match tag.checked_sub(world.names.len()) {
        None => world.name(tag).name.clone(),
        Some(there) => {
            format!("`{}`.{}", world.machines[world.machine_of(there)].name, world.name(there).name)
        }
    }
}

fn operand(world: &World, e: &Expr) -> String {
    let plain = matches!(e, Expr::Bool(_) | Expr::Int(_) | Expr::Float(_) | Expr::Tag(_) | Expr::Param(_));
    if plain { expr(world, e) } else { format!("({})", expr(world, e)) }
}
