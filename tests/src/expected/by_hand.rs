//! The rules of the line once more, by hand: each condition as the rule file words it, and as a closure on values.
//!
//! This is what holds three tellings together: the files (read as TOML here), the values of the line (sampled
//! here), and the script with its faults (`expected`). Not here: the `rules` crate.
//! Invariant: none of the three can change alone.

use std::collections::BTreeMap;

use toml::{Table, Value as Toml};

use super::transitions;
use crate::folder::RULE_FILES;
use crate::line::{Line, Tag, Value};
use crate::script::{Machine, Script};

const SAMPLE_MS: i64 = 20;
const FILLER: &[Machine] = &[Machine::Filler];
const WASHER: &[Machine] = &[Machine::Washer];

struct Rule {
    name: &'static str,
    machines: &'static [Machine],
    default: &'static str,
    groups: Vec<Vec<State>>,
}

struct State {
    name: &'static str,
    weight: i64,
    for_ms: i64,
    when: &'static str,
    holds: fn(&Values) -> bool,
}

/// The values of a machine at an instant.
struct Values<'a> {
    line: &'a Line,
    tags: &'a BTreeMap<&'static str, &'static Tag>,
    at_ms: i64,
}

type Step = (&'static str, Machine, &'static str, &'static str, i64);

#[test]
fn the_values_of_the_line_lead_to_the_transitions_of_the_script() {
    for seed in 0..12 {
        let script = Script::new(seed, Some(120_000));
        let mut sampled = sample(&Line::new(script), 120_000);
        let expected = transitions(&script, 120_000);
        assert_eq!(sampled.len(), expected.len(), "seed {seed}");
        for e in &expected {
            let found = sampled.iter().position(|(rule, machine, from, to, at)| {
                (*rule, *machine, *from, *to) == (e.rule, e.machine, e.from, e.to)
                    && (0..=SAMPLE_MS).contains(&(at - e.at_ms))
            });
            let found = found.unwrap_or_else(|| panic!("seed {seed}: {e:?} did not come of the values"));
            sampled.remove(found);
        }
    }
}

#[test]
fn the_rule_files_say_the_same() {
    let mut in_files = files();
    for rule in by_hand() {
        let found = in_files.remove(rule.name).unwrap_or_else(|| panic!("{} is in no file", rule.name));
        let on = found["on"].as_str().unwrap();
        let machines: Vec<Machine> = Machine::ALL.into_iter().filter(|m| matches(on, m.name())).collect();
        assert_eq!(machines, rule.machines, "{}", rule.name);
        let mut told: Vec<String> = rule.groups.iter().map(|group| words(group)).collect();
        told.sort_unstable();
        let mut read = groups(&found);
        read.sort_unstable();
        assert_eq!(read, told, "{}", rule.name);
        let default = found.get("default").map_or("Normal", |d| d.as_str().unwrap());
        assert_eq!(default, rule.default, "{}", rule.name);
    }
    assert!(in_files.is_empty(), "only in the files: {in_files:?}");
}

#[test]
fn the_rule_files_name_only_tags_that_their_machines_have() {
    for rule in by_hand() {
        for state in rule.groups.iter().flatten() {
            let mut named = 0;
            for word in names(state.when) {
                named += 1;
                for machine in rule.machines {
                    assert!(Tag::on(*machine).any(|t| t.name == word), "{}: {word}", rule.name);
                }
            }
            assert!(named > 0, "{} names no tag", state.when);
        }
    }
}

#[test]
fn a_unit_in_a_condition_is_the_tag_s_own() {
    for rule in by_hand() {
        for state in rule.groups.iter().flatten() {
            for part in state.when.split(" and ").flat_map(|p| p.split(" or ")) {
                let words: Vec<&str> = part.trim_matches(['(', ')']).split_whitespace().collect();
                let [tag, _, _, unit] = words.as_slice() else { continue };
                let tag = Tag::on(rule.machines[0]).find(|t| t.name == *tag);
                assert_eq!(tag.unwrap().unit, Some(*unit), "{part}");
            }
        }
    }
}

impl Values<'_> {
    fn is(&self, tag: &str, wanted: Value) -> bool {
        self.line.value(self.tags[tag], self.at_ms) == wanted
    }
    fn number(&self, tag: &str) -> f64 {
        self.line.value(self.tags[tag], self.at_ms).number().unwrap()
    }
    fn stopped_by(&self, code: i64) -> bool {
        self.is("WS_Cur_State", Value::Int(code))
    }
}

fn by_hand() -> Vec<Rule> {
    let mut rules = of_every_machine();
    rules.extend(of_the_filler());
    rules.extend(of_the_washer());
    rules
}

fn of_every_machine() -> Vec<Rule> {
    let stop = vec![
        state("EmergencyStop", 50, 0, "WS_Cur_State = 4096", |v| v.stopped_by(4096)),
        state("EquipmentFailure", 40, 1_000, "WS_Cur_State = 1024", |v| v.stopped_by(1024)),
        state("ExternalFailure", 30, 1_000, "WS_Cur_State = 2048", |v| v.stopped_by(2048)),
        state("Lack", 20, 2_000, "WS_Cur_State = 8", |v| v.stopped_by(8)),
        state("Tailback", 20, 2_000, "WS_Cur_State = 16", |v| v.stopped_by(16)),
    ];
    let slow = active(2_000, "WS_Cur_State = 128 and WS_Cur_Mach_Spd < 30000", |v| {
        v.stopped_by(128) && v.number("WS_Cur_Mach_Spd") < 30_000.0
    });
    vec![
        Rule { name: "machine-stop", machines: &Machine::ALL, default: "Producing", groups: vec![stop] },
        rule("machine-slow", &Machine::ALL, vec![slow]),
    ]
}

fn of_the_filler() -> Vec<Rule> {
    let bowl = active(2_000, "WS_Press_Bottling < 2.0 bar", |v| v.number("WS_Press_Bottling") < 2.0);
    let product = vec![
        state("Critical", 30, 1_000, "WS_Temp_Product > 26 °C", |v| v.number("WS_Temp_Product") > 26.0),
        state("High", 20, 1_000, "WS_Temp_Product > 22 °C", |v| v.number("WS_Temp_Product") > 22.0),
    ];
    let caps = active(0, "cap_hopper_level <= 15", |v| v.number("cap_hopper_level") <= 15.0);
    let drive = vec![
        vec![state("Hot", 20, 4_000, "main_motor_temperature >= 85 °C", |v| {
            v.number("main_motor_temperature") >= 85.0
        })],
        vec![state("Unlubricated", 30, 0, "not lubrication_ok", |v| {
            v.is("lubrication_ok", Value::Bool(false))
        })],
    ];
    let trial = active(0, "recipe <> 'Pils 0.5 l'", |v| !v.is("recipe", Value::Text("Pils 0.5 l")));
    vec![
        rule("filler-bowl-pressure-low", FILLER, vec![bowl]),
        rule("filler-product-temperature", FILLER, vec![product]),
        rule("filler-caps-low", FILLER, vec![caps]),
        rule("filler-drive", FILLER, drive),
        rule("filler-trial", FILLER, vec![trial]),
    ]
}

fn of_the_washer() -> Vec<Rule> {
    let caustic = vec![
        vec![
            state("Overheated", 30, 4_000, "water_temperature > 90 °C", |v| {
                v.number("water_temperature") > 90.0
            }),
            state("TooCold", 20, 4_000, "water_temperature < 70 °C", |v| {
                v.number("water_temperature") < 70.0
            }),
        ],
        vec![state("PumpBlocked", 25, 0, "pressure > 6.0 bar and pump_running", |v| {
            v.number("pressure") > 6.0 && v.is("pump_running", Value::Bool(true))
        })],
    ];
    let weak = active(4_000, "caustic_concentration < 1.5", |v| v.number("caustic_concentration") < 1.5);
    let steam = "(steam_pressure < 3.0 bar or steam_pressure > 9.0 bar) and not service_mode";
    let steam = active(1_000, steam, |v| {
        !(3.0..=9.0).contains(&v.number("steam_pressure")) && v.is("service_mode", Value::Bool(false))
    });
    let water = active(6_000, "fresh_water_pressure <= 1.8 bar", |v| v.number("fresh_water_pressure") <= 1.8);
    vec![
        rule("washer-caustic", WASHER, caustic),
        rule("washer-caustic-weak", WASHER, vec![weak]),
        rule("washer-steam", WASHER, vec![steam]),
        rule("washer-fresh-water-low", WASHER, vec![water]),
    ]
}

fn rule(name: &'static str, machines: &'static [Machine], groups: Vec<Vec<State>>) -> Rule {
    Rule { name, machines, default: "Normal", groups }
}

fn state(
    name: &'static str,
    weight: i64,
    for_ms: i64,
    when: &'static str,
    holds: fn(&Values) -> bool,
) -> State {
    State { name, weight, for_ms, when, holds }
}

fn active(for_ms: i64, when: &'static str, holds: fn(&Values) -> bool) -> Vec<State> {
    vec![state("Active", 10, for_ms, when, holds)]
}

fn sample(line: &Line, until_ms: i64) -> Vec<Step> {
    let mut steps = Vec::new();
    for rule in by_hand() {
        for machine in rule.machines {
            let tags: BTreeMap<_, _> = Tag::on(*machine).map(|t| (t.name, t)).collect();
            let mut since: Vec<Vec<Option<i64>>> = rule.groups.iter().map(|g| vec![None; g.len()]).collect();
            let mut now = rule.default;
            for at_ms in (0..until_ms).step_by(usize::try_from(SAMPLE_MS).unwrap()) {
                let values = Values { line, tags: &tags, at_ms };
                let votes = rule.groups.iter().zip(&mut since).filter_map(|(g, s)| vote(g, s, &values));
                let best = votes.reduce(|best, next| if next.weight > best.weight { next } else { best });
                let next = best.map_or(rule.default, |state| state.name);
                if next != now {
                    steps.push((rule.name, *machine, now, next, at_ms));
                    now = next;
                }
            }
        }
    }
    steps
}

/// The first state of a group whose condition has held for its delay.
fn vote<'a>(group: &'a [State], since: &mut [Option<i64>], values: &Values) -> Option<&'a State> {
    for (state, since) in group.iter().zip(since.iter_mut()) {
        *since = (state.holds)(values).then(|| since.unwrap_or(values.at_ms));
    }
    let due = |state: &State, since: &Option<i64>| since.is_some_and(|s| values.at_ms - s >= state.for_ms);
    group.iter().zip(since.iter()).find(|(state, since)| due(state, since)).map(|(state, _)| state)
}

/// Every rule of the files.
fn files() -> Table {
    let mut rules = Table::new();
    for (file, text) in RULE_FILES {
        let mut read: Table = text.parse().unwrap_or_else(|e| panic!("{file}: {e}"));
        let Some(Toml::Table(read)) = read.remove("rule") else { panic!("{file} holds no rule") };
        for (name, rule) in read {
            assert!(rules.insert(name.clone(), rule).is_none(), "{name} is there twice");
        }
    }
    rules
}

fn groups(rule: &Toml) -> Vec<String> {
    let Some(groups) = rule.get("group") else { return vec![written("Active", rule, 10)] };
    let groups = groups.as_table().unwrap().values();
    groups
        .map(|group| {
            let weight = group.get("weight").map_or(10, |w| w.as_integer().unwrap());
            let states = group["state"].as_array().unwrap().iter();
            states.map(|s| written(s["name"].as_str().unwrap(), s, weight)).collect()
        })
        .collect()
}

fn written(name: &str, state: &Toml, weight: i64) -> String {
    let weight = state.get("weight").map_or(weight, |w| w.as_integer().unwrap());
    let delay = state.get("for").map_or("0 s", |d| d.as_str().unwrap());
    let seconds: i64 = delay.strip_suffix(" s").unwrap().parse().unwrap();
    format!("{name} {weight} {} {}\n", seconds * 1000, state["when"].as_str().unwrap())
}

fn words(group: &[State]) -> String {
    group.iter().map(|s| format!("{} {} {} {}\n", s.name, s.weight, s.for_ms, s.when)).collect()
}

/// The names in a condition: its words, less texts, numbers with their units, and what belongs to the language.
fn names(when: &str) -> Vec<String> {
    let without_texts: String = when.split('\'').step_by(2).collect();
    let mut after_number = false;
    let mut names = Vec::new();
    for word in without_texts.split(|c: char| !(c.is_alphanumeric() || "_.°%".contains(c))) {
        let number = word.starts_with(|c: char| c.is_ascii_digit());
        let language = ["", "and", "or", "not"].contains(&word);
        if !(number || language || after_number) {
            names.push(word.to_owned());
        }
        after_number = number;
    }
    names
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}
