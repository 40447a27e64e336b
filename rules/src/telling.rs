//! What an instance has to say at an instant, put into words: its transition, notifications, events (§7.7, §7.9).
//!
//! Here: all of it, and that the instance's state is stored with it. Not here: the transition itself (`explain`).
//! Invariant: what is told and what is stored with it belong to the same instant.

use proto::event::OperatorAction;
use proto::notification::NotificationKind;
use proto::{Happening, Notification};

use crate::action::Notice;
use crate::activation::Activation;
use crate::explain::Teller;
use crate::instance::{Change, Instance, Moved};
use crate::inventory::Machine;
use crate::scope::Going;
use crate::shelf::Shelf;
use crate::signals::Signals;

impl Going<'_> {
    /// Tells what an instant has brought about for an instance; `watermark` is that of its scope.
    pub(crate) fn tell(
        &mut self,
        instance: &mut Instance,
        signals: &Signals,
        moved: Moved,
        (now, watermark): (i64, i64),
    ) {
        if moved.change.is_none() && moved.ended.is_none() && instance.running.is_empty() {
            return;
        }
        let (identity, inventory) = (self.identity, self.inventory);
        let machine = inventory.machine(instance.plan.machine);
        let teller = Teller { identity, inventory, signals, at: self.at, watermark, zone: self.zone };
        if let Some(shelf) = moved.ended {
            let action = OperatorAction::Unshelved;
            self.told.events.push(operator_event(action, instance, machine, &shelf));
        }
        let transition = moved.change.as_ref().map(|change| teller.tell(instance, change, now));
        let id = transition.as_ref().map(|transition| transition.id.clone());
        let notices = instance.notices(moved.change.as_ref().zip(id.as_deref()), (now, watermark));
        let says = transition.is_some() || !notices.is_empty();
        self.told.transitions.extend(transition);
        for notice in notices {
            self.told.notifications.push(self.notification(&teller, instance, notice, now));
        }
        if let Some(change) = moved.change {
            self.counts.transitions += 1;
            self.count(instance, machine, &change, now);
        }
        if says && self.keeps_states {
            self.told.states.push((instance.plan.key(inventory), crate::stored::bytes(instance, now)));
            instance.unsaved = false;
        }
    }

    fn notification(
        &self,
        teller: &Teller<'_>,
        instance: &Instance,
        notice: Notice,
        now: i64,
    ) -> Notification {
        let (identity, machine) = (self.identity, self.inventory.machine(instance.plan.machine));
        Notification {
            kind: NotificationKind::Notification,
            version: proto::VERSION,
            id: proto::id::notification(&notice.transition, &notice.target, notice.n),
            agent_id: identity.agent_id.clone(),
            incarnation: identity.incarnation.clone(),
            site: identity.site.clone(),
            transition_id: notice.transition,
            target: notice.target,
            n: notice.n,
            timestamp: now,
            rule_id: instance.plan.rule.name.value.clone(),
            equipment_id: machine.id.clone(),
            equipment: machine.name.clone(),
            state: instance.state.name.clone(),
            severity: instance.state.severity,
            text: teller.text(instance),
        }
    }

    /// Counts an activation: on the instance it has been counted already, here on the line.
    fn count(&mut self, instance: &Instance, machine: &Machine, change: &Change, now: i64) {
        let Some(activated) = change.activation else { return };
        let (rule_id, equipment_id) = (instance.plan.rule.name.value.clone(), machine.id.clone());
        if let Some(line) = &machine.line {
            let (rule, machine, line) = (rule_id.clone(), equipment_id.clone(), line.clone());
            self.activations.push(Activation { timestamp: now, rule, machine, line });
        }
        if activated.begins {
            self.told.events.push(Happening::Chattering { rule_id, equipment_id, since: now });
        }
    }
}

/// What somebody did, or what ended of it.
pub(crate) fn operator_event(
    action: OperatorAction,
    instance: &Instance,
    machine: &Machine,
    shelf: &Shelf,
) -> Happening {
    Happening::Operator {
        action,
        rule_id: instance.plan.rule.name.value.clone(),
        equipment_id: machine.id.clone(),
        who: shelf.who.clone(),
        why: shelf.why.clone(),
        until: shelf.until,
    }
}
