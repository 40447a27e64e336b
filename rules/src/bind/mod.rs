//! A rule bound to a machine.
//!
//! Here: the machine's parameters, the definitions, the conditions and the gates, all put into one [`Plan`]; states that
//! can never be reached. Not here: the `texts`, what a deadband makes of a condition (`deadbands`), when a `program` is
//! judged, which machines a rule is for (`ruleset`), what an expression means (`expr`).
//! Invariant: a plan comes of a rule without a mistake on this machine; all mistakes of the rule are shown in one
//! run, each once.

mod deadbands;
mod program;
mod texts;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use deadbands::Deadbands;
use sha2::{Digest as _, Sha256};

use crate::delays;
use crate::diagnose::{Diagnostic, Report};
use crate::expr::Mistake;
use crate::expr::check::Binder;
use crate::expr::ir::Ir;
use crate::expr::{Expr, reach};
use crate::file::{Group, Rule, State, report_mistake};
use crate::inventory::{Inventory, MachineId, SourceId};
use crate::params::{self, Mismatch};
use crate::place;
use crate::ruleset::{BoundCondition, BoundProgram, Plan, Shape};
use crate::value::Constant;

/// Binds a rule to a machine; none: mistakes were reported.
pub(crate) fn plan(
    report: &mut Report,
    rule: &Arc<Rule>,
    inventory: &Inventory,
    machine: MachineId,
) -> Option<Plan> {
    let before = report.diagnostics().len();
    let (params, unknown) = parameters(report, rule, inventory, machine);
    let rule = &delays::of(report, rule, &params, inventory.machine(machine));
    let mut binding = Binding {
        report,
        rule,
        binder: Binder::new(inventory, machine, &params, rule.coverage),
        programs: Vec::new(),
        deadbands: Deadbands::default(),
        before,
    };
    binding.binder.hide(rule.hidden.iter().flatten().cloned().chain(unknown));
    binding.clashes(inventory, machine);
    binding.defines();
    let conditions: Vec<Vec<BoundCondition>> = rule.groups.iter().map(|group| binding.group(group)).collect();
    binding.idle_deadbands();
    let active_if = rule.active_if.as_ref().and_then(|c| binding.gate(&c.expr, &c.span));
    let suppress_if = rule.suppress_if.as_ref().and_then(|c| binding.gate(&c.expr, &c.span));
    let (texts, text_slots) = binding.texts(&params);
    let Binding { report, binder, programs, .. } = binding;
    let (slots, windows) = binder.into_parts();
    if slots.is_empty() && report.errors_since(before) == 0 && rule.hidden.is_none() {
        reads_nothing(report, rule);
    }
    let mut sources: Vec<SourceId> = slots.iter().map(|t| inventory.tag(*t).source).collect();
    sources.sort_unstable();
    sources.dedup();
    let shape = Shape { programs, conditions, active_if, suppress_if, windows, texts, text_slots };
    let plan = Plan { rule: Arc::clone(rule), machine, slots, sources, shape: Arc::new(shape) };
    (report.errors_since(before) == 0).then_some(plan)
}

/// The values of the rule's parameters on a machine, and the names of those that have none there, or a wrong one.
fn parameters(
    report: &mut Report,
    rule: &Rule,
    inventory: &Inventory,
    machine: MachineId,
) -> (BTreeMap<String, Constant>, Vec<String>) {
    let machine = inventory.machine(machine);
    let mut unknown = Vec::new();
    for (name, param) in &rule.params {
        if let Some(mismatch) = machine.params.get(name).and_then(|given| params::mismatch(param, given)) {
            of_agent(report, rule, &machine.name, (name, &param.span), &mismatch);
            unknown.push(name.clone());
        }
    }
    let (mut params, missing) = params::of(rule, machine);
    for name in &unknown {
        params.remove(name);
    }
    // A rule with a mistake may be without the value for that reason.
    for name in missing.iter().filter(|_| rule.hidden.is_none()) {
        let span = rule.params.get(*name).map_or(rule.name.span.clone(), |param| param.span.clone());
        let message = format!("parameter `{name}` has no value on {}", machine.name);
        report.error("R216", (rule.file, span), message, "no default here").help = Some(format!(
            "give it a `default`, or the machine a value of its own: machine.{} = …",
            machine.name
        ));
    }
    unknown.extend(missing.into_iter().map(str::to_owned));
    (params, unknown)
}

/// A machine's own value that cannot be what the parameter is.
fn of_agent(report: &mut Report, rule: &Rule, machine: &str, at: (&str, &Range<usize>), mismatch: &Mismatch) {
    let (name, span) = at;
    let message = format!("the value of `{name}` that agent.toml gives to {machine} is {}", mismatch.found);
    let label = format!("{} is expected", mismatch.expected);
    report.error("R607", (rule.file, span.clone()), message, label).help =
        Some(format!("change param.{name} under [[machine]] {machine} in agent.toml"));
}

struct Binding<'a, 'i> {
    report: &'a mut Report,
    rule: &'a Rule,
    binder: Binder<'i>,
    programs: Vec<BoundProgram>,
    deadbands: Deadbands,
    /// How much had been said before this machine.
    before: usize,
}

/// A condition of a state, typed.
struct Typed<'a> {
    state: &'a State,
    when: Ir,
    /// What leaves it: its own `clear`, or the harder opposite of `when`.
    clear: Option<Ir>,
}

impl Binding<'_, '_> {
    fn show(&mut self, span: &Range<usize>, mistake: Mistake) {
        let place = place::in_file(self.report.text(self.rule.file), span, &mistake.span);
        if !self.is_said(&place, &mistake) {
            report_mistake(self.report, self.rule.file, span, mistake);
        }
    }

    /// Shows a doubt about a place of the file.
    fn show_at(&mut self, place: &Range<usize>, doubt: Mistake) {
        if !self.is_said(place, &doubt) {
            let at = (self.rule.file, place.clone());
            self.report.warning(doubt.code, at, doubt.message, doubt.label).help = doubt.help;
        }
    }

    /// Whether the same was said of this machine.
    fn is_said(&self, place: &Range<usize>, mistake: &Mistake) -> bool {
        let same = |d: &Diagnostic| {
            d.file == self.rule.file
                && d.span == *place
                && d.code == mistake.code
                && d.message == mistake.message
        };
        self.report.diagnostics()[self.before..].iter().any(same)
    }

    /// A parameter or a definition hides nothing: its name is its own.
    fn clashes(&mut self, inventory: &Inventory, machine: MachineId) {
        let machine_name = &inventory.machine(machine).name;
        let mut clash = |name: &str, span: &Range<usize>, what: &str, other: String| {
            let message = format!("`{name}` is the name of {what} and of {other}");
            self.report.error("R207", (self.rule.file, span.clone()), message, "choose another name");
        };
        for (name, param) in &self.rule.params {
            if inventory.tag_named(machine, name).is_some() {
                clash(name, &param.span, "a parameter", format!("a tag of {machine_name}"));
            }
        }
        for define in &self.rule.defines {
            if inventory.tag_named(machine, &define.name.value).is_some() {
                clash(
                    &define.name.value,
                    &define.name.span,
                    "a definition",
                    format!("a tag of {machine_name}"),
                );
            }
        }
    }

    fn defines(&mut self) {
        let rule = self.rule;
        self.binder.announce(rule.defines.iter().map(|d| d.name.value.as_str()));
        for (i, define) in rule.defines.iter().enumerate() {
            let later: Vec<&str> = rule.defines[i..].iter().map(|d| d.name.value.as_str()).collect();
            if let Some((name, at)) = first_name(&define.condition.expr, &later) {
                let message = if name == define.name.value {
                    format!("`{name}` is defined by itself")
                } else {
                    format!("`{name}` is used before it is defined")
                };
                let mistake = Mistake::new("R217", at, message)
                    .label("a definition knows only those above it")
                    .help("move it further down, or the other one up");
                self.show(&define.condition.span, mistake);
                continue;
            }
            if let Err(mistakes) = self.binder.define(&define.name.value, &define.condition.expr) {
                mistakes.into_iter().for_each(|m| self.show(&define.condition.span, m));
            }
        }
    }

    fn condition(&mut self, expr: &Expr, span: &Range<usize>) -> Option<Ir> {
        let (ir, mistakes) = self.binder.condition(expr);
        mistakes.into_iter().for_each(|m| self.show(span, m));
        ir
    }

    fn gate(&mut self, expr: &Expr, span: &Range<usize>) -> Option<usize> {
        let ir = self.condition(expr, span)?;
        Some(self.program(&ir))
    }

    /// The program of a typed condition; what is judged twice is judged once.
    fn program(&mut self, ir: &Ir) -> usize {
        let program = program::bound(&self.binder, ir);
        self.programs.iter().position(|p| *p == program).unwrap_or_else(|| {
            self.programs.push(program);
            self.programs.len() - 1
        })
    }

    fn group(&mut self, group: &Group) -> Vec<BoundCondition> {
        let mut typed = Vec::new();
        for state in &group.states {
            let when = self.condition(&state.when.expr, &state.when.span);
            let clear = state.clear.as_ref().map(|c| self.condition(&c.expr, &c.span));
            if let (Some(when), Some(clear)) = (when, clear.map_or(Some(None), |c| c.map(Some))) {
                typed.push(Typed { state, when, clear });
            }
        }
        let whole = typed.len() == group.states.len();
        self.deadbands(group, &mut typed, whole);
        self.unreachable(&typed);
        typed.iter().map(|typed| self.bound(typed)).collect()
    }

    fn bound(&mut self, typed: &Typed<'_>) -> BoundCondition {
        let names = self.binder.names();
        let mut canonical = names.canonical(&typed.when);
        if let Some(clear) = &typed.clear {
            canonical.push_str(" / ");
            canonical.push_str(&names.canonical(clear));
        }
        let when = self.program(&typed.when);
        let clear = typed.clear.as_ref().map(|clear| self.program(clear));
        BoundCondition { when, clear, identity: identity_of(&canonical) }
    }

    /// States that an earlier one of the group always hides, and conditions that never hold.
    fn unreachable(&mut self, typed: &[Typed<'_>]) {
        for (i, later) in typed.iter().enumerate() {
            // One that stays after its condition has gone may outlast what hides it.
            let outlasts = later.state.clear.is_some() || later.state.latch;
            let hides = |earlier: &&Typed<'_>| {
                earlier.state.delay <= later.state.delay
                    && earlier.state.hold >= later.state.hold
                    && reach::follows(&later.when, &earlier.when)
            };
            let Some(earlier) = typed[..i].iter().find(hides).filter(|_| !outlasts) else { continue };
            let message = format!("state `{}` can never be reached", later.state.named.name);
            let label = format!("`{}` stands before it and is true as well", earlier.state.named.name);
            let mistake = Mistake::warning("R019", 0..later.state.when.text.len(), message)
                .label(label)
                .help("the first state that is true counts: put the more urgent one first");
            self.show(&later.state.when.span, mistake);
        }
    }
}

/// A rule that reads nothing has no source, so no time passes for it and it would never say anything.
fn reads_nothing(report: &mut Report, rule: &Rule) {
    let place = (rule.file, rule.name.span.clone());
    let message = format!("rule `{}` reads no tag", rule.name.value);
    report.error("R203", place, message, "nothing here can change");
}

/// The first of these names that an expression uses, and where.
fn first_name<'e>(expr: &'e Expr, names: &[&str]) -> Option<(&'e str, Range<usize>)> {
    use crate::expr::Node;
    match &expr.node {
        Node::Name(name) if names.contains(&name.as_str()) => Some((name, expr.span.clone())),
        Node::Name(_) | Node::Far(..) | Node::Number(..) | Node::Text(_) | Node::Bool(_) => None,
        Node::Not(a) | Node::Negate(a) => first_name(a, names),
        Node::Compare(_, a, b) => first_name(a, names).or_else(|| first_name(b, names)),
        Node::Between(a, b, c) => [a, b, c].into_iter().find_map(|part| first_name(part, names)),
        Node::Among(a, list) => {
            first_name(a, names).or_else(|| list.iter().find_map(|part| first_name(part, names)))
        }
        Node::Calc(a, rest) => {
            first_name(a, names).or_else(|| rest.iter().find_map(|(_, part)| first_name(part, names)))
        }
        Node::Join(_, parts) | Node::Else(parts) | Node::Call(_, _, parts) | Node::Hole(parts) => {
            parts.iter().find_map(|part| first_name(part, names))
        }
    }
}

/// Eight bytes tell the few conditions of one rule apart.
fn identity_of(canonical: &str) -> String {
    proto::id::hex(&Sha256::digest(canonical)[..8])
}

#[cfg(test)]
mod tests;
