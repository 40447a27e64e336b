//! A machine with two sources, and rules that use all there is: delays on and off, latches, gates, groups, weights,
//! every way with Unknown and with staleness.
//!
//! Here: that. Not here: what happens to it.
//! Invariant: the names of rules whose Unknown counts as false begin with `as-false`, and these have no delays.

use std::sync::Arc;

use rules::diagnose::Report;
use rules::engine::{Identity, Options, Reach};
use rules::inventory::{Inventory, Machine, Source, SourceId, Tag, TagId};
use rules::ruleset::RuleSet;
use rules::value::Type;

/// How far both sources may be out of order, ms.
pub(crate) const DISORDER: i64 = 500;
/// The tags, by the source that owns them: `x` and `on` are of the first, `y` and `n` of the second.
pub(crate) const TAGS: [(&str, Type, usize); 4] =
    [("x", Type::Float, 0), ("on", Type::Bool, 0), ("y", Type::Float, 1), ("n", Type::Int, 1)];

const RULES: &str = r#"
[rule.one]
on = "*"
when = "x > 5"
[rule.delayed]
on = "*"
when = "x > 3 or on"
for = "3 s"
[rule.across]
on = "*"
when = "x > 2 and not y > 6"
for = "700 ms"
unknown = { after = "6 s" }
[rule.lasting]
on = "*"
when = "y < 4"
stale_after = "never"
[rule.fading]
on = "*"
when = "on"
stale_after = "9 s"
unknown = "abstain"
[rule.as-false-across]
on = "*"
when = "x > 2 and not y > 6"
unknown = "as-false"
[rule.groups]
on = "*"
default = "Idle"
[rule.groups.group.level]
weight = 20
unknown = { after = "5 s", name = "SensorFault", weight = 15 }
state = [
  { name = "High", when = "x > 7", for = "2 s", weight = 30, severity = "alarm" },
  { name = "Raised", when = "x > 4" },
]
[rule.groups.group.work]
otherwise = "Still"
state = [
  { name = "Busy", when = "on and n <> 3", for = "1 s" },
  { name = "Raised", when = "n = 7", weight = 20, severity = "info" },
]
[rule.as-false-groups]
on = "*"
unknown = "as-false"
[rule.as-false-groups.group.a]
state = [ { name = "A", when = "x > y" }, { name = "B", when = "on" } ]
[rule.as-false-groups.group.b]
otherwise = "Fine"
state = [ { name = "C", when = "n >= 6", weight = 15 } ]
[rule.leaving]
on = "*"
when = "x > 5"
clear = "x < 3"
hold = "2 s"
unknown = { after = "6 s" }
[rule.gated]
on = "*"
active_if = "n < 6"
suppress_if = "on"
unknown = { after = "4 s" }
[rule.gated.group.level]
state = [
  { name = "Leak", when = "x > 6", for = "500 ms", latch = true, weight = 30, severity = "alarm" },
  { name = "High", when = "y > 5", clear = "y < 2 or not on", for = "1 s", hold = "1500 ms" },
]
[rule.gated.group.work]
otherwise = "Still"
state = [ { name = "Busy", when = "n > 2", weight = 5, hold = "3 s" } ]
[[rule.gated.action]]
notify = "shift-lead"
repeat = "3 s"
"#;

/// A machine, its rules, and how the engine goes about them.
pub(crate) struct Plant {
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) rules: RuleSet,
    pub(crate) options: Options,
}

impl Plant {
    pub(crate) fn new(reach: Reach) -> Self {
        let mut inventory = Inventory::default();
        let machine =
            Machine { name: "m".into(), id: "m".into(), line: None, class: None, ..Machine::default() };
        let machine = inventory.add_machine(machine);
        for id in ["a", "b"] {
            inventory.add_source(Source {
                id: id.into(),
                idle_timeout: 20_000,
                max_out_of_orderness: DISORDER,
                max_lag: Some(25_000),
            });
        }
        for (name, kind, source) in TAGS {
            let source = SourceId(source as u32);
            let tag =
                Tag { machine, source, name: name.into(), kind, unit: None, range: None, ..Tag::default() };
            inventory.add_tag(tag).unwrap();
        }
        let mut report = Report::default();
        let file = report.add_file("rules.toml", RULES);
        let rules = RuleSet::load(&mut report, &[file], &inventory);
        assert_eq!(report.errors(), 0, "{:?}", report.lines().collect::<Vec<_>>());
        let options = Options { reach, waiting_max: 50, ..Options::default() };
        Self { inventory: Arc::new(inventory), rules, options }
    }

    /// The same, with sources that are never idle and never lag, and room for all that waits.
    pub(crate) fn patient(mut self) -> Self {
        let mut inventory = (*self.inventory).clone();
        for source in inventory.sources_mut() {
            (source.idle_timeout, source.max_lag) = (3_600_000, None);
        }
        self.inventory = Arc::new(inventory);
        self.options.waiting_max = usize::MAX;
        self
    }

    pub(crate) fn identity() -> Identity {
        Identity { agent_id: "ipc-l3".into(), incarnation: "00000000000000ff".into(), site: None }
    }
}

/// The tag at this place of [`TAGS`].
pub(crate) fn tag(place: usize) -> TagId {
    TagId(place as u32)
}
