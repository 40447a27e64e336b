//! The shards of the stream, and which of them may be read.
//!
//! Here: listing, page by page, and the order of a family. Not here: reading one ([`crate::reader`]).
//! Invariant: a shard is read only when every parent that still exists has been read to its end. A machine's
//! records move from parent to child at a split or merge, so this keeps their order.

use aws_sdk_kinesis::Client;

use crate::name::Name;
use crate::trouble::Trouble;

/// Shards asked for in one call; the API's own default.
pub const PAGE: i32 = 1000;

/// A shard as Kinesis lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    /// Its name.
    pub name: Name,
    /// The sequence number at which it began.
    pub began: String,
    /// The shards it was split or merged from: none, one or two.
    pub parents: Vec<Name>,
}

/// Lists all shards of a stream, `page` at a time, open and closed.
///
/// # Errors
/// When Kinesis does not answer, or not as itself.
pub async fn list(client: &Client, stream: &Name, page: i32) -> Result<Vec<Shard>, Trouble> {
    let mut shards: Vec<Shard> = Vec::new();
    loop {
        // Paged by the last name seen rather than by token: a token lives for five minutes and forbids naming
        // the stream, and the result is the same.
        let after = shards.last().map(|last| last.name.as_str().to_owned());
        let call = client.list_shards().stream_name(stream.as_str()).max_results(page);
        let answer = call.set_exclusive_start_shard_id(after.clone()).send().await?;
        let before = shards.len();
        for listed in answer.shards() {
            shards.push(shard(listed)?);
        }
        if answer.next_token().is_none() {
            return Ok(shards);
        }
        if shards.len() == before {
            return Err(Trouble::Strange("an empty page of shards that is not the last".into()));
        }
    }
}

fn shard(listed: &aws_sdk_kinesis::types::Shard) -> Result<Shard, Trouble> {
    let name = |text: &str| Name::of_aws(text).map_err(|e| Trouble::Strange(format!("name of a shard: {e}")));
    let parents = [listed.parent_shard_id(), listed.adjacent_parent_shard_id()];
    Ok(Shard {
        name: name(listed.shard_id())?,
        began: listed
            .sequence_number_range()
            .map(|r| r.starting_sequence_number().to_owned())
            .unwrap_or_default(),
        parents: parents.into_iter().flatten().map(name).collect::<Result<_, _>>()?,
    })
}

/// The shards that may be read now. A parent that is not listed any more has outlived its retention: nothing
/// of it can be read, so nobody waits for it.
pub fn readable(shards: &[Shard], finished: impl Fn(&Name) -> bool) -> Vec<&Shard> {
    let blocks = |parent: &Name| shards.iter().any(|s| s.name == *parent) && !finished(parent);
    shards.iter().filter(|s| !finished(&s.name) && !s.parents.iter().any(blocks)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::of_aws(text).unwrap()
    }

    fn family(members: &[(&str, &[&str])]) -> Vec<Shard> {
        let shard = |(own, parents): &(&str, &[&str])| Shard {
            name: name(own),
            began: String::new(),
            parents: parents.iter().map(|p| name(p)).collect(),
        };
        members.iter().map(shard).collect()
    }

    fn names(shards: &[Shard], finished: &[&str]) -> Vec<String> {
        readable(shards, |n| finished.contains(&n.as_str())).iter().map(|s| s.name.to_string()).collect()
    }

    #[test]
    fn children_wait_for_their_parent_and_a_merged_shard_for_both() {
        let shards = family(&[("p", &[]), ("l", &["p"]), ("r", &["p"]), ("m", &["l", "r"])]);
        assert_eq!(names(&shards, &[]), ["p"]);
        assert_eq!(names(&shards, &["p"]), ["l", "r"]);
        assert_eq!(names(&shards, &["p", "l"]), ["r"]);
        assert_eq!(names(&shards, &["p", "l", "r"]), ["m"]);
    }

    #[test]
    fn nobody_waits_for_a_parent_that_is_not_listed_any_more() {
        assert_eq!(names(&family(&[("l", &["gone"])]), &[]), ["l"]);
    }
}
