//! The head of a scenario: what there is.
//!
//! ```text
//! # what it shows
//! machine filler-1 line=L3 class=filler
//! source plc idle_timeout=30s max_out_of_orderness=0s max_lag=30s
//! tag filler-1 t Float plc unit=°C range=0..120
//! tag filler-1 n Int plc counter=16
//! tag filler-1 state Enum plc names=ws09_state
//! tag filler-1 doors Flags plc names=Front:0,Back:1
//! option late=drop watermark=global sources=seen waiting_max=3 start=0 zone=Europe/Berlin
//! ```
//! Everything of the form `key=value` may be left out; what then counts is what stands above, except for `late`
//! (apply), `watermark` (inputs), `sources` (declared), `waiting_max` (100000), `max_lag` (30 s), `zone` (UTC), unit, range, counter and names.
//!
//! Here: those lines. Not here: the rules, the story.
//! Invariant: a machine is its own id, so that one name is enough in a story.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::calendar::Zone;
use rules::engine::{Expect, Late, Options, Reach};
use rules::inventory::{Inventory, Machine, Names, Source, Tag};
use rules::time::{Millis, duration};
use rules::value::Type;

/// What there is.
pub(super) struct Head {
    pub(super) inventory: Inventory,
    pub(super) options: Options,
    /// Processing time of the start, ms after the zero of the story.
    pub(super) start: i64,
}

/// The words of a line: those in order, and those with a key.
struct Words<'t> {
    line: &'t str,
    plain: Vec<&'t str>,
    keyed: BTreeMap<&'t str, &'t str>,
}

impl Head {
    pub(super) fn read(name: &str, text: &str) -> Self {
        let mut head = Self { inventory: Inventory::default(), options: Options::default(), start: 0 };
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = Words::of(line);
            match words.plain[..] {
                ["machine", machine] => head.machine(machine, &mut words),
                ["source", source] => head.source(source, &mut words),
                ["tag", machine, tag, kind, source] => head.tag([machine, tag, kind, source], &mut words),
                ["option"] => head.option(&mut words),
                _ => panic!("{name}: this is no line of a head: {line}"),
            }
            assert!(words.keyed.is_empty(), "{name}: nobody knows {:?} in: {line}", words.keyed);
        }
        head
    }

    fn machine(&mut self, name: &str, words: &mut Words<'_>) {
        let text = |value: Option<&str>| value.map(str::to_owned);
        let (line, class) = (text(words.take("line")), text(words.take("class")));
        self.inventory.add_machine(Machine {
            name: name.to_owned(),
            id: name.to_owned(),
            line,
            class,
            ..Machine::default()
        });
    }

    fn source(&mut self, id: &str, words: &mut Words<'_>) {
        let source = Source {
            id: id.to_owned(),
            idle_timeout: words.duration("idle_timeout").unwrap_or(30_000),
            max_out_of_orderness: words.duration("max_out_of_orderness").unwrap_or(0),
            max_lag: match words.keyed.get("max_lag") {
                Some(&"none") => words.take("max_lag").and(None),
                _ => Some(words.duration("max_lag").unwrap_or(30_000)),
            },
        };
        self.inventory.add_source(source);
    }

    fn tag(&mut self, [machine, name, kind, source]: [&str; 4], words: &mut Words<'_>) {
        let kind = match kind {
            "Bool" => Type::Bool,
            "Int" => Type::Int,
            "Float" => Type::Float,
            "Text" => Type::Text,
            "Enum" => Type::Enum,
            "Flags" => Type::Flags,
            _ => panic!("no type: {kind}"),
        };
        let machine = self.inventory.machines().find(|(_, m)| m.name == machine).unwrap().0;
        let source = self.inventory.sources().find(|(_, s)| s.id == source).unwrap().0;
        let unit = words.take("unit").map(str::to_owned);
        let range = words.take("range").map(|range| {
            let (low, high) = range.split_once("..").unwrap();
            (low.parse().unwrap(), high.parse().unwrap())
        });
        let counter = words.take("counter").map(|bits| bits.parse().unwrap());
        let names = words.take("names").map(named);
        let name = name.to_owned();
        self.inventory.add_tag(Tag { machine, source, name, kind, unit, range, counter, names }).unwrap();
    }

    fn option(&mut self, words: &mut Words<'_>) {
        for (key, value) in std::mem::take(&mut words.keyed) {
            match (key, value) {
                ("late", "drop") => self.options.late = Late::Drop,
                ("watermark", "global") => self.options.reach = Reach::Global,
                ("sources", "seen") => self.options.expect = Expect::Seen,
                ("waiting_max", count) => self.options.waiting_max = count.parse().unwrap(),
                ("zone", zone) => self.options.zone = Zone::named(zone).unwrap(),
                ("start", seconds) => self.start = super::story::instant(seconds),
                _ => panic!("nobody knows {key}={value} in: {}", words.line),
            }
        }
    }
}

/// A table that ships, or names with their codes or places: `A:1,B:2`.
fn named(text: &str) -> Arc<Names> {
    rules::names::table(text).unwrap_or_else(|| {
        let entry =
            |word: &str| word.split_once(':').map(|(name, code)| (name.to_owned(), code.parse().unwrap()));
        let entries = text.split(',').map(|word| entry(word).unwrap()).collect();
        Arc::new(Names { table: "own".into(), entries })
    })
}

impl<'t> Words<'t> {
    fn of(line: &'t str) -> Self {
        let (keyed, plain): (Vec<&str>, Vec<&str>) = line.split_whitespace().partition(|w| w.contains('='));
        let keyed = keyed.into_iter().filter_map(|w| w.split_once('=')).collect();
        Self { line, plain, keyed }
    }

    fn take(&mut self, key: &str) -> Option<&'t str> {
        self.keyed.remove(key)
    }

    fn duration(&mut self, key: &str) -> Option<Millis> {
        self.take(key).map(|text| duration(text).unwrap())
    }
}
