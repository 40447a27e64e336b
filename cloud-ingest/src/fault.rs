//! What AWS answers when it does not do what it was asked, sorted.
//!
//! Here: sorting the SDK's many errors into the few that a person or a retry treats differently. Not here:
//! retrying, and the log ([`crate::trouble`]).
//! Invariant: every error of the SDK is one of these, and its text is short.

use std::error::Error;

use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};

/// Longest text of an error that is logged (characters): an answer is not trusted to be short.
const TEXT_MAX: usize = 1024;

/// Why a call failed. Its text goes on where the name of a service stood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing answers, or not in time, or with an inner error.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The SDK found no credentials.
    #[error("gets no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role: {0}")]
    NoCredentials(String),
    /// The stream, the shard or the table is not there.
    #[error("says: not there: {0}")]
    Gone(String),
    /// We are not let.
    #[error("refuses: {0}")]
    Refused(String),
    /// More than a shard or a table takes, from us or from others. Normal in small doses.
    #[error("takes no more: it is throttled for longer than bursts last, its capacity is too small")]
    Throttled,
    /// The iterator is older than five minutes. Normal after a pause.
    #[error("says that the iterator expired")]
    Expired,
}

impl<E> From<SdkError<E>> for Fault
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

fn of_code(code: &str, message: &str, status: u16) -> Fault {
    let said = cut(&format!("{code} {message}"));
    match code {
        "ProvisionedThroughputExceededException"
        | "LimitExceededException"
        | "KMSThrottlingException"
        | "ThrottlingException"
        | "RequestLimitExceeded" => Fault::Throttled,
        "ExpiredIteratorException" => Fault::Expired,
        "ResourceNotFoundException" | "InvalidArgumentException" => Fault::Gone(said),
        _ if status >= 500 => Fault::Unreachable(said),
        _ => Fault::Refused(said),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        let kind = |code, status| of_code(code, "", status);
        assert_eq!(kind("ProvisionedThroughputExceededException", 400), Fault::Throttled);
        assert_eq!(kind("ThrottlingException", 400), Fault::Throttled);
        assert_eq!(kind("ExpiredIteratorException", 400), Fault::Expired);
        assert!(matches!(kind("ResourceNotFoundException", 400), Fault::Gone(_)));
        assert!(matches!(kind("AccessDeniedException", 400), Fault::Refused(_)));
        assert!(matches!(kind("InternalFailure", 500), Fault::Unreachable(_)));
        assert!(matches!(kind("", 503), Fault::Unreachable(_)));
    }

    #[test]
    fn a_long_answer_is_cut() {
        let Fault::Refused(said) = of_code("X", &"ü".repeat(5000), 400) else { panic!() };
        assert_eq!(said.chars().count(), TEXT_MAX);
    }
}
