//! What keeps the stream from being read, in words, and the log line at its beginning and end.
//!
//! Here: sorting the SDK's many errors into the few that a person treats differently, and saying each once.
//! Not here: retrying ([`crate::consumer`]).
//! Invariant: a trouble is a state that heals; it is logged when it begins, when it becomes another one and
//! when it is over, never at each try.

use std::collections::BTreeMap;
use std::error::Error;
use std::mem::Discriminant;

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};

use crate::folder::FolderError;

/// Longest text of an error that is logged (characters): an answer is not trusted to be short.
const TEXT_MAX: usize = 1024;

/// Why a shard, or the list of shards, cannot be read at the moment.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nothing answers, or not in time, or with an inner error.
    #[error("kinesis cannot be reached: {0}")]
    Unreachable(String),
    /// The SDK found no credentials.
    #[error("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role: {0}")]
    NoCredentials(String),
    /// The stream or the shard is not there, or is not the one the place was taken in.
    #[error("not there: {0}")]
    Gone(String),
    /// Kinesis does not let us.
    #[error("kinesis refuses: {0}")]
    Refused(String),
    /// More reads than a shard allows, by us or by others. Normal in small doses.
    #[error("throttled")]
    Throttled,
    /// The iterator is older than five minutes. Normal after a pause.
    #[error("the iterator expired")]
    Expired,
    /// An answer that Kinesis never gives.
    #[error("the answer is not one of kinesis: {0}")]
    Strange(String),
    /// The stream is well, but what was read cannot be stored.
    #[error("cannot store")]
    Store(#[source] FolderError),
}

impl Trouble {
    /// Whether it passes by itself and nobody needs to hear of it.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Throttled | Self::Expired)
    }
}

impl<E> From<SdkError<E>> for Trouble
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let text = chain(&error);
        match &error {
            SdkError::ServiceError(said) => {
                let (code, message) = (said.err().code(), said.err().message());
                let status = said.raw().status().as_u16();
                of_code(code.unwrap_or_default(), message.unwrap_or_default(), status)
            }
            // The SDK has no kind of its own for this, only the type of an inner error.
            SdkError::DispatchFailure(_) if format!("{error:?}").contains("CredentialsNotLoaded") => {
                Self::NoCredentials(text)
            }
            SdkError::ConstructionFailure(_) => Self::Refused(text),
            _ => Self::Unreachable(text),
        }
    }
}

fn of_code(code: &str, message: &str, status: u16) -> Trouble {
    let said = cut(&format!("{code} {message}"));
    match code {
        "ProvisionedThroughputExceededException" | "LimitExceededException" | "KMSThrottlingException" => {
            Trouble::Throttled
        }
        "ExpiredIteratorException" => Trouble::Expired,
        "ResourceNotFoundException" | "InvalidArgumentException" => Trouble::Gone(said),
        _ if status >= 500 => Trouble::Unreachable(said),
        _ => Trouble::Refused(said),
    }
}

/// An error with everything that led to it, in one line.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |e: &&dyn Error| (*e).source());
    cut(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

/// Which shards are in which trouble, so that each is said once.
#[derive(Debug, Default)]
pub struct Health {
    troubled: BTreeMap<String, Discriminant<Trouble>>,
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
                let kind = std::mem::discriminant(trouble);
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

    fn away() -> Trouble {
        Trouble::Unreachable("connection refused".into())
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
        assert_eq!(health.note("a", Some(&away())), Some(Change::Began));
        assert_eq!(health.note("a", Some(&Trouble::Refused("key".into()))), Some(Change::Began));
        assert_eq!(health.note("c", Some(&Trouble::Throttled)), None);
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
    fn codes_of_kinesis_are_told_apart() {
        let kind = |code, status| of_code(code, "", status);
        assert!(matches!(kind("ProvisionedThroughputExceededException", 400), Trouble::Throttled));
        assert!(matches!(kind("ExpiredIteratorException", 400), Trouble::Expired));
        assert!(matches!(kind("ResourceNotFoundException", 400), Trouble::Gone(_)));
        assert!(matches!(kind("AccessDeniedException", 400), Trouble::Refused(_)));
        assert!(matches!(kind("InternalFailure", 500), Trouble::Unreachable(_)));
        assert!(matches!(kind("", 503), Trouble::Unreachable(_)));
    }

    #[test]
    fn a_long_answer_is_cut() {
        let Trouble::Refused(said) = of_code("X", &"ü".repeat(5000), 400) else { panic!() };
        assert_eq!(said.chars().count(), TEXT_MAX);
    }
}
