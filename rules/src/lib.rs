//! The rule engine.
pub mod diagnose;
pub mod document;
pub mod expr;
pub mod file;
pub mod inventory;
pub mod place;
pub mod text;
pub mod time;
pub mod value;
