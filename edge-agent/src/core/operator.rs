//! What operators ask for: stepped like any other input, answered when it is kept.
//!
//! Here: the way from a command to its answer, and in which words it is refused. Not here: what it does to a rule
//! (`rules::operator`), who may command (`control`).
//! Invariant: what is answered as done is durable; on a full disk nothing is begun.

use proto::Happening;
use rules::diagnose::did_you_mean;
use rules::engine::{Engine, Input, Outputs};
use rules::operator::{Command, Refused};

use super::Core;
use crate::control::{Answer, Asked, Done};
use crate::recording::Moment;

/// A name that is longer is no name of a rule or machine: it is not said back.
const NAME_MAX: usize = 128;
/// Machines that are named to somebody who asked for the wrong one.
const NAMED_MAX: usize = 5;

impl Core {
    /// Does what somebody wants, or says why not.
    pub(super) fn obey(&mut self, (command, reply): Asked) {
        if self.writer.is_full() {
            let why = "the disk is full: nothing could be kept of it, so nothing was done";
            // Whoever asked may have left.
            drop(reply.send(Answer::Refused(why.to_owned())));
            return;
        }
        self.at = self.at.max(self.clock.now());
        if let Some(recorder) = &mut self.recorder {
            recorder.moment(Moment::Operator { at: self.at, command: command.clone() });
        }
        let outputs = self.engine.step(Input::Operator(command.clone()), self.at);
        let refused = outputs.refused.as_ref().map(|refused| self.in_words(refused));
        let done = done(&self.engine, &command, &outputs);
        self.take(outputs);
        match refused {
            Some(why) => {
                tracing::info!(who = command.who, why, "an operator was refused");
                drop(reply.send(Answer::Refused(why)));
            }
            None => self.writer.answer(reply, Answer::Done(done)),
        }
    }

    fn in_words(&self, refused: &Refused) -> String {
        match refused {
            Refused::Nowhere { rule, machine } if rule.len() > NAME_MAX || machine.len() > NAME_MAX => {
                "there is no rule or machine of such a long name".to_owned()
            }
            Refused::Nowhere { rule, machine } => self.nowhere(rule, machine),
            other => other.to_string(),
        }
    }

    /// Why a rule is not on a machine: the machine is unknown, the rule is, or it is elsewhere.
    fn nowhere(&self, rule: &str, machine: &str) -> String {
        let mut machines = self.inventory.machines().map(|(_, m)| m);
        let Some(machine) = machines.find(|m| m.name == machine || m.id == machine) else {
            let names = self.inventory.machines().map(|(_, m)| m.name.as_str());
            return format!("there is no machine `{machine}`{}", meant(did_you_mean(machine, names)));
        };
        let judged: Vec<(&str, &str)> = self.engine.in_force().collect();
        let mut elsewhere: Vec<&str> = judged.iter().filter(|(r, _)| *r == rule).map(|(_, m)| *m).collect();
        elsewhere.sort_unstable();
        if elsewhere.is_empty() {
            let here = judged.iter().filter(|(_, m)| *m == machine.name).map(|(r, _)| *r);
            let near = meant(did_you_mean(rule, here));
            return format!("there is no rule `{rule}` on {}{near}", machine.name);
        }
        let more = elsewhere.len().saturating_sub(NAMED_MAX);
        elsewhere.truncate(NAMED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("rule `{rule}` is not on {}: it is on {}{more}", machine.name, elsewhere.join(", "))
    }
}

fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default()
}

/// What came of it.
fn done(engine: &Engine, command: &Command, outputs: &Outputs) -> Done {
    let until = outputs.events.iter().find_map(|event| match event {
        Happening::Operator { until, .. } => *until,
        _ => None,
    });
    let state = engine.state_of(&command.rule, &command.machine).unwrap_or_default().to_owned();
    Done { who: command.who.clone(), until, state }
}

#[cfg(test)]
mod tests {
    use rules::operator::Order;
    use tokio::sync::oneshot;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::super::full_disk::Stand;
    use super::*;

    fn asked(rule: &str, machine: &str, order: Order) -> (Asked, oneshot::Receiver<Answer>) {
        let (rule, machine) = (rule.to_owned(), machine.to_owned());
        let command = Command { rule, machine, who: "meier".into(), why: "a probe is changed".into(), order };
        let (reply, answer) = oneshot::channel();
        ((command, reply), answer)
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_is_answered_when_it_is_durable() {
        let mut stand = Stand::new();
        stand.read([1, 1, 50]);
        let (order, mut answer) = asked("fast", "washer", Order::Shelve(60_000));
        stand.core.obey(order);
        assert_eq!(answer.try_recv(), Err(TryRecvError::Empty), "nothing is durable");
        stand.write().await;
        let Ok(Answer::Done(done)) = answer.try_recv() else { panic!() };
        assert!(done.who == "meier" && done.until.is_some(), "{done:?}");
        let states = stand.ledger.states().unwrap();
        let of_instance = states.iter().find(|(name, _)| name == "fast@w").unwrap();
        assert!(String::from_utf8_lossy(&of_instance.1).contains("meier"), "the shelving is stored with it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_disk_begins_nothing_and_holds_back_what_was_begun() {
        let mut stand = Stand::new();
        stand.read([1, 1, 50]);
        stand.ledger.set_free_bytes_min_for_test(u64::MAX);
        let (order, mut begun) = asked("fast", "washer", Order::OutOfService);
        stand.core.obey(order);
        stand.write().await;
        let (order, mut refused) = asked("fast", "washer", Order::InService);
        stand.core.obey(order);
        assert!(matches!(refused.try_recv(), Ok(Answer::Refused(why)) if why.contains("the disk is full")));
        assert_eq!(begun.try_recv(), Err(TryRecvError::Empty));
        stand.ledger.set_free_bytes_min_for_test(0);
        tokio::time::advance(std::time::Duration::from_secs(2)).await;
        stand.write().await;
        assert!(matches!(begun.try_recv(), Ok(Answer::Done(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_there_is_said_with_what_was_meant() {
        let mut stand = Stand::new();
        stand.read([1, 1]);
        for (rule, machine, said) in [
            ("fats", "washer", "there is no rule `fats` on washer; did you mean `fast`?"),
            ("fast", "wsher", "there is no machine `wsher`; did you mean `washer`?"),
            ("zzz", "w", "there is no rule `zzz` on washer"),
            (&"x".repeat(500), "washer", "there is no rule or machine of such a long name"),
        ] {
            let (order, mut answer) = asked(rule, machine, Order::Reset);
            stand.core.obey(order);
            assert_eq!(answer.try_recv(), Ok(Answer::Refused(said.into())));
        }
        let (order, mut answer) = asked("fast", "washer", Order::Unshelve);
        stand.core.obey(order);
        assert_eq!(answer.try_recv(), Ok(Answer::Refused("the rule is not shelved there".into())));
    }
}
