//! What comes of a step, and what core itself has to say: all of it joins the commit that fills.
//!
//! Here: transitions, notifications, events, the state of instances, losses. Not here: when that commit is written
//! (`writer`), what an event looks like (`announce`).
//! Invariant: the state of an instance joins the same commit as the transition it made.

use proto::{Happening, Notification};
use rules::engine::Outputs;

use super::Core;
use crate::outbox::{Entry, Kind};

impl Core {
    /// Says something about the agent, with the next commit.
    pub fn announce(&mut self, happening: Happening) {
        let kind = if matches!(happening, Happening::Gap { .. }) { Kind::Gap } else { Kind::Event };
        let entry = self.announcer.entry(happening, self.at);
        if let Some((key, json)) = entry {
            self.writer.entry(Entry { kind, key, json });
        }
        self.writer.note(self.announcer.note());
    }

    /// What a step brought about joins the commit that fills.
    pub(super) fn take(&mut self, outputs: Outputs) {
        for (source, behind_ms) in outputs.late {
            self.board.late(source);
            self.sources[source.0 as usize].late(behind_ms);
        }
        for transition in outputs.transitions {
            match serde_json::to_vec(&transition) {
                Ok(json) => {
                    let key = transition.equipment_id.clone();
                    self.writer.entry(Entry { kind: Kind::Transition, key, json });
                    self.board.tell(transition);
                }
                Err(e) => {
                    tracing::error!(rule = transition.rule_id, error = %e, "transition cannot be written")
                }
            }
        }
        outputs.notifications.iter().for_each(|notification| self.notify(notification));
        outputs.events.into_iter().for_each(|happening| self.announce(happening));
        self.writer.states(outputs.states);
    }

    /// A notification goes where the transitions go: there is no other way in this version.
    fn notify(&mut self, notification: &Notification) {
        let target = &notification.target;
        let is_declared = self.inventory.targets().is_some_and(|names| names.contains(target));
        if !is_declared && self.targets_missed.insert(target.clone()) {
            tracing::warn!(
                rule = notification.rule_id,
                notify = target,
                "a rule notifies somebody whom agent.toml does not name: it goes to the stream under that name"
            );
        }
        match serde_json::to_vec(notification) {
            Ok(json) => {
                // Like an event, it may be let go of before the transition that it tells of.
                self.writer.entry(Entry { kind: Kind::Event, key: notification.equipment_id.clone(), json });
            }
            Err(e) => {
                tracing::error!(rule = notification.rule_id, error = %e, "notification cannot be written")
            }
        }
    }

    pub(super) fn store_state(&mut self) {
        // Nothing is forgotten by waiting, and on a full disk the same states would pile up here (I8).
        if self.writer.is_full() {
            return;
        }
        self.writer.states(self.engine.unsaved());
    }

    /// What of the sources came late or was lost, all of the late first.
    pub(super) fn tell_of_sources(&mut self) {
        let at = self.at;
        let late: Vec<_> = self.sources.iter_mut().filter_map(|book| book.tell_late(at)).collect();
        let lost: Vec<_> = self.sources.iter_mut().filter_map(|book| book.tell_lost(at)).collect();
        late.into_iter().chain(lost).for_each(|happening| self.announce(happening));
    }

    /// What the ledger lost gets its gap event (I8).
    pub(super) fn tell_losses(&mut self) {
        for loss in self.writer.losses() {
            tracing::error!(
                first = loss.first,
                last = loss.last,
                reason = loss.reason,
                "entries of the outbox are lost"
            );
            let (first, last, count) = (loss.first, Some(loss.last), loss.count);
            self.board.lose(count.unwrap_or(0));
            self.announce(Happening::Gap { of: "outbox".into(), count, first, last, reason: loss.reason });
        }
    }
}
