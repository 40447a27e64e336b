//! The canonical form of a rule: what makes it what it is, without where and how it was written.
//!
//! Here: that, and its hash, `ruleHash`. Not here: the identity of one condition, which carried state depends on
//! (`bind`).
//! Invariant: comments, layout, the spelling of an expression, notes and tests change nothing; everything else does.

use std::fmt::{self, Write as _};

use sha2::{Digest as _, Sha256};

use super::{Action, Condition, Group, Named, OnUnknown, Param, Rule, Selector, State};
use crate::document::Placed;
use crate::value::Constant;

/// Room for the form of a usual rule.
const USUAL: usize = 1024;

/// SHA-256 of the canonical form, hexadecimal.
pub(crate) fn hash(rule: &Rule) -> String {
    let mut form = Form(String::with_capacity(USUAL));
    // Writing into a String cannot fail.
    form.rule(rule).ok();
    proto::id::hex(&Sha256::digest(form.0))
}

/// The form as it grows. Each part begins with a word; a name is led by its length, so that none reads like two.
struct Form(String);

impl Form {
    fn rule(&mut self, rule: &Rule) -> fmt::Result {
        self.text("rule", &rule.name.value)?;
        self.selector(&rule.on)?;
        self.text("default", &rule.default)?;
        write!(self.0, " weighs {} stale {:?}", rule.default_weight, rule.stale_after)?;
        write!(self.0, " coverage {:?}", rule.coverage)?;
        if rule.active_if.is_some() || rule.suppress_if.is_some() {
            write!(self.0, " unknown after {}", rule.unknown_after)?;
        }
        self.condition("active_if", rule.active_if.as_ref())?;
        self.condition("suppress_if", rule.suppress_if.as_ref())?;
        rule.params.iter().try_for_each(|(name, param)| self.param(name, param))?;
        for define in &rule.defines {
            self.text("define", &define.name.value)?;
            self.condition("as", Some(&define.condition))?;
        }
        rule.groups.iter().try_for_each(|group| self.group(group))?;
        rule.actions.iter().try_for_each(|action| self.action(action))?;
        rule.renamed_from.iter().try_for_each(|name| self.text("renamed_from", &name.value))?;
        rule.text.iter().try_for_each(|(language, (template, _))| {
            self.text("text", language)?;
            write!(self.0, " {template:?}")
        })
    }

    fn selector(&mut self, on: &Selector) -> fmt::Result {
        self.texts("on", &on.names)?;
        self.texts("line", &on.lines)?;
        self.texts("class", &on.classes)
    }

    fn param(&mut self, name: &str, param: &Param) -> fmt::Result {
        self.text("param", name)?;
        param.unit.iter().try_for_each(|unit| self.text("unit", unit))?;
        param.default.iter().try_for_each(|value| self.constant("default", value))?;
        let by = [
            ("class", &param.classes),
            ("line", &param.lines),
            ("machine", &param.machines),
            ("limit", &param.limits),
        ];
        by.iter().try_for_each(|(what, values)| {
            values.iter().try_for_each(|(key, value)| {
                self.text(what, key)?;
                self.constant("value", value)
            })
        })
    }

    fn group(&mut self, group: &Group) -> fmt::Result {
        self.text("group", group.name.as_deref().unwrap_or_default())?;
        group.otherwise.iter().try_for_each(|named| self.named("otherwise", named))?;
        match &group.unknown {
            OnUnknown::Vote(after) => write!(self.0, " unknown {after}")?,
            OnUnknown::Abstain(after) => write!(self.0, " unknown abstain {after}")?,
            OnUnknown::AsFalse => self.0.push_str(" unknown false"),
            OnUnknown::State(after, named) => {
                write!(self.0, " unknown {after}")?;
                self.named("says", named)?;
            }
        }
        for (tag, width) in &group.deadband {
            self.text("deadband", tag)?;
            self.constant("value", &width.value)?;
        }
        group.states.iter().try_for_each(|state| self.state(state))
    }

    fn state(&mut self, state: &State) -> fmt::Result {
        self.named("state", &state.named)?;
        self.condition("when", Some(&state.when))?;
        self.condition("clear", state.clear.as_ref())?;
        self.delay("for", state.delay, state.delay_by.as_ref())?;
        self.delay("hold", state.hold, state.hold_by.as_ref())?;
        if state.latch {
            self.0.push_str(" latch");
        }
        Ok(())
    }

    fn action(&mut self, action: &Action) -> fmt::Result {
        self.text("notify", &action.notify.value)?;
        write!(self.0, " repeat {:?}", action.repeat)?;
        action.to.iter().try_for_each(|state| self.text("to", &state.value))
    }

    fn named(&mut self, what: &str, named: &Named) -> fmt::Result {
        self.text(what, &named.name)?;
        write!(self.0, " {} {:?}", named.weight, named.severity)
    }

    fn delay(&mut self, what: &str, millis: i64, by: Option<&Placed<String>>) -> fmt::Result {
        match by {
            Some(name) => self.text(what, &name.value),
            None if millis > 0 => write!(self.0, " {what} {millis} ms"),
            None => Ok(()),
        }
    }

    fn constant(&mut self, what: &str, constant: &Constant) -> fmt::Result {
        write!(self.0, " {what} {:?}", constant.value)?;
        constant.unit.iter().try_for_each(|unit| self.text("in", unit))
    }

    fn condition(&mut self, what: &str, condition: Option<&Condition>) -> fmt::Result {
        condition.map_or(Ok(()), |condition| write!(self.0, " {what} {};", condition.expr))
    }

    fn texts(&mut self, what: &str, texts: &[String]) -> fmt::Result {
        texts.iter().try_for_each(|text| self.text(what, text))
    }

    fn text(&mut self, what: &str, text: &str) -> fmt::Result {
        write!(self.0, " {what} {}:{text}", text.len())
    }
}
