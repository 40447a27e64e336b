//! The state of an instance as it outlives the process (§8).
//!
//! Here: its bytes, and what of them still fits an edited rule. Not here: where the bytes are kept.
//! Invariant: the first byte is the format; bytes of another format are refused, never guessed at. States are
//! found again by their names; a delay that ran under another condition begins anew.

use proto::Severity;
use serde::{Deserialize, Serialize};

use crate::action::Running;
use crate::activation::Activations;
use crate::condition::Phase;
use crate::file::{Group, State as RuleState};
use crate::gate::{Gate, StoredGate};
use crate::group::{By, Vote};
use crate::instance::{Instance, REMOVED, State};
use crate::ruleset::BoundCondition;
use crate::shelf::{Shelf, Silence};
use crate::time;

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
    sequence: u64,
    since: Option<i64>,
    state: String,
    severity: Severity,
    weight: u32,
    winner: Option<(Option<String>, By)>,
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
        // One that had not begun has nothing to go on with; only the watermark of its scope was kept with it.
        if instance.since.is_some() {
            instance.pause(until);
        }
    }

    /// How many transitions the instance had made.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Nothing but the counter: the instance goes on under another name.
    pub(crate) fn counter(&self) -> Self {
        Self {
            watermark: self.watermark,
            sequence: self.sequence,
            since: None,
            state: REMOVED.into(),
            severity: Severity::Info,
            weight: 0,
            winner: None,
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
            for (i, state) in group.states.iter().enumerate() {
                let (phase, same) = stored.phase(&state.named.name, &plan.conditions[place], i);
                standing.phases[i] = phase;
                standing.edited.extend((!same && phase.is_on()).then_some(i));
            }
            standing.vote = stored.vote.take().and_then(|vote| stored.vote_in(vote, group));
            (standing.ever_decided, standing.gave_up) = (stored.ever_decided, stored.gave_up);
        }
        instance.state = State { name: self.state, severity: self.severity, weight: self.weight, winner };
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
        let running = self.running.len();
        let goes_on = |running: &Running| running.is_repeated(&plan.rule.actions);
        instance.running = self.running.into_iter().filter(goes_on).collect();
        // What ended with an edit does not come back with the next one.
        instance.unsaved |= instance.running.len() < running;
    }
}

impl StoredGroup {
    /// The phase of a state's condition, and whether it was reached under that very condition. What is On stays On
    /// under an edited one too, until that says otherwise; what was counted towards another condition counts for
    /// nothing (§8).
    fn phase(&self, name: &str, conditions: &[BoundCondition], place: usize) -> (Phase, bool) {
        let named = || self.conditions.iter().filter(|c| c.name == name);
        if let Some(same) = named().find(|c| c.identity == conditions[place].identity) {
            return (same.phase, true);
        }
        // A name may have several levels of severity: those that are as they were are not taken for an edited one.
        let is_gone = |c: &&StoredCondition| conditions.iter().all(|other| other.identity != c.identity);
        let on = named().filter(is_gone).find_map(|c| c.phase.on());
        (on.map_or(Phase::Off, |(since, entered)| Phase::On { since, entered }), false)
    }

    /// A vote as the edited group casts it: the last one is kept while nothing better is known, but its name, weight and
    /// severity are those that the file gives by now. That of a state that is gone stays as it was.
    fn vote_in(&self, vote: Vote, group: &Group) -> Option<Vote> {
        let by = self.replaced(vote.by, &group.states);
        match by {
            By::State(i) | By::Known(i) => Some(Vote::of(&group.states[i].named, by)),
            By::Otherwise => group.otherwise.as_ref().map(|named| Vote::of(named, by)),
            By::Gone | By::Unknown => Some(Vote { by, ..vote }),
        }
    }

    /// The same reason, with the place that its state has in the edited rule. A state that is gone has none.
    fn replaced(&self, by: By, states: &[RuleState]) -> By {
        let place = |old: usize| {
            let name = &self.conditions.get(old)?.name;
            states.iter().position(|s| s.named.name == *name)
        };
        match by {
            By::State(old) => place(old).map_or(By::Gone, By::State),
            By::Known(old) => place(old).map_or(By::Unknown, By::Known),
            By::Otherwise | By::Gone | By::Unknown => by,
        }
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
        sequence: instance.sequence,
        since: instance.since,
        state: instance.state.name.clone(),
        severity: instance.state.severity,
        weight: instance.state.weight,
        winner: winner.map(|(i, by)| (rule.groups[i].name.clone(), by)),
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
