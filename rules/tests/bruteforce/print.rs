//! A case as people read it: rules as a rule file, and the whole as a scenario of `scenarios/`.
//!
//! Here: that text. Not here: reading it: that is the engine's task.
//! Invariant: what is printed as a scenario can be put into `scenarios/` and played.

use std::fmt::Write as _;

use proto::Severity;

use super::instance::Told;
use super::model::{Case, Expr, Kind, Point, Raw, Rule, Stale, Subject, UnknownPolicy, What, World};

/// The rules as a file.
pub(crate) fn rules(world: &World, rules: &[Rule]) -> String {
    let mut out = String::new();
    for rule in rules {
        rule_text(&mut out, world, rule);
    }
    out
}

fn rule_text(out: &mut String, world: &World, rule: &Rule) {
    let name = &rule.name;
    writeln!(out, "[rule.{name}]\non = '*'").unwrap();
    match rule.stale {
        Stale::Default => {}
        Stale::After(ms) => writeln!(out, "stale_after = '{ms} ms'").unwrap(),
        Stale::Never => writeln!(out, "stale_after = 'never'").unwrap(),
    }
    out.push_str(&unknown(&rule.unknown));
    if let Some(default) = &rule.default {
        writeln!(out, "default = '{default}'").unwrap();
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
        return;
    }
    for group in &rule.groups {
        writeln!(out, "[rule.{name}.group.{}]", group.name.as_deref().unwrap_or("-")).unwrap();
        if let Some(weight) = group.weight {
            writeln!(out, "weight = {weight}").unwrap();
        }
        if let Some(otherwise) = &group.otherwise {
            writeln!(out, "otherwise = '{otherwise}'").unwrap();
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
}

fn deadband(world: &World, deadband: &[(usize, f64)]) -> String {
    let tag = |(tag, back): &(usize, f64)| format!("{} = {back:?}", world.tags[*tag].name);
    let tags: Vec<String> = deadband.iter().map(tag).collect();
    if tags.is_empty() { String::new() } else { format!("deadband = {{ {} }}\n", tags.join(", ")) }
}

fn keys(world: &World, state: &super::model::State) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    if let Some(clear) = &state.clear {
        keys.push(("clear", format!("'{}'", expr(world, clear))));
    }
    if state.hold > 0 {
        keys.push(("hold", format!("'{} ms'", state.hold)));
    }
    if state.latch {
        keys.push(("latch", "true".into()));
    }
    if state.delay > 0 {
        keys.push(("for", format!("'{} ms'", state.delay)));
    }
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
        Expr::Tag(tag) => world.tags[*tag].name.clone(),
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
        Expr::Good(tag) => format!("good({})", world.tags[*tag].name),
        Expr::Prev(tag) => format!("prev({})", world.tags[*tag].name),
        Expr::Older(tag, sign, ms) => format!("age({}) {sign} {ms} ms", world.tags[*tag].name),
        Expr::Window(function, a, length) => format!("{function}({}, {length} ms)", expr(world, a)),
        Expr::Else(a, b) => format!("({})", two(a, "else", b)),
    }
}

fn operand(world: &World, e: &Expr) -> String {
    let plain = matches!(e, Expr::Bool(_) | Expr::Int(_) | Expr::Float(_) | Expr::Tag(_));
    if plain { expr(world, e) } else { format!("({})", expr(world, e)) }
}

/// The whole case, to be put into `scenarios/`.
pub(crate) fn scenario(case: &Case) -> String {
    let mut out = String::from("machine m\n");
    for s in &case.world.sources {
        let lag = s.max_lag.map_or("none".into(), |lag| format!("{lag}ms"));
        let (id, idle, disorder) = (&s.id, s.idle, s.disorder);
        writeln!(out, "source {id} idle_timeout={idle}ms max_out_of_orderness={disorder}ms max_lag={lag}")
            .unwrap();
    }
    for t in &case.world.tags {
        let kind = match t.kind {
            Kind::Bool => "Bool",
            Kind::Int => "Int",
            Kind::Float => "Float",
        };
        let range = t.range.map_or(String::new(), |(low, high)| format!(" range={low}..{high}"));
        let counter = t.counter.map_or(String::new(), |bits| format!(" counter={bits}"));
        writeln!(out, "tag m {} {kind} {}{range}{counter}", t.name, case.world.sources[t.source].id).unwrap();
    }
    if case.world.drop_late || case.world.global {
        let late = if case.world.drop_late { " late=drop" } else { "" };
        let global = if case.world.global { " watermark=global" } else { "" };
        writeln!(out, "option{late}{global}").unwrap();
    }
    for (i, version) in case.rules.iter().enumerate() {
        let title = if i == 0 { String::new() } else { format!(" {i}") };
        write!(out, "--- rules{title}\n{}", rules(&case.world, version)).unwrap();
    }
    out.push_str("--- story\n");
    for step in &case.story {
        writeln!(out, "{} {}", seconds(step.at), what(&case.world, &step.what)).unwrap();
    }
    out
}

fn what(world: &World, what: &What) -> String {
    match what {
        What::Clock => "clock".into(),
        What::Restart(0) => "restart".into(),
        What::Restart(version) => format!("restart {version}"),
        What::Epoch => "epoch".into(),
        What::Deliver(source, points) => {
            let mut line = world.sources[*source].id.clone();
            points.iter().for_each(|point| line += &item(world, point));
            if points.last().is_some_and(|last| last.wmk && matches!(last.subject, Subject::Tag(..))) {
                line += " wmk";
            }
            line
        }
    }
}

fn item(world: &World, point: &Point) -> String {
    let what = match &point.subject {
        Subject::Heartbeat => "$heartbeat".into(),
        Subject::Connected(up) => format!("$connected={up}"),
        Subject::Tag(tag, raw) => {
            let value = match raw {
                Raw::Bad => "Bad".into(),
                Raw::Bool(b) => b.to_string(),
                Raw::Int(i) => i.to_string(),
                Raw::Float(f) => format!("{f:?}"),
            };
            format!("{}={value}", world.tags[*tag].name)
        }
    };
    format!(" @{} {what}#{}", seconds(point.timestamp), point.sequence)
}

/// A transition as the scenarios tell it, as far as it is compared.
pub(crate) fn told(t: &Told) -> String {
    let word = |value: String| value.trim_matches('"').to_owned();
    format!(
        "{} {} #{} {} -> {} | {} {}{} {} | since {}",
        seconds(t.timestamp),
        t.rule,
        t.sequence,
        t.from,
        t.to,
        word(serde_json::to_string(&t.cause).unwrap()),
        severity(t.severity),
        t.group.as_ref().map(|group| format!(" {group}")).unwrap_or_default(),
        t.weight,
        seconds(t.since),
    )
}

fn seconds(ms: i64) -> String {
    let (sign, ms) = if ms < 0 { ("-", -ms) } else { ("", ms) };
    let decimals = format!(".{:03}", ms % 1_000);
    format!("{sign}{}{}", ms / 1_000, decimals.trim_end_matches('0').trim_end_matches('.'))
}
