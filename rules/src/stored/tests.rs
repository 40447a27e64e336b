//! What is stored, and what of an instance it brings back.
//!
//! Invariant: every part of an instance is named here, so that a new one that is neither kept nor left out on purpose
//! does not compile.

use std::sync::Arc;

use super::*;
use crate::condition::Count;
use crate::diagnose::Report;
use crate::expr::eval::Truth;
use crate::instance::{Forced, Verdict};
use crate::inventory::{Inventory, Machine, Source, Tag};
use crate::ruleset::{Plan, RuleSet};
use crate::value::Type;

/// What happens to an instance that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It is stored and read: what is known only while the agent runs is lost.
    Restart,
    /// The same rule is put in its place.
    Reload,
}

#[test]
fn nothing_of_an_instance_is_lost_by_a_restart_or_a_reload() {
    let plan = plan();
    for how in [How::Restart, How::Reload] {
        let (full, mut other) = (full(&plan), Instance::new(Arc::clone(&plan), vec![0], "@s".into()));
        let (before, fresh) = (parts(&full, how), parts(&other, how));
        for ((name, was), (_, new)) in before.iter().zip(&fresh) {
            assert_ne!(was, new, "{name} is as in a new instance: nobody would notice that it is lost");
        }
        match how {
            How::Restart => Stored::read(&bytes(&full, 9_000)).unwrap().restore(&mut other),
            How::Reload => other.inherit(&full, 9_000),
        }
        assert_eq!(parts(&other, how), before, "{how:?}");
    }
}

/// All that goes on, by its name.
fn parts(instance: &Instance, how: How) -> Vec<(&'static str, String)> {
    let Instance {
        // They are of the new rule set.
        plan: _,
        shape: _,
        signals: _,
        scope: _,
        verdicts,
        gate,
        opened,
        groups,
        state,
        since,
        sequence,
        silence,
        activations,
        running,
        forced,
        resuming,
        // Both are about storing and reloading themselves.
        unsaved: _,
        carried: _,
    } = instance;
    let Silence { gate: suppress, shelf, out_of_service, began_under, was } = silence;
    let is_reload = how == How::Reload;
    let gates = [gate, suppress].map(|gate| {
        let stored = gate.as_ref().map(Gate::stored);
        (stored, gate.as_ref().filter(|_| is_reload).and_then(Gate::unknown_from))
    });
    let mut parts = vec![
        ("active_if", format!("{:?}", gates[0])),
        ("suppress_if", format!("{:?}", gates[1])),
        ("state", format!("{state:?}")),
        ("since", format!("{since:?}")),
        ("sequence", format!("{sequence:?}")),
        ("shelf", format!("{shelf:?}")),
        ("out of service", format!("{out_of_service:?}")),
        ("began under silence", format!("{began_under:?}")),
        ("was silent", format!("{was:?}")),
        ("activations", format!("{activations:?}")),
        ("running", format!("{running:?}")),
    ];
    if is_reload {
        parts.extend([
            ("verdicts", format!("{verdicts:?}")),
            ("opened", format!("{opened:?}")),
            ("forced", format!("{forced:?}")),
            ("resuming", format!("{resuming:?}")),
        ]);
    }
    parts.extend(groups.iter().flat_map(|standing| standing.parts(is_reload)));
    parts
}

/// An instance every part of which says something.
fn full(plan: &Arc<Plan>) -> Instance {
    let mut instance = Instance::new(Arc::clone(plan), vec![0], "@s".into());
    for gate in [&mut instance.gate, &mut instance.silence.gate] {
        let mut said = Gate::of(true);
        said.judge(Truth::Unknown, 500, 7_000, 0);
        said.judge(Truth::Unknown, 500, 7_500, 0);
        *gate = Some(said);
    }
    let count = Count { counted: 3, counting_from: Some(8_000), unknown_from: None, since: 7_997 };
    let halted = Count { counted: 5, counting_from: None, unknown_from: Some(8_500), since: 7_000 };
    let standing = &mut instance.groups[0];
    standing.phases = vec![
        Phase::Pending(count),
        Phase::Clearing { count: halted, since: 6_000, entered: 6_500 },
        Phase::On { since: 5_000, entered: 5_500 },
    ];
    standing.edited = vec![2];
    standing.vote = Some(Vote { name: "B".into(), weight: 30, severity: Severity::Alarm, by: By::Known(1) });
    standing.pause(8_800);
    standing.phases[0] = Phase::Pending(count);
    (standing.ever_decided, standing.gave_up, standing.undecided_from) = (true, true, Some(8_100));
    instance.verdicts.fill(Verdict { truth: Truth::True, heard: true });
    instance.resuming = true;
    (instance.opened, instance.since, instance.sequence) = (4_000, Some(6_500), 41);
    instance.state = State::of("B".into(), Severity::Alarm, 30, Some((0, By::Known(1))));
    let shelf = |why: &str, until| {
        let (who, why) = ("meier".into(), why.into());
        Some(Box::new(Shelf { who, why, until, once: true }))
    };
    (instance.silence.shelf, instance.silence.out_of_service) =
        (shelf("known", Some(99_000)), shelf("gone", None));
    (instance.silence.began_under, instance.silence.was) = (true, true);
    instance.activations = Activations { last: [5_500, 6_500], chattering: true };
    let (target, to, transition) = ("shift-lead".into(), vec!["B".into()], "t41".into());
    instance.running = vec![Running { target, to, transition, n: 2, due: crate::action::Due::At(9_500) }];
    instance.forced = Forced { reset: true, silence: true };
    instance
}

fn plan() -> Arc<Plan> {
    let mut inventory = Inventory::default();
    let machine = inventory.add_machine(Machine { name: "m".into(), id: "m".into(), ..Machine::default() });
    let source = Source { id: "s".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let source = inventory.add_source(source);
    let tag = Tag { machine, source, name: "t".into(), kind: Type::Float, ..Tag::default() };
    inventory.add_tag(tag).unwrap();
    let rule = "[rule.r]\non = 'm'\nactive_if = 't > 0'\nsuppress_if = 't > 50'\nunknown = 'as-false'\n[rule.r.group.g]\nstate = [ { name = 'A', when = 't > 9', for = '1 s' }, { name = 'B', when = 't > 8', hold = '1 s', weight = 30, severity = 'alarm' }, { name = 'C', when = 't > 7' } ]\n[[rule.r.action]]\nnotify = 'shift-lead'\nto = 'B'\nrepeat = '1 s'";
    let mut report = Report::default();
    let file = report.add_file("r.toml", rule);
    let set = RuleSet::load(&mut report, &[file], &inventory);
    assert_eq!(report.errors(), 0, "{}", report.render(false));
    Arc::clone(&set.plans[0])
}

#[test]
fn another_format_is_refused_and_damage_is_noticed() {
    assert_eq!(Stored::read(&[]).unwrap_err().to_string(), "format None, this version reads 2");
    assert_eq!(Stored::read(&[9, b'{']).unwrap_err().to_string(), "format Some(9), this version reads 2");
    assert!(Stored::read(b"\x02{\"watermark\":1").unwrap_err().to_string().starts_with("damaged: "));
}

#[test]
fn numbers_that_no_engine_writes_are_refused() {
    let stored = |watermark: i64, sequence: u64| {
        format!(
            "\u{2}{{\"watermark\":{watermark},\"sequence\":{sequence},\"since\":null,\"state\":\"A\",\"severity\":\"info\",\"weight\":1,\"winner\":null,\"groups\":[]}}"
        )
    };
    assert!(Stored::read(stored(5, 7).as_bytes()).is_ok());
    for (watermark, sequence) in [(i64::MIN, 7), (i64::MAX, 7), (5, u64::MAX)] {
        let refused = Stored::read(stored(watermark, sequence).as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), "damaged: it holds impossible instants or numbers");
    }
}
