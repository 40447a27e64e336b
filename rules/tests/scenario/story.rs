//! The lines of a story.
//!
//! | line | happens |
//! |---|---|
//! | `5 plc t=95 pump=true wmk` | at 5 s of processing time, `plc` delivers these as one batch, all of event time 5 s; `wmk` sets the flag on the last |
//! | `5 plc @4.9 t=95 @4.8 p=3#7` | other event times, each for what follows it; `#` is a sequence number out of turn |
//! | `5 plc t=95? p=Bad q=NaN m-2.t='text'` | Uncertain; Bad; not a number; a tag that several machines have |
//! | `5 plc $heartbeat`, `5 plc $connected=false` | the agent's own tags; they always carry `wmk` |
//! | `1..60/0.5 plc …` | the same at 1, 1.5, 2 … 60 s; without `@`, each with that event time |
//! | `5 plc,lab $heartbeat` | the same from two sources, one after the other |
//! | `5 clock` | nothing but time |
//! | `5 restart`, `5 restart edited` | the agent stops in order and starts again, with the rules of `--- rules edited` |
//! | `5 crash` | the same, but what was not stored is lost |
//! | `5 reload edited` | from here on the rules of `--- rules edited` are in force |
//! | `5 epoch` | the agent's clock was set back to 5 s |
//! | `5 shelve hot m 3600 by meier: pump is changed` | somebody shelves rule `hot` on machine `m` for an hour, and says why |
//! | `5 reset hot m by meier: seen` | likewise `shelve-once`, `unshelve`, `out-of-service`, `in-service` |
//! | `5 store` | what is not stored yet is stored |
//! | `5 damage hot@m` | the stored state of rule `hot` on machine `m` becomes unreadable |
//! | `end` | the recording ends: every scope goes on to the last thing it was told |
//! | `watermarks`, `deadline`, `counts` | asks for them |
//!
//! Numbers are seconds after the zero of the story. What else can happen to an engine becomes a line of its own.
//!
//! Here: reading them. Not here: doing them (`play`).
//! Invariant: what a line says does not depend on other lines, except for sequence numbers.

use rules::operator::{Command, Order};

/// What happens.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Event {
    Deliver { at: Vec<i64>, sources: Vec<String>, items: Vec<Item>, wmk: bool },
    Clock { at: Vec<i64> },
    Restart { at: i64, in_order: bool, rules: String },
    Reload { at: i64, rules: String },
    Epoch { at: i64 },
    Operator { at: i64, command: Command },
    Store,
    Damage { key: String },
    End,
    Watermarks,
    Deadline,
    Counts,
}

/// A datapoint as a story has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// None: the processing time.
    pub(super) timestamp: Option<i64>,
    pub(super) name: String,
    pub(super) value: Option<String>,
    pub(super) uncertain: bool,
    pub(super) sequence: Option<u64>,
}

impl Event {
    /// Reads a line; none: it is empty or a comment.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.split_once("# ").map_or(line, |(before, _)| before);
        let words: Vec<&str> = line.split_whitespace().collect();
        let only = |text: &str| instant(text);
        Some(match words[..] {
            [] => return None,
            ["#", ..] => return None,
            ["end"] => Event::End,
            ["watermarks"] => Event::Watermarks,
            ["deadline"] => Event::Deadline,
            ["counts"] => Event::Counts,
            [at, "clock"] => Event::Clock { at: instants(at) },
            [_, "store"] => Event::Store,
            [at, "reload", rules] => Event::Reload { at: only(at), rules: rules.to_owned() },
            [at, "epoch"] => Event::Epoch { at: only(at) },
            [at, order, rule, machine, ref rest @ ..] if ORDERS.contains(&order) => {
                Event::Operator { at: only(at), command: command(order, rule, machine, rest) }
            }
            [_, "damage", key] => Event::Damage { key: key.to_owned() },
            [at, how @ ("restart" | "crash"), ref rules @ ..] => {
                Event::Restart { at: only(at), in_order: how == "restart", rules: rules.concat() }
            }
            [at, source, ref items @ ..] => Event::Deliver {
                at: instants(at),
                sources: source.split(',').map(str::to_owned).collect(),
                wmk: items.last() == Some(&"wmk"),
                items: read_items(items.strip_suffix(&["wmk"]).unwrap_or(items)),
            },
            [_] => panic!("this is no line of a story: {line}"),
        })
    }
}

const ORDERS: [&str; 6] = ["shelve", "shelve-once", "unshelve", "reset", "out-of-service", "in-service"];

/// `3600 by meier: pump is changed`; only shelving has a time.
fn command(order: &str, rule: &str, machine: &str, rest: &[&str]) -> Command {
    let (length, by) = rest.split_at(rest.iter().position(|word| *word == "by").unwrap());
    let order = match (order, length) {
        ("shelve", [length]) => Order::Shelve(instant(length)),
        ("shelve-once", []) => Order::ShelveOnce,
        ("unshelve", []) => Order::Unshelve,
        ("reset", []) => Order::Reset,
        ("out-of-service", []) => Order::OutOfService,
        ("in-service", []) => Order::InService,
        _ => panic!("this is nothing that anybody can do: {order} {length:?}"),
    };
    let by = by[1..].join(" ");
    let (who, why) = by.split_once(": ").unwrap_or((by.trim_end_matches(':'), ""));
    Command { rule: rule.into(), machine: machine.into(), who: who.into(), why: why.into(), order }
}

fn read_items(words: &[&str]) -> Vec<Item> {
    let mut timestamp = None;
    let mut items = Vec::new();
    for word in words {
        if let Some(at) = word.strip_prefix('@') {
            timestamp = Some(instant(at));
            continue;
        }
        let (word, sequence) =
            word.split_once('#').map_or((*word, None), |(w, n)| (w, Some(n.parse().unwrap())));
        let (name, value) = word.split_once('=').map_or((word, None), |(n, v)| (n, Some(v)));
        let uncertain = value.is_some_and(|v| v.ends_with('?'));
        let value = value.map(|v| v.trim_end_matches('?').to_owned());
        items.push(Item { timestamp, name: name.to_owned(), value, uncertain, sequence });
    }
    items
}

/// `7`, or `1..60/0.5`.
fn instants(text: &str) -> Vec<i64> {
    let Some((from, rest)) = text.split_once("..") else { return vec![instant(text)] };
    let (to, step) = rest.split_once('/').unwrap_or((rest, "1"));
    let step = usize::try_from(instant(step)).unwrap();
    (instant(from)..=instant(to)).step_by(step).collect()
}

/// Seconds with up to three decimals, as ms.
pub(super) fn instant(text: &str) -> i64 {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let decimals = format!("{decimals:0<3}");
    let ms = whole.parse::<i64>().ok().zip(decimals.parse::<i64>().ok().filter(|_| decimals.len() == 3));
    let (whole, decimals) = ms.unwrap_or_else(|| panic!("these are no seconds: {text}"));
    sign * (whole * 1_000 + decimals)
}
