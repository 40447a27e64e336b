//! A case as people read it: a scenario of `scenarios/`.
//!
//! Here: that text, and what was said of it. Not here: rules (`print`), reading it: that is the engine's task.
//! Invariant: what is printed as a scenario can be put into `scenarios/` and played.

use std::fmt::Write as _;

use super::model::{Case, Kind, Order, Point, Raw, Subject, What, World};
use super::print;
use super::told::{Notice, Said, Told};

/// The whole case, to be put into `scenarios/`.
pub(crate) fn scenario(case: &Case) -> String {
    let mut out = head(&case.world);
    for (i, version) in case.rules.iter().enumerate() {
        let text = print::rules(&case.world, version, false);
        if i == 0 {
            write!(out, "--- rules\n{text}").unwrap();
        }
        if case.rules.len() > 1 {
            write!(out, "--- rules {i}\n{text}").unwrap();
        }
    }
    out.push_str("--- story\n");
    for step in &case.story {
        writeln!(out, "{} {}", seconds(step.at), what(&case.world, &step.what)).unwrap();
    }
    out
}

fn head(world: &World) -> String {
    let mut out = String::new();
    for m in &world.machines {
        writeln!(out, "machine {} line={} class={}", m.name, m.line, m.class).unwrap();
    }
    for s in &world.sources {
        let lag = s.max_lag.map_or("none".into(), |lag| format!("{lag}ms"));
        let (id, idle, disorder) = (&s.id, s.idle, s.disorder);
        writeln!(out, "source {id} idle_timeout={idle}ms max_out_of_orderness={disorder}ms max_lag={lag}")
            .unwrap();
    }
    for (place, t) in world.tags.iter().enumerate() {
        let name = world.name(place);
        let kind = match name.kind {
            Kind::Bool => "Bool",
            Kind::Int => "Int",
            Kind::Float => "Float",
        };
        let range = t.range.map_or(String::new(), |(low, high)| format!(" range={low}..{high}"));
        let counter = name.counter.map_or(String::new(), |bits| format!(" counter={bits}"));
        let machine = &world.machines[world.machine_of(place)].name;
        writeln!(out, "tag {machine} {} {kind} {}{range}{counter}", name.name, world.sources[t.source].id)
            .unwrap();
    }
    out + &options(world)
}

fn options(world: &World) -> String {
    let mut out = String::new();
    let mut option = |is: bool, text: &str| {
        if is {
            write!(out, " {text}").unwrap();
        }
    };
    option(world.drop_late, "late=drop");
    option(world.global, "watermark=global");
    option(world.seen, "sources=seen");
    option(world.start != 0, &format!("start={}", seconds(world.start)));
    if let Some(most) = world.waiting_max {
        option(true, &format!("waiting_max={most}"));
    }
    if let Some(zone) = world.zone {
        option(true, &format!("zone={}", zone.name));
    }
    if out.is_empty() { out } else { format!("option{out}\n") }
}

fn what(world: &World, what: &What) -> String {
    match what {
        What::Clock => "clock".into(),
        What::Restart(0) => "restart".into(),
        What::Restart(version) => format!("restart {version}"),
        What::Reload(version) => format!("reload {version}"),
        What::Epoch => "epoch".into(),
        What::Operator { rule, machine, order } => {
            let order = match order {
                Order::Shelve(length) => return shelve(world, rule, *machine, *length),
                Order::ShelveOnce => "shelve-once",
                Order::Unshelve => "unshelve",
                Order::OutOfService => "out-of-service",
                Order::InService => "in-service",
                Order::Reset => "reset",
            };
            format!("{order} {rule} {} by meier: known", world.machines[*machine].name)
        }
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

fn shelve(world: &World, rule: &str, machine: usize, length: i64) -> String {
    format!("shelve {rule} {} {} by meier: known", world.machines[machine].name, seconds(length))
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
            let doubt = if point.is_uncertain() { "?" } else { "" };
            let machine = &world.machines[world.machine_of(*tag)].name;
            format!("{machine}.{}={value}{doubt}", world.name(*tag).name)
        }
    };
    format!(" @{} {what}#{}", seconds(point.timestamp), point.sequence)
}

/// What was said, as far as it is compared.
pub(crate) fn said(said: &Said) -> String {
    match said {
        Said::Transition(told) => transition(told),
        Said::Notice(notice) => notification(notice),
        Said::Event { timestamp, what } => format!("{} {what}", seconds(*timestamp)),
        Said::Refused { at, why } => format!("{} refused: {why}", seconds(*at)),
    }
}

fn transition(t: &Told) -> String {
    let flags = if t.flags.is_empty() { String::new() } else { format!(" | {}", t.flags.join(", ")) };
    format!(
        "{} {} {} #{} {} -> {} | {} {}{} {} | since {}{flags}",
        seconds(t.timestamp),
        t.rule,
        t.machine,
        t.sequence,
        t.from,
        t.to,
        word(&t.cause),
        word(&t.severity),
        t.group.as_ref().map(|group| format!(" {group}")).unwrap_or_default(),
        t.weight,
        seconds(t.since),
    )
}

fn notification(n: &Notice) -> String {
    let of = format!("{} of {} {} #{}", n.n, n.rule, n.machine, n.of);
    format!("{} notify {}, {of}: {} {}", seconds(n.timestamp), n.target, n.state, word(&n.severity))
}

fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap().trim_matches('"').to_owned()
}

fn seconds(ms: i64) -> String {
    let (sign, ms) = if ms < 0 { ("-", -ms) } else { ("", ms) };
    let decimals = format!(".{:03}", ms % 1_000);
    format!("{sign}{}{}", ms / 1_000, decimals.trim_end_matches('0').trim_end_matches('.'))
}
