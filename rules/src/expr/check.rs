//! From the tree to a program for one machine.
//!
//! Here: names, types and units. A literal may carry exactly the unit of the tag it is compared with;
//! conversion belongs here too and comes with the units of the whole language.
//! Not here: judging (`eval`).
//! Invariant: a checked program never meets two types that cannot be compared.

use crate::diagnose::did_you_mean;
use crate::inventory::{Inventory, MachineId, Tag, TagId};
use crate::value::{Type, Value};

use super::eval::{Operand, Program};
use super::{Expr, Mistake, Node, Number, Relation};

/// Binds expressions to one machine; the tags they read get slots, shared by all of them.
#[derive(Debug)]
pub struct Binder<'i> {
    inventory: &'i Inventory,
    machine: MachineId,
    slots: Vec<TagId>,
}

/// One side of a comparison, with what is known of it before any value is.
struct Side<'i> {
    operand: Operand,
    kind: Type,
    unit: Option<&'i str>,
    tag: Option<&'i Tag>,
}

impl<'i> Binder<'i> {
    /// Begins with no slots.
    #[must_use]
    pub fn new(inventory: &'i Inventory, machine: MachineId) -> Self {
        Self { inventory, machine, slots: Vec::new() }
    }

    /// The tags behind the slots, in order.
    #[must_use]
    pub fn into_slots(self) -> Vec<TagId> {
        self.slots
    }

    /// The slot of a tag, given to it if it had none.
    ///
    /// # Errors
    /// When the machine has no such tag.
    pub fn slot(&mut self, name: &str, span: &std::ops::Range<usize>) -> Result<usize, Mistake> {
        let Some(tag) = self.inventory.tag_named(self.machine, name) else {
            return Err(self.unknown_tag(name, span));
        };
        if let Some(slot) = self.slots.iter().position(|t| *t == tag) {
            return Ok(slot);
        }
        self.slots.push(tag);
        Ok(self.slots.len() - 1)
    }

    fn unknown_tag(&self, name: &str, span: &std::ops::Range<usize>) -> Mistake {
        let machine = &self.inventory.machine(self.machine).name;
        let mistake = Mistake::new("R201", span.clone(), format!("unknown tag `{name}`"))
            .label(format!("{machine} has no such tag"));
        match did_you_mean(name, self.inventory.tag_names(self.machine)) {
            Some(near) => mistake.help(format!("did you mean `{near}`?")),
            None => mistake.help("tags are declared in agent.toml under [[source.tag]]"),
        }
    }

    /// Checks a condition.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn condition(&mut self, expr: &Expr) -> Result<Program, Mistake> {
        match &expr.node {
            Node::Bool(b) => Ok(Program::Always(*b)),
            Node::Not(inner) => Ok(Program::Not(Box::new(self.condition(inner)?))),
            Node::Join(joint, a, b) => {
                let (a, b) = (self.condition(a)?, self.condition(b)?);
                Ok(Program::Join(*joint, Box::new(a), Box::new(b)))
            }
            Node::Compare(relation, a, b) => self.comparison(*relation, a, b, expr),
            Node::Tag(name) => self.flag(name, expr),
            Node::Number(..) | Node::Text(_) => {
                Err(Mistake::new("R202", expr.span.clone(), "a condition is expected")
                    .label("this is only a value"))
            }
        }
    }

    fn flag(&mut self, name: &str, expr: &Expr) -> Result<Program, Mistake> {
        let slot = self.slot(name, &expr.span)?;
        let kind = self.inventory.tag(self.slots[slot]).kind;
        if kind == Type::Bool {
            return Ok(Program::Flag(slot));
        }
        Err(Mistake::new("R202", expr.span.clone(), "a condition is expected")
            .label(format!("`{name}` is of type {kind}"))
            .help(format!("compare it, for example `{name} > 0`")))
    }

    fn comparison(
        &mut self,
        relation: Relation,
        a: &Expr,
        b: &Expr,
        whole: &Expr,
    ) -> Result<Program, Mistake> {
        let (left, right) = (self.side(a)?, self.side(b)?);
        if left.tag.is_none() && right.tag.is_none() {
            return Err(Mistake::new("R203", whole.span.clone(), "nothing here can change")
                .label("no tag is compared"));
        }
        types_fit(relation, &left, &right, whole)?;
        units_fit(&left, &right, a, b)?;
        Ok(Program::Compare(relation, left.operand, right.operand))
    }

    fn side<'e>(&mut self, expr: &'e Expr) -> Result<Side<'e>, Mistake>
    where
        'i: 'e,
    {
        let literal =
            |value, kind, unit| Ok(Side { operand: Operand::Literal(value), kind, unit, tag: None });
        match &expr.node {
            Node::Tag(name) => {
                let slot = self.slot(name, &expr.span)?;
                let tag = self.inventory.tag(self.slots[slot]);
                Ok(Side {
                    operand: Operand::Slot(slot),
                    kind: tag.kind,
                    unit: tag.unit.as_deref(),
                    tag: Some(tag),
                })
            }
            Node::Number(Number::Int(i), unit) => literal(Value::Int(*i), Type::Int, unit.as_deref()),
            Node::Number(Number::Float(f), unit) => literal(Value::Float(*f), Type::Float, unit.as_deref()),
            Node::Text(text) => literal(Value::Text(text.as_str().into()), Type::Text, None),
            Node::Bool(b) => literal(Value::Bool(*b), Type::Bool, None),
            Node::Compare(..) | Node::Join(..) | Node::Not(_) => {
                Err(Mistake::new("R202", expr.span.clone(), "a value is expected")
                    .label("this is a condition"))
            }
        }
    }
}

fn types_fit(relation: Relation, left: &Side<'_>, right: &Side<'_>, whole: &Expr) -> Result<(), Mistake> {
    let number = |s: &Side<'_>| matches!(s.kind, Type::Int | Type::Float);
    if number(left) && number(right) {
        return Ok(());
    }
    if left.kind != right.kind {
        let message = format!("{} cannot be compared with {}", left.kind, right.kind);
        let mistake = Mistake::new("R204", whole.span.clone(), message).label("different types");
        let flag = [left, right].into_iter().find(|s| s.kind == Type::Bool).and_then(|s| s.tag);
        return Err(match flag {
            Some(tag) => mistake.help(format!("`{0}` is a Bool: write `{0}` or `not {0}`", tag.name)),
            None => mistake,
        });
    }
    if matches!(relation, Relation::Equal | Relation::NotEqual) {
        return Ok(());
    }
    let message = format!("`{relation}` compares numbers, this is {}", left.kind);
    Err(Mistake::new("R204", whole.span.clone(), message).label("use `=` or `<>`"))
}

fn units_fit(left: &Side<'_>, right: &Side<'_>, a: &Expr, b: &Expr) -> Result<(), Mistake> {
    let (Some(left_unit), Some(right_unit)) = (left.unit, right.unit) else {
        // A literal may leave its unit out; that of a tag without one cannot be checked.
        let stray = [(left, right, a), (right, left, b)].into_iter().find(|(literal, other, _)| {
            literal.tag.is_none() && literal.unit.is_some() && other.unit.is_none()
        });
        return match stray {
            None => Ok(()),
            Some((literal, other, at)) => {
                let name = other.tag.map_or("", |t| t.name.as_str());
                let unit = literal.unit.unwrap_or_default();
                Err(Mistake::new("R205", at.span.clone(), format!("`{name}` has no unit"))
                    .label(format!("{unit} cannot be checked"))
                    .help(format!("give the tag its unit in agent.toml: unit = \"{unit}\"")))
            }
        };
    };
    if left_unit == right_unit {
        return Ok(());
    }
    let message = format!("{left_unit} is compared with {right_unit}");
    Err(Mistake::new("R205", b.span.clone(), message)
        .label(format!("{left_unit} is expected"))
        .help("this version does not convert units: write the literal in the unit of its tag"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::parse::parse;
    use crate::inventory::{Machine, Source};

    fn inventory() -> (Inventory, MachineId) {
        let mut inventory = Inventory::default();
        let machine = Machine {
            name: "washer-1".into(),
            id: "w1".into(),
            line: None,
            class: None,
            ..Machine::default()
        };
        let machine = inventory.add_machine(machine);
        let source =
            Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
        let source = inventory.add_source(source);
        for (name, kind, unit) in [
            ("water_temperature", Type::Float, Some("°C")),
            ("pressure", Type::Float, Some("bar")),
            ("state", Type::Int, None),
            ("pump", Type::Bool, None),
            ("recipe", Type::Text, None),
        ] {
            let unit = unit.map(str::to_owned);
            inventory
                .add_tag(Tag {
                    machine,
                    source,
                    name: name.into(),
                    kind,
                    unit,
                    range: None,
                    ..Tag::default()
                })
                .unwrap();
        }
        (inventory, machine)
    }

    fn check(text: &str) -> Result<usize, Mistake> {
        let (inventory, machine) = inventory();
        let mut binder = Binder::new(&inventory, machine);
        binder.condition(&parse(text).unwrap())?;
        Ok(binder.into_slots().len())
    }

    #[test]
    fn every_tag_gets_one_slot() {
        assert_eq!(check("water_temperature > 90 °C and pressure < 4 and water_temperature < 95"), Ok(2));
        assert_eq!(check("pump and recipe = 'Pils' and state <> 128 and true"), Ok(3));
    }

    #[test]
    fn an_unknown_tag_is_named_with_what_was_meant() {
        let mistake = check("water_temprature > 90").unwrap_err();
        assert_eq!((mistake.code, mistake.span), ("R201", 0..16));
        assert_eq!(mistake.help.unwrap(), "did you mean `water_temperature`?");
    }

    #[test]
    fn a_bool_compared_with_a_number_gets_a_hint() {
        assert_eq!(
            check("pump = 1").unwrap_err().help.unwrap(),
            "`pump` is a Bool: write `pump` or `not pump`"
        );
    }

    #[test]
    fn units_must_be_those_of_the_tag() {
        assert_eq!(check("water_temperature > 90 bar").unwrap_err().code, "R205");
        assert_eq!(check("water_temperature > pressure").unwrap_err().code, "R205");
        assert!(check("state > 3 bar").unwrap_err().help.unwrap().contains("unit = \"bar\""));
    }

    #[test]
    fn what_is_no_condition_is_refused() {
        for text in
            ["pressure", "3 > 2", "'x'", "recipe > 'a'", "recipe = 4", "(pump) > 1", "(pump and pump) = pump"]
        {
            assert!(check(text).is_err(), "{text}");
        }
    }
}
