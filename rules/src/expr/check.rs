//! From the tree to the typed tree, for one machine.
//!
//! Here: the [`Binder`], which knows the machine's tags, parameters and definitions, and which step each node takes.
//! Names stand in `named`, types in `typed`, units in `unified`, functions in `call`. Not here: judging (`eval`).
//! Invariant: a typed tree never meets two values that cannot be compared; every mistake of an expression is found
//! in one run, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::inventory::{Inventory, MachineId, TagId};
use crate::ruleset::Window;
use crate::units::Unit;
use crate::value::{Constant, Type, Value};

use super::compile::{SIZE_MAX, TREE_MAX};
use super::eval::Program;
use super::ir::{Ir, Names};
use super::typed::Typed;
use super::{Expr, Mistake, Node, Number, reach};

/// Binds expressions to one machine; the tags they read get slots, shared by all of them, and so do windows.
#[derive(Debug)]
pub struct Binder<'i> {
    pub(super) inventory: &'i Inventory,
    pub(super) machine: MachineId,
    pub(super) params: &'i BTreeMap<String, Constant>,
    /// Definitions, by name; none: it has a mistake, or it comes later.
    pub(super) defines: BTreeMap<String, Option<Typed>>,
    /// The share of a window that must be known.
    pub(super) coverage: f64,
    pub(super) slots: Vec<TagId>,
    pub(crate) windows: Vec<(Ir, Window)>,
    pub(super) mistakes: Vec<Mistake>,
    /// Inside the argument of a window.
    pub(super) in_window: bool,
    /// Beside something that was not understood.
    pub(super) in_hole: bool,
    /// Names that mistakes outside of expressions hide: nobody knows what they stand for.
    pub(super) hidden: BTreeSet<String>,
    /// Nodes of definitions written out in this expression.
    pub(super) written_out: usize,
}

impl<'i> Binder<'i> {
    /// Begins with no slots.
    #[must_use]
    pub fn new(
        inventory: &'i Inventory,
        machine: MachineId,
        params: &'i BTreeMap<String, Constant>,
        coverage: f64,
    ) -> Self {
        Self {
            inventory,
            machine,
            params,
            defines: BTreeMap::new(),
            coverage,
            slots: Vec::new(),
            windows: Vec::new(),
            mistakes: Vec::new(),
            in_window: false,
            in_hole: false,
            hidden: BTreeSet::new(),
            written_out: 0,
        }
    }

    /// The tags behind the slots, and the windows, in order.
    #[must_use]
    pub fn into_parts(self) -> (Vec<TagId>, Vec<Window>) {
        (self.slots, self.windows.into_iter().map(|(_, window)| window).collect())
    }

    /// The windows so far.
    #[must_use]
    pub fn windows(&self) -> Vec<Window> {
        self.windows.iter().map(|(_, window)| window.clone()).collect()
    }

    /// What slots and windows stand for.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        Names { inventory: self.inventory, machine: self.machine, slots: &self.slots, windows: &self.windows }
    }

    /// Compiles a typed tree.
    #[must_use]
    pub fn program(&self, ir: &Ir) -> Program {
        Program::of(ir)
    }

    /// The tag behind a slot.
    #[must_use]
    pub fn tag(&self, slot: usize) -> &'i crate::inventory::Tag {
        self.inventory.tag(self.slots[slot])
    }

    /// Says that nobody knows what these names stand for, if they are no tags: nothing is said of them.
    pub fn hide(&mut self, names: impl IntoIterator<Item = String>) {
        self.hidden.extend(names);
    }

    /// Whether nobody knows what a name stands for.
    #[must_use]
    pub fn hides(&self, name: &str) -> bool {
        self.hidden.contains(name)
    }

    /// Says that definitions of these names will come.
    pub fn announce<'n>(&mut self, names: impl IntoIterator<Item = &'n str>) {
        self.defines.extend(names.into_iter().map(|name| (name.to_owned(), None)));
    }

    /// Checks a definition; from then on its name stands for it.
    ///
    /// # Errors
    /// All its mistakes; warnings stand among them.
    pub fn define(&mut self, name: &str, expr: &Expr) -> Result<(), Vec<Mistake>> {
        self.written_out = 0;
        let typed = self.typed(expr).filter(|t| self.is_small(&t.ir, &expr.span));
        let mistakes = std::mem::take(&mut self.mistakes);
        let sound = mistakes.iter().all(|m| m.warning);
        self.defines.insert(name.to_owned(), typed.filter(|_| sound));
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    /// Checks a condition. It comes back unless it has a mistake; warnings may stand beside it.
    pub fn condition(&mut self, expr: &Expr) -> (Option<Ir>, Vec<Mistake>) {
        self.written_out = 0;
        let ir = self.condition_in(expr).filter(|ir| self.is_small(ir, &expr.span));
        if let Some(ir) = &ir {
            self.ages_are_compared(ir, expr);
            reach::constants(self, ir, expr);
        }
        let mut mistakes = std::mem::take(&mut self.mistakes);
        mistakes.sort_by_key(|m| m.span.start);
        let sound = mistakes.iter().all(|m| m.warning);
        (ir.filter(|_| sound), mistakes)
    }

    pub(super) fn say(&mut self, mistake: Mistake) {
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    fn is_small(&mut self, ir: &Ir, span: &Range<usize>) -> bool {
        let small = ir.depth() <= TREE_MAX && ir.size() <= SIZE_MAX;
        if !small {
            self.say(too_large(span));
        }
        small
    }

    /// Types a condition; none: a mistake was said.
    pub(super) fn condition_in(&mut self, expr: &Expr) -> Option<Ir> {
        let typed = self.typed(expr)?;
        if typed.kind == Type::Bool {
            return Some(typed.ir);
        }
        let mistake = Mistake::new("R202", expr.span.clone(), "a condition is expected");
        self.say(match (&expr.node, typed.kind) {
            (Node::Name(name), Type::Int | Type::Float) => mistake
                .label(format!("`{name}` is of type {}", typed.kind))
                .help(format!("compare it, for example `{name} > 0`")),
            (Node::Name(name), kind) => {
                let like = match kind {
                    Type::Enum => typed.names.as_ref().and_then(|n| n.entries.last()).map(|(n, _)| n.clone()),
                    _ => None,
                };
                let like =
                    like.unwrap_or_else(|| if kind == Type::Flags { "0".into() } else { "'…'".into() });
                mistake
                    .label(format!("`{name}` is of type {kind}"))
                    .help(format!("compare it, for example `{name} = {like}`"))
            }
            _ => mistake.label("this is only a value"),
        });
        None
    }

    /// Types an expression; none: a mistake was said.
    pub(super) fn typed(&mut self, expr: &Expr) -> Option<Typed> {
        let span = expr.span.clone();
        match &expr.node {
            Node::Name(name) => self.named(name, &span),
            Node::Far(machine, tag) => self.far(machine, tag, &span),
            Node::Number(number, unit) => Some(literal(*number, unit.as_deref(), span)),
            Node::Text(text) => Some(Typed::constant(Value::Text(text.as_str().into()), span)),
            Node::Bool(b) => Some(Typed::constant(Value::Bool(*b), span)),
            Node::Compare(relation, a, b) => self.comparison(*relation, a, b, &span),
            Node::Among(a, list) => self.among(a, list, &span),
            Node::Between(a, low, high) => self.between(a, low, high, &span),
            Node::Join(joint, parts) => {
                let parts: Vec<Option<Ir>> = parts.iter().map(|part| self.condition_in(part)).collect();
                Some(Typed::condition(Ir::Join(*joint, parts.into_iter().collect::<Option<_>>()?), span))
            }
            Node::Not(a) => Some(Typed::condition(Ir::Not(Box::new(self.condition_in(a)?)), span)),
            Node::Negate(a) => self.negated(a, span),
            Node::Calc(first, rest) => self.calculated(first, rest, &span),
            Node::Else(parts) => self.first_known(parts, &span),
            Node::Call(function, at, arguments) => self.called(function, at, arguments, &span),
            Node::Hole(parts) => {
                parts.iter().enumerate().for_each(|(i, part)| self.in_hole(part, i == 0));
                None
            }
        }
    }

    /// Looks at what was understood of something that was not as a whole; nothing is expected of it. The first part
    /// is that on the left, which is seldom a code.
    fn in_hole(&mut self, part: &Expr, first: bool) {
        match &part.node {
            Node::Name(name) if !self.resolves(name) => self.perhaps_mistyped(name, &part.span, first),
            Node::Join(_, parts) => {
                parts.iter().enumerate().for_each(|(i, part)| self.in_hole(part, first && i == 0));
            }
            Node::Not(a) | Node::Negate(a) => self.in_hole(a, first),
            _ => {
                let outer = std::mem::replace(&mut self.in_hole, true);
                self.typed(part);
                self.in_hole = outer;
            }
        }
    }

    /// An age is judged at its crossing, so it must be plain to see where that is.
    fn ages_are_compared(&mut self, ir: &Ir, expr: &Expr) {
        if !ages_plain(ir) {
            self.say(
                Mistake::new("R206", expr.span.clone(), "`age` is compared with something that changes")
                    .label("`age(x)` is compared with a constant only")
                    .help("write `age(x) > 5 min`"),
            );
        }
    }
}

fn ages_plain(ir: &Ir) -> bool {
    let age = |ir: &Ir| matches!(ir, Ir::Age(_));
    match ir {
        Ir::Age(_) => false,
        Ir::Compare(_, a, b) if age(a) => b.is_fixed(),
        Ir::Compare(_, a, b) if age(b) => a.is_fixed(),
        Ir::Between(a, low, high) if age(a) => low.is_fixed() && high.is_fixed(),
        other => other.parts().iter().all(|part| ages_plain(part)),
    }
}

pub(super) fn too_large(span: &Range<usize>) -> Mistake {
    Mistake::new("R106", span.clone(), "the condition is too large with its definitions written out")
        .label(format!("more than {SIZE_MAX} parts, or nested more than {TREE_MAX} deep"))
}

fn literal(number: Number, unit: Option<&str>, span: Range<usize>) -> Typed {
    let value = match number {
        Number::Int(i) => Value::Int(i),
        Number::Float(f) => Value::Float(f),
    };
    let unit = unit.map(Unit::read);
    Typed { weight: unit.as_ref().and_then(Typed::weight_of), unit, ..Typed::constant(value, span) }
}
