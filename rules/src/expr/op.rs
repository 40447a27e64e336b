//! The operations that programs are made of.
//!
//! Here: what there is. Not here: what each does (`eval`, `cell`).
//! Invariant: an operation is small and copied: a program is one row of them, without pointers in between.

use std::sync::Arc;

use super::{Joint, Operator, Relation};

/// Where a text comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TextSource {
    Slot(u32),
    Previous(u32),
    Const(Arc<str>),
}

/// A run of entries in one of a program's tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) start: u16,
    pub(super) length: u16,
}

/// One operation; what it needs it takes from the stack, what it gives it leaves there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Op {
    /// A Bool slot, or any other.
    Slot(u32),
    /// A slot compared with a number.
    SlotFloat(Relation, u32, f64),
    /// A slot compared with an integer.
    SlotInt(Relation, u32, i64),
    /// A constant, by its place.
    Const(u32),
    Previous(u32),
    Age(u32),
    Hour,
    Weekday,
    Window(u32),
    /// Whether the slot's value is known, whatever its type.
    GoodSlot(u32),
    /// The first known of some texts compared with that of others: equal or not.
    Texts(bool, Run, Run),
    Compare(Relation),
    /// The third between the second and the first.
    Between,
    /// One of some constants.
    Among(Run),
    Has(u8),
    Calc(Operator),
    Negate,
    Abs,
    Round(u8),
    Convert(u32),
    Not,
    Good,
    Join(Joint),
    /// Goes on at that place if the uppermost is false (and leaves it there).
    SkipIfFalse(u32),
    SkipIfTrue(u32),
    /// Goes on at that place if the uppermost is known; else drops it.
    SkipIfKnown(u32),
}

impl Op {
    /// Whether it takes nothing from the stack.
    #[inline]
    pub(super) fn is_source(self) -> bool {
        matches!(self, Op::Slot(_) | Op::SlotFloat(..) | Op::SlotInt(..) | Op::Window(_) | Op::GoodSlot(_))
    }
}
