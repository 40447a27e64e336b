//! The state of an instance as it outlives the process (§8).
//!
//! Here: its bytes, and the way back. Not here: what of them still fits an edited rule (`edited`), the watermark of its
//! scope (`mark`), where the bytes are kept.
//! Invariant: the first byte is the format; bytes of another format are refused, never guessed at.

mod edited;
pub(crate) mod mark;

use proto::Severity;
use serde::{Deserialize, Serialize};

use crate::action::Running;
use crate::activation::Activations;
use crate::condition::Phase;
use crate::gate::{Gate, StoredGate};
use crate::group::{By, Vote};
use crate::instance::{Instance, REMOVED, State};
use crate::shelf::{Shelf, Silence};
use crate::time;
use mark::Marks;

/// The format that is written.
const FORMAT: u8 = 2;
/// More transitions than an instance makes, and exact in every reader of JSON.
const SEQUENCE_MAX: u64 = 1 << 53;

/// Why stored bytes are not the state of an instance.
#[derive(Debug, thiserror::Error)]
pub enum NotAState {
    /// Another format, or no bytes at all.
    #[error("format {0:?}, this version reads {FORMAT}")]
    Format(Option<u8>),
    /// The right format, but damaged.
    #[error("damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    /// Read, but no engine can have written it.
    #[error("damaged: it holds impossible instants or numbers")]
    Impossible,
}

/// The state of an instance at a watermark.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// How far the instance had been judged, ms since 1970 UTC.
    pub watermark: i64,
    /// The name of its scope, whose watermark may have gone on since; none: of one whose rule was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    sequence: u64,
    since: Option<i64>,
    state: String,
    severity: Severity,
    weight: u32,
    winner: Option<(Option<String>, By)>,
    /// It was so because of something Unknown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    in_doubt: bool,
    groups: Vec<StoredGroup>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gate: Option<StoredGate>,
    #[serde(flatten)]
    silence: StoredSilence,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    activations: Option<([i64; 2], bool)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    running: Vec<Running>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct StoredSilence {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suppress: Option<StoredGate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shelf: Option<Box<Shelf>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out_of_service: Option<Box<Shelf>>,
    /// It was silent, and whether its state began so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silent: Option<bool>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredGroup {
    name: Option<String>,
    vote: Option<Vote>,
    ever_decided: bool,
    gave_up: bool,
    conditions: Vec<StoredCondition>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredCondition {
    name: String,
    identity: String,
    phase: Phase,
}

impl Stored {
    /// Reads the bytes that were stored.
    ///
    /// # Errors
    /// When the bytes are of another format or damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAState> {
        let stored: Self = match bytes.split_first() {
            Some((&FORMAT, json)) => serde_json::from_slice(json)?,
            other => return Err(NotAState::Format(other.map(|(format, _)| *format))),
        };
        if stored.is_plausible() { Ok(stored) } else { Err(NotAState::Impossible) }
    }

    fn is_plausible(&self) -> bool {
        time::are_bounded(self.since.into_iter().chain([self.watermark]))
            && self.sequence <= SEQUENCE_MAX
            && self.groups.iter().flat_map(|g| &g.conditions).all(|c| c.phase.is_plausible())
            && self.running.iter().all(Running::is_plausible)
            && time::are_bounded(self.activations.iter().flat_map(|(last, _)| *last))
            && time::are_bounded(self.silence.shelf.iter().filter_map(|shelf| shelf.until))
    }

    /// Lets a new instance of the same rule and machine go on after a restart: time stood still.
    pub(crate) fn resume(self, instance: &mut Instance) {
        let until = self.watermark;
        self.restore(instance);
        // One that had not begun has nothing to go on with, but had a watermark.
        if instance.since.is_some() {
            instance.pause(until);
        }
    }

    /// The greatest watermark that the instance had.
    pub(crate) fn mark(&self, marks: &Marks) -> i64 {
        self.scope.as_ref().map_or(self.watermark, |scope| self.watermark.max(marks.of(scope)))
    }

    /// As it is left where its rule did not come back: the scope may go on without it.
    pub(crate) fn left(mut self, marks: &Marks) -> Option<Self> {
        let mark = self.mark(marks);
        self.scope.take()?;
        self.watermark = mark;
        Some(self)
    }

    /// How many transitions the instance had made.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Nothing but the counter: the instance goes on under another name.
    pub(crate) fn counter(&self) -> Self {
        Self {
            watermark: self.watermark,
            scope: None,
            sequence: self.sequence,
            since: None,
            state: REMOVED.into(),
            severity: Severity::Info,
            weight: 0,
            winner: None,
            in_doubt: false,
            groups: Vec::new(),
            gate: None,
            silence: StoredSilence::default(),
            activations: None,
            running: Vec::new(),
        }
    }

    /// Whether only the counter of it goes on.
    pub(crate) fn is_removed(&self) -> bool {
        self.state == REMOVED
    }

    /// Whether there is anything in it to go on with: it had begun, or somebody had silenced it.
    pub(crate) fn goes_on(&self) -> bool {
        self.since.is_some() || self.silence.shelf.is_some() || self.silence.out_of_service.is_some()
    }

    /// Puts the stored state into a new instance of the same rule and machine, which may have been edited. Of a
    /// rule that was removed in between only the counter goes on.
    pub(crate) fn restore(self, instance: &mut Instance) {
        instance.sequence = self.sequence;
        if self.state == REMOVED {
            return;
        }
        let plan = std::sync::Arc::clone(&instance.plan);
        let place = |name: &Option<String>| plan.rule.groups.iter().position(|g| g.name == *name);
        let winner = self.winner.as_ref().and_then(|(name, by)| {
            let (group, stored) = (place(name)?, self.groups.iter().find(|g| g.name == *name)?);
            Some((group, stored.replaced(*by, &plan.rule.groups[group].states)))
        });
        for mut stored in self.groups {
            let Some(place) = place(&stored.name) else { continue };
            let (standing, group) = (&mut instance.groups[place], &plan.rule.groups[place]);
            for i in 0..group.states.len() {
                let (phase, same) = stored.phase(&group.states, &plan.conditions[place], i);
                standing.phases[i] = phase;
                standing.edited.extend((!same && phase.is_on()).then_some(i));
            }
            standing.vote = stored.vote.take().and_then(|vote| stored.vote_in(vote, group));
            (standing.ever_decided, standing.gave_up) = (stored.ever_decided, stored.gave_up);
        }
        instance.state = State::of(self.state, self.severity, self.weight, winner);
        instance.state.in_doubt |= self.in_doubt;
        instance.since = self.since;
        // A gate that is new does not shut a rule out that was judged without it, until it says so.
        let judged = self.since.map(|_| Gate::of(true));
        let gate = self.gate.map(Gate::restored).or(judged);
        instance.gate = instance.gate.map(|new| gate.unwrap_or(new));
        let suppress = self.silence.suppress.map_or(Gate::default(), Gate::restored);
        instance.silence = Silence {
            gate: instance.silence.gate.map(|_| suppress),
            shelf: self.silence.shelf,
            out_of_service: self.silence.out_of_service,
            was: self.silence.silent.is_some(),
            began_under: self.silence.silent == Some(true),
        };
        let activations = |(last, chattering)| Activations { last, chattering };
        instance.activations = self.activations.map(activations).unwrap_or_default();
        let goes_on = |running: &Running| running.is_repeated(&plan.rule.actions);
        instance.running = self.running.into_iter().filter(goes_on).collect();
    }
}

/// The bytes that keep an instance's state, as it stands at this watermark.
pub(crate) fn bytes(instance: &Instance, watermark: i64) -> Vec<u8> {
    bytes_of(&stored(instance, watermark))
}

/// The bytes of a state.
pub(crate) fn bytes_of(stored: &Stored) -> Vec<u8> {
    let mut bytes = vec![FORMAT];
    // Names, numbers and flags only: serde_json has nothing to refuse.
    serde_json::to_writer(&mut bytes, stored).ok();
    bytes
}

/// An instance's state, as it stands at this watermark.
pub(crate) fn stored(instance: &Instance, watermark: i64) -> Stored {
    let rule = &instance.plan.rule;
    let group = |(i, standing): (usize, &crate::group::Standing)| StoredGroup {
        name: rule.groups[i].name.clone(),
        vote: standing.vote.clone(),
        ever_decided: standing.ever_decided,
        gave_up: standing.gave_up,
        conditions: (0..standing.phases.len())
            .map(|s| StoredCondition {
                name: rule.groups[i].states[s].named.name.clone(),
                // On under a condition that was edited: under neither.
                identity: match standing.edited.contains(&s) {
                    true => String::new(),
                    false => instance.plan.conditions[i][s].identity.clone(),
                },
                phase: standing.phases[s],
            })
            .collect(),
    };
    let winner = instance.state.winner;
    Stored {
        watermark,
        scope: Some(instance.scope.to_string()),
        sequence: instance.sequence,
        since: instance.since,
        state: instance.state.name.clone(),
        severity: instance.state.severity,
        weight: instance.state.weight,
        winner: winner.map(|(i, by)| (rule.groups[i].name.clone(), by)),
        in_doubt: instance.state.in_doubt,
        groups: instance.groups.iter().enumerate().map(group).collect(),
        gate: instance.gate.as_ref().map(Gate::stored),
        silence: stored_silence(&instance.silence),
        activations: (instance.activations != Activations::default())
            .then_some((instance.activations.last, instance.activations.chattering)),
        running: instance.running.clone(),
    }
}

fn stored_silence(silence: &Silence) -> StoredSilence {
    StoredSilence {
        suppress: silence.gate.as_ref().map(Gate::stored),
        shelf: silence.shelf.clone(),
        out_of_service: silence.out_of_service.clone(),
        silent: silence.was.then_some(silence.began_under),
    }
}

#[cfg(test)]
mod tests;
