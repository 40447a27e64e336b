//! The commands of a technician, one after the other as the day brings them: `init`, `check`, `check --live`,
//! `read`, `run`, `record`, `rules replay`, against the strict PLCs of the line.
//!
//! Here: that they do what they promise. Not here: what they say when something is wrong (`wrong`).
//! Invariant: no PLC is ever asked for more than to be read (I10).
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use plant::expected::{self, FirstStep};
use plant::gate::Passage;
use plant::line::{Line, Tag, Value};
use plant::process::{Output, Process};
use plant::script::{Machine, Script};
use plant::verdict::{Lateness, Verdict};
use plant::view;
use proto::Transition;
use tokio::time::sleep;

use crate::desk::{Desk, Said};
use crate::works::{Works, now_ms, until};

const PATIENCE: Duration = Duration::from_secs(60);
/// A scan may come this much later than the change it sees, ms.
const LATE_MS: i64 = 2_000;
const LATENESS: Lateness = Lateness { scanned_ms: LATE_MS, stamped_ms: 0 };

#[tokio::test]
async fn what_init_writes_is_right_and_runs() {
    let desk = Desk::new();
    let said = desk.say("init lab").await;
    let golden = "wrote lab/agent.toml and lab/rules/line.toml\n\
                  next: put your PLC's address and tags in, then `edge-agent check --live --config lab/agent.toml`\n";
    assert_eq!((said.code, &*said.out, &*said.err), (0, golden, ""));
    let said = desk.say("init lab").await;
    let golden = "error: lab/agent.toml is there already: nothing was written\n";
    assert_eq!((said.code, &*said.out, &*said.err), (1, "", golden));
    let said = desk.say("check --config lab/agent.toml").await;
    let golden =
        "1 machine, 1 source, 2 tags, 2 rules (2 instances of a rule on a machine)\nthe rules may take ";
    assert_eq!((said.code, &*said.out, said.err.starts_with(golden)), (0, "", true), "{}", said.err);
    // Nothing else of the sample is changed; its PLC is not on this network, and its port may be somebody's.
    desk.edit("lab/agent.toml", "\"192.168.0.10\"", "\"127.0.0.1:1\"");
    desk.edit("lab/agent.toml", "http =", "# http =");
    let agent = desk.start("run --config lab/agent.toml", "agent");
    agent.until_says("source is down").await;
    until("its first events are in a file", PATIENCE, async || {
        let written = fs::read_dir(desk.path("lab/data/forward")).into_iter().flatten().flatten();
        written.map(|file| fs::read_to_string(file.path()).unwrap()).any(|text| text.contains("sourceDown"))
    })
    .await;
    assert_eq!(agent.stop().await.err.matches("ERROR").count(), 0);
}

#[tokio::test]
async fn a_live_check_reads_every_tag_of_the_line_as_its_plc_holds_it() {
    // The line stands still, so that every value is known.
    let works = Works::build(Script::new(3, None), 3_600_000).await;
    let (desk, config) = (Desk::new(), works.folder.agent_config());
    let check = format!("check --live --config {}", config.display());
    let said = desk.say(&check).await;
    assert_eq!(said.code, 0, "{said:?}");
    let line = Line::new(works.script);
    assert_eq!(read_of(&said), Tag::all().map(|tag| printed(&line, tag)).collect());
    let read = format!("read washer_plc pressure water_temperature --config {}", config.display());
    let said = desk.say(&read).await;
    let wanted =
        |tag: &&Tag| tag.machine == Machine::Washer && ["pressure", "water_temperature"].contains(&tag.name);
    assert_eq!(
        (said.code, read_of(&said)),
        (0, Tag::all().filter(wanted).map(|t| printed(&line, t)).collect())
    );

    // One tag is not where the configuration says.
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("DB10.DBD114:REAL", "DB11.DBD114:REAL")).unwrap();
    let said = desk.say(&check).await;
    assert_eq!(
        (said.code, said.err.lines().last()),
        (1, Some("error: some tags of filler_plc cannot be read"))
    );
    let bad: Vec<&str> = said.out.lines().filter(|l| l.contains("Bad:")).collect();
    assert!(
        matches!(bad[..], [line] if line.contains("ambient_temperature") && line.contains("DB11")),
        "{bad:?}"
    );

    // One PLC is not there: the other one is read all the same.
    works.gate(Machine::Filler).set(Passage::Shut).await;
    let said = desk.say(&check).await;
    assert_eq!((said.code, read_of(&said).len()), (3, Tag::on(Machine::Washer).count()), "{said:?}");
    let said = desk.say(&format!("read wsher_plc --config {}", config.display())).await;
    assert_eq!(
        (said.code, &*said.err),
        (1, "error: unknown source `wsher_plc`: did you mean `washer_plc`?\n")
    );
    works.assert_clean();
}

/// Machine and tag, and what is printed behind.
fn read_of(said: &Said) -> BTreeMap<(String, String), String> {
    let tags = said.out.lines().filter(|l| l.starts_with("  "));
    tags.map(|line| {
        let mut words = line.split_whitespace();
        let name = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
        (name, words.collect::<Vec<_>>().join(" "))
    })
    .collect()
}

fn printed(line: &Line, tag: &Tag) -> ((String, String), String) {
    let value = match line.value(tag, 0) {
        Value::Bool(b) => b.to_string(),
        Value::Int(i) => i.to_string(),
        Value::Real(r) => r.to_string(),
        Value::Text(t) => format!("'{t}'"),
    };
    let shown = [Some(value.as_str()), tag.unit].into_iter().flatten().collect::<Vec<_>>().join(" ");
    ((tag.machine.name().to_owned(), tag.name.to_owned()), shown)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_replays_to_what_the_agent_said_while_it_was_made() {
    const LENGTH_MS: i64 = 30_000;
    let works = Works::build(Script::new(5, Some(LENGTH_MS)), 5_000).await;
    let (mut agent, mut ingest) = (works.agent(), works.ingest());
    let (config, file) = (works.folder.agent_config(), works.folder.root().join("day.ndjson"));
    let args = ["leashed", "agent", "record", "--config"].map(Into::into).to_vec();
    let args = [args, vec![config.clone().into(), file.clone().into()]].concat();
    let (program, log) = (env!("CARGO_BIN_EXE_plant"), works.folder.log("record"));
    let mut record = Process::start("record", program.as_ref(), &args, log, Output::Log).unwrap();
    let left = works.start_ms + LENGTH_MS - now_ms();
    sleep(Duration::from_millis(left.try_into().unwrap())).await;
    assert!(record.stop(Duration::from_secs(10)).await.unwrap().success(), "{}", record.last_words());
    until("the outbox is empty", PATIENCE, async || {
        view::get(works.http).await.is_ok_and(|v| v.waiting == 0)
    })
    .await;
    works.settle(&mut agent, &mut ingest).await;

    let said =
        Desk::new().say(&format!("rules replay {} --config {}", file.display(), config.display())).await;
    assert_eq!(said.code, 0, "{}", said.err);
    let replayed: Vec<Transition> = said.out.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let live: Vec<Transition> = works.stored().into_iter().map(|s| s.transition).collect();
    let (first, expected) = (
        expected::first_steps().collect::<Vec<FirstStep>>(),
        expected::transitions(&works.script, LENGTH_MS),
    );
    for transitions in [&live, &replayed] {
        let verdict = Verdict::of(transitions, &expected, &first, works.start_ms, LATENESS);
        assert!(verdict.agrees(), "{verdict:#?}");
    }
    // Each scans by its own clock: the stamps differ, nothing else of what counts does.
    assert_eq!(essence(&live), essence(&replayed));
    works.assert_clean();
}

/// What does not depend on the moment of a scan: by instance and number, the step, its cause and its weight.
fn essence(transitions: &[Transition]) -> BTreeMap<(String, String, u64), String> {
    let entry = |t: &Transition| {
        let key = (t.equipment.clone(), t.rule_id.clone(), t.sequence_number);
        let because = t.because.as_ref().map(|b| (&b.expression, b.delay));
        (
            key,
            format!(
                "{} → {} {:?} {:?} {} {:?} {because:?}",
                t.from, t.to, t.severity, t.cause, t.weight, t.group
            ),
        )
    };
    transitions.iter().map(entry).collect()
}
