//! The rule engine: what a Flink job does in the cloud, small enough for an industrial PC, exact, and explaining
//! itself.
//!
//! Here: the language of the rule files, and [`engine::Engine`], which judges them on datapoints in event time.
//! Deliberately not here: tokio, a clock, a file, a socket; whoever has those brings what the engine needs.
//! Invariant: same inputs, same outputs, byte for byte (I4).
//!
//! The way through it: `document` and `file` read a rule file, `expr` its conditions, `ruleset` and `bind` bind rules to
//! the machines of the `inventory`; `engine` takes datapoints, `watermark` says how far they are complete,
//! `scope` handles one instant after the other, `condition`, `group` and `instance` judge it, `explain` tells it.

mod action;
mod activation;
mod bind;
pub mod calendar;
pub mod checked;
pub mod codes;
mod condition;
mod contact;
pub mod decode;
mod delays;
pub mod diagnose;
pub mod document;
pub mod engine;
mod explain;
pub mod expr;
pub mod file;
mod gate;
pub mod group;
mod instance;
pub mod inventory;
pub mod layout;
mod limits;
pub mod names;
pub mod operator;
pub mod params;
mod pattern;
pub mod place;
mod places;
mod reload;
mod resume;
pub mod ruleset;
pub mod schema;
mod scope;
mod severities;
mod sheet;
pub mod shelf;
mod sight;
mod signal;
mod signals;
pub mod size;
mod step;
pub mod stored;
mod syntax;
mod target;
mod telling;
pub mod text;
pub mod time;
mod timers;
mod touched;
pub mod trial;
pub mod trust;
pub mod units;
pub mod value;
pub mod view;
mod waiting;
mod watermark;
mod window;
mod windows;
