//! The second opinion: the rules of the specification, worked through millisecond by millisecond.
//!
//! Here: its parts. A case is a world, rules and a story (`model`), drawn from a seed (`generate`, `rules_of`), run
//! by the engine (`engine`) and by the reference (`simulation`), and made small where they disagree (`shrink`).
//! Not here: anything of the engine's own code: the reference is written from the specification's text.
//! Invariant: the reference knows no deadlines. It looks at every millisecond, and asks what is so then.

pub(super) mod atoms;
pub(super) mod because;
pub(super) mod carry;
pub(super) mod edits;
pub(super) mod engine;
pub(super) mod frame;
pub(super) mod frames;
pub(super) mod gate;
pub(super) mod generate;
pub(super) mod group;
pub(super) mod harder;
pub(super) mod history;
pub(super) mod instance;
pub(super) mod judge;
pub(super) mod lines;
pub(super) mod model;
pub(super) mod notices;
pub(super) mod print;
pub(super) mod reload;
pub(super) mod rng;
pub(super) mod rules_of;
pub(super) mod says;
pub(super) mod scenario;
pub(super) mod scope;
pub(super) mod shrink;
pub(super) mod signal;
pub(super) mod silence;
pub(super) mod simulation;
pub(super) mod state;
pub(super) mod told;
pub(super) mod values;
pub(super) mod verdicts;
pub(super) mod windows;
pub(super) mod worlds;
