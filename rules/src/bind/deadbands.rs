//! Deadbands of a group, applied to its states.
//!
//! Here: whose limits they move, and what is said where they move none. Not here: moving a limit (`expr::deadband`).
//! Invariant: a deadband that is accepted makes a state harder to leave, and reads no tag that its states do not read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Binding, Typed};
use crate::document::Placed;
use crate::expr::Mistake;
use crate::expr::deadband::{Deadband, Immovable};
use crate::expr::ir::Ir;
use crate::file::{Group, State};
use crate::units::Unit;
use crate::value::{Constant, Value};

/// What became of the deadbands of a rule; one that the rule gives is for all its groups, and one of them is enough.
#[derive(Debug, Default)]
pub(super) struct Deadbands {
    /// Those that a state is concerned by, by their places.
    used: BTreeSet<usize>,
    /// The tags of those by which no state of a group is concerned, by their places.
    idle: BTreeMap<usize, (String, Placed<Constant>)>,
    /// A state is missing because of a mistake: nobody knows what it reads.
    in_the_dark: bool,
}

impl Deadbands {
    fn idle(&mut self, tag: &str, width: &Placed<Constant>, whole: bool) {
        self.in_the_dark |= !whole;
        self.idle.insert(width.span.start, (tag.to_owned(), width.clone()));
    }
}

impl Binding<'_, '_> {
    /// Says which deadbands no state is concerned by: whoever wrote them believes that they do something.
    pub(super) fn idle_deadbands(&mut self) {
        let Deadbands { used, idle, in_the_dark } = std::mem::take(&mut self.deadbands);
        let in_the_dark = in_the_dark || self.rule.hidden.is_some();
        for (at, (tag, width)) in idle {
            if in_the_dark || used.contains(&at) {
                continue;
            }
            let message = format!("no state reads `{tag}`, so its deadband does nothing");
            let place = (self.rule.file, width.span);
            self.report
                .error("R213", place, message, "the deadband of a tag that no condition compares")
                .help = Some(
                "give it to a tag that a `when` of this group compares with a limit, or leave it out".into(),
            );
        }
    }

    /// Makes the default clear of the states harder that use a tag with a deadband.
    /// `whole`: none of its states is missing because of a mistake.
    pub(super) fn deadbands(&mut self, group: &Group, typed: &mut [Typed<'_>], whole: bool) {
        let arguments: Vec<Ir> = self.binder.windows.iter().map(|(argument, _)| argument.clone()).collect();
        let windows = self.binder.windows();
        let mut kept: Vec<Ir> = typed.iter().map(|t| t.when.clone()).collect();
        let mut harder = vec![false; typed.len()];
        for (tag, width) in &group.deadband {
            let Some(slot) = self.deadband_slot(tag, width, whole) else { continue };
            let Some(width_in_unit) = self.deadband_width(tag, width, slot) else { continue };
            let deadband = Deadband { slot, width: width_in_unit, windows: &windows, arguments: &arguments };
            if !typed.iter().any(|t| deadband.concerns(&t.when)) {
                self.deadbands.idle(tag, width, whole);
                continue;
            }
            self.deadbands.used.insert(width.span.start);
            let mut moved_at_all = 0;
            for (i, one) in typed.iter().enumerate().filter(|(_, t)| deadband.concerns(&t.when)) {
                if one.state.clear.is_some() {
                    self.deadband_beside_clear(tag, width, one.state);
                    moved_at_all += 1;
                    continue;
                }
                match deadband.kept(&kept[i]) {
                    Ok((ir, moved)) => {
                        harder[i] |= moved > 0;
                        moved_at_all += moved;
                        kept[i] = ir;
                    }
                    Err(immovable) => {
                        self.immovable(tag, width, one.state, immovable);
                        moved_at_all += 1;
                    }
                }
            }
            if moved_at_all == 0 {
                let message = format!("the deadband of `{tag}` changes nothing");
                let mistake = Mistake::warning("R213", 0..0, message);
                self.show_at(&width.span, mistake.label("no state of the group compares it with a limit"));
            }
        }
        for ((one, ir), _) in typed.iter_mut().zip(kept).zip(harder).filter(|(_, harder)| *harder) {
            one.clear = Some(Ir::Not(Box::new(ir)));
        }
    }

    /// The slot of a deadband's tag; none: there is no such tag, or nothing reads it so far.
    fn deadband_slot(&mut self, tag: &str, width: &Placed<Constant>, whole: bool) -> Option<usize> {
        match self.binder.known_slot(tag, &(0..0)) {
            Ok(Some(slot)) => return Some(slot),
            Ok(None) => self.deadbands.idle(tag, width, whole),
            Err(m) => {
                let place = (self.rule.file, width.span.clone());
                self.report.error(m.code, place, m.message, m.label).help = m.help;
            }
        }
        None
    }

    /// The width of a deadband in the tag's unit.
    fn deadband_width(&mut self, tag: &str, width: &Placed<Constant>, slot: usize) -> Option<f64> {
        let place = (self.rule.file, width.span.clone());
        let number = match &width.value.value {
            Value::Int(i) => *i as f64,
            Value::Float(f) => *f,
            Value::Bool(_) | Value::Text(_) => -1.0,
        };
        if number <= 0.0 || !number.is_finite() {
            let message = format!("the deadband of `{tag}` must be a number above zero");
            self.report.error("R213", place, message, "not above zero").help =
                Some(format!("write {tag} = \"0.5 K\", or a number in the unit of the tag"));
            return None;
        }
        let (of_tag, given) = (self.binder.tag(slot).unit.as_deref(), width.value.unit.as_deref());
        match (of_tag.map(Unit::read), given.map(Unit::read)) {
            (_, None) => Some(number),
            (Some(of_tag), Some(given)) if of_tag.fits(&given) => {
                Some(given.scale_to(&of_tag, 0.0).apply(number))
            }
            (of_tag, Some(given)) => {
                let message = match &of_tag {
                    Some(of_tag) => format!("the deadband of `{tag}` is in {given}, the tag in {of_tag}"),
                    None => format!("`{tag}` has no unit, its deadband is in {given}"),
                };
                let near = of_tag.as_ref().map(Unit::difference).map(|unit| unit.to_string());
                self.report.error("R205", place, message, "another unit is expected").help =
                    Some(near.map_or_else(
                        || {
                            format!(
                                "write the number alone, or give the tag unit = \"{given}\" in agent.toml"
                            )
                        },
                        |unit| format!("write {tag} = \"{number} {unit}\""),
                    ));
                None
            }
        }
    }

    fn deadband_beside_clear(&mut self, tag: &str, width: &Placed<Constant>, state: &State) {
        let message = format!("state `{}` has both a `clear` and a deadband of `{tag}`", state.named.name);
        self.report
            .error("R213", (self.rule.file, width.span.clone()), message, "one of them is too much")
            .help = Some("leave the deadband out, or the `clear`: a deadband makes one by itself".into());
    }

    fn immovable(&mut self, tag: &str, width: &Placed<Constant>, state: &State, immovable: Immovable) {
        let name = &state.named.name;
        let (message, help) = match immovable {
            Immovable::TooWide => (
                format!("the deadband of `{tag}` is so wide that `{name}` would never be left"),
                "make it less than half of the range",
            ),
            Immovable::Equality | Immovable::List | Immovable::Xor => {
                let what = match immovable {
                    Immovable::Equality => "`=` or `<>`",
                    Immovable::List => "a list",
                    _ => "`xor`",
                };
                (
                    format!(
                        "the deadband of `{tag}` has no limit to move: state `{name}` uses it with {what}"
                    ),
                    "a deadband moves the limits of `<`, `<=`, `>`, `>=` and `in a .. b`; give the state a `clear`",
                )
            }
        };
        self.report.error("R213", (self.rule.file, width.span.clone()), message, "cannot be applied").help =
            Some(help.into());
    }
}
