//! What keeps the stream from being read, and the log line at its beginning and end.
//!
//! Here: saying each trouble once. Not here: what the errors of the SDK mean ([`crate::fault`]), and retrying
//! ([`crate::consumer`]).
//! Invariant: a trouble is a state that heals; it is logged when it begins, when it becomes another one and
//! when it is over, never at each try.

use std::collections::BTreeMap;
use std::error::Error;
use std::mem::Discriminant;

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};

use crate::fault::Fault;
use crate::store::StoreError;
use crate::table::TableError;

/// Why a shard, or the list of shards, cannot be read at the moment.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The stream does not give what was asked for.
    #[error("kinesis {0}")]
    Stream(Fault),
    /// An answer that Kinesis never gives.
    #[error("the answer is not one of kinesis: {0}")]
    Strange(String),
    /// The stream is well, but what was read cannot be stored.
    #[error("cannot store")]
    Store(#[source] StoreError),
}

/// What one trouble has in common with another, so that nobody hears the same twice.
type Kind = (Discriminant<Trouble>, Option<Discriminant<Fault>>);

impl Trouble {
    /// Whether it passes by itself and nobody needs to hear of it.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Stream(Fault::Throttled | Fault::Expired))
    }

    fn kind(&self) -> Kind {
        let fault = match self {
            Self::Stream(fault) | Self::Store(StoreError::Table(TableError::Fault { fault, .. })) => {
                Some(fault)
            }
            Self::Strange(_) | Self::Store(_) => None,
        };
        (std::mem::discriminant(self), fault.map(std::mem::discriminant))
    }
}

impl<E> From<SdkError<E>> for Trouble
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        Self::Stream(error.into())
    }
}

/// Which shards are in which trouble, so that each is said once.
#[derive(Debug, Default)]
pub struct Health {
    troubled: BTreeMap<String, Kind>,
}

/// What is worth a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// A trouble of this kind began; until now nobody had it.
    Began,
    /// The last trouble is over.
    Over,
}

impl Health {
    /// Notes how `who` (a shard, or the list of shards) fares. `None` when there is nothing new to say.
    pub fn note(&mut self, who: &str, trouble: Option<&Trouble>) -> Option<Change> {
        match trouble {
            Some(trouble) if trouble.is_normal() => None,
            Some(trouble) => {
                let kind = trouble.kind();
                let known = self.troubled.values().any(|k| *k == kind);
                self.troubled.insert(who.to_owned(), kind);
                (!known).then_some(Change::Began)
            }
            None => {
                self.troubled.remove(who)?;
                self.troubled.is_empty().then_some(Change::Over)
            }
        }
    }

    /// Forgets shards that are not listed any more: their trouble would never end.
    pub fn forget_unless(&mut self, listed: impl Fn(&str) -> bool) {
        self.troubled.retain(|who, _| listed(who));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;

    fn away() -> Trouble {
        Trouble::Stream(Fault::Unreachable("connection refused".into()))
    }

    #[test]
    fn a_trouble_is_said_when_it_begins_and_when_the_last_one_is_over() {
        let mut health = Health::default();
        assert_eq!(health.note("a", Some(&away())), Some(Change::Began));
        assert_eq!(health.note("a", Some(&away())), None, "the same again");
        assert_eq!(health.note("b", Some(&away())), None, "the same of another shard");
        assert_eq!(health.note("a", None), None, "b still has it");
        assert_eq!(health.note("b", None), Some(Change::Over));
        assert_eq!(health.note("b", None), None);
    }

    #[test]
    fn another_trouble_is_said_and_a_normal_one_never() {
        let mut health = Health::default();
        let refused = Trouble::Stream(Fault::Refused("key".into()));
        assert_eq!(health.note("a", Some(&away())), Some(Change::Began));
        assert_eq!(health.note("a", Some(&refused)), Some(Change::Began));
        assert_eq!(health.note("c", Some(&Trouble::Stream(Fault::Throttled))), None);
        assert_eq!(health.note("c", None), None);
    }

    #[test]
    fn a_shard_that_is_gone_does_not_keep_the_trouble_alive() {
        let mut health = Health::default();
        health.note("gone", Some(&away()));
        health.note("a", Some(&away()));
        health.forget_unless(|who| who == "a");
        assert_eq!(health.note("a", None), Some(Change::Over));
    }

    #[test]
    fn a_table_that_is_missing_and_then_refuses_is_said_twice_and_as_busy_once() {
        let table = |fault| {
            let table = Name::of_aws("plimsoll").unwrap();
            Trouble::Store(StoreError::Table(TableError::Fault { table, fault }))
        };
        let mut health = Health::default();
        let mut note = |fault| health.note("a", Some(&table(fault)));
        assert_eq!(note(Fault::Gone(String::new())), Some(Change::Began));
        assert_eq!(note(Fault::Refused(String::new())), Some(Change::Began));
        assert_eq!(note(Fault::Throttled), Some(Change::Began), "a write gives up late, so it is news");
        assert_eq!(note(Fault::Throttled), None);
    }
}
