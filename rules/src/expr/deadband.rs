//! A deadband: what makes a state harder to leave than to enter (§6).
//!
//! Here: the condition under which a state is kept, made of the one that enters it. Not here: which states a
//! deadband is for (`bind`).
//! Invariant: what is kept is kept for longer, never for shorter: limits move away from what was reached.

use crate::ruleset::{Window, WindowFunction};
use crate::value::Value;

use super::ir::{Ir, Reads};
use super::{Joint, Operator, Relation};

/// A deadband of one tag.
#[derive(Debug, Clone, Copy)]
pub struct Deadband<'a> {
    /// The slot of the tag.
    pub slot: usize,
    /// How far a limit moves, in the tag's unit.
    pub width: f64,
    /// The windows that the condition names.
    pub windows: &'a [Window],
    /// The arguments of these windows.
    pub arguments: &'a [Ir],
}

/// What has no limit that could move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Immovable {
    /// `=` or `<>`.
    Equality,
    /// `in [ … ]`.
    List,
    /// `xor`.
    Xor,
    /// A range below `not`, of which nothing would remain.
    TooWide,
}

impl Deadband<'_> {
    /// Whether a condition uses the tag at all.
    #[must_use]
    pub fn concerns(&self, ir: &Ir) -> bool {
        let mut reads = Reads::default();
        ir.reads(self.windows, &mut reads);
        reads.slots.contains(&self.slot)
    }

    /// The condition with its limits moved, and how many were.
    ///
    /// # Errors
    /// When the tag stands where nothing can move.
    pub fn kept(&self, ir: &Ir) -> Result<(Ir, usize), Immovable> {
        let mut moved = 0;
        let ir = self.shifted(ir, false, &mut moved)?;
        Ok((ir, moved))
    }

    /// The tag itself, or its mean or extreme over a window.
    fn is_tag(&self, ir: &Ir) -> bool {
        match ir {
            Ir::Slot(slot) => *slot == self.slot,
            Ir::Window(window) => {
                let smooth = |w: &Window| {
                    matches!(w.function, WindowFunction::Avg | WindowFunction::Min | WindowFunction::Max)
                };
                self.windows.get(*window).is_some_and(smooth)
                    && self.arguments.get(*window).is_some_and(|a| *a == Ir::Slot(self.slot))
            }
            _ => false,
        }
    }

    fn shifted(&self, ir: &Ir, below_not: bool, moved: &mut usize) -> Result<Ir, Immovable> {
        Ok(match ir {
            Ir::Not(a) => Ir::Not(Box::new(self.shifted(a, !below_not, moved)?)),
            Ir::Join(Joint::Xor, _) if self.holds_limit(ir) => return Err(Immovable::Xor),
            Ir::Join(joint, parts) => {
                let parts = parts.iter().map(|part| self.shifted(part, below_not, moved));
                Ir::Join(*joint, parts.collect::<Result<_, _>>()?)
            }
            Ir::Else(parts) => Ir::Else(
                parts.iter().map(|part| self.shifted(part, below_not, moved)).collect::<Result<_, _>>()?,
            ),
            Ir::Among(a, _) if self.is_tag(a) => return Err(Immovable::List),
            Ir::Compare(relation, a, b) => return self.comparison(*relation, a, b, below_not, moved),
            Ir::Between(x, low, high) if self.is_tag(x) && tagless(low) && tagless(high) => {
                *moved += 1;
                let by = if below_not { -self.width } else { self.width };
                let (low, high) = (plus(low, -by), plus(high, by));
                if let (Some(low), Some(high)) = (low.number(), high.number())
                    && low > high
                {
                    return Err(Immovable::TooWide);
                }
                Ir::Between(x.clone(), Box::new(low), Box::new(high))
            }
            other => other.clone(),
        })
    }

    fn comparison(
        &self,
        relation: Relation,
        a: &Ir,
        b: &Ir,
        below_not: bool,
        moved: &mut usize,
    ) -> Result<Ir, Immovable> {
        let same = || Ir::Compare(relation, Box::new(a.clone()), Box::new(b.clone()));
        let (limit_right, limit_left) = (self.is_tag(a) && tagless(b), self.is_tag(b) && tagless(a));
        if !limit_right && !limit_left {
            let equality = relation.is_equality() && (self.is_tag(a) || self.is_tag(b));
            return if equality { Err(Immovable::Equality) } else { Ok(same()) };
        }
        // A limit that the tag lies above moves down.
        let above = match if limit_right { relation } else { relation.mirrored() } {
            Relation::Greater | Relation::AtLeast => true,
            Relation::Less | Relation::AtMost => false,
            Relation::Equal | Relation::NotEqual => return Err(Immovable::Equality),
        };
        let by = if above == below_not { self.width } else { -self.width };
        *moved += 1;
        let (a, b) = if limit_right { (a.clone(), plus(b, by)) } else { (plus(a, by), b.clone()) };
        Ok(Ir::Compare(relation, Box::new(a), Box::new(b)))
    }

    /// Whether a limit of the tag stands anywhere in it.
    fn holds_limit(&self, ir: &Ir) -> bool {
        self.is_tag(ir) || ir.parts().iter().any(|part| self.holds_limit(part))
    }
}

/// Whether it reads no tag.
fn tagless(ir: &Ir) -> bool {
    let mut reads = Reads::default();
    ir.reads(&[], &mut reads);
    reads.slots.is_empty() && reads.windows.is_empty()
}

fn plus(limit: &Ir, by: f64) -> Ir {
    match limit.number() {
        // An integer stays one where it can, so that it is compared exactly.
        Some(number) if matches!(limit, Ir::Const(_)) => match limit {
            Ir::Const(Value::Int(i)) if by.fract() == 0.0 && by.abs() < 1e15 => {
                Ir::Const(i.checked_add(by as i64).map_or(Value::Float(number + by), Value::Int))
            }
            _ => Ir::Const(Value::Float(number + by)),
        },
        _ => Ir::Calc(Box::new(limit.clone()), vec![(Operator::Add, Ir::Const(Value::Float(by)))]),
    }
}
