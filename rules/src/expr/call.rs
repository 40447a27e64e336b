//! Functions: their arguments, and what they give.
//!
//! Here: the windows (`avg min max sum count edges rate delta stddev changes`), and `prev age good abs round has hour
//! weekday`. Not here: what a window amounts to (the engine keeps them).
//! Invariant: windows are not nested, lie between 1 ms and 24 h, and there are at most 256 in a rule.

use std::ops::Range;

use crate::diagnose::did_you_mean;
use crate::names;
use crate::ruleset::{Window, WindowFunction};
use crate::time::{Millis, Shown};
use crate::units::Unit;
use crate::value::{Type, Value};

use super::check::Binder;
use super::eval::Program;
use super::ir::{Ir, Reads};
use super::typed::{Typed, unknown_code};
use super::{Expr, Mistake, Node};

/// Longest window (§10).
const WINDOW_MAX: Millis = 24 * 3_600_000;
/// Windows that a rule may have (§10).
const WINDOWS_MAX: usize = 256;
/// More decimals than any instrument has.
const DECIMALS_MAX: i64 = 9;
/// The bits of an Int.
const BITS: i64 = 64;

const WINDOWS: [(&str, WindowFunction); 10] = [
    ("avg", WindowFunction::Avg),
    ("min", WindowFunction::Min),
    ("max", WindowFunction::Max),
    ("sum", WindowFunction::Sum),
    ("count", WindowFunction::Count),
    ("edges", WindowFunction::Edges),
    ("rate", WindowFunction::Rate),
    ("delta", WindowFunction::Delta),
    ("stddev", WindowFunction::Stddev),
    ("changes", WindowFunction::Changes),
];

/// Functions that are none over a window, with how they are called.
const OTHERS: [(&str, &str); 8] = [
    ("prev", "prev(tag)"),
    ("age", "age(tag)"),
    ("good", "good(tag)"),
    ("abs", "abs(x)"),
    ("round", "round(x) or round(x, 1)"),
    ("has", "has(tag, Name)"),
    ("hour", "hour()"),
    ("weekday", "weekday()"),
];

/// The names of all functions, for the manual and for editors.
pub fn function_names() -> impl Iterator<Item = &'static str> {
    let others = OTHERS.iter().map(|(name, _)| *name);
    WINDOWS.iter().map(|(name, _)| *name).chain(others)
}

impl WindowFunction {
    /// What rules call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        WINDOWS.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }
}

impl Ir {
    /// Whether it may stand in a window: it changes with the samples of its tags only.
    pub(super) fn is_plain(&self) -> bool {
        match self {
            Ir::Previous(_) | Ir::Age(_) | Ir::Hour | Ir::Weekday | Ir::Window(_) => false,
            other => other.parts().iter().all(|part| part.is_plain()),
        }
    }
}

impl Binder<'_> {
    pub(super) fn called(
        &mut self,
        function: &str,
        at: &Range<usize>,
        arguments: &[Expr],
        span: &Range<usize>,
    ) -> Option<Typed> {
        let window = WINDOWS.iter().find(|(name, _)| *name == function).map(|(_, window)| *window);
        if self.in_window && (window.is_some() || matches!(function, "prev" | "age" | "hour" | "weekday")) {
            let message = format!("`{function}` has no place in a window");
            self.say(
                Mistake::new("R206", at.clone(), message)
                    .label("a window is over tags and what is calculated from them")
                    .help("compare two windows instead, or give each its own condition"),
            );
            return None;
        }
        if let Some(window) = window {
            return self.window(window, at, arguments, span);
        }
        match (function, arguments) {
            ("hour", []) => Some(Typed::number(Ir::Hour, Type::Int, None, span.clone())),
            ("weekday", []) => {
                let day = Typed::number(Ir::Weekday, Type::Int, None, span.clone());
                Some(Typed { names: Some(names::weekdays()), ..day })
            }
            ("prev", [tag]) => self.previous(tag, span),
            ("age", [tag]) => self.age(tag, span),
            ("good", [x]) => self.good(x, span),
            ("abs", [x]) => self.absolute(x, span),
            ("round", [x]) => self.rounded(x, 0, span),
            ("round", [x, digits]) => {
                let digits = self.digits(digits)?;
                self.rounded(x, digits, span)
            }
            ("has", [x, bit]) => self.has(x, bit, span),
            _ => {
                self.say(wrong_call(function, at, span));
                None
            }
        }
    }

    fn window(
        &mut self,
        function: WindowFunction,
        at: &Range<usize>,
        arguments: &[Expr],
        span: &Range<usize>,
    ) -> Option<Typed> {
        let [argument, length] = arguments else {
            let message = format!("`{}` needs an expression and a duration", function.name());
            self.say(
                Mistake::new("R206", span.clone(), message)
                    .label(format!("{} given", arguments.len()))
                    .help(format!("write `{}(tag, 5 min)`", function.name())),
            );
            return None;
        };
        self.in_window = true;
        let argument = self.typed(argument);
        self.in_window = false;
        let length = self.length(length);
        let (argument, length) = (argument?, length?);
        if argument.is_fixed() {
            self.say(
                Mistake::new("R203", argument.span.clone(), "nothing here can change")
                    .label("no tag is looked at"),
            );
            return None;
        }
        let function = if function == WindowFunction::Count && argument.kind == Type::Bool {
            WindowFunction::Edges
        } else {
            function
        };
        self.argument_fits(function, &argument)?;
        let unit = match (function, &argument.unit) {
            (WindowFunction::Count | WindowFunction::Edges | WindowFunction::Changes, _) => None,
            // The share of time for which it was true.
            (WindowFunction::Avg, _) if argument.kind == Type::Bool => Some(Unit::pure()),
            (WindowFunction::Delta | WindowFunction::Stddev, Some(unit)) => Some(unit.difference()),
            (WindowFunction::Rate, unit) => {
                let unit = unit.as_ref().map_or_else(Unit::pure, Unit::difference);
                unit.times(&Unit::read("s"), -1)
            }
            (_, unit) => unit.clone(),
        };
        let weight = match function {
            WindowFunction::Avg | WindowFunction::Min | WindowFunction::Max => argument.weight,
            _ => unit.as_ref().filter(|u| u.is_temperature()).map(|_| 0.0),
        };
        let kind = match function {
            WindowFunction::Count | WindowFunction::Edges | WindowFunction::Changes => Type::Int,
            WindowFunction::Min | WindowFunction::Max => argument.kind,
            _ => Type::Float,
        };
        let ir = Ir::Window(self.window_of(function, argument.ir, length, at)?);
        Some(Typed { weight, ..Typed::number(ir, kind, unit, span.clone()) })
    }

    fn argument_fits(&mut self, function: WindowFunction, argument: &Typed) -> Option<()> {
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

    /// A window, shared with all that are the same.
    fn window_of(
        &mut self,
        function: WindowFunction,
        argument: Ir,
        length: Millis,
        at: &Range<usize>,
    ) -> Option<usize> {
        let counter = match (&argument, function) {
            (Ir::Slot(slot), WindowFunction::Delta | WindowFunction::Rate) => self.tag(*slot).counter,
            _ => None,
        };
        let mut reads = Reads::default();
        argument.reads(&[], &mut reads);
        let window = Window {
            function,
            argument: Program::of(&argument),
            slots: reads.slots,
            length,
            counter,
            coverage: self.coverage,
        };
        if let Some(known) = self.windows.iter().position(|(_, w)| *w == window) {
            return Some(known);
        }
        if self.windows.len() >= WINDOWS_MAX {
            self.say(
                Mistake::new("R208", at.clone(), format!("a rule has at most {WINDOWS_MAX} windows"))
                    .label("this is one too many")
                    .help("divide the rule, or use the same window again: that counts once"),
            );
            return None;
        }
        self.windows.push((argument, window));
        Some(self.windows.len() - 1)
    }

    /// The length of a window, ms.
    fn length(&mut self, expr: &Expr) -> Option<Millis> {
        let length = self.typed(expr)?;
        let mistake = |message: &str| Mistake::new("R208", expr.span.clone(), message);
        let (Some(number), true) = (length.ir.number(), length.is_number()) else {
            self.say(
                mistake("a duration is expected")
                    .label("how long the window is")
                    .help("write `avg(tag, 5 min)`"),
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
                    mistake(&format!("{unit} is not a unit of time"))
                        .label("a duration is expected")
                        .help("use ms, s, min, h or d"),
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
    fn bare(&mut self, function: &str, expr: &Expr) -> Option<(Typed, usize)> {
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

    fn previous(&mut self, tag: &Expr, span: &Range<usize>) -> Option<Typed> {
        let (typed, slot) = self.bare("prev", tag)?;
        let previous = Ir::Previous(slot);
        let ir = if typed.kind == Type::Text { Ir::Else(vec![previous]) } else { previous };
        Some(Typed { ir, tag: None, span: span.clone(), ..typed })
    }

    fn age(&mut self, tag: &Expr, span: &Range<usize>) -> Option<Typed> {
        let (_, slot) = self.bare("age", tag)?;
        Some(Typed::number(Ir::Age(slot), Type::Int, Some(Unit::read("ms")), span.clone()))
    }

    fn good(&mut self, x: &Expr, span: &Range<usize>) -> Option<Typed> {
        let x = self.typed(x)?;
        if x.is_fixed() {
            self.say(Mistake::new("R203", x.span.clone(), "nothing here can change").label("always known"));
            return None;
        }
        Some(Typed::condition(Ir::Good(Box::new(x.ir)), span.clone()))
    }

    fn absolute(&mut self, x: &Expr, span: &Range<usize>) -> Option<Typed> {
        let x = self.typed(x)?;
        self.number_wanted(&x, "`abs` needs a number")?;
        let ir = self.fold(Ir::Abs(Box::new(x.ir)), span)?;
        Some(Typed { ir, tag: None, names: None, span: span.clone(), ..x })
    }

    fn rounded(&mut self, x: &Expr, digits: u8, span: &Range<usize>) -> Option<Typed> {
        let x = self.typed(x)?;
        self.number_wanted(&x, "`round` needs a number")?;
        let ir = self.fold(Ir::Round(Box::new(x.ir), digits), span)?;
        Some(Typed { ir, tag: None, names: None, span: span.clone(), ..x })
    }

    fn digits(&mut self, expr: &Expr) -> Option<u8> {
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

    fn has(&mut self, x: &Expr, bit: &Expr, span: &Range<usize>) -> Option<Typed> {
        let word = self.typed(x)?;
        if !matches!(word.kind, Type::Flags | Type::Int) || word.is_fixed() {
            let message = format!("`has` looks at a bit field, this is {}", word.kind);
            let mistake = Mistake::new("R204", word.span.clone(), message).label(format!(
                "{} is of type {}",
                word.shown(),
                word.kind
            ));
            self.say(match (word.kind, &word.tag, &bit.node) {
                (Type::Enum, Some(tag), Node::Name(name)) => mistake.help(format!("write `{tag} = {name}`")),
                _ => mistake.help("give the tag its names in agent.toml: flags = \"…\""),
            });
            return None;
        }
        let place = match (&bit.node, &word.names) {
            (Node::Name(name), Some(names)) => match names.code(name) {
                Some(place) => Some(place),
                None => {
                    self.say(unknown_code(name, names, &bit.span));
                    return None;
                }
            },
            _ => match self.typed(bit)?.ir {
                Ir::Const(Value::Int(place)) => Some(place),
                _ => None,
            },
        };
        match place.filter(|place| (0..BITS).contains(place)).and_then(|place| u8::try_from(place).ok()) {
            Some(place) => Some(Typed::condition(Ir::Has(Box::new(word.ir), place), span.clone())),
            None => {
                self.say(
                    Mistake::new("R206", bit.span.clone(), "the name or the place of a bit is expected")
                        .label("bits are counted from 0 to 63")
                        .help("write `has(tag, Name)` or `has(tag, 3)`"),
                );
                None
            }
        }
    }
}

fn wrong_call(function: &str, at: &Range<usize>, span: &Range<usize>) -> Mistake {
    if let Some((_, form)) = OTHERS.iter().find(|(name, _)| *name == function) {
        return Mistake::new("R206", span.clone(), format!("`{function}` is called with other arguments"))
            .label("wrong number of arguments")
            .help(format!("write `{form}`"));
    }
    let known = || WINDOWS.iter().map(|(name, _)| *name).chain(OTHERS.iter().map(|(name, _)| *name));
    let mistake =
        Mistake::new("R206", at.clone(), format!("unknown function `{function}`")).label("no such function");
    match did_you_mean(function, known()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("functions: {}", known().collect::<Vec<_>>().join(", "))),
    }
}
