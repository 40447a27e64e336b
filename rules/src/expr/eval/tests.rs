//! Programs, judged on values that are given.

use super::super::ir::Ir;
use super::*;
use crate::expr::Operator;

/// Slots alone.
struct Values<'v>(&'v [Held]);

impl Seen for Values<'_> {
    fn held(&self, slot: usize) -> &Held {
        &self.0[slot]
    }
    fn window(&self, _: usize) -> Held {
        Ok(Value::Float(4.5))
    }
    fn previous(&self, _: usize) -> Held {
        Ok(Value::Int(7))
    }
    fn sampled_at(&self, slot: usize) -> Option<i64> {
        (slot == 0).then_some(1_000)
    }
    fn now(&self) -> i64 {
        4_000
    }
    fn hour(&self) -> i64 {
        6
    }
    fn weekday(&self) -> i64 {
        7
    }
}

const ALL: [Truth; 3] = [Truth::True, Truth::False, Truth::Unknown];

fn held(truth: Truth) -> Held {
    match truth {
        Truth::True => Ok(Value::Bool(true)),
        Truth::False => Ok(Value::Bool(false)),
        Truth::Unknown | Truth::Filling => Err(Unknown::Stale),
    }
}

fn judge(ir: &Ir, held: &[Held]) -> Truth {
    Program::of(ir).judge(&Values(held))
}

fn join(joint: Joint, truths: &[Truth]) -> Truth {
    let parts = (0..truths.len()).map(Ir::Slot).collect();
    judge(&Ir::Join(joint, parts), &truths.iter().map(|t| held(*t)).collect::<Vec<_>>())
}

#[test]
fn unknown_decides_only_where_it_could_change_the_result() {
    use Truth::{False, True, Unknown};
    for a in ALL {
        assert_eq!(join(Joint::And, &[a, False]), False);
        assert_eq!(join(Joint::And, &[False, a]), False);
        assert_eq!(join(Joint::Or, &[a, True]), True);
        assert_eq!(join(Joint::Or, &[True, a]), True);
        assert_eq!(join(Joint::Xor, &[a, Unknown]), Unknown);
        assert_eq!(join(Joint::And, &[Unknown, a, False]), False);
        assert_eq!(join(Joint::Or, &[Unknown, a, True]), True);
    }
    assert_eq!(join(Joint::And, &[True, Unknown]), Unknown);
    assert_eq!(join(Joint::Or, &[Unknown, False]), Unknown);
    assert_eq!(join(Joint::Xor, &[True, False]), True);
    assert_eq!(join(Joint::Xor, &[True, True, True]), True);
    assert_eq!(join(Joint::And, &[True, True]), True);
    assert_eq!(join(Joint::Or, &[False, False]), False);
}

fn constant(value: Value) -> Box<Ir> {
    Box::new(Ir::Const(value))
}

fn holds(relation: Relation, a: Value, b: Value) -> Truth {
    let here = judge(&Ir::Compare(relation, Box::new(Ir::Slot(0)), constant(b.clone())), &[Ok(a.clone())]);
    let there = judge(&Ir::Compare(relation.mirrored(), constant(b), Box::new(Ir::Slot(0))), &[Ok(a)]);
    assert_eq!(here, there);
    here
}

#[test]
fn relations_hold_at_their_borders() {
    let f = Value::Float;
    assert_eq!(holds(Relation::Greater, f(90.0), Value::Int(90)), Truth::False);
    assert_eq!(holds(Relation::AtLeast, f(90.0), Value::Int(90)), Truth::True);
    assert_eq!(holds(Relation::Less, f(90.0), Value::Int(90)), Truth::False);
    assert_eq!(holds(Relation::AtMost, f(90.0), Value::Int(90)), Truth::True);
    assert_eq!(holds(Relation::Equal, f(-90.5), Value::Int(-90)), Truth::False);
    assert_eq!(holds(Relation::Less, f(-90.5), Value::Int(-90)), Truth::True);
}

#[test]
fn large_integers_are_not_rounded() {
    let beyond = 9_007_199_254_740_993; // 2^53 + 1
    assert_eq!(
        holds(Relation::Greater, Value::Int(beyond), Value::Float(9_007_199_254_740_992.0)),
        Truth::True
    );
    assert_eq!(holds(Relation::Less, Value::Int(i64::MAX), Value::Float(1e300)), Truth::True);
    assert_eq!(holds(Relation::Greater, Value::Int(i64::MIN), Value::Float(-1e300)), Truth::True);
}

#[test]
fn an_unknown_value_makes_the_comparison_unknown() {
    let unknown: [Held; 1] = [Err(Unknown::Bad)];
    let ir = Ir::Compare(Relation::NotEqual, Box::new(Ir::Slot(0)), constant(Value::Int(1)));
    assert_eq!(judge(&ir, &unknown), Truth::Unknown);
    assert_eq!(Program::of(&ir).value(&Values(&unknown)), Err(Unknown::Bad));
}

fn calc(first: Value, operator: Operator, second: Value) -> Held {
    let ir = Ir::Calc(constant(first), vec![(operator, Ir::Const(second))]);
    Program::of(&ir).value(&Values(&[]))
}

#[test]
fn a_result_that_no_number_can_be_is_unknown() {
    use Operator::{Add, Divide, Multiply, Subtract};
    let (i, f) = (Value::Int, Value::Float);
    let nothing = Err(Unknown::NotANumber);
    assert_eq!(calc(i(i64::MAX), Add, i(1)), nothing);
    assert_eq!(calc(i(i64::MIN), Subtract, i(1)), nothing);
    assert_eq!(calc(i(i64::MIN), Multiply, i(-1)), nothing);
    assert_eq!(calc(i(1), Divide, i(0)), nothing);
    assert_eq!(calc(f(0.0), Divide, f(0.0)), nothing);
    assert_eq!(calc(f(1e308), Multiply, f(10.0)), nothing);
    assert_eq!(calc(i(7), Divide, i(2)), Ok(f(3.5)));
    assert_eq!(calc(i(7), Add, i(2)), Ok(i(9)));
    assert_eq!(calc(i(7), Add, f(0.5)), Ok(f(7.5)));
    let negate = |x| Program::of(&Ir::Negate(constant(x))).value(&Values(&[]));
    assert_eq!(negate(i(i64::MIN)), nothing);
    assert_eq!(Program::of(&Ir::Abs(constant(i(i64::MIN)))).value(&Values(&[])), nothing);
    assert_eq!(Program::of(&Ir::Round(constant(f(2.25)), 1)).value(&Values(&[])), Ok(f(2.3)));
    assert_eq!(Program::of(&Ir::Round(constant(f(-2.5)), 0)).value(&Values(&[])), Ok(f(-3.0)));
    assert_eq!(Program::of(&Ir::Round(constant(f(1e300)), 9)).value(&Values(&[])), Ok(f(1e300)));
}

#[test]
fn only_good_age_and_else_see_through_unknown() {
    let seen: [Held; 2] = [Err(Unknown::Stale), Ok(Value::Int(3))];
    let value = |ir: &Ir| Program::of(ir).value(&Values(&seen));
    assert_eq!(value(&Ir::Good(Box::new(Ir::Slot(0)))), Ok(Value::Bool(false)));
    assert_eq!(value(&Ir::Good(Box::new(Ir::Negate(Box::new(Ir::Slot(0)))))), Ok(Value::Bool(false)));
    assert_eq!(value(&Ir::Age(0)), Ok(Value::Int(3_000)));
    assert_eq!(value(&Ir::Age(1)), Err(Unknown::NeverSeen));
    assert_eq!(value(&Ir::Else(vec![Ir::Slot(0), Ir::Slot(1), Ir::Hour])), Ok(Value::Int(3)));
    assert_eq!(value(&Ir::Else(vec![Ir::Slot(0), Ir::Slot(0)])), Err(Unknown::Stale));
    let among = |slot| Ir::Among(Box::new(Ir::Slot(slot)), vec![Value::Int(1), Value::Float(3.0)]);
    assert_eq!(value(&among(1)), Ok(Value::Bool(true)));
    assert_eq!(value(&among(0)), Err(Unknown::Stale));
    assert_eq!(value(&Ir::Has(Box::new(Ir::Slot(0)), 1)), Err(Unknown::Stale));
    assert_eq!(value(&Ir::Has(Box::new(Ir::Slot(1)), 1)), Ok(Value::Bool(true)));
    assert_eq!(value(&Ir::Has(Box::new(Ir::Slot(1)), 2)), Ok(Value::Bool(false)));
    let between = |high| Ir::Between(Box::new(Ir::Slot(1)), Box::new(Ir::Slot(0)), Box::new(high));
    assert_eq!(value(&between(Ir::Const(Value::Int(2)))), Ok(Value::Bool(false)), "3 is above 2 in any case");
    assert_eq!(value(&between(Ir::Const(Value::Int(4)))), Err(Unknown::Stale));
}

#[test]
fn texts_are_compared_where_they_lie() {
    let seen: [Held; 2] = [Ok(Value::Text("Pils".into())), Err(Unknown::Bad)];
    let text = |parts: Vec<Ir>| Box::new(Ir::Else(vec![Ir::Else(parts)]));
    let compare = |relation, a, b| judge(&Ir::Compare(relation, a, b), &seen);
    let pils = || constant(Value::Text("Pils".into()));
    assert_eq!(compare(Relation::Equal, text(vec![Ir::Slot(0)]), pils()), Truth::True);
    assert_eq!(compare(Relation::NotEqual, text(vec![Ir::Slot(0)]), pils()), Truth::False);
    assert_eq!(compare(Relation::Equal, text(vec![Ir::Slot(1)]), pils()), Truth::Unknown);
    assert_eq!(compare(Relation::Equal, text(vec![Ir::Slot(1), Ir::Slot(0)]), pils()), Truth::True);
    let good = |slot| judge(&Ir::Good(Box::new(Ir::Else(vec![Ir::Slot(slot)]))), &seen);
    assert_eq!((good(0), good(1)), (Truth::True, Truth::False));
    assert_eq!(
        Program::of(&Ir::Else(vec![Ir::Slot(0)])).value(&Values(&seen)),
        Ok(Value::Text("Pils".into()))
    );
}

/// A tree of joints, negations and ranges, deep and wide.
fn deep(depth: usize) -> Ir {
    if depth == 0 {
        return Ir::Between(Box::new(Ir::Slot(0)), constant(Value::Int(1)), constant(Value::Int(2)));
    }
    let joint = [Joint::And, Joint::Or, Joint::Xor][depth % 3];
    Ir::Join(joint, vec![Ir::Slot(1), Ir::Not(Box::new(deep(depth - 1)))])
}

#[test]
fn the_stack_is_never_too_small() {
    let held = [Ok(Value::Int(2)), Ok(Value::Bool(true))];
    let plain = |depth| -> Truth {
        let mut truth = true;
        for d in 1..=depth {
            truth = match d % 3 {
                0 => !truth,
                1 => true,
                _ => truth,
            };
        }
        if truth { Truth::True } else { Truth::False }
    };
    for depth in 0..60 {
        assert_eq!(judge(&deep(depth), &held), plain(depth), "{depth}");
    }
}
