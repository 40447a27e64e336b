//! Names: tags of the machine and of others, parameters, definitions.
//!
//! Here: what a name stands for, the slot of a tag, what is said of a name that stands for nothing. Not here: names of
//! codes and bits (`coded`).
//! Invariant: a name means one thing on one machine: a definition goes before a parameter, a parameter before a tag.

use std::ops::Range;

use crate::diagnose::did_you_mean;
use crate::inventory::{MachineId, TagId};
use crate::units::Unit;
use crate::value::Type;

use super::Mistake;
use super::check::{Binder, too_large};
use super::compile::SIZE_MAX;
use super::ir::Ir;
use super::typed::Typed;

impl Binder<'_> {
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
            || self.hidden.contains(name)
            || self.inventory.tag_named(self.machine, name).is_some()
    }

    fn unknown_tag(&self, machine: MachineId, name: &str, span: &Range<usize>) -> Mistake {
        let named = &self.inventory.machine(machine).name;
        let mistake = Mistake::new("R201", span.clone(), format!("unknown tag `{name}`"))
            .label(format!("{named} has no such tag"));
        let own = self.params.keys().chain(self.defines.keys()).map(String::as_str);
        let own = own.filter(|_| machine == self.machine);
        if let Some(help) = word_of_another_language(name) {
            return mistake.help(help);
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
        // `msg.payload.pressure`
        let last = name.rsplit('.').next().filter(|last| self.inventory.tag_named(machine, last).is_some());
        if let Some(last) = last {
            return mistake.help(format!("did you mean {}?", near_name(last)));
        }
        // `washer-1` is read as a subtraction.
        let minus = format!("{name}-");
        if let Some((_, far)) = self.inventory.machines().find(|(_, m)| m.name.starts_with(&minus)) {
            return mistake.help(format!(
                "a machine stands in backticks, then a point and its tag: `` `{}`.pressure ``",
                far.name
            ));
        }
        match did_you_mean(name, self.inventory.tag_names(machine).chain(own)) {
            Some(near) => mistake.help(format!("did you mean {}?", near_name(near))),
            None if is_address(name) => mistake.help(
                "this is an address of a PLC: write the name that the tag has in agent.toml, under [[source.tag]]",
            ),
            None => mistake.help("tags are declared in agent.toml under [[source.tag]]"),
        }
    }

    pub(super) fn named(&mut self, name: &str, span: &Range<usize>) -> Option<Typed> {
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
            Err(_) if self.hidden.contains(name) => None,
            Err(mistake) => {
                self.say(mistake);
                None
            }
        }
    }

    /// A name that stands for nothing, beside something of which nobody knows what it is: it may be that of a code. It
    /// is told if it is more like a tag than like a code; `surely_a_value`: also if it is like neither.
    pub(super) fn perhaps_mistyped(&mut self, name: &str, span: &Range<usize>, surely_a_value: bool) {
        let tags = || self.inventory.tag_names(self.machine);
        let own = self.params.keys().chain(self.defines.keys()).map(String::as_str);
        let tables = tags().filter_map(|tag| self.inventory.tag_named(self.machine, tag));
        let tables = tables.filter_map(|tag| self.inventory.tag(tag).names.as_ref());
        let codes: Vec<&str> =
            tables.flat_map(|names| names.entries.iter().map(|(name, _)| name.as_str())).collect();
        let told = match did_you_mean(name, codes.iter().copied().chain(tags()).chain(own)) {
            Some(near) => !codes.contains(&near),
            None => surely_a_value,
        };
        if told {
            let mistake = self.unknown_tag(self.machine, name, span);
            self.say(mistake);
        }
    }

    pub(super) fn far(&mut self, machine: &str, name: &str, span: &Range<usize>) -> Option<Typed> {
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
}

/// A name that is suggested; an odd one with its backticks.
fn near_name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_alphanumeric() || "_.".contains(c))
        && name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if plain { format!("`{name}`") } else { format!("`` `{name}` ``, with its backticks") }
}

fn word_of_another_language(name: &str) -> Option<&'static str> {
    const WORDS: [(&[&str], &str); 3] = [
        (&["wahr", "ja", "yes"], "write `true`"),
        (&["falsch", "nein", "no"], "write `false`"),
        (
            &["null", "none", "nil", "nan", "undefined"],
            "whether a value is known is asked with `good(tag)` or `not good(tag)`",
        ),
    ];
    let lower = name.to_lowercase();
    WORDS.iter().find(|(words, _)| words.contains(&lower.as_str())).map(|(_, help)| *help)
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
