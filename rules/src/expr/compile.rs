//! From the typed tree to a program.
//!
//! Here: the order of operations, short circuits, shapes that have an operation of their own, constants that are
//! calculated once. Not here: judging (`eval`).
//! Invariant: a program leaves exactly one cell on the stack, and never needs more than it says.

use std::sync::Arc;

use crate::value::{Held, Unknown, Value};

use super::cell::Cell;
use super::eval::{Program, Seen};
use super::ir::Ir;
use super::op::{Op, Run, TextSource};
use super::{DEPTH_MAX, Joint, Relation};

/// Deepest typed tree: every level of brackets may hold a sum of a product in a comparison under a `not`.
pub(super) const TREE_MAX: usize = 2 * DEPTH_MAX;
/// Cells that the deepest tree can need: a range holds two values while its third is judged.
pub(super) const STACK_MAX: usize = 2 * TREE_MAX + 3;
/// Most nodes of a typed tree, its definitions written out: runs of constants count in 16 bits.
pub(super) const SIZE_MAX: usize = 16_384;

#[derive(Default)]
struct Compiler {
    code: Vec<Op>,
    cells: Vec<Cell>,
    scales: Vec<crate::units::Scale>,
    texts: Vec<TextSource>,
    height: usize,
    depth: usize,
}

impl Program {
    /// Compiles a typed tree.
    #[must_use]
    pub(super) fn of(ir: &Ir) -> Self {
        let mut c = Compiler::default();
        let is_text = is_text(ir);
        if is_text {
            c.text(ir);
        } else {
            c.any(ir);
        }
        Self {
            code: c.code.into(),
            cells: c.cells.into(),
            scales: c.scales.into(),
            texts: c.texts.into(),
            is_text,
            depth: u16::try_from(c.depth).unwrap_or(u16::MAX),
        }
    }
}

/// Calculates what never changes.
pub(super) fn folded(ir: Ir) -> Result<Ir, Unknown> {
    if matches!(ir, Ir::Const(_)) || !ir.is_fixed() {
        return Ok(ir);
    }
    Program::of(&ir).value(&NoValues).map(Ir::Const)
}

/// Whether it gives a text. Slots are texts only where texts are compared, which `typed` marks by [`Ir::Else`].
fn is_text(ir: &Ir) -> bool {
    matches!(ir, Ir::Else(parts) if parts.len() == 1) || matches!(ir, Ir::Const(Value::Text(_)))
}

impl Compiler {
    fn push(&mut self, op: Op) {
        self.code.push(op);
        self.height += 1;
        self.depth = self.depth.max(self.height);
    }

    fn take(&mut self, op: Op, taken: usize) {
        self.code.push(op);
        self.height -= taken;
    }

    fn any(&mut self, ir: &Ir) {
        match ir {
            Ir::Const(value) => self.constant(value),
            Ir::Slot(slot) => self.push(Op::Slot(place(*slot))),
            Ir::Previous(slot) => self.push(Op::Previous(place(*slot))),
            Ir::Age(slot) => self.push(Op::Age(place(*slot))),
            Ir::Hour => self.push(Op::Hour),
            Ir::Weekday => self.push(Op::Weekday),
            Ir::Window(window) => self.push(Op::Window(place(*window))),
            Ir::Convert(a, scale) => {
                self.any(a);
                self.scales.push(*scale);
                self.take(Op::Convert(place(self.scales.len() - 1)), 0);
            }
            Ir::Negate(a) => self.one(a, Op::Negate),
            Ir::Abs(a) => self.one(a, Op::Abs),
            Ir::Round(a, digits) => self.one(a, Op::Round(*digits)),
            Ir::Not(a) => self.one(a, Op::Not),
            Ir::Has(a, bit) => self.one(a, Op::Has(*bit)),
            Ir::Good(a) => self.good(a),
            Ir::Calc(first, rest) => {
                self.any(first);
                for (operator, part) in rest {
                    self.any(part);
                    self.take(Op::Calc(*operator), 1);
                }
            }
            Ir::Compare(relation, a, b) => self.compare(*relation, a, b),
            Ir::Among(a, list) => self.among(a, list),
            Ir::Between(a, low, high) => {
                [a, low, high].into_iter().for_each(|part| self.any(part));
                self.take(Op::Between, 2);
            }
            Ir::Join(joint, parts) => self.join(*joint, parts),
            Ir::Else(parts) => self.first_known(parts),
        }
    }

    fn one(&mut self, a: &Ir, op: Op) {
        self.any(a);
        self.take(op, 0);
    }

    fn constant(&mut self, value: &Value) {
        let cell = cell_of(value);
        let known = self.cells.iter().position(|c| *c == cell);
        let at = known.unwrap_or_else(|| {
            self.cells.push(cell);
            self.cells.len() - 1
        });
        self.push(Op::Const(place(at)));
    }

    fn good(&mut self, a: &Ir) {
        match a {
            Ir::Slot(slot) => self.push(Op::GoodSlot(place(*slot))),
            Ir::Else(parts) if parts.len() == 1 => {
                let mut slots = parts[0].parts();
                if slots.is_empty() {
                    slots.push(&parts[0]);
                }
                // A constant among them makes it good for ever; `typed` has said so by then.
                for (i, part) in slots.iter().enumerate() {
                    match part {
                        Ir::Slot(slot) => self.push(Op::GoodSlot(place(*slot))),
                        _ => self.constant(&Value::Bool(true)),
                    }
                    if i > 0 {
                        self.take(Op::Join(Joint::Or), 1);
                    }
                }
            }
            a => self.one(a, Op::Good),
        }
    }

    fn compare(&mut self, relation: Relation, a: &Ir, b: &Ir) {
        if is_text(a) || is_text(b) {
            let (a, b) = (self.text(a), self.text(b));
            return self.push(Op::Texts(relation == Relation::Equal, a, b));
        }
        match (a, b) {
            (Ir::Slot(slot), Ir::Const(limit)) if self.slot_limit(relation, *slot, limit) => {}
            (Ir::Const(limit), Ir::Slot(slot)) if self.slot_limit(relation.mirrored(), *slot, limit) => {}
            _ => {
                self.any(a);
                self.any(b);
                self.take(Op::Compare(relation), 1);
            }
        }
    }

    fn slot_limit(&mut self, relation: Relation, slot: usize, limit: &Value) -> bool {
        let op = match limit {
            Value::Float(f) => Op::SlotFloat(relation, place(slot), *f),
            Value::Int(i) => Op::SlotInt(relation, place(slot), *i),
            Value::Bool(_) | Value::Text(_) => return false,
        };
        self.push(op);
        true
    }

    fn among(&mut self, a: &Ir, list: &[Value]) {
        self.any(a);
        let start = small(self.cells.len());
        self.cells.extend(list.iter().map(cell_of));
        self.take(Op::Among(Run { start, length: small(list.len()) }), 0);
    }

    fn join(&mut self, joint: Joint, parts: &[Ir]) {
        let mut skips = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            if i > 0 && joint != Joint::Xor {
                skips.push(self.code.len());
                self.code.push(Op::Not);
            }
            self.any(part);
            if i > 0 {
                self.take(Op::Join(joint), 1);
            }
        }
        let end = place(self.code.len());
        for skip in skips {
            self.code[skip] = if joint == Joint::And { Op::SkipIfFalse(end) } else { Op::SkipIfTrue(end) };
        }
    }

    fn first_known(&mut self, parts: &[Ir]) {
        let mut skips = Vec::new();
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                skips.push(self.code.len());
                self.take(Op::Not, 1);
            }
            self.any(part);
        }
        let end = place(self.code.len());
        skips.into_iter().for_each(|skip| self.code[skip] = Op::SkipIfKnown(end));
    }

    /// The sources of a text: what stands in an [`Ir::Else`] of one, a list of them in one of several.
    fn text(&mut self, ir: &Ir) -> Run {
        let start = small(self.texts.len());
        self.text_sources(ir);
        Run { start, length: small(self.texts.len()) - start }
    }

    fn text_sources(&mut self, ir: &Ir) {
        match ir {
            Ir::Const(Value::Text(text)) => self.texts.push(TextSource::Const(Arc::clone(text))),
            Ir::Slot(slot) => self.texts.push(TextSource::Slot(place(*slot))),
            Ir::Previous(slot) => self.texts.push(TextSource::Previous(place(*slot))),
            other => other.parts().into_iter().for_each(|part| self.text_sources(part)),
        }
    }
}

fn cell_of(value: &Value) -> Cell {
    match value {
        Value::Bool(b) => Cell::Bool(*b),
        Value::Int(i) => Cell::Int(*i),
        Value::Float(f) => Cell::Float(*f),
        Value::Text(_) => Cell::Unknown(Unknown::WrongType),
    }
}

/// Far below 2^32: the size of a tree and the slots of a plan are bounded.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Below 2^16, as [`SIZE_MAX`] is.
fn small(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

/// What a calculation sees that reads nothing.
struct NoValues;

impl Seen for NoValues {
    fn held(&self, _: usize) -> &Held {
        &Err(Unknown::NeverSeen)
    }
    fn window(&self, _: usize) -> Held {
        Err(Unknown::NeverSeen)
    }
    fn previous(&self, _: usize) -> Held {
        Err(Unknown::NeverSeen)
    }
    fn sampled_at(&self, _: usize) -> Option<i64> {
        None
    }
    fn now(&self) -> i64 {
        0
    }
    fn hour(&self) -> i64 {
        0
    }
    fn weekday(&self) -> i64 {
        1
    }
}
