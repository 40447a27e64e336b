//! Two numbers in one unit.
//!
//! Here: which of two goes over to the unit of the other, and what is said where neither can. Not here: types (`typed`),
//! sums and products (`sum`), the units themselves (`units`).
//! Invariant: two numbers meet only in the same unit; a temperature never meets a difference of temperatures.

use crate::ruleset::WindowFunction;
use crate::units::{self, Measure, Unit};
use crate::value::Type;

use super::Mistake;
use super::check::Binder;
use super::ir::Ir;
use super::typed::Typed;

impl Binder<'_> {
    /// Brings two numbers to one unit: a constant goes over to the other's.
    pub(super) fn unified(&mut self, a: Typed, b: Typed) -> Option<(Typed, Typed)> {
        if a.is_fixed() && !b.is_fixed() {
            let (b, a) = self.unified_to(b, a)?;
            return Some((a, b));
        }
        self.unified_to(a, b)
    }

    /// Brings the second number to the unit of the first.
    pub(super) fn unified_to(&mut self, a: Typed, b: Typed) -> Option<(Typed, Typed)> {
        let (Some(left), Some(right)) = (&a.unit, &b.unit) else {
            return (self.without_unit(&a, &b) && self.share_fits(&a, &b)).then_some((a, b));
        };
        if !left.fits(right) {
            let mistake = unfit(left, right, &b, false);
            self.say(mistake);
            return None;
        }
        if let (Some(x), Some(y)) = (a.weight, b.weight)
            && x != y
        {
            self.say(
                Mistake::new(
                    "R205",
                    b.span.clone(),
                    "a temperature is compared with a difference of temperatures",
                )
                .label(if y == 0.0 {
                    "this is a difference"
                } else if y == 1.0 {
                    "this is a temperature"
                } else {
                    "this is a sum of temperatures"
                })
                .help(
                    match b.ir.number().filter(|_| b.literal && x == 0.0 && right.text.ends_with('C')) {
                        Some(number) => format!("a difference is written in K: `{number} K`"),
                        None => "a difference is written in K: `limit + 6 K`, `delta(t, 1 h) > 5 K`".into(),
                    },
                ),
            );
            return None;
        }
        self.unlisted(&a, &b);
        let weight = a.weight.or(b.weight).unwrap_or(0.0);
        let unit = left.clone();
        let b = b.converted(&unit, weight);
        Some((a, b))
    }

    /// Whether a number without a unit may stand beside the other: a literal is meant in the other's.
    fn without_unit(&mut self, a: &Typed, b: &Typed) -> bool {
        let stray = [(a, b), (b, a)].into_iter().find(|(with, without)| {
            with.is_fixed() && with.unit.is_some() && without.unit.is_none() && !without.is_fixed()
        });
        let Some((with, without)) = stray else { return true };
        let unit = with.unit.as_ref().map(ToString::to_string).unwrap_or_default();
        if with.unit.as_ref().is_some_and(Unit::is_pure) && without.tag.is_none() {
            return unit == "1" || self.no_percentage(with);
        }
        let message = format!("{} has no unit", without.shown());
        let mistake =
            Mistake::new("R205", with.span.clone(), message).label(format!("{unit} cannot be checked"));
        self.say(match &without.tag {
            Some(_) => mistake.help(format!("give the tag its unit in agent.toml: unit = \"{unit}\"")),
            None => mistake
                .help("leave the unit out, or give the tags of this calculation their units in agent.toml"),
        });
        false
    }

    fn no_percentage(&mut self, with: &Typed) -> bool {
        self.say(
            Mistake::new("R205", with.span.clone(), "whether this calculation is a share cannot be known")
                .label("a percentage is compared with a quotient of two tags")
                .help("write `a / b > 2 %`, without `* 100`; or leave the unit out: 0.02 for 2 %"),
        );
        false
    }

    /// A share is at most 1: whoever compares it with 50 means 50 %.
    fn share_fits(&mut self, a: &Typed, b: &Typed) -> bool {
        for (share, limit) in [(a, b), (b, a)] {
            let Some(number) = limit.ir.number().filter(|n| *n > 1.0 && limit.unit.is_none()) else {
                continue;
            };
            if self.is_share(&share.ir) {
                self.say(
                    Mistake::new("R205", limit.span.clone(), "a share of time lies between 0 and 1")
                        .label("it is never so much")
                        .help(format!("write `{number} %`")),
                );
                return false;
            }
        }
        true
    }

    /// Whether it is the share of time for which a condition was true.
    fn is_share(&self, ir: &Ir) -> bool {
        let Ir::Window(window) = ir else { return false };
        let Some((argument, window)) = self.windows.get(*window) else { return false };
        let is_condition = match argument {
            Ir::Slot(slot) => self.tag(*slot).kind == Type::Bool,
            Ir::Compare(..) | Ir::Among(..) | Ir::Between(..) | Ir::Join(..) | Ir::Not(_) => true,
            Ir::Has(..) | Ir::Good(_) => true,
            _ => false,
        };
        is_condition && window.function == WindowFunction::Avg
    }

    /// Units that are not listed are compared by their text, which deserves a word.
    pub(super) fn unlisted(&mut self, a: &Typed, b: &Typed) {
        for side in [a, b] {
            let Some(unit) = side.unit.as_ref().filter(|u| u.measure == Measure::Unlisted && side.literal)
            else {
                continue;
            };
            let message = format!("`{unit}` is not a listed unit");
            self.say(
                Mistake::warning("R214", side.span.clone(), message)
                    .label("it is compared by its text only, and never converted"),
            );
        }
    }
}

pub(super) fn unfit(left: &Unit, right: &Unit, at: &Typed, is_sum: bool) -> Mistake {
    let (wanted, given) = (named(left), named(right));
    let message = if is_sum {
        format!("{given} is added to {wanted}")
    } else {
        format!("{wanted} is compared with {given}")
    };
    let mistake = Mistake::new("R205", at.span.clone(), message).label(format!("{wanted} is expected"));
    if left.is_time() && right.is_length() {
        return mistake.help("`m` are metres: for minutes write `min`");
    }
    if let Some((above, from_nothing)) = air(left, right) {
        return mistake.help(format!(
            "`{above}` is counted from the pressure of the air, `{from_nothing}` from nothing: if the tag is measured so, write unit = \"{right}\" in agent.toml"
        ));
    }
    if let Some(near) = units::meant_beside(&right.text, left) {
        return mistake.help(format!("did you mean `{near}`?"));
    }
    if let (Measure::Unlisted, Some(meant)) = (&right.measure, units::meant(&right.text)) {
        return mistake.help(format!("`{right}` is written `{meant}`, which does not convert into {wanted}"));
    }
    if right.measure == Measure::Unlisted {
        return mistake
            .help(format!("`{right}` is not a listed unit: it equals only what is written the same"));
    }
    mistake.help(if left.is_pure() {
        "what this is divided by has the same unit: leave the unit out, or compare with a percentage".into()
    } else {
        format!("{given} does not convert into {wanted}")
    })
}

/// Two units of pressure of which one is counted from the pressure of the air: that one, and the other.
fn air<'u>(left: &'u Unit, right: &'u Unit) -> Option<(&'u Unit, &'u Unit)> {
    let (gauge, absolute) = (Unit::read("barg"), Unit::read("bar"));
    if left.fits(&absolute) && right.fits(&gauge) {
        return Some((right, left));
    }
    (left.fits(&gauge) && right.fits(&absolute)).then_some((left, right))
}

/// A unit as messages call it.
fn named(unit: &Unit) -> String {
    if unit.text == "1" { "a pure number".into() } else { unit.to_string() }
}
