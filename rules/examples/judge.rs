//! How long a condition takes to be judged, and how long many rules take to be bound; in processor time, on Linux.
//!
//! `cargo run --release -p rules --example judge`

use std::hint::black_box;

use rules::diagnose::Report;
use rules::expr::eval::Seen;
use rules::inventory::{Inventory, Machine, Source, Tag};
use rules::ruleset::RuleSet;
use rules::value::{Held, Type, Unknown, Value};

const ROUNDS: u32 = 20_000_000;

struct Values(Vec<Held>);

impl Seen for Values {
    fn held(&self, slot: usize) -> &Held {
        &self.0[slot]
    }
    fn window(&self, _: usize) -> Held {
        Ok(Value::Float(4.0))
    }
    fn previous(&self, _: usize) -> Held {
        Err(Unknown::NeverSeen)
    }
    fn sampled_at(&self, _: usize) -> Option<i64> {
        Some(0)
    }
    fn now(&self) -> i64 {
        0
    }
    fn hour(&self) -> i64 {
        0
    }
    fn weekday(&self) -> i64 {
        1
    }
}

fn line(machines: usize) -> Inventory {
    let mut line = Inventory::default();
    let source = Source { id: "plc".into(), idle_timeout: 30_000, max_out_of_orderness: 0, max_lag: None };
    let source = line.add_source(source);
    for i in 0..machines {
        let machine =
            line.add_machine(Machine { name: format!("m-{i}"), id: format!("m{i}"), ..Machine::default() });
        for (name, unit) in [("water_temperature", Some("°C")), ("pressure", Some("bar")), ("level", None)] {
            let unit = unit.map(str::to_owned);
            let tag = Tag { machine, source, name: name.into(), kind: Type::Float, unit, ..Tag::default() };
            line.add_tag(tag);
        }
    }
    line
}

/// Time that this process had a processor, s: others on the machine do not count.
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel tells processor time in a file; the engine reads none"
)]
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    stat.split_whitespace().next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e9
}

fn judged(when: &str) {
    let mut report = Report::default();
    let file = report.add_file("r.toml", format!("[rule.r]\non = 'm-0'\nwhen = '{when}'\n"));
    let set = RuleSet::load(&mut report, &[file], &line(1));
    let plan = &set.plans[0];
    let seen = Values(vec![Ok(Value::Float(91.0)), Ok(Value::Float(4.0)), Ok(Value::Float(1.0))]);
    let program = &plan.programs[plan.conditions[0][0].when].program;
    let begun = cpu();
    for _ in 0..ROUNDS {
        black_box(black_box(program).judge(black_box(&seen)));
    }
    let each = (cpu() - begun) * 1e9 / f64::from(ROUNDS);
    println!("{each:6.1} ns  {when}");
}

fn bound(machines: usize, rules: usize) {
    let line = line(machines);
    let text: String = (0..rules)
        .map(|i| {
            format!(
                "[rule.r{i}]\non = '*'\nwhen = 'water_temperature > {}.5 °C and avg(pressure, 1 min) > 4500 mbar'\nfor = '5 s'\ntext = 'hot: {{water_temperature:.1}}'\n",
                i + 1
            )
        })
        .collect();
    let mut report = Report::default();
    let file = report.add_file("r.toml", text);
    let begun = cpu();
    let set = RuleSet::load(&mut report, &[file], &line);
    println!("{:6.0} ms  {} instances bound", (cpu() - begun) * 1e3, set.plans.len());
}

fn main() {
    judged("water_temperature > 90 and pressure > 4.5");
    judged("water_temperature > 90");
    judged("water_temperature - 6 K > 80 °C and (level else 0) * 2 in 1 .. 2");
    bound(100, 100);
    bound(1_000, 100);
}
