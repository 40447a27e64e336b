//! Functions, and what they give.
//!
//! Here: the windows (`avg min max sum count edges rate delta stddev changes`), and `prev age good abs round has hour
//! weekday`. Not here: what a window amounts to (the engine keeps them).
//! Invariant: windows are not nested, lie between 1 ms and 24 h, and there are at most 256 in a rule.

use std::ops::Range;

use crate::names;
use crate::ruleset::{Window, WindowFunction};
use crate::time::Millis;
use crate::units::Unit;
use crate::value::Type;

use super::arguments::{wrong_call, wrong_window};
use super::check::Binder;
use super::eval::Program;
use super::ir::{Ir, Reads};
use super::typed::Typed;
use super::{Expr, Mistake, Node};

/// Windows that a rule may have (§10).
const WINDOWS_MAX: usize = 256;

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
pub(super) const OTHERS: [(&str, &str); 8] = [
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
                let digits = self.digits(digits);
                let rounded = self.rounded(x, digits.unwrap_or(0), span);
                digits.and(rounded)
            }
            ("has", [x, bit]) => self.has(x, bit, span),
            _ => {
                self.say(wrong_call(function, at, span));
                self.arguments_alone(arguments);
                None
            }
        }
    }

    /// Types what a window is over.
    fn in_window(&mut self, argument: &Expr) -> Option<Typed> {
        self.in_window = true;
        let typed = self.typed(argument);
        self.in_window = false;
        typed
    }

    fn window(
        &mut self,
        function: WindowFunction,
        at: &Range<usize>,
        arguments: &[Expr],
        span: &Range<usize>,
    ) -> Option<Typed> {
        let [argument, length] = arguments else {
            // How many there are nobody knows where one was not understood.
            if !arguments.iter().any(|a| matches!(a.node, Node::Hole(_))) {
                self.say(wrong_window(function, arguments, span));
            }
            arguments.iter().take(1).for_each(|argument| drop(self.in_window(argument)));
            return None;
        };
        let argument = self.in_window(argument);
        let length = self.length(function, length);
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
}
