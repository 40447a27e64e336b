//! What functions are called with.
//!
//! Here: the length of a window, what a window may be over, a tag by itself, how many decimals, and what is said where
//! none of this fits. Not here: what a function gives (`call`), names of bits (`coded`).
//! Invariant: all arguments of a call are looked at, so that their mistakes come in one run.

use std::ops::Range;

use crate::diagnose::did_you_mean;
use crate::ruleset::WindowFunction;
use crate::time::{Millis, Shown};
use crate::units::{self, Unit};
use crate::value::{Type, Value};

use super::call::{OTHERS, function_names};
use super::check::Binder;
use super::ir::Ir;
use super::typed::Typed;
use super::{Expr, Mistake, Node, Number};

/// Longest window (§10).
const WINDOW_MAX: Millis = 24 * 3_600_000;
/// More decimals than any instrument has.
const DECIMALS_MAX: i64 = 9;

impl Binder<'_> {
    pub(super) fn argument_fits(&mut self, function: WindowFunction, argument: &Typed) -> Option<()> {
        let name = function.name();
        let (wanted, help) = match function {
            WindowFunction::Count | WindowFunction::Changes => return Some(()),
            WindowFunction::Avg | WindowFunction::Edges if argument.kind == Type::Bool => return Some(()),
            WindowFunction::Edges => {
                ("a condition", "write `edges(tag > 5, 1 h)`, or `changes(tag, 1 h)`".to_owned())
            }
            WindowFunction::Sum if argument.weight.is_some_and(|w| w != 0.0) => {
                self.say(
                    Mistake::new("R205", argument.span.clone(), "a sum of temperatures means nothing")
                        .label("temperatures are not added up")
                        .help("write `avg` for their mean"),
                );
                return None;
            }
            _ if argument.is_number() => return Some(()),
            _ if argument.kind == Type::Bool => (
                "a number",
                format!(
                    "`{name}` of a condition is not defined: write `edges` for how often it became true, `avg` for the share of time"
                ),
            ),
            _ => (
                "a number",
                format!(
                    "write `changes({}, 1 h)` for how often it changed",
                    argument.tag.as_deref().unwrap_or("tag")
                ),
            ),
        };
        let message = format!("`{name}` needs {wanted}, this is {}", argument.kind);
        self.say(
            Mistake::new("R204", argument.span.clone(), message)
                .label(format!("{} is of type {}", argument.shown(), argument.kind))
                .help(help),
        );
        None
    }

    /// The length of a window, ms.
    pub(super) fn length(&mut self, function: WindowFunction, expr: &Expr) -> Option<Millis> {
        let length = self.typed(expr)?;
        let mistake = |message: &str| Mistake::new("R208", expr.span.clone(), message);
        let (Some(number), true) = (length.ir.number(), length.is_number()) else {
            self.say(
                mistake("a duration is expected")
                    .label("how long the window is")
                    .help(format!("`{0}` looks back over a time: write `{0}(tag, 5 min)`", function.name())),
            );
            return None;
        };
        let millis = match &length.unit {
            Some(unit) if unit.is_time() => unit.scale_to(&Unit::read("ms"), 0.0).apply(number),
            Some(unit) if unit.is_length() && unit.text == "m" => {
                self.say(
                    mistake(&format!("`{number} m` is {number} metres"))
                        .label("a duration is expected")
                        .help(format!("for minutes write `{number} min`")),
                );
                return None;
            }
            Some(unit) => {
                self.say(
                    mistake(&format!("{unit} is not a unit of time")).label("a duration is expected").help(
                        match units::meant(&unit.text) {
                            Some(near) if Unit::read(near).is_time() => format!("write `{number} {near}`"),
                            _ => "use ms, s, min, h or d".into(),
                        },
                    ),
                );
                return None;
            }
            None => {
                self.say(
                    mistake(&format!("`{number}` has no unit"))
                        .label("a duration is expected")
                        .help(format!("write `{number} s` or `{number} min`")),
                );
                return None;
            }
        };
        let whole = (millis - millis.round()).abs() < 1e-6;
        if !whole || !(1.0..=WINDOW_MAX as f64).contains(&millis) {
            self.say(mistake("a window is between 1 ms and 24 h long").label(format!(
                "{} here",
                if millis.abs() < 1e15 {
                    Shown(millis.round() as Millis).to_string()
                } else {
                    "far more".into()
                }
            )));
            return None;
        }
        Some(millis.round() as Millis)
    }

    /// A tag by itself, not calculated from.
    pub(super) fn bare(&mut self, function: &str, expr: &Expr) -> Option<(Typed, usize)> {
        let typed = self.typed(expr)?;
        let slot = match &typed.ir {
            Ir::Slot(slot) => Some(*slot),
            Ir::Else(parts) => match &parts[..] {
                [Ir::Slot(slot)] => Some(*slot),
                _ => None,
            },
            _ => None,
        };
        if slot.is_none() {
            self.say(
                Mistake::new("R206", expr.span.clone(), format!("`{function}` needs a tag"))
                    .label("this is calculated, or does not change")
                    .help(format!("write `{function}(tag)`")),
            );
        }
        Some((typed, slot?))
    }

    pub(super) fn digits(&mut self, expr: &Expr) -> Option<u8> {
        let digits = self.typed(expr)?;
        let known = match digits.ir {
            Ir::Const(Value::Int(i)) if (0..=DECIMALS_MAX).contains(&i) => u8::try_from(i).ok(),
            _ => None,
        };
        if known.is_none() {
            self.say(
                Mistake::new(
                    "R206",
                    expr.span.clone(),
                    format!("a number of decimals from 0 to {DECIMALS_MAX} is expected"),
                )
                .help("write `round(x, 1)`"),
            );
        }
        known
    }

    /// Looks at the arguments of a function that there is not: only names may be meant in another way.
    pub(super) fn arguments_alone(&mut self, arguments: &[Expr]) {
        for (i, argument) in arguments.iter().enumerate() {
            if i == 0 || !matches!(argument.node, Node::Name(_)) {
                self.typed(argument);
            }
        }
    }
}

/// Two arguments are expected, an expression and a duration.
pub(super) fn wrong_window(function: WindowFunction, arguments: &[Expr], span: &Range<usize>) -> Mistake {
    let name = function.name();
    let mistake = Mistake::new("R206", span.clone(), format!("`{name}` needs an expression and a duration"))
        .label(format!("{} given", arguments.len()));
    // `avg(pressure, 1,5 min)`
    match arguments {
        [_, a, b] => match (&a.node, &b.node) {
            (Node::Number(Number::Int(whole), None), Node::Number(Number::Int(part), unit)) => {
                let unit = unit.as_deref().unwrap_or("min");
                mistake.help(format!("a number has a decimal point: write `{whole}.{part} {unit}`"))
            }
            _ => mistake.help(format!("write `{name}(tag, 5 min)`")),
        },
        _ => mistake.help(format!("write `{name}(tag, 5 min)`")),
    }
}

pub(super) fn wrong_call(function: &str, at: &Range<usize>, span: &Range<usize>) -> Mistake {
    if let Some((_, form)) = OTHERS.iter().find(|(name, _)| *name == function) {
        return Mistake::new("R206", span.clone(), format!("`{function}` is called with other arguments"))
            .label("wrong number of arguments")
            .help(format!("write `{form}`"));
    }
    let mistake =
        Mistake::new("R206", at.clone(), format!("unknown function `{function}`")).label("no such function");
    if let Some(help) = instead(function) {
        return mistake.help(help);
    }
    let near = meant(function).or_else(|| did_you_mean(function, function_names()));
    match near {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("functions: {}", function_names().collect::<Vec<_>>().join(", "))),
    }
}

/// What to write instead of a function that there is under no name.
fn instead(function: &str) -> Option<&'static str> {
    const ELSEWHERE: [(&[&str], &str); 10] = [
        (
            &["len", "length", "left", "right", "mid", "concat", "substr", "länge", "links", "rechts"],
            "a text is compared as a whole: write `x = 'Pils'` or `x in ['Pils', 'Helles']`",
        ),
        (&["if", "wenn", "iif", "case", "sel"], "give each outcome a state with its own `when`"),
        (&["und"], "write `a and b`"),
        (&["oder"], "write `a or b`"),
        (&["range", "between", "limit", "zwischen"], "write `x in 1 .. 5`"),
        (&["mod", "rest"], "there is no remainder of a division"),
        (
            &["ton", "tof", "tp", "delay", "timer"],
            "write the delay beside the condition: for = \"5 s\", hold = \"5 s\"",
        ),
        (&["hyst", "hysteresis", "hysterese"], "write it beside the condition: `clear`, or `deadband`"),
        (&["isnull", "isnan", "isblank", "isna", "absent", "istleer", "istfehler"], "write `not good(tag)`"),
        (&["now", "jetzt", "today", "heute", "time", "day"], "there are `hour()` and `weekday()`"),
    ];
    ELSEWHERE.iter().find(|(names, _)| names.contains(&function)).map(|(_, help)| *help)
}

/// What other languages call a function that there is here.
fn meant(function: &str) -> Option<&'static str> {
    const ELSEWHERE: [(&[&str], &str); 13] = [
        (&["average", "mean", "mittelwert", "mw", "mavg"], "avg"),
        (&["minimum"], "min"),
        (&["maximum"], "max"),
        (&["summe", "total", "sum_over_time"], "sum"),
        (&["anzahl", "counter", "count_over_time"], "count"),
        (&["r_trig", "rising", "edge", "flanke", "flanken"], "edges"),
        (&["diff", "difference", "differenz", "increase", "zuwachs"], "delta"),
        (&["slope", "gradient", "steigung", "derivative", "deriv"], "rate"),
        (&["std", "stdev", "stddev_pop", "sigma", "standardabweichung"], "stddev"),
        (&["last", "previous", "lag", "letzter"], "prev"),
        (&["betrag", "fabs"], "abs"),
        (&["runden", "trunc"], "round"),
        (&["bit", "test_bit", "testbit"], "has"),
    ];
    ELSEWHERE.iter().find(|(names, _)| names.contains(&function)).map(|(_, here)| *here)
}
