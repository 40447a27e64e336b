//! Codes and bits, and the names that tables give them.
//!
//! Here: which code a name stands for beside a tag, comparisons of codes, `has`. Not here: the tables (`names`, and the
//! inventory).
//! Invariant: a code that its table does not list equals nothing, not even itself (§4).

use std::ops::Range;
use std::sync::Arc;

use crate::diagnose::did_you_mean;
use crate::inventory::Names;
use crate::value::{Type, Value};

use super::check::Binder;
use super::ir::Ir;
use super::typed::Typed;
use super::{Expr, Joint, Mistake, Node, Relation};

/// The bits of an Int.
const BITS: i64 = 64;
/// More names of a table are not shown in a message.
const SHOWN_MAX: usize = 20;

impl Binder<'_> {
    pub(super) fn is_code(&self, expr: &Expr) -> bool {
        matches!(&expr.node, Node::Name(name) if !self.resolves(name))
    }

    /// Types what stands beside `other`: a name is a code of its table first.
    pub(super) fn beside(&mut self, expr: &Expr, other: &Typed) -> Option<Typed> {
        let (Node::Name(name), Some(names)) = (&expr.node, &other.names) else { return self.typed(expr) };
        if let Some(code) = names.code(name) {
            let code = Typed::constant(Value::Int(code), expr.span.clone());
            return Some(Typed { kind: other.kind, names: Some(Arc::clone(names)), ..code });
        }
        if self.resolves(name) {
            return self.typed(expr);
        }
        self.say(unknown_code(name, names, &expr.span));
        None
    }

    /// A parameter holds a code's name as a text.
    pub(super) fn code_of_text(&mut self, text: Typed, other: &Typed) -> Option<Typed> {
        let (Ir::Const(Value::Text(name)), Some(names)) = (&text.ir, &other.names) else { return Some(text) };
        if text.literal {
            return Some(text);
        }
        match names.code(name) {
            Some(code) => {
                let ir = Ir::Const(Value::Int(code));
                Some(Typed { ir, kind: other.kind, names: Some(Arc::clone(names)), ..text })
            }
            None => {
                self.say(unknown_code(name, names, &text.span));
                None
            }
        }
    }

    /// Two values that are no numbers and whose types fit, compared.
    pub(super) fn codes_compared(&mut self, relation: Relation, a: Typed, b: Typed) -> Option<Ir> {
        let equal = Ir::Compare(relation, Box::new(a.ir.clone()), Box::new(b.ir.clone()));
        let Some(names) = a.names.as_ref().or(b.names.as_ref()).cloned() else { return Some(equal) };
        if a.kind != Type::Enum && b.kind != Type::Enum {
            return Some(equal);
        }
        for side in [&a, &b] {
            if let Ir::Const(Value::Int(code)) = side.ir {
                if names.name(code).is_none() {
                    self.say(unlisted_code(code, &names, &side.span));
                    return None;
                }
                // What is listed equals nothing that is not.
                return Some(equal);
            }
        }
        let listed =
            Ir::Among(Box::new(a.ir), names.entries.iter().map(|(_, code)| Value::Int(*code)).collect());
        let same = match relation {
            Relation::NotEqual => Ir::Not(Box::new(equal.clone())),
            _ => equal.clone(),
        };
        // The opposite where both are the same unlisted code; what is Unknown stays so.
        let opposed = Ir::Join(Joint::And, vec![same, Ir::Not(Box::new(listed))]);
        Some(Ir::Join(Joint::Xor, vec![equal, opposed]))
    }

    pub(super) fn has(&mut self, x: &Expr, bit: &Expr, span: &Range<usize>) -> Option<Typed> {
        let Some(word) = self.typed(x) else {
            self.alone(bit);
            return None;
        };
        if !matches!(word.kind, Type::Flags | Type::Int) || word.is_fixed() {
            let message = format!("`has` looks at a bit field, this is {}", word.kind);
            let mistake = Mistake::new("R204", word.span.clone(), message).label(format!(
                "{} is of type {}",
                word.shown(),
                word.kind
            ));
            self.say(match (word.kind, &word.tag, &bit.node) {
                (Type::Enum, Some(tag), Node::Name(name)) => mistake.help(format!("write `{tag} = {name}`")),
                _ => mistake.help("give the tag its names in agent.toml: flags = \"…\""),
            });
            return None;
        }
        let place = match (&bit.node, &word.names) {
            (Node::Name(name), Some(names)) => match names.code(name) {
                Some(place) => Some(place),
                None => {
                    self.say(unknown_code(name, names, &bit.span));
                    return None;
                }
            },
            _ => match self.typed(bit)?.ir {
                Ir::Const(Value::Int(place)) => Some(place),
                _ => None,
            },
        };
        match place.filter(|place| (0..BITS).contains(place)).and_then(|place| u8::try_from(place).ok()) {
            Some(place) => Some(Typed::condition(Ir::Has(Box::new(word.ir), place), span.clone())),
            None => {
                self.say(
                    Mistake::new("R206", bit.span.clone(), "the name or the place of a bit is expected")
                        .label("bits are counted from 0 to 63")
                        .help("write `has(tag, Name)` or `has(tag, 3)`"),
                );
                None
            }
        }
    }
}

pub(super) fn unknown_code(name: &str, names: &Names, span: &Range<usize>) -> Mistake {
    let mistake =
        Mistake::new("R215", span.clone(), format!("`{name}` is not a name of the table {}", names.table))
            .label("no such name");
    let known = || names.entries.iter().map(|(name, _)| name.as_str());
    match did_you_mean(name, known()) {
        Some(near) => mistake.help(format!("did you mean `{near}`?")),
        None => mistake.help(format!("names: {}", known().take(SHOWN_MAX).collect::<Vec<_>>().join(", "))),
    }
}

fn unlisted_code(code: i64, names: &Names, span: &Range<usize>) -> Mistake {
    let listed = names.entries.iter().take(SHOWN_MAX).map(|(name, code)| format!("{name} {code}"));
    Mistake::new("R215", span.clone(), format!("{code} is not a code of the table {}", names.table))
        .label("a code that is not listed equals nothing")
        .help(format!(
            "codes: {}; a table of your own stands in agent.toml under [enum.NAME]",
            listed.collect::<Vec<_>>().join(", ")
        ))
}
