//! What goes into a step of the engine, what comes out of it, and how the engine goes about it.
//!
//! Here: inputs, outputs, options, sums. Not here: what is done with them (`engine`).
//! Invariant: inputs are a closed enum, so that a log of them replays a day exactly.

use std::collections::BTreeMap;

use proto::{Flags, Happening, Notification, Quality, Transition};

use crate::calendar::Zone;
use crate::inventory::{SourceId, TagId};
use crate::operator::{Command, Refused};
use crate::ruleset::RuleSet;
use crate::stored::NotAState;
use crate::time::Millis;
use crate::value::Held;

/// What a datapoint speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// A tag.
    Tag(TagId),
    /// `$heartbeat`: the source lives.
    Heartbeat,
    /// `$connected`: whether the source is connected.
    Connected(bool),
}

/// A datapoint as the engine takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Datapoint {
    /// What it speaks of.
    pub subject: Subject,
    /// Event time, ms since 1970 UTC.
    pub timestamp: i64,
    /// The value, or why there is none.
    pub value: Held,
    /// How far it may be trusted.
    pub quality: Quality,
    /// The flags of the unified JSON.
    pub flags: Flags,
    /// Counts the datapoints of the source.
    pub sequence: u64,
}

/// What a source delivered at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The source.
    pub source: SourceId,
    /// In the order of delivery.
    pub datapoints: Vec<Datapoint>,
}

/// All that can happen to the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// Datapoints came.
    Datapoints(Batch),
    /// Nothing came, but [`Engine::deadline`](crate::engine::Engine::deadline) did.
    Clock,
    /// Other rules are in force, from here on.
    Rules(RuleSet),
    /// Somebody does something to a rule of a machine.
    Operator(Command),
    /// The agent's clock was set back: `at` begins again, and with it event time.
    Epoch,
}

/// Who speaks in transitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `agentId`.
    pub agent_id: String,
    /// 16 hexadecimal digits.
    pub incarnation: String,
    /// The site.
    pub site: Option<String>,
}

/// What becomes of a datapoint that comes after the watermark has passed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Late {
    /// It is applied just behind the watermark.
    #[default]
    Apply,
    /// It is dropped.
    Drop,
}

/// Which sources share a watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Those that own the tags of an instance: a slow labeller never delays a filler's rule.
    #[default]
    Inputs,
    /// All of them.
    Global,
}

/// Which sources are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expect {
    /// All that are declared, each from the start.
    #[default]
    Declared,
    /// Those that were heard of.
    Seen,
}

/// How the engine goes about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// What becomes of late datapoints.
    pub late: Late,
    /// Which sources share a watermark.
    pub reach: Reach,
    /// Which sources are waited for.
    pub expect: Expect,
    /// Datapoints that may wait in all scopes together (§3.9).
    pub waiting_max: usize,
    /// A stored watermark that is further ahead of the start means that the clock was set back, ms.
    pub future_bound: Millis,
    /// Whether what outlives the rules is kept: [`Outputs::states`], and the last values, on which rules to come are
    /// judged at once. A replay under the same rules needs neither.
    pub keeps_states: bool,
    /// Where `hour()` and `weekday()` are.
    pub zone: Zone,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            late: Late::default(),
            reach: Reach::default(),
            expect: Expect::default(),
            waiting_max: 100_000,
            future_bound: 5_000,
            keeps_states: true,
            zone: Zone::default(),
        }
    }
}

/// Sums since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Datapoints of tags that came.
    pub datapoints: u64,
    /// Of these, late in at least one scope.
    pub late: u64,
    /// Applications to a scope.
    pub applied: u64,
    /// Not applied to a scope: late and dropped, or overtaken by a newer value.
    pub dropped: u64,
    /// Transitions.
    pub transitions: u64,
    /// Times the waiting room was full and a watermark was raised.
    pub raised: u64,
    /// Datapoints with a code that the table of their tag does not list: it equals nothing (§4).
    pub unlisted: u64,
}

/// What a step brings about.
#[derive(Debug, Default, PartialEq)]
pub struct Outputs {
    /// Transitions, in the order in which they were found.
    pub transitions: Vec<Transition>,
    /// The stored form of the instances that made them, to be kept together with them.
    pub states: Vec<(String, Vec<u8>)>,
    /// Datapoints that came late: the source, and by how much, ms.
    pub late: Vec<(SourceId, Millis)>,
    /// Who is to be told of a transition, at once or again.
    pub notifications: Vec<Notification>,
    /// What happened to the rules besides their transitions: chattering, floods, what people did.
    pub events: Vec<Happening>,
    /// Why nothing was done of what somebody wanted.
    pub refused: Option<Refused>,
}

impl Outputs {
    /// Forgets everything, and keeps the room.
    pub fn clear(&mut self) {
        self.transitions.clear();
        self.states.clear();
        self.late.clear();
        self.notifications.clear();
        self.events.clear();
        self.refused = None;
    }

    /// Of several changes of one instance only the last state is worth keeping.
    pub(crate) fn keep_latest(&mut self) {
        if self.states.len() < 2 {
            return;
        }
        let latest: BTreeMap<String, Vec<u8>> = self.states.drain(..).collect();
        self.states.extend(latest);
    }
}

/// What became of stored state at the start.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Instances whose state could not be read: the key, and why. They begin anew.
    pub unreadable: Vec<(String, NotAState)>,
    /// Watermarks that could not be read: of which sources, and why. Those of their instances stand in for them.
    pub marks_unreadable: Vec<(String, NotAState)>,
    /// The stored watermark stood so far ahead of the start that the clock must have been set back, ms.
    pub clock_back: Option<Millis>,
}
