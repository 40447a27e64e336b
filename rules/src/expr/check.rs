//! From the tree to the typed tree, for one machine: names.
//!
//! Here: the [`Binder`], which knows the machine's tags, parameters and definitions, and gives slots and windows.
//! Types and units stand in `typed`, functions in `call`. Not here: judging (`eval`).
//! Invariant: a typed tree never meets two values that cannot be compared; every mistake of an expression is found
//! in one run, each once.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::diagnose::did_you_mean;
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
    params: &'i BTreeMap<String, Constant>,
    /// Definitions, by name; none: it has a mistake, or it comes later.
    defines: BTreeMap<String, Option<Typed>>,
    /// The share of a window that must be known.
    pub(super) coverage: f64,
    slots: Vec<TagId>,
    pub(crate) windows: Vec<(Ir, Window)>,
    pub(super) mistakes: Vec<Mistake>,
    /// Inside the argument of a window.
    pub(super) in_window: bool,
    /// Nodes of definitions written out in this expression.
    written_out: usize,
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

    /// The slot of a tag of the machine, given to it if it had none.
    ///
    /// # Errors
    /// When the machine has no such tag.
    pub fn slot(&mut self, name: &str, span: &Range<usize>) -> Result<usize, Mistake> {
        match self.inventory.tag_named(self.machine, name) {
            Some(tag) => Ok(self.slot_of(tag)),
            None => Err(self.unknown_tag(self.machine, name, span)),
        }
    }

    /// The slot of a tag of this or, by its name, of another machine.
    ///
    /// # Errors
    /// When there is no such machine, or it has no such tag.
    pub fn named_slot(
        &mut self,
        machine: Option<&str>,
        name: &str,
        span: &Range<usize>,
    ) -> Result<usize, Mistake> {
        match machine {
            None => self.slot(name, span),
            Some(machine) => self.far_slot(machine, name, span),
        }
    }

    /// The slot of a tag of the machine, if anything reads it so far.
    ///
    /// # Errors
    /// When the machine has no such tag.
    pub fn known_slot(&self, name: &str, span: &Range<usize>) -> Result<Option<usize>, Mistake> {
        let tag = self.inventory.tag_named(self.machine, name);
        let tag = tag.ok_or_else(|| self.unknown_tag(self.machine, name, span))?;
        Ok(self.slots.iter().position(|t| *t == tag))
    }

    fn slot_of(&mut self, tag: TagId) -> usize {
        self.slots.iter().position(|t| *t == tag).unwrap_or_else(|| {
            self.slots.push(tag);
            self.slots.len() - 1
        })
    }

    /// Whether a name stands for something here by itself.
    pub(super) fn resolves(&self, name: &str) -> bool {
        self.params.contains_key(name)
            || self.defines.contains_key(name)
            || self.inventory.tag_named(self.machine, name).is_some()
    }

    fn unknown_tag(&self, machine: MachineId, name: &str, span: &Range<usize>) -> Mistake {
        let named = &self.inventory.machine(machine).name;
        let mistake = Mistake::new("R201", span.clone(), format!("unknown tag `{name}`"))
            .label(format!("{named} has no such tag"));
        let own = self.params.keys().chain(self.defines.keys()).map(String::as_str);
        let own = own.filter(|_| machine == self.machine);
        if let Some(here) = word_of_german(name) {
            return mistake.help(format!("write `{here}`"));
        }
        if let Some((far, tag)) = name.split_once('.')
            && self
                .inventory
                .machines_named(far)
                .iter()
                .any(|id| self.inventory.tag_named(*id, tag).is_some())
        {
            return mistake.help(format!("a machine stands in backticks: write `` `{far}`.{tag} ``"));
        }
        match did_you_mean(name, self.inventory.tag_names(machine).chain(own)) {
            Some(near) => mistake.help(format!("did you mean {}?", near_name(near))),
            None if is_address(name) => mistake.help(
                "this is an address of a PLC: write the name that the tag has in agent.toml, under [[source.tag]]",
            ),
            None => mistake.help("tags are declared in agent.toml under [[source.tag]]"),
        }
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
        }
    }

    fn named(&mut self, name: &str, span: &Range<usize>) -> Option<Typed> {
        if let Some(define) = self.defines.get(name) {
            // One with a mistake has said so itself; one that comes later says so in `announced`.
            let define = define.clone()?;
            self.written_out += define.ir.size();
            if self.written_out > SIZE_MAX {
                self.say(too_large(span));
                return None;
            }
            if self.in_window && !define.ir.is_plain() {
                let message = format!("`{name}` holds a function that has no place in a window");
                self.say(
                    Mistake::new("R206", span.clone(), message)
                        .label("windows, `prev`, `age`, `hour` and `weekday` stand outside of windows"),
                );
                return None;
            }
            return Some(Typed { span: span.clone(), ..define });
        }
        if let Some(param) = self.params.get(name) {
            return Some(Typed::param(param, span.clone()));
        }
        match self.slot(name, span) {
            Ok(slot) => Some(self.tag_typed(slot, span)),
            Err(mistake) => {
                self.say(mistake);
                None
            }
        }
    }

    fn far(&mut self, machine: &str, name: &str, span: &Range<usize>) -> Option<Typed> {
        match self.far_slot(machine, name, span) {
            Ok(slot) => Some(self.tag_typed(slot, span)),
            Err(mistake) => {
                self.say(mistake);
                None
            }
        }
    }

    fn far_slot(&mut self, machine: &str, name: &str, span: &Range<usize>) -> Result<usize, Mistake> {
        let Some((id, _)) = self.inventory.machines().find(|(_, m)| m.name == machine) else {
            let names: Vec<&str> = self.inventory.machines().map(|(_, m)| m.name.as_str()).collect();
            let at = span.start..span.start + machine.len() + 2;
            let mistake = Mistake::new("R201", at, format!("unknown machine `{machine}`"))
                .label("agent.toml has no such machine");
            return Err(match did_you_mean(machine, names.iter().copied()) {
                Some(near) => mistake.help(format!("did you mean `{near}`?")),
                None => mistake
                    .help(format!("machines in agent.toml: {}", names[..names.len().min(8)].join(", "))),
            });
        };
        match self.inventory.tag_named(id, name) {
            Some(tag) => Ok(self.slot_of(tag)),
            None => {
                let at = span.start + machine.len() + 3..span.end;
                Err(self.unknown_tag(id, name, &at))
            }
        }
    }

    fn tag_typed(&self, slot: usize, span: &Range<usize>) -> Typed {
        let tag = self.tag(slot);
        let unit = tag.unit.as_deref().map(Unit::read);
        let ir = if tag.kind == Type::Text { Ir::Else(vec![Ir::Slot(slot)]) } else { Ir::Slot(slot) };
        Typed {
            ir,
            kind: tag.kind,
            weight: unit.as_ref().and_then(Typed::weight_of),
            unit,
            names: tag.names.clone(),
            literal: false,
            tag: Some(tag.name.clone()),
            span: span.clone(),
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

/// A name that is suggested; an odd one with its backticks.
fn near_name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_.".contains(c))
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if plain { format!("`{name}`") } else { format!("`` `{name}` ``, with its backticks") }
}

fn word_of_german(name: &str) -> Option<&'static str> {
    const WORDS: [(&str, &str); 4] =
        [("wahr", "true"), ("falsch", "false"), ("ja", "true"), ("nein", "false")];
    WORDS.iter().find(|(word, _)| name.eq_ignore_ascii_case(word)).map(|(_, here)| *here)
}

/// `MW10`, `DB1.DBX0.0`, `I0.3`: what no plant calls a tag.
fn is_address(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let area = &name[..name.len() - rest.len()];
    let known = [
        "M", "MB", "MW", "MD", "I", "IB", "IW", "ID", "E", "EB", "EW", "ED", "Q", "QB", "QW", "QD", "A", "AB",
    ];
    let known = known.contains(&area) || ["AW", "AD", "DB", "T", "C", "Z"].contains(&area);
    known && rest.starts_with(|c: char| c.is_ascii_digit())
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

fn too_large(span: &Range<usize>) -> Mistake {
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
