//! What the properties are tried with.

pub(super) mod plant;
pub(super) mod run;
pub(super) mod story;
