//! What an engine said, in lines that a person can check against the specification.
//!
//! Here: transitions, and the answers to what a story asks. Not here: who asks.
//! Invariant: instants are seconds after the zero of the story, exact to the millisecond.

use proto::{Because, Happening, InputValue, Notification, Transition};
use rules::engine::{Engine, Resumed};
use rules::inventory::Inventory;
use rules::time::Shown;

use super::play::ZERO;

/// `5 hot m #2 Normal -> Active | condition warning 10 | t > 90 since 5 [t=95] | at 5.1, watermark 5`
pub(super) fn transition(t: &Transition) -> String {
    let mut line = format!(
        "{} {} {} #{} {} -> {} | {} {}",
        seconds(t.timestamp),
        t.rule_id,
        t.equipment,
        t.sequence_number,
        t.from,
        t.to,
        word(&t.cause),
        word(&t.severity),
    );
    line += &t.group.as_ref().map(|g| format!(" {g}")).unwrap_or_default();
    line += &format!(" {}", t.weight);
    line += &t.because.as_ref().map(because).unwrap_or_default();
    if t.groups.iter().any(|g| g.name.is_some()) {
        let vote =
            |g: &proto::GroupVote| format!("{}: {} {}", g.name.as_deref().unwrap_or("-"), g.state, g.weight);
        line += &format!(" | votes {}", t.groups.iter().map(vote).collect::<Vec<_>>().join(", "));
    }
    if !t.flags.is_empty() {
        line += &format!(" | {}", t.flags.join(", "));
    }
    let texts: Vec<String> = t.text.iter().map(|(language, text)| format!("{language} '{text}'")).collect();
    if !texts.is_empty() {
        line += &format!(" | {}", texts.join(", "));
    }
    line += &t.operator.as_ref().map(|o| format!(" | by {}: {}", o.who, o.why)).unwrap_or_default();
    line + &format!(" | at {}, watermark {}", seconds(t.detected_at), seconds(t.watermark))
}

/// `5 notify shift-lead, 1 of hot m #2: Active warning`
pub(super) fn notification(n: &Notification, transition: Option<u64>) -> String {
    let transition = transition.map_or("?".to_owned(), |number| number.to_string());
    let state = format!("{} {}", n.state, word(&n.severity));
    let told = format!("{}, {} of {} {} #{transition}", n.target, n.n, n.rule_id, n.equipment);
    format!("{} notify {told}: {state}", seconds(n.timestamp))
}

/// What happened besides transitions.
pub(super) fn event(event: &Happening) -> String {
    match event {
        Happening::Chattering { rule_id, equipment_id, since } => {
            format!("{} chattering: {rule_id} {equipment_id}", seconds(*since))
        }
        Happening::Flood { line, rule_id, equipment_id, first, since } => {
            let first = format!("{rule_id} {equipment_id} at {}", seconds(*first));
            format!("{} flood on {line}, first {first}", seconds(*since))
        }
        Happening::Operator { action, rule_id, equipment_id, who, why, until } => {
            let until = until.map(|until| format!(", until {}", seconds(until))).unwrap_or_default();
            format!("operator: {} {rule_id} {equipment_id} by {who}: {why}{until}", word(action))
        }
        other => panic!("the engine does not tell {other:?}"),
    }
}

fn because(b: &Because) -> String {
    let delay = if b.delay > 0 { format!(" for {}", Shown(b.delay)) } else { String::new() };
    let inputs: Vec<String> = b.inputs.iter().map(input).collect();
    format!(" | {}{delay} since {} [{}]", b.expression, seconds(b.condition_since), inputs.join(", "))
}

fn input(i: &InputValue) -> String {
    match &i.unknown {
        Some(reason) => format!("{}=? {reason}", i.tag),
        None => format!("{}={}", i.tag, word(&i.value)),
    }
}

/// What a restart could not take over.
pub(super) fn resumed(resumed: &Resumed) -> Vec<String> {
    let unreadable = resumed.unreadable.iter().map(|(key, why)| format!("{key} begins anew: {why}"));
    let back = resumed.clock_back.map(|back| format!("the clock was set back by {}", Shown(back)));
    unreadable.chain(back).collect()
}

pub(super) fn watermarks(engine: &Engine, inventory: &Inventory) -> Vec<String> {
    let line = |(sources, mark): (&[rules::inventory::SourceId], Option<i64>)| {
        let ids: Vec<&str> = sources.iter().map(|s| inventory.source(*s).id.as_str()).collect();
        format!("watermark of {}: {}", ids.join(" and "), mark.map_or("none".into(), seconds))
    };
    engine.watermarks().map(line).collect()
}

pub(super) fn deadline(engine: &Engine) -> String {
    format!("deadline {}", engine.deadline().map_or("none".into(), seconds))
}

pub(super) fn counts(engine: &Engine) -> String {
    let c = engine.counts();
    let unlisted = if c.unlisted > 0 { format!(", unlisted {}", c.unlisted) } else { String::new() };
    format!(
        "datapoints {}, late {}, applied {}, dropped {}, raised {}{unlisted}",
        c.datapoints, c.late, c.applied, c.dropped, c.raised
    )
}

/// How JSON writes it, without quotes.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap().trim_matches('"').to_owned()
}

fn seconds(instant: i64) -> String {
    let ms = instant - ZERO;
    let (sign, ms) = if ms < 0 { ("-", -ms) } else { ("", ms) };
    let decimals = format!(".{:03}", ms % 1_000);
    format!("{sign}{}{}", ms / 1_000, decimals.trim_end_matches('0').trim_end_matches('.'))
}
