//! What people do to a rule of a machine: shelve, unshelve, reset, out of service and back (§7.6, §6).
//!
//! It happens between two instants, at the watermark of the instance's scope, and is judged at once. Here: what can be
//! done, what is refused and why. Not here: who may do it (whoever has the socket), what silence means (`shelf`).
//! Invariant: who did it and why is recorded with everything that follows from it; what is refused changes nothing.

use proto::event::OperatorAction;
use serde::{Deserialize, Serialize};

use crate::engine::{Engine, Outputs};
use crate::expr::eval::Truth;
use crate::instance::Instance;
use crate::scope::Scope;
use crate::shelf::{SHELVED_MAX, Shelf};
use crate::telling::operator_event;
use crate::time::{self, Millis};

/// More than anybody writes as a reason, bytes.
const TEXT_MAX: usize = 1024;

/// Something that somebody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// The rule.
    pub rule: String,
    /// The machine, by its name or its id.
    pub machine: String,
    /// Who does it.
    pub who: String,
    /// Why.
    pub why: String,
    /// What is done.
    pub order: Order,
}

/// What can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// Nobody is told of the rule for so long, ms.
    Shelve(Millis),
    /// Nobody is told of it until it is normal again, and for 24 h at most.
    ShelveOnce,
    /// Shelving ends.
    Unshelve,
    /// Latched states are let go of.
    Reset,
    /// Nobody is told of the rule until it is given back.
    OutOfService,
    /// It is given back.
    InService,
}

/// Why something is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No such instance.
    #[error("rule `{rule}` is not in force on machine `{machine}`")]
    Nowhere {
        /// The rule that was named.
        rule: String,
        /// The machine that was named.
        machine: String,
    },
    /// Nobody, or no reason, or far too long a one.
    #[error("say who does this and why, each in at most {TEXT_MAX} bytes")]
    WhoAndWhy,
    /// No time, or too long.
    #[error("a rule is shelved for at most 24 h, and for longer than no time at all")]
    TooLong,
    /// There is nothing to end.
    #[error("the rule is not shelved there")]
    NotShelved,
    /// It is out of service already.
    #[error("the rule is out of service there already")]
    OutAlready,
    /// It is in service already.
    #[error("the rule is in service there already")]
    InAlready,
    /// There is nothing to reset.
    #[error("no state of the rule is latched there")]
    NothingLatched,
    /// What was latched still holds.
    #[error("`{0}` cannot be reset while its condition holds")]
    StillTrue(String),
}

impl Engine {
    /// Does what somebody wants, or says why not.
    pub(crate) fn operate(&mut self, command: &Command, outputs: &mut Outputs) -> Result<(), Refused> {
        let is_said = |text: &str| (1..=TEXT_MAX).contains(&text.trim().len());
        if !is_said(&command.who) || !is_said(&command.why) {
            return Err(Refused::WhoAndWhy);
        }
        let (scope, place) = self.find(&command.rule, &command.machine).ok_or_else(|| Refused::Nowhere {
            rule: command.rule.clone(),
            machine: command.machine.clone(),
        })?;
        self.settle();
        let at = self.at;
        let instance = &mut self.scopes[scope].instances[place];
        let (action, shelf) = instance.obey(command, at)?;
        let machine = self.inventory.machine(instance.plan.machine);
        outputs.events.push(operator_event(action, instance, machine, &shelf));
        let operator = proto::Operator { who: shelf.who, why: shelf.why };
        let before = outputs.transitions.len();
        self.with_scope(scope, outputs, |scope: &mut Scope, going| scope.judge_again(place, going));
        // A shelving ends by time alone, also where no source is waited for.
        self.look_when_followers_are_due();
        for transition in &mut outputs.transitions[before..] {
            transition.operator = Some(operator.clone());
        }
        Ok(())
    }

    /// The rules in force, each with the name of a machine that it is on.
    pub fn in_force(&self) -> impl Iterator<Item = (&str, &str)> {
        let instances = self.scopes.iter().flat_map(|scope| &scope.instances);
        instances.map(|instance| {
            let machine = self.inventory.machine(instance.plan.machine);
            (instance.plan.rule.name.value.as_str(), machine.name.as_str())
        })
    }

    /// The state of a rule on a machine, which is called by its name or its id; none: it is not there.
    #[must_use]
    pub fn state_of(&self, rule: &str, machine: &str) -> Option<&str> {
        let (scope, place) = self.find(rule, machine)?;
        Some(&self.scopes[scope].instances[place].state.name)
    }

    fn find(&self, rule: &str, machine: &str) -> Option<(usize, usize)> {
        let is = |instance: &Instance| {
            let own = self.inventory.machine(instance.plan.machine);
            instance.plan.rule.name.value == rule && (own.name == machine || own.id == machine)
        };
        let mut scopes = self.scopes.iter().enumerate();
        scopes.find_map(|(i, scope)| Some((i, scope.instances.iter().position(is)?)))
    }
}

impl Instance {
    /// Does it, as far as it can be done without judging; gives what is recorded of it.
    fn obey(&mut self, command: &Command, at: i64) -> Result<(OperatorAction, Shelf), Refused> {
        let mut shelf =
            Shelf { who: command.who.clone(), why: command.why.clone(), until: None, once: false };
        let action = match command.order {
            Order::Shelve(length) if !(1..=SHELVED_MAX).contains(&length) => return Err(Refused::TooLong),
            Order::Shelve(length) => {
                shelf.until = Some(time::bounded(at + length));
                self.silence.shelf = Some(Box::new(shelf.clone()));
                OperatorAction::Shelve
            }
            Order::ShelveOnce => {
                (shelf.until, shelf.once) = (Some(time::bounded(at + SHELVED_MAX)), true);
                self.silence.shelf = Some(Box::new(shelf.clone()));
                OperatorAction::ShelveOnce
            }
            Order::Unshelve => {
                self.silence.shelf.take().ok_or(Refused::NotShelved)?;
                OperatorAction::Unshelve
            }
            Order::OutOfService if self.silence.out_of_service.is_some() => return Err(Refused::OutAlready),
            Order::OutOfService => {
                self.silence.out_of_service = Some(Box::new(shelf.clone()));
                OperatorAction::OutOfService
            }
            Order::InService => {
                self.silence.out_of_service.take().ok_or(Refused::InAlready)?;
                OperatorAction::InService
            }
            Order::Reset => {
                self.reset()?;
                OperatorAction::Reset
            }
        };
        if command.order == Order::Reset {
            self.forced.reset = true;
        } else {
            self.forced.silence = true;
        }
        self.unsaved = true;
        Ok((action, shelf))
    }

    /// Lets go of what is latched and does not hold any more; refused when there is nothing of that kind.
    fn reset(&mut self) -> Result<(), Refused> {
        let (mut done, mut holds) = (false, None);
        for (standing, group) in self.groups.iter_mut().zip(&self.plan.rule.groups) {
            let latched: Vec<usize> = standing.latched(group).collect();
            for state in latched {
                if standing.says[state].when == Truth::True {
                    holds.get_or_insert_with(|| group.states[state].named.name.clone());
                } else {
                    standing.reset(state);
                    done = true;
                }
            }
        }
        match holds {
            _ if done => Ok(()),
            Some(name) => Err(Refused::StillTrue(name)),
            None => Err(Refused::NothingLatched),
        }
    }
}
