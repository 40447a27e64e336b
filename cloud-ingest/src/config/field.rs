//! One value of the configuration: read, checked, and told what would be right.
//!
//! Here: names, regions, URLs, times, directories. Not here: which tables and keys there are
//! ([`crate::config`]).
//! Invariant: what is returned can be used as it is; what is refused is shown escaped.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SpanRelativeTo;
use serde::{Deserialize, Deserializer, de};

use crate::name::Name;

/// A shard answers five reads a second, of all its readers together.
const POLL_MIN: Duration = Duration::from_millis(200);
/// Leaves one read a second to somebody else.
const POLL_DEFAULT: Duration = Duration::from_millis(250);
/// DynamoDB takes hours to days to remove what has expired: less would not be what it says.
const TTL_MIN: Duration = Duration::from_secs(86_400);

pub(super) fn name<'de, D: Deserializer<'de>>(d: D) -> Result<Name, D::Error> {
    let text = String::deserialize(d)?;
    Name::of_aws(&text).map_err(|e| de::Error::custom(format!("not the name of a stream or table: {e}")))
}

pub(super) fn region<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let text = String::deserialize(d)?;
    let possible = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.is_empty() || !text.chars().all(possible) {
        return Err(de::Error::custom(format!(
            "{text:?} is not a region, expected one like \"eu-central-1\""
        )));
    }
    Ok(text)
}

pub(super) fn endpoint<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(d)?;
    let host = text.strip_prefix("https://").or(text.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let expected = "expected one like \"https://vpce-1.example.com\"";
        return Err(de::Error::custom(format!("{text:?} is not a URL, {expected}")));
    }
    Ok(Some(text))
}

pub(super) fn poll<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    let read = text.parse::<jiff::SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    match read {
        None => Err(de::Error::custom(format!("{text:?} is not a duration, expected one like \"250 ms\""))),
        Some(poll) if poll < POLL_MIN => Err(de::Error::custom(format!(
            "{text:?} is too often: a shard allows five reads a second (200 ms)"
        ))),
        Some(poll) => Ok(poll),
    }
}

pub(super) fn poll_default() -> Duration {
    POLL_DEFAULT
}

pub(super) fn ttl<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(d)?;
    let span = text.parse::<jiff::Span>().ok();
    let read = span.and_then(|s| s.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    match read.and_then(|d| Duration::try_from(d).ok()) {
        None => Err(de::Error::custom(format!("{text:?} is not a time, expected one like \"90 days\""))),
        Some(ttl) if ttl < TTL_MIN => Err(de::Error::custom(format!("{text:?} is less than a day"))),
        Some(ttl) => Ok(ttl),
    }
}

pub(super) fn directory<'de, D: Deserializer<'de>>(d: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(d)?;
    if text.is_empty() {
        return Err(de::Error::custom("an empty name, expected a directory"));
    }
    Ok(text.into())
}
