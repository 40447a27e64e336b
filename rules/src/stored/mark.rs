//! The watermarks of scopes as they outlive the process (§8).
//!
//! The state of an instance is stored when it changes; the watermark of its scope goes on meanwhile. So that is stored
//! on its own, once for all its instances, under a name made of its sources, which the state of each instance holds.
//!
//! Here: those names, their bytes, and what is stored by now. Not here: where a scope starts (`resume`).
//! Invariant: an instance's key begins with the name of its rule, never with `@`: neither is taken for the other.

use std::collections::BTreeMap;

use super::{FORMAT, NotAState};
use crate::inventory::{Inventory, SourceId};
use crate::time::{self, LONG_AGO};

/// The name of the scope that all sources share, whichever these are.
pub(crate) const OF_ALL: &str = "@*";

/// The name of the scope that these sources share.
pub(crate) fn name_of(sources: &[SourceId], inventory: &Inventory) -> String {
    let ids: Vec<&str> = sources.iter().map(|source| inventory.source(*source).id.as_str()).collect();
    format!("@{}", ids.join("+"))
}

/// The watermarks that are stored, by the names of their scopes.
#[derive(Debug, Default)]
pub(crate) struct Marks(BTreeMap<String, i64>);

impl Marks {
    /// Takes them out of all that was stored. The sources of those that cannot be read go to `unreadable`.
    pub(crate) fn take(
        stored: &mut BTreeMap<String, Vec<u8>>,
        unreadable: &mut Vec<(String, NotAState)>,
    ) -> Self {
        let mut marks = BTreeMap::new();
        let (of_scopes, of_instances) =
            std::mem::take(stored).into_iter().partition(|(name, _)| name.starts_with('@'));
        *stored = of_instances;
        let of_scopes: BTreeMap<String, Vec<u8>> = of_scopes;
        for (name, bytes) in of_scopes {
            match read(&bytes) {
                Ok(mark) => drop(marks.insert(name, mark)),
                Err(e) => unreadable.push((name[1..].to_owned(), e)),
            }
        }
        Self(marks)
    }

    /// The one that is stored for this scope.
    pub(crate) fn of(&self, scope: &str) -> i64 {
        self.0.get(scope).copied().unwrap_or(LONG_AGO)
    }

    /// What is to be stored of a scope that stands at this watermark.
    pub(crate) fn renew(&mut self, scope: &str, watermark: i64) -> Option<(String, Vec<u8>)> {
        if self.of(scope) == watermark {
            return None;
        }
        self.0.insert(scope.to_owned(), watermark);
        let mut bytes = vec![FORMAT];
        bytes.extend(watermark.to_string().bytes());
        Some((scope.to_owned(), bytes))
    }
}

fn read(bytes: &[u8]) -> Result<i64, NotAState> {
    let mark = match bytes.split_first() {
        Some((&FORMAT, json)) => serde_json::from_slice(json)?,
        other => return Err(NotAState::Format(other.map(|(format, _)| *format))),
    };
    if time::are_bounded([mark]) { Ok(mark) } else { Err(NotAState::Impossible) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_as_they_were_stored() {
        let mut marks = Marks::default();
        let mut stored = BTreeMap::from([("r@m".to_owned(), vec![1])]);
        stored.extend(marks.renew("@a+b", 7_000));
        stored.extend(marks.renew(OF_ALL, -3));
        assert_eq!(marks.renew("@a+b", 7_000), None, "it is stored already");
        stored.extend(marks.renew("@a+b", 6_000));
        let read = Marks::take(&mut stored, &mut Vec::new());
        assert_eq!((read.of("@a+b"), read.of(OF_ALL), read.of("@a")), (6_000, -3, LONG_AGO));
        assert_eq!(stored, BTreeMap::from([("r@m".to_owned(), vec![1])]), "the rest is of instances");
    }

    #[test]
    fn damage_is_told_with_the_sources_of_the_scope() {
        let bytes = [vec![], vec![9, b'5'], b"\x02x".to_vec(), format!("\u{2}{}", i64::MAX).into_bytes()];
        let names = ["@a", "@b", "@c", "@d"].map(str::to_owned);
        let mut stored: BTreeMap<_, _> = names.into_iter().zip(bytes).collect();
        let mut unreadable = Vec::new();
        assert_eq!(Marks::take(&mut stored, &mut unreadable).of("@c"), LONG_AGO);
        let told: Vec<String> = unreadable.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        assert_eq!(told[0], "a: format None, this version reads 2");
        assert_eq!(told[1], "b: format Some(9), this version reads 2");
        assert!(told[2].starts_with("c: damaged: "), "{}", told[2]);
        assert_eq!(told[3], "d: damaged: it holds impossible instants or numbers");
    }
}
