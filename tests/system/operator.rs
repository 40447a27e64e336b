//! Operators at the line: shelving, resetting and taking out of service, by the command line, of a running agent.
//!
//! Here: the commands against an agent that reads a real server, its death and its next life. Not here: what silence
//! means to a rule (the `rules` crate's own tests), the bounds of the socket (`control::server`).
//! Invariant: what was answered as done outlives a kill, and is on the stream with who and why.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use proto::event::OperatorAction;
use proto::{Cause, Happening, Transition};

use crate::desk::{Desk, Running, Said};
use crate::opcua_line::{PATIENCE, UaLine};
use crate::works::until;

/// A rule that holds on until it is reset.
const LATCHED: &str = "\n[rule.latched]\non = \"filler-*\"\nwhen = \"wave\"\nlatch = true\n";

struct Stand {
    line: UaLine,
}

impl Stand {
    fn new() -> Self {
        let line = UaLine::new("+0", &[]);
        line.desk.edit("agent.toml", "[agent]", "[agent]\ncontrol = \"control\"");
        let rules = fs::read_to_string(line.desk.path("rules/line.toml")).unwrap();
        fs::write(line.desk.path("rules/line.toml"), rules + LATCHED).unwrap();
        Self { line }
    }

    async fn start(&self, name: &str) -> Running {
        let agent = self.line.desk.start("run --config agent.toml --record recordings", name);
        until("it listens", PATIENCE, async || UnixStream::connect(self.line.desk.path("control")).is_ok())
            .await;
        self.changes("high", 1).await;
        agent
    }

    async fn say(&self, command: &str) -> Said {
        self.line.desk.say(&format!("rules {command} --why probe --config agent.toml")).await
    }

    fn transitions(&self, rule: &str) -> Vec<Transition> {
        self.line.transitions().into_iter().filter(|t| t.rule_id == rule).collect()
    }

    /// Waits for so many more transitions of a rule, and gives the last.
    async fn changes(&self, rule: &str, more: usize) -> Transition {
        let wanted = self.transitions(rule).len() + more;
        until("more transitions", PATIENCE, async || self.transitions(rule).len() >= wanted).await;
        self.transitions(rule).pop().unwrap()
    }
}

fn is_shelved(transition: &Transition) -> bool {
    transition.flags.iter().any(|flag| flag == "shelved")
}

fn me() -> String {
    edge_agent::user::name(rustix::process::getuid().as_raw())
}

#[tokio::test]
async fn a_shelved_rule_is_told_silent_even_after_a_kill_and_until_it_is_unshelved() {
    let stand = Stand::new();
    let agent = stand.start("agent").await;
    let said = stand.say("shelve high filler-1 --for 10min").await;
    assert_eq!((said.code, &*said.err), (0, ""), "{said:?}");
    assert!(said.out.starts_with("high on filler-1: shelved until 20"), "{said:?}");
    assert!(said.out.contains(&format!(", by {}; its state is ", me())), "{said:?}");
    // Nothing but the answer is waited for.
    agent.kill();
    let agent = stand.start("again").await;
    assert!(is_shelved(&stand.changes("high", 1).await));
    assert!(!is_shelved(&stand.changes("high-for-a-second", 1).await), "the other rule is not");
    let told = stand.line.until_tells("it", |h| matches!(h, Happening::Operator { .. })).await;
    let Happening::Operator { action, rule_id, equipment_id, who, why, until } = told.happening else {
        panic!()
    };
    assert_eq!((action, &*rule_id, &*equipment_id), (OperatorAction::Shelve, "high", "f-1"));
    assert_eq!((who, &*why, until.is_some()), (me(), "probe", true));

    let said = stand.say("unshelve high f-1").await;
    assert_eq!(said.code, 0, "{said:?}");
    // What was entered before may have been told after.
    stand.changes("high", 1).await;
    assert!(!is_shelved(&stand.changes("high", 1).await));
    let said = stand.say("unshelve high filler-1").await;
    assert_eq!((said.code, &*said.err), (1, "error: nothing was done: the rule is not shelved there\n"));
    agent.stop().await;
    assert!(!stand.line.desk.path("control").exists(), "the socket goes with its agent");
}

#[tokio::test]
async fn a_latched_state_is_reset_when_its_condition_is_over_and_a_replay_resets_it_as_well() {
    let stand = Stand::new();
    let agent = stand.start("agent").await;
    until("it is latched", PATIENCE, async || {
        stand.transitions("latched").last().is_some_and(|t| t.to == "Active")
    })
    .await;
    // The wave comes and goes: while it is there, there is nothing to reset.
    let mut refused = 0;
    until("it is reset", PATIENCE, async || {
        let said = stand.say("reset latched filler-1").await;
        refused += usize::from(said.err.contains("`Active` cannot be reset while its condition holds"));
        said.code == 0
    })
    .await;
    until("it is told", PATIENCE, async || {
        let resets = |t: &Transition| t.cause == Cause::Reset;
        let is_it = |t: &Transition| t.operator.as_ref().is_some_and(|o| o.who == me() && o.why == "probe");
        stand.transitions("latched").iter().any(|t| resets(t) && is_it(t) && t.to == "Normal")
    })
    .await;
    let said = stand.say("out-of-service latched filler-1").await;
    assert_eq!(said.code, 0, "{said:?}");
    until("it is silent", PATIENCE, async || stand.transitions("latched").last().is_some_and(is_shelved))
        .await;
    assert_eq!(stand.say("in-service latched filler-1").await.code, 0);
    agent.stop().await;

    let live: Vec<String> =
        stand.line.stream().into_iter().filter(|l| l.contains("\"kind\":\"transition\"")).collect();
    let file = fs::read_dir(stand.line.desk.path("recordings")).unwrap().next().unwrap().unwrap().path();
    let said = stand.line.desk.say(&format!("rules replay {} --config agent.toml", file.display())).await;
    assert_eq!((said.code, said.out.lines().count()), (0, live.len()), "{}", said.err);
    let differs = live.iter().zip(said.out.lines()).find(|(live, replayed)| live != replayed);
    assert_eq!(differs, None);
}

#[tokio::test]
async fn what_is_wrong_about_a_command_is_said_and_nothing_is_done() {
    let stand = Stand::new();
    let said = stand.say("reset high filler-1").await;
    assert_eq!(said.code, 3);
    assert!(said.err.starts_with("error: not running: no agent listens at "), "{said:?}");

    let agent = stand.start("agent").await;
    let mode = fs::metadata(stand.line.desk.path("control")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    for (command, why) in [
        ("reset hihg filler-1", "there is no rule `hihg` on filler-1; did you mean `high`?"),
        ("reset high fller-1", "there is no machine `fller-1`; did you mean `filler-1`?"),
        ("reset high filler-1", "no state of the rule is latched there"),
        (
            "shelve high filler-1 --for 25h",
            "a rule is shelved for at most 24 h, and for longer than no time at all",
        ),
        ("in-service high filler-1", "the rule is in service there already"),
    ] {
        let said = stand.say(command).await;
        let wanted = format!("error: nothing was done: {why}\n");
        assert_eq!((said.code, &*said.out, said.err), (1, "", wanted), "{command}");
    }
    for wrong in
        ["shelve high filler-1", "shelve high filler-1 --for 1h --once", "shelve high filler-1 --for soon"]
    {
        assert_eq!(stand.say(wrong).await.code, 2, "{wrong}");
    }
    let operated = |e: &proto::Event| matches!(e.happening, Happening::Operator { .. });
    assert!(!stand.line.events().iter().any(operated), "nothing was done");
    agent.stop().await;
}

#[test]
fn whoever_is_not_in_the_group_of_the_socket_is_told_how_to_get_there() {
    let desk = Desk::new();
    desk.edit("agent.toml", "[agent]", "[agent]\ncontrol = \"control\"");
    let _listener = UnixListener::bind(desk.path("control")).unwrap();
    for (path, mode) in [("", 0o755), ("agent.toml", 0o644), ("control", 0)] {
        fs::set_permissions(desk.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_plant"));
    command.args("agent rules reset hot washer-1 --why probe --config agent.toml".split(' '));
    // No mode keeps root out.
    if rustix::process::getuid().is_root() {
        const NOBODY: u32 = 65_534;
        command.uid(NOBODY).gid(NOBODY);
    }
    let out = command.current_dir(desk.path("")).output().unwrap();
    let err = String::from_utf8(out.stderr).unwrap();
    assert_eq!((out.status.code(), &out.stdout[..]), (Some(3), &b""[..]), "{err}");
    assert!(err.starts_with("error: not permitted to open control: operators belong to the group"), "{err}");
    assert!(err.contains("usermod -aG plimsoll NAME"), "{err}");
}
