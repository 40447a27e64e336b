//! Forwarding to a Kinesis stream.
//!
//! Here: one `PutRecords` and what its answer means, in words for the person at the line. Not here: retries
//! (`forwarder`; the SDK's own are off), what goes into a request (`pack`).
//! Invariant: a record counts as accepted only when its own answer has a sequence number. HTTP 200 says
//! nothing: refused records hide behind it.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region, default_provider::credentials::DefaultCredentialsChain, imds};
use aws_sdk_kinesis::{
    Client,
    config::{
        ProvideCredentials as _, SharedCredentialsProvider, retry::RetryConfig, timeout::TimeoutConfig,
    },
    error::{DisplayErrorContext, ProvideErrorMetadata as _, SdkError},
    operation::put_records::{PutRecordsError, PutRecordsOutput},
    primitives::Blob,
    types::{PutRecordsRequestEntry, PutRecordsResultEntry},
};

use super::{Answer, Failure, Link, Parcel, Stream};

/// A connection that takes longer will not come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A full request of 5 MiB over a line of 5 Mbit/s; after it the outcome is unknown.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// On an industrial PC nobody answers at EC2's address: without this, "no credentials" takes many seconds.
const INSTANCE_TIMEOUT: Duration = Duration::from_millis(500);

/// Where to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KinesisTarget {
    /// Name of the stream.
    pub stream: String,
    /// AWS region.
    pub region: String,
    /// Another address than the region's own: a VPC endpoint, an emulator.
    pub endpoint: Option<String>,
}

/// A stream.
#[derive(Debug)]
pub struct Kinesis {
    target: KinesisTarget,
    /// Credentials of one's own; otherwise the SDK's default chain.
    given: Option<SharedCredentialsProvider>,
    /// Made when needed, and anew after trouble with credentials: the chain remembers for ever that a file had
    /// none.
    session: Option<Session>,
}

#[derive(Debug)]
struct Session {
    client: Client,
    credentials: SharedCredentialsProvider,
}

impl Kinesis {
    /// With the credentials of the SDK's default chain: environment, profile files, container, instance.
    #[must_use]
    pub const fn new(target: KinesisTarget) -> Self {
        Self { target, given: None, session: None }
    }

    /// With credentials of one's own.
    #[must_use]
    pub const fn with_credentials(target: KinesisTarget, credentials: SharedCredentialsProvider) -> Self {
        Self { target, given: Some(credentials), session: None }
    }

    async fn open(&self) -> Session {
        let region = Region::new(self.target.region.clone());
        let credentials = match &self.given {
            Some(given) => given.clone(),
            None => default_chain(region.clone()).await,
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_timeout(REQUEST_TIMEOUT)
            .build();
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .credentials_provider(credentials.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts);
        if let Some(endpoint) = &self.target.endpoint {
            config = config.endpoint_url(endpoint);
        }
        Session { client: Client::new(&config.load().await), credentials }
    }

    /// Why a request failed as a whole.
    async fn failure(&self, session: &Session, error: SdkError<PutRecordsError>) -> Failure {
        if let SdkError::ServiceError(answered) = &error {
            let code = answered.err().code().unwrap_or("no code");
            return self.refusal(code, answered.err().message().unwrap_or_default());
        }
        let never_sent = !matches!(&error, SdkError::TimeoutError(_) | SdkError::ResponseError(_))
            && !matches!(&error, SdkError::DispatchFailure(e) if e.is_io() || e.is_timeout());
        if never_sent && session.credentials.provide_credentials().await.is_err() {
            return Failure { link: Link::NoCredentials, reason: NO_CREDENTIALS.to_owned() };
        }
        let at = self.target.endpoint.as_deref().unwrap_or(&self.target.region);
        let reason = match error {
            SdkError::TimeoutError(_) => format!("Kinesis at {at} gave no answer in time"),
            error => format!("Kinesis at {at} is not reached: {}", DisplayErrorContext(error)),
        };
        Failure { link: Link::Unreachable, reason }
    }

    /// What an error of the service means.
    fn refusal(&self, code: &str, message: &str) -> Failure {
        let KinesisTarget { stream, region, .. } = &self.target;
        let (link, reason) = match code {
            "ResourceNotFoundException" => (
                Link::Refused,
                format!("the stream {stream} does not exist in {region}: create it or correct [forward]"),
            ),
            "AccessDeniedException" => (
                Link::Refused,
                format!("the credentials do not allow kinesis:PutRecords on {stream}: {message}"),
            ),
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException" => (
                Link::NoCredentials,
                format!("AWS does not know these credentials or they have expired: {message}"),
            ),
            "InvalidSignatureException" | "RequestExpired" => (
                Link::Refused,
                format!(
                    "AWS does not accept the signature: check the clock of this machine and the secret key: {message}"
                ),
            ),
            "ProvisionedThroughputExceededException"
            | "LimitExceededException"
            | "ThrottlingException"
            | "KMSThrottlingException" => (Link::Throttled, format!("{code}: {message}")),
            "InternalFailure" | "InternalFailureException" | "ServiceUnavailable" | "no code" => {
                (Link::Unreachable, format!("Kinesis has a failure of its own ({code}): {message}"))
            }
            other => (Link::Refused, format!("Kinesis refuses the request ({other}): {message}")),
        };
        Failure { link, reason }
    }
}

async fn default_chain(region: Region) -> SharedCredentialsProvider {
    let instance = imds::Client::builder()
        .connect_timeout(INSTANCE_TIMEOUT)
        .read_timeout(INSTANCE_TIMEOUT)
        .max_attempts(1)
        .build();
    let chain = DefaultCredentialsChain::builder().region(region).imds_client(instance).build().await;
    SharedCredentialsProvider::new(chain)
}

const NO_CREDENTIALS: &str = "no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or write \
     the agent's ~/.aws/credentials; they are looked for again by themselves";

impl Stream for Kinesis {
    async fn put(&mut self, parcels: &[Parcel]) -> Result<Vec<Answer>, Failure> {
        let made = parcels.iter().map(record).collect::<Result<Vec<_>, _>>();
        let records = made.map_err(|e| Failure { link: Link::Refused, reason: e.to_string() })?;
        let session = match self.session.take() {
            Some(session) => session,
            None => self.open().await,
        };
        let request = session.client.put_records().stream_name(&self.target.stream);
        match request.set_records(Some(records)).send().await {
            Ok(output) => {
                self.session = Some(session);
                Ok(answers(&output))
            }
            Err(error) => {
                let failure = self.failure(&session, error).await;
                self.session = Some(session).filter(|_| failure.link != Link::NoCredentials);
                Err(failure)
            }
        }
    }
}

fn record(parcel: &Parcel) -> Result<PutRecordsRequestEntry, aws_sdk_kinesis::error::BuildError> {
    PutRecordsRequestEntry::builder().partition_key(&parcel.key).data(Blob::new(parcel.record())).build()
}

fn answers(output: &PutRecordsOutput) -> Vec<Answer> {
    output.records().iter().map(answer).collect()
}

fn answer(entry: &PutRecordsResultEntry) -> Answer {
    match (entry.error_code(), entry.sequence_number()) {
        (None, Some(_)) => Answer::Accepted,
        (code, _) => {
            let message = entry.error_message().unwrap_or("without a message");
            Answer::Refused(format!("{}: {message}", code.unwrap_or("no sequence number")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_with_a_sequence_number_and_without_an_error_is_accepted() {
        let entry = PutRecordsResultEntry::builder();
        assert_eq!(answer(&entry.clone().sequence_number("49").shard_id("s").build()), Answer::Accepted);
        let refused =
            entry.clone().error_code("ProvisionedThroughputExceededException").error_message("Rate exceeded");
        let said = "ProvisionedThroughputExceededException: Rate exceeded";
        assert_eq!(answer(&refused.build()), Answer::Refused(said.into()));
        assert_eq!(answer(&entry.build()), Answer::Refused("no sequence number: without a message".into()));
    }
}
