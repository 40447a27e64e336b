//! What goes wrong at a technician's desk: for each mistake one clear error with its place and the right exit
//! code, or a state that heals. The texts stand here as a person reads them.
//!
//! Here: whole texts, as they come out of the program. Not here: every mistake there is, which the rooms that find
//! them test. Invariant: nothing here panics, which `desk` sees to.
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;

use plant::folder::{REGION, STREAM};
use plant::gate::Passage;
use plant::kinesis::Kinesis;
use plant::server::{Cpu, Memory, Plc, Violation};

use crate::desk::{Desk, a_while};

const RUN: &str = "run --config agent.toml";
const CHECK: &str = "check --config agent.toml";

/// A mistake in the configuration is said the same way by `check` and by `run`, which does not start.
async fn mistake(from: &str, to: &str, golden: &str) {
    let desk = Desk::new();
    desk.edit("agent.toml", from, to);
    for command in [CHECK, RUN] {
        let said = desk.say(command).await;
        assert_eq!(
            (said.code, &*said.out, said.err.trim_end()),
            (1, "", golden.trim()),
            "{command}:\n{}",
            said.err
        );
        assert!(!desk.path("data").exists(), "nothing was begun");
    }
}

#[tokio::test]
async fn a_duration_without_quotes() {
    let golden = r#"
error[E005]: `scan` must be a duration in quotes, such as "5 min"
  --> agent.toml:16:8
   |
16 | scan = 100
   |        ^^^ this is an integer
   |
   = help: write scan = "100 s", or the unit that is meant
"#;
    mistake("scan = \"100 ms\"", "scan = 100", golden).await;
}

#[tokio::test]
async fn an_unknown_key() {
    let golden = "
error[E002]: unknown key `adress`
  --> agent.toml:15:1
   |
15 | adress = \"127.0.0.1:1\"
   | ^^^^^^ [[source]] has no such key
   |
   = help: did you mean `address`?
";
    mistake("address = \"127", "adress = \"127", golden).await;
}

#[tokio::test]
async fn a_tag_of_a_machine_that_is_not_declared() {
    let golden = "
error[C006]: unknown machine `wahser-1`
  --> agent.toml:19:11
   |
19 | machine = \"wahser-1\"
   |           ^^^^^^^^^^ not declared
   |
   = help: did you mean `washer-1`?
";
    mistake("machine = \"washer-1\"", "machine = \"wahser-1\"", golden).await;
}

#[tokio::test]
async fn a_duplicate_machine() {
    let golden = "
error[C005]: there is a machine with the name `washer-1` already
  --> agent.toml:13:8
   |
13 | name = \"washer-1\"
   |        ^^^^^^^^^^ each machine has a name of its own
";
    let twice = "[[machine]]\nname = \"washer-1\"\nid = \"x\"\n\n[[source]]\nid";
    mistake("[[source]]\nid", twice, golden).await;
}

#[tokio::test]
async fn an_address_that_no_plc_has() {
    let golden = "
error[C208]: `DB20.DBX30.9` is not an S7 address
  --> agent.toml:21:23
   |
21 | address = \"DB20.DBX30.9\"
   |                       ^ a number from 0 to 7 is expected
   |
   = help: for example DB10.DBX0.0, DB10.DBW2:INT, DB10.DBD4:REAL, M0.1
";
    mistake("DB20.DBD30:REAL", "DB20.DBX30.9", golden).await;
}

#[tokio::test]
async fn a_missing_and_an_unreadable_configuration() {
    let desk = Desk::new();
    let hint = "name another with --config, or write one with `edge-agent init`";
    for command in ["check", "run", "read washer_plc", "record x.ndjson", "rules replay x.ndjson"] {
        let said = desk.say(&format!("{command} --config nothing.toml")).await;
        let golden = format!(
            "error: cannot read the configuration nothing.toml: No such file or directory (os error 2); {hint}\n"
        );
        assert_eq!((said.code, &*said.out, &*said.err), (1, "", &*golden), "{command}");
    }
    fs::write(desk.path("agent.toml"), b"[agent]\nid = \"W\xe4scher\"\n").unwrap();
    let said = desk.say(CHECK).await;
    let golden = "error: cannot read the configuration agent.toml: stream did not contain valid UTF-8; \
                  save the file as UTF-8\n";
    assert_eq!((said.code, &*said.err), (1, golden));
}

#[tokio::test]
async fn arguments_that_nobody_knows() {
    let desk = Desk::new();
    let golden = "error: unexpected argument '--confg' found\n\n  tip: a similar argument exists: '--config'\n\n\
                  Usage: edge-agent run --config <FILE>\n\nFor more information, try '--help'.\n";
    let said = desk.say("run --confg agent.toml").await;
    assert_eq!((said.code, &*said.out, &*said.err), (2, "", golden));
    let said = desk.say("chekc").await;
    assert!(said.code == 2 && said.err.contains("a similar subcommand exists: 'check'"), "{said:?}");
}

#[tokio::test]
async fn a_floor_of_free_space_that_the_disk_does_not_have() {
    let desk = Desk::new();
    let outbox = |floor: &str| format!("[outbox]\nfree_disk_min = \"{floor}\"\n\n[[machine]]");
    desk.edit("agent.toml", "[[machine]]", &outbox("4000000 GiB"));
    let agent = desk.start(RUN, "agent");
    agent.until_says("nothing can be kept").await;
    agent.kill();
    desk.edit("agent.toml", &outbox("4000000 GiB"), &outbox("4 MiB"));
    let agent = desk.start(RUN, "again");
    agent.until_says("agent is up").await;
    assert!(!agent.stop().await.err.contains("nothing can be kept"));
    assert!(desk.path("data/ledger/ballast").exists(), "it kept something");
}

#[tokio::test]
async fn what_has_blanks_and_no_quotes() {
    let desk = Desk::new();
    for line in
        ["rules shelve hot washer-1 --why x --for 25 h", "rules reset hot washer-1 --why probe is new"]
    {
        let said = desk.say(line).await;
        let tip =
            "tip: what has blanks stands in quotes: --for \"30 min\", --why \"probe is being changed\"\n";
        assert!(said.code == 2 && said.out.is_empty() && said.err.ends_with(tip), "{said:?}");
    }
}

#[tokio::test]
async fn a_rule_with_an_unknown_tag_is_told_and_the_others_run() {
    let desk = Desk::new();
    let broken = "[rule.cold]\non = \"washer-1\"\nwhen = \"water_temprature < 5 °C\"\n";
    fs::write(desk.path("rules/more.toml"), broken).unwrap();
    let said = desk.say(CHECK).await;
    let golden = "\
error[R201]: unknown tag `water_temprature`
 --> rules/more.toml:3:9
  |
3 | when = \"water_temprature < 5 °C\"
  |         ^^^^^^^^^^^^^^^^ washer-1 has no such tag
  |
  = help: did you mean `water_temperature`?

1 machine, 1 source, 1 tag, 1 rule (1 instance of a rule on a machine)
";
    assert_eq!((said.code, &*said.out, said.err.starts_with(golden)), (1, "", true), "{}", said.err);
    let agent = desk.start(RUN, "agent");
    agent.until_says("agent is up").await;
    let told = agent.lines("ERROR");
    let line = "rules/more.toml:3:9: unknown tag `water_temprature` (washer-1 has no such tag; did you mean \
                `water_temperature`?) code=\"R201\"";
    assert_eq!(told, [line]);
    assert!(agent.stop().await.err.contains("rules=1"));
}

#[tokio::test]
async fn a_rule_file_that_is_broken_is_told_and_the_others_run() {
    let desk = Desk::new();
    fs::write(desk.path("rules/more.toml"), "[rule.cold]\non = \"washer-1\nwhen = \"true\"\n").unwrap();
    let agent = desk.start(RUN, "agent");
    agent.until_says("agent is up").await;
    let told = agent.lines("ERROR");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].starts_with("rules/more.toml:2:15: the quote is not closed"), "{told:#?}");
    assert!(agent.stop().await.err.contains("rules=1"));
    assert_eq!(desk.say(CHECK).await.code, 1);
}

#[tokio::test]
async fn a_directory_of_rules_that_is_not_there() {
    let desk = Desk::new();
    desk.edit("agent.toml", "\"rules\"", "\"ruels\"");
    let said = desk.say(CHECK).await;
    let first = "error[R501]: cannot read the directory of the rules: No such file or directory (os error 2)\n --> ruels";
    assert!(said.code == 1 && said.err.starts_with(first), "{}", said.err);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written() {
    let desk = Desk::new();
    // A file stands where the folder should: even root cannot write into it.
    fs::write(desk.path("data"), "").unwrap();
    let said = desk.say(RUN).await;
    let golden = "error: cannot open the outbox in `data_dir`: the ledger's folder data/ledger cannot be prepared: \
                  Not a directory (os error 20)\n";
    assert_eq!((said.code, &*said.out, &*said.err), (1, "", golden), "{}", said.err);
}

#[tokio::test]
async fn a_second_agent_on_the_same_folder_is_refused_and_the_first_goes_on() {
    let desk = Desk::new();
    let first = desk.start(RUN, "first");
    first.until_says("agent is up").await;
    let said = desk.say(RUN).await;
    let golden = "error: cannot open the outbox in `data_dir`: the ledger in data/ledger is in use: another \
                  edge-agent runs on it\n";
    assert_eq!((said.code, &*said.out, &*said.err), (1, "", golden), "{}", said.err);
    assert!(first.stop().await.err.contains("everything is kept"));
    let third = desk.start(RUN, "third");
    third.until_says("agent is up").await;
    third.stop().await;
}

#[tokio::test]
async fn a_port_of_the_page_that_is_taken_is_told_once_and_heals() {
    let desk = Desk::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    desk.edit("agent.toml", "rules_dir", &format!("http = \"{address}\"\nrules_dir"));
    let agent = desk.start(RUN, "agent");
    agent.until_says("no page at").await;
    // Longer than until the next try: it is told once.
    a_while().await;
    let line = format!(
        "no page at {address}: end the program that uses this port, or change `http` in [agent]; everything else \
         works error=Address already in use (os error 98)"
    );
    assert_eq!(agent.lines("ERROR"), [line]);
    drop(taken);
    agent.until_says("page is up").await;
    assert!(plant::view::get(address).await.is_ok());
    agent.stop().await;
}

#[tokio::test]
async fn a_plc_that_is_not_there_is_a_state_that_heals() {
    let plc = plc(Cpu::default()).await;
    plc.gate().set(Passage::Shut).await;
    let (desk, address) = (Desk::new(), plc.address());
    desk.edit("agent.toml", "127.0.0.1:1", &address.to_string());
    let why = format!(
        "{address} is no PLC: it refuses connections on the S7 port; check the address, or the CPU just starts: \
         Connection refused (os error 111)"
    );
    for command in ["check --live", "read washer_plc"] {
        let said = desk.say(&format!("{command} --config agent.toml")).await;
        assert_eq!((said.code, said.err.lines().last().unwrap()), (3, &*format!("error: {why}")), "{said:?}");
        assert_eq!(
            said.err.matches("error").count(),
            2,
            "said once, with what the system says: {}",
            said.err
        );
    }
    let agent = desk.start(RUN, "agent");
    agent.until_says("source is down").await;
    a_while().await;
    let told = [format!("source is down, its tags are bad source=\"washer_plc\" reason=\"{why}\"")];
    assert_eq!(agent.lines("WARN"), told, "once, not at every try");
    plc.gate().set(Passage::Open).await;
    agent.until_says("source is up").await;
    agent.stop().await;
    assert_eq!(plc.violations(), []);
}

#[tokio::test]
async fn a_wrong_slot_is_told_with_what_to_check() {
    let plc = plc(Cpu { place: 2, ..Cpu::default() }).await;
    let (desk, address) = (Desk::new(), plc.address());
    desk.edit("agent.toml", "127.0.0.1:1", &address.to_string());
    let said = desk.say("read washer_plc --config agent.toml").await;
    let golden = format!(
        "this takes a connection of washer_plc for a moment\nerror: PLC {address} refused rack 0, slot 1 (TSAP 0201): \
         check rack and slot (S7-1200 and S7-1500: slot 1, S7-300: slot 2), or all its connections of this kind are \
         taken\n"
    );
    assert_eq!((said.code, &*said.out, &*said.err), (3, "", &*golden), "{}", said.err);
    assert!(matches!(plc.violations()[..], [Violation::Tsap { .. }]), "{:?}", plc.violations());
    desk.edit("agent.toml", "scan =", "slot = 2\nscan =");
    let said = desk.say("read washer_plc --config agent.toml").await;
    assert_eq!((said.code, plc.violations().len()), (0, 1), "{said:?}");
}

#[tokio::test]
async fn missing_credentials_are_told_once_and_found_when_they_appear() {
    let kinesis = Kinesis::start(STREAM, REGION).await.unwrap();
    let (desk, endpoint) = (Desk::new(), kinesis.address());
    let forward = format!(
        "[forward]\nto = \"kinesis\"\nstream = \"{STREAM}\"\nregion = \"{REGION}\"\nendpoint = \"http://{endpoint}\"\n\n\
         [[machine]]"
    );
    desk.edit("agent.toml", "[[machine]]", &forward);
    let agent = desk.start_with(RUN, "agent", &[]);
    agent.until_says("no AWS credentials found").await;
    a_while().await;
    let told = agent.lines("ERROR");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert!(told[0].contains("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or write"), "{told:#?}");
    fs::create_dir(desk.path(".aws")).unwrap();
    let found = "[default]\naws_access_key_id = a\naws_secret_access_key = b\n";
    fs::write(desk.path(".aws/credentials"), found).unwrap();
    agent.until_says("forwarding").await;
    agent.stop().await;
}

/// Holds 84.5 °C where the tag lies.
async fn plc(cpu: Cpu) -> Plc {
    let mut bytes = vec![0; 64];
    bytes[30..34].copy_from_slice(&84.5_f32.to_be_bytes());
    let memory: Memory = Arc::new(move |block| (block == 20).then(|| bytes.clone()));
    Plc::start(cpu, memory, None).await.unwrap()
}
