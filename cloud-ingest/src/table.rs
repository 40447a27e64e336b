//! The `dynamodb` destination: one table, with the items of [`crate::item`].
//!
//! Every write is a conditional `PutItem` of its own: history is put once (`attribute_not_exists`), the current
//! state only over one that it supersedes ([`Rank::supersedes`] in the table's words). No transaction: a state
//! that is out of date must not keep its transition out of the history. So nothing comes back as
//! `UnprocessedItems`: what is refused for want of capacity is tried again here by itself, with growing pauses,
//! and so is a hiccup of the network. After anything else, or too many of these, the whole batch comes again.
//!
//! Limits (AWS): a partition takes 1,000 write units a second, one unit per KiB begun, and all items of a
//! machine stand in one partition. A transition of 1.2 KB costs 2 units and its state 2: 250 transitions a
//! second of one machine. All wrong states of a line stand in one partition of the index `byLine`, where one
//! that comes or goes costs 2 units and one that becomes another 4: 250 to 500 such changes a second of one
//! line; events of one day share a partition, too. An index that is throttled throttles the table. An on-demand
//! table begins with 4,000 units a second. A redelivery costs as much as the first time.
//!
//! Here: what goes out when, and conditions. Not here: keys and attributes ([`crate::item`]).
//! Invariants: no memory, what is in the table decides, so that any batch may come again at any time; the
//! writes of one instance go out one after the other in the order of the stream, a transition before the state
//! it leads to; a transition under a taken key is reported and neither lost nor written over the first.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure::AllOld;
use tokio::task::{JoinError, JoinSet};

use crate::fault::Fault;
use crate::item::{self, Item, Unfit};
use crate::name::Name;
use crate::pause::pause;
use crate::rank::Rank;
use crate::store::Outcome;
use crate::write::{Origin, Write};

/// Instances whose writes are under way at a time: at 5 ms a write, 6,400 writes a second.
const INSTANCES_MAX: usize = 32;
/// First and longest pause of a write. The longest is what one that was throttled waits for its turn.
const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// A write that is throttled so often (about a minute) stands before a table that is too small: that is said.
const THROTTLED_MAX: u32 = 40;
/// A hiccup of the network or of a server: one in a thousand must not send a batch of thousands back.
const UNREACHABLE_MAX: u32 = 3;

/// The history, put once.
const ABSENT: &str = "attribute_not_exists(pk)";
/// [`Rank::supersedes`].
const SUPERSEDES: &str = "attribute_not_exists(pk) OR (#incarnation = :i AND #seq < :s) \
                          OR (#incarnation <> :i AND #detectedAt <= :d)";

/// A table.
#[derive(Debug)]
pub struct Table {
    client: Client,
    name: Name,
    ttl: Duration,
}

/// Why the table does not take a batch.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// DynamoDB says no, or nothing.
    #[error("dynamodb {fault} (table {table})")]
    Fault {
        /// The table.
        table: Name,
        /// What is wrong.
        fault: Fault,
    },
    /// A bug.
    #[error("a task that wrote died")]
    Task(#[from] JoinError),
}

/// A conditional put.
#[derive(Debug)]
struct Put {
    item: Item,
    /// What it must supersede; without it, nothing may be there.
    over: Option<Rank>,
}

/// One write of the batch: what is put, and the state that it leads to.
#[derive(Debug)]
struct Step {
    index: usize,
    put: Put,
    state: Option<Put>,
}

/// Steps that must not overtake each other.
type Chain = Vec<Step>;

impl Table {
    /// A table, which need not be there yet. History may vanish when `ttl` has passed since it happened.
    #[must_use]
    pub fn new(client: Client, name: Name, ttl: Duration) -> Self {
        Self { client, name, ttl }
    }

    /// Stores a batch; when this returns it is durable. Gives the outcome of each write, in order. May be
    /// dropped at any time: what was not acknowledged is then written again with the next delivery.
    ///
    /// # Errors
    /// When anything could not be written; doing it again is safe.
    pub async fn apply(&self, writes: &[(Origin, Write)], now_ms: i64) -> Result<Vec<Outcome>, TableError> {
        let (chains, mut outcomes) = self.chains(writes, now_ms);
        let mut waiting = chains.into_iter();
        let mut tasks = JoinSet::new();
        loop {
            while tasks.len() < INSTANCES_MAX
                && let Some(chain) = waiting.next()
            {
                tasks.spawn(walk(self.client.clone(), self.name.clone(), chain));
            }
            let Some(done) = tasks.join_next().await else { return Ok(outcomes) };
            let said = done?.map_err(|fault| TableError::Fault { table: self.name.clone(), fault })?;
            for (index, outcome) in said {
                if let Some(of) = outcomes.get_mut(index) {
                    *of = outcome;
                }
            }
        }
    }

    /// The writes by instance, and the outcomes of those that need no call.
    fn chains(&self, writes: &[(Origin, Write)], now_ms: i64) -> (Vec<Chain>, Vec<Outcome>) {
        let mut chains: BTreeMap<_, Chain> = BTreeMap::new();
        let mut outcomes = vec![Outcome::Nothing; writes.len()];
        for (index, ((origin, write), outcome)) in writes.iter().zip(&mut outcomes).enumerate() {
            // What belongs to no instance stands alone.
            let key = match write {
                Write::Transition(t) => (Some((&t.equipment, &t.rule)), 0),
                _ => (None, index),
            };
            match self.step(index, origin, write, now_ms) {
                Ok(Some(step)) => chains.entry(key).or_default().push(step),
                Ok(None) => (),
                Err(unfit) => *outcome = Outcome::Unfit(unfit),
            }
        }
        let mut chains: Vec<Chain> = chains.into_values().collect();
        chains.iter_mut().for_each(leave_out_covered);
        (chains, outcomes)
    }

    fn step(&self, index: usize, origin: &Origin, write: &Write, now_ms: i64) -> Result<Option<Step>, Unfit> {
        let mut state = None;
        let item = match write {
            Write::Datapoint => return Ok(None),
            Write::Event(event) => item::event(event, self.ttl, now_ms)?,
            Write::Newer(raw) => item::newer(origin, raw, now_ms)?,
            Write::Transition(t) => {
                state = Some(Put { item: item::current(t, now_ms)?, over: Some(t.rank.clone()) });
                item::history(t, self.ttl, now_ms)?
            }
        };
        Ok(Some(Step { index, put: Put { item, over: None }, state }))
    }
}

/// A state that the next one covers is not written: an instance that chatters costs one state a batch.
fn leave_out_covered(chain: &mut Chain) {
    let mut later: Option<Rank> = None;
    for step in chain.iter_mut().rev() {
        let rank = step.state.as_ref().and_then(|state| state.over.clone());
        if let (Some(later), Some(rank)) = (&later, &rank)
            && later.covers(rank)
        {
            step.state = None;
        }
        later = rank;
    }
}

async fn walk(client: Client, table: Name, chain: Chain) -> Result<Vec<(usize, Outcome)>, Fault> {
    let mut outcomes = Vec::with_capacity(chain.len());
    for Step { index, put, state } in chain {
        outcomes.push((index, write(&client, &table, put).await?));
        if let Some(state) = state {
            // One that does not supersede what is there has done its part, too.
            write(&client, &table, state).await?;
        }
    }
    Ok(outcomes)
}

async fn write(client: &Client, table: &Name, put: Put) -> Result<Outcome, Fault> {
    let id = put.item.get("id").cloned();
    let call = put.call(client, table);
    let (mut throttled_left, mut unreachable_left) = (THROTTLED_MAX, UNREACHABLE_MAX);
    let mut failed = 0;
    loop {
        let error = match call.clone().send().await {
            Ok(_) => return Ok(Outcome::Stored),
            Err(error) => error,
        };
        if let Some(PutItemError::ConditionalCheckFailedException(there)) = error.as_service_error() {
            let same = there.item().is_some_and(|item| item.get("id") == id.as_ref());
            return Ok(if same { Outcome::Known } else { Outcome::Taken });
        }
        let fault = Fault::from(error);
        let left = match fault {
            Fault::Throttled => &mut throttled_left,
            Fault::Unreachable(_) => &mut unreachable_left,
            _ => return Err(fault),
        };
        let Some(fewer) = left.checked_sub(1) else { return Err(fault) };
        *left = fewer;
        tokio::time::sleep(pause(failed, PAUSE.0, PAUSE.1)).await;
        failed += 1;
    }
}

impl Put {
    fn call(self, client: &Client, table: &Name) -> PutItemFluentBuilder {
        let call = client.put_item().table_name(table.as_str()).set_item(Some(self.item));
        match self.over {
            None => call.condition_expression(ABSENT).return_values_on_condition_check_failure(AllOld),
            Some(rank) => call
                .condition_expression(SUPERSEDES)
                .expression_attribute_names("#incarnation", "incarnation")
                .expression_attribute_names("#seq", "seq")
                .expression_attribute_names("#detectedAt", "detectedAt")
                .expression_attribute_values(":i", item::text(rank.incarnation))
                .expression_attribute_values(":s", item::number(rank.sequence_number))
                .expression_attribute_values(":d", item::number(rank.detected_at)),
        }
    }
}
