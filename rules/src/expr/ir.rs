//! The typed tree: an expression bound to one machine, its names resolved, its units converted.
//!
//! Here: what it is made of, what it reads, and its canonical form, of which the identity of a condition is made.
//! Not here: how it came about (`check`, `typed`), how it is judged (`compile`, `eval`).
//! Invariant: numbers that are compared or added are in the same unit, those of a tag in the tag's.

use std::fmt::Write as _;

use crate::inventory::Inventory;
use crate::inventory::{MachineId, TagId};
use crate::ruleset::Window;
use crate::units::Scale;
use crate::value::Value;

use super::{Joint, Operator, Relation};

/// A typed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Ir {
    /// A value that never changes.
    Const(Value),
    /// The held value of a slot.
    Slot(usize),
    /// The value of the sample before the last one of a slot.
    Previous(usize),
    /// Time since the last sample of a slot, ms.
    Age(usize),
    /// The hour of the day.
    Hour,
    /// The day of the week.
    Weekday,
    /// What a window amounts to.
    Window(usize),
    /// A number in another unit.
    Convert(Box<Ir>, Scale),
    /// The negative of a number.
    Negate(Box<Ir>),
    /// A number without its sign.
    Abs(Box<Ir>),
    /// A number with so many decimals.
    Round(Box<Ir>, u8),
    /// Numbers put together, from left to right.
    Calc(Box<Ir>, Vec<(Operator, Ir)>),
    /// Two values compared.
    Compare(Relation, Box<Ir>, Box<Ir>),
    /// One of a list of constants.
    Among(Box<Ir>, Vec<Value>),
    /// Between two values, both inclusive.
    Between(Box<Ir>, Box<Ir>, Box<Ir>),
    /// Conditions joined.
    Join(Joint, Vec<Ir>),
    /// The opposite.
    Not(Box<Ir>),
    /// Whether the value is known.
    Good(Box<Ir>),
    /// Whether a bit is set.
    Has(Box<Ir>, u8),
    /// The first that is known.
    Else(Vec<Ir>),
}

/// What a typed expression reads, each once, in the order in which it names it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reads {
    /// All slots, those inside windows among them.
    pub slots: Vec<usize>,
    /// The slots outside a window.
    pub outside: Vec<usize>,
    /// The windows.
    pub windows: Vec<usize>,
    /// Whether it reads the hour or the day.
    pub calendar: bool,
}

fn add(list: &mut Vec<usize>, item: usize) {
    if !list.contains(&item) {
        list.push(item);
    }
}

impl Ir {
    /// The parts it is made of.
    #[must_use]
    pub fn parts(&self) -> Vec<&Ir> {
        match self {
            Ir::Const(_)
            | Ir::Slot(_)
            | Ir::Previous(_)
            | Ir::Age(_)
            | Ir::Hour
            | Ir::Weekday
            | Ir::Window(_) => Vec::new(),
            Ir::Convert(a, _) | Ir::Negate(a) | Ir::Abs(a) | Ir::Round(a, _) | Ir::Among(a, _) => vec![a],
            Ir::Not(a) | Ir::Good(a) | Ir::Has(a, _) => vec![a],
            Ir::Calc(first, rest) => {
                std::iter::once(first.as_ref()).chain(rest.iter().map(|(_, part)| part)).collect()
            }
            Ir::Compare(_, a, b) => vec![a, b],
            Ir::Between(a, b, c) => vec![a, b, c],
            Ir::Join(_, parts) | Ir::Else(parts) => parts.iter().collect(),
        }
    }

    /// Collects what it reads.
    pub fn reads(&self, windows: &[Window], found: &mut Reads) {
        match self {
            Ir::Slot(slot) | Ir::Previous(slot) | Ir::Age(slot) => {
                add(&mut found.slots, *slot);
                add(&mut found.outside, *slot);
            }
            Ir::Window(window) => {
                add(&mut found.windows, *window);
                let inside = windows.get(*window).map_or(&[][..], |w| &w.slots);
                inside.iter().for_each(|slot| add(&mut found.slots, *slot));
            }
            Ir::Hour | Ir::Weekday => found.calendar = true,
            other => other.parts().iter().for_each(|part| part.reads(windows, found)),
        }
    }

    /// Whether it reads nothing that changes.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        match self {
            Ir::Const(_) => true,
            Ir::Slot(_) | Ir::Previous(_) | Ir::Age(_) | Ir::Hour | Ir::Weekday | Ir::Window(_) => false,
            other => other.parts().iter().all(|part| part.is_fixed()),
        }
    }

    /// How many nodes it has.
    #[must_use]
    pub fn size(&self) -> usize {
        1 + self.parts().iter().map(|part| part.size()).sum::<usize>()
    }

    /// How deep it is.
    #[must_use]
    pub fn depth(&self) -> usize {
        1 + self.parts().iter().map(|part| part.depth()).max().unwrap_or(0)
    }

    /// The number, if it is one that never changes.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Ir::Const(Value::Int(i)) => Some(*i as f64),
            Ir::Const(Value::Float(f)) => Some(*f),
            _ => None,
        }
    }
}

/// What the slots and windows of a typed expression stand for.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Where the tags are.
    pub inventory: &'a Inventory,
    /// The machine whose tags need no machine's name.
    pub machine: MachineId,
    /// The tags behind the slots.
    pub slots: &'a [TagId],
    /// The typed arguments of the windows, and the windows.
    pub windows: &'a [(Ir, Window)],
}

impl Names<'_> {
    /// The canonical form of a typed expression: the same for all that is judged the same way.
    #[must_use]
    pub fn canonical(&self, ir: &Ir) -> String {
        let mut out = String::new();
        self.write(&mut out, ir);
        out
    }

    fn slot(&self, out: &mut String, slot: usize) {
        let Some(tag) = self.slots.get(slot).map(|t| self.inventory.tag(*t)) else { return };
        if tag.machine == self.machine {
            write!(out, "`{}`", tag.name).ok();
        } else {
            write!(out, "`{}`.`{}`", self.inventory.machine(tag.machine).name, tag.name).ok();
        }
    }

    fn call(&self, out: &mut String, function: &str, parts: &[&Ir]) {
        write!(out, "{function}(").ok();
        self.row(out, parts, ", ");
        out.push(')');
    }

    fn row(&self, out: &mut String, parts: &[&Ir], between: &str) {
        for (i, part) in parts.iter().enumerate() {
            out.push_str(if i == 0 { "" } else { between });
            self.write(out, part);
        }
    }

    fn write(&self, out: &mut String, ir: &Ir) {
        // Writing into a String cannot fail.
        match ir {
            Ir::Const(value) => constant(out, value),
            Ir::Slot(slot) => self.slot(out, *slot),
            Ir::Previous(slot) => self.call(out, "prev", &[&Ir::Slot(*slot)]),
            Ir::Age(slot) => self.call(out, "age", &[&Ir::Slot(*slot)]),
            Ir::Hour => out.push_str("hour()"),
            Ir::Weekday => out.push_str("weekday()"),
            Ir::Window(window) => self.window(out, *window),
            Ir::Convert(a, s) => {
                self.call(out, "convert", &[a]);
                write!(out, "{:?}", (s.before, s.num, s.den, s.after)).ok();
            }
            Ir::Negate(a) => self.call(out, "-", &[a]),
            Ir::Abs(a) => self.call(out, "abs", &[a]),
            Ir::Round(a, digits) => self.call(out, &format!("round{digits}"), &[a]),
            Ir::Calc(first, rest) => {
                out.push('(');
                self.write(out, first);
                for (operator, part) in rest {
                    write!(out, " {operator} ").ok();
                    self.write(out, part);
                }
                out.push(')');
            }
            Ir::Compare(relation, a, b) => {
                out.push('(');
                self.row(out, &[a, b], &format!(" {relation} "));
                out.push(')');
            }
            Ir::Among(a, list) => {
                out.push('(');
                self.write(out, a);
                out.push_str(" in [");
                for (i, value) in list.iter().enumerate() {
                    out.push_str(if i == 0 { "" } else { ", " });
                    constant(out, value);
                }
                out.push_str("])");
            }
            Ir::Between(a, low, high) => self.call(out, "between", &[a, low, high]),
            Ir::Join(joint, parts) => {
                out.push('(');
                self.row(out, &parts.iter().collect::<Vec<_>>(), &format!(" {joint} "));
                out.push(')');
            }
            Ir::Not(a) => self.call(out, "not ", &[a]),
            Ir::Good(a) => self.call(out, "good", &[a]),
            Ir::Has(a, bit) => self.call(out, &format!("has{bit}"), &[a]),
            Ir::Else(parts) => self.call(out, "first", &parts.iter().collect::<Vec<_>>()),
        }
    }

    fn window(&self, out: &mut String, window: usize) {
        let Some((argument, w)) = self.windows.get(window) else { return };
        self.call(out, w.function.name(), &[argument]);
        write!(out, "[{} ms, {:?}]", w.length, w.coverage).ok();
    }
}

/// A constant; 90 and 90.0 are the same.
fn constant(out: &mut String, value: &Value) {
    match value {
        Value::Bool(b) => write!(out, "{b}"),
        Value::Int(i) => write!(out, "{i}"),
        Value::Float(f) => write!(out, "{f}"),
        Value::Text(t) => write!(out, "'{}'", t.replace('\'', "''")),
    }
    .ok();
}
