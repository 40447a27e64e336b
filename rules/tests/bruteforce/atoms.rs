//! Random comparisons of the whole language: arithmetic, lists, ranges, functions.
//!
//! Here: those. Not here: what joins them (`rules_of`).
//! Invariant: every one reads a tag, and the checker accepts it.

use super::model::{Expr, Kind, World};
use super::rng::Rng;

const SIGNS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

pub(super) fn atom(rng: &mut Rng, world: &World, moments: bool) -> Expr {
    let place = rng.below(world.names.len());
    let tag = Box::new(Expr::Tag(place));
    let number = world.names[place].kind != Kind::Bool;
    match rng.below(6) {
        0 => return Expr::Good(place),
        1 if moments && number => {
            let before = Box::new(Expr::Prev(place));
            return Expr::Compare(rng.pick(&SIGNS), tag, before);
        }
        2 if moments => {
            let sign = rng.pick(&["<", "<=", ">", ">="]);
            return Expr::Older(place, sign, rng.pick(&[50, 100, 300, 700]));
        }
        _ => {}
    }
    if !number {
        return Expr::Else(tag, Box::new(Expr::Bool(rng.once_in(2))));
    }
    match rng.below(5) {
        0 => {
            let low = rng.between(0, 5);
            Expr::Between(tag, low as f64, (low + rng.between(0, 4)) as f64)
        }
        1 => Expr::In(tag, (0..rng.between(1, 3)).map(|i| Expr::Int(i * 2 + rng.between(0, 1))).collect()),
        _ => {
            let limit = Box::new(Expr::Float(rng.between(-6, 18) as f64 / 2.0));
            Expr::Compare(rng.pick(&SIGNS), Box::new(term(rng, world, place)), limit)
        }
    }
}

fn term(rng: &mut Rng, world: &World, place: usize) -> Expr {
    let tag = Box::new(Expr::Tag(place));
    let numbers: Vec<usize> = (0..world.names.len()).filter(|t| world.names[*t].kind != Kind::Bool).collect();
    let other = Box::new(Expr::Tag(rng.pick(&numbers)));
    match rng.below(8) {
        0 => Expr::Abs(Box::new(Expr::Arithmetic('-', tag, other))),
        1 => Expr::Round(Box::new(Expr::Arithmetic('/', tag, Box::new(Expr::Int(3))))),
        2 => Expr::Minus(Box::new(Expr::Abs(tag))),
        3 => Expr::Arithmetic('-', tag, Box::new(Expr::Int(2))),
        4 => Expr::Else(tag, other),
        5 => Expr::Minus(tag),
        _ => Expr::Arithmetic(rng.pick(&['+', '-', '*', '/']), tag, other),
    }
}
